//! All that is watched about one class: each of its limits, and what came of the requests that draw on it. Those are its
//! own, or those of its members where it is a parent.

use super::demand::Peak;
use super::exhibit::{Exhibit, Exhibits};
use super::rate::RateWatch;
use super::reaction::Logical;
use super::refusal::{Cause, Refused};
use super::shutout::{self, Shutouts};
use super::streams::{Places, StreamRule};
use crate::device::Outcome;
use crate::policy::model::{Blocks, Calendar, ClassId, Limit};
use crate::policy::reading::Reading;
use crate::policy::words::limit_text;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::identity::KeyRule;
use crate::scenario::target::Target;
use crate::scenario::{Asked, Scenario, ScopeKey};
use crate::summary::QuotaUse;
use crate::time::{Anchor, Nanos};

/// One class.
#[derive(Clone, Debug)]
pub struct ClassWatch {
    pub limits: Vec<LimitWatch>,
    pub refusals: RefusalCounts,
    pub logical: Logical,
    pub answered: u64,
    pub overloaded: u64,
    /// Scheduled requests that were not made because the one before was still under way.
    pub busy: u64,
}

/// One limit, and whose budget a request draws on.
#[derive(Clone, Debug)]
pub struct LimitWatch {
    rule: KeyRule,
    pub kind: LimitKind,
}

#[derive(Clone, Debug)]
pub enum LimitKind {
    Rate(Box<RateWatch>),
    Places(Box<Places>),
    Cooldown(Box<Shutouts>),
}

/// A request that draws on a class.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    pub scenario: &'a Scenario,
    /// Its own class.
    pub class: ClassId,
    /// Whether no other limit holds for it.
    pub alone: bool,
}

/// Refusals by whether the documents explain them.
#[derive(Clone, Debug, Default)]
pub struct RefusalCounts {
    pub unexplained: u64,
    /// Before those are taken off that turned out to be due.
    possible: u64,
    due: u64,
    pub explained: u64,
    /// Those that a limit of this very class surely explains: they tell how the server reads it.
    pub settled: u64,
    pub exhibits: Exhibits,
}

/// How one limit came out, for the finding on the class.
#[derive(Clone, Debug)]
pub struct Usage {
    pub quota: QuotaUse,
    pub peak: Peak,
    pub readings_over: Vec<Reading>,
    pub exhibits: Exhibits,
    /// Of a limit on concurrency.
    pub stream_rule: Option<StreamRule>,
    /// How long the limit was in use, where that is less than a window.
    pub seen_for: Option<Nanos>,
    /// Whether it is counted in points, and whether only answers tell how many.
    pub in_points: bool,
    pub cost_is_told: bool,
    /// Whether the provider grants at least so much.
    pub at_least: bool,
    pub calendar: Option<Calendar>,
}

impl ClassWatch {
    pub fn new(scenario: &Scenario, class: ClassId, anchor: Anchor, step: Nanos) -> Self {
        let prior_traffic = matches!(scenario.target, Target::Remote(_));
        let watch = |limit: &Limit| {
            let kind = match limit {
                Limit::Rate(limit) => {
                    LimitKind::Rate(Box::new(RateWatch::new(&scenario.policy, limit, anchor, step, prior_traffic)))
                }
                Limit::Concurrent(limit) => LimitKind::Places(Box::new(Places::new(limit, step))),
                Limit::Cooldown(limit) => LimitKind::Cooldown(Box::new(Shutouts::of_cooldown(limit, prior_traffic))),
            };
            LimitWatch { rule: scenario.identities.rule(limit.scope()), kind }
        };
        ClassWatch {
            limits: scenario.policy.class(class).limits.iter().map(watch).collect(),
            refusals: RefusalCounts::default(),
            logical: Logical::default(),
            answered: 0,
            overloaded: 0,
            busy: 0,
        }
    }

    /// Takes a scheduled request that was not made because the one before was still under way.
    pub fn held_back(&mut self, drawn: &Drawn<'_>, at: Nanos, asked: Asked) {
        self.busy += 1;
        for limit in &mut self.limits {
            let key = limit.key(drawn.scenario, asked);
            if let LimitKind::Rate(watch) = &mut limit.kind {
                watch.held_back(at, key, asked.device, drawn.class);
            }
        }
    }

