//! Planning: what simulated plays answer is what can be reckoned by hand, and the same whatever plays them.

use std::path::Path;
use std::sync::Arc;

use quotaproof::dossier::model::Asked;
use quotaproof::dossier::{self, Evidence};
use quotaproof::exit::Exit;
use quotaproof::plan::base::Overrides;
use quotaproof::plan::{self, Base, Meter, PlayOptions, Questions, fleet, quota, sweep};
use quotaproof::policy::reading::Reading;
use quotaproof::summary::Summary;
use quotaproof::summary::finding::Verdict;
use quotaproof::summary::plan::{LargestFleet, Need, Plan};
use quotaproof::time::{Anchor, Nanos};

const NOTHING: Questions = Questions { fleet: None, quota: None, compare: None, sweep: None, headroom: 0.0, seeds: 2 };

fn options(threads: usize) -> PlayOptions {
    PlayOptions {
        threads,
        command: "quotaproof plan".to_owned(),
        started: Anchor { unix_nanos: 1_773_570_600_000_000_000 },
        target: "simulated".to_owned(),
        meter: Arc::new(Meter::default()),
    }
}

fn base(path: &Path) -> Base {
    Base::read(path, Overrides::default()).unwrap_or_else(|diagnosis| panic!("{diagnosis}"))
}

/// A profile in a file of its own.
fn written(text: &str) -> (tempfile::TempDir, Base) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.yaml");
    std::fs::write(&path, text).unwrap();
    let base = base(&path);
    (folder, base)
}

fn answered(base: &Base, questions: &Questions, threads: usize) -> (Summary, Plan) {
    let options = options(threads);
    let today = plan::play(&Arc::new(base.scenario().clone()), &options).summary;
    let plan = plan::answer(base, &today, questions, &options).unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    (today, plan)
}

/// Chargers that say hardly anything, so that plays are short.
fn quiet(count: u32) -> String {
    format!(
        "depot: {{chargers: {{count: {count}, commands: heartbeat, heartbeat: {{every: 60s}}, \
         sessions: {{initially_busy: 0%, arrivals: 0.01/h}}}}}}"
    )
}

/// One client polls `devices` chargers every `every` seconds over a network that answers evenly.
fn polling(devices: u32, every: u32) -> (tempfile::TempDir, Base) {
    polling_for(150, devices, every)
}

fn polling_for(seconds: u32, devices: u32, every: u32) -> (tempfile::TempDir, Base) {
    written(&format!(
        "name: polling\npolicy: tellus\nduration: {seconds}s\nnetwork: {{latency: {{median: 20ms, p99: 20ms}}}}\nfleet:\n  \
         {}\n  desk: {{operators: {{count: 1, reaction: give_up, asks: [{{get: device, of: depot, every: {every}s}}]}}}}\n",
        quiet(devices)
    ))
}

fn of_fleet(plan: &Plan, reading: Reading) -> &LargestFleet {
    let readings = &plan.fleet.as_ref().expect("it was asked for").readings;
    readings.iter().find(|found| found.reading == Some(reading)).expect("the words allow it")
}

fn need(needs: &[Need], class: &str, reading: Reading) -> Need {
    let own = needs.iter().find(|need| need.class == class && need.reading == Some(reading));
    own.unwrap_or_else(|| panic!("{class} is used: {needs:?}")).clone()
}

const WINDOWS: [Reading; 3] = [Reading::Rolling, Reading::FixedFirstHit, Reading::FixedAligned];

