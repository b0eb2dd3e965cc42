//! What the fleet asked of one rate limit: every request as it was sent, whatever came back, under every reading.
//!
//! Beside what was sent, two other demands are followed: that of the first attempts alone, which no refusal has caused, and
//! what it would have been with the scheduled requests that were not made because the one before was still under way.
//! Most keys never see a retry or such a gap, so each has a count of its own only from the first one on, and so have the
//! peaks over all keys.

use super::exhibit::{Exhibit, Exhibits};
use super::heaviest::{Asked, Heaviest};
use super::keyed::{Keyed, Seen};
use super::series::Series;
use super::tally::{Levels, Tally, rolling_cap};
use super::terms::Terms;
use crate::limiter::Rate;
use crate::policy::reading::Reading;
use crate::record::Sent;
use crate::scenario::{DeviceId, ScopeKey};
use crate::summary::{ReadingUse, Safety};
use crate::time::Nanos;

/// The demand on one rate limit.
#[derive(Clone, Debug)]
pub struct Demand {
    terms: Terms,
    keys: Keyed<ScopeKey, KeyDemand>,
    seen: Seen<ScopeKey>,
    requests: u64,
    /// What the dearest of them cost.
    dearest: u32,
    heaviest: Heaviest,
    /// For how long a key went on that never found it unused.
    behind: Nanos,
    /// When the first of them was sent.
    first: Option<Nanos>,
    /// One per reading, as in the two below.
    peaks: Vec<Peak>,
    first_attempts: Apart,
    /// With what was held back.
    if_made: Apart,
    retries: u64,
    series: Series,
    over: Exhibits,
}

#[derive(Clone, Debug, Default)]
struct KeyDemand {
    /// Whether it is among those that were seen.
    known: bool,
    /// What its requests have cost.
    asked: Asked,
    /// When it was last found unused.
    unused_at: Nanos,
    tally: Tally,
    /// From its first retry on.
    first_attempts: Option<Box<Tally>>,
    /// From the first request held back on.
    if_made: Option<Box<Tally>>,
    /// The step up to which its part of the series is written.
    step: usize,
}

/// The busiest moment under one reading, and how much went beyond the limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    pub count: u32,
    pub at: Nanos,
    pub device: Option<DeviceId>,
    pub over: u64,
    /// When the limit was first passed.
    pub first_over: Option<Nanos>,
}

/// Peaks that are those of all requests until something sets them apart.
#[derive(Clone, Debug, Default)]
struct Apart(Option<Vec<Peak>>);

impl Demand {
    pub fn new(terms: Terms, step: Nanos) -> Self {
        let readings = terms.readings;
        Demand {
            terms,
            keys: Keyed::default(),
            seen: Seen::default(),
            requests: 0,
            dearest: 0,
            heaviest: Heaviest::default(),
            behind: Nanos::ZERO,
            first: None,
            peaks: vec![Peak::default(); readings.len()],
            first_attempts: Apart::default(),
            if_made: Apart::default(),
            retries: 0,
            series: Series::new(step),
            over: Exhibits::default(),
        }
    }

