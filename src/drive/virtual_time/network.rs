//! The network between devices and target: how long a round trip takes, and whether it succeeds.

use crate::device::draws::Draws;
use crate::rng::device_rng;
use crate::scenario::target::Network;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// The standard normal's 99th percentile.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// One device's way to the target. Each has its own draws: another group's traffic does not change them.
#[derive(Clone, Debug)]
pub struct Way(Draws);

/// One request's luck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    pub latency: Nanos,
    pub lost: bool,
}

impl Way {
    pub fn of(scenario: &Scenario, device: DeviceId) -> Self {
        let group = scenario.group_of(device);
        let label = format!("network of {}", group.name);
        Way(Draws::fork(&mut device_rng(scenario.seed, &label, device.0 - group.first.0)))
    }

    /// Draws a round trip: log-normal by its median and 99th percentile.
    pub fn trip(&mut self, network: &Network) -> Trip {
        let spread = network.latency_p99.as_secs_f64() / network.latency_median.as_secs_f64();
        let sigma = if spread.is_finite() { spread.ln().max(0.0) / NORMAL_P99 } else { 0.0 };
        let latency = network.latency_median.scale((sigma * self.0.normal()).exp());
        Trip { latency, lost: self.0.chance(network.loss) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_quantiles_they_were_given_and_losses_their_share() {
        let network = Network { loss: 0.1, ..Network::default() };
        let mut way = Way(Draws::seeded(1));
        let trips: Vec<Trip> = (0..50_000).map(|_| way.trip(&network)).collect();
        let mut latencies: Vec<f64> = trips.iter().map(|trip| trip.latency.as_millis_f64()).collect();
        latencies.sort_by(f64::total_cmp);
        assert!((latencies[25_000] / 40.0 - 1.0).abs() < 0.03, "{}", latencies[25_000]);
        assert!((latencies[49_500] / 300.0 - 1.0).abs() < 0.08, "{}", latencies[49_500]);
        let lost = trips.iter().filter(|trip| trip.lost).count();
        assert!((4_700..5_300).contains(&lost), "{lost}");
    }
}