    pub fn sent(&mut self, drawn: &Drawn<'_>, at: Nanos, sent: &Sent, turn: u64) {
        for limit in &mut self.limits {
            let key = limit.key(drawn.scenario, sent.asked());
            match &mut limit.kind {
                LimitKind::Rate(watch) => watch.sent(at, key, sent, turn, drawn.class),
                LimitKind::Places(places) => places.sent(at, key, sent),
                LimitKind::Cooldown(cooldown) => cooldown.sent(at, key, sent),
            }
        }
    }

    /// Takes the end of a request that had been sent at `sent`; what the limits have to say if it was refused.
    pub fn done(
        &mut self,
        drawn: &Drawn<'_>,
        sent: Nanos,
        stream: bool,
        record: &Record,
        exchange: Option<&Exchange>,
    ) -> Cause {
        self.answered += u64::from(!matches!(record.outcome, Outcome::Failed(_)));
        self.overloaded += u64::from(record.outcome == Outcome::Overloaded);
        let decided = earliest_decision(sent);
        let mut cause = Cause::Impossible;
        for limit in &mut self.limits {
            let key = limit.key(drawn.scenario, record.asked());
            let could_refuse = match &mut limit.kind {
                LimitKind::Rate(watch) => watch.done(key, decided, record, exchange, drawn),
                LimitKind::Places(places) => {
                    places.exhibits().answered(record, exchange);
                    places.done(key, sent, stream, record, exchange);
                    places.cause(decided, record.done, key)
                }
                LimitKind::Cooldown(cooldown) => cooldown.done(key, decided, record, exchange, drawn.alone),
            };
            cause = cause.max(could_refuse);
        }
        cause
    }

    /// What the penalties of the limits that bar from more than they count say about the refusal of a request that draws
    /// on none of them.
    pub fn bars(&self, scenario: &Scenario, sent: Nanos, asked: Asked) -> Cause {
        let barring = self.limits.iter().filter_map(|limit| {
            let LimitKind::Rate(watch) = &limit.kind else { return None };
            let (penalty, shutouts) = watch.penalty.as_ref()?;
            let key = limit.key(scenario, asked);
            let cause = shutouts.cause(key, earliest_decision(sent));
            match penalty.blocks {
                Blocks::Class => None,
                Blocks::Everything => Some(cause),
                Blocks::Unspecified => Some(cause.min(Cause::Possible)),
            }
        });
        barring.max().unwrap_or(Cause::Impossible)
    }

    /// Whether such a penalty is in force for sure over a request that draws on none of the limits.
    pub fn bars_surely(&self, scenario: &Scenario, sent: Nanos, record: &Record) -> bool {
        self.limits.iter().any(|limit| {
            let LimitKind::Rate(watch) = &limit.kind else { return false };
            let Some((penalty, shutouts)) = &watch.penalty else { return false };
            let key = limit.key(scenario, record.asked());
            penalty.blocks == Blocks::Everything && shutouts.is_in_force(key, earliest_decision(sent), record.done)
        })
    }

    /// Whether it has a limit that may shut out from more than it counts.
    pub fn is_barring(&self) -> bool {
        self.rates().any(|watch| watch.penalty.as_ref().is_some_and(|(penalty, _)| penalty.blocks != Blocks::Class))
    }

    /// Lets a merely possible refusal wait at the first limit on a rate: at several it might be cleared more than once.
    /// False where there is none.
    pub fn wait_for_others(&mut self, drawn: &Drawn<'_>, sent: Nanos, record: &Record) -> bool {
        for limit in &mut self.limits {
            let key = limit.key(drawn.scenario, record.asked());
            if let LimitKind::Rate(watch) = &mut limit.kind
                && watch.loads.can_clear()
            {
                let (class, cost) = (drawn.class, watch.cost(drawn.class));
                let sent = earliest_decision(sent);
                watch.loads.wait_for_others(key, &Refused { class, sent, done: record.done, cost });
                return true;
            }
        }
        false
    }

