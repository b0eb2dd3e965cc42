//! The provider's recommendations, each with the requests that following it would have saved: `guidance.*`.

use super::exhibit::{Exhibit, Exhibits};
use super::repeats::{Repeats, Since};
use super::words::unseen;
use crate::policy::matching::RequestPattern;
use crate::policy::model::{ClassId, TokenAdvice};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::operation::Detail;
use crate::scenario::target::Target;
use crate::scenario::{DeviceId, Disturbance, Operation, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{part_of, plural};

/// Polling may be quicker by this share of the interval: timers and networks jitter.
const TOLERANCE: f64 = 0.05;

/// All recommendations of a policy.
#[derive(Clone, Debug)]
pub struct Guidance {
    /// By operation.
    advice: Vec<Advice>,
    polling: Repeats,
    caching: Repeats,
    tokens: Repeats,
    /// In the order of [`KINDS`].
    counts: [Count; 5],
}

/// What the policy recommends for one operation.
#[derive(Clone, Debug, Default)]
struct Advice {
    class: Option<ClassId>,
    polling_below: Option<Nanos>,
    keep: Option<Nanos>,
    token_good_for: Option<Nanos>,
    full_page: Option<u32>,
    time_filter: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Cache,
    PageSize,
    TimeFilter,
    TokenReuse,
}

const KINDS: [Kind; 5] = [Kind::Stream, Kind::Cache, Kind::PageSize, Kind::TimeFilter, Kind::TokenReuse];

/// What one recommendation has come to.
#[derive(Clone, Debug, Default)]
struct Count {
    looked_at: u64,
    wrong: u64,
    /// Requests to be saved, by class; the last for requests without a class.
    saved: Vec<u64>,
    exhibits: Exhibits,
}

/// Requests of a class that following a recommendation would have saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saving {
    pub requests: u64,
    /// The habit, as the cause of what went wrong.
    pub cause: &'static str,
    pub remedy: &'static str,
}

impl Guidance {
    pub fn new(scenario: &Scenario) -> Self {
        let policy = &scenario.policy.guidance;
        let advice: Vec<Advice> =
            scenario.operations.iter().map(|(_, operation)| advice(scenario, operation)).collect();
        let longest = |times: &mut dyn Iterator<Item = Nanos>| times.max().unwrap_or_default();
        let classes = scenario.policy.classes.len();
        Guidance {
            polling: Repeats::new(Since::Asked, longest(&mut policy.prefer_stream.iter().map(|it| it.polling_below))),
            caching: Repeats::new(Since::Answered, longest(&mut policy.cacheable.iter().map(|it| it.keep))),
            tokens: Repeats::new(Since::Answered, longest(&mut policy.token_reuse.iter().map(|it| it.lifetime))),
            counts: KINDS.map(|_| Count { saved: vec![0; classes + 1], ..Count::default() }),
            advice,
        }
    }

    /// An operation's class has been told.
    pub fn classified(&mut self, operation: OperationId, class: Option<ClassId>) {
        self.advice[usize::from(operation.0)].class = class;
    }

    pub fn sent(&mut self, scenario: &Scenario, at: Nanos, sent: &Sent) {
        let advice = &self.advice[usize::from(sent.operation.0)];
        let mut judge = |kind: Kind, wasted: bool, saved: bool, why: &dyn Fn() -> String| {
            let count = &mut self.counts[kind as usize];
            count.looked_at += 1;
            if wasted {
                count.wrong += 1;
                count.exhibits.show(|| Exhibit::sent(at, sent, why()));
            }
            if saved {
                let class = advice.class.map_or(count.saved.len() - 1, ClassId::index);
                count.saved[class] += 1;
            }
        };
        if let Some(below) = advice.polling_below {
            let ago = self.polling.sent(at, sent, below);
            judge(Kind::Stream, ago.is_some(), ago.is_some(), &|| asked_again(ago));
        }
        if let Some(keep) = advice.keep {
            let ago = self.caching.sent(at, sent, keep);
            judge(Kind::Cache, ago.is_some(), ago.is_some(), &|| format!("{}, good for {keep}", asked_again(ago)));
        }
        if let Some(good_for) = advice.token_good_for {
            let ago = self.tokens.sent(at, sent, good_for);
            let lost = ago.is_some_and(|ago| lost_its_token(scenario, sent.device, at.saturating_sub(ago), at));
            let wasted = ago.is_some() && !lost;
            judge(Kind::TokenReuse, wasted, wasted, &|| format!("{}, good for {good_for}", asked_again(ago)));
        }
        if let (Some(full), Detail::Page { number, size, time_filter }) = (advice.full_page, sent.detail) {
            let saved = !needed_with_full_pages(number, size, full);
            judge(Kind::PageSize, size < full, saved, &|| format!("size {size} of {full}"));
            if advice.time_filter {
                judge(Kind::TimeFilter, !time_filter, false, &|| "no time filter".to_owned());
            }
        }
    }