#[test]
fn the_largest_polled_fleet_is_the_one_that_arithmetic_gives() {
    // N devices polled every T seconds are 60 N / T requests a minute, of 60.
    for (devices, every, most) in [(12, 5, 5), (2, 10, 10), (30, 3, 3)] {
        let (_folder, base) = polling(devices, every);
        let asked = Questions { fleet: Some(fleet::Wanted { group: Some("depot".into()) }), ..NOTHING };
        let (_, plan) = answered(&base, &asked, 1);
        for reading in WINDOWS {
            let found = of_fleet(&plan, reading);
            assert_eq!(found.devices, most, "every {every}s, {reading:?}: {found:?}");
            assert!(found.monotone && !found.at_least);
            let binding = found.binding.as_ref().unwrap();
            assert_eq!((binding.class.as_str(), binding.devices, binding.allow), ("queries", most + 1, 60));
            assert_eq!(binding.peak, (most + 1) * 60 / every, "{binding:?}");
            assert_eq!(found.enforced.unwrap().refused, 0, "{reading:?}");
        }
        // More would fit for as long as was played, into what a bucket began with.
        let bucket = of_fleet(&plan, Reading::TokenBucket);
        assert_eq!(
            (bucket.devices, bucket.binding.as_ref().unwrap().lasting_rate),
            (most, Some((most + 1) * 60 / every))
        );
    }
}

#[test]
fn the_shipped_polling_dashboard_fits_five_chargers_and_four_with_headroom() {
    let base = base(Path::new("tellus-polling-dashboard"));
    let of = |headroom| {
        let asked = Questions { fleet: Some(fleet::Wanted { group: Some("depot".into()) }), headroom, ..NOTHING };
        of_fleet(&answered(&base, &asked, 1).1, Reading::Rolling).devices
    };
    assert_eq!((of(0.0), of(0.2)), (5, 4));
}

#[test]
fn the_least_quota_holds_the_demand_and_one_less_does_not() {
    let (_folder, base) = polling(12, 5);
    let asked = Questions { quota: Some(quota::Wanted::default()), ..NOTHING };
    let (_, plan) = answered(&base, &asked, 1);
    let answer = plan.quota.unwrap();
    for reading in WINDOWS {
        let need = need(&answer.needs, "queries", reading);
        assert_eq!((need.least.min, need.least.max, need.allow), (144, 144, 60), "{need:?}");
        assert!(need.is_peak);
    }
    // A bucket of less would do for as long as was played, on what it began with, and not for good.
    let bucket = need(&answer.needs, "queries", Reading::TokenBucket);
    assert_eq!((bucket.least.max, bucket.is_peak), (144, false), "{bucket:?}");
    for check in &answer.checks {
        assert!(check.holds && check.enforced.refused == 0 && check.enforced.requests > 0, "{check:?}");
    }
    let refused = |reading: Reading, allow: u32, times: u64| {
        let mut scenario = base.scenario().clone();
        scenario.duration = scenario.duration * times;
        let quotaproof::policy::model::Limit::Rate(limit) = &mut scenario.policy.classes[0].limits[0] else { panic!() };
        limit.allow = allow;
        let quotaproof::scenario::target::Target::Embedded(server) = &mut scenario.target else { panic!() };
        server.limiter = reading;
        plan::play(&Arc::new(scenario), &options(1)).summary.classes[0].refused
    };
    for reading in [Reading::Rolling, Reading::TokenBucket] {
        let least = need(&answer.needs, "queries", reading).least.max;
        assert_eq!(refused(reading, least, 200), 0, "{reading:?}: {least}");
    }
    assert!(refused(Reading::Rolling, 143, 1) > 0, "one less");
    assert!(refused(Reading::TokenBucket, 143, 200) > 0, "one less, for long enough");
}

/// What a bucket begins with would do for the 75 seconds that are played.
#[test]
fn no_rate_that_does_not_last_is_enough_however_full_the_bucket_was() {
    let (_folder, base) = polling_for(75, 3, 2);
    for refused_ratio in [0.0, 0.01] {
        let asked = Questions { quota: Some(quota::Wanted { refused_ratio, ..quota::Wanted::default() }), ..NOTHING };
        let answer = answered(&base, &asked, 1).1.quota.unwrap();
        assert_eq!(need(&answer.needs, "queries", Reading::TokenBucket).least.max, 90, "{refused_ratio}");
    }
}

