//! Whole probes of servers with each defect: what limiter it is must be named rightly, or be said to be in doubt.

use std::collections::BTreeMap;

use super::expected::{Expected, expected};
use super::matrix::{Documents, FIVE, SIXTY, TEN, TWO, name, seeds};
use super::testing::Setting;
use crate::exit::Exit;
use crate::policy::reading::Reading;
use crate::probe::family::{Family, Shape};
use crate::probe::outcome::Verdict::{Differs, NotSettled};
use crate::probe::outcome::{DOCUMENTED_LIMITER, Measured, Outcome};
use crate::probe::tests::case::family;
use crate::scenario::target::Fault;
use crate::summary::finding::{Finding, Severity, Verdict};
use crate::time::Nanos;

/// How a whole probe did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Right,
    /// It names none, and says so.
    InDoubt,
    /// It names what is not true.
    Wrong,
    /// It says that all is well, of a server whose defect shows.
    Passed,
}

/// What limiter a server has that is said to be another by its documents, or has a defect.
struct Truth {
    shape: Shape,
    /// What comes at once, and the window; of several limits, any.
    limits: Vec<(u32, Nanos)>,
}

impl Truth {
    fn of(documents: &Documents, fault: Option<Fault>) -> Truth {
        let reading = match fault {
            Some(Fault::DoubleAtTheEdge) => Reading::FixedAligned,
            Some(Fault::WindowFromFirstRequest) => Reading::FixedFirstHit,
            _ => documents.reading,
        };
        let bent = |allow: u32| match fault {
            Some(Fault::AdmitsTooMuch) => allow + allow.div_ceil(2),
            Some(Fault::RefusesTooEarly) => (allow / 2).max(1),
            _ => allow,
        };
        let family = family(reading);
        let charges_refused = fault == Some(Fault::RefusalsCharged)
            && !matches!(family, Family::FixedAligned | Family::FixedFirstHit | Family::IntervalRefill);
        let limit = |&(allow, per): &(u32, Nanos)| {
            let at_once = if reading == Reading::LeakyBucket { bent(allow - 1) + 1 } else { bent(allow) };
            let tokens = if family == Family::Bucket { u64::from(bent(allow)) } else { 1 };
            (at_once, Nanos(per.0 / tokens))
        };
        Truth {
            shape: Shape { charges_refused, ..family.into() },
            limits: documents.limits.iter().map(limit).collect(),
        }
    }

    fn is(&self, measured: &Measured) -> bool {
        let holds = |(low, high): (f64, f64), window: Nanos| {
            low - 1e-9 <= window.as_secs_f64() && window.as_secs_f64() <= high + 1e-9
        };
        let is_one = |&(limit, window): &(u32, Nanos)| {
            (measured.limit.0..=measured.limit.1).contains(&limit)
                && measured.window_s.is_none_or(|span| holds(span, window))
        };
        measured.shape == self.shape && self.limits.iter().any(is_one)
    }
}

fn grade(documents: &Documents, fault: Option<Fault>, outcome: &Outcome) -> Grade {
    // What is wrong and no breach lets a probe pass.
    let is_minor = |it: &Finding| it.verdict == Verdict::Fail && it.severity != Severity::Breach;
    let shows = fault.is_some_and(|fault| matches!(expected(fault, documents), Expected::Caught(_)))
        && !outcome.checks.iter().any(is_minor);
    match &outcome.measured {
        Some(measured) if !Truth::of(documents, fault).is(measured) => Grade::Wrong,
        _ if shows && outcome.exit == Exit::Pass => Grade::Passed,
        Some(_) => Grade::Right,
        None => Grade::InDoubt,
    }
}

/// Plays one probe, and says what it found if that is not right.
fn played(documents: &Documents, setting: &Setting, fault: Option<Fault>) -> (Grade, String) {
    let outcome = setting.examine();
    let grade = grade(documents, fault, &outcome);
    (grade, format!("{} {fault:?} seed {}: {:?} {}", documents.title(), setting.seed, outcome.exit, outcome.conclusion))
}

fn documented(limits: &[(u32, u64)], reading: Reading) -> Documents {
    Documents::all(limits).into_iter().find(|documents| documents.reading == reading).unwrap()
}

