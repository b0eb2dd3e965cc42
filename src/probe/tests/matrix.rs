//! Every algorithm, several limits: is the family named rightly, the limit exactly, the rest within its interval? And is
//! what is true never contradicted by what was seen? A small part of it is tried in every test run; all of it is a table,
//! made by the command in `reports/probe-matrix/identification.md`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::case::{Case, Truth, penalty_of};
use super::network::Weather;
use super::world::World;
use crate::policy::reading::Reading;
use crate::probe::family::PenaltyKind;
use crate::probe::hypothesis::Hypothesis;
use crate::probe::outcome::{Measured, found};
use crate::probe::prober::Prober;
use crate::time::Nanos;

/// How many per so many seconds.
const LIMITS: [(u32, u64); 4] = [(5, 1), (10, 10), (60, 60), (100, 3600)];
/// Those that are tried in every test run.
const QUICK: usize = 2;

impl Case {
    fn probe(&self, weather: Weather) -> Prober {
        World::in_weather(weather, self.server(), self.seed).probe(self.brief())
    }
}

/// How a probe did.
#[derive(Clone, Debug)]
struct Played {
    case: Case,
    grade: Grade,
    requests: u32,
    /// What it believed, where it is not right.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Right,
    /// The family is right and the limit exact, but an interval does not hold what is true.
    Missed,
    /// The family is right, the limit is open.
    Vague,
    Unsettled,
    /// Sure of what is not true: another family, or another limit.
    Wrong,
}

impl Grade {
    /// Whether it says of anything what is not true.
    fn is_wrong(self) -> bool {
        matches!(self, Grade::Wrong | Grade::Missed)
    }
}

impl Case {
    fn play_in(self, weather: Weather) -> Played {
        let prober = self.probe(weather);
        let (shape, terms) = self.truth();
        let surprises = Hypothesis::replayed(shape, terms, prober.log()).mismatches;
        assert_eq!(surprises, 0, "{self:?}: the truth explains all");
        let grade = self.grade(found(&prober).as_ref());
        let detail = if grade == Grade::Right { String::new() } else { described(&prober) };
        Played { case: self, grade, requests: prober.spent(), detail }
    }

    fn grade(&self, measured: Option<&Measured>) -> Grade {
        let Some(measured) = measured else { return Grade::Unsettled };
        let (shape, truth) = (measured.shape, self.shape());
        let limit = self.limit();
        if shape.penalty != truth.penalty || measured.family_is_settled && shape != truth {
            return Grade::Wrong;
        }
        match measured.limit {
            (low, high) if !(low..=high).contains(&limit) => Grade::Wrong,
            (low, high) if low < high => Grade::Vague,
            _ if self.is_within(measured) => Grade::Right,
            _ => Grade::Missed,
        }
    }

    /// Whether every interval that is stated holds what is true.
    fn is_within(&self, measured: &Measured) -> bool {
        let holds = |span: Option<(f64, f64)>, true_one: f64| {
            span.is_none_or(|(low, high)| low - 1e-9 <= true_one && true_one <= high + 1e-9)
        };
        holds(measured.window_s, self.window().as_secs_f64())
            && holds(measured.penalty_s, penalty_of(self).as_secs_f64())
            && holds(measured.off_the_clock_s, 0.0)
            && measured.refill.is_none_or(|refill| refill == (self.allow, self.allow))
    }
}

fn described(prober: &Prober) -> String {
    let mut lines = vec![format!("{:?} after {} experiments", prober.ended(), prober.made().len())];
    lines.extend(prober.belief().shares().iter().take(3).map(|share| format!("{:.4} {:?}", share.share, share.shape)));
    lines.extend(prober.belief().open().0.iter().take(4).map(|open| {
        let wrong = (open.mismatches, open.slow);
        format!("{:?} {:?} wrong, slow {wrong:?}", open.shape, open.terms)
    }));
    lines.join("\n    ")
}

/// Every limit under one algorithm.
struct Row {
    name: &'static str,
    truth: Truth,
}

const ROWS: [Row; 12] = [
    Row { name: "fixed window on the clock", truth: Truth::Rate(Reading::FixedAligned) },
    Row { name: "fixed window from the first request", truth: Truth::Rate(Reading::FixedFirstHit) },
    Row { name: "rolling window (log)", truth: Truth::Rate(Reading::Rolling) },
    Row { name: "rolling window (two counters)", truth: Truth::Rate(Reading::RollingCounter) },
    Row { name: "token bucket", truth: Truth::Rate(Reading::TokenBucket) },
    Row { name: "leaky bucket as a meter", truth: Truth::Rate(Reading::LeakyBucket) },
    Row { name: "bucket filled up at intervals", truth: Truth::Rate(Reading::IntervalRefill) },
    Row { name: "rolling window that charges refusals", truth: Truth::Charging(Reading::Rolling) },
    Row { name: "rolling window with a penalty", truth: Truth::Barred(Reading::Rolling, PenaltyKind::Once) },
    Row {
        name: "token bucket, penalty begins anew",
        truth: Truth::Barred(Reading::TokenBucket, PenaltyKind::Extended),
    },
    Row { name: "leaky bucket as a queue", truth: Truth::Queue },
    Row { name: "limit on requests at the same time", truth: Truth::Concurrent },
];

fn cases(truth: Truth, limits: usize, seeds: u64) -> impl Iterator<Item = Case> {
    let of_limit =
        move |(allow, per)| (0..seeds).map(move |seed| Case { truth, allow, per: Nanos::from_secs(per), seed });
    LIMITS.into_iter().take(limits).flat_map(of_limit)
}

