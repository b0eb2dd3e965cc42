//! All that is watched about one limit on a rate.

use super::admission::Admissions;
use super::class::{Drawn, Usage, unused};
use super::demand::Demand;
use super::refusal::{Cause, Loads};
use super::scope::Together;
use super::shutout::Shutouts;
use super::terms::Terms;
use crate::device::Outcome;
use crate::policy::model::{ClassId, Cost, Penalty, Policy, RateLimit};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::plan::Grant;
use crate::summary::{Bucket, QuotaUse, Safety};
use crate::time::{Anchor, Nanos};

#[derive(Clone, Debug)]
pub struct RateWatch {
    pub demand: Demand,
    pub admissions: Admissions,
    pub loads: Loads,
    pub together: Together,
    /// What follows a refusal.
    pub penalty: Option<(Penalty, Shutouts)>,
    terms: Terms,
    /// What a request costs when it comes, by class.
    costs: Vec<u32>,
    limit: RateLimit,
}

impl RateWatch {
    pub fn new(policy: &Policy, limit: &RateLimit, anchor: Anchor, step: Nanos, prior_traffic: bool) -> Self {
        let terms = Terms::of(limit, anchor);
        let shutouts = |penalty: &Penalty| (penalty.clone(), Shutouts::of_penalty(penalty, prior_traffic));
        RateWatch {
            demand: Demand::new(terms, step),
            admissions: Admissions::new(limit, terms),
            loads: Loads::new(limit, &terms, prior_traffic),
            together: Together::new(terms),
            penalty: limit.penalty.as_ref().map(shutouts),
            terms,
            costs: (0..policy.classes.len()).map(|class| policy.cost(&limit.cost, ClassId(class as u8))).collect(),
            limit: limit.clone(),
        }
    }

    /// What a request of a class costs when it comes.
    pub fn cost(&self, class: ClassId) -> u32 {
        self.costs[class.index()]
    }

    pub fn held_back(&mut self, at: Nanos, key: ScopeKey, device: DeviceId, class: ClassId) {
        // What the answer would have been is not known.
        if self.limit.counts_statuses.is_empty() {
            self.demand.held_back(at, key, device, self.costs[class.index()]);
        }
    }

    pub fn sent(&mut self, at: Nanos, key: ScopeKey, sent: &Sent, turn: u64, class: ClassId) {
        let cost = self.cost(class);
        if !self.limit.counts_by_answer() {
            self.demand.sent(at, key, sent, cost);
        }
        self.loads.sent(at, key, turn, cost);
        self.admissions.sent(at, key, cost);
        if self.admissions.unjudged.is_none() {
            self.together.sent(at, cost);
        }
        if let Some((_, shutouts)) = &mut self.penalty {
            shutouts.sent(at, key, sent);
        }
    }

    /// Takes the end of a request that took effect at `decided` or later; what the limit has to say if it was refused.
    pub fn done(
        &mut self,
        key: ScopeKey,
        decided: Nanos,
        record: &Record,
        exchange: Option<&Exchange>,
        drawn: &Drawn<'_>,
    ) -> Cause {
        let cost = self.cost(drawn.class);
        let counts = self.limit.counts_status(record.status);
        if self.limit.counts_by_answer() && counts {
            let Record { device, operation, flow, attempt, detail, .. } = *record;
            self.demand.sent(record.done, key, &Sent { device, operation, flow, attempt, detail }, cost);
        }
        self.demand.exhibits().answered(record, exchange);
        let is_free = record.is_unchanged() || self.limit.free_statuses.contains(&record.status);
        self.admissions.done(key, decided, record, cost, is_free);
        if record.outcome == Outcome::Served && !is_free {
            let refuted = self.admissions.served(key, decided, cost, record, exchange);
            if self.admissions.unjudged.is_none() {
                self.together.served(&self.admissions, key, decided, record.done, cost, refuted);
            }
        }
        let used_up = self.loads.done(key, decided, record, drawn.class, cost).unwrap_or(Cause::Impossible);
        let shut_out = self.penalty.as_mut().map_or(Cause::Impossible, |(_, shutouts)| {
            shutouts.done(key, decided, record, exchange, drawn.alone && used_up >= Cause::Due)
        });
        used_up.max(shut_out)
    }

    /// Nothing more comes of the keys so far, whose run ended at `ended`.
    pub fn through(&mut self, ended: Nanos) {
        self.demand.through(ended);
        self.admissions.through();
        self.loads.through();
        self.together.through();
        if let Some((_, shutouts)) = &mut self.penalty {
            shutouts.through();
        }
    }

    pub fn merge(&mut self, other: RateWatch) {
        self.demand.merge(other.demand);
        self.admissions.merge(other.admissions);
        self.loads.merge(other.loads);
        self.together.merge(other.together);
        if let (Some((_, mine)), Some((_, theirs))) = (&mut self.penalty, other.penalty) {
            mine.merge(theirs);
        }
    }

    /// How the limit was used. `blank` makes what is known without having seen anything.
    pub fn finish(
        self,
        blank: impl Fn(u32) -> QuotaUse,
        limit: &RateLimit,
        scenario: &Scenario,
        ended: Nanos,
    ) -> Usage {
        let (allow, demand) = (self.terms.allowed(), self.demand);
        let seen_for = demand.short_of_a_window(ended);
        let (bucket, lasting_rate) = (Bucket::of(limit), demand.lasting_rate(ended));
        let is_bucket = limit.readings().iter().all(|reading| reading.is_bucket());
        let is_used_up_later = is_bucket && Grant::of_limit(limit.allow, bucket).rate < lasting_rate;
        let peak = demand.strictest();
        let safety = match demand.safety() {
            // What goes over the limit does so in any part of a window; keeping within it takes a whole one to show, and a
            // rate that lasts.
            Safety::Safe if seen_for.is_some() || is_used_up_later => Safety::Unproven,
            // The provider grants more than it says, or it does not.
            Safety::Over if limit.at_least => Safety::DependsOnReading,
            safety => safety,
        };
        let headroom = (demand.requests() > 0 && safety != Safety::Unproven).then(|| unused(peak, allow));
        let quota = QuotaUse {
            per_s: Some(limit.per.as_secs_f64()),
            bucket,
            keys: demand.keys(),
            lasting_rate,
            busiest: peak.device.map(|device| scenario.device_name(device)),
            requests: demand.requests(),
            retries: demand.retries(),
            first_attempts_peak: Some(demand.first_attempts().count),
            readings: demand.reading_uses(),
            safety,
            headroom_if_made: headroom.map(|_| unused(demand.if_made(), allow)),
            headroom,
            ..blank(allow)
        };
        let readings_over = demand.readings_over().collect();
        let (series, exhibits) = demand.finish(ended);
        Usage {
            quota: QuotaUse { series, ..quota },
            peak,
            readings_over,
            exhibits,
            stream_rule: None,
            seen_for,
            in_points: limit.cost != Cost::One,
            cost_is_told: matches!(limit.cost, Cost::Told { .. }),
            at_least: limit.at_least,
            calendar: limit.calendar,
        }
    }
}
