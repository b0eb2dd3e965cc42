//! Penalties and cooldowns: who is shut out for a while, what that explains, and whether either side keeps to it.
//!
//! A penalty begins with a refusal, a cooldown with an answer of certain statuses; both begin at the server at an unknown
//! moment in `[sent, done]`. A refusal is explained when some such answer of the same key may still have been in force.
//! Requests in flight and lost ones may have had such an answer too, so they leave it open. Whether requests during a
//! penalty make it longer is not used against anyone: any earlier refusal may have been the one that began it.
//!
//! The server breaks its word only where it serves a request that was sent after such an answer was there, and answered
//! before the shortest wait since the moment when its request was sent. A refusal begins a penalty for sure only if no other
//! limit may have refused.

use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use super::refusal::Cause;
use super::words::unseen;
use crate::device::Outcome;
use crate::policy::model::{CooldownLimit, Penalty};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::plural;

/// The watch over one penalty or cooldown.
#[derive(Clone, Debug)]
pub struct Shutouts {
    begins_with: Begins,
    shortest: Nanos,
    longest: Nanos,
    /// Whether the provider says what it is for; else it may or may not be applied.
    stated: bool,
    /// Whether the server may have seen other requests before the run began.
    prior_traffic: bool,
    keys: Keyed<ScopeKey, Shut>,
    seen: Seen,
}

#[derive(Clone, Debug)]
enum Begins {
    WithRefusal,
    /// With an answer of one of these statuses.
    WithStatus(Vec<u16>),
}

#[derive(Clone, Debug, Default)]
struct Shut {
    in_flight: u32,
    /// When the latest answer that may have begun it was there.
    begun: Option<Nanos>,
    /// From when until when it is in force for sure.
    sure: Option<(Nanos, Nanos)>,
    /// When all that may have begun is over at the latest.
    over_by: Nanos,
    /// When a request last ended without an answer.
    lost: Option<Nanos>,
}

/// What was seen of it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Answers that began it for sure.
    pub begun: u64,
    /// Requests sent while it was in force for sure.
    pub during: u64,
    pub during_exhibits: Exhibits,
    /// Those of them that were refused, and served.
    pub kept: u64,
    pub broken: u64,
    pub broken_exhibits: Exhibits,
}

impl Shutouts {
    pub fn of_penalty(penalty: &Penalty, prior_traffic: bool) -> Self {
        let Penalty { lasts, stated, .. } = *penalty;
        Shutouts::new(Begins::WithRefusal, (lasts, lasts), stated, prior_traffic)
    }

    pub fn of_cooldown(limit: &CooldownLimit, prior_traffic: bool) -> Self {
        let shortest = limit.waits.iter().min().copied().unwrap_or_default();
        let longest = limit.waits.iter().max().copied().unwrap_or_default();
        Shutouts::new(Begins::WithStatus(limit.after_statuses.clone()), (shortest, longest), true, prior_traffic)
    }

    fn new(begins_with: Begins, (shortest, longest): (Nanos, Nanos), stated: bool, prior_traffic: bool) -> Self {
        let (keys, seen) = (Keyed::default(), Seen::default());
        Shutouts { begins_with, shortest, longest, stated, prior_traffic, keys, seen }
    }

    pub fn sent(&mut self, at: Nanos, key: ScopeKey, sent: &Sent) {
        let longest = self.longest;
        let state = self.keys.entry(key, |state| state.is_idle(longest, at));
        state.in_flight += 1;
        if let Some((from, until)) = state.sure.filter(|(from, until)| (*from..*until).contains(&at)) {
            self.seen.during += 1;
            let why = || format!("shut out for {until} since {from}", until = until.saturating_sub(at));
            self.seen.during_exhibits.show(|| Exhibit::sent(at, sent, why()));
        }
    }

