//! What a probe found, beside what the documents say: data for every form of the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::belief::Settled;
use super::compare::{compared, others};
use super::conformance::Transcript;
use super::conformance::checks::form::OtherForm;
use super::conformance::list::nothing;
use super::conformance::trial::Trial;
use super::conformance::{Reach, next};
use super::doubt::doubt;
use super::examination::Examination;
use super::exchange::TICK;
use super::excuse;
use super::family::{Family, Shape};
use super::hypothesis::{Hypothesis, Length, Span};
use super::prober::Prober;
use super::silences::{Seen, Unsaid, answered};
use super::standstill;
use super::witness::Witness;
use super::wording::{conclusion, ended, hindrance, inconclusive, not_tried, would_settle};
use crate::exit::Exit;
use crate::policy::model::Limit;
use crate::summary::finding::{self, Finding, Severity};
use crate::time::{Anchor, Nanos};

/// Everything that a probe found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// In one sentence.
    pub conclusion: String,
    /// What kept it from measuring, if its machine or the network did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<String>,
    /// What it measured, and why that is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
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
    /// Why some of them were not made, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_tried: Option<String>,
    /// The verdicts on the server's promises: every check, also those that had nothing to look at.
    pub checks: Vec<Finding>,
    /// What the documents leave unsaid, answered by what was measured.
    #[serde(default)]
    pub silences: Vec<Unsaid>,
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
    /// aligned to it. None where their length is not settled.
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
    /// One of several limits, which the budget did not suffice to meet.
    NotReached,
}