    pub fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        let advice = &self.advice[usize::from(record.operation.0)];
        if advice.keep.is_some() {
            self.caching.done(record);
        }
        if advice.token_good_for.is_some() {
            self.tokens.done(record);
        }
        for count in &mut self.counts {
            count.exhibits.answered(record, exchange);
        }
    }

    /// Nothing more comes of the devices so far.
    pub fn through(&mut self) {
        self.polling.through();
        self.caching.through();
        self.tokens.through();
    }

    pub fn merge(&mut self, other: Guidance) {
        self.polling.merge(other.polling);
        self.caching.merge(other.caching);
        self.tokens.merge(other.tokens);
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            mine.looked_at += theirs.looked_at;
            mine.wrong += theirs.wrong;
            mine.exhibits.merge(theirs.exhibits);
            for (mine, theirs) in mine.saved.iter_mut().zip(theirs.saved) {
                *mine += theirs;
            }
        }
    }

    /// What a class could have saved, the largest first.
    pub fn savings(&self, class: ClassId) -> Vec<Saving> {
        let saving = |kind: Kind| {
            let (cause, remedy) = kind.cause_and_remedy();
            Saving { requests: self.counts[kind as usize].saved[class.index()], cause, remedy }
        };
        let mut savings: Vec<Saving> = KINDS.map(saving).into_iter().filter(|saving| saving.requests > 0).collect();
        savings.sort_by_key(|saving| std::cmp::Reverse(saving.requests));
        savings
    }

    pub fn findings(self, scenario: &Scenario) -> Vec<Finding> {
        let advised = &scenario.policy.guidance;
        let given = |kind: Kind| match kind {
            Kind::Stream => advised.prefer_stream.is_some(),
            Kind::Cache => !advised.cacheable.is_empty(),
            Kind::PageSize => advised.page_size.is_some(),
            Kind::TimeFilter => advised.page_size.as_ref().is_some_and(|advice| advice.time_filter),
            Kind::TokenReuse => advised.token_reuse.is_some(),
        };
        KINDS.into_iter().zip(self.counts).map(|(kind, count)| count.finding(kind, given(kind), scenario)).collect()
    }
}

impl Count {
    fn finding(self, kind: Kind, given: bool, scenario: &Scenario) -> Finding {
        let blank = unseen(kind.check(), Party::Client, Severity::Advice, "");
        if !given {
            let headline = "The provider recommends nothing here".to_owned();
            return Finding { verdict: Verdict::Undocumented, headline, ..blank };
        }
        if self.looked_at == 0 {
            return Finding { headline: "No request that the recommendation is about".to_owned(), ..blank };
        }
        let saved: u64 = self.saved.iter().sum();
        let (cause, remedy) = kind.cause_and_remedy();
        let failed = self.wrong > 0;
        let saves = match kind {
            Kind::TimeFilter => String::new(),
            _ => format!(": saves {}", part_of(saved, self.looked_at, "request")),
        };
        let counted = part_of(self.wrong, self.looked_at, "request");
        Finding {
            verdict: if failed { Verdict::Fail } else { Verdict::Pass },
            headline: if failed {
                format!("{cause} ({counted})")
            } else {
                format!("Followed by {}", plural(self.looked_at, "request"))
            },
            remedy: if failed { format!("{remedy}{saves}") } else { String::new() },
            looked_at: self.looked_at,
            wrong: self.wrong,
            would_save: (kind != Kind::TimeFilter).then_some(saved),
            evidence: self.exhibits.into_evidence(scenario),
            ..blank
        }
    }
}

impl Kind {
    fn check(self) -> &'static str {
        match self {
            Kind::Stream => "guidance.stream",
            Kind::Cache => "guidance.cache",
            Kind::PageSize => "guidance.page-size",
            Kind::TimeFilter => "guidance.time-filter",
            Kind::TokenReuse => "guidance.token-reuse",
        }
    }

    fn cause_and_remedy(self) -> (&'static str, &'static str) {
        match self {
            Kind::Stream => ("Live state is polled", "Open one stream instead"),
            Kind::Cache => ("Answers that are still good are asked for again", "Keep the answers"),
            Kind::PageSize => ("Pages are smaller than allowed", "Ask for full pages"),
            Kind::TimeFilter => ("Listings are not narrowed by time", "Ask only for what is new, with a time filter"),
            Kind::TokenReuse => ("Tokens are asked for while the last one is good", "Keep each token for its lifetime"),
        }
    }
}