    /// Takes the end of a request that drew on the limit and took effect at `sent` or later. `alone` says that no other
    /// limit may have refused it. What the shutout has to say if it was refused.
    pub fn done(
        &mut self,
        key: ScopeKey,
        sent: Nanos,
        record: &Record,
        exchange: Option<&Exchange>,
        alone: bool,
    ) -> Cause {
        self.seen.during_exhibits.answered(record, exchange);
        let state = self.keys.entry(key, |_| false);
        state.in_flight = state.in_flight.saturating_sub(1);
        let in_force = state.is_in_force(sent, record.done);
        let refused = record.outcome == Outcome::Refused;
        self.seen.kept += u64::from(in_force && refused);
        if in_force && record.outcome == Outcome::Served && !record.is_unchanged() {
            self.seen.broken += 1;
            let why = "served although an earlier answer shut it out";
            self.seen.broken_exhibits.show(|| Exhibit::done(record, exchange, why.to_owned()));
        }
        let cause = if refused { self.cause(key, sent) } else { Cause::Impossible };
        self.begin(key, sent, record, alone);
        cause
    }

    fn begin(&mut self, key: ScopeKey, sent: Nanos, record: &Record, alone: bool) {
        let (may_begin, surely) = match &self.begins_with {
            Begins::WithRefusal => {
                let refused = record.outcome == Outcome::Refused;
                (refused, refused && alone && self.stated)
            }
            Begins::WithStatus(statuses) => {
                let named = statuses.contains(&record.status);
                // A refusal is no failure of what was asked for.
                (named, named && record.outcome != Outcome::Refused)
            }
        };
        let lost = matches!(record.outcome, Outcome::Failed(_));
        let began_before = self.prior_traffic && sent < self.longest;
        let (shortest, longest) = (self.shortest, self.longest);
        let state = self.keys.entry(key, |_| false);
        let until = sent.saturating_add(shortest);
        if may_begin {
            state.begun = state.begun.max(Some(record.done));
        }
        if lost {
            state.lost = state.lost.max(Some(record.done));
        }
        let in_force = state.sure.is_some_and(|(_, until)| record.done < until);
        // While one may be in force, a refusal need not begin another. A failure always does.
        let fresh = sent >= state.over_by && state.in_flight == 0 && !began_before;
        let always = matches!(self.begins_with, Begins::WithStatus(_));
        if surely && (always || fresh) && record.done < until {
            let from = state.sure.filter(|(_, until)| record.done <= *until).map_or(record.done, |(from, _)| from);
            state.sure = Some((from, until.max(state.sure.map_or(until, |(_, until)| until))));
            self.seen.begun += 1;
        }
        if lost || (may_begin && !in_force) {
            // A lost request may reach the server late.
            let rest = if lost { longest * 2 } else { longest };
            state.over_by = state.over_by.max(record.done.saturating_add(rest));
        }
    }

    /// What it has to say about a refusal of the key that was decided at `sent` or later.
    pub fn cause(&self, key: ScopeKey, sent: Nanos) -> Cause {
        let lately = |at: Option<Nanos>| at.is_some_and(|at| sent <= at.saturating_add(self.longest));
        let state = self.keys.get(&key);
        if state.is_some_and(|state| lately(state.begun)) {
            return if self.stated { Cause::Due } else { Cause::Possible };
        }
        let unknown = state.is_some_and(|state| state.in_flight > 0 || lately(state.lost));
        let before_run = self.prior_traffic && sent < self.longest;
        if unknown || before_run { Cause::Possible } else { Cause::Impossible }
    }

    /// Whether whoever had a request of the key under way from `sent` to `done` was shut out for sure.
    pub fn is_in_force(&self, key: ScopeKey, sent: Nanos, done: Nanos) -> bool {
        self.keys.get(&key).is_some_and(|state| state.is_in_force(sent, done))
    }

    pub fn longest(&self) -> Nanos {
        self.longest
    }

    /// Nothing more comes of the keys so far.
    pub fn through(&mut self) {
        self.keys.clear();
    }