impl Verdict {
    pub fn title(self) -> &'static str {
        match self {
            Verdict::AsDocumented => "as documented",
            Verdict::Differs => "differs",
            Verdict::NotSettled => "not settled",
            Verdict::Undocumented => "undocumented",
            Verdict::NotReached => "not reached",
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
    let other_form = OtherForm::met(examination.transcript());
    let other_form = other_form.map(|it| it.text(examination.conduct().case().policy.refusal.status));
    let unserved = unserved(examination.transcript()).or(other_form);
    let standstill = standstill::mattered(examination.stood_still());
    let explains = |it: &Measured| standstill.is_some() && standstill::may_explain(&compared(prober, limits, Some(it)));
    let found = found(prober);
    let fitted = found.as_ref().filter(|it| unserved.is_none() && !explains(it));
    let (case, transcript) = (examination.conduct().case(), examination.transcript());
    let reach = Reach::of(case, transcript);
    let mut checks = examination.findings();
    excuse::lapse_of_none(&mut checks, fitted);
    let mut comparisons = compared(prober, limits, fitted);
    let doubt = fitted.and_then(|it| doubt(examination, it, &comparisons, &checks));
    let measured = fitted.filter(|_| doubt.is_none()).cloned();
    excuse::estimate(&mut checks, case, measured.as_ref(), &comparisons);
    if unserved.is_some() || doubt.is_some() {
        comparisons.iter_mut().for_each(|comparison| comparison.verdict = Verdict::NotSettled);
    }
    comparisons.extend(others(limits, fitted).map(|rate| next::compared(case, transcript, rate)));
    comparisons.extend(reach.compared(case));
    let is_doubted = standstill.as_ref().is_some_and(|hindrance| standstill::doubt(&mut checks, hindrance));
    let seen = Seen { case, transcript, measured: measured.as_ref(), reach: &reach, checks: &checks };
    let silences = answered(&seen);
    checks.push(documented(&comparisons));
    let trials = trials(examination);
    // Where nothing was tried, or going on would have done harm, what is missing is no pass.
    let is_open = is_doubted
        || prober.log().sightings().is_empty()
        || examination.stopped().is_some()
        || is_untried(&trials)
        || prober.is_one() && !is_shared(reach.is_shared_by_clients, case.is_apart());
    let exit = exit(&comparisons, &checks, is_open, interrupted);
    let hindrance = standstill.or_else(|| hindrance(prober));
    let conclusion = match &unserved {
        Some(reason) => inconclusive(reason),
        None => {
            let reasons: Vec<&str> = doubt.iter().chain(&hindrance).map(String::as_str).collect();
            conclusion(prober, measured.as_ref(), &reasons.join("; besides, "), interrupted)
        }
    };
    // What is taken back is none of the things that it may be.
    let known = prober.belief().has_any() && found.is_some() == measured.is_some();
    let title =
        |shape: Option<Shape>| shape.map_or_else(|| "nothing that this probe knows".to_owned(), |it| it.title());
    let families = shares.iter().filter(|share| known && share.share >= 1e-3).map(|share| FamilyShare {
        shape: share.shape,
        title: title(share.shape),
        probability: share.share,
    });
    Outcome {
        conclusion,
        hindrance: unserved.or(hindrance),
        doubt,
        exit,
        ended: ended(prober.ended(), interrupted).to_owned(),
        requests: examination.spent(),
        took_s: took.as_secs_f64(),
        families: families.collect(),
        measured,
        comparisons,
        would_settle: would_settle(prober),
        experiments: prober.made().iter().map(|made| made.kind.title().to_owned()).collect(),
        not_tried: trials
            .iter()
            .any(|trial| !trial.made)
            .then(|| not_tried(examination.stopped(), interrupted).to_owned()),
        trials,
        checks,
        silences,
    }
}

/// What is wrong with the request, if none was ever served though answers came: what is let through then says nothing.
fn unserved(transcript: &Transcript) -> Option<String> {
    if transcript.own().any(Witness::is_served) {
        return None;
    }
    let other = transcript.own().find(|it| it.status > 0 && !it.is_refused())?;
    let remedy = match other.status {
        401 | 403 => "give the credentials that it takes by --header, or name one that needs none by --request",
        _ => "name one that is by --request",
    };
    Some(format!("the request was never served, but answered with {}: {remedy}", other.status))
}

/// The check that says the same as the comparisons.
pub const DOCUMENTED_LIMITER: &str = "server.documented-limiter";

/// What the limiter is, where that is settled. What may come back in no time limits nothing.
pub fn found(prober: &Prober) -> Option<Measured> {
    let is_limit = |it: &Measured| it.window_s.is_none_or(|(shortest, _)| shortest > 0.0);
    prober.belief().settled(SURE).map(|settled| measured(prober, settled)).filter(is_limit)
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
    let besides = &examination.conduct().case().besides;
    let title = |trial: Trial| match trial.of().and_then(|nth| besides.get(usize::from(nth))) {
        Some(beside) => format!("{}: {}", beside.text(), trial.title()),
        None => trial.title().to_owned(),
    };
    let outcome = |trial: Trial| TrialOutcome { title: title(trial), made: made.contains(&trial) };
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
        let high = spans().map(|span| span.high).max().unwrap_or_default();
        // A queue lets its answers go by timers that tick: as many as wait in it share one tick's error.
        let unsure = match (shape.family, length) {
            (Family::LeakyQueue, Length::Window) => Nanos(TICK.0 / u64::from(numbers(&|it| it.terms.limit).0.max(1))),
            _ => Nanos::ZERO,
        };
        Span::new(low.saturating_sub(unsure), high + unsure)
    };
    let seconds = |span: Span| (span.low.as_secs_f64(), span.high.as_secs_f64());
    Measured {
        shape,
        limit: numbers(&|hypothesis| hypothesis.terms.limit),
        window_s: (shape.family != Family::Concurrency && behind).then(|| seconds(hull(Length::Window))),
        family_is_settled: behind,
        penalty_s: shape.penalty.map(|_| seconds(hull(Length::Penalty))),
        refill: (shape.family == Family::IntervalRefill).then(|| numbers(&|hypothesis| hypothesis.terms.refill)),
        off_the_clock_s: off_the_clock(prober.anchor(), hull(Length::Phase), hull(Length::Window))
            .filter(|_| shape.family.has_phase()),
    }
}

