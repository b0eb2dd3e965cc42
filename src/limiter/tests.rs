//! Every limiter against a naive past, which looks through all that has happened, and against small cases by hand.

mod adversarial;
mod calendar;
mod concurrency;
mod estimates;
mod past;
mod penalties;
mod stacks;
mod stores;

use proptest::prelude::*;

use super::suite::{Oracle, Past};
use super::*;
use crate::policy::model::{Blocks, Penalty};

const ALLOW: u32 = 5;
const PER: u64 = 1_000;
/// A quarter of a window past its begin.
const ANCHOR: Anchor = Anchor { unix_nanos: 5_000_250 };
const RATE: Rate = Rate { allow: ALLOW, per: Nanos(PER) };

/// A gap, a cost, and what is given back before: nothing, or what was admitted last, or so much before that.
type Step = (u64, u32, Option<usize>);

const NO_PENALTY: Penalty = Penalty { lasts: Nanos::ZERO, stated: true, extends: None, blocks: Blocks::Class };

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Gaps of whole parts of a window meet its edges.
    let gap = prop_oneof![0..300u64, Just(0), Just(250), Just(500), Just(750), Just(1_000), 300..2_500u64];
    prop::collection::vec((gap, 0..4u32, prop::option::weighted(0.2, 0..4usize)), 1..60)
}

fn terms(burst: Option<u32>) -> Terms {
    Terms { burst, anchor: ANCHOR, ..Terms::from(RATE) }
}

/// Plays the steps and compares decision, wait, standing and reset with the oracle's. What is refused is counted all
/// the same while `pays_for_refused`.
fn compare(reading: Reading, burst: Option<u32>, steps: &[Step], pays_for_refused: bool) {
    let mut limiter = build(reading, terms(burst));
    compare_with(&mut *limiter, reading, burst, steps, pays_for_refused);
}

fn compare_with(
    limiter: &mut dyn Limiter,
    reading: Reading,
    burst: Option<u32>,
    steps: &[Step],
    pays_for_refused: bool,
) {
    let mut oracle = Oracle::new(reading, terms(burst));
    let mut admitted = Vec::new();
    let mut now = 0;
    for &(gap, cost, refund) in steps {
        // Times are all different, so that what is given back has one place.
        now += gap + 1;
        if let Some(place) = refund.and_then(|before| admitted.len().checked_sub(before + 1)) {
            let (since, paid) = admitted.remove(place);
            limiter.give_back(Nanos(now), Nanos(since), paid);
            oracle.give_back(Nanos(now), Nanos(since), paid);
        }
        let left = oracle.left(Nanos(now));
        let fits = |at: u64, cost: u32| oracle.fits(Nanos(at), cost);
        let standing = limiter.standing(Nanos(now));
        assert_eq!(standing.remaining, left, "{reading:?} at {now} after {oracle:?}");
        let reset = standing.reset.0;
        assert!(
            fits(now + reset, standing.limit),
            "{reading:?} is not whole at its reset, {reset} after {now}: {oracle:?}"
        );
        assert!(reset == 0 || !fits(now + reset - 1, standing.limit), "{reading:?} is whole before its reset");

        let decision = limiter.check(Nanos(now), cost);
        assert_eq!(decision.admitted, fits(now, cost), "{reading:?} at {now} with {cost} after {oracle:?}");
        if decision.admitted {
            assert_eq!(decision.remaining, left - cost, "{reading:?}");
        } else if cost > standing.limit {
            assert_eq!(decision.retry_after, Nanos::MAX, "{reading:?}");
        } else {
            let wait = decision.retry_after.0;
            assert!(
                fits(now + wait, cost),
                "{reading:?} refuses {cost} after its own wait, {wait} after {now}: {oracle:?}"
            );
            assert!(
                !fits(now + wait - 1, cost),
                "{reading:?} would admit {cost} before {wait} after {now}: {oracle:?}"
            );
        }
        if decision.admitted && cost > 0 {
            admitted.push((now, cost));
        }
        if decision.admitted || pays_for_refused {
            oracle.count(Nanos(now), cost);
        }
        if !decision.admitted && pays_for_refused {
            limiter.count(Nanos(now), cost);
        }
    }
}

proptest! {
    // What is given back and what is counted beyond the limit, in cases that shrink: a fifth as many.
    #![proptest_config(ProptestConfig::with_cases((adversarial::cases() / 5) as u32))]

    #[test]
    fn every_limiter_does_what_its_definition_says(steps in steps(), burst in prop::option::of(3..9u32)) {
        for reading in Reading::KNOWN {
            compare(reading, burst, &steps, false);
        }
    }

    /// A penalty of no time, and two limits that are alike.
    #[test]
    fn what_is_around_a_limiter_does_what_it_does(steps in steps(), burst in prop::option::of(3..9u32)) {
        for reading in Reading::KNOWN {
            let stacked = Stacked::new(vec![build(reading, terms(burst)), build(reading, terms(burst))]);
            compare_with(&mut PenaltyBox::new(stacked, &NO_PENALTY), reading, burst, &steps, false);
        }
        let mut queue = LeakyQueue::new(RATE, burst.unwrap_or(0));
        compare_with(&mut queue, Reading::LeakyBucket, burst, &steps, false);
    }

    /// Buckets cannot be emptier than empty where they are counted in tokens, so windows only.
    #[test]
    fn windows_may_count_what_they_refuse(steps in steps()) {
        let steps: Vec<Step> = steps.into_iter().map(|(gap, cost, _)| (gap, cost, None)).collect();
        for reading in [Reading::Rolling, Reading::FixedAligned, Reading::FixedFirstHit, Reading::RollingCounter] {
            compare(reading, None, &steps, true);
        }
    }

    #[test]
    fn no_reading_of_plain_words_admits_more_than_twice_the_limit_in_a_window(
        gaps in prop::collection::vec(0..900u64, 1..80)
    ) {
        for reading in Reading::ALL {
            let times = admitted(reading, &gaps);
            let in_window_from = |&start: &u64| times.iter().filter(|&&at| at >= start && at < start + PER).count();
            prop_assert!(times.iter().map(in_window_from).max().unwrap_or(0) <= 2 * ALLOW as usize, "{reading:?}");
        }
    }
}

