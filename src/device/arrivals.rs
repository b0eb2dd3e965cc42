//! Processes of arrivals: open loop, never early, and without catching up after a stall.

use super::cadence::Cadence;
use super::draws::Draws;
use crate::scenario::arrivals::{Arrivals, Shape, Whose};
use crate::time::Nanos;

/// An arrival that is this late is given up when a newer one has come as well. What is less late is made, all of it:
/// independent arrivals may lie closer together than any timer can tell apart.
pub const PATIENCE: Nanos = Nanos::from_millis(100);

/// Where a process of arrivals stands. What it follows is the [`Arrivals`] given to each call, always the same.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its times are counted from here.
    origin: Nanos,
    next: Nanos,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Cadence(Cadence),
    /// The next arrival's number, every `stride`-th of which is this client's. `phase` moves all of them by a part of the
    /// gap between two, so that clients with equal processes do not march in step.
    Numbered {
        number: u64,
        stride: u64,
        phase: f64,
    },
    Random {
        draws: Draws,
        per_second: f64,
    },
}

impl Process {
    /// The process of the client of that index among `clients`, which starts at `start`.
    pub fn new(arrivals: &Arrivals, start: Nanos, index: u32, clients: u32, mut draws: Draws) -> Self {
        let together = arrivals.whose == Whose::Together;
        let origin = if together { Nanos::ZERO } else { start };
        let clients = f64::from(clients.max(1));
        let state = match &arrivals.shape {
            Shape::Cadence(cadence) => State::Cadence(Cadence::start(cadence, origin, draws)),
            Shape::Poisson { per_second } => {
                let per_second = if together { per_second / clients } else { *per_second };
                State::Random { draws, per_second }
            }
            _ if together => State::Numbered { number: index.into(), stride: clients as u64, phase: 0.0 },
            _ => State::Numbered { number: 0, stride: 1, phase: draws.share() },
        };
        let mut process = Process { origin, next: origin, state };
        process.next = process.after(arrivals, origin);
        process
    }

    /// When the next arrival comes; never: [`Nanos::MAX`].
    pub fn next(&self) -> Nanos {
        self.next
    }

    /// Calls `arrive` with the due time of each arrival that has come by `now`, and tells how many were given up.
    pub fn fire(&mut self, arrivals: &Arrivals, now: Nanos, mut arrive: impl FnMut(Nanos)) -> u32 {
        let (State::Cadence(cadence), Shape::Cadence(spec)) = (&mut self.state, &arrivals.shape) else {
            return self.fire_all(arrivals, now, arrive);
        };
        let tick = cadence.fire(spec, now);
        self.next = cadence.next();
        tick.map_or(0, |tick| {
            arrive(tick.due);
            tick.missed
        })
    }

    fn fire_all(&mut self, arrivals: &Arrivals, now: Nanos, mut arrive: impl FnMut(Nanos)) -> u32 {
        let stale = now.saturating_sub(PATIENCE);
        let mut missed = 0u32;
        while self.next <= now {
            let due = self.next;
            let mut together = 0u32;
            while self.next == due {
                together = together.saturating_add(1);
                self.next = self.after(arrivals, due);
            }
            if due < stale && self.next <= now {
                missed = missed.saturating_add(together);
            } else {
                (0..together).for_each(|_| arrive(due));
            }
        }
        missed
    }

    /// Gives up, unseen, what comes before `until`: the client is not there.
    pub fn skip(&mut self, arrivals: &Arrivals, until: Nanos) {
        match (&mut self.state, &arrivals.shape) {
            (State::Cadence(cadence), Shape::Cadence(spec)) => {
                cadence.restart(spec, until);
                self.next = cadence.next();
            }
            _ => {
                while self.next < until {
                    self.next = self.after(arrivals, self.next);
                }
            }
        }
    }

    /// The arrival behind the one at `last`.
    fn after(&mut self, arrivals: &Arrivals, last: Nanos) -> Nanos {
        match &mut self.state {
            State::Cadence(cadence) => cadence.next(),
            State::Random { draws, per_second } => {
                last.saturating_add(Nanos::from_secs_f64(draws.exponential() / *per_second))
            }
            State::Numbered { number, stride, phase } => {
                let at = place(&arrivals.shape, *number, *phase);
                *number = number.saturating_add(*stride);
                at.map_or(Nanos::MAX, |at| self.origin.saturating_add(at))
            }
        }
    }
}

/// When the arrival of that number comes, counted from 0; None when there is no such arrival.
fn place(shape: &Shape, number: u64, phase: f64) -> Option<Nanos> {
    let count = number as f64 + phase;
    match shape {
        Shape::Constant { per_second } => Some(Nanos::from_secs_f64(count / per_second)),
        Shape::Ramp { from_per_second, to_per_second, over } => {
            ramp(*from_per_second, *to_per_second, over.as_secs_f64(), count)
        }
        Shape::Burst { size, every } => Some(Nanos(every.0.saturating_mul(number / u64::from((*size).max(1))))),
        Shape::Times(times) => times.get(usize::try_from(number).ok()?).copied(),
        // These are not counted.
        Shape::Cadence(_) | Shape::Poisson { .. } => None,
    }
}

