//! One limit of a policy, and the state of every scope key that uses it.

use super::{Answered, Binding, NumberedScope, enforced_as};
use crate::limiter::store::Keys;
use crate::limiter::{Concurrency, Cooldown, Limiter, PenaltyBox, Terms, build};
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::scenario::target::{Fault, ServerSpec};
use crate::time::{Anchor, Nanos};

pub struct Budget {
    /// The class that has the limit.
    pub owner: ClassId,
    pub scope: NumberedScope,
    kind: Kind,
}

enum Kind {
    Rate(RateBudget),
    Concurrent { allow: u32, lasting: Nanos, keys: Keys<Concurrency> },
    Cooldown { after: Vec<u16>, waits: Vec<Nanos>, keys: Keys<Cooldown> },
}

struct RateBudget {
    reading: Reading,
    terms: Terms,
    /// None while an unstated one is not applied.
    penalty: Option<Penalty>,
    unstated: Option<Penalty>,
    /// By class.
    costs: Vec<u32>,
    cost_is_told: bool,
    counts: Counts,
    /// Statuses of answers that give back what was taken.
    free: Vec<u16>,
    keys: Keys<Box<dyn Limiter + Send>>,
}

/// Which requests count.
enum Counts {
    Admitted,
    /// Refused ones as well.
    All,
    /// Those whose answers have one of these statuses.
    Answers(Vec<u16>),
}

impl Budget {
    pub fn new(policy: &Policy, owner: ClassId, limit: &Limit, scope: NumberedScope, server: &ServerSpec) -> Self {
        let kind = match limit {
            Limit::Rate(rate) => {
                let reading = enforced_as(limit, server).unwrap_or(server.limiter);
                Kind::Rate(RateBudget::new(policy, rate, reading, &server.faults))
            }
            Limit::Concurrent(limit) => {
                let unlimited = server.faults.contains(&Fault::StreamsUnlimited);
                Kind::Concurrent {
                    allow: if unlimited { u32::MAX } else { limit.allow },
                    lasting: limit.lasting.unwrap_or_default(),
                    keys: Keys::new(),
                }
            }
            Limit::Cooldown(limit) => {
                Kind::Cooldown { after: limit.after_statuses.clone(), waits: limit.waits.clone(), keys: Keys::new() }
            }
        };
        Budget { owner, scope, kind }
    }

    pub fn set_anchor(&mut self, anchor: Anchor) {
        if let Kind::Rate(rate) = &mut self.kind {
            rate.terms.anchor = anchor;
        }
    }

    pub fn apply_unstated_penalty(&mut self) {
        if let Kind::Rate(rate) = &mut self.kind {
            rate.penalty = rate.penalty.take().or(rate.unstated.take());
        }
    }

    /// Whether an answer changes anything here.
    pub fn settles(&self) -> bool {
        match &self.kind {
            Kind::Rate(rate) => rate.cost_is_told || !rate.free.is_empty() || matches!(rate.counts, Counts::Answers(_)),
            Kind::Concurrent { .. } => false,
            Kind::Cooldown { .. } => true,
        }
    }

    /// Whether a request holds something here until it is over.
    pub fn holds(&self) -> bool {
        matches!(self.kind, Kind::Concurrent { .. })
    }

    pub fn clear(&mut self) {
        match &mut self.kind {
            Kind::Rate(rate) => rate.keys.clear(),
            Kind::Concurrent { keys, .. } => keys.clear(),
            Kind::Cooldown { keys, .. } => keys.clear(),
        }
    }

    /// Whether a penalty shuts out from more than what the limit counts.
    pub fn bars_everything(&self) -> bool {
        let bars = |penalty: &Option<Penalty>| penalty.as_ref().is_some_and(|it| it.blocks == Blocks::Everything);
        matches!(&self.kind, Kind::Rate(rate) if bars(&rate.penalty) || bars(&rate.unstated))
    }

    /// Ok when admitted; else the wait, where one is known.
    pub fn peek(&mut self, now: Nanos, key: u64, class: ClassId) -> Result<(), Option<Nanos>> {
        match &mut self.kind {
            Kind::Rate(rate) => {
                let cost = rate.costs[class.index()];
                let decision = rate.limiter(now, key).peek(now, cost);
                let wait = Some(decision.retry_after).filter(|wait| *wait != Nanos::MAX);
                if decision.admitted { Ok(()) } else { Err(wait) }
            }
            Kind::Concurrent { allow, lasting, keys } => {
                let counting = keys.get(key).map_or(0, |open| open.counting(now, *lasting));
                if counting < *allow as usize { Ok(()) } else { Err(None) }
            }
            Kind::Cooldown { keys, .. } => match keys.get(key).map_or(Nanos::ZERO, |cooldown| cooldown.rest(now)) {
                Nanos::ZERO => Ok(()),
                rest => Err(Some(rest)),
            },
        }
    }

    /// The length of a rate's window.
    pub fn window(&self) -> Option<Nanos> {
        match &self.kind {
            Kind::Rate(rate) => Some(rate.terms.rate.per),
            Kind::Concurrent { .. } | Kind::Cooldown { .. } => None,
        }
    }

    /// How long a penalty still shuts out from everything.
    pub fn shut_out(&mut self, now: Nanos, key: u64) -> Option<Nanos> {
        let Kind::Rate(rate) = &mut self.kind else { return None };
        rate.keys.get(key).map(|limiter| limiter.shut_out(now)).filter(|wait| *wait > Nanos::ZERO)
    }