#[test]
fn a_limit_of_which_no_whole_window_was_played_is_named_also_where_it_is_exceeded() {
    let (_folder, base) = polling_for(50, 12, 5);
    let asked = Questions { quota: Some(quota::Wanted::default()), ..NOTHING };
    let answer = answered(&base, &asked, 1).1.quota.unwrap();
    let named = answer.unproven.iter().find(|limit| limit.starts_with("queries: 60 per 1m"));
    assert!(named.is_some(), "{:?}", answer.unproven);
}

#[test]
fn the_most_that_any_seed_takes_is_enough_with_all_of_them() {
    // Its clients heed what remains: with some limits larger than a seed takes, they do other things.
    let base = base(Path::new("telair-batch-import"));
    let wanted = quota::Wanted { refused_ratio: 0.02, ..quota::Wanted::default() };
    let answer = answered(&base, &Questions { quota: Some(wanted), seeds: 3, ..NOTHING }, 2).1.quota.unwrap();
    for check in &answer.checks {
        assert!(check.holds && check.refused_ratio <= 0.02, "{check:?}");
    }
}

/// What one limit of a class refuses says nothing of the others.
#[test]
fn each_limit_of_a_class_is_raised_for_what_it_refused_itself() {
    let folder = tempfile::tempdir().unwrap();
    let api = "name: api\ntitle: API\nsource: https://api.example.com/limits\nclasses:\n  reads:\n    \
               requests: [GET /orders]\n    limits: [{allow: 30, per: 10s, scope: user}, {concurrent: 5, scope: user}]\n";
    let profile = "name: two\npolicy: api.yaml\ntarget: {embedded: {answers_after: 2s}}\nduration: 60s\nfleet:\n  \
                   backend: {clients: {count: 2, start: {spread: 2s}, identity: {user: shared}, connections: pooled, \
                   requests: [{get: /orders, arrivals: {every: 1s}}]}}\n";
    std::fs::write(folder.path().join("api.yaml"), api).unwrap();
    std::fs::write(folder.path().join("profile.yaml"), profile).unwrap();
    let base = base(&folder.path().join("profile.yaml"));
    let asked = Questions { quota: Some(quota::Wanted::default()), seeds: 1, ..NOTHING };
    let answer = answered(&base, &asked, 1).1.quota.unwrap();
    assert!(answer.checks.iter().all(|check| check.holds && check.enforced.requests > 0));
    // Each client has two requests under way, and a third for as long as the network's latencies differ.
    let at_once = answer.needs.iter().find(|need| need.reading.is_none()).unwrap();
    assert!((4..=6).contains(&at_once.least.max), "{at_once:?}");
    let tighter = |allow: u32| {
        let mut scenario = base.scenario().clone();
        let quotaproof::policy::model::Limit::Concurrent(limit) = &mut scenario.policy.classes[0].limits[1] else {
            panic!()
        };
        limit.allow = allow;
        plan::play(&Arc::new(scenario), &options(1)).summary.classes[0].refused
    };
    assert_eq!(tighter(at_once.least.max), 0);
    assert!(tighter(at_once.least.max - 1) > 0, "one less than {at_once:?}");
}

/// A client of a bucket of `rate` a second with a burst of its own.
fn bucket(rate: u32, burst: u32, arrivals: &str) -> (tempfile::TempDir, Base) {
    let folder = tempfile::tempdir().unwrap();
    let api = format!(
        "name: api\ntitle: API\nsource: https://api.example.com/limits\nclasses:\n  reads:\n    requests: [GET /orders]\n    \
         limits: [{{allow: {rate}, per: 1s, burst: {burst}, algorithm: token_bucket, scope: user}}]\n"
    );
    let profile = format!(
        "name: bucket\npolicy: api.yaml\ntarget: embedded\nduration: 60s\nfleet:\n  backend: {{clients: {{count: 1, \
         identity: {{user: shared}}, connections: pooled, reaction: give_up, \
         requests: [{{get: /orders, arrivals: {arrivals}}}]}}}}\n"
    );
    std::fs::write(folder.path().join("api.yaml"), api).unwrap();
    std::fs::write(folder.path().join("profile.yaml"), profile).unwrap();
    let base = base(&folder.path().join("profile.yaml"));
    (folder, base)
}

