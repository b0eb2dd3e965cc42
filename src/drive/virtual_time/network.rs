//! The network between devices and target: how long a round trip takes, and whether it succeeds.

use crate::device::draws::Draws;
use crate::rng::device_rng;
use crate::scenario::target::Network;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// The standard normal's 99th percentile.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// How many equally likely latencies stand for the distribution.
const PLACES: usize = 1 << 12;

/// What all trips over a network have in common. Round trips are log-normal, by their median and 99th percentile: the
/// quantiles are looked up between places of a table, and beyond its ends worked out.
#[derive(Clone, Debug)]
pub struct Weather {
    loss: f64,
    median: Nanos,
    sigma: f64,
    /// The latency at each place's lower end, in nanoseconds; the first and the last place are not used.
    quantiles: Box<[f64]>,
}

/// One device's way to the target. Each has its own draws: another group's traffic does not change them.
#[derive(Clone, Debug)]
pub struct Way {
    draws: Draws,
    /// Drawn ahead of its time, so that nothing waits for the table.
    next: Trip,
}

/// One request's luck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    pub latency: Nanos,
    pub lost: bool,
}

impl Weather {
    pub fn of(network: &Network) -> Self {
        let spread = network.latency_p99.as_secs_f64() / network.latency_median.as_secs_f64();
        let sigma = if spread.is_finite() { libm::log(spread).max(0.0) / NORMAL_P99 } else { 0.0 };
        let median = network.latency_median;
        let at = |place: usize| median.0 as f64 * libm::exp(sigma * normal_quantile(place as f64 / PLACES as f64));
        let quantiles = (0..PLACES).map(|place| if place == 0 { 0.0 } else { at(place) }).collect();
        Weather { loss: network.loss, median, sigma, quantiles }
    }

    fn trip(&self, draws: &mut Draws) -> Trip {
        let latency = self.latency(draws);
        Trip { latency, lost: self.loss > 0.0 && draws.chance(self.loss) }
    }

    fn latency(&self, draws: &mut Draws) -> Nanos {
        let share = draws.share() * PLACES as f64;
        let place = share as usize;
        if place == 0 || place + 1 >= PLACES {
            return self.median.scale(libm::exp(self.sigma * normal_quantile((share / PLACES as f64).max(1e-12))));
        }
        let (low, high) = (self.quantiles[place], self.quantiles[place + 1]);
        Nanos((low + (high - low) * (share - place as f64)) as u64)
    }
}

impl Way {
    pub fn of(scenario: &Scenario, weather: &Weather, device: DeviceId) -> Self {
        let group = scenario.group_of(device);
        let label = format!("network of {}", group.name);
        Way::new(Draws::fork(&mut device_rng(scenario.seed, &label, device.0 - group.first.0)), weather)
    }

    fn new(mut draws: Draws, weather: &Weather) -> Self {
        Way { next: weather.trip(&mut draws), draws }
    }

    /// The next round trip.
    pub fn trip(&mut self, weather: &Weather) -> Trip {
        std::mem::replace(&mut self.next, weather.trip(&mut self.draws))
    }
}

/// The standard normal's value below which a share of it lies: by Newton's method on the error function, which has few
/// steps to go from anywhere near.
fn normal_quantile(share: f64) -> f64 {
    const ROOT_2: f64 = std::f64::consts::SQRT_2;
    let tail = share.min(1.0 - share);
    // A first guess that is right to a few hundredths in the middle and a few tenths in the tails.
    let depth = libm::sqrt(-2.0 * libm::log(tail));
    let mut value = depth - (2.307_53 + 0.270_61 * depth) / (1.0 + depth * (0.992_29 + 0.044_81 * depth));
    for _ in 0..4 {
        let beyond = 0.5 * libm::erfc(value / ROOT_2);
        let density = libm::exp(-0.5 * value * value) / libm::sqrt(std::f64::consts::TAU);
        value += (beyond - tail) / density;
    }
    if share < 0.5 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_quantiles_they_were_given_and_losses_their_share() {
        let weather = Weather::of(&Network { loss: 0.1, ..Network::default() });
        let mut way = Way::new(Draws::seeded(1), &weather);
        let trips: Vec<Trip> = (0..50_000).map(|_| way.trip(&weather)).collect();
        let mut latencies: Vec<f64> = trips.iter().map(|trip| trip.latency.as_millis_f64()).collect();
        latencies.sort_by(f64::total_cmp);
        assert!((latencies[25_000] / 40.0 - 1.0).abs() < 0.03, "{}", latencies[25_000]);
        assert!((latencies[49_500] / 300.0 - 1.0).abs() < 0.08, "{}", latencies[49_500]);
        assert!(latencies[49_999] > 700.0, "a tail beyond the table: {}", latencies[49_999]);
        let lost = trips.iter().filter(|trip| trip.lost).count();
        assert!((4_700..5_300).contains(&lost), "{lost}");
    }

    #[test]
    fn quantiles_of_the_normal_are_those_of_the_tables() {
        let known = [(0.5, 0.0), (0.99, NORMAL_P99), (0.95, 1.644_853_626_951_472), (0.000_1, -3.719_016_485_455_709)];
        for (share, value) in known {
            assert!((normal_quantile(share) - value).abs() < 1e-9, "{share}: {}", normal_quantile(share));
        }
        assert!((normal_quantile(1e-12) + 7.034_483_825).abs() < 1e-6, "{}", normal_quantile(1e-12));
    }

    #[test]
    fn a_network_without_spread_has_one_latency() {
        let even = Nanos::from_millis(40);
        let weather = Weather::of(&Network { latency_median: even, latency_p99: even, loss: 0.0 });
        let mut way = Way::new(Draws::seeded(1), &weather);
        assert!((0..10_000).all(|_| way.trip(&weather).latency == even));
    }
}
