use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::limiter::{Limiter, Rate, build};
use crate::policy::model::*;

const CLASS: ClassId = ClassId(0);
const SECOND: u64 = 1_000_000_000;

fn policy(limits: Vec<Limit>, unit: HintUnit) -> Policy {
    let place = HintPlace::Body("/wait".into());
    Policy {
        name: "test".into(),
        classes: vec![Class { name: "all".into(), limits, ..Class::default() }],
        refusal: Refusal {
            retry_after: Some(HintSource { place, unit, presence: Presence::Optional }),
            ..Refusal::default()
        },
        ..Policy::default()
    }
}

fn rate(allow: u32, secs: u64, scope: &str) -> Limit {
    Limit::Rate(RateLimit::new(allow, Nanos::from_secs(secs), Scope(vec![scope.into()])))
}

/// Two a second for each client, in this reading.
fn two_a_second(reading: Reading, free_statuses: Vec<u16>) -> Enforcer {
    let limit = RateLimit::new(2, Nanos(SECOND), Scope(vec!["client".into()]));
    let limit = Limit::Rate(RateLimit { algorithm: reading.algorithm(), free_statuses, ..limit });
    Enforcer::new(&policy(vec![limit], HintUnit::Seconds), &ServerSpec::default())
}

fn concurrent(allow: u32) -> Limit {
    Limit::Concurrent(ConcurrencyLimit { allow, scope: Scope(vec!["client".into()]), lasting: None })
}

fn enforcer(limits: Vec<Limit>, faults: &[Fault]) -> Enforcer {
    let server = ServerSpec { faults: faults.to_vec(), ..ServerSpec::default() };
    Enforcer::new(&policy(limits, HintUnit::Seconds), &server)
}

/// One request of client 1 from address 9.
fn ask(enforcer: &mut Enforcer, now: u64) -> Result<(), Refused> {
    enforcer.check(Nanos(now), CLASS, 9, |_| 1)
}

fn admitted(enforcer: &mut Enforcer, count: usize) -> usize {
    (0..count).filter(|_| ask(enforcer, 0).is_ok()).count()
}

/// A request of the oracle: when, by which client, of which site.
type Asked = (u64, u64, u64);

/// Naive on purpose: looks through everything admitted so far.
fn has_room(admitted: &[Asked], allow: usize, per: u64, now: u64, same: impl Fn(&Asked) -> bool) -> bool {
    admitted.iter().filter(|asked| same(asked) && asked.0 + per > now).count() < allow
}

proptest! {
    #[test]
    fn all_limits_hold_at_once_and_a_refusal_uses_up_none(
        asked in prop::collection::vec((0..SECOND / 2, 0..3u64, 0..2u64), 1..200)
    ) {
        let mut enforcer = enforcer(vec![rate(4, 1, "client"), rate(7, 2, "site")], &[]);
        let mut so_far: Vec<Asked> = Vec::new();
        let mut now = 0;
        for (gap, client, site) in asked {
            now += gap;
            let by_client = has_room(&so_far, 4, SECOND, now, |asked| asked.1 == client);
            let by_site = has_room(&so_far, 7, 2 * SECOND, now, |asked| asked.2 == site);
            let key = |scope: &NumberedScope| if scope.scope.0[0] == "client" { client } else { site };
            let decision = enforcer.check(Nanos(now), CLASS, 9, key);
            prop_assert_eq!(decision.is_ok(), by_client && by_site);
            if decision.is_ok() {
                so_far.push((now, client, site));
            }
        }
    }

}

proptest! {
    // Each case makes thousands of requests, so that keys are swept.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn forgetting_idle_keys_changes_no_decision(
        reading in prop::sample::select(Reading::KNOWN.to_vec()),
        asked in prop::collection::vec((0..SECOND / 500, 0..1500u64), 4000),
    ) {
        let mut enforcer = two_a_second(reading, Vec::new());
        let rate = Rate { allow: 2, per: Nanos(SECOND) };
        let mut kept: HashMap<u64, Box<dyn Limiter + Send>> = HashMap::new();
        let mut now = 0;
        for (gap, key) in asked {
            now += gap;
            let expected = kept.entry(key).or_insert_with(|| build(reading, rate)).check(Nanos(now), 1).admitted;
            prop_assert_eq!(enforcer.check(Nanos(now), CLASS, 9, |_| key).is_ok(), expected);
        }
    }
}