/// What the search finds of the one limit, and what a dossier asks for because of it.
fn asked_of_bucket(base: &Base) -> (Need, Vec<Asked>) {
    let asked = Questions { quota: Some(quota::Wanted::default()), seeds: 1, ..NOTHING };
    let (summary, plan) = answered(base, &asked, 1);
    let answer = plan.quota.as_ref().unwrap();
    assert!(answer.checks.iter().all(|check| check.holds && check.enforced.requests > 0), "{answer:#?}");
    let need = need(&answer.needs, "reads", Reading::TokenBucket);
    let evidence = Evidence { dir: "reports/bucket".to_owned(), summary, plan: Some(plan) };
    (need, dossier::build(&[evidence], &dossier::Answers::default(), "").unwrap().request.quotas)
}

#[test]
fn of_a_bucket_that_is_too_slow_rate_and_burst_are_asked_for_side_by_side() {
    // Two a second, of one a second and five at once.
    let (_folder, base) = bucket(1, 5, "{every: 500ms}");
    let (need, asked) = asked_of_bucket(&base);
    assert_eq!((need.allow, need.least.max), (1, 2), "{need:?}");
    let burst = need.burst.unwrap();
    assert!(burst.allow == 5 && burst.least.max <= 3, "{burst:?}");
    let caveats = |base: &Base| answered(base, &NOTHING, 1).1.caveats.join(" ");
    assert!(!caveats(&base).contains("A bucket begins full"), "it is filled more than ten times in a minute");
    let (_folder, slow) = bucket(1, 7, "{every: 500ms}");
    assert!(caveats(&slow).contains("A bucket begins full"));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(format!("{} -> {}", asked[0].today(), asked[0].wish()), "1 with a burst of 5 -> 2 with a burst of 5");
}

#[test]
fn what_is_found_of_a_bucket_lasts_and_less_of_either_number_is_refused() {
    // Two a second; nine at once every ten seconds; both take more than one a second with a burst of five.
    for arrivals in ["{every: 500ms}", "{burst: {each: {of: 9, every: 10s}}}"] {
        let (_folder, base) = bucket(1, 5, arrivals);
        let (need, _) = asked_of_bucket(&base);
        let (rate, burst) = (need.least.max, need.burst.unwrap().least.max);
        let refused = |rate: u32, burst: u32| {
            let mut scenario = base.scenario().clone();
            scenario.duration = scenario.duration * 10;
            let quotaproof::policy::model::Limit::Rate(limit) = &mut scenario.policy.classes[0].limits[0] else {
                panic!()
            };
            (limit.allow, limit.burst) = (rate, Some(burst));
            plan::play(&Arc::new(scenario), &options(1)).summary.classes[0].refused
        };
        assert_eq!(refused(rate, burst), 0, "{arrivals}: {rate} with a burst of {burst}");
        assert!(burst == 1 || refused(rate, burst - 1) > 0, "{arrivals}: {rate} with a burst of {burst}");
        assert!(rate == 1 || refused(rate - 1, burst) > 0, "{arrivals}: {rate} with a burst of {burst}");
    }
}

#[test]
fn of_a_bucket_that_suffices_nothing_is_asked_for() {
    // Ten a second, which is more than the burst and just the rate.
    let (_folder, base) = bucket(10, 5, "{every: 100ms}");
    let (need, asked) = asked_of_bucket(&base);
    assert_eq!((need.allow, need.least.max), (10, 10), "{need:?}");
    assert_eq!(asked, []);
}

