//! The suite finds nothing wrong with this crate's limiters, and names what is wrong with others.

mod threads;
mod wrong;

use quotaproof::limiter::suite::{
    Asynchronous, Check, Claim, Defect, Replay, Report, Row, Subject, Threads, Workload, beside_known, examine,
    poll_to_end, threads,
};
use quotaproof::limiter::{Algorithm, Decision, Gcra, Keyed, Rate, Sharded, Terms, build};
use quotaproof::policy::reading::Reading;
use quotaproof::time::{Anchor, Nanos};

const RATE: Rate = Rate { allow: 5, per: Nanos::from_secs(1) };
/// 2026-03-15, not at the edge of any window.
const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_123_456_789 };

fn claim(reading: Reading) -> Claim {
    Claim::new(reading, RATE.allow, RATE.per)
}

fn alone<A: Algorithm>(algorithm: A) -> impl Subject {
    let mut keyed = Keyed::new(algorithm);
    move |now, key, cost| keyed.check(now, key, cost)
}

fn shared<A: Algorithm<State: Send> + Sync>(algorithm: A) -> impl Subject {
    let sharded = Sharded::new(algorithm);
    Threads(move |now, key, cost| sharded.check(now, key, cost))
}

/// What may not be looked at: nothing; what has one caller only; what threads share that a busy machine never lets meet.
const ALL: [&[Check]; 1] = [&[]];
const ALONE: [&[Check]; 1] = [&[Check::SideBySide]];
const SHARED: [&[Check]; 2] = [ALL[0], ALONE[0]];

fn assert_right<S: Subject, const N: usize>(
    name: &str,
    claim: &Claim,
    not_looked_at: [&[Check]; N],
    make: impl FnMut() -> S,
) {
    let report = examine(name, claim, make);
    assert!(report.is_right(), "{report}");
    assert!(not_looked_at.contains(&&*report.not_looked_at()), "{report}");
    assert!(report.accuracy.iter().all(|it| it.fairness == 1.0), "{report}");
    assert!(report.accuracy.iter().any(|it| it.waits > 900), "{report}");
}

/// Time goes on by a microsecond whenever it is looked at.
fn ticking() -> impl FnMut() -> Nanos {
    let mut now = Nanos::ZERO;
    move || {
        now += Nanos(1_000);
        now
    }
}

#[test]
fn a_limiter_stands_beside_the_known_ones_in_one_table() {
    let claim = claim(Reading::Rolling).every_request_costs_one();
    let beside = beside_known("everything goes", &claim, ticking(), || |_, _, _| true);
    let (mine, known) = beside.rows.split_first().unwrap();
    assert!(!mine.report.is_right() && mine.wrong() > 1_000.0 && !mine.report.defects().is_empty(), "{beside}");
    assert!(known.len() == 8 && known.iter().all(|row| row.report.is_right() && row.wrong() == 0.0), "{beside}");
    let timed = |row: &Row| row.ns.len() == 7 && row.ns.iter().all(|(_, ns)| *ns > 0.0);
    assert!(beside.rows.iter().all(timed), "{beside}");
    let text = beside.to_string();
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("everything goes "), lines("rolling log ")), (8, 8), "one, and one by each workload: {text}");
    let hot = |line: &&str| line.starts_with("everything goes ") && line.contains(" one hot key ");
    let hot = text.lines().find(hot).expect("it has a line");
    assert!(hot.contains(" 21 of 5 "), "its worst window: {hot}");
}

