//! All that is watched about one class: each of its limits, and what came of its requests.

use super::admission::Admissions;
use super::demand::{Demand, Peak};
use super::exhibit::{Exhibit, Exhibits};
use super::reaction::Logical;
use super::refusal::{Cause, Loads};
use super::scope::Together;
use super::streams::{Places, StreamRule};
use super::tally::Terms;
use crate::device::Outcome;
use crate::limiter::Rate;
use crate::policy::model::{ClassId, Limit};
use crate::policy::reading::Reading;
use crate::policy::words::limit_text;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::identity::KeyRule;
use crate::scenario::operation::Detail;
use crate::scenario::target::Target;
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::{QuotaUse, Safety};
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
}

#[derive(Clone, Debug)]
pub struct RateWatch {
    pub demand: Demand,
    pub admissions: Admissions,
    pub loads: Loads,
    pub together: Together,
}

/// Refusals by whether the documents explain them.
#[derive(Clone, Debug, Default)]
pub struct RefusalCounts {
    pub unexplained: u64,
    /// Before those are taken off that turned out to be due.
    possible: u64,
    due: u64,
    pub explained: u64,
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
}

impl ClassWatch {
    pub fn new(scenario: &Scenario, class: ClassId, anchor: Anchor, step: Nanos) -> Self {
        let prior_traffic = matches!(scenario.target, Target::Remote(_));
        let watch = |limit: &Limit| match limit {
            Limit::Rate(limit) => {
                let terms = Terms { rate: Rate { allow: limit.allow, per: limit.per }, anchor };
                let watch = RateWatch {
                    demand: Demand::new(limit, terms, step),
                    admissions: Admissions::new(limit),
                    loads: Loads::new(limit, prior_traffic),
                    together: Together::new(limit),
                };
                LimitWatch { rule: scenario.identities.rule(&limit.scope), kind: LimitKind::Rate(Box::new(watch)) }
            }
            Limit::Concurrent(limit) => LimitWatch {
                rule: scenario.identities.rule(&limit.scope),
                kind: LimitKind::Places(Box::new(Places::new(limit, step))),
            },
            Limit::Cooldown(_) => unreachable!("no policy file can say it yet"),
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
    pub fn held_back(&mut self, scenario: &Scenario, at: Nanos, device: DeviceId) {
        self.busy += 1;
        for limit in &mut self.limits {
            let key = limit.key(scenario, device, Detail::None);
            if let LimitKind::Rate(watch) = &mut limit.kind {
                watch.demand.held_back(at, key, device);
            }
        }
    }

    pub fn sent(&mut self, scenario: &Scenario, at: Nanos, sent: &Sent, turn: u64) {
        for limit in &mut self.limits {
            let key = limit.key(scenario, sent.device, sent.detail);
            match &mut limit.kind {
                LimitKind::Rate(watch) => {
                    watch.demand.sent(at, key, sent);
                    watch.loads.sent(at, key, turn);
                    watch.together.sent(at);
                }
                LimitKind::Places(places) => places.sent(at, key, sent),
            }
        }
    }

    /// Takes the end of a request that had been sent at `sent`. `shut_out` is what penalties have to say about a refusal.
    pub fn done(
        &mut self,
        scenario: &Scenario,
        sent: Nanos,
        stream: bool,
        shut_out: Cause,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        self.answered += u64::from(!matches!(record.outcome, Outcome::Failed(_)));
        self.overloaded += u64::from(record.outcome == Outcome::Overloaded);
        let mut cause = shut_out;
        for limit in &mut self.limits {
            let key = limit.key(scenario, record.device, record.detail);
            let could_refuse = match &mut limit.kind {
                LimitKind::Rate(watch) => watch.done(key, sent, record, exchange),
                LimitKind::Places(places) => {
                    places.exhibits().answered(record, exchange);
                    places.done(key, stream, record, exchange);
                    places.cause(record.done, key)
                }
            };
            cause = cause.max(could_refuse);
        }
        if record.outcome == Outcome::Refused {
            self.refused(cause, record, exchange);
        }
        if record.outcome == Outcome::Refused && cause == Cause::Possible {
            self.wait_for_others(scenario, sent, record);
        }
    }

    /// A possible refusal waits at the first limit on a rate: at several it might be cleared more than once.
    fn wait_for_others(&mut self, scenario: &Scenario, sent: Nanos, record: &Record) {
        for limit in &mut self.limits {
            let key = limit.key(scenario, record.device, record.detail);
            if let LimitKind::Rate(watch) = &mut limit.kind {
                watch.loads.wait_for_others(key, sent, record.done);
                return;
            }
        }
    }

    /// Refusals that only refused, lost or unknown requests explain.
    pub fn open_refusals(&self) -> u64 {
        let cleared: u64 = self.rates().map(|watch| watch.loads.cleared).sum();
        self.refusals.possible - cleared
    }

    fn refused(&mut self, cause: Cause, record: &Record, exchange: Option<&Exchange>) {
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

    pub fn closed(&mut self, scenario: &Scenario, at: Nanos, device: DeviceId, detail: Detail) {
        for limit in &mut self.limits {
            let key = limit.key(scenario, device, detail);
            if let LimitKind::Places(places) = &mut limit.kind {
                places.closed(at, key);
            }
        }
    }

    /// Whether each budget that a request draws on says so; false without a rate limit.
    pub fn each_load(
        &self,
        scenario: &Scenario,
        device: DeviceId,
        detail: Detail,
        says: impl Fn(&Loads, ScopeKey) -> bool,
    ) -> bool {
        let mut loads = self.limits.iter().filter_map(|limit| match &limit.kind {
            LimitKind::Rate(watch) => Some((&watch.loads, limit.key(scenario, device, detail))),
            LimitKind::Places(_) => None,
        });
        let first = loads.next().is_some_and(|(load, key)| says(load, key));
        first && loads.all(|(load, key)| says(load, key))
    }

    /// The turn of the latest request on the budgets that a request draws on.
    pub fn latest_turn(&self, scenario: &Scenario, device: DeviceId, detail: Detail) -> u64 {
        let latest = |limit: &LimitWatch| match &limit.kind {
            LimitKind::Rate(watch) => watch.loads.latest(limit.key(scenario, device, detail)),
            LimitKind::Places(_) => 0,
        };
        self.limits.iter().map(latest).max().unwrap_or(0)
    }

    pub fn rates(&self) -> impl Iterator<Item = &RateWatch> {
        self.limits.iter().filter_map(|limit| match &limit.kind {
            LimitKind::Rate(watch) => Some(&**watch),
            LimitKind::Places(_) => None,
        })
    }

    fn rates_mut(&mut self) -> impl Iterator<Item = &mut RateWatch> {
        self.limits.iter_mut().filter_map(|limit| match &mut limit.kind {
            LimitKind::Rate(watch) => Some(&mut **watch),
            LimitKind::Places(_) => None,
        })
    }

    /// When the first of the limits was passed under its strictest reading.
    pub fn first_over(&self) -> Option<Nanos> {
        let first = |limit: &LimitWatch| match &limit.kind {
            LimitKind::Rate(watch) => watch.demand.strictest().first_over,
            LimitKind::Places(places) => places.peak().first_over,
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
        self.refusals.exhibits.merge(other.refusals.exhibits);
        for (mine, theirs) in self.limits.iter_mut().zip(other.limits) {
            match (&mut mine.kind, theirs.kind) {
                (LimitKind::Rate(mine), LimitKind::Rate(theirs)) => mine.merge(*theirs),
                (LimitKind::Places(mine), LimitKind::Places(theirs)) => mine.merge(*theirs),
                _ => unreachable!("shards of one run watch the same policy"),
            }
        }
    }

    /// How each limit was used, in the policy's order.
    pub fn finish(self, scenario: &Scenario, class: ClassId, ended: Nanos) -> Vec<Usage> {
        let limits = &scenario.policy.class(class).limits;
        let class = &scenario.policy.class(class).name;
        let used = self.limits.into_iter().zip(limits);
        let usage = |(watch, limit): (LimitWatch, _)| {
            let mut usage = watch.finish(scenario, class, limit, ended);
            usage.quota.held_back = self.busy;
            usage
        };
        used.map(usage).collect()
    }
}

impl RefusalCounts {
    pub fn all(&self) -> u64 {
        self.explained + self.due + self.possible + self.unexplained
    }
}

impl LimitWatch {
    fn key(&self, scenario: &Scenario, device: DeviceId, detail: Detail) -> ScopeKey {
        scenario.identities.key(&self.rule, device, detail)
    }

    fn finish(self, scenario: &Scenario, class: &str, limit: &Limit, ended: Nanos) -> Usage {
        let (allow, per, scope) = match limit {
            Limit::Rate(limit) => (limit.allow, Some(limit.per), &limit.scope),
            Limit::Concurrent(limit) => (limit.allow, None, &limit.scope),
            Limit::Cooldown(_) => unreachable!("no policy file can say it yet"),
        };
        let seen_for = match &self.kind {
            LimitKind::Rate(watch) => watch.demand.short_of_a_window(ended),
            LimitKind::Places(_) => None,
        };
        let (keys, requests, peak, readings, safety) = match &self.kind {
            LimitKind::Rate(watch) => {
                let demand = &watch.demand;
                (demand.keys(), demand.requests(), demand.strictest(), demand.reading_uses(), demand.safety())
            }
            LimitKind::Places(places) => {
                (places.keys(), places.requests(), places.peak(), places.reading_uses(), places.safety())
            }
        };
        let counted_apart = match &self.kind {
            LimitKind::Rate(watch) => {
                Some((watch.demand.retries(), watch.demand.first_attempts(), watch.demand.if_made()))
            }
            LimitKind::Places(_) => None,
        };
        // What goes over the limit does so in any part of a window; keeping within it takes a whole one to show.
        let safety = if safety == Safety::Safe && seen_for.is_some() { Safety::Unproven } else { safety };
        let (readings_over, series, exhibits, stream_rule) = match self.kind {
            LimitKind::Rate(watch) => {
                let readings_over = watch.demand.readings_over().collect();
                let (series, exhibits) = watch.demand.finish(ended);
                (readings_over, series, exhibits, None)
            }
            LimitKind::Places(places) => {
                let (series, exhibits, rule) = places.finish(ended);
                (Vec::new(), series, exhibits, Some(rule))
            }
        };
        let unused = |peak: Peak| 1.0 - f64::from(peak.count) / f64::from(allow);
        let headroom = (requests > 0 && safety != Safety::Unproven).then(|| unused(peak));
        let quota = QuotaUse {
            class: class.to_owned(),
            limit: limit_text(limit),
            allow,
            per_s: per.map(Nanos::as_secs_f64),
            scope: scope.0.join(", "),
            keys,
            busiest: peak.device.map(|device| scenario.device_name(device)),
            requests,
            retries: counted_apart.map_or(0, |(retries, ..)| retries),
            first_attempts_peak: counted_apart.map(|(_, first_attempts, _)| first_attempts.count),
            held_back: 0,
            readings,
            safety,
            headroom_if_made: headroom.and_then(|_| counted_apart.map(|(.., if_made)| unused(if_made))),
            headroom,
            series,
        };
        Usage { quota, peak, readings_over, exhibits, stream_rule, seen_for }
    }
}

impl RateWatch {
    fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record, exchange: Option<&Exchange>) -> Cause {
        self.demand.exhibits().answered(record, exchange);
        if record.outcome == Outcome::Served {
            self.admissions.served(key, sent, record, exchange);
            self.together.served(sent, record.done);
        }
        self.loads.done(key, sent, record).unwrap_or(Cause::Impossible)
    }

    fn merge(&mut self, other: RateWatch) {
        self.demand.merge(other.demand);
        self.admissions.merge(other.admissions);
        self.loads.merge(other.loads);
        self.together.merge(other.together);
    }
}