#[test]
fn headroom_raises_the_least_quota_and_allowed_refusals_lower_it() {
    let (_folder, base) = polling(12, 5);
    let least = |refused_ratio, headroom| {
        let wanted = quota::Wanted { refused_ratio, ..quota::Wanted::default() };
        let asked = Questions { quota: Some(wanted), headroom, seeds: 1, ..NOTHING };
        let answer = answered(&base, &asked, 1).1.quota.unwrap();
        (need(&answer.needs, "queries", Reading::FixedAligned).least.max, answer)
    };
    assert_eq!(least(0.0, 0.2).0, 180);
    let (some, answer) = least(0.1, 0.0);
    assert!((110..144).contains(&some), "{some}");
    let check = answer.checks.iter().find(|check| check.reading == Some(Reading::FixedAligned)).unwrap();
    assert!(check.enforced.refused > 0 && check.refused_ratio <= 0.1 && check.holds, "{check:?}");
}

#[test]
fn a_bound_on_the_delay_asks_for_more_than_one_on_refusals_alone() {
    let (_folder, base) = written(&format!(
        "name: patient\npolicy: tellus\nduration: 150s\nnetwork: {{latency: {{median: 20ms, p99: 20ms}}}}\nfleet:\n  \
         {}\n  desk: {{operators: {{count: 1, asks: [{{get: device, of: depot, every: 20s}}]}}}}\n",
        quiet(12)
    ));
    let least = |delay| {
        let wanted = quota::Wanted { refused_ratio: 0.5, delay, growth: Vec::new() };
        let asked = Questions { quota: Some(wanted), seeds: 1, ..NOTHING };
        let answer = answered(&base, &asked, 1).1.quota.unwrap();
        need(&answer.needs, "queries", Reading::FixedAligned).least.max
    };
    let (any, soon) = (least(None), least(Some(Nanos::from_secs(1))));
    assert!(any < soon && soon <= 36, "{any} without a bound, {soon} with one");
}

#[test]
fn sensitivity_covers_seeds_jitter_size_and_growth() {
    let (_folder, base) = written(&format!(
        "name: jittery\npolicy: tellus\nduration: 150s\nfleet:\n  {}\n  \
         desk: {{operators: {{count: 1, reaction: give_up, asks: [{{get: device, of: depot, every: 30s, jitter: 20%}}]}}}}\n",
        quiet(20)
    ));
    let wanted = quota::Wanted { growth: vec!["50%".parse().unwrap()], ..quota::Wanted::default() };
    let answer = answered(&base, &Questions { quota: Some(wanted), seeds: 3, ..NOTHING }, 2).1.quota.unwrap();
    let today = need(&answer.needs, "queries", Reading::Rolling).least;
    assert!(today.min <= today.median && today.median <= today.max && today.min >= 40, "{today:?}");
    let of = |what: &str| {
        let variation = answer.sensitivity.iter().find(|variation| variation.what == what);
        need(&variation.unwrap_or_else(|| panic!("no {what}")).needs, "queries", Reading::Rolling).least
    };
    assert!(of("10% fewer devices").max < today.max && today.max < of("10% more devices").max);
    assert!(of("a growth of 50%").max >= 60);
    assert!(of("no jitter").max <= today.max && of("twice the jitter").max >= today.max);
}

#[test]
fn the_stream_saves_the_polls() {
    let polling = base(Path::new("tellus-polling-dashboard"));
    let stream = base(Path::new("tellus-stream-dashboard"));
    let (_, plan) = answered(&polling, &Questions { compare: Some(stream), ..NOTHING }, 1);
    let comparison = plan.comparison.unwrap();
    assert_eq!((comparison.before.exit.code(), comparison.after.exit.code()), (1, 0), "{comparison:?}");
    let of = |name: &str| comparison.classes.iter().find(|class| class.class == name).unwrap();
    let queries = of("queries");
    assert_eq!((queries.requests.before, queries.requests.after), (180, 1));
    assert!(queries.refused.before > 0 && queries.refused.after == 0);
    let stream = of("stream");
    assert_eq!((stream.requests.before, stream.requests.after), (0, 1));
    assert!(stream.frames.before == 0 && stream.frames.after > 0);
    let quota = comparison.quotas.iter().find(|quota| quota.class == "queries").unwrap();
    assert_eq!((quota.peak.before, quota.peak.after, quota.allow), (144, 1, 60));
    assert!(
        comparison.words[0].starts_with("queries: 1 request instead of 180 (179 fewer, 99.4% saved)"),
        "{comparison:?}"
    );
}