/// Its window goes on, though it holds nothing.
#[test]
fn a_window_that_was_given_back_is_not_forgotten_among_many_keys() {
    let mut enforcer = two_a_second(Reading::FixedFirstHit, vec![404]);
    let mut ask = |at: u64, key: u64, status: u16| {
        let is_admitted = enforcer.check(Nanos(at), CLASS, 9, |_| key).is_ok();
        let answered = Answered { status, since: Nanos(at), charged: None };
        if is_admitted {
            enforcer.settle(Nanos(at), CLASS, 9, |_| key, &answered);
        }
        is_admitted
    };
    assert!(ask(0, 0, 404));
    for key in 1..100 {
        assert!(ask(SECOND / 2, key, 200));
    }
    assert!(ask(SECOND / 2, 0, 200) && ask(SECOND / 2, 0, 200) && !ask(SECOND / 2, 0, 200));
    assert!(ask(SECOND, 0, 200), "its window began with the first request");
}

#[test]
fn the_memory_is_that_of_the_keys_in_use() {
    let mut enforcer = enforcer(vec![rate(2, 1, "client")], &[]);
    for key in 0..100_000 {
        enforcer.check(Nanos(key * SECOND / 100), CLASS, 9, |_| key).unwrap();
    }
    let keys = enforcer.budgets[0].keys_kept();
    // A bucket is full again after a second at most, in which a hundred come.
    assert!(keys <= 200, "{keys}");
}

#[test]
fn the_wait_is_that_of_the_limit_that_takes_longest() {
    for secs in [[1, 60], [60, 1]] {
        let mut enforcer = enforcer(secs.map(|secs| rate(1, secs, "client")).to_vec(), &[]);
        ask(&mut enforcer, 0).unwrap();
        let refused = ask(&mut enforcer, SECOND / 2).unwrap_err();
        assert_eq!(refused.retry_after, Nanos(59 * SECOND + SECOND / 2));
        assert_eq!(refused.hint.as_deref(), Some("60"), "rounded up");
    }
}

#[test]
fn places_are_held_until_they_are_given_back_and_no_wait_is_known() {
    let mut enforcer = enforcer(vec![concurrent(2)], &[]);
    assert_eq!(admitted(&mut enforcer, 3), 2);
    assert_eq!(ask(&mut enforcer, SECOND * 1000), Err(Refused { retry_after: Nanos::ZERO, hint: None }));
    enforcer.check(Nanos::ZERO, CLASS, 9, |_| 2).unwrap();
    enforcer.release(CLASS, Nanos::ZERO, 9, |_| 1);
    assert_eq!(admitted(&mut enforcer, 2), 1);
    for _ in 0..5 {
        enforcer.release(CLASS, Nanos::ZERO, 9, |_| 1);
    }
    assert_eq!(admitted(&mut enforcer, 3), 2, "giving back what is not held gives nothing");
}

#[test]
fn a_rate_that_refuses_takes_no_place() {
    let mut enforcer = enforcer(vec![rate(1, 1, "client"), concurrent(2)], &[]);
    assert_eq!(admitted(&mut enforcer, 5), 1);
    ask(&mut enforcer, SECOND).unwrap();
    assert!(ask(&mut enforcer, 2 * SECOND).unwrap_err().hint.is_none(), "now it is the places");
}