    /// Takes a request that costs so much; `at` is when it came to count.
    pub fn sent(&mut self, at: Nanos, key: ScopeKey, sent: &Sent, cost: u32) {
        let Demand { terms, series, .. } = self;
        let (strictest, allow) = (terms.strictest(), terms.allowed());
        let step = series.step_of(at);
        let is_retry = sent.attempt > 1;
        self.requests += 1;
        self.dearest = self.dearest.max(cost);
        self.retries += u64::from(is_retry);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        let state = self.keys.entry(key, |state| state.is_idle(terms, series, at));
        if !state.known {
            state.known = true;
            self.seen.insert(key);
        }
        // What answers have caused is no demand.
        if !is_retry {
            self.heaviest.asked(&mut state.asked, at, terms.rate.per, cost);
        }
        state.fill(terms, series, step);
        if is_retry {
            self.first_attempts.begin(&self.peaks);
            state.first_attempts.get_or_insert_with(|| Box::new(state.tally.clone()));
        }
        let levels = state.tally.add_and_read(terms, at, cost);
        series.raise(step, levels[0]);
        if levels[0] <= cost {
            state.unused_at = at;
        }
        self.behind = self.behind.max(at.saturating_sub(state.unused_at));
        if levels[0] > allow {
            let why = || format!("request {} of {allow} ({})", levels[0], strictest.title());
            self.over.show(|| Exhibit::sent(at, sent, why()));
        }
        reach(&mut self.peaks, terms, levels, at, sent.device);
        if let (Some(first_attempts), false) = (&mut self.first_attempts.0, is_retry) {
            let own = state.first_attempts.as_mut().map(|own| own.add_and_read(terms, at, cost));
            reach(first_attempts, terms, own.unwrap_or(levels), at, sent.device);
        }
        if let Some(if_made) = &mut self.if_made.0 {
            let own = state.if_made.as_mut().map(|own| own.add_and_read(terms, at, cost));
            reach(if_made, terms, own.unwrap_or(levels), at, sent.device);
        }
    }

    /// Takes a scheduled request that was not made because the one before was still under way.
    pub fn held_back(&mut self, at: Nanos, key: ScopeKey, device: DeviceId, cost: u32) {
        let Demand { terms, series, .. } = self;
        let step = series.step_of(at);
        let state = self.keys.entry(key, |state| state.is_idle(terms, series, at));
        state.fill(terms, series, step);
        let if_made = state.if_made.get_or_insert_with(|| Box::new(state.tally.clone()));
        let levels = if_made.add_and_read(terms, at, cost);
        reach(self.if_made.begin(&self.peaks), terms, levels, at, device);
    }

    pub fn exhibits(&mut self) -> &mut Exhibits {
        &mut self.over
    }

    pub fn merge(&mut self, other: Demand) {
        self.requests += other.requests;
        self.dearest = self.dearest.max(other.dearest);
        self.heaviest.merge(other.heaviest);
        self.behind = self.behind.max(other.behind);
        self.first = self.first.into_iter().chain(other.first).min();
        self.seen.merge(other.seen);
        self.keys.merge(other.keys);
        self.series.merge(&other.series);
        self.over.merge(other.over);
        self.retries += other.retries;
        self.first_attempts.merge(&self.peaks, &other.first_attempts, &other.peaks);
        self.if_made.merge(&self.peaks, &other.if_made, &other.peaks);
        merge_peaks(&mut self.peaks, &other.peaks);
    }

    /// How long the limit was in use, if a run that ended at `ended` is too short to have seen a whole window.
    pub fn short_of_a_window(&self, ended: Nanos) -> Option<Nanos> {
        let used = ended.saturating_sub(self.first?);
        (used < self.terms.rate.per).then_some(used)
    }

    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// What a window has to allow at least so that the key that asked for most does not fall behind for good, if it goes on
    /// until `ended` and beyond as it did.
    pub fn lasting_rate(&self, ended: Nanos) -> u32 {
        let Rate { allow, per } = self.terms.rate;
        let first = self.first.unwrap_or(ended);
        let mean = self.heaviest.mean(first, ended, per, self.dearest);
        // No window ever held more, so that none does on the average.
        let is_counted =
            self.terms.strictest() == Reading::Rolling && !self.is_capped(Reading::Rolling, &self.peaks[0]);
        let mean = if is_counted { mean.min(self.peaks[0].count) } else { mean };
        // Whoever finds it unused again and again does not fall behind: rounds that a play begins and ends with make the
        // mean look higher than it is.
        if self.behind < Nanos(ended.saturating_sub(first).0 / 2) { mean.min(allow) } else { mean }
    }

    pub fn keys(&self) -> u64 {
        self.seen.count()
    }

    /// Under the strictest reading.
    pub fn strictest(&self) -> Peak {
        self.known(&self.peaks)
    }

