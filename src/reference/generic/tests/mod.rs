//! The server in virtual time.

mod conformance;
mod scopes;

use serde_json::{Value, json};

use super::Generic;
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::policy::signals::{self, Hint, ResponseView};
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::platform::{Platform, StreamId, for_policy};
use crate::reference::testing::*;
use crate::scenario::target::{Fault, OverloadSpec, ServerSpec};
use crate::signals::{Dialect, ResetKind};
use crate::time::{Anchor, Nanos};

const ANCHOR: Anchor = Anchor { unix_nanos: 1_742_034_600_000_000_000 };

/// A server, the time it is told, and who talks to it.
struct World {
    server: Generic,
    now: Nanos,
    address: u64,
}

impl World {
    fn under(policy: &Policy) -> World {
        World::with(policy, ServerSpec::default())
    }

    fn with(policy: &Policy, spec: ServerSpec) -> World {
        World { server: Generic::new(policy, &spec, ANCHOR), now: Nanos::ZERO, address: 1 }
    }

    fn faulty(fault: Fault) -> World {
        World::with(&learned_policy(), ServerSpec { faults: vec![fault], ..ServerSpec::default() })
    }

    /// `target` is a path with its query; `key` an API key, if it is not empty.
    fn reply(&mut self, method: &str, target: &str, key: &str) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let api_key = (!key.is_empty()).then_some(key);
        self.server.handle(self.now, self.address, &HttpIn { method, path, query, api_key, ..HttpIn::default() })
    }

    fn get(&mut self, target: &str, key: &str) -> HttpOut {
        answer(self.reply("GET", target, key))
    }

    /// The statuses of so many requests at this moment.
    fn statuses(&mut self, count: usize, target: &str, key: &str) -> Vec<u16> {
        (0..count).map(|_| self.get(target, key).status).collect()
    }

    fn served(&mut self, count: usize, target: &str, key: &str) -> usize {
        self.statuses(count, target, key).into_iter().filter(|status| *status == 200).count()
    }

    fn token(&mut self, path: &str, client_id: &str) -> HttpOut {
        let body = format!("grant_type=client_credentials&client_id={client_id}&client_secret=s");
        let request = HttpIn { method: "POST", path, body: body.as_bytes(), ..HttpIn::default() };
        answer(self.server.handle(self.now, self.address, &request))
    }

    fn with_token(&mut self, path: &str, token: &str) -> HttpOut {
        let bearer = format!("Bearer {token}");
        let request = HttpIn { method: "GET", path, authorization: Some(&bearer), ..HttpIn::default() };
        answer(self.server.handle(self.now, self.address, &request))
    }

    fn open(&mut self, path: &str) -> Result<StreamId, HttpOut> {
        match self.reply("WS", path, "k") {
            Reply::Stream { id, .. } => Ok(id),
            other => Err(answer(other)),
        }
    }
}

fn answer(reply: Reply) -> HttpOut {
    match reply {
        Reply::Respond(answer) => answer,
        other => panic!("no answer but {other:?}"),
    }
}

fn body(answer: &HttpOut) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn header<'a>(answer: &'a HttpOut, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
}

fn remaining(answer: &HttpOut) -> Option<u32> {
    header(answer, "x-rate-limit-remaining").map(|text| text.parse().unwrap())
}

#[test]
fn tellus_is_served_for_its_own_policy_and_this_server_for_every_other() {
    let status = |policy: &Policy| {
        let mut platform = for_policy(policy, &ServerSpec::default(), ANCHOR);
        let request = HttpIn { method: "GET", path: "/v1/operator/sites", ..HttpIn::default() };
        answer(platform.handle(Nanos::ZERO, 1, &request)).status
    };
    assert_eq!(status(&tellus_policy()), 401);
    assert_eq!(status(&Policy { name: "ours".into(), ..tellus_policy() }), 401, "whatever it is called");
    assert_eq!(status(&learned_policy()), 200);
    assert_eq!(status(&policy_of(vec![class("reads", &["GET /*"], vec![rate(1, 1, &["user"])])])), 200);
}