/// What was not looked at is no pass.
#[test]
fn a_row_says_what_was_not_looked_at() {
    let claim = claim(Reading::Rolling).every_request_costs_one().clock_only_goes_forward();
    let beside = beside_known("yes or no", &claim, ticking(), || {
        let mut keyed = Keyed::new(|| build(Reading::Rolling, RATE));
        move |now, key, cost| keyed.check(now, key, cost).admitted
    });
    let (mine, known) = beside.rows.split_first().unwrap();
    assert!(mine.report.is_right() && mine.report.untold() == ["retry_after", "remaining"], "{beside}");
    assert_eq!(mine.report.not_looked_at(), [Check::ClockGoesBack, Check::SideBySide]);
    assert!(known.iter().all(|row| row.report.unknown() == [Check::SideBySide.title()]), "{beside}");
    let verdict = "right; not looked at: the clock goes back and forth, many callers side by side, costs other than one, retry_after, remaining";
    assert!(beside.to_string().contains(verdict) && mine.report.to_string().contains(verdict), "{beside}");
}

#[test]
fn the_known_ones_keep_the_terms_of_the_claim() {
    let claim = Claim::new(Reading::TokenBucket, 5, Nanos::from_secs(30 * DAY)).burst(8).anchored(ANCHOR);
    let beside = beside_known("never", &claim.every_request_costs_one(), ticking(), || |_, _, _| false);
    let known = &beside.rows[1..];
    assert!(known.iter().all(|row| row.report.is_right() && row.report.claim.contains("burst 8")), "{beside}");
    assert_eq!((known.len(), known[0].report.name.as_str()), (8, "GCRA"), "{beside}");
}

const DAY: u64 = 86_400;

/// Of weeks and of months.
#[test]
fn gcra_is_right_for_long_windows_too() {
    for (days, burst) in [(18, 3), (49, 8), (90, 2), (365, 5)] {
        let claim = Claim::new(Reading::TokenBucket, 5, Nanos::from_secs(days * DAY)).burst(burst);
        let gcra = Gcra::new(claim.terms.rate, burst).unwrap();
        assert_right("GCRA", &claim, ALONE, || alone(gcra));
    }
}

/// One request in a year: two thousand would take longer than a limiter has to last.
#[test]
fn what_would_take_too_long_is_left_out_and_told() {
    let claim = Claim::new(Reading::TokenBucket, 1, Nanos::from_secs(365 * DAY));
    let gcra = Gcra::new(claim.terms.rate, 1).unwrap();
    let report = examine("GCRA", &claim, || alone(gcra));
    assert!(report.is_right(), "{report}");
    let hot = &report.accuracy[0];
    assert!(hot.left_out > 0 && hot.decisions > 200 && hot.decisions + hot.left_out == 2_000, "{report}");
    assert!(report.unknown().contains(&format!("one hot key after {} decisions", hot.decisions)), "{report}");
    assert!(report.to_string().contains(&format!("({} more would take too long: not looked at)", hot.left_out)));
}

#[test]
fn nothing_is_left_out_of_windows_of_a_day() {
    let claim = Claim::new(Reading::TokenBucket, 1, Nanos::from_secs(DAY));
    let report = examine("GCRA", &claim, || alone(Gcra::new(claim.terms.rate, 1).unwrap()));
    assert!(report.is_right() && report.accuracy.iter().all(|it| it.left_out == 0), "{report}");
}

/// Futures that are never in each other's way are done one after the other, whatever they do to each other on threads.
#[test]
fn futures_that_never_wait_say_nothing_of_a_race() {
    let claim = claim(Reading::TokenBucket).every_request_costs_one();
    let report = examine("never waits", &claim, || {
        let limiter = wrong::count_behind_a_lock(RATE);
        Asynchronous::new(async move |now, key, cost| limiter(now, key, cost), poll_to_end)
    });
    assert!(report.not_looked_at().contains(&Check::SideBySide), "{report}");
    assert!(report.verdict().contains("not looked at: many callers side by side"), "{report}");
}

#[test]
fn what_threads_share_is_timed_with_all_of_them_as_well() {
    let claim = claim(Reading::TokenBucket);
    let beside = beside_known("shared", &claim, ticking(), || shared(Gcra::new(RATE, 5).unwrap()));
    let with_threads = |row: &&Row| row.together_ns.len() == 7 && row.together_ns.iter().all(|(_, ns)| *ns > 0.0);
    let names: Vec<&str> = beside.rows.iter().filter(with_threads).map(|row| row.report.name.as_str()).collect();
    assert_eq!(names, ["shared", "GCRA, for threads"], "{beside}");
    assert!(beside.rows.iter().all(|row| row.tail_ns == 1_000), "the time it takes to look: {beside}");
    assert!(beside.to_string().contains("threads make at a time:"), "{beside}");
}

