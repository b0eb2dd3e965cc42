//! What was measured beside the documented limits.

use super::family::Family;
use super::outcome::{Comparison, Measured, Verdict, lengths};
use super::prober::{End, Prober};
use crate::policy::model::{Algorithm, CountsRefused, Limit, RateLimit};
use crate::policy::reading::Reading;
use crate::time::Nanos;

/// Each number that is documented, and what the documents leave to be measured.
pub fn compared(prober: &Prober, limits: &[Limit], measured: Option<&Measured>) -> Vec<Comparison> {
    let mut all = Vec::new();
    let nearest = nearest_limit(limits, measured);
    for (index, limit) in limits.iter().enumerate() {
        match limit {
            // Of several, the others are looked at by a trial.
            Limit::Rate(_) if measured.is_some() && nearest != Some(index) => {}
            Limit::Rate(rate) => all.extend(rate_compared(prober, rate, measured)),
            Limit::Concurrent(limit) => {
                let measured = measured.filter(|measured| measured.shape.family == Family::Concurrency);
                all.push(match measured {
                    Some(measured) => number_compared(AT_ONCE, limit.allow, Some(measured.limit)),
                    None => unmet_at_once(prober, limit.allow),
                });
            }
            Limit::Cooldown(_) => {}
        }
    }
    if let Some(measured) = measured {
        let rate = nearest.and_then(|index| limits.get(index));
        if let Some(Limit::Rate(rate)) = rate.filter(|_| measured.shape.family != Family::Concurrency) {
            all.extend(refused_compared(rate, measured));
            all.extend(begin_compared(rate, measured));
        }
        all.push(penalty_compared(limits, measured.penalty_s));
    }
    all
}

const AT_ONCE: &str = "limit at the same time";

/// A limit on requests at the same time that was not found.
fn unmet_at_once(prober: &Prober, allow: u32) -> Comparison {
    let most = prober.log().most_admitted_abreast();
    let verdict = if most > allow { Verdict::Differs } else { Verdict::NotSettled };
    stated(AT_ONCE, &allow.to_string(), &format!("{most} at the same time, all admitted"), verdict)
}

/// Whether refused requests use up quota. Where windows end at a fixed moment nobody can tell, nor behind a penalty.
fn refused_compared(rate: &RateLimit, measured: &Measured) -> Option<Comparison> {
    let charged = measured.shape.charges_refused;
    let hidden = matches!(measured.shape.family, Family::FixedAligned | Family::FixedFirstHit | Family::IntervalRefill);
    let (what, seen) = ("refused requests", if charged { "use up quota" } else { "use up none" });
    match rate.counts_refused {
        CountsRefused::Unspecified if hidden || measured.penalty_s.is_some() => {
            Some(stated(what, "not said", "make no difference that can be seen", Verdict::Undocumented))
        }
        CountsRefused::Unspecified => Some(stated(what, "not said", seen, Verdict::Undocumented)),
        _ if hidden || measured.penalty_s.is_some() => None,
        documented => {
            let as_documented = charged == (documented == CountsRefused::Yes);
            let said = if documented == CountsRefused::Yes { "use up quota" } else { "use up none" };
            let verdict = if as_documented { Verdict::AsDocumented } else { Verdict::Differs };
            Some(stated(what, said, seen, verdict))
        }
    }
}

/// Where windows lie on the clock, if the documents leave it open.
fn begin_compared(rate: &RateLimit, measured: &Measured) -> Option<Comparison> {
    let (low, high) = measured.off_the_clock_s.filter(|_| rate.algorithm == Algorithm::Unspecified)?;
    let seen = format!("{low:.3} s to {high:.3} s after whole multiples of their length on the clock");
    Some(stated("begin of windows", "not said", &seen, Verdict::Undocumented))
}

/// Of several documented limits, the one that what was measured is nearest to: others may not have been reached.
fn nearest_limit(limits: &[Limit], measured: Option<&Measured>) -> Option<usize> {
    let rates = limits.iter().enumerate().filter_map(|(index, limit)| match limit {
        Limit::Rate(rate) => Some((index, at_once(rate, measured))),
        _ => None,
    });
    let limit = measured.map(|measured| measured.limit.0);
    rates.min_by_key(|(_, at_once)| limit.map(|limit| limit.abs_diff(*at_once))).map(|(index, _)| index)
}

