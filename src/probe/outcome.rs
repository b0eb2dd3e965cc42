//! What a probe found, beside what the documents say: data for every form of the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::belief::Settled;
use super::conformance::list::nothing;
use super::conformance::trial::Trial;
use super::examination::Examination;
use super::family::{Family, Shape};
use super::hypothesis::{Hypothesis, Length, Span};
use super::prober::{End, Prober};
use super::wording::{conclusion, ended, would_settle};
use crate::exit::Exit;
use crate::policy::model::{Algorithm, CountsRefused, Limit, RateLimit};
use crate::policy::reading::Reading;
use crate::summary::finding::{self, Finding, Severity};
use crate::time::Nanos;

/// Everything that a probe found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// In one sentence.
    pub conclusion: String,
    pub exit: Exit,
    /// Why it ended, in words.
    pub ended: String,
    pub requests: u32,
    pub took_s: f64,
    /// What the limiter may be, most likely first.
    pub families: Vec<FamilyShare>,
    /// The numbers of the family, where one is settled.
    pub measured: Option<Measured>,
    /// What was measured beside what is documented.
    pub comparisons: Vec<Comparison>,
    /// The best experiment that the budget did not allow.
    pub would_settle: Option<String>,
    /// The experiments that were made, in their order.
    pub experiments: Vec<String>,
    /// What was done to find out whether the server keeps its promises.
    pub trials: Vec<TrialOutcome>,
    /// The verdicts on the server's promises: every check, also those that had nothing to look at.
    pub checks: Vec<Finding>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrialOutcome {
    pub title: String,
    /// False where the budget or the time did not allow it, or the probe was ended before.
    pub made: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FamilyShare {
    /// None: something that the probe does not know.
    pub shape: Option<Shape>,
    pub title: String,
    /// `0..=1`.
    pub probability: f64,
}

/// All numbers that explain what was seen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    pub shape: Shape,
    /// False where a penalty hides what is behind it: the shape's family is then one of several.
    pub family_is_settled: bool,
    /// What may come at once, from the fewest to the most.
    pub limit: (u32, u32),
    /// Seconds: of a window, of one token, or of an interval. None for limits on concurrency, and where a penalty hides it.
    pub window_s: Option<(f64, f64)>,
    /// Seconds of a penalty.
    pub penalty_s: Option<(f64, f64)>,
    /// What is added at a time, of a bucket that is filled up at intervals.
    pub refill: Option<(u32, u32)>,
    /// Seconds between the begin of a window and a whole multiple of its length on the clock: about zero where windows are
    /// aligned to it.
    pub off_the_clock_s: Option<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    AsDocumented,
    Differs,
    NotSettled,
    /// The documents do not say; this is what it is.
    Undocumented,
}