#[test]
fn a_sweep_shows_where_the_limit_is_passed() {
    let (_folder, base) = polling(12, 5);
    let wanted = sweep::read("fleet.desk.operators.asks.0.every=5s,12s,20s").unwrap();
    let (_, plan) = answered(&base, &Questions { sweep: Some(wanted), ..NOTHING }, 1);
    let sweep = plan.sweep.unwrap();
    let peaks: Vec<(f64, u32)> = sweep.points.iter().map(|point| (point.number, point.quotas[0].peak)).collect();
    assert_eq!(peaks, [(5.0, 144), (12.0, 60), (20.0, 36)]);
    let refused: Vec<bool> = sweep.points.iter().map(|point| point.refused > 0).collect();
    assert_eq!(refused, [true, false, false]);
    assert_eq!(sweep.today.as_deref(), Some("5s"));
}

#[test]
fn what_no_run_would_play_is_not_planned_with_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.yaml");
    let slow =
        format!("name: slow\npolicy: tellus\ntarget: {{embedded: {{answers_after: 500ms}}}}\nfleet:\n  {}\n", quiet(1));
    std::fs::write(&path, slow).unwrap();
    let refused = Base::read(&path, Overrides::default()).err().unwrap().to_string();
    assert!(refused.contains("always answers at once"), "{refused}");

    let (_folder, base) = polling(1, 10);
    let wanted = sweep::read("target.embedded.answers_after=0ms,500ms").unwrap();
    let refused = plan::check(&base, &Questions { sweep: Some(wanted), ..NOTHING }).unwrap_err().to_string();
    assert!(refused.contains("--sweep target.embedded.answers_after=500ms: the Tellus API's"), "{refused}");
}

#[test]
fn a_sweep_tells_how_the_gates_come_out_at_each_value() {
    let (_folder, base) = written(&format!(
        "name: gated\npolicy: tellus\nduration: 150s\nfleet:\n  {}\n  desk: {{operators: {{count: 1, asks: [{{get: device, \
         of: depot, every: 10s}}]}}}}\ngates:\n  - {{headroom: {{class: queries}}, at_least: 20%}}\n  \
         - {{latency: {{class: queries, quantile: p99}}, at_most: 1s}}\n",
        quiet(2)
    ));
    // 12 of 60 a minute.
    let wanted = sweep::read("gates.0.at_least=70%,90%").unwrap();
    let (_, plan) = answered(&base, &Questions { sweep: Some(wanted), ..NOTHING }, 1);
    let verdicts: Vec<Vec<_>> =
        plan.sweep.unwrap().points.iter().map(|point| point.gates.iter().map(|gate| gate.verdict).collect()).collect();
    assert_eq!(verdicts, [[Some(Verdict::Pass), None], [Some(Verdict::Fail), None]]);
}