macro_rules! quick {
    ($($name:ident: $row:expr;)*) => {
        $(#[test]
        fn $name() {
            for case in cases(ROWS[$row].truth, QUICK, 1) {
                let played = case.play_in(Weather::Even);
                assert_eq!(played.grade, Grade::Right, "{played:#?}");
            }
        })*
    };
}

quick! {
    fixed_aligned: 0;
    fixed_first_hit: 1;
    rolling_log: 2;
    rolling_counter: 3;
    token_bucket: 4;
    leaky_bucket: 5;
    interval_refill: 6;
    rolling_log_that_charges: 7;
    rolling_log_with_penalty: 8;
    token_bucket_with_penalty: 9;
    leaky_queue: 10;
    concurrency: 11;
}

/// After many intervals, what they differ by has added up to more than requests are apart.
#[test]
fn intervals_are_told_from_each_other_after_many() {
    let case = Case { truth: ROWS[6].truth, allow: 10, per: Nanos::from_secs(10), seed: 5 };
    let played = case.play_in(Weather::Even);
    assert_eq!(played.grade, Grade::Right, "{played:#?}");
}

/// Both corners of the box that holds the truth come to be wrong here, each by its own history.
#[test]
fn what_is_true_between_two_corners_is_kept() {
    let case = Case { truth: ROWS[0].truth, allow: 60, per: Nanos::from_secs(60), seed: 10 };
    let played = case.play_in(Weather::Even);
    assert_eq!(played.grade, Grade::Right, "{played:#?}");
}

/// A client's first requests leave together, so that it is open which of them began its intervals.
#[test]
fn intervals_begin_once_though_many_requests_come_first() {
    let case = Case { truth: ROWS[6].truth, allow: 100, per: Nanos::from_secs(3_600), seed: 0 };
    let played = case.play_in(Weather::Even);
    assert_eq!(played.grade, Grade::Right, "{played:#?}");
}

/// Where latency has a long tail and both ends stall, a probe may find out less, and never anything else.
#[test]
fn a_busy_machine_is_never_wrong() {
    for row in &ROWS {
        for case in cases(row.truth, 1, 2) {
            let played = case.play_in(Weather::Harsh);
            assert!(!played.grade.is_wrong(), "{played:#?}");
        }
    }
}

/// Plays all cases, as many at a time as there are cores; in their order.
fn play_all(cases: &[Case], weather: Weather) -> Vec<Played> {
    let next = AtomicUsize::new(0);
    let played: Mutex<Vec<(usize, Played)>> = Mutex::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((at, case)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, cases.get(at)?)))
                {
                    let done = case.play_in(weather);
                    played.lock().unwrap_or_else(PoisonError::into_inner).push((at, done));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    played.sort_by_key(|(at, _)| *at);
    played.into_iter().map(|(_, played)| played).collect()
}

const HEADER: &str = "| Limiter | Cases | Right | Interval missed | Limit open | Not settled | Wrong | Requests: median, most |\n\
                      |---|--:|--:|--:|--:|--:|--:|--:|\n";

fn line(row: &Row, played: &[Played]) -> String {
    let count = |grade: Grade| played.iter().filter(|played| played.grade == grade).count();
    let mut requests: Vec<u32> = played.iter().map(|played| played.requests).collect();
    requests.sort_unstable();
    let [right, missed, vague, unsettled, wrong] =
        [Grade::Right, Grade::Missed, Grade::Vague, Grade::Unsettled, Grade::Wrong].map(count);
    let (median, most) = (requests[requests.len() / 2], requests[requests.len() - 1]);
    let (name, cases) = (row.name, played.len());
    format!("| {name} | {cases} | {right} | {missed} | {vague} | {unsettled} | {wrong} | {median}, {most} |\n")
}

/// So many of a row are right.
const LEAST_RIGHT: f64 = 0.95;

/// Every limit and `PROBE_SEEDS` seeds, 20 when it is not set; as a table in Markdown. `PROBE_ROW` picks limiters by a part of
/// their names.
#[test]
#[ignore = "takes minutes: it makes the table of the report"]
fn table() {
    let short = print_table(Weather::Even, LIMITS.len(), |right, played| {
        let wrong = played.iter().any(|played| played.grade.is_wrong());
        !wrong && right as f64 >= played.len() as f64 * LEAST_RIGHT
    });
    assert!(short.is_empty(), "too seldom right, or wrong: {short:?}");
}

/// The same where windows are short beside what a busy machine stalls for.
#[test]
#[ignore = "takes minutes: it makes a table of the report"]
fn busy_table() {
    let wrong = print_table(Weather::Harsh, QUICK, |_, played| !played.iter().any(|played| played.grade.is_wrong()));
    assert!(wrong.is_empty(), "wrong: {wrong:?}");
}

/// Prints a line for each row; which of them do not hold, by how many are right and all that were played.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what it is run for")]
fn print_table(weather: Weather, limits: usize, holds: impl Fn(usize, &[Played]) -> bool) -> Vec<&'static str> {
    let seeds = std::env::var("PROBE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(20);
    print!("{HEADER}");
    let mut short = Vec::new();
    let only = std::env::var("PROBE_ROW").unwrap_or_default();
    for row in ROWS.iter().filter(|row| row.name.contains(&only)) {
        let played = play_all(&cases(row.truth, limits, seeds).collect::<Vec<_>>(), weather);
        print!("{}", line(row, &played));
        let not_right = || played.iter().filter(|played| played.grade != Grade::Right);
        for Played { case, grade, requests, detail } in not_right() {
            eprintln!(
                "{:?} {}/{} seed {}: {grade:?} after {requests}: {detail}",
                case.truth, case.allow, case.per, case.seed
            );
        }
        if !holds(played.len() - not_right().count(), &played) {
            short.push(row.name);
        }
    }
    short
}