    /// Counts a request that every limit admits.
    pub fn count(&mut self, now: Nanos, key: u64, class: ClassId) {
        match &mut self.kind {
            Kind::Rate(rate) => {
                let cost = rate.taken_at_once(class);
                rate.limiter(now, key).count(now, cost);
            }
            Kind::Concurrent { keys, .. } => {
                keys.use_key(key, Concurrency::default, |open| open.is_idle()).open(now);
            }
            Kind::Cooldown { .. } => {}
        }
    }

    /// Takes note of a request that some limit refused. Whether this one did.
    pub fn refused(&mut self, now: Nanos, key: u64, class: ClassId, status: u16) -> bool {
        let Kind::Rate(rate) = &mut self.kind else { return self.peek(now, key, class).is_err() };
        let cost = rate.costs[class.index()];
        let counted = match &rate.counts {
            Counts::Admitted => 0,
            Counts::All if rate.free.contains(&status) => 0,
            Counts::All => cost,
            Counts::Answers(statuses) => cost * u32::from(statuses.contains(&status)),
        };
        let limiter = rate.limiter(now, key);
        let refuses = !limiter.peek(now, cost).admitted;
        if refuses {
            limiter.refused(now, cost);
        }
        limiter.count(now, counted);
        refuses
    }

    /// Takes note of the answer to a request that was admitted.
    pub fn settle(&mut self, now: Nanos, key: u64, class: ClassId, answered: &Answered) {
        match &mut self.kind {
            Kind::Rate(rate) => rate.settle(now, key, class, answered),
            Kind::Concurrent { .. } => {}
            Kind::Cooldown { after, waits, keys } => {
                let failed = after.contains(&answered.status);
                if failed || keys.get(key).is_some() {
                    let cooldown = keys.use_key(key, Cooldown::default, |cooldown| cooldown.is_idle(now));
                    cooldown.answered(now, failed, waits);
                }
            }
        }
    }

    /// Gives back the place of a request that began then.
    pub fn release(&mut self, key: u64, since: Nanos) {
        if let Kind::Concurrent { keys, .. } = &mut self.kind
            && let Some(open) = keys.get(key)
        {
            open.close(since);
        }
    }

    /// What quota headers tell of a rate.
    pub fn standing(&mut self, now: Nanos, key: u64) -> Option<Binding> {
        let Kind::Rate(rate) = &mut self.kind else { return None };
        let standing = rate.limiter(now, key).standing(now);
        Some(Binding { class: self.owner, window: rate.terms.rate.per, standing })
    }

    #[cfg(test)]
    pub fn keys_kept(&self) -> usize {
        match &self.kind {
            Kind::Rate(rate) => rate.keys.len(),
            Kind::Concurrent { keys, .. } => keys.len(),
            Kind::Cooldown { keys, .. } => keys.len(),
        }
    }
}

impl RateBudget {
    fn new(policy: &Policy, limit: &RateLimit, reading: Reading, faults: &[Fault]) -> Self {
        let bent = |allow: u32| {
            if faults.contains(&Fault::AdmitsTooMuch) {
                allow.saturating_add(allow.div_ceil(2))
            } else if faults.contains(&Fault::RefusesTooEarly) && allow > 0 {
                (allow / 2).max(1)
            } else {
                allow
            }
        };
        let mut terms = Terms::of(limit, Anchor { unix_nanos: 0 });
        (terms.rate.allow, terms.burst) = (bent(limit.allow), limit.burst.map(bent));
        let (stated, unstated) = limit.penalty.iter().cloned().partition::<Vec<_>, _>(|penalty| penalty.stated);
        let counts = match (limit.counts_statuses.is_empty(), limit.counts_refused) {
            _ if faults.contains(&Fault::RefusalsCharged) => Counts::All,
            (false, _) => Counts::Answers(limit.counts_statuses.clone()),
            (true, CountsRefused::Yes) => Counts::All,
            (true, CountsRefused::No | CountsRefused::Unspecified) => Counts::Admitted,
        };
        RateBudget {
            reading,
            terms,
            penalty: stated.into_iter().next(),
            unstated: unstated.into_iter().next(),
            costs: (0..policy.classes.len()).map(|class| policy.cost(&limit.cost, ClassId(class as u8))).collect(),
            cost_is_told: matches!(limit.cost, Cost::Told { .. }),
            counts,
            free: limit.free_statuses.clone(),
            keys: Keys::new(),
        }
    }

    fn limiter(&mut self, now: Nanos, key: u64) -> &mut Box<dyn Limiter + Send> {
        let (reading, terms, penalty) = (self.reading, self.terms, &self.penalty);
        let make = || match penalty {
            Some(penalty) => Box::new(PenaltyBox::new(build(reading, terms), penalty)),
            None => build(reading, terms),
        };
        self.keys.use_key(key, make, |limiter| limiter.is_new(now))
    }

    /// What a request takes when it is admitted, before its answer is known.
    fn taken_at_once(&self, class: ClassId) -> u32 {
        match self.counts {
            Counts::Admitted | Counts::All => self.costs[class.index()],
            Counts::Answers(_) => 0,
        }
    }

    fn settle(&mut self, now: Nanos, key: u64, class: ClassId, answered: &Answered) {
        let taken = self.taken_at_once(class);
        let told = answered.charged.filter(|_| self.cost_is_told);
        let cost = match &self.counts {
            Counts::Answers(statuses) if !statuses.contains(&answered.status) => 0,
            _ if self.free.contains(&answered.status) => 0,
            _ => told.unwrap_or(self.costs[class.index()]),
        };
        if cost > taken {
            self.limiter(now, key).count(now, cost - taken);
        } else if cost < taken {
            self.limiter(now, key).give_back(now, answered.since, taken - cost);
        }
    }
}