/// How far windows begin from whole multiples of their length, by the nearest whole second of a length. None where that
/// length is open, or where they may begin anywhere in it.
fn off_the_clock(anchor: Anchor, phase: Span, window: Span) -> Option<(f64, f64)> {
    if !is_narrow(window) || phase.width() >= window.low {
        return None;
    }
    let length = nearest_round(window).as_secs_f64();
    let anchor = Nanos(anchor.unix_nanos).as_secs_f64();
    let middle = (anchor + phase.middle().as_secs_f64()) % length;
    let middle = if middle > length / 2.0 { middle - length } else { middle };
    let half = phase.width().as_secs_f64() / 2.0;
    Some((middle - half, middle + half))
}

/// Whether a length is settled so far that a round one in it may be meant.
fn is_narrow(span: Span) -> bool {
    span.width() <= Nanos(span.low.0 / 10)
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

pub(super) fn lengths((low, high): (f64, f64)) -> String {
    let (low, high) = (Nanos::from_secs_f64(low), Nanos::from_secs_f64(high));
    let span = Span::new(low, high);
    let round = nearest_round(span);
    let digits = |length: Nanos| Nanos(length.0 / 100_000 * 100_000);
    if low == high {
        return low.to_string();
    }
    match is_narrow(span) && round != span.middle() {
        true => format!("{round} ({} to {})", digits(low), digits(high)),
        false => format!("{} to {}", digits(low), digits(high)),
    }
}

/// Whether a trial showed, or at least the documents say, that all clients share a quota.
fn is_shared(shown: Option<bool>, documented_apart: Option<bool>) -> bool {
    shown == Some(true) || documented_apart == Some(false)
}

/// Whether there was something to try, and nothing was.
fn is_untried(trials: &[TrialOutcome]) -> bool {
    !trials.is_empty() && trials.iter().all(|trial| !trial.made)
}

fn exit(comparisons: &[Comparison], checks: &[Finding], is_open: bool, interrupted: bool) -> Exit {
    let broken = |check: &Finding| check.verdict == finding::Verdict::Fail && check.severity == Severity::Breach;
    let any = |verdict: Verdict| comparisons.iter().any(|comparison| comparison.verdict == verdict);
    if interrupted {
        Exit::Interrupted
    } else if any(Verdict::Differs) || checks.iter().any(broken) {
        Exit::Fail
    } else if is_open || comparisons.is_empty() || any(Verdict::NotSettled) {
        Exit::Invalid
    } else {
        Exit::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_tried_is_no_pass_and_what_differs_fails_all_the_same() {
        let trial = |made| TrialOutcome { title: String::new(), made };
        assert!(is_untried(&[trial(false), trial(false)]));
        assert!(!is_untried(&[trial(false), trial(true)]) && !is_untried(&[]), "there was nothing to try");
        let compared = |verdict| {
            let [what, documented, measured] = [const { String::new() }; 3];
            [Comparison { what, documented, measured, verdict }]
        };
        assert_eq!(exit(&compared(Verdict::AsDocumented), &[], false, false), Exit::Pass);
        assert_eq!(exit(&compared(Verdict::AsDocumented), &[], true, false), Exit::Invalid);
        assert_eq!(exit(&compared(Verdict::Differs), &[], true, false), Exit::Fail);
    }

    #[test]
    fn sharing_that_is_neither_shown_nor_documented_is_open() {
        assert!(
            is_shared(Some(true), Some(true)) && is_shared(None, Some(false)) && is_shared(Some(false), Some(false))
        );
        assert!(!is_shared(None, Some(true)) && !is_shared(Some(false), Some(true)) && !is_shared(None, None));
    }

    #[test]
    fn windows_whose_length_is_open_begin_nowhere() {
        let anchor = Anchor { unix_nanos: 1_742_034_605_000_000_000 };
        let seconds = |low: f64, high: f64| Span::new(Nanos::from_secs_f64(low), Nanos::from_secs_f64(high));
        let settled = off_the_clock(anchor, seconds(4.5, 5.5), seconds(9.9, 10.1)).unwrap();
        assert!((settled.0 + 0.5).abs() < 1e-6 && (settled.1 - 0.5).abs() < 1e-6, "{settled:?}");
        assert_eq!(off_the_clock(anchor, seconds(4.5, 5.5), seconds(1.0, 86_400.0)), None);
        assert_eq!(off_the_clock(anchor, seconds(0.0, 12.0), seconds(9.9, 10.1)), None);
    }
}