#[test]
fn each_fault_bends_what_its_name_says_and_nothing_else() {
    let count = |faults: &[Fault]| admitted(&mut enforcer(vec![rate(10, 60, "client")], faults), 50);
    let hint = |faults: &[Fault]| {
        let mut enforcer = enforcer(vec![rate(1, 60, "client")], faults);
        admitted(&mut enforcer, 2);
        ask(&mut enforcer, SECOND / 2).unwrap_err().hint.unwrap()
    };
    let streams = |faults: &[Fault]| admitted(&mut enforcer(vec![concurrent(2)], faults), 50);
    let by_address = |faults: &[Fault]| {
        let mut enforcer = enforcer(vec![rate(1, 60, "client")], faults);
        (0..5).filter(|&client| enforcer.check(Nanos::ZERO, CLASS, 9, |_| client).is_ok()).count()
    };
    for (fault, expected) in [
        (None, (10, "60", 2, 5)),
        (Some(Fault::AdmitsTooMuch), (15, "60", 2, 5)),
        (Some(Fault::RefusesTooEarly), (5, "60", 2, 5)),
        (Some(Fault::HintTooShort), (10, "20", 2, 5)),
        (Some(Fault::HintWrongUnit), (10, "59500", 2, 5)),
        (Some(Fault::HintFraction), (10, "60.5", 2, 5)),
        (Some(Fault::KeyedByAddress), (10, "60", 2, 1)),
        (Some(Fault::WrongRefusalBody), (10, "60", 2, 5)),
        (Some(Fault::WrongRefusalStatus), (10, "60", 2, 5)),
        (Some(Fault::StreamsUnlimited), (10, "60", 50, 5)),
        (Some(Fault::HintZero), (10, "0", 2, 5)),
        (Some(Fault::HintNegative), (10, "-60", 2, 5)),
        (Some(Fault::HintWholeWindow), (10, "60", 2, 5)),
        (Some(Fault::HintSameMoment), (10, "60", 2, 5)),
        (Some(Fault::KeyedByForwardedHeader), (10, "60", 2, 1)),
        (Some(Fault::KeyedByConnection), (10, "60", 2, 1)),
        (Some(Fault::CountsLate), (50, "60", 50, 5)),
        (Some(Fault::ClockSkew), (10, "59", 2, 5)),
        (Some(Fault::StoreFailsOpen), (10, "60", 2, 5)),
        (Some(Fault::ForgetsOnRestart), (10, "60", 2, 5)),
        (Some(Fault::RefusalsCharged), (10, "60", 2, 5)),
        (Some(Fault::DrainsWhileRefusing), (10, "60", 2, 5)),
        (Some(Fault::DoubleAtTheEdge), (10, "60", 2, 5)),
        (Some(Fault::WindowFromFirstRequest), (10, "60", 2, 5)),
    ] {
        let faults: Vec<Fault> = fault.into_iter().collect();
        assert_eq!(
            (count(&faults), hint(&faults).as_str(), streams(&faults), by_address(&faults)),
            expected,
            "{fault:?}"
        );
    }
}

/// How many of so many requests are admitted at each of some seconds.
fn over_time(limits: Vec<Limit>, fault: Option<Fault>, times: &[f64], at_once: usize) -> Vec<usize> {
    let mut enforcer = enforcer(limits, &fault.into_iter().collect::<Vec<_>>());
    let count = |&at: &f64| (0..at_once).filter(|_| ask(&mut enforcer, Nanos::from_secs_f64(at).0).is_ok()).count();
    times.iter().map(count).collect()
}

#[test]
fn what_is_forgotten_or_passed_over_is_admitted_once_more() {
    let rolling = || vec![rate(5, 60, "client")];
    assert_eq!(over_time(rolling(), None, &[1.0, 5.0, 11.0], 8), [5, 0, 0]);
    assert_eq!(over_time(rolling(), Some(Fault::StoreFailsOpen), &[1.0, 3.9, 4.0, 6.9, 7.0], 8), [5, 0, 8, 8, 0]);
    assert_eq!(over_time(rolling(), Some(Fault::ForgetsOnRestart), &[1.0, 6.9, 7.1, 13.0, 14.0], 8), [5, 0, 5, 0, 5]);
    assert_eq!(over_time(rolling(), Some(Fault::CountsLate), &[1.0, 1.04, 1.06, 30.0], 8), [8, 8, 0, 0]);
    let refilled = over_time(vec![rate(5, 5, "client")], Some(Fault::ClockSkew), &[1.0], 100)[0];
    assert!(refilled > 40, "{refilled}");
}

#[test]
fn windows_that_are_counted_otherwise_have_their_edges() {
    let rolling = || vec![rate(5, 60, "client")];
    assert_eq!(over_time(rolling(), None, &[50.0, 61.0, 111.0], 8), [5, 0, 5]);
    assert_eq!(over_time(rolling(), Some(Fault::DoubleAtTheEdge), &[59.0, 61.0, 119.0], 8), [5, 5, 0]);
    assert_eq!(over_time(rolling(), Some(Fault::WindowFromFirstRequest), &[50.0, 61.0, 109.0, 111.0], 8), [5, 0, 0, 5]);
}

