//! Part 3: what the fleet asks for.

use super::super::model::{Demand, LimitDemand, PeakElsewhere};
use super::Run;
use crate::summary::{QuotaUse, Summary};

/// The first run's demand, with what the others show of the same limits.
pub fn demand(runs: &[Run<'_>]) -> Demand {
    let first = &runs[0];
    let summary = first.summary;
    let tightest = summary.quotas.iter().filter_map(|quota| quota.headroom).min_by(f64::total_cmp);
    let mut limits: Vec<LimitDemand> = summary.quotas.iter().map(|quota| limit(quota, summary)).collect();
    // One only, the first, where several leave the same.
    if let Some(binding) = limits.iter_mut().find(|limit| limit.headroom.is_some() && limit.headroom == tightest) {
        binding.binds = true;
    }
    for limit in &mut limits {
        limit.elsewhere = runs[1..].iter().filter_map(|run| elsewhere(run, limit)).collect();
    }
    Demand { source: first.id.to_owned(), limits, step_s: summary.timeline.step_s }
}

fn limit(quota: &QuotaUse, summary: &Summary) -> LimitDemand {
    let strictest = quota.readings.first();
    let class = summary.policy.classes.iter().find(|class| class.name == quota.class);
    let sending_s = summary.run.sending_s();
    let whole = whole_windows(quota, summary.timeline.step_s);
    // Else a bucket is the fuller the longer it is played: that is no demand in a window.
    let lasts = quota.bucket.is_none() || quota.rate_lasts();
    LimitDemand {
        class: quota.class.clone(),
        title: class.and_then(|class| class.title.clone()),
        limit: quota.limit.clone(),
        scope: quota.scope.clone(),
        allow: quota.allow,
        bucket: quota.bucket,
        lasting_rate: quota.lasting_rate,
        per_s: quota.per_s,
        keys: quota.keys,
        requests: quota.requests,
        retries: quota.retries,
        held_back: quota.held_back,
        per_second: if sending_s > 0.0 { quota.requests as f64 / sending_s } else { 0.0 },
        mean: mean(whole).filter(|_| lasts),
        p95: percentile(whole, 0.95).filter(|_| lasts),
        peak: strictest.map(|used| used.peak),
        peak_at_s: strictest.map(|used| used.peak_at_s),
        first_attempts_peak: quota.first_attempts_peak.filter(|_| quota.retries > 0),
        readings: quota.readings.clone(),
        headroom: quota.headroom,
        safety: quota.safety,
        binds: false,
        series: if quota.readings.is_empty() { Vec::new() } else { quota.series.clone() },
        elsewhere: Vec::new(),
    }
}

/// The series without its first window, which fills up from nothing; empty where no whole window was seen.
fn whole_windows(quota: &QuotaUse, step_s: f64) -> &[u32] {
    if quota.readings.is_empty() || step_s <= 0.0 {
        return &[];
    }
    let first_window = (quota.per_s.unwrap_or(0.0) / step_s).ceil() as usize;
    quota.series.get(first_window..).unwrap_or_default()
}

fn mean(series: &[u32]) -> Option<f64> {
    let sum: u64 = series.iter().copied().map(u64::from).sum();
    (!series.is_empty()).then(|| sum as f64 / series.len() as f64)
}

/// The least value that at least this share of the steps keep to.
fn percentile(series: &[u32], share: f64) -> Option<u32> {
    let mut sorted = series.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

fn elsewhere(run: &Run<'_>, limit: &LimitDemand) -> Option<PeakElsewhere> {
    let same = |quota: &&QuotaUse| quota.class == limit.class && quota.limit == limit.limit;
    let quota = run.summary.quotas.iter().find(same)?;
    let strictest = quota.readings.first()?;
    Some(PeakElsewhere {
        source: run.id.to_owned(),
        peak: strictest.peak,
        at_least: strictest.at_least,
        headroom: quota.headroom,
        safety: quota.safety,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_value_that_so_many_keep_to() {
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentile(&hundred, 0.95), Some(95));
        assert_eq!(percentile(&[7], 0.95), Some(7));
        assert_eq!(percentile(&[0, 0, 9], 0.95), Some(9));
        assert_eq!(percentile(&[], 0.95), None);
    }

    #[test]
    fn the_first_window_is_no_mean_and_a_run_without_a_whole_one_has_none() {
        let mut quota = crate::report::sample::passing().quotas[0].clone();
        quota.series = [vec![1; 60], vec![10, 20, 30]].concat();
        assert_eq!(mean(whole_windows(&quota, 1.0)), Some(20.0));
        assert_eq!(percentile(whole_windows(&quota, 1.0), 0.95), Some(30));
        quota.series.truncate(60);
        assert_eq!(mean(whole_windows(&quota, 1.0)), None);
        assert_eq!(percentile(whole_windows(&quota, 1.0), 0.95), None);
    }
}