    /// Takes a refusal of a request that draws on the class, by what all of its limits say (`cause`) and those of this
    /// class (`own`).
    pub fn refused(&mut self, cause: Cause, own: Cause, record: &Record, exchange: Option<&Exchange>) {
        self.refusals.settled += u64::from(own == Cause::Explained);
        match cause {
            Cause::Explained => self.refusals.explained += 1,
            Cause::Due => self.refusals.due += 1,
            Cause::Possible => self.refusals.possible += 1,
            Cause::Impossible => {
                self.refusals.unexplained += 1;
                let why = || "refused although its own use was below every limit, however it is read".to_owned();
                self.refusals.exhibits.show(|| Exhibit::done(record, exchange, why()));
                for watch in self.rates_mut() {
                    watch.together.refused_falsely(record.done);
                }
            }
        }
    }

    /// Takes the end of a stream whose handshake was sent at `sent`.
    pub fn closed(&mut self, scenario: &Scenario, at: Nanos, sent: Nanos, asked: Asked) {
        for limit in &mut self.limits {
            let key = limit.key(scenario, asked);
            if let LimitKind::Places(places) = &mut limit.kind {
                places.closed(at, key, sent);
            }
        }
    }

    /// The limits on rates that a request draws on, and whose budget it is.
    pub fn loads(&self, scenario: &Scenario, asked: Asked) -> impl Iterator<Item = (&RateWatch, ScopeKey)> {
        self.limits.iter().filter_map(move |limit| match &limit.kind {
            LimitKind::Rate(watch) => Some((&**watch, limit.key(scenario, asked))),
            LimitKind::Places(_) | LimitKind::Cooldown(_) => None,
        })
    }

    /// Whether nothing but its limits on rates may refuse a request: nobody else holds a place that it needs, and no failure
    /// of another one shuts it out.
    pub fn only_rates_refuse(&self, scenario: &Scenario, asked: Asked) -> bool {
        self.limits.iter().all(|limit| match &limit.kind {
            LimitKind::Rate(_) => true,
            LimitKind::Places(places) => places.is_quiet(limit.key(scenario, asked)),
            LimitKind::Cooldown(_) => false,
        })
    }

    /// What was seen of penalties and cooldowns; None where no limit has one.
    pub fn shutouts(&self) -> Option<shutout::Seen> {
        let seen = self.limits.iter().filter_map(|limit| match &limit.kind {
            LimitKind::Rate(watch) => watch.penalty.as_ref().map(|(_, shutouts)| shutouts.seen()),
            LimitKind::Cooldown(shutouts) => Some(shutouts.seen()),
            LimitKind::Places(_) => None,
        });
        seen.cloned().reduce(|mut all, one| {
            all.merge(one);
            all
        })
    }

    pub fn rates(&self) -> impl Iterator<Item = &RateWatch> {
        self.limits.iter().filter_map(|limit| match &limit.kind {
            LimitKind::Rate(watch) => Some(&**watch),
            LimitKind::Places(_) | LimitKind::Cooldown(_) => None,
        })
    }

    fn rates_mut(&mut self) -> impl Iterator<Item = &mut RateWatch> {
        self.limits.iter_mut().filter_map(|limit| match &mut limit.kind {
            LimitKind::Rate(watch) => Some(&mut **watch),
            LimitKind::Places(_) | LimitKind::Cooldown(_) => None,
        })
    }

    /// Refusals that turned out to be due, of requests of a class.
    pub fn cleared(&self, class: ClassId) -> u64 {
        self.rates().map(|watch| watch.loads.cleared(class)).sum()
    }

    /// When the first of the limits was passed under its strictest reading.
    pub fn first_over(&self) -> Option<Nanos> {
        let first = |limit: &LimitWatch| match &limit.kind {
            LimitKind::Rate(watch) => watch.demand.strictest().first_over,
            LimitKind::Places(places) => places.peak().first_over,
            LimitKind::Cooldown(_) => None,
        };
        self.limits.iter().filter_map(first).min()
    }

