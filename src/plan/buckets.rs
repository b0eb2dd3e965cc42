//! The least of limits that are read as buckets, by judging one demand again and again.
//!
//! Where as much may come at once as per window, that is one number. A bucket with a burst of its own has two: the same
//! demand gets by with a smaller burst at a higher rate. What is looked for first is the least rate that suffices with rate
//! and burst in today's proportion, and which lasts: a full bucket hides for a while that it is emptied faster than it fills.
//! Then the rate comes down as far as that burst allows, and the burst to what is needed at that rate.

use super::limits::Line;
use crate::policy::reading::Reading;
use crate::summary::plan::Grant;
use crate::summary::{self, QuotaUse};

/// One limit, and what is known of its least rate.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    line: usize,
    /// Tried with the burst that goes with each rate.
    shape: Shape,
    /// Not enough.
    low: u32,
    /// Enough, and what came at once there.
    high: Option<(u32, u32)>,
    /// What is tried first.
    first: u32,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// As much at once as per window.
    Size,
    InProportion(Grant),
    WithBurst(u32),
}

impl Bucket {
    /// As much may come at once as per window. So many were tried before.
    pub fn of_size(line: usize, tried: u32, enough: bool) -> Self {
        let mut bucket = Bucket { line, shape: Shape::Size, low: 0, high: None, first: tried };
        bucket.learn(tried, enough, tried);
        bucket
    }

    /// A burst of its own. Where nothing may wait today, one for each window is the measure.
    pub fn of_pair(line: usize, today: summary::Bucket) -> Self {
        let grant = Grant { rate: today.rate, burst: Some(today.burst.max(1)) };
        Bucket { line, shape: Shape::InProportion(grant), low: 0, high: None, first: today.rate }
    }

    fn learn(&mut self, rate: u32, enough: bool, at_once: u32) {
        if enough { self.high = Some((rate, at_once)) } else { self.low = rate }
    }

    /// What to try next; None when the least is known.
    fn next(&self) -> Option<u32> {
        match self.high {
            None if self.low == 0 => Some(self.first.max(1)),
            None => Some(self.low.saturating_mul(2)),
            Some((high, _)) if high - self.low > 1 => Some(self.low + (high - self.low) / 2),
            Some(_) => None,
        }
    }

    fn grant(&self, rate: u32) -> Grant {
        match self.shape {
            Shape::Size => Grant::of(rate),
            Shape::InProportion(grant) => grant.at(rate),
            Shape::WithBurst(burst) => Grant { rate, burst: Some(burst) },
        }
    }

    /// What suffices.
    fn found(&self) -> (u32, u32) {
        self.high.unwrap_or((1, 1))
    }

    /// The search for a lower rate with the burst that was found; None where there is no burst.
    fn with_burst(&self) -> Option<Bucket> {
        let (rate, _) = self.found();
        let burst = self.grant(rate).burst?;
        Some(Bucket { shape: Shape::WithBurst(burst), low: 0, ..*self })
    }

    fn least(&self, line: &Line, reading: Reading) -> Grant {
        let (rate, at_once) = self.found();
        let burst = line.bucket().map(|_| line.burst_for(at_once, reading));
        Grant { rate, burst }
    }
}

/// The least of each, by its place among the lines. `judge` plays the demand, and tells how limits of these sizes would have
/// been used.
pub fn least(
    lines: &[Line],
    reading: Reading,
    mut buckets: Vec<Bucket>,
    mut judge: impl FnMut(&[Grant]) -> Vec<QuotaUse>,
) -> Vec<(usize, Grant)> {
    narrow(lines, reading, &mut buckets, &mut judge);
    for bucket in &mut buckets {
        *bucket = bucket.with_burst().unwrap_or(*bucket);
    }
    narrow(lines, reading, &mut buckets, &mut judge);
    buckets.iter().map(|bucket| (bucket.line, bucket.least(&lines[bucket.line], reading))).collect()
}

/// Bisects all at once: what one is judged by changes nothing for the others.
fn narrow(lines: &[Line], reading: Reading, buckets: &mut [Bucket], judge: &mut impl FnMut(&[Grant]) -> Vec<QuotaUse>) {
    let mut granted: Vec<Grant> = lines.iter().map(Line::grant).collect();
    while buckets.iter().any(|bucket| bucket.next().is_some()) {
        for bucket in buckets.iter() {
            granted[bucket.line] = bucket.grant(bucket.next().unwrap_or(bucket.found().0));
        }
        let uses = judge(&granted);
        for bucket in buckets.iter_mut() {
            let Some(rate) = bucket.next() else { continue };
            let quota = &uses[bucket.line];
            let used = quota.readings.iter().find(|used| used.reading == Some(reading));
            bucket.learn(
                rate,
                quota.rate_lasts() && used.is_none_or(|used| used.over == 0),
                used.map_or(0, |used| used.peak),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_narrowed_down_from_either_side() {
        for (start, least) in [(60, 1), (60, 59), (60, 60), (60, 61), (10, 1_000), (1, 1)] {
            let mut bucket = Bucket::of_size(0, start, start >= least);
            let mut tries = 0;
            while let Some(next) = bucket.next() {
                bucket.learn(next, next >= least, next);
                tries += 1;
            }
            assert_eq!(bucket.found().0, least);
            assert!(tries < 25, "{tries}");
        }
    }
}