/// Of several limits, those that were not identified.
pub fn others<'a>(limits: &'a [Limit], measured: Option<&Measured>) -> impl Iterator<Item = &'a RateLimit> {
    let nearest = nearest_limit(limits, measured).filter(|_| measured.is_some());
    limits.iter().enumerate().filter_map(move |(index, limit)| match limit {
        Limit::Rate(rate) if nearest.is_some() && nearest != Some(index) => Some(rate),
        _ => None,
    })
}

/// What may come at once by the documents, if the limiter is what was measured.
pub fn at_once(rate: &RateLimit, measured: Option<&Measured>) -> u32 {
    let leaky = Reading::LeakyBucket.ceiling(rate.allow, rate.burst);
    // A bucket's burst may be meant without the one that is served, where words leave it open.
    let is_leaky = |measured: &Measured| {
        rate.burst.is_some() && rate.readings().contains(&Reading::LeakyBucket) && measured.limit == (leaky, leaky)
    };
    let reading = match (rate.algorithm, measured.map(|measured| measured.shape.family)) {
        (Algorithm::LeakyBucket, _) | (_, Some(Family::LeakyQueue)) => Reading::LeakyBucket,
        (_, Some(Family::Bucket)) if measured.is_some_and(is_leaky) => Reading::LeakyBucket,
        (_, Some(Family::Bucket | Family::IntervalRefill)) => Reading::TokenBucket,
        _ => Reading::Rolling,
    };
    reading.ceiling(rate.allow, rate.burst)
}

fn rate_compared(prober: &Prober, rate: &RateLimit, measured: Option<&Measured>) -> Vec<Comparison> {
    let limit = at_once(rate, measured);
    let Some(measured) = measured else {
        let never = prober.ended() == Some(End::NeverRefused);
        // At most twice the limit comes within a window's length, by any reading without a larger burst.
        let within_one = prober.log().most_admitted_within(rate.per);
        let over = never && within_one > limit.saturating_mul(2).max(limit.saturating_add(rate.allow));
        let seen = match never {
            true => format!("none of {} refused, {within_one} of them within {}", prober.spent(), rate.per),
            false => "nothing".to_owned(),
        };
        let verdict = if over { Verdict::Differs } else { Verdict::NotSettled };
        return vec![
            stated("limit", &format!("{limit}"), &seen, verdict),
            stated("window", &rate.per.to_string(), "nothing", Verdict::NotSettled),
        ];
    };
    if measured.shape.family == Family::Concurrency {
        return vec![stated("limit", &format!("{limit} per {}", rate.per), &measured.text(), Verdict::Differs)];
    }
    vec![
        number_compared("limit", limit, Some(measured.limit)),
        window_compared(rate, measured),
        algorithm_compared(rate, measured),
    ]
}

fn number_compared(what: &str, documented: u32, measured: Option<(u32, u32)>) -> Comparison {
    let (seen, verdict) = match measured {
        None => ("nothing".to_owned(), Verdict::NotSettled),
        Some((low, high)) if low == high => {
            (low.to_string(), if low == documented { Verdict::AsDocumented } else { Verdict::Differs })
        }
        Some((low, high)) if (low..=high).contains(&documented) => (format!("{low} to {high}"), Verdict::NotSettled),
        Some((low, high)) => (format!("{low} to {high}"), Verdict::Differs),
    };
    stated(what, &documented.to_string(), &seen, verdict)
}

/// A span this much longer than what it holds settles nothing.
const TOO_WIDE: f64 = 0.25;

fn window_compared(rate: &RateLimit, measured: &Measured) -> Comparison {
    let (what, documented) = match measured.shape.family {
        Family::Bucket | Family::LeakyQueue => ("one token", rate.per.as_secs_f64() / f64::from(rate.allow.max(1))),
        _ => ("window", rate.per.as_secs_f64()),
    };
    let text = Nanos::from_secs_f64(documented).to_string();
    let Some((low, high)) = measured.window_s else {
        return stated(what, &text, "nothing", Verdict::NotSettled);
    };
    // A hair, for what is rounded.
    let holds = low * 0.999 <= documented && documented <= high * 1.001;
    let verdict = match holds {
        false => Verdict::Differs,
        true if high - low > documented * TOO_WIDE => Verdict::NotSettled,
        true => Verdict::AsDocumented,
    };
    stated(what, &text, &lengths((low, high)), verdict)
}