/// A limiter that is wrong in one way.
struct Wrong {
    inner: Box<dyn Limiter + Send>,
    decision: fn(Decision) -> Decision,
    standing: fn(Standing) -> Standing,
    counts: fn(u32) -> u32,
    gives_back: fn(u32) -> u32,
}

impl Limiter for Wrong {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        (self.decision)(self.inner.peek(now, cost))
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.inner.count(now, (self.counts)(cost));
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.inner.give_back(now, since, (self.gives_back)(cost));
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        (self.standing)(self.inner.standing(now))
    }
}

/// Asks for much at once and again just before and after, gives back, and comes back when a window is over.
const BUSY: [Step; 13] = [
    (0, 3, None),
    (10, 2, Some(0)),
    (10, 3, None),
    (10, 1, None),
    (200, 2, Some(0)),
    (100, 3, None),
    (100, 1, Some(0)),
    (999, 3, None),
    (0, 3, None),
    (300, 3, Some(0)),
    (2_000, 2, None),
    (100, 2, None),
    (0, 3, None),
];

#[test]
fn a_limiter_that_is_wrong_by_one_is_told_apart() {
    let later =
        |decision: Decision| Decision { retry_after: decision.retry_after.saturating_add(Nanos(1)), ..decision };
    let sooner =
        |decision: Decision| Decision { retry_after: decision.retry_after.saturating_sub(Nanos(1)), ..decision };
    let richer = |decision: Decision| Decision { remaining: decision.remaining + 1, ..decision };
    let whole_later = |standing: Standing| Standing { reset: standing.reset + Nanos(1), ..standing };
    let whole_sooner = |standing: Standing| Standing { reset: standing.reset.saturating_sub(Nanos(1)), ..standing };
    let has_more = |standing: Standing| Standing { remaining: standing.remaining + 1, ..standing };
    for reading in Reading::KNOWN {
        // A leaky bucket of `allow` in all.
        let burst = (reading == Reading::LeakyBucket).then_some(ALLOW - 1);
        let right = || Wrong {
            inner: build(reading, terms(burst)),
            decision: |decision| decision,
            standing: |standing| standing,
            counts: |cost| cost,
            gives_back: |cost| cost,
        };
        let wrongs: [(&str, Wrong); 9] = [
            ("a longer wait", Wrong { decision: later, ..right() }),
            ("a shorter wait", Wrong { decision: sooner, ..right() }),
            ("more left after a request", Wrong { decision: richer, ..right() }),
            ("a later reset", Wrong { standing: whole_later, ..right() }),
            ("an earlier reset", Wrong { standing: whole_sooner, ..right() }),
            ("more left", Wrong { standing: has_more, ..right() }),
            ("counts too much", Wrong { counts: |cost| cost + 1, ..right() }),
            ("counts too little", Wrong { counts: |cost| cost.saturating_sub(1), ..right() }),
            ("gives nothing back", Wrong { gives_back: |_| 0, ..right() }),
        ];
        compare_with(&mut right(), reading, burst, &BUSY, false);
        for (name, mut wrong) in wrongs {
            let play = std::panic::AssertUnwindSafe(|| compare_with(&mut wrong, reading, burst, &BUSY, false));
            assert!(std::panic::catch_unwind(play).is_err(), "{reading:?} with {name} goes unnoticed");
        }
    }
}

fn admitted(reading: Reading, gaps: &[u64]) -> Vec<u64> {
    let mut limiter = build(reading, RATE);
    let mut now = 0;
    let mut times = Vec::new();
    for gap in gaps {
        now += gap;
        if limiter.check(Nanos(now), 1).admitted {
            times.push(now);
        }
    }
    times
}

#[test]
fn aligned_windows_let_twice_the_limit_through_at_an_edge_and_a_rolling_one_does_not() {
    let gaps = [900, 0, 0, 0, 0, 100, 0, 0, 0, 0];
    assert_eq!(admitted(Reading::FixedAligned, &gaps).len(), 10);
    assert_eq!(admitted(Reading::Rolling, &gaps).len(), 5);
}

#[test]
fn remaining_counts_down_to_zero() {
    for reading in Reading::ALL {
        let mut limiter = build(reading, RATE);
        let remaining: Vec<u32> = (0..6).map(|_| limiter.check(Nanos(5), 1).remaining).collect();
        assert_eq!(remaining, [4, 3, 2, 1, 0, 0], "{reading:?}");
    }
}

/// nginx: `rate=10r/s`, `burst=15 nodelay`.
#[test]
fn a_leaky_bucket_admits_its_burst_and_one_more_at_once() {
    let rate = Rate { allow: 10, per: Nanos::from_secs(1) };
    let mut limiter = build(Reading::LeakyBucket, Terms { burst: Some(15), ..Terms::from(rate) });
    assert_eq!((0..50).filter(|_| limiter.check(Nanos(7), 1).admitted).count(), 16);
    assert_eq!(limiter.peek(Nanos(7), 1).retry_after, Nanos::from_millis(100));
}