/// When `count` arrivals have come, at a rate that goes evenly from `from` to `to` within `over` seconds and stays there:
/// the inverse of the area under the rate.
fn ramp(from: f64, to: f64, over: f64, count: f64) -> Option<Nanos> {
    let in_ramp = (from + to) / 2.0 * over;
    let seconds = if count <= 0.0 {
        0.0
    } else if count <= in_ramp {
        // The root of slope/2 t² + from t = count, in the form that loses no digits.
        let slope = (to - from) / over;
        2.0 * count / (from + (from * from + 2.0 * slope * count).max(0.0).sqrt())
    } else if to > 0.0 {
        over + (count - in_ramp) / to
    } else {
        return None;
    };
    Some(Nanos::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fleet::CadenceSpec;
    use proptest::prelude::*;

    fn secs(seconds: f64) -> Nanos {
        Nanos::from_secs_f64(seconds)
    }

    fn process(arrivals: &Arrivals, index: u32, clients: u32, seed: u64) -> Process {
        Process::new(arrivals, Nanos::ZERO, index, clients, Draws::seeded(seed ^ (u64::from(index) << 32)))
    }

    /// The arrivals of all clients before `end`, each woken when it asked to be, in order.
    fn all(shape: Shape, whose: Whose, clients: u32, seed: u64, end: Nanos) -> Vec<Nanos> {
        let arrivals = Arrivals { shape, whose };
        let mut times = Vec::new();
        for index in 0..clients {
            let mut process = process(&arrivals, index, clients, seed);
            while process.next() < end {
                let now = process.next();
                let missed = process.fire(&arrivals, now, |due| {
                    assert_eq!(due, now);
                    times.push(due);
                });
                assert_eq!(missed, 0);
            }
        }
        times.sort_unstable();
        times
    }

    /// By times: how many arrivals come in `from..to`.
    fn within(times: &[Nanos], from: f64, to: f64) -> f64 {
        times.iter().filter(|&&at| at >= secs(from) && at < secs(to)).count() as f64
    }

    /// The area under a rate between two times, summed up in small steps.
    fn area(rate: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
        const STEPS: u32 = 2_000;
        let step = (to - from) / f64::from(STEPS);
        (0..STEPS).map(|index| rate(from + (f64::from(index) + 0.5) * step) * step).sum()
    }

    proptest! {
        #[test]
        fn a_constant_rate_fills_every_window_alike(
            per_second in 0.2..300.0f64, from in 0.0..8.0f64, length in 0.0..2.0f64, clients in 1..5u32, seed: u64,
        ) {
            for (whose, rate) in [(Whose::Each, per_second * f64::from(clients)), (Whose::Together, per_second)] {
                let times = all(Shape::Constant { per_second }, whose, clients, seed, secs(10.0));
                let slack = if whose == Whose::Each { f64::from(clients) } else { 1.0 };
                let found = within(&times, from, from + length);
                prop_assert!((found - rate * length).abs() <= slack + 1e-6, "{found} of {} ({whose:?})", rate * length);
            }
        }

        #[test]
        fn a_ramp_fills_every_window_as_the_area_under_its_rate(
            from in 0.0..50.0f64, to in 0.5..50.0f64, over in 0.5..8.0f64, begin in 0.0..8.0f64, length in 0.1..2.0f64,
            clients in 1..4u32, seed: u64,
        ) {
            let rate = |t: f64| if t < over { from + (to - from) * t / over } else { to };
            let shape = Shape::Ramp { from_per_second: from, to_per_second: to, over: secs(over) };
            let times = all(shape, Whose::Together, clients, seed, secs(10.0));
            let (found, expected) = (within(&times, begin, begin + length), area(rate, begin, begin + length));
            prop_assert!((found - expected).abs() <= 1.0 + 0.02 * expected, "{found} of {expected}");
        }

        #[test]
        fn bursts_come_whole_and_in_time(size in 1..300u32, millis in 1..3_000u64, clients in 1..5u32) {
            let every = Nanos::from_millis(millis);
            let end = Nanos(every.0 * 4 + 1);
            let mut expected: Vec<Nanos> = (0..5).flat_map(|burst| vec![Nanos(every.0 * burst); size as usize]).collect();
            let shape = Shape::Burst { size, every };
            prop_assert_eq!(&all(shape.clone(), Whose::Together, clients, 1, end), &expected);
            expected = expected.iter().flat_map(|&at| vec![at; clients as usize]).collect();
            prop_assert_eq!(&all(shape, Whose::Each, clients, 1, end), &expected);
        }

        #[test]
        fn recorded_times_are_kept_and_dealt_out_whole(
            mut times in prop::collection::vec(0..5_000u64, 1..40), clients in 1..5u32,
        ) {
            times.sort_unstable();
            let times: Vec<Nanos> = times.into_iter().map(Nanos::from_millis).collect();
            let shape = Shape::Times(times.clone().into());
            prop_assert_eq!(&all(shape.clone(), Whose::Together, clients, 1, secs(9.0)), &times);
            let each: Vec<Nanos> = times.iter().flat_map(|&at| vec![at; clients as usize]).collect();
            prop_assert_eq!(&all(shape, Whose::Each, clients, 1, secs(9.0)), &each);
        }

        /// Whenever a client is woken, however late: nothing early, nothing twice, and after a stall only the newest and what
        /// is hardly late.
        #[test]
        fn a_stall_is_not_caught_up_with(
            which in 0..4usize, naps in prop::collection::vec(0..900u64, 1..60), seed: u64,
        ) {
            let shapes = [
                Shape::Constant { per_second: 40.0 },
                Shape::Poisson { per_second: 40.0 },
                Shape::Burst { size: 5, every: Nanos::from_millis(130) },
                Shape::Ramp { from_per_second: 1.0, to_per_second: 90.0, over: secs(5.0) },
            ];
            let arrivals = Arrivals { shape: shapes[which].clone(), whose: Whose::Each };
            let mut woken = process(&arrivals, 0, 1, seed);
            let (mut now, mut made, mut missed) = (Nanos::ZERO, Vec::new(), 0);
            for nap in naps {
                now = woken.next().max(now + Nanos::from_millis(nap));
                let before = made.len();
                missed += woken.fire(&arrivals, now, |due| made.push(due)) as usize;
                let newest = *made.last().unwrap();
                for &due in &made[before..] {
                    prop_assert!(due <= now, "early");
                    prop_assert!(due == newest || due >= now.saturating_sub(PATIENCE), "{due} caught up at {now}");
                }
                prop_assert!(woken.next() > now);
            }
            let expected = all(arrivals.shape.clone(), Whose::Each, 1, seed, Nanos(now.0 + 1));
            prop_assert_eq!(made.len() + missed, expected.len());
            prop_assert!(made.iter().all(|due| expected.contains(due)));
        }
    }

    /// Of a Poisson process counts in windows have a variance as large as their mean, and what several clients have together
    /// is one again.
    #[test]
    fn independent_arrivals_have_the_mean_and_the_variance_of_a_poisson_process() {
        const WINDOWS: usize = 20_000;
        for (whose, clients, mean) in [(Whose::Each, 1, 5.0), (Whose::Together, 7, 5.0), (Whose::Each, 3, 15.0)] {
            let end = secs(WINDOWS as f64);
            let times = all(Shape::Poisson { per_second: 5.0 }, whose, clients, 42, end);
            let mut counts = vec![0.0; WINDOWS];
            times.iter().for_each(|at| counts[at.as_secs() as usize] += 1.0);
            let found = counts.iter().sum::<f64>() / WINDOWS as f64;
            let variance = counts.iter().map(|count| (count - found).powi(2)).sum::<f64>() / WINDOWS as f64;
            // Four standard errors of each.
            assert!((found - mean).abs() < 4.0 * (mean / WINDOWS as f64).sqrt(), "mean {found} of {mean}");
            let error = ((2.0 * mean * mean + mean) / WINDOWS as f64).sqrt();
            assert!((variance - mean).abs() < 4.0 * error, "variance {variance} of {mean}");
            // Gaps of an exponential: the share of those longer than the mean is 1/e.
            let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).0).collect();
            let long = gaps.iter().filter(|&&gap| gap as f64 > 1e9 / mean).count() as f64 / gaps.len() as f64;
            assert!((long - (-1.0f64).exp()).abs() < 0.01, "{long}");
        }
    }

    #[test]
    fn a_client_that_is_away_neither_makes_nor_counts_what_comes_meanwhile() {
        let shapes = [
            Shape::Constant { per_second: 10.0 },
            Shape::Poisson { per_second: 10.0 },
            Shape::Cadence(CadenceSpec { every: secs(0.1), jitter: 0.0 }),
        ];
        for shape in shapes {
            let arrivals = Arrivals { shape, whose: Whose::Each };
            let mut process = process(&arrivals, 0, 1, 3);
            process.skip(&arrivals, secs(5.0));
            assert!((secs(5.0)..secs(7.0)).contains(&process.next()), "{arrivals:?}: {}", process.next());
            let now = process.next();
            assert_eq!(process.fire(&arrivals, now, |due| assert_eq!(due, now)), 0);
        }
    }

    #[test]
    fn a_rate_that_falls_to_nothing_ends() {
        let shape = Shape::Ramp { from_per_second: 10.0, to_per_second: 0.0, over: secs(4.0) };
        let times = all(shape, Whose::Together, 1, 1, Nanos::MAX);
        assert_eq!(times.len(), 21, "20 under the ramp, and the one at its very beginning");
        assert!(*times.last().unwrap() <= secs(4.0));
    }
}