#[test]
fn a_learned_class_stands_under_its_own_path_and_all_else_is_unlimited_and_without_headers() {
    let mut world = World::under(&learned_policy());
    assert_eq!(world.served(9, "/light/anything", "k"), 5);
    assert_eq!(world.served(9, "/auth", "k"), 2);
    for elsewhere in ["/", "/lightly", "/LIGHT/x", "/other/light"] {
        let answer = world.get(elsewhere, "k");
        assert_eq!((answer.status, answer.headers.len()), (200, 0), "{elsewhere}");
        assert_eq!(body(&answer), json!({"meta": {}, "data": {}, "link": {}}));
    }
}

#[test]
fn remaining_counts_the_request_itself_and_is_zero_on_a_refusal() {
    let mut world = World::under(&learned_policy());
    for expected in [4, 3, 2, 1, 0] {
        let answer = world.get("/light/x", "k");
        assert_eq!((answer.status, remaining(&answer)), (200, Some(expected)));
        assert_eq!(header(&answer, "x-rate-limit-policy"), Some("Light"));
        assert_eq!(header(&answer, "x-rate-limit-limit"), Some("5"));
        assert_eq!(header(&answer, "x-rate-limit-window"), Some("60"));
        assert_eq!(header(&answer, "retry-after"), None);
    }
    world.now = Nanos::from_secs(20);
    let refused = world.get("/light/x", "k");
    assert_eq!((refused.status, remaining(&refused)), (429, Some(0)));
    assert_eq!(header(&refused, "retry-after"), Some("40"));
}

#[test]
fn who_waits_as_told_is_served_under_every_algorithm() {
    for limiter in Reading::ALL {
        let mut world = World::with(&learned_policy(), ServerSpec { limiter, ..ServerSpec::default() });
        world.now = Nanos::from_millis(12_345);
        assert_eq!(world.served(6, "/light/x", "k"), 5, "{limiter:?}");
        let refused = world.get("/light/x", "k");
        let response = ResponseView {
            status: refused.status,
            headers: &refused.headers,
            body: &refused.body,
            received: world.now,
            class: None,
        };
        let Hint::Wait(wait) = signals::read(&learned_policy(), response).hint else { panic!("{refused:?}") };
        world.now += wait;
        assert_eq!(world.get("/light/x", "k").status, 200, "{limiter:?}");
    }
}

#[test]
fn callers_have_their_own_budgets_and_strangers_share_their_address() {
    let mut world = World::under(&learned_policy());
    assert_eq!(world.served(6, "/light/x", "k"), 5);
    assert_eq!(world.served(6, "/light/x", "other"), 5);
    assert_eq!(world.served(6, "/light/x", ""), 5);
    assert_eq!(world.served(6, "/light/y", ""), 0);
    world.address = 2;
    assert_eq!(world.served(6, "/light/x", ""), 5);
    assert_eq!(world.served(6, "/light/x", "k"), 0, "a key is known anywhere");
}

#[test]
fn scopes_are_the_address_the_pattern_and_the_parameters_of_its_path() {
    let shared = class("shared", &["GET /shared"], vec![rate(3, 60, &["address"])]);
    let own = class("own", &["GET /a/{id}", "GET /b"], vec![rate(3, 60, &["user", "endpoint"])]);
    let things = class("things", &["GET /things/{thing}"], vec![rate(3, 60, &["user", "thing"])]);
    let mut world = World::under(&policy_of(vec![shared, own, things]));
    assert_eq!(world.served(2, "/shared", "k") + world.served(2, "/shared", "other"), 3);
    assert_eq!(world.served(2, "/a/1", "k") + world.served(2, "/a/2", "k"), 3);
    assert_eq!(world.served(4, "/b", "k"), 3);
    assert_eq!(world.served(4, "/things/1", "k"), 3);
    assert_eq!(world.served(4, "/things/2", "k"), 3);
    assert_eq!(world.served(4, "/things/1", "other"), 3);
}