#[test]
fn refusals_that_count_put_off_the_end_and_a_refused_request_drains_what_would_admit_it() {
    let five = || vec![rate(5, 10, "client")];
    let hammered: Vec<f64> = (0..30).map(|at| f64::from(at) + 0.5).collect();
    let admitted = |fault| over_time(five(), fault, &hammered, 5).iter().sum::<usize>();
    assert_eq!((admitted(None), admitted(Some(Fault::RefusalsCharged))), (15, 5));
    let two = || vec![rate(2, 1, "client"), rate(20, 60, "site")];
    let asked: Vec<f64> = (0..6).map(|at| f64::from(at) * 1.5).collect();
    assert_eq!(over_time(two(), None, &asked, 5), [2, 2, 2, 2, 2, 2]);
    assert_eq!(over_time(two(), Some(Fault::DrainsWhileRefusing), &asked, 5), [2, 2, 2, 2, 0, 0]);
}

#[test]
fn a_hint_names_the_whole_window_or_one_moment_for_all() {
    let hints = |fault| {
        let mut enforcer = enforcer(vec![rate(1, 60, "client")], &[fault]);
        ask(&mut enforcer, 10 * SECOND).unwrap();
        [20, 40].map(|at| ask(&mut enforcer, at * SECOND).unwrap_err().hint.unwrap())
    };
    assert_eq!(hints(Fault::HintTooShort), ["16", "10"]);
    assert_eq!(hints(Fault::HintWholeWindow), ["60", "60"]);
    assert_eq!(hints(Fault::HintSameMoment), ["100", "80"], "at 120 s both, where 70 s is true");
}

#[test]
fn a_hint_that_is_too_short_is_so_by_a_second_at_least() {
    for (secs, told) in [(1, "0"), (2, "0"), (3, "1"), (60, "20")] {
        let mut enforcer = enforcer(vec![rate(1, secs, "client")], &[Fault::HintTooShort]);
        ask(&mut enforcer, 0).unwrap();
        assert_eq!(ask(&mut enforcer, 0).unwrap_err().hint.as_deref(), Some(told));
    }
}

#[test]
fn hints_come_in_the_policys_unit() {
    let limits = vec![rate(1, 1, "client")];
    let mut enforcer = Enforcer::new(&policy(limits, HintUnit::Milliseconds), &ServerSpec::default());
    ask(&mut enforcer, 0).unwrap();
    assert_eq!(ask(&mut enforcer, 1).unwrap_err().hint.as_deref(), Some("1000"));
}