    pub fn merge(&mut self, other: ClassWatch) {
        self.answered += other.answered;
        self.overloaded += other.overloaded;
        self.busy += other.busy;
        self.logical.merge(&other.logical);
        self.refusals.unexplained += other.refusals.unexplained;
        self.refusals.possible += other.refusals.possible;
        self.refusals.due += other.refusals.due;
        self.refusals.explained += other.refusals.explained;
        self.refusals.settled += other.refusals.settled;
        self.refusals.exhibits.merge(other.refusals.exhibits);
        for (mine, theirs) in self.limits.iter_mut().zip(other.limits) {
            match (&mut mine.kind, theirs.kind) {
                (LimitKind::Rate(mine), LimitKind::Rate(theirs)) => mine.merge(*theirs),
                (LimitKind::Places(mine), LimitKind::Places(theirs)) => mine.merge(*theirs),
                (LimitKind::Cooldown(mine), LimitKind::Cooldown(theirs)) => mine.merge(*theirs),
                _ => unreachable!("shards of one run watch the same policy"),
            }
        }
    }

    /// How each limit was used, in the policy's order; a cooldown is no limit on use.
    pub fn finish(self, scenario: &Scenario, class: ClassId, ended: Nanos) -> Vec<Usage> {
        let limits = &scenario.policy.class(class).limits;
        let class = &scenario.policy.class(class).name;
        let used = self.limits.into_iter().zip(limits);
        let usage = |(watch, limit): (LimitWatch, _)| {
            let mut usage = watch.finish(scenario, class, limit, ended)?;
            usage.quota.held_back = self.busy;
            Some(usage)
        };
        used.filter_map(usage).collect()
    }
}

impl RefusalCounts {
    /// Takes those off that turned out to be due.
    pub fn clear(&mut self, cleared: u64) {
        self.possible -= cleared;
        self.due += cleared;
    }

    /// Refusals that only refused, lost or unknown requests explain.
    pub fn open(&self) -> u64 {
        self.possible
    }

    pub fn all(&self) -> u64 {
        self.explained + self.due + self.possible + self.unexplained
    }
}

impl LimitKind {
    /// Nothing more comes of the keys so far, whose run ended at `ended`.
    pub fn through(&mut self, ended: Nanos) {
        match self {
            LimitKind::Rate(watch) => watch.through(ended),
            LimitKind::Places(places) => places.through(ended),
            LimitKind::Cooldown(cooldown) => cooldown.through(),
        }
    }
}

impl LimitWatch {
    fn key(&self, scenario: &Scenario, asked: Asked) -> ScopeKey {
        scenario.key(&self.rule, asked)
    }

    fn finish(self, scenario: &Scenario, class: &str, limit: &Limit, ended: Nanos) -> Option<Usage> {
        let blank = |allow| QuotaUse::unused(class.to_owned(), limit_text(limit), allow, limit.scope().0.join(", "));
        match (self.kind, limit) {
            (LimitKind::Rate(watch), Limit::Rate(limit)) => Some(watch.finish(blank, limit, scenario, ended)),
            (LimitKind::Places(places), Limit::Concurrent(limit)) => {
                Some(used_places(*places, blank(limit.allow), scenario, ended))
            }
            _ => None,
        }
    }
}

/// The share that is left at the busiest moment.
pub fn unused(peak: Peak, allow: u32) -> f64 {
    1.0 - f64::from(peak.count) / f64::from(allow.max(1))
}

fn used_places(places: Places, blank: QuotaUse, scenario: &Scenario, ended: Nanos) -> Usage {
    let (peak, requests) = (places.peak(), places.requests());
    let quota = QuotaUse {
        keys: places.keys(),
        busiest: peak.device.map(|device| scenario.device_name(device)),
        requests,
        readings: places.reading_uses(),
        safety: places.safety(),
        headroom: (requests > 0).then(|| unused(peak, blank.allow)),
        ..blank
    };
    let (series, exhibits, rule) = places.finish(ended);
    Usage {
        quota: QuotaUse { series, ..quota },
        peak,
        readings_over: Vec::new(),
        exhibits,
        stream_rule: Some(rule),
        seen_for: None,
        in_points: false,
        cost_is_told: false,
        at_least: false,
        calendar: None,
    }
}

/// Servers read the time in ticks, as a rule of a millisecond: what arrives at its end is counted as of its beginning.
pub const TICK: Nanos = Nanos::from_millis(1);

/// The earliest moment, on the server's clock, at which a request that was sent then may have been decided.
fn earliest_decision(sent: Nanos) -> Nanos {
    sent.saturating_sub(TICK)
}
