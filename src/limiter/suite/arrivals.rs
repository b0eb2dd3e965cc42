//! Arrivals that look for what a limiter gets wrong: bursts, the edges of windows and their neighbours, one moment many
//! times, years, costs beyond the limit, the ends of what 64 bits can say, and clocks that go back.

use rand::RngExt;

use crate::limiter::{Rate, Terms};
use crate::rng::{DeviceRng, device_rng};
use crate::time::{Anchor, Nanos};

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub now: Nanos,
    pub cost: u32,
}

/// What the arrivals of a play may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Whether time may go back.
    pub backwards: bool,
    /// Whether requests may cost other than one.
    pub costs: bool,
    /// No request comes later.
    pub until: Nanos,
}

const MOST_ARRIVALS: u32 = 60;

/// Arrivals for a limit: a function of the seed.
pub fn arrivals(terms: &Terms, range: Range, seed: u64) -> Vec<Arrival> {
    let mut rng = device_rng(seed, "arrivals", 0);
    let mut now = Nanos::ZERO;
    if rng.random_ratio(1, 4) {
        now = Nanos(rng.random_range(0..=range.until.0));
    }
    let mut arrivals = Vec::new();
    for _ in 0..rng.random_range(1..=MOST_ARRIVALS) {
        now = next(now, terms, range, &mut rng).min(range.until);
        let cost = if range.costs { cost(terms, &mut rng) } else { 1 };
        arrivals.push(Arrival { now, cost });
    }
    arrivals
}

fn next(now: Nanos, terms: &Terms, range: Range, rng: &mut DeviceRng) -> Nanos {
    const YEAR: Nanos = Nanos::from_secs(365 * 86_400);
    let Rate { allow, per } = terms.rate;
    let each = Nanos((per.0 / u64::from(allow)).max(1));
    let off_by_one =
        |at: Nanos, rng: &mut DeviceRng| Nanos(at.0.saturating_add(2).saturating_sub(rng.random_range(1..=3)));
    if range.backwards && rng.random_ratio(1, 8) {
        let back = [Nanos(1), each, per, Nanos(per.0.saturating_mul(3)), now][rng.random_range(0..5)];
        return now.saturating_sub(back);
    }
    match rng.random_range(0..12) {
        0..4 => now,
        4 => now.saturating_add(Nanos(rng.random_range(0..=each.0.saturating_mul(2)))),
        5 => off_by_one(now.saturating_add(each), rng).max(now),
        6 => off_by_one(now.saturating_add(per), rng).max(now),
        7 => off_by_one(edge(now, terms), rng).max(now),
        8 => now.saturating_add(Nanos(per.0 / rng.random_range(2..5))),
        9 => now.saturating_add(Nanos(rng.random_range(0..=per.0.saturating_mul(2)))),
        10 if rng.random_ratio(1, 8) => now.saturating_add(Nanos(YEAR.0.saturating_mul(rng.random_range(1..100)))),
        11 if rng.random_ratio(1, 16) => range.until.saturating_sub(Nanos(rng.random_range(0..3))).max(now),
        _ => now.saturating_add(Nanos(1)),
    }
}

/// The next window on the clock, or now where that cannot be said.
fn edge(now: Nanos, terms: &Terms) -> Nanos {
    let per = u128::from(terms.rate.per.0);
    let clock = u128::from(now.0) + u128::from(terms.anchor.unix_nanos);
    let next = u128::from(now.0) + per - clock % per;
    Nanos(u64::try_from(next).unwrap_or(now.0))
}

fn cost(terms: &Terms, rng: &mut DeviceRng) -> u32 {
    let most = terms.burst.unwrap_or(terms.rate.allow);
    match rng.random_range(0..16) {
        0 => 0,
        1 => most,
        2 => most.saturating_sub(1),
        3 => most.saturating_add(1),
        4 if rng.random_ratio(1, 4) => u32::MAX,
        4..7 => rng.random_range(0..=most.min(7)),
        7..9 => rng.random_range(0..=most),
        _ => 1,
    }
}

/// Limits from the ordinary to the absurd: a function of the seed.
pub fn limits(seed: u64) -> Terms {
    const ALLOW: [u32; 12] = [1, 1, 2, 3, 5, 5, 7, 10, 60, 997, 1_000, u32::MAX];
    const PER: [u64; 11] =
        [1, 2, 7, 1_000, 1_000, 999_999_937, 1_000_000_000, 60_000_000_000, 86_400_000_000_000, 1 << 60, u64::MAX];
    const ANCHORS: [u64; 6] = [0, 0, 250, 5_000_250, 1_773_570_600_123_456_789, u64::MAX];
    let mut rng = device_rng(seed, "limits", 0);
    let rate = Rate { allow: ALLOW[rng.random_range(0..ALLOW.len())], per: Nanos(PER[rng.random_range(0..PER.len())]) };
    let burst = match rng.random_range(0..4) {
        0 => Some(rng.random_range(1..10)),
        1 => Some(rng.random_range(1..=rate.allow)),
        _ => None,
    };
    let anchor = Anchor { unix_nanos: ANCHORS[rng.random_range(0..ANCHORS.len())] };
    Terms { burst, anchor, ..Terms::from(rate) }
}