#[test]
fn what_an_interrupted_plan_has_not_answered_stays_open() {
    let (_folder, base) = polling(3, 5);
    let options = options(1);
    let today = plan::play(&Arc::new(base.scenario().clone()), &options).summary;
    options.meter.stop.ask();
    let wanted = sweep::read("fleet.desk.operators.asks.0.every=5s,12s").unwrap();
    let questions = Questions { fleet: Some(fleet::Wanted::default()), sweep: Some(wanted), ..NOTHING };
    let plan = plan::answer(&base, &today, &questions, &options).unwrap();
    assert!(plan.fleet.is_none() && plan.sweep.is_none());
    assert_eq!(plan.unanswered, ["the largest fleet", "the sweep"]);
    let mut told = today.clone();
    plan::leave_open(&mut told, &plan);
    assert_eq!((told.conclusion.exit, told.conclusion.exit_code), (Exit::Interrupted, 130));
    assert_eq!(told.conclusion.headline, "Interrupted, without an answer to the largest fleet, the sweep.");
    assert!(told.conclusion.reasons[0].contains(&today.conclusion.headline), "{:?}", told.conclusion.reasons);
    let read = options.meter.read();
    assert_eq!((read.plays, read.finished), (1, 1), "none begins after a stop");
    let interrupted = plan::play(&Arc::new(base.scenario().clone()), &options).summary;
    assert_eq!((interrupted.conclusion.exit, interrupted.run.devices_played), (Exit::Interrupted, Some(0)));
    assert!(today.run.devices_played.is_none() && !today.run.interrupted);
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let (_folder, small) = written(&format!(
        "name: small\npolicy: tellus\nduration: 70s\nfleet:\n  {}\n  \
         desk: {{operators: {{count: 3, credentials: shared, asks: [{{get: device, of: depot, every: 10s, jitter: 10%}}]}}}}\n",
        quiet(6)
    ));
    let everything = || Questions {
        fleet: Some(fleet::Wanted::default()),
        quota: Some(quota::Wanted::default()),
        sweep: Some(sweep::read("fleet.desk.operators.count=1,2").unwrap()),
        seeds: 1,
        ..NOTHING
    };
    let answers = |threads| serde_json::to_string(&answered(&small, &everything(), threads).1).unwrap();
    assert!(answers(1) == answers(2));
    for profile in ["tellus-depot", "tellus-token-cliff", "telair-overload"] {
        let base = base(Path::new(profile));
        let bytes = |threads| {
            let outcome = plan::play(&Arc::new(base.scenario().clone()), &options(threads));
            (serde_json::to_string(&outcome.summary).unwrap(), outcome.hlog)
        };
        let once = bytes(1);
        assert!(once == bytes(1), "{profile}: a second time");
        assert!(once == bytes(2), "{profile}: with two threads");
    }
}

#[test]
fn a_remote_target_is_planned_without_secrets_and_without_asking_it() {
    let (_folder, base) = written(
        "name: remote\npolicy: tellus\ntarget: {url: \"https://api.example.com\", authorized: true}\nduration: 70s\nfleet:\n  \
         desk: {operators: {count: 2, credentials: {given: {client_id: us, secret_env: NOBODY_HAS_SET_THIS}}, \
         asks: [{get: energy, every: 5s}]}}\n",
    );
    assert!(base.target_text().contains("simulated (rolling window); nothing was sent to https://api.example.com"));
    let (today, _) = answered(&base, &NOTHING, 1);
    let served: u64 = today.classes.iter().map(|class| class.served).sum();
    assert!(served > 20, "{:?}", today.conclusion);
}

#[test]
fn questions_that_make_no_sense_of_the_profile_are_refused_before_anything_is_played() {
    let said = |questions: &Questions| {
        let diagnosis = plan::check(&base(Path::new("tellus-polling-dashboard")), questions).unwrap_err();
        diagnosis.to_string()
    };
    let group = fleet::Wanted { group: Some("depto".into()) };
    assert!(said(&Questions { fleet: Some(group), ..NOTHING }).contains("did you mean `depot`?"));
    let wanted = sweep::read("fleet.depot.chargers.count=10,0").unwrap();
    let rejected = said(&Questions { sweep: Some(wanted), ..NOTHING });
    assert!(rejected.contains("--sweep fleet.depot.chargers.count=0: `0` is out of range"), "{rejected}");
    let other = base(Path::new("tellus-token-cliff"));
    let lengths = said(&Questions { compare: Some(other), ..NOTHING });
    assert!(lengths.contains("their counts cannot be compared"), "{lengths}");
    let same_length = Overrides { duration: Some(Nanos::from_secs(75)), ..Overrides::default() };
    let other = Base::read(Path::new("telair-integration"), same_length).unwrap();
    let limits = said(&Questions { compare: Some(other), ..NOTHING });
    assert!(limits.contains("their limits differ"), "{limits}");
}