/// The runtime is entered once for a round, and not for each decision.
#[test]
fn futures_are_timed_without_what_brings_them_to_their_end() {
    let entered = std::cell::Cell::new(0);
    let claim = claim(Reading::Rolling);
    let asked = std::cell::Cell::new(0);
    let mut limiter = Asynchronous::new(
        async |_, _, _| {
            asked.set(asked.get() + 1);
            wrong::yield_once().await;
            true
        },
        |answers| {
            entered.set(entered.get() + 1);
            poll_to_end(answers)
        },
    );
    let requests = Workload::ALL[0].requests(claim.terms.rate, 7).take(100).collect();
    limiter.check_each(&mut Replay::new(requests), 250);
    assert_eq!((entered.get(), asked.get()), (1, 250));
}

#[test]
fn it_finds_nothing_wrong_with_an_honest_limiter_of_any_reading() {
    for reading in Reading::KNOWN {
        let claims = [claim(reading).anchored(ANCHOR), Claim::new(reading, 7, Nanos::from_secs(60)).burst(4)];
        for claim in claims {
            let terms: Terms = claim.terms;
            assert_right("alone", &claim, ALONE, || alone(move || build(reading, terms)));
        }
        let terms = claims[0].terms;
        assert_right("shared", &claims[0], SHARED, || shared(move || build(reading, terms)));
    }
}

#[test]
fn it_finds_nothing_wrong_with_gcra() {
    for (allow, burst) in [(5, 5), (7, 12), (50, 1)] {
        let claim = Claim::new(Reading::TokenBucket, allow, RATE.per).burst(burst);
        let gcra = Gcra::new(Rate { allow, ..RATE }, burst).unwrap();
        assert_right("alone", &claim, ALONE, || alone(gcra));
        assert_right("shared", &claim, SHARED, || shared(gcra));
    }
}

#[test]
fn it_asks_limiters_whose_answers_are_futures() {
    let claim = claim(Reading::Rolling);
    assert_right("asynchronous", &claim, ALL, || {
        let sharded = Sharded::new(move || build(Reading::Rolling, RATE));
        let check = async move |now, key, cost| {
            wrong::yield_once().await;
            sharded.check(now, key, cost)
        };
        Asynchronous::new(check, poll_to_end)
    });
}

/// Jain's index where as many keys get all and a share s of it is (1 + s)² / (2 (1 + s²)): 0.62 for an eighth, 0.74 for a quarter.
#[test]
fn a_limiter_that_favours_some_keys_is_unfair_where_they_ask_for_more_than_all_get() {
    let report = examine("unfair", &claim(Reading::TokenBucket), || wrong::unfair(RATE));
    assert!(report.defects().contains(&Defect::RefusesTooEarly), "{report}");
    let fairness = |workload: &str| report.accuracy.iter().find(|it| it.workload == workload).unwrap().fairness;
    let pressed = fairness("mostly refused");
    assert!((0.62..0.74).contains(&pressed), "{pressed}: {report}");
    assert_eq!(fairness("one hot key"), 1.0, "there is nobody to favour: {report}");
}

#[test]
fn what_a_claim_leaves_out_is_not_looked_at() {
    let claim = claim(Reading::Rolling).clock_only_goes_forward().every_request_costs_one();
    let report = examine("yes or no", &claim, || {
        let (mut keyed, mut latest) = (Keyed::new(|| build(Reading::Rolling, RATE)), Nanos::ZERO);
        move |now, key, cost| {
            assert!(now >= latest && cost == 1);
            latest = now;
            keyed.check(now, key, cost).admitted
        }
    });
    assert!(report.is_right(), "{report}");
    assert_eq!(report.not_looked_at(), [Check::ClockGoesBack, Check::SideBySide]);
    let text = report.to_string();
    assert!(text.contains("retry_after is never told") && text.contains("remaining is never told"), "{text}");
}