    /// The highest use under the strictest reading. Where a rolling window was not kept whole, what some fixed window held is
    /// in some rolling one too.
    fn known(&self, peaks: &[Peak]) -> Peak {
        let strictest = peaks[0];
        if !self.is_capped(self.terms.readings[0], &strictest) {
            return strictest;
        }
        let is_fixed = |reading: Reading| matches!(reading, Reading::FixedFirstHit | Reading::FixedAligned);
        let fixed = self.terms.readings.iter().zip(peaks).filter(|(reading, _)| is_fixed(**reading));
        let fullest = fixed.map(|(_, peak)| *peak).max_by_key(|peak| peak.count);
        match fullest.filter(|peak| peak.count > strictest.count) {
            Some(fullest) => Peak { over: strictest.over, ..fullest },
            None => strictest,
        }
    }

    /// Beyond the cap of a rolling window, the oldest requests are left out whole.
    fn is_capped(&self, reading: Reading, peak: &Peak) -> bool {
        let fullest = rolling_cap(&self.terms).saturating_sub(self.dearest.saturating_sub(1));
        reading == Reading::Rolling && peak.count >= fullest
    }

    /// Requests that came again.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// The highest use by first attempts alone, under the strictest reading.
    pub fn first_attempts(&self) -> Peak {
        self.known(self.first_attempts.of(&self.peaks))
    }

    /// The highest use under the strictest reading, had the requests been made that were held back. Where the budget depends
    /// on the resource, which nobody knows of a request that was not made, they count for a budget of their own.
    pub fn if_made(&self) -> Peak {
        self.known(self.if_made.of(&self.peaks))
    }

    pub fn safety(&self) -> Safety {
        let over = self.peaks.iter().filter(|peak| peak.over > 0).count();
        match over {
            _ if self.requests == 0 => Safety::NoData,
            0 => Safety::Safe,
            over if over == self.peaks.len() => Safety::Over,
            _ => Safety::DependsOnReading,
        }
    }

    /// The readings under which the limit was passed.
    pub fn readings_over(&self) -> impl Iterator<Item = Reading> {
        self.terms.readings.iter().zip(&self.peaks).filter(|(_, peak)| peak.over > 0).map(|(reading, _)| *reading)
    }

    pub fn reading_uses(&self) -> Vec<ReadingUse> {
        let reading_use = |(index, (reading, peak)): (usize, (&Reading, &Peak))| ReadingUse {
            reading: Some(*reading),
            peak: if index == 0 { self.strictest().count } else { peak.count },
            at_least: self.is_capped(*reading, peak),
            peak_at_s: peak.at.as_secs_f64(),
            over: peak.over,
        };
        if self.requests == 0 {
            Vec::new()
        } else {
            self.terms.readings.iter().zip(&self.peaks).enumerate().map(reading_use).collect()
        }
    }

    /// Nothing more comes of the keys so far, whose run ended at `ended`.
    pub fn through(&mut self, ended: Nanos) {
        let last = self.series.step_of(Nanos(ended.0.saturating_sub(1)));
        for state in self.keys.values_mut() {
            state.fill(&self.terms, &mut self.series, last);
        }
        self.keys.clear();
        self.seen.through();
        self.heaviest.through(ended, self.terms.rate.per);
    }

    /// The busiest key's use over time, and the requests that went beyond the limit.
    pub fn finish(mut self, ended: Nanos) -> (Vec<u32>, Exhibits) {
        self.through(ended);
        (self.series.finish(ended), self.over)
    }
}

impl KeyDemand {
    /// Writes down the use at the beginning of each step since the last one, up to and with `step`: without a request the
    /// use only falls, so that is its highest there.
    fn fill(&mut self, terms: &Terms, series: &mut Series, step: usize) {
        let tally = &mut self.tally;
        series.fill(self.step, step + 1, |at| tally.level(terms, terms.strictest(), at));
        self.step = self.step.max(step);
    }