/// Each of these was once named as a limiter that it is not.
#[test]
fn no_defect_makes_a_probe_sure_of_what_is_not_true() {
    for (reading, fault) in [
        (Reading::FixedAligned, Fault::KeyedByAddress),
        (Reading::FixedAligned, Fault::CountsLate),
        (Reading::Rolling, Fault::ClockSkew),
    ] {
        let documents = documented(TEN, reading);
        let (grade, found) = played(&documents, &documents.setting(&[fault], 0), Some(fault));
        assert!(matches!(grade, Grade::Right | Grade::InDoubt), "{grade:?}: {found}");
    }
}

/// Though its documents give each client a quota of its own.
#[test]
fn clients_that_share_a_quota_are_looked_at_as_one() {
    for reading in [Reading::Rolling, Reading::TokenBucket] {
        let documents = documented(TEN, reading);
        let (grade, found) =
            played(&documents, &documents.setting(&[Fault::KeyedByAddress], 0), Some(Fault::KeyedByAddress));
        assert_eq!(grade, Grade::Right, "{found}");
    }
}

/// Plain words may mean any of these, and one that refuses below the limit.
#[test]
fn a_server_without_defects_is_not_accused_of_what_its_documents_leave_open() {
    for reading in
        [Reading::Rolling, Reading::TokenBucket, Reading::FixedFirstHit, Reading::FixedAligned, Reading::RollingCounter]
    {
        let documents = Documents { stated: false, ..documented(TEN, reading) };
        let outcome = documents.setting(&[], 0).examine();
        let failed: Vec<_> = outcome.checks.iter().filter(|it| it.verdict == Verdict::Fail).collect();
        assert!(failed.is_empty(), "{reading:?}: {failed:#?}");
        assert_eq!((grade(&documents, None, &outcome), outcome.exit), (Grade::Right, Exit::Pass), "{outcome:#?}");
    }
}

/// One limit alone explains what little was sent of both, and is neither.
#[test]
fn of_several_limits_what_looks_like_neither_is_in_doubt() {
    let documents = documented(TWO, Reading::RollingCounter);
    let outcome = documents.setting(&[Fault::HintMissing], 0).examine();
    assert!(outcome.doubt.as_ref().is_some_and(|why| why.contains("several limits")), "{}", outcome.conclusion);
    assert_eq!(grade(&documents, Some(Fault::HintMissing), &outcome), Grade::InDoubt, "{outcome:#?}");
}

/// The second limit refuses beside the first, which looks like a penalty of its.
#[test]
fn of_several_limits_a_penalty_that_no_document_names_is_in_doubt() {
    for (reading, seed) in [(Reading::TokenBucket, 1_037), (Reading::LeakyBucket, 1_021)] {
        let documents = documented(TWO, reading);
        let outcome = documents.setting(&[], seed).examine();
        assert_eq!(grade(&documents, None, &outcome), Grade::InDoubt, "{outcome:#?}");
    }
}

/// What is in doubt says so everywhere, and why.
#[test]
fn what_is_in_doubt_is_held_against_nobody_and_passes_nothing() {
    let outcome = documented(TEN, Reading::Rolling).setting(&[Fault::ForgetsOnRestart], 0).examine();
    let why = outcome.doubt.as_ref().unwrap();
    assert!(why.contains("fixed window on the clock") && why.contains("server.over-admission"), "{why}");
    assert!(outcome.conclusion.contains(why), "{}", outcome.conclusion);
    assert!(outcome.measured.is_none() && outcome.families.is_empty(), "{outcome:#?}");
    let settled = ["limit", "window", "algorithm", "penalty"];
    let of_limiter = outcome.comparisons.iter().filter(|it| settled.contains(&&*it.what));
    assert!(
        of_limiter.clone().count() > 2 && of_limiter.into_iter().all(|it| it.verdict == NotSettled),
        "{outcome:#?}"
    );
    let check = outcome.checks.iter().find(|check| check.check == DOCUMENTED_LIMITER).unwrap();
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:#?}");
    assert_eq!(outcome.exit, Exit::Fail);
}

/// A server without defects whose window is half as long as documented forgets nothing, though `server.lapse` may think so.
#[test]
fn a_shorter_window_is_no_lapse() {
    let (documents, server) = (documented(TEN, Reading::Rolling), documented(&[(10, 5)], Reading::Rolling));
    let outcome = documents.setting(&[], 0).examine_one_like(&server.setting(&[], 0));
    assert_eq!(grade(&server, None, &outcome), Grade::Right, "{outcome:#?}");
    let differs = outcome.comparisons.iter().find(|it| it.what == "window").unwrap();
    assert_eq!(differs.verdict, Differs, "{outcome:#?}");
}