/// Whether it is found, and what is found with it.
fn assert_caught<S: Subject>(claim: &Claim, defect: Defect, others: &[Defect], make: impl FnMut() -> S) {
    assert_named(&examine(defect.title(), claim, make), defect, others);
}

fn assert_named(report: &Report, defect: Defect, others: &[Defect]) {
    let mut expected = vec![defect];
    expected.extend(others);
    expected.sort();
    assert_eq!(report.defects(), expected, "{report}");
    assert!(!report.is_right() && report.to_string().contains(defect.title()), "{report}");
}

#[test]
fn twice_the_limit_at_the_edge_of_a_window_is_caught() {
    let others = [Defect::AdmitsTooMuch, Defect::RetryAfterTooShort, Defect::RemainingIsWrong];
    assert_caught(&claim(Reading::Rolling), Defect::DoubleAtTheEdge, &others, || wrong::double_at_the_edge(RATE));
}

#[test]
fn a_race_between_reading_and_writing_is_caught_between_futures() {
    assert_caught(&claim(Reading::Rolling), Defect::ReadThenWriteRace, &[], || {
        Asynchronous::new(wrong::read_then_write(RATE), poll_to_end)
    });
}

#[test]
fn a_race_between_reading_and_writing_is_caught_between_threads() {
    assert_caught(&claim(Reading::Rolling), Defect::ReadThenWriteRace, &[], || {
        Threads(wrong::read_then_write_in_threads(RATE))
    });
}

/// Threads that nothing stops between reading and writing, as often as it is tried. On one core they never meet.
#[test]
fn a_race_of_a_few_nanoseconds_is_caught() {
    if threads() == 1 {
        return;
    }
    let claim = claim(Reading::TokenBucket).every_request_costs_one().clock_only_goes_forward();
    for _ in 0..5 {
        let stored = of_threads_that_met(&claim, || Threads(wrong::load_then_store(RATE)));
        assert_named(&stored, Defect::ReadThenWriteRace, &[]);
        let counted = of_threads_that_met(&claim, || Threads(wrong::count_behind_a_lock(RATE)));
        assert_named(&counted, Defect::ReadThenWriteRace, &[]);
    }
    let honest = examine("shared", &claim, || shared(Gcra::new(RATE, 5).unwrap()));
    let side_by_side = honest.checks.iter().find(|it| it.check == Check::SideBySide).unwrap();
    assert!(side_by_side.met > 0, "{honest}");
}

/// Where other programs have the cores threads hardly meet, and the suite says that it did not look: then it is asked again.
fn of_threads_that_met<S: Subject>(claim: &Claim, mut make: impl FnMut() -> S) -> Report {
    const TRIES: usize = 20;
    let mut reports = (0..TRIES).map(|_| examine("a race", claim, &mut make));
    let report = reports.find(|report| !report.not_looked_at().contains(&Check::SideBySide));
    report.expect("threads meet, at one of so many tries")
}

/// The other threads wait for it no longer.
#[test]
#[should_panic(expected = "side by side")]
fn a_limiter_that_panics_in_one_thread_ends_them_all() {
    let asking = std::sync::atomic::AtomicU64::new(0);
    Threads(|_, _, _| -> bool {
        let number = asking.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_ne!(number, 1_000, "side by side");
        true
    })
    .check_together(Nanos::ZERO, 0..5_000, 13);
}

#[test]
fn a_bucket_that_is_refilled_when_the_clock_goes_back_and_forth_is_caught() {
    assert_caught(&claim(Reading::TokenBucket), Defect::RefilledByClockSkew, &[], || {
        wrong::refilled_by_clock_skew(RATE)
    });
}

