//! Every algorithm, several limits: is the family named rightly, the limit exactly, the rest within its interval? And is
//! what is true never contradicted by what was seen? The environment variable `PROBE_SEEDS` asks for long windows too, and
//! for so many seeds; `--nocapture` shows the table.

use std::fmt::Write as _;

use super::world::{Server, World};
use crate::limiter::{Concurrency, LeakyQueue, Limiter, PenaltyBox, Rate, Terms, build};
use crate::policy::model::{Blocks, Penalty};
use crate::policy::reading::Reading;
use crate::probe::candidates::Documented;
use crate::probe::family::{Family, PenaltyKind, Shape};
use crate::probe::hypothesis::{Hypothesis, Span, Terms as Box_};
use crate::probe::prober::{Brief, Prober};
use crate::time::Nanos;

/// A limiter of which everything is known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    Rate(Reading),
    Charging(Reading),
    Barred(Reading, PenaltyKind),
    Queue,
    Concurrent,
}

/// How many per so many seconds.
const LIMITS: [(u32, u64); 4] = [(5, 1), (10, 10), (60, 60), (100, 3600)];
/// Those that are tried in every test run.
const QUICK: usize = 2;

#[derive(Clone, Copy, Debug)]
struct Case {
    truth: Truth,
    allow: u32,
    per: Nanos,
    seed: u64,
}

fn penalty_of(case: &Case) -> Nanos {
    case.per * 2
}

impl Case {
    fn server(&self) -> Server {
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

    fn shape(&self) -> Shape {
        let family = |reading| match reading {
            Reading::FixedAligned => Family::FixedAligned,
            Reading::FixedFirstHit => Family::FixedFirstHit,
            Reading::Rolling => Family::RollingLog,
            Reading::RollingCounter => Family::RollingCounter,
            Reading::TokenBucket | Reading::LeakyBucket => Family::Bucket,
            Reading::IntervalRefill => Family::IntervalRefill,
        };
        match self.truth {
            Truth::Rate(reading) => family(reading).into(),
            Truth::Charging(reading) => Shape { charges_refused: true, ..family(reading).into() },
            Truth::Barred(reading, kind) => Shape { penalty: Some(kind), ..family(reading).into() },
            Truth::Queue => Family::LeakyQueue.into(),
            Truth::Concurrent => Family::Concurrency.into(),
        }
    }

    fn limit(&self) -> u32 {
        if self.truth == Truth::Concurrent { self.allow.min(20) } else { self.allow }
    }

    fn window(&self) -> Nanos {
        match self.shape().family {
            Family::Bucket | Family::LeakyQueue => Nanos(self.per.0 / u64::from(self.allow)),
            _ => self.per,
        }
    }

    /// The hypothesis that is true.
    fn truth(&self) -> (Shape, Box_) {
        let window = self.window();
        let phase = Nanos(window.0 - World::anchor().unix_nanos % window.0);
        let penalty = Span::exactly(penalty_of(self));
        (self.shape(), Box_ { phase: Span::exactly(phase), penalty, ..Box_::new(self.limit(), Span::exactly(window)) })
    }

    fn probe(&self) -> Prober {
        let documented = match self.truth {
            Truth::Concurrent => Documented::Concurrent { allow: self.limit() },
            _ => Documented::Rate { allow: self.allow, per: self.per, burst: None },
        };
        let brief = Brief {
            documented: vec![documented],
            requests: 2_000,
            within: self.per * 40 + Nanos::from_secs(60),
            second: true,
            anchor: World::anchor(),
        };
        World::new(self.server(), self.seed).probe(brief)
    }
}

/// How a probe did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Result {
    Right,
    /// The family is right, and a number is not.
    Number,
    Unsettled,
    /// Sure of something else.
    Wrong,
}

