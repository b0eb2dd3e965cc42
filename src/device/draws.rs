//! Random numbers for devices: small streams, one per purpose, so that what depends on answers (the jitter of a retry)
//! never shifts what does not (a schedule).

use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

use crate::rng::DeviceRng;
use crate::scenario::fleet::LogNormal;
use crate::scenario::start::Start;
use crate::time::Nanos;

/// One stream of eight bytes: a device has several.
#[derive(Clone, Debug)]
pub struct Draws(SplitMix64);

/// The standard normal's 95th percentile.
const NORMAL_P95: f64 = 1.644_853_626_951_472_2;

impl Draws {
    /// The next stream of a device. The order of the calls names the streams, so new ones come last.
    pub fn fork(rng: &mut DeviceRng) -> Self {
        Self::seeded(rng.next_u64())
    }

    pub fn seeded(seed: u64) -> Self {
        Draws(SplitMix64::seed_from_u64(seed))
    }

    /// A stream that starts from a draw of this one.
    pub fn split(&mut self) -> Self {
        Self::seeded(self.0.next_u64())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0.0..1.0`.
    pub fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `-1.0..1.0`.
    pub fn either_way(&mut self) -> f64 {
        2.0 * self.share() - 1.0
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A random moment of a span: zero up to, not including, `span`.
    pub fn within(&mut self, span: Nanos) -> Nanos {
        Nanos((span.0 as f64 * self.share()) as u64)
    }

    /// When a device begins, by its number in a group of so many.
    pub fn start(&mut self, start: &Start, index: u32, count: u32) -> Nanos {
        start.joins(index, count).saturating_add(self.within(start.spread))
    }

    /// Uniform in `low..high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// One of `0..count`; 0 when there is none.
    pub fn pick(&mut self, count: u32) -> u32 {
        ((f64::from(count) * self.share()) as u32).min(count.saturating_sub(1))
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.share())
    }

    /// A log-normal length: the median, spread so that the 95th percentile is `p95`.
    pub fn log_normal(&mut self, length: LogNormal) -> Nanos {
        let sigma = libm::log(length.p95.as_secs_f64() / length.median.as_secs_f64()).max(0.0) / NORMAL_P95;
        length.median.scale(libm::exp(sigma * self.normal()))
    }

    /// Standard normal (Box-Muller; the second value is not kept, for the state's sake).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.share())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_normal_length_has_the_quantiles_it_was_given() {
        let length = LogNormal { median: Nanos::from_secs(2700), p95: Nanos::from_secs(10_800) };
        let mut draws = Draws::seeded(1);
        let mut lengths: Vec<f64> = (0..40_000).map(|_| draws.log_normal(length).as_secs_f64()).collect();
        lengths.sort_by(f64::total_cmp);
        let (median, p95) = (lengths[20_000], lengths[38_000]);
        assert!((median / 2700.0 - 1.0).abs() < 0.03, "{median}");
        assert!((p95 / 10_800.0 - 1.0).abs() < 0.05, "{p95}");
    }

    #[test]
    fn picks_stay_in_range_and_reach_every_value() {
        let mut draws = Draws::seeded(2);
        let mut hits = [0u32; 3];
        for _ in 0..3_000 {
            hits[draws.pick(3) as usize] += 1;
        }
        assert!(hits.iter().all(|&count| (850..1150).contains(&count)), "{hits:?}");
        assert_eq!(draws.pick(0), 0);
    }
}