fn asked_again(ago: Option<Nanos>) -> String {
    format!("asked again after {}", ago.unwrap_or_default())
}

fn advice(scenario: &Scenario, operation: &Operation) -> Advice {
    let guidance = &scenario.policy.guidance;
    let fits = |pattern: &RequestPattern| pattern.matches(&operation.method, &operation.path);
    let stream = guidance.prefer_stream.as_ref().filter(|advice| fits(&advice.instead_of));
    let cache = guidance.cacheable.iter().find(|advice| fits(&advice.request));
    let tokens = guidance.token_reuse.as_ref().filter(|advice| advice.requests.iter().any(fits));
    let pages = guidance.page_size.as_ref().filter(|advice| advice.requests.iter().any(fits));
    Advice {
        class: operation.class,
        polling_below: stream.map(|advice| Nanos((advice.polling_below.0 as f64 * (1.0 - TOLERANCE)) as u64)),
        keep: cache.map(|advice| advice.keep),
        token_good_for: tokens.map(|advice| token_good_for(advice, scenario)),
        full_page: pages.map(|advice| advice.full),
        time_filter: pages.is_some_and(|advice| advice.time_filter),
    }
}

/// How long a client can do with a token before it should ask for the next. The built-in server may be told to give
/// shorter ones than the provider documents; of one that ends before its time of renewal, half is used.
fn token_good_for(advice: &TokenAdvice, scenario: &Scenario) -> Nanos {
    let lifetime = match &scenario.target {
        Target::Embedded(server) => advice.lifetime.min(server.token_lifetime),
        Target::Remote(_) => advice.lifetime,
    };
    if lifetime > advice.renew_before { lifetime - advice.renew_before } else { Nanos(lifetime.0 / 2) }
}

/// Whether an event of the profile took the device's token since then.
fn lost_its_token(scenario: &Scenario, device: DeviceId, since: Nanos, at: Nanos) -> bool {
    scenario.events.iter().enumerate().any(|(index, event)| {
        takes_tokens(&event.what) && (since..=at).contains(&event.at) && scenario.reaches(index, device)
    })
}

/// Restarts lose a token as surely as its early end does; new firmware ends with a restart.
fn takes_tokens(what: &Disturbance) -> bool {
    matches!(what, Disturbance::TokenExpiry | Disturbance::ColdStart { .. } | Disturbance::FirmwareRollout { .. })
}