    pub fn merge(&mut self, other: Shutouts) {
        self.keys.merge(other.keys);
        self.seen.merge(other.seen);
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Shut {
    fn is_in_force(&self, sent: Nanos, done: Nanos) -> bool {
        self.sure.is_some_and(|(from, until)| from <= sent && done < until)
    }

    fn is_idle(&self, longest: Nanos, now: Nanos) -> bool {
        let over = |at: Option<Nanos>| at.is_none_or(|at| at.saturating_add(longest) < now);
        self.in_flight == 0
            && over(self.begun)
            && self.over_by < now
            && over(self.lost)
            && self.sure.is_none_or(|(_, until)| until <= now)
    }
}

impl Seen {
    pub fn merge(&mut self, other: Seen) {
        self.begun += other.begun;
        self.during += other.during;
        self.kept += other.kept;
        self.broken += other.broken;
        self.during_exhibits.merge(other.during_exhibits);
        self.broken_exhibits.merge(other.broken_exhibits);
    }

    /// `server.shut-out` and `fleet.shut-out`, of a class whose limits have a penalty or a cooldown.
    pub fn findings(self, scenario: &Scenario, class: &str) -> [Finding; 2] {
        let (verdict, headline) = match (self.broken, self.kept) {
            (0, 0) => (Verdict::NoData, "Nothing was asked for while it was shut out for sure".to_owned()),
            (0, kept) => (Verdict::Pass, format!("Refused {} while they were shut out", plural(kept, "request"))),
            (broken, _) => (Verdict::Fail, format!("Serves {} that it had shut out", plural(broken, "request"))),
        };
        let server = Finding {
            verdict,
            headline,
            remedy: match verdict {
                Verdict::Fail => "Keep the penalty or cooldown for as long as documented".to_owned(),
                _ => String::new(),
            },
            looked_at: self.kept + self.broken,
            wrong: self.broken,
            evidence: self.broken_exhibits.into_evidence(scenario),
            ..unseen("server.shut-out", Party::Server, Severity::Breach, class)
        };
        let (verdict, headline) = match (self.begun, self.during) {
            (0, _) => (Verdict::NoData, "Nobody was shut out for sure".to_owned()),
            (_, 0) => (Verdict::Pass, "Nothing was asked for by whoever was shut out".to_owned()),
            (_, during) => {
                (Verdict::Fail, format!("{} sent while shut out: they can only be refused", plural(during, "request")))
            }
        };
        let fleet = Finding {
            verdict,
            headline,
            remedy: match verdict {
                Verdict::Fail => "Wait until the penalty or cooldown is over before asking again".to_owned(),
                _ => String::new(),
            },
            looked_at: self.begun,
            wrong: self.during,
            would_save: (self.during > 0).then_some(self.during),
            evidence: self.during_exhibits.into_evidence(scenario),
            ..unseen("fleet.shut-out", Party::Fleet, Severity::Advice, class)
        };
        [server, fleet]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::policy::model::{Blocks, Enforcement, Limit, Policy, RateLimit, Scope};

    /// Queries: 4 per 10 s, and then shut out for 20 s.
    fn with_penalty(stated: bool) -> Policy {
        let penalty = Penalty { lasts: Nanos::from_secs(20), stated, extends: None, blocks: Blocks::Class };
        let mut policy = policy();
        let Limit::Rate(limit) = policy.classes[0].limits[0].clone() else { panic!("a rate") };
        policy.classes[0].limits[0] = Limit::Rate(RateLimit { penalty: Some(penalty), ..limit });
        policy
    }

    /// Five at once, the last of them refused, and one more at `at`.
    fn five_and_one_more(policy: Policy, at: u64, then: impl Fn(Ask) -> Ask) -> Outcomes {
        let mut script = Script::default();
        (0..4).for_each(|index| {
            script.ask(Ask::new(0, SITES, index * 20));
        });
        script.ask(Ask::new(0, SITES, 100).refused());
        script.ask(then(Ask::new(0, SITES, at)));
        script.verify(scenario(policy, 1))
    }

    fn verdicts(outcomes: &Outcomes) -> [Verdict; 3] {
        ["server.shut-out", "fleet.shut-out", "server.false-refusal"]
            .map(|check| outcomes.finding(check, "queries").verdict)
    }

    #[test]
    fn a_stated_penalty_explains_refusals_and_is_a_promise() {
        let refused = five_and_one_more(with_penalty(true), 15_000, Ask::refused);
        assert_eq!(verdicts(&refused), [Verdict::Pass, Verdict::Fail, Verdict::Pass]);
        let served = five_and_one_more(with_penalty(true), 15_000, |ask| ask);
        assert_eq!(verdicts(&served), [Verdict::Fail, Verdict::Fail, Verdict::Pass]);
        let after = five_and_one_more(with_penalty(true), 25_000, |ask| ask);
        assert_eq!(verdicts(&after), [Verdict::NoData, Verdict::Pass, Verdict::Pass]);
        let too_long = five_and_one_more(with_penalty(true), 25_000, Ask::refused);
        assert_eq!(verdicts(&too_long), [Verdict::NoData, Verdict::Pass, Verdict::Fail]);
    }

    #[test]
    fn a_penalty_that_is_not_stated_is_read_with_and_without() {
        let refused = five_and_one_more(with_penalty(false), 15_000, Ask::refused);
        assert_eq!(verdicts(&refused), [Verdict::NoData, Verdict::NoData, Verdict::Inconclusive]);
        let served = five_and_one_more(with_penalty(false), 15_000, |ask| ask);
        assert_eq!(verdicts(&served), [Verdict::NoData, Verdict::NoData, Verdict::Pass]);
    }

    #[test]
    fn a_cooldown_after_a_failure_is_kept_or_not_and_asking_in_it_is_told() {
        let after_failure = |at: u64, then: &dyn Fn(Ask) -> Ask| {
            let mut policy = policy();
            policy.classes[0].limits = vec![Limit::Cooldown(CooldownLimit {
                after_statuses: vec![409],
                waits: vec![Nanos::from_secs(10), Nanos::from_secs(20)],
                scope: Scope(vec!["client_id".into()]),
            })];
            let mut script = Script::default();
            script.ask(Ask { outcome: Outcome::Rejected(409), ..Ask::new(0, SITES, 0) });
            script.ask(then(Ask::new(0, SITES, at)));
            let outcomes = script.verify(scenario(policy, 1));
            assert!(outcomes.0.quotas.iter().all(|quota| quota.class != "queries"), "it limits no use");
            verdicts(&outcomes)
        };
        assert_eq!(after_failure(5_000, &Ask::refused), [Verdict::Pass, Verdict::Fail, Verdict::Pass]);
        assert_eq!(after_failure(5_000, &|ask| ask), [Verdict::Fail, Verdict::Fail, Verdict::NoData]);
        assert_eq!(after_failure(15_000, &|ask| ask), [Verdict::NoData, Verdict::Pass, Verdict::NoData]);
        assert_eq!(after_failure(25_000, &Ask::refused), [Verdict::NoData, Verdict::Pass, Verdict::Fail]);
    }

    #[test]
    fn a_lower_bound_a_target_and_what_only_answers_tell_are_not_held_against_the_server() {
        let burst = |change: &dyn Fn(&mut RateLimit)| {
            let mut policy = policy();
            let Limit::Rate(mut limit) = policy.classes[0].limits[0].clone() else { panic!("a rate") };
            change(&mut limit);
            policy.classes[0].limits[0] = Limit::Rate(limit);
            let mut script = Script::default();
            (0..25).for_each(|index| {
                script.ask(Ask::new(0, SITES, index));
            });
            let outcomes = script.verify(scenario(policy, 1));
            ["server.over-admission", "fleet.quota"].map(|check| outcomes.finding(check, "queries").verdict)
        };
        assert_eq!(burst(&|_| {}), [Verdict::Fail, Verdict::Fail]);
        assert_eq!(burst(&|limit| limit.at_least = true), [Verdict::Undocumented, Verdict::Inconclusive]);
        let target = |limit: &mut RateLimit| limit.enforcement = Enforcement::BestEffort;
        assert_eq!(burst(&target), [Verdict::Undocumented, Verdict::Fail], "the fleet's demand is what it is");
        assert_eq!(burst(&|limit| limit.counts_statuses = vec![401]), [Verdict::Inconclusive, Verdict::NoData]);
        assert_eq!(burst(&|limit| limit.counts_statuses = vec![200]), [Verdict::Inconclusive, Verdict::Fail]);
    }
}