/// Counts how whole probes did, and says which were wrong.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<Grade, u32>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&mut self, (grade, found): (Grade, String)) {
        *self.counts.entry(grade).or_default() += 1;
        if matches!(grade, Grade::Wrong | Grade::Passed) {
            self.wrong.push(format!("{grade:?}: {found}"));
        }
    }
}

#[expect(clippy::print_stdout, reason = "the counts are what a long run is made for")]
fn check_defects(limits: &[(u32, u64)]) {
    let mut wrong = Vec::new();
    for fault in Fault::ALL {
        let mut tally = Tally::default();
        for documents in Documents::all(limits) {
            for seed in 0..seeds().map_or(1, |seeds| (seeds / 40).max(1)) {
                tally.count(played(&documents, &documents.setting(&[fault], seed), Some(fault)));
            }
        }
        println!("{limits:?} {}: {:?}", name(fault), tally.counts);
        wrong.extend(tally.wrong);
    }
    assert!(wrong.is_empty(), "{} {wrong:#?}", wrong.len());
}

#[test]
#[ignore = "takes minutes"]
fn nor_does_any_other() {
    check_defects(TEN);
}

#[test]
#[ignore = "takes minutes"]
fn nor_does_any_other_of_several_limits() {
    check_defects(TWO);
}

#[test]
#[ignore = "takes minutes"]
fn nor_does_any_other_of_a_long_window() {
    check_defects(SIXTY);
}

#[test]
#[ignore = "takes minutes"]
fn nor_does_any_other_of_a_short_window() {
    check_defects(FIVE);
}

/// So many probes of servers without defects name the limiter, where there is one: of two, experiments meet the other as well.
const LEAST_RIGHT: f64 = 0.95;

#[expect(clippy::print_stdout, reason = "the counts are what a long run is made for")]
fn check_health(limits: &[(u32, u64)]) {
    let mut tally = Tally::default();
    for documents in Documents::all(limits) {
        for seed in 0..seeds().unwrap_or(2) {
            let outcome = documents.setting(&[], 1_000 + seed).examine();
            let failed: Vec<_> = outcome.checks.iter().filter(|it| it.verdict == Verdict::Fail).collect();
            assert!(failed.is_empty(), "{documents:?} seed {seed}: {failed:#?}");
            assert!(outcome.doubt.is_none() || limits.len() > 1, "{documents:?} seed {seed}: {}", outcome.conclusion);
            let grade = grade(&documents, None, &outcome);
            if grade != Grade::Right {
                println!("{limits:?} {} seed {seed}: {grade:?} {}", documents.title(), outcome.conclusion);
            }
            tally.count((grade, outcome.conclusion));
        }
    }
    let (plays, right) = (tally.counts.values().sum::<u32>(), tally.counts.get(&Grade::Right).copied());
    println!("{limits:?}: {:?}", tally.counts);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    let least = if limits.len() == 1 { f64::from(plays) * LEAST_RIGHT } else { 0.0 };
    assert!(f64::from(right.unwrap_or_default()) >= least, "{:?}", tally.counts);
}

#[test]
#[ignore = "takes minutes"]
fn a_server_without_defects_is_named_and_never_accused_of_another_limiter() {
    check_health(TEN);
    check_health(TWO);
}

#[test]
#[ignore = "takes minutes"]
fn nor_is_one_with_long_or_short_windows() {
    check_health(SIXTY);
    check_health(FIVE);
}

/// Somebody else uses the first client's quota as well.
#[test]
#[ignore = "takes minutes"]
#[expect(clippy::print_stdout, reason = "the counts are what a long run is made for")]
fn nobody_else_who_uses_the_quota_makes_a_probe_sure_of_what_is_not_true() {
    let mut wrong = Vec::new();
    for every in [1, 3, 10, 30].map(Nanos::from_secs) {
        let mut tally = Tally::default();
        for documents in Documents::all(TEN) {
            for seed in 0..seeds().map_or(1, |seeds| (seeds / 40).max(1)) {
                let setting = Setting { neighbour: Some(every), ..documents.setting(&[], seed) };
                tally.count(played(&documents, &setting, None));
            }
        }
        println!("somebody else every {every}: {:?}", tally.counts);
        wrong.extend(tally.wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