/// A policy of several classes, as it is written.
fn loaded(classes: &str) -> Policy {
    let text = format!("name: x\nscopes: {{site: a site}}\nclasses:\n{classes}");
    crate::policy::load(&crate::yaml::Source::built_in("x.yaml", &text)).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks as client 1 of a class, at a second.
struct Server {
    policy: Policy,
    enforcer: Enforcer,
}

impl Server {
    fn new(classes: &str) -> Server {
        let policy = loaded(classes);
        Server { enforcer: Enforcer::new(&policy, &ServerSpec::default()), policy }
    }

    fn id(&self, class: &str) -> ClassId {
        self.policy.class_named(class).unwrap()
    }

    fn ask(&mut self, secs: u64, class: &str) -> Result<(), Refused> {
        self.enforcer.check(Nanos::from_secs(secs), self.id(class), 9, |_| 1)
    }

    /// The wait in seconds, None where the request is served.
    fn wait(&mut self, secs: u64, class: &str) -> Option<u64> {
        self.ask(secs, class).err().map(|refused| refused.retry_after.as_secs())
    }

    fn served(&mut self, secs: u64, class: &str, count: usize) -> usize {
        (0..count).filter(|_| self.ask(secs, class).is_ok()).count()
    }

    fn settle(&mut self, secs: u64, class: &str, since: u64, status: u16, charged: Option<u32>) {
        let answered = Answered { since: Nanos::from_secs(since), status, charged };
        self.enforcer.settle(Nanos::from_secs(secs), self.id(class), 9, |_| 1, &answered);
    }

    fn standing(&mut self, secs: u64, class: &str) -> Binding {
        self.enforcer.standing(Nanos::from_secs(secs), self.id(class), 9, |_| 1).unwrap()
    }
}

const READS_AND_WRITES: &str = "  reads: {requests: [GET /*], limits: [{allow: 8, per: 1m, scope: user}]}
  writes: {requests: [POST /*]}
  all: {of: [reads, writes], limits: [{allow: 20, per: 1m, scope: user, cost: {reads: 1, writes: 5}}]}
  whole: {of: [all], limits: [{allow: 1000, per: 1m, scope: user, cost: {all: 100}}]}";

#[test]
fn a_parent_counts_what_its_members_ask_each_at_its_cost() {
    let mut server = Server::new(READS_AND_WRITES);
    assert_eq!(server.served(0, "writes", 9), 4, "4 of 5 points");
    assert_eq!(server.served(0, "reads", 9), 0);
    let mut server = Server::new(READS_AND_WRITES);
    assert_eq!(server.served(0, "writes", 2), 2);
    assert_eq!(server.served(0, "reads", 9), 8, "its own limit");
    assert_eq!(server.served(0, "writes", 1), 0, "2 points are left, and the refusal takes none of them");
    assert_eq!(server.standing(0, "writes").standing.remaining, 0, "the whole has 10 of 100 points each");
}

#[test]
fn the_binding_limit_is_the_one_with_least_left_and_says_whose_it_is() {
    let mut server = Server::new(READS_AND_WRITES);
    let before = server.standing(0, "reads");
    assert_eq!(before.standing, Standing { limit: 8, remaining: 8, reset: Nanos::ZERO });
    assert_eq!(server.served(0, "writes", 3), 3);
    let after = server.standing(10, "reads");
    assert_eq!(after.class, server.id("all"));
    assert_eq!(after.window, Nanos::from_secs(60));
    assert_eq!(after.standing, Standing { limit: 20, remaining: 5, reset: Nanos::from_secs(50) });
}

#[test]
fn only_answers_with_the_statuses_that_are_named_count() {
    let counted = "  a: {requests: [GET /a], limits: [{allow: 3, per: 1m, scope: address, counts: [401, 429]}]}";
    let mut server = Server::new(counted);
    for _ in 0..20 {
        server.ask(0, "a").unwrap();
        server.settle(0, "a", 0, 200, None);
    }
    for at in 1..4 {
        server.ask(at, "a").unwrap();
        server.settle(at, "a", at, 401, None);
    }
    assert_eq!(server.wait(5, "a"), Some(57), "the refusal itself is answered 429 and counts too");
    assert_eq!(server.wait(61, "a"), Some(2), "until the failure at 3 s is a minute old: the refusals still count");
}

#[test]
fn a_refused_request_counts_where_that_is_said() {
    for (said, first, second) in [("", 10, None), (", counts_refused: yes", 60, Some(60))] {
        let mut server =
            Server::new(&format!("  a: {{requests: [GET /a], limits: [{{allow: 1, per: 1m, scope: user{said}}}]}}"));
        server.ask(0, "a").unwrap();
        assert_eq!(server.wait(50, "a"), Some(first), "its own refusal counted");
        assert_eq!(server.wait(61, "a"), second);
    }
}

#[test]
fn what_an_answer_did_not_cost_is_given_back_and_what_it_cost_more_is_taken() {
    let told = "{reserve: 50, charged: {body: /cost}}";
    let limits = format!("[{{allow: 100, per: 1m, scope: user, algorithm: token_bucket, cost: {told}}}]");
    let mut server = Server::new(&format!("  a: {{requests: [POST /a], limits: {limits}}}"));
    assert_eq!(server.served(0, "a", 3), 2);
    server.settle(0, "a", 0, 200, Some(10));
    assert_eq!(server.standing(0, "a").standing.remaining, 40);
    server.settle(0, "a", 0, 200, None);
    assert_eq!(server.standing(0, "a").standing.remaining, 40, "nothing told: it cost what was set aside");
    assert_eq!(server.wait(0, "a"), Some(6), "10 points at 100 a minute");
    server.ask(6, "a").unwrap();
    server.settle(6, "a", 6, 200, Some(70));
    assert_eq!(server.wait(6, "a"), Some(42), "20 points are owed");
}

#[test]
fn long_requests_alone_count_where_that_is_said() {
    let mut server = Server::new("  a: {requests: [GET /a], limits: [{concurrent: 2, lasting: 20s, scope: user}]}");
    assert_eq!(server.served(0, "a", 3), 3, "none has lasted yet");
    assert_eq!(server.ask(20, "a"), Err(Refused { retry_after: Nanos::ZERO, hint: None }));
    let class = server.id("a");
    server.enforcer.release(class, Nanos::ZERO, 9, |_| 1);
    assert!(server.ask(20, "a").is_err());
    server.enforcer.release(class, Nanos::ZERO, 9, |_| 1);
    server.ask(20, "a").unwrap();
}

#[test]
fn a_failure_shuts_its_key_out_for_the_next_wait() {
    let mut server = Server::new(
        "  a: {requests: [GET /a], limits: [{cooldown: [30s, 2m], after: [409, 5xx], scope: [user, site]}]}",
    );
    server.ask(0, "a").unwrap();
    assert_eq!(server.served(0, "a", 5), 5, "no answer, no failure");
    server.settle(1, "a", 0, 503, None);
    assert_eq!(server.wait(2, "a"), Some(29));
    assert!(server.enforcer.check(Nanos::from_secs(2), ClassId(0), 9, |_| 2).is_ok(), "another key");
    server.ask(31, "a").unwrap();
    server.settle(31, "a", 31, 409, None);
    assert_eq!(server.wait(32, "a"), Some(119));
    server.ask(151, "a").unwrap();
    server.settle(151, "a", 151, 200, None);
    server.ask(151, "a").unwrap();
    server.settle(151, "a", 151, 500, None);
    assert_eq!(server.wait(151, "a"), Some(30), "a success ends the row");
}

const PENALTIES: &str = "  a:
    requests: [GET /a]
    limits: [{allow: 2, per: 1s, scope: user, penalty: {lasts: 5m, blocks: everything}}]
  b: {requests: [GET /b], limits: [{allow: 1, per: 1s, scope: user, penalty: {lasts: 1m}}]}
  c: {requests: [GET /c], limits: [{allow: 1, per: 1s, scope: user, penalty: {lasts: 60s, stated: false}}]}";

#[test]
fn a_penalty_blocks_its_class_or_everything_of_its_key() {
    let mut server = Server::new(PENALTIES);
    assert_eq!(server.served(0, "b", 2), 1);
    assert_eq!(server.wait(30, "b"), Some(30));
    assert_eq!(server.served(30, "a", 1), 1, "others are not concerned");
    assert_eq!(server.served(40, "a", 5), 2);
    assert_eq!(server.wait(60, "b"), Some(280), "now everything is blocked");
    assert_eq!(server.wait(60, "c"), Some(280));
    assert!(server.enforcer.check(Nanos::from_secs(60), server.id("b"), 9, |_| 2).is_ok(), "another user is not");
    assert_eq!(server.served(340, "b", 1), 1);
}

#[test]
fn a_penalty_that_is_not_stated_is_applied_on_demand() {
    let mut server = Server::new(PENALTIES);
    assert_eq!(server.served(0, "c", 2), 1);
    assert_eq!(server.wait(0, "c"), Some(1));
    let mut server = Server::new(PENALTIES);
    server.enforcer = Enforcer::new(&server.policy, &ServerSpec { throttle: true, ..ServerSpec::default() });
    assert_eq!(server.served(0, "c", 2), 1);
    assert_eq!(server.wait(1, "c"), Some(59));
}

#[test]
fn a_limit_that_says_how_it_counts_is_enforced_so_whatever_the_server_is_told() {
    let mut server =
        Server::new("  a: {requests: [GET /a], limits: [{allow: 4, per: 1m, scope: user, algorithm: token_bucket}]}");
    assert_eq!(server.served(0, "a", 9), 4);
    assert_eq!(server.wait(0, "a"), Some(15), "the next token, not the window's end");
}

#[test]
fn windows_of_the_calendar_follow_the_servers_clock() {
    let mut server = Server::new("  a: {requests: [GET /a], limits: [{allow: 4, per: day, scope: user}]}");
    // Half an hour before midnight.
    let anchor = Anchor { unix_nanos: (86_400 * 1_000 - 1_800) * SECOND };
    server.enforcer = Enforcer::new(&server.policy, &ServerSpec::default()).anchored(anchor);
    assert_eq!(server.served(0, "a", 9), 4);
    assert_eq!(server.wait(60, "a"), Some(1_740));
    assert_eq!(server.served(1_800, "a", 9), 4);
}