/// Whether page `number` of `size` rows begins a new full page: the others would not have been asked for.
fn needed_with_full_pages(number: u32, size: u32, full: u32) -> bool {
    let full_pages = |pages: u32| (u64::from(pages) * u64::from(size)).div_ceil(u64::from(full.max(1)));
    number <= 1 || full_pages(number) > full_pages(number - 1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::device::{Flow, Outcome};
    use crate::scenario::target::ServerSpec;
    use crate::scenario::{GroupId, ScheduledEvent};

    fn verify(asks: impl IntoIterator<Item = Ask>, scenario: Scenario) -> Outcomes {
        let mut script = Script::default();
        asks.into_iter().for_each(|ask| {
            script.ask(ask);
        });
        script.verify(scenario)
    }

    /// Verdict, cases that were wrong, and requests that would have been saved.
    fn judged(check: &str, asks: impl IntoIterator<Item = Ask>) -> (Verdict, u64, Option<u64>) {
        let outcomes = verify(asks, scenario(policy(), 2));
        let finding = outcomes.finding(check, "");
        (finding.verdict, finding.wrong, finding.would_save)
    }

    #[test]
    fn polling_a_little_too_early_is_jitter() {
        let polled_after = |gap: u64| {
            let mut script = Script::default();
            script.ask(Ask::new(0, DEVICE, 0).about(1));
            script.ask(Ask::new(0, DEVICE, gap).about(1));
            script.verify(scenario(policy(), 1)).finding("guidance.stream", "").verdict
        };
        assert_eq!(polled_after(57_000), Verdict::Pass);
        assert_eq!(polled_after(56_900), Verdict::Fail);
    }

    #[test]
    fn asking_one_device_again_within_a_minute_is_polling() {
        let ask = |device, at, resource| Ask::new(device, DEVICE, at).about(resource);
        let check = |asks: Vec<Ask>| judged("guidance.stream", asks);
        let polling = vec![ask(0, 0, 1), ask(0, 20_000, 1), ask(0, 40_000, 1), ask(0, 50_000, 1).retry(Flow(3), 2)];
        assert_eq!(check(polling), (Verdict::Fail, 3, Some(3)), "a repetition's retry is wasted as well");
        let others = vec![ask(0, 0, 1), ask(0, 1_000, 2), ask(1, 2_000, 1), ask(0, 3_000, 1).retry(Flow(1), 2)];
        assert_eq!(check(others), (Verdict::Pass, 0, Some(0)));
        assert_eq!(check(vec![]), (Verdict::NoData, 0, None));
    }

    #[test]
    fn asking_for_what_is_still_good_is_waste_with_all_its_pages() {
        let ask = |at, page| Ask::new(0, SITES, at).page(page, 100, false);
        let check = |asks: Vec<Ask>| judged("guidance.cache", asks);
        let again = vec![ask(0, 1), ask(20, 2), ask(30_000, 1), ask(30_020, 2)];
        assert_eq!(check(again), (Verdict::Fail, 2, Some(2)));
        assert_eq!(check(vec![ask(0, 1), ask(20, 2)]), (Verdict::Pass, 0, Some(0)));
        assert_eq!(check(vec![]), (Verdict::NoData, 0, None));
        let failed = Ask { outcome: Outcome::Broken(500), ..ask(0, 1) };
        assert_eq!(check(vec![failed, ask(1_000, 1)]).0, Verdict::Pass, "there was no answer to keep");
        let refused = Ask { outcome: Outcome::Refused, ..ask(20, 2) };
        let broken_off = [ask(0, 1), refused.clone(), ask(30_000, 1), ask(30_020, 2)];
        assert_eq!(check(broken_off.into()).0, Verdict::Pass, "part of a listing is no answer to keep");
        let in_the_end = [ask(0, 1), refused, ask(40, 2).retry(Flow(1), 2), ask(30_000, 1)];
        assert_eq!(check(in_the_end.into()), (Verdict::Fail, 1, Some(1)));
    }

    #[test]
    fn small_pages_cost_the_requests_that_full_ones_would_not_need() {
        let ask = |page, size| Ask::new(0, RECORDS, u64::from(page) * 100).page(page, size, true);
        let check = |asks: Vec<Ask>| judged("guidance.page-size", asks);
        let small: Vec<Ask> = (1..=10).map(|page| ask(page, 20)).collect();
        assert_eq!(check(small), (Verdict::Fail, 10, Some(8)), "200 rows are two full pages");
        assert_eq!(check((1..=3).map(|page| ask(page, 100)).collect()), (Verdict::Pass, 0, Some(0)));
        assert_eq!(check(vec![]), (Verdict::NoData, 0, None));
    }

    #[test]
    fn listings_without_a_time_filter_are_named() {
        let ask = |filter| vec![Ask::new(0, RECORDS, 0).page(1, 100, filter)];
        assert_eq!(judged("guidance.time-filter", ask(false)), (Verdict::Fail, 1, None));
        assert_eq!(judged("guidance.time-filter", ask(true)), (Verdict::Pass, 0, None));
        assert_eq!(judged("guidance.time-filter", vec![]), (Verdict::NoData, 0, None));
    }

    #[test]
    fn a_token_serves_until_it_is_renewed_or_lost() {
        let asks = || [Ask::new(0, TOKEN, 0), Ask::new(0, TOKEN, 30_000)];
        assert_eq!(judged("guidance.token-reuse", asks()), (Verdict::Fail, 1, Some(1)));
        assert_eq!(judged("guidance.token-reuse", [Ask::new(0, TOKEN, 0), Ask::new(1, TOKEN, 1)]).0, Verdict::Pass);
        assert_eq!(judged("guidance.token-reuse", []).0, Verdict::NoData);

        let short = ServerSpec { token_lifetime: Nanos::from_secs(40), ..ServerSpec::default() };
        let short = Scenario { target: Target::Embedded(short), ..scenario(policy(), 1) };
        assert_eq!(verify(asks(), short).finding("guidance.token-reuse", "").verdict, Verdict::Pass);

        let what = Disturbance::TokenExpiry;
        let event = ScheduledEvent { at: Nanos::from_secs(29), group: GroupId(0), share: 1.0, what };
        let lost = Scenario { events: vec![event], ..scenario(policy(), 1) };
        assert_eq!(verify(asks(), lost).finding("guidance.token-reuse", "").verdict, Verdict::Pass);
    }

    #[test]
    fn what_the_provider_does_not_recommend_is_not_judged() {
        let mut policy = policy();
        policy.guidance.prefer_stream = None;
        let outcomes = verify([], scenario(policy, 1));
        assert_eq!(outcomes.finding("guidance.stream", "").verdict, Verdict::Undocumented);
    }
}