#[test]
fn a_store_that_lets_in_again_whom_it_forgot_before_the_clock_went_back_is_caught() {
    assert_caught(&claim(Reading::TokenBucket), Defect::RefilledByClockSkew, &[], || {
        wrong::forgets_how_late_it_was(RATE)
    });
}

#[test]
fn charging_for_what_was_refused_is_caught() {
    let others = [Defect::RefusesTooEarly, Defect::RemainingIsWrong];
    assert_caught(&claim(Reading::Rolling), Defect::ChargedOnRefusal, &others, || wrong::charged_on_refusal(RATE));
}

#[test]
fn charging_for_what_costs_several_and_was_refused_is_caught() {
    let others = [Defect::RefusesTooEarly];
    assert_caught(&claim(Reading::Rolling), Defect::ChargedOnRefusal, &others, || wrong::charged_for_several(RATE));
}

/// Each of them goes wrong in more checks than one, and would have to be looked for in as many places.
#[test]
fn what_is_wrong_at_any_time_has_a_plain_name() {
    let rolling = |allow: u32, per: Nanos| {
        let sharded = Sharded::new(move || build(Reading::Rolling, Rate { allow, per }));
        move |now, key, cost| sharded.check(now, key, cost).admitted
    };
    let Rate { allow, per } = RATE;
    let claim = claim(Reading::Rolling);
    assert_caught(&claim, Defect::AdmitsTooMuch, &[], || Threads(rolling(allow + 1, per)));
    assert_caught(&claim, Defect::AdmitsTooMuch, &[], || Threads(rolling(allow, per - Nanos(1))));
    assert_caught(&claim, Defect::RefusesTooEarly, &[], || Threads(rolling(allow - 1, per)));
    assert_caught(&claim, Defect::RefusesTooEarly, &[], || Threads(rolling(allow, per + Nanos(1))));
    assert_caught(&claim, Defect::AdmitsTooMuch, &[], || Threads(|_, _, _| true));
    assert_caught(&claim, Defect::RefusesTooEarly, &[], || Threads(|_, _, _| false));
    let nothing = Claim::new(Reading::TokenBucket, 5, RATE.per).burst(0);
    assert_caught(&nothing, Defect::AdmitsTooMuch, &[], || |_, _, _| true);
}

#[test]
fn a_wait_that_is_cut_to_whole_milliseconds_is_caught() {
    let claim = Claim::new(Reading::TokenBucket, 7, RATE.per);
    let rate = Rate { allow: 7, ..RATE };
    assert_caught(&claim, Defect::RetryAfterTooShort, &[], || {
        wrong::changed(rate, |it| Decision { retry_after: wrong::whole_millis(it.retry_after), ..it })
    });
}

#[test]
fn a_wait_that_is_rounded_up_as_claimed_is_right() {
    let claim = Claim::new(Reading::TokenBucket, 7, RATE.per).waits_rounded_up_to(wrong::MILLI);
    let told = |change: fn(Nanos) -> Nanos| {
        move || {
            wrong::changed(Rate { allow: 7, ..RATE }, move |it| Decision { retry_after: change(it.retry_after), ..it })
        }
    };
    assert_right("rounded up", &claim, ALONE, told(wrong::rounded_up));
    assert_caught(&claim, Defect::RetryAfterTooShort, &[], told(wrong::whole_millis));
    assert_caught(
        &claim,
        Defect::RetryAfterTooLong,
        &[],
        told(|wait| wrong::rounded_up(wait).saturating_add(wrong::MILLI)),
    );
    let unsaid = Claim { wait_unit: Nanos(1), ..claim };
    assert_caught(&unsaid, Defect::RetryAfterTooLong, &[], told(wrong::rounded_up));
}

/// Though no check met it.
#[test]
fn a_wait_that_is_wrong_in_a_workload_has_its_name() {
    let mut report = examine("GCRA", &claim(Reading::TokenBucket), || alone(Gcra::new(RATE, 5).unwrap()));
    assert!(report.is_right() && report.defects().is_empty(), "{report}");
    report.accuracy[1].short_waits = 1;
    assert_eq!(report.defects(), [Defect::RetryAfterTooShort]);
    report.accuracy[2].long_waits = 1;
    assert_eq!(report.defects(), [Defect::RetryAfterTooShort, Defect::RetryAfterTooLong]);
}