impl Verdict {
    pub fn title(self) -> &'static str {
        match self {
            Verdict::AsDocumented => "as documented",
            Verdict::Differs => "differs",
            Verdict::NotSettled => "not settled",
            Verdict::Undocumented => "undocumented",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Such as `limit`.
    pub what: String,
    pub documented: String,
    pub measured: String,
    pub verdict: Verdict,
}

/// So likely a family must be to be named.
const SURE: f64 = 0.99;

/// Puts what a probe found beside the limits of its class.
pub fn outcome(examination: &Examination, limits: &[Limit], took: Nanos, interrupted: bool) -> Outcome {
    let prober = examination.prober();
    let shares = prober.belief().shares();
    let measured = found(prober);
    let comparisons = compared(prober, limits, measured.as_ref());
    let mut checks = examination.findings();
    checks.push(documented(&comparisons));
    let exit = exit(prober, &comparisons, &checks, interrupted);
    let known = prober.belief().has_any();
    let title =
        |shape: Option<Shape>| shape.map_or_else(|| "nothing that this probe knows".to_owned(), |it| it.title());
    let families = shares.iter().filter(|share| known && share.share >= 1e-4).map(|share| FamilyShare {
        shape: share.shape,
        title: title(share.shape),
        probability: share.share,
    });
    Outcome {
        conclusion: conclusion(prober, measured.as_ref(), interrupted),
        exit,
        ended: ended(prober, interrupted).to_owned(),
        requests: examination.spent(),
        took_s: took.as_secs_f64(),
        families: families.collect(),
        measured,
        comparisons,
        would_settle: would_settle(prober),
        experiments: prober.made().iter().map(|made| made.kind.title().to_owned()).collect(),
        trials: trials(examination),
        checks,
    }
}

/// The check that says the same as the comparisons.
pub const DOCUMENTED_LIMITER: &str = "server.documented-limiter";

/// What the limiter is, where that is settled.
pub fn found(prober: &Prober) -> Option<Measured> {
    prober.belief().settled(SURE).map(|settled| measured(prober, settled))
}

/// What was measured beside what is documented, as a check.
fn documented(comparisons: &[Comparison]) -> Finding {
    let of = |verdict: Verdict| -> Vec<&Comparison> {
        comparisons.iter().filter(|comparison| comparison.verdict == verdict).collect()
    };
    let names = |all: &[&Comparison]| all.iter().map(|it| it.what.as_str()).collect::<Vec<_>>().join(", ");
    let (differ, open, settled) = (of(Verdict::Differs), of(Verdict::NotSettled), of(Verdict::AsDocumented));
    let (verdict, headline) = match (differ.as_slice(), open.as_slice(), settled.as_slice()) {
        ([], [], []) => (finding::Verdict::NoData, "Nothing that is documented was measured".to_owned()),
        ([], [], settled) => (finding::Verdict::Pass, format!("As documented: {}", names(settled))),
        ([], open, _) => (finding::Verdict::Inconclusive, format!("Not settled: {}", names(open))),
        (differ, ..) => {
            let what: Vec<String> = differ
                .iter()
                .map(|it| format!("{} is documented as {} and measured as {}", it.what, it.documented, it.measured))
                .collect();
            (finding::Verdict::Fail, what.join("; "))
        }
    };
    let looked_at = (differ.len() + settled.len()) as u64;
    let remedy = "Make documents and server say the same".to_owned();
    Finding {
        verdict,
        headline,
        remedy: if verdict == finding::Verdict::Fail { remedy } else { String::new() },
        looked_at,
        wrong: differ.len() as u64,
        ..nothing(DOCUMENTED_LIMITER, "")
    }
}

fn trials(examination: &Examination) -> Vec<TrialOutcome> {
    let made = examination.conduct().made();
    let outcome = |trial: Trial| TrialOutcome { title: trial.title().to_owned(), made: made.contains(&trial) };
    examination.conduct().all().into_iter().map(outcome).collect()
}

fn measured(prober: &Prober, Settled { shape, behind }: Settled) -> Measured {
    let all = prober.belief().of(shape);
    let numbers = |number: &dyn Fn(&Hypothesis) -> u32| {
        let of_all = || all.iter().map(|hypothesis| number(hypothesis));
        (of_all().min().unwrap_or_default(), of_all().max().unwrap_or_default())
    };
    let hull = |length: Length| {
        let spans = || all.iter().map(|hypothesis| hypothesis.terms.span(length));
        let low = spans().map(|span| span.low).min().unwrap_or_default();
        Span::new(low, spans().map(|span| span.high).max().unwrap_or_default())
    };
    let seconds = |span: Span| (span.low.as_secs_f64(), span.high.as_secs_f64());
    Measured {
        shape,
        limit: numbers(&|hypothesis| hypothesis.terms.limit),
        window_s: (shape.family != Family::Concurrency && behind).then(|| seconds(hull(Length::Window))),
        family_is_settled: behind,
        penalty_s: shape.penalty.map(|_| seconds(hull(Length::Penalty))),
        refill: (shape.family == Family::IntervalRefill).then(|| numbers(&|hypothesis| hypothesis.terms.refill)),
        off_the_clock_s: shape
            .family
            .has_phase()
            .then(|| off_the_clock(prober, hull(Length::Phase), hull(Length::Window))),
    }
}

/// How far windows begin from whole multiples of their length, by the nearest whole second of a length.
fn off_the_clock(prober: &Prober, phase: Span, window: Span) -> (f64, f64) {
    let length = nearest_round(window).as_secs_f64();
    let anchor = Nanos(prober.anchor().unix_nanos).as_secs_f64();
    let middle = (anchor + phase.middle().as_secs_f64()) % length;
    let middle = if middle > length / 2.0 { middle - length } else { middle };
    let half = phase.width().as_secs_f64() / 2.0;
    (middle - half, middle + half)
}

/// The roundest length in a span.
fn nearest_round(span: Span) -> Nanos {
    let units = [3600, 1800, 900, 600, 300, 60, 30, 15, 10, 5, 1].map(Nanos::from_secs);
    let rounded = units.iter().map(|unit| Nanos(span.high.0 / unit.0 * unit.0));
    rounded.filter(|length| *length > Nanos::ZERO).find(|length| span.holds(*length)).unwrap_or(span.middle())
}

impl Measured {
    /// In words: what may come at once, and how it comes back.
    pub fn text(&self) -> String {
        let range = |(low, high): (u32, u32)| if low == high { low.to_string() } else { format!("{low} to {high}") };
        let limit = range(self.limit);
        let mut text = match (self.shape.family, self.window_s) {
            (Family::Concurrency, _) => format!("{limit} at the same time"),
            (Family::Bucket, Some(window)) => format!("{limit} at once, one back every {}", lengths(window)),
            (Family::LeakyQueue, Some(window)) => format!("{limit} at once, one served every {}", lengths(window)),
            (Family::IntervalRefill, Some(window)) => {
                let refill = range(self.refill.unwrap_or(self.limit));
                format!("{limit} at once, {refill} back every {}", lengths(window))
            }
            (_, Some(window)) => format!("{limit} per {}", lengths(window)),
            (_, None) => limit,
        };
        if let Some(penalty) = self.penalty_s {
            text += &format!(", a penalty of {}", lengths(penalty));
        }
        text
    }
}

fn lengths((low, high): (f64, f64)) -> String {
    let (low, high) = (Nanos::from_secs_f64(low), Nanos::from_secs_f64(high));
    let round = nearest_round(Span::new(low, high));
    let digits = |length: Nanos| Nanos(length.0 / 100_000 * 100_000);
    if low == high {
        return low.to_string();
    }
    match high - low <= Nanos(low.0 / 10) && round != Span::new(low, high).middle() {
        true => format!("{round} ({} to {})", digits(low), digits(high)),
        false => format!("{} to {}", digits(low), digits(high)),
    }
}

pub(super) fn compared(prober: &Prober, limits: &[Limit], measured: Option<&Measured>) -> Vec<Comparison> {
    let mut all = Vec::new();
    let nearest = nearest_limit(limits, measured);
    for (index, limit) in limits.iter().enumerate() {
        match limit {
            Limit::Rate(rate) => all.extend(rate_compared(prober, rate, measured.filter(|_| nearest == Some(index)))),
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

/// What may come at once by the documents, if the limiter is what was measured.
pub fn at_once(rate: &RateLimit, measured: Option<&Measured>) -> u32 {
    let reading = match (rate.algorithm, measured.map(|measured| measured.shape.family)) {
        (Algorithm::LeakyBucket, _) | (_, Some(Family::LeakyQueue)) => Reading::LeakyBucket,
        (_, Some(Family::Bucket | Family::IntervalRefill)) => Reading::TokenBucket,
        _ => Reading::Rolling,
    };
    reading.ceiling(rate.allow, rate.burst)
}

fn rate_compared(prober: &Prober, rate: &RateLimit, measured: Option<&Measured>) -> Vec<Comparison> {
    let limit = at_once(rate, measured);
    let Some(measured) = measured else {
        let never = prober.ended() == Some(End::NeverRefused);
        let over = never && prober.spent() > limit.saturating_mul(2);
        let seen = if never { format!("none of {} refused", prober.spent()) } else { "nothing".to_owned() };
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

fn exit(prober: &Prober, comparisons: &[Comparison], checks: &[Finding], interrupted: bool) -> Exit {
    let broken = |check: &Finding| check.verdict == finding::Verdict::Fail && check.severity == Severity::Breach;
    let any = |verdict: Verdict| comparisons.iter().any(|comparison| comparison.verdict == verdict);
    if interrupted {
        Exit::Interrupted
    } else if any(Verdict::Differs) || checks.iter().any(broken) {
        Exit::Fail
    } else if comparisons.is_empty() || any(Verdict::NotSettled) || prober.log().sightings().is_empty() {
        Exit::Invalid
    } else {
        Exit::Pass
    }
}
