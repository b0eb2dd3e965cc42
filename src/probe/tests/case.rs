//! Limiters of which everything is known, and the hypotheses that are true of them.

use super::world::{Server, World};
use crate::limiter::{Concurrency, LeakyQueue, Limiter, PenaltyBox, Rate, Terms, build};
use crate::policy::model::{Blocks, Penalty};
use crate::policy::reading::Reading;
use crate::probe::candidates::Documented;
use crate::probe::family::{Family, PenaltyKind, Shape};
use crate::probe::hypothesis::{Span, Terms as Box_};
use crate::probe::prober::Brief;
use crate::time::Nanos;

/// A limiter of which everything is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Truth {
    Rate(Reading),
    Charging(Reading),
    Barred(Reading, PenaltyKind),
    Queue,
    Concurrent,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub truth: Truth,
    pub allow: u32,
    pub per: Nanos,
    pub seed: u64,
}

/// The family of our own limiters.
pub fn family(reading: Reading) -> Family {
    match reading {
        Reading::FixedAligned => Family::FixedAligned,
        Reading::FixedFirstHit => Family::FixedFirstHit,
        Reading::Rolling => Family::RollingLog,
        Reading::RollingCounter => Family::RollingCounter,
        Reading::TokenBucket | Reading::LeakyBucket => Family::Bucket,
        Reading::IntervalRefill => Family::IntervalRefill,
    }
}

pub fn penalty_of(case: &Case) -> Nanos {
    case.per * 2
}

impl Case {
    pub fn server(&self) -> Server {
        let rate = Rate { allow: self.allow, per: self.per };
        let terms = |reading| {
            let burst = (reading == Reading::LeakyBucket).then_some(self.allow - 1);
            Terms { burst, anchor: World::anchor(), ..Terms::from(rate) }
        };
        let both = |make: &dyn Fn() -> Box<dyn Limiter + Send>| vec![make(), make()];
        match self.truth {
            Truth::Rate(reading) => Server::Rate(both(&|| build(reading, terms(reading)))),
            Truth::Charging(reading) => Server::Charging(both(&|| build(reading, terms(reading)))),
            Truth::Barred(reading, kind) => {
                let extends = Some(kind == PenaltyKind::Extended);
                let penalty = Penalty { lasts: penalty_of(self), stated: true, extends, blocks: Blocks::Class };
                Server::Rate(both(&|| Box::new(PenaltyBox::new(build(reading, terms(reading)), &penalty))))
            }
            Truth::Queue => Server::Queue(vec![LeakyQueue::new(rate, self.allow - 1); 2]),
            Truth::Concurrent => Server::Concurrent {
                allow: self.allow.min(20) as usize,
                service: Nanos::from_millis(200),
                open: vec![Concurrency::default(); 2],
            },
        }
    }

    pub fn shape(&self) -> Shape {
        match self.truth {
            Truth::Rate(reading) => family(reading).into(),
            Truth::Charging(reading) => Shape { charges_refused: true, ..family(reading).into() },
            Truth::Barred(reading, kind) => Shape { penalty: Some(kind), ..family(reading).into() },
            Truth::Queue => Family::LeakyQueue.into(),
            Truth::Concurrent => Family::Concurrency.into(),
        }
    }

    pub fn limit(&self) -> u32 {
        if self.truth == Truth::Concurrent { self.allow.min(20) } else { self.allow }
    }

    pub fn window(&self) -> Nanos {
        match self.shape().family {
            Family::Bucket | Family::LeakyQueue => Nanos(self.per.0 / u64::from(self.allow)),
            _ => self.per,
        }
    }

    /// The hypothesis that is true.
    pub fn truth(&self) -> (Shape, Box_) {
        let window = self.window();
        let phase = Nanos(window.0 - World::anchor().unix_nanos % window.0);
        let penalty = Span::exactly(penalty_of(self));
        (self.shape(), Box_ { phase: Span::exactly(phase), penalty, ..Box_::new(self.limit(), Span::exactly(window)) })
    }

    /// A probe of plenty that is told what is true.
    pub fn brief(&self) -> Brief {
        let documented = match self.truth {
            Truth::Concurrent => Documented::Concurrent { allow: self.limit() },
            _ => Documented::Rate { allow: self.allow, per: self.per, burst: None },
        };
        Brief {
            documented: vec![documented],
            requests: 2_000,
            within: self.per * 40 + Nanos::from_secs(60),
            second: true,
            anchor: World::anchor(),
        }
    }
}