/// Of keys that no check has asked.
#[test]
fn what_remains_is_looked_at_in_workloads_too() {
    let report = examine("one too many", &claim(Reading::TokenBucket), || {
        let mut keyed = Keyed::new(Gcra::new(RATE, 5).unwrap());
        move |now, key: u64, cost| {
            let decision = keyed.check(now, key, cost);
            Decision {
                remaining: decision.remaining + u32::from(WORKLOAD_KEYS.contains(&key) && now < FIRST_EDGE),
                ..decision
            }
        }
    });
    assert_eq!(report.defects(), [Defect::RemainingIsWrong], "{report}");
    assert!(!report.is_right() && report.checks.iter().all(|checked| checked.found.is_empty()), "{report}");
    assert!(report.to_string().contains("told a wrong remaining)"), "{report}");
}

/// Asked by workloads, and by checks only later.
const WORKLOAD_KEYS: std::ops::Range<u64> = 10..50;
const FIRST_EDGE: Nanos = Nanos::from_secs(20);

/// Each refusal puts it off by a nanosecond.
#[test]
fn who_is_a_little_late_after_refusals_does_not_charge_them() {
    assert_caught(&claim(Reading::TokenBucket), Defect::RefusesTooEarly, &[], || wrong::late_by_refusals(RATE));
}

/// Its own message says where, and this one what for.
#[test]
#[should_panic(expected = "the limiter panicked when it was asked for 1 of key 1 at 20000000001ns")]
fn of_a_limiter_that_panics_it_is_said_what_it_was_asked() {
    examine("mine", &claim(Reading::Rolling), || |_, _, _| -> bool { panic!("a bug of its own") });
}

#[test]
#[should_panic(expected = "before the request before it: see Claim::clock_only_goes_forward")]
fn of_a_limiter_that_panics_as_the_clock_goes_back_it_is_said_how_to_claim_that_it_does_not() {
    examine("mine", &claim(Reading::Rolling), || {
        let mut log: Vec<Nanos> = Vec::new();
        move |now: Nanos, _, _| {
            log.push(now);
            log.iter().all(|at| now >= *at) || panic!("a bug of its own")
        }
    });
}

#[test]
#[should_panic(expected = "asked 13 times side by side at")]
fn of_a_limiter_that_panics_in_a_thread_it_is_said_what_it_was_asked() {
    let maker = std::thread::current().id();
    examine("mine", &claim(Reading::Rolling), || {
        Threads(move |_, _, _| std::thread::current().id() == maker || panic!("a bug of its own"))
    });
}

#[test]
fn other_mistakes_have_names_too() {
    let claim = claim(Reading::TokenBucket);
    let longer = |it: Decision| match it.admitted {
        true => it,
        false => Decision { retry_after: it.retry_after.saturating_add(Nanos(1)), ..it },
    };
    assert_caught(&claim, Defect::RetryAfterTooLong, &[], || wrong::changed(RATE, longer));
    let more = |it: Decision| Decision { remaining: it.remaining + 1, ..it };
    assert_caught(&claim, Defect::RemainingIsWrong, &[], || wrong::changed(RATE, more));
    let others = [Defect::RemainingIsWrong];
    assert_caught(&claim, Defect::OneKeyPaysForAnother, &others, || wrong::knows_keys_by(RATE, |key| key % 16));
    assert_caught(&claim, Defect::OneKeyPaysForAnother, &others, || wrong::knows_keys_by(RATE, |_| 0));
    let others = [Defect::AdmitsTooMuch, Defect::RetryAfterTooShort];
    assert_caught(&claim, Defect::ForgetsKeysInUse, &others, || wrong::forgets_beyond(RATE, 1_000));
}