    /// Whether the key can be forgotten, with the first attempts, which are among all; its part of the series is written down first.
    fn is_idle(&mut self, terms: &Terms, series: &mut Series, at: Nanos) -> bool {
        self.fill(terms, series, series.step_of(at));
        self.tally.is_idle(terms, at) && self.if_made.as_mut().is_none_or(|if_made| if_made.is_idle(terms, at))
    }
}

impl Apart {
    /// From now on they have a count of their own, which goes on from that of `all` requests.
    fn begin(&mut self, all: &[Peak]) -> &mut [Peak] {
        self.0.get_or_insert_with(|| all.to_vec())
    }

    fn of<'a>(&'a self, all: &'a [Peak]) -> &'a [Peak] {
        self.0.as_deref().unwrap_or(all)
    }

    /// Takes over another shard's; `all` and `their_all` are the peaks of all requests here and there.
    fn merge(&mut self, all: &[Peak], theirs: &Apart, their_all: &[Peak]) {
        if self.0.is_some() || theirs.0.is_some() {
            merge_peaks(self.begin(all), theirs.of(their_all));
        }
    }
}

fn merge_peaks(mine: &mut [Peak], theirs: &[Peak]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
}

fn reach(peaks: &mut [Peak], terms: &Terms, levels: Levels, at: Nanos, device: DeviceId) {
    for ((peak, level), reading) in peaks.iter_mut().zip(levels).zip(terms.readings) {
        peak.reach(level, terms.ceiling(*reading), at, device);
    }
}

impl Peak {
    pub fn reach(&mut self, level: u32, allow: u32, at: Nanos, device: DeviceId) {
        if level > self.count || (level == self.count && at < self.at) {
            (self.count, self.at, self.device) = (level, at, Some(device));
        }
        if level > allow {
            self.over += 1;
            self.first_over = Some(self.first_over.map_or(at, |first| first.min(at)));
        }
    }

    pub fn merge(&mut self, other: &Peak) {
        if (other.count, self.at) > (self.count, other.at) {
            (self.count, self.at, self.device) = (other.count, other.at, other.device);
        }
        self.over += other.over;
        self.first_over = self.first_over.into_iter().chain(other.first_over).min();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::device::Flow;
    use crate::policy::model::Algorithm;
    use crate::scenario::operation::Detail;

    #[test]
    fn a_key_in_use_is_not_forgotten_however_many_come_after_it() {
        let limit = rate(2, Nanos::from_secs(10), "client_id", Algorithm::Unspecified);
        let mut demand = Demand::new(Terms::of(&limit, ANCHOR), Nanos::from_secs(1));
        let sent = Sent { device: DeviceId(0), operation: SITES, flow: Flow(0), attempt: 1, detail: Detail::None };
        (0..3_000).chain([0]).for_each(|key| demand.sent(Nanos::from_secs(1), ScopeKey(key), &sent, 1));
        assert_eq!(demand.strictest().count, 2);
    }

    #[test]
    fn idle_keys_are_forgotten_and_still_counted() {
        const KEYS: u64 = 5_000;
        let limit = rate(2, Nanos::from_secs(10), "client_id", Algorithm::Unspecified);
        let mut demand = Demand::new(Terms::of(&limit, ANCHOR), Nanos::from_secs(1));
        for key in 0..KEYS {
            let sent = Sent { device: DeviceId(0), operation: SITES, flow: Flow(0), attempt: 1, detail: Detail::None };
            // Two requests per key, and one key per 100 ms: a hundred are busy at a time.
            for _ in 0..2 {
                demand.sent(Nanos::from_millis(key * 100), ScopeKey(key), &sent, 1);
            }
        }
        assert!(demand.keys.len() < 2_500, "{} keys are kept", demand.keys.len());
        assert_eq!((demand.keys(), demand.requests()), (KEYS, 2 * KEYS));
        assert_eq!(demand.safety(), Safety::Safe);
        let ended = Nanos::from_millis(KEYS * 100);
        assert_eq!(demand.finish(ended).0, vec![2; 500]);
    }
}