#[test]
fn a_refusal_has_the_form_that_the_policy_documents_and_no_quota_headers_unless_it_does() {
    let policy = policy_of(vec![class("all", &["GET /*"], vec![rate(1, 60, &["user"])])]);
    let mut world = World::under(&policy);
    assert!(world.get("/x", "k").headers.is_empty());
    let refused = world.get("/x", "k");
    assert_eq!(refused.headers, [("retry-after".to_owned(), "60".to_owned())]);
    assert_eq!(body(&refused)["error"]["code"], 17);
    let mut silent = policy;
    silent.refusal.status = 403;
    if let Some(hint) = &mut silent.refusal.retry_after {
        hint.presence = Presence::Never;
    }
    let mut world = World::under(&silent);
    assert_eq!(world.statuses(2, "/x", "k"), [200, 403]);
    assert!(world.get("/x", "k").headers.is_empty(), "never a hint");
}

#[test]
fn a_token_stands_for_its_client_until_it_ends_and_token_requests_are_limited_by_their_class() {
    let spec = ServerSpec { token_lifetime: Nanos::from_secs(10), ..ServerSpec::default() };
    let mut world = World::with(&learned_policy(), spec);
    let issued = world.token("/oauth/token", "acme");
    assert_eq!((issued.status, issued.headers.len(), body(&issued)["expires_in"].clone()), (200, 0, json!(10)));
    let token = body(&issued)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(remaining(&world.with_token("/light/x", &token)), Some(4));
    let again = body(&world.token("/auth/token", "acme"))["access_token"].as_str().unwrap().to_owned();
    assert_eq!(remaining(&world.with_token("/light/x", &again)), Some(3), "another token of the same client");
    world.token("/auth/token", "acme");
    assert_eq!(world.token("/auth/token", "acme").status, 429);
    assert_eq!(world.token("/auth/token", "other").status, 200);
    world.now = Nanos::from_secs(10);
    let ended = world.with_token("/light/x", &token);
    assert_eq!((ended.status, remaining(&ended)), (401, Some(2)), "it is counted");
    assert_eq!(world.with_token("/light/x", "made-up").status, 200, "a token from elsewhere is a name like any other");
}

#[test]
fn a_broken_token_request_is_told_why() {
    let mut world = World::under(&learned_policy());
    let answer = world.token("/oauth/token", "");
    assert_eq!((answer.status, body(&answer)), (400, json!({"error": "invalid_request"})));
}

#[test]
fn an_answer_that_is_held_back_keeps_its_place_under_a_concurrency_limit() {
    let limit = ConcurrencyLimit { allow: 2, scope: scope_of(&["user"]), lasting: None };
    let mut world = World::under(&policy_of(vec![class("all", &["GET /*"], vec![Limit::Concurrent(limit)])]));
    assert_eq!(world.served(5, "/x", "k"), 5, "one after the other");
    let hold = |world: &mut World| match world.reply("GET", "/x?wait=3", "k") {
        Reply::Hold { ticket, until } => (ticket, until),
        other => panic!("{other:?}"),
    };
    let (first, until) = hold(&mut world);
    assert_eq!(until, Nanos::from_secs(3));
    let (second, _) = hold(&mut world);
    assert_eq!(world.get("/x", "k").status, 429);
    world.server.abandon(second);
    assert_eq!(world.get("/x", "k").status, 200, "its client has gone");
    hold(&mut world);
    world.now = Nanos::from_secs(3);
    world.server.advance(world.now);
    let answers = world.server.take_answers();
    assert_eq!(answers.len(), 2);
    assert_eq!((answers[0].0, answers[0].1.status), (first, 200));
    assert_eq!(world.get("/x", "k").status, 200, "both are answered");
}

#[test]
fn streams_are_accepted_as_far_as_their_limit_goes_and_bring_a_frame_a_second() {
    let limit = ConcurrencyLimit { allow: 1, scope: scope_of(&["user"]), lasting: None };
    let mut world = World::under(&policy_of(vec![class("live", &["WS /live"], vec![Limit::Concurrent(limit)])]));
    let stream = world.open("/live").unwrap();
    assert_eq!(world.server.frames_every(), Nanos::from_secs(1));
    assert_eq!(world.server.frames(world.now, stream).len(), 1);
    assert_eq!(world.open("/live").unwrap_err().status, 429);
    world.server.close_stream(stream);
    world.open("/live").unwrap();
    for _ in 0..1023 {
        world.open("/elsewhere").unwrap();
    }
    assert_eq!(world.open("/elsewhere").unwrap_err().status, 503, "there is an end to it");
}

