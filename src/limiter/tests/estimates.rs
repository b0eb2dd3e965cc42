//! Rolling windows that are estimated in other ways than [`Reading::RollingCounter`] says, each against a naive count.

use super::*;

/// What was counted, when.
type Counted = Vec<(u64, u64)>;

/// What windows that begin at these moments, the last one last, have left.
fn left(counted: &Counted, begin: u64, now: u64, rounding: Rounding) -> u32 {
    let within = |from: u64, to: u64| -> u64 {
        counted.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, cost)| cost).sum()
    };
    let current = within(begin, begin + PER);
    let overlap = within(begin.saturating_sub(PER), begin) * (begin + PER - now);
    let carried = if rounding == Rounding::Up { overlap.div_ceil(PER) } else { overlap / PER };
    u64::from(ALLOW).saturating_sub(carried + current) as u32
}

/// Plays steps, and holds each decision, its wait and the reset against the naive count.
fn compare_with_count(
    limiter: &mut dyn Limiter,
    rounding: Rounding,
    steps: &[Step],
    begin: impl Fn(&Counted, u64) -> u64,
) {
    let mut counted = Counted::new();
    let mut now = 0;
    for &(gap, cost, _) in steps {
        now += gap + 1;
        let left_at = |at: u64| left(&counted, begin(&counted, at), at, rounding);
        let standing = limiter.standing(Nanos(now));
        assert_eq!(standing.remaining, left_at(now), "{rounding:?} at {now} after {counted:?}");
        assert_eq!(left_at(now + standing.reset.0), ALLOW);
        assert!(standing.reset == Nanos::ZERO || left_at(now + standing.reset.0 - 1) < ALLOW);
        let decision = limiter.check(Nanos(now), cost);
        assert_eq!(decision.admitted, cost <= left_at(now), "{rounding:?} at {now} after {counted:?}");
        let wait = decision.retry_after.0;
        assert!(cost <= left_at(now + wait), "{rounding:?} refuses after its own wait");
        assert!(wait == 0 || cost > left_at(now + wait - 1), "{rounding:?} would admit earlier");
        if decision.admitted && cost > 0 {
            counted.push((now, cost.into()));
        }
    }
}

/// Windows on the clock.
fn on_the_clock(_: &Counted, now: u64) -> u64 {
    now - (now + ANCHOR.unix_nanos) % PER
}

/// Windows that follow each other from a request on, and begin anew after two without any.
fn from_requests(counted: &Counted, now: u64) -> u64 {
    let mut begin: Option<u64> = None;
    let mut last_used = 0;
    for at in counted.iter().map(|(at, _)| *at) {
        let window = begin.map(|begin| (at - begin) / PER);
        let idle = window.is_none_or(|window| window >= last_used + 2);
        (begin, last_used) = if idle { (Some(at), 0) } else { (begin, window.unwrap_or_default()) };
    }
    match begin {
        Some(begin) if (now - begin) / PER < last_used + 2 => begin + (now - begin) / PER * PER,
        _ => now,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn estimates_on_the_clock_do_what_they_say(steps in steps()) {
        // A window that began before time did is not the naive count's.
        let later: Vec<Step> = [(PER, 0, false)].into_iter().chain(steps).collect();
        for rounding in [Rounding::Up, Rounding::Down] {
            let mut limiter = RollingCounter::rounded(RATE, ANCHOR, rounding);
            compare_with_count(&mut limiter, rounding, &later, on_the_clock);
        }
    }

    #[test]
    fn estimates_from_requests_do_what_they_say(steps in steps()) {
        for rounding in [Rounding::Up, Rounding::Down] {
            let mut limiter = RollingCounterFirstHit::new(RATE, rounding);
            compare_with_count(&mut limiter, rounding, &steps, from_requests);
        }
    }
}

#[test]
fn windows_from_requests_begin_anew_after_two_without_any() {
    let mut limiter = RollingCounterFirstHit::new(RATE, Rounding::Down);
    assert!(limiter.is_new(Nanos(100)) && limiter.window_rest(Nanos(100)).is_none());
    limiter.count(Nanos(100), 1);
    assert_eq!(limiter.window_rest(Nanos(2_000)), Some(Nanos(100)));
    assert!(!limiter.is_new(Nanos(2_000)) && limiter.is_new(Nanos(2_100)));
    limiter.count(Nanos(2_300), 2);
    assert_eq!(limiter.window_rest(Nanos(2_300)), Some(Nanos(PER)));
    limiter.give_back(Nanos(2_400), Nanos(2_300), 2);
    assert_eq!(limiter.standing(Nanos(2_400)).remaining, ALLOW);
}