fn algorithm_compared(rate: &RateLimit, measured: &Measured) -> Comparison {
    let family = measured.shape.family;
    let title = if measured.family_is_settled { family.title() } else { "hidden by the penalty" };
    if !measured.family_is_settled && rate.algorithm != Algorithm::Unspecified {
        let names: Vec<&str> = Reading::allowed_by(rate.algorithm).iter().map(|reading| reading.title()).collect();
        return stated("algorithm", &names.join(" or "), title, Verdict::NotSettled);
    }
    if rate.algorithm == Algorithm::Unspecified {
        return stated("algorithm", "not said", title, Verdict::Undocumented);
    }
    let readings = Reading::allowed_by(rate.algorithm);
    let as_documented = readings.iter().any(|reading| families_of(*reading, measured.limit).contains(&family));
    let verdict = if as_documented { Verdict::AsDocumented } else { Verdict::Differs };
    let names: Vec<&str> = readings.iter().map(|reading| reading.title()).collect();
    stated("algorithm", &names.join(" or "), title, verdict)
}

/// The families that a reading is of: of several that its words leave open, all. Windows that let one in at a time are a
/// bucket of one.
fn families_of(reading: Reading, limit: (u32, u32)) -> &'static [Family] {
    match reading {
        Reading::Rolling if limit == (1, 1) => &[Family::RollingLog, Family::Bucket],
        Reading::Rolling => &[Family::RollingLog],
        Reading::TokenBucket => &[Family::Bucket],
        Reading::LeakyBucket => &[Family::Bucket, Family::LeakyQueue],
        Reading::FixedFirstHit if limit == (1, 1) => &[Family::FixedFirstHit, Family::Bucket],
        Reading::FixedFirstHit => &[Family::FixedFirstHit],
        Reading::FixedAligned => &[Family::FixedAligned],
        Reading::RollingCounter => &[Family::RollingCounter, Family::RollingCounterFirstHit],
        Reading::IntervalRefill => &[Family::IntervalRefill],
    }
}

/// How long whoever is refused is shut out. A length that the provider names without saying what it is promises nothing.
fn penalty_compared(limits: &[Limit], measured: Option<(f64, f64)>) -> Comparison {
    let documented = limits.iter().find_map(|limit| match limit {
        Limit::Rate(rate) => rate.penalty.as_ref(),
        _ => None,
    });
    let seen = measured.map_or_else(|| "none".to_owned(), lengths);
    match (documented, measured) {
        (None, _) => stated("penalty", "not said", &seen, Verdict::Undocumented),
        (Some(penalty), _) if !penalty.stated => {
            let named = format!("{} without a word on what it is", penalty.lasts);
            stated("penalty", &named, &seen, Verdict::Undocumented)
        }
        (Some(penalty), None) => stated("penalty", &penalty.lasts.to_string(), &seen, Verdict::NotSettled),
        (Some(penalty), Some((low, high))) => {
            let holds = (low..=high).contains(&penalty.lasts.as_secs_f64());
            let verdict = if holds { Verdict::AsDocumented } else { Verdict::Differs };
            stated("penalty", &penalty.lasts.to_string(), &seen, verdict)
        }
    }
}

fn stated(what: &str, documented: &str, measured: &str, verdict: Verdict) -> Comparison {
    Comparison { what: what.to_owned(), documented: documented.to_owned(), measured: measured.to_owned(), verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::Scope;

    #[test]
    fn a_burst_may_be_meant_without_the_request_in_service_where_words_leave_it_open() {
        let burst = |algorithm| RateLimit {
            algorithm,
            burst: Some(12),
            ..RateLimit::new(2, Nanos::from_secs(1), Scope(vec!["user".to_owned()]))
        };
        let bucket = |limit| Measured {
            shape: Family::Bucket.into(),
            family_is_settled: true,
            limit: (limit, limit),
            window_s: Some((0.5, 0.5)),
            penalty_s: None,
            refill: None,
            off_the_clock_s: None,
        };
        let documented = |algorithm, measured| at_once(&burst(algorithm), Some(&bucket(measured)));
        assert_eq!([11, 12, 13, 14].map(|limit| documented(Algorithm::Unspecified, limit)), [12, 12, 13, 12]);
        assert_eq!([12, 13].map(|limit| documented(Algorithm::TokenBucket, limit)), [12, 12]);
        assert_eq!([12, 13].map(|limit| documented(Algorithm::LeakyBucket, limit)), [13, 13]);
    }
}