#[test]
fn overload_hits_its_share_while_it_lasts_and_uses_no_quota() {
    let overload = OverloadSpec { share: 1.0, from: Nanos::from_secs(10), lasting: Some(Nanos::from_secs(5)) };
    let mut world = World::with(&learned_policy(), ServerSpec { overload: Some(overload), ..ServerSpec::default() });
    assert_eq!(world.get("/light/x", "k").status, 200);
    world.now = Nanos::from_secs(10);
    let answer = world.get("/light/x", "k");
    assert_eq!((answer.status, answer.headers.len()), (503, 0));
    world.now = Nanos::from_secs(15);
    assert_eq!(remaining(&world.get("/light/x", "k")), Some(3));
}

#[test]
fn header_faults_are_what_they_are_called() {
    let told = |fault| {
        let mut world = World::faulty(fault);
        world.get("/light/x", "k");
        world.get("/light/x", "k")
    };
    assert!(told(Fault::HeadersMissing).headers.is_empty());
    assert_eq!(remaining(&told(Fault::RemainingStuck)), Some(4));
    assert_eq!(header(&told(Fault::LimitDrift), "x-rate-limit-limit"), Some("1000"));
    assert_eq!(header(&told(Fault::WindowWrong), "x-rate-limit-window"), Some("120"));
    let refused = |fault| {
        let mut world = World::faulty(fault);
        assert_eq!(world.served(5, "/light/x", "k"), 5);
        world.get("/light/x", "k")
    };
    assert_eq!(header(&refused(Fault::HintMissing), "retry-after"), None);
    assert_eq!(header(&refused(Fault::HintTooShort), "retry-after"), Some("20"));
    assert_eq!(refused(Fault::WrongRefusalStatus).status, 403);
}

#[test]
fn the_other_faults_mean_what_they_mean_for_tellus() {
    let served = |fault| World::faulty(fault).served(20, "/light/x", "k");
    assert_eq!(served(Fault::AdmitsTooMuch), 8);
    assert_eq!(served(Fault::RefusesTooEarly), 2);
    let mut world = World::faulty(Fault::KeyedByAddress);
    assert_eq!(world.served(3, "/light/x", "k") + world.served(3, "/light/x", "other"), 5);
}

#[test]
fn a_penalty_that_the_provider_leaves_undefined_is_enforced_only_on_demand() {
    let mut policy = learned_policy();
    let Limit::Rate(rate) = &mut policy.classes[0].limits[0] else { panic!("a rate") };
    let lasts = Nanos::from_secs(60);
    rate.penalty = Some(Penalty { lasts, stated: false, extends: Some(false), blocks: Blocks::Class });
    for (throttle, waits) in [(false, "20"), (true, "60")] {
        let mut world = World::with(&policy, ServerSpec { throttle, ..ServerSpec::default() });
        assert_eq!(world.served(5, "/light/x", "k"), 5);
        world.now = Nanos::from_secs(40);
        let refused = world.get("/light/x", "k");
        assert_eq!((refused.status, remaining(&refused)), (429, Some(0)));
        assert_eq!(header(&refused, "retry-after"), Some(waits), "throttle: {throttle}");
        world.now = Nanos::from_secs(60);
        assert_eq!(world.get("/light/x", "k").status, if throttle { 429 } else { 200 });
        world.now = Nanos::from_secs(100);
        assert_eq!(world.get("/light/x", "k").status, 200);
    }
}