fn judge(case: &Case, prober: &Prober) -> Result {
    let Some(settled) = prober.belief().settled(0.99) else { return Result::Unsettled };
    let (shape, truth) = (settled.shape, case.shape());
    if shape.penalty != truth.penalty || settled.behind && shape != truth {
        return Result::Wrong;
    }
    if !settled.behind {
        let limits = prober.belief().of(shape);
        return if limits.iter().all(|it| it.terms.limit == case.limit()) { Result::Right } else { Result::Number };
    }
    let fits = |hypothesis: &&Hypothesis| hypothesis.terms.limit == case.limit();
    let of_shape = prober.belief().of(shape);
    if !of_shape.iter().all(fits) {
        return Result::Number;
    }
    let holds = |span: Span, length: Nanos| case.truth == Truth::Concurrent || span.holds(length);
    match of_shape.iter().any(|hypothesis| holds(hypothesis.terms.window, case.window())) {
        true => Result::Right,
        false => Result::Number,
    }
}

fn described(prober: &Prober) -> String {
    let mut text =
        format!("{:?} after {} requests, {} experiments;", prober.ended(), prober.spent(), prober.made().len());
    for share in prober.belief().shares().iter().take(3) {
        let _ = write!(text, " {:.4} {:?}", share.share, share.shape);
    }
    for hypothesis in prober.belief().open().0.iter().take(4) {
        let terms = hypothesis.terms;
        let _ = write!(
            text,
            "\n      {:?}{} L={} r={} W={}..{} phase={}..{} pen={}..{} wrong={} slow={}",
            hypothesis.shape.family,
            if hypothesis.shape.penalty.is_some() { "+P" } else { "" },
            terms.limit,
            terms.refill,
            terms.window.low,
            terms.window.high,
            terms.phase.low,
            terms.phase.high,
            terms.penalty.low,
            terms.penalty.high,
            hypothesis.mismatches,
            hypothesis.slow
        );
    }
    text
}

/// Every limit under one algorithm.
#[expect(clippy::print_stdout, reason = "the table is what a long run is made for")]
fn check(truth: Truth, least: f64) {
    let seeds: Option<u64> = std::env::var("PROBE_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let limits = if seeds.is_some() { LIMITS.len() } else { QUICK };
    let seeds = seeds.unwrap_or(1);
    let mut table = String::new();
    let (mut right, mut wrong, mut all) = (0, 0, 0);
    for (allow, per) in LIMITS.into_iter().take(limits) {
        for seed in 0..seeds {
            let case = Case { truth, allow, per: Nanos::from_secs(per), seed };
            let prober = case.probe();
            let result = judge(&case, &prober);
            let (shape, terms) = case.truth();
            assert_eq!(
                Hypothesis::replayed(shape, terms, prober.log()).mismatches,
                0,
                "{case:?}: the truth explains all"
            );
            all += 1;
            right += u32::from(result == Result::Right);
            wrong += u32::from(result == Result::Wrong);
            let more = if result == Result::Right { String::new() } else { described(&prober) };
            let _ = writeln!(
                table,
                "{truth:?} {allow}/{per}s seed {seed}: {result:?} {} {:?} {more}",
                prober.spent(),
                prober.ended()
            );
        }
    }
    println!("{table}{right} of {all} right, {wrong} wrong\n");
    assert_eq!(wrong, 0, "never sure of what is wrong");
    assert!(f64::from(right) >= f64::from(all) * least, "{right} of {all} right");
}

macro_rules! matrix {
    ($($name:ident: $truth:expr, $least:expr;)*) => {
        $(#[test]
        fn $name() {
            check($truth, $least);
        })*
    };
}

matrix! {
    fixed_aligned: Truth::Rate(Reading::FixedAligned), 0.9;
    fixed_first_hit: Truth::Rate(Reading::FixedFirstHit), 0.9;
    rolling_log: Truth::Rate(Reading::Rolling), 0.9;
    rolling_counter: Truth::Rate(Reading::RollingCounter), 0.9;
    token_bucket: Truth::Rate(Reading::TokenBucket), 0.9;
    leaky_bucket: Truth::Rate(Reading::LeakyBucket), 0.9;
    // Often not told from a window on the clock: then it says so.
    interval_refill: Truth::Rate(Reading::IntervalRefill), 0.0;
    rolling_log_that_charges: Truth::Charging(Reading::Rolling), 0.9;
    rolling_log_with_penalty: Truth::Barred(Reading::Rolling, PenaltyKind::Once), 0.9;
    token_bucket_with_penalty: Truth::Barred(Reading::TokenBucket, PenaltyKind::Extended), 0.5;
    leaky_queue: Truth::Queue, 0.9;
    concurrency: Truth::Concurrent, 0.9;
}