#[test]
fn an_answer_tells_what_it_cost_and_the_rest_is_given_back() {
    let charged = HintPlace::Body("/extensions/cost/actual".into());
    let limit = RateLimit {
        algorithm: Algorithm::TokenBucket,
        cost: Cost::Told { reserve: 50, charged },
        ..RateLimit::new(100, Nanos::from_secs(100), scope_of(&["user"]))
    };
    let mut policy = policy_of(vec![class("all", &["POST /graphql"], vec![Limit::Rate(limit)])]);
    policy.quota_headers = learned_policy().quota_headers;
    let mut world = World::under(&policy);
    let mut cost = |target: &str| {
        let answer = answer(world.reply("POST", target, "k"));
        (answer.status, body(&answer)["extensions"]["cost"]["actual"].clone(), remaining(&answer))
    };
    assert_eq!(cost("/graphql?cost=10"), (200, json!(10), Some(90)));
    assert_eq!(cost("/graphql"), (200, json!(50), Some(40)));
    assert_eq!(cost("/graphql?cost=1").0, 429, "there is not enough to set aside");
}

#[test]
fn a_failure_on_demand_begins_a_cooldown() {
    let waits = vec![Nanos::from_secs(30)];
    let limit = CooldownLimit { after_statuses: vec![409], waits, scope: scope_of(&["user"]) };
    let mut world = World::under(&policy_of(vec![class("all", &["GET /*"], vec![Limit::Cooldown(limit)])]));
    assert_eq!(world.get("/x?status=404", "k").status, 404);
    assert_eq!(world.get("/x?status=409", "k").status, 409);
    let refused = world.get("/x", "k");
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("30")));
    world.now = Nanos::from_secs(30);
    assert_eq!(world.get("/x", "k").status, 200);
}

#[test]
fn a_parent_cap_counts_the_requests_of_all_its_classes_and_is_what_headers_tell_when_it_binds() {
    let mut reads = class("reads", &["GET /*"], vec![rate(5, 60, &["user"])]);
    let mut writes = class("writes", &["POST /*"], vec![rate(5, 60, &["user"])]);
    (reads.parents, writes.parents) = (vec![ClassId(2)], vec![ClassId(2)]);
    let all = Class { of: vec![ClassId(0), ClassId(1)], ..class("all", &[], vec![rate(6, 60, &["user"])]) };
    let mut policy = policy_of(vec![reads, writes, all]);
    policy.quota_headers = learned_policy().quota_headers;
    let mut world = World::under(&policy);
    let left: Vec<_> = (0..4).map(|_| remaining(&answer(world.reply("POST", "/x", "k")))).collect();
    assert_eq!(left, [Some(4), Some(3), Some(2), Some(1)]);
    let last = world.get("/x", "k");
    assert_eq!((remaining(&last), header(&last, "x-rate-limit-limit")), (Some(1), Some("6")));
    assert_eq!(world.statuses(2, "/x", "k"), [200, 429]);
}

#[test]
fn a_reset_is_told_where_the_policy_says_how_it_is_written() {
    let mut policy = policy_of(vec![class("all", &["GET /*"], vec![rate(5, 60, &["user"])])]);
    let headers = learned_policy().quota_headers.unwrap();
    for (dialect, reset, told) in [
        (Dialect::XRatelimit, Some(ResetKind::Epoch), ("x-ratelimit-reset", "1742034660")),
        (Dialect::XRatelimit, None, ("x-ratelimit-window", "60")),
        (Dialect::XRateLimit, Some(ResetKind::SecondsLeft), ("x-rate-limit-reset", "60")),
        (Dialect::Ietf10, None, ("ratelimit", "\"all\";r=4;t=60")),
    ] {
        policy.quota_headers = Some(QuotaHeaders { dialect, reset, ..headers.clone() });
        let answer = World::under(&policy).get("/x", "k");
        assert_eq!(header(&answer, told.0), Some(told.1), "{:?}", answer.headers);
    }
}

#[test]
fn at_the_end_all_that_is_held_back_is_answered_as_quotas_stand() {
    let mut world = World::under(&learned_policy());
    assert!(matches!(world.reply("GET", "/light/x?wait=60", "k"), Reply::Hold { .. }));
    world.server.advance(Nanos::MAX);
    let answers = world.server.take_answers();
    assert_eq!((answers.len(), remaining(&answers[0].1)), (1, Some(4)));
    assert_eq!(remaining(&world.get("/light/x", "k")), Some(3), "and the rest goes on");
}
