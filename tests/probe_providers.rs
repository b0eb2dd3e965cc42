//! A whole probe against the reference server of a shipped policy, in virtual time: what its documents promise passes, and
//! each of their silences is answered by what was measured.

use std::sync::Arc;

use quotaproof::exit::Exit;
use quotaproof::policy;
use quotaproof::policy::model::{ClassId, Limit, Policy};
use quotaproof::policy::reading::Reading;
use quotaproof::policy::signals::ResponseView;
use quotaproof::probe::candidates::Documented;
use quotaproof::probe::conformance::Case;
use quotaproof::probe::conformance::conduct::Order;
use quotaproof::probe::outcome::{Outcome, Verdict, outcome};
use quotaproof::probe::witness::{Parcel, Witness};
use quotaproof::probe::{Brief, Examination};
use quotaproof::reference::http::{HttpIn, HttpOut, Reply};
use quotaproof::reference::platform::{Platform, for_policy};
use quotaproof::scenario::target::ServerSpec;
use quotaproof::summary::finding;
use quotaproof::time::{Anchor, Nanos};

/// 2025-03-15, 15:10:00 UTC.
const ANCHOR: Anchor = Anchor { unix_nanos: 1_742_051_400_000_000_000 };
const BUDGET: u32 = 4_000;
const WITHIN: Nanos = Nanos::from_secs(3_600);
/// From the client to the server, and back.
const WAY: Nanos = Nanos::from_millis(3);

/// One class of a provider, and the request that stands for it.
struct Subject {
    policy: Policy,
    class: ClassId,
    method: &'static str,
    path: &'static str,
    /// The headers of two clients.
    clients: Vec<Vec<(String, String)>>,
}

struct World<'a> {
    server: Box<dyn Platform>,
    subject: &'a Subject,
    now: Nanos,
}

impl World<'_> {
    fn probe(mut self) -> Outcome {
        let Subject { policy, class, method, path, .. } = self.subject;
        let limits: Vec<Limit> = policy.class(*class).limits.clone();
        let documented = limits.iter().filter_map(|limit| match limit {
            Limit::Rate(rate) => Some(Documented::Rate { allow: rate.allow, per: rate.per, burst: None }),
            _ => None,
        });
        let (requests, within, anchor) = (BUDGET, WITHIN, ANCHOR);
        let brief = Brief { documented: documented.collect(), requests, within, second: true, anchor };
        let case = Case {
            policy: Arc::new(policy.clone()),
            class: *class,
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            second: true,
            url: "http://127.0.0.1:1".to_owned(),
            anchor,
        };
        let mut examination = Examination::new(brief, case);
        loop {
            match examination.next(self.now) {
                Order::Done => return outcome(&examination, &limits, self.now, false),
                Order::Wait(until) => self.now = until,
                Order::Send(parcel) => {
                    let witnesses: Vec<Witness> = (0..parcel.count).map(|index| self.send(parcel, index)).collect();
                    self.now = witnesses.iter().map(|witness| witness.done).max().unwrap_or(self.now);
                    examination.answered(&witnesses);
                    self.now += Nanos::from_micros(100);
                }
            }
        }
    }

    fn send(&mut self, parcel: Parcel, index: u32) -> Witness {
        let Subject { policy, class, method, path, clients } = self.subject;
        let mut headers = clients[parcel.client].clone();
        headers.extend(parcel.guise.header().map(|(name, value)| (name.to_owned(), value)));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        // They arrive one after the other.
        let arrival = self.now + WAY + Nanos::from_micros(20) * u64::from(index);
        let Reply::Respond(answer) = self.server.handle(arrival, 1, &HttpIn::new(method, path, &headers, b"")) else {
            panic!("{method} {path} is answered at once")
        };
        let done = arrival + WAY;
        let HttpOut { status, headers, body } = answer;
        let headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let received = done + Nanos(ANCHOR.unix_nanos);
        let view = ResponseView { status, headers: &headers, body: &body, received, class: Some(*class) };
        Witness::of(parcel, self.now, done, policy, view)
    }
}

fn probed(subject: &Subject, limiter: Reading) -> Outcome {
    let spec = ServerSpec { limiter, ..ServerSpec::default() };
    let server = for_policy(&subject.policy, &spec, ANCHOR);
    World { server, subject, now: Nanos::from_secs(1) }.probe()
}

/// What the documents promise passes, and what they are silent on is measured: the algorithm is the server's.
fn keeps_its_word(subject: &Subject, limiter: Reading, algorithm: &str) {
    let outcome = probed(subject, limiter);
    let class = &subject.policy.class(subject.class).name;
    let broken: Vec<_> = outcome.checks.iter().filter(|check| check.verdict == finding::Verdict::Fail).collect();
    assert!(broken.is_empty(), "{class} {limiter:?}: {broken:#?}");
    assert_eq!(outcome.exit, Exit::Pass, "{class} {limiter:?}: {:#?}", outcome.comparisons);
    let of = |what: &str| outcome.comparisons.iter().find(|it| it.what == what).map(|it| (it.verdict, &*it.measured));
    assert_eq!(of("limit").unwrap().0, Verdict::AsDocumented);
    assert_eq!(of("algorithm"), Some((Verdict::Undocumented, algorithm)), "{class}: {outcome:#?}");
    for silence in ["refused requests", "penalty"] {
        assert_eq!(of(silence).map(|(verdict, _)| verdict), Some(Verdict::Undocumented), "{class} {silence}");
    }
}

const READINGS: [(Reading, &str); 3] = [
    (Reading::Rolling, "rolling window"),
    (Reading::FixedFirstHit, "fixed window from the first request"),
    (
        Reading::TokenBucket,
        "token bucket (or GCRA, or leaky bucket as a meter: nobody can tell them apart from outside)",
    ),
];

fn telair(class: &str, path: &'static str) -> Subject {
    let policy = policy::find("telair").unwrap();
    let class = policy.class_named(class).unwrap();
    let account = |name: &str| vec![("x-user".to_owned(), name.to_owned())];
    Subject { policy, class, method: "GET", path, clients: vec![account("one"), account("two")] }
}

/// Two operators, each with a token of its own.
fn tellus(class: &str, method: &'static str, path: &'static str) -> Subject {
    let policy = policy::find("tellus").unwrap();
    let class = policy.class_named(class).unwrap();
    let mut server = for_policy(&policy, &ServerSpec::default(), ANCHOR);
    let mut bearer = |client: &str| {
        let body = format!(
            r#"{{"client_id":"{client}","client_secret":"secret-{client}","grant_type":"client_credentials"}}"#
        );
        let request = HttpIn::new("POST", "/v1/operator/oauth/token", &[], body.as_bytes());
        let Reply::Respond(answer) = server.handle(Nanos::ZERO, 1, &request) else {
            panic!("a token is given at once")
        };
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        vec![("authorization".to_owned(), format!("Bearer {}", body["access_token"].as_str().unwrap()))]
    };
    let clients = vec![bearer("one"), bearer("two")];
    Subject { policy, class, method, path, clients }
}

#[test]
fn every_class_of_telair_keeps_its_word() {
    for (class, path) in [("light", "/light/x"), ("medium", "/medium/x"), ("heavy", "/heavy/x"), ("auth", "/auth/x")] {
        keeps_its_word(&telair(class, path), Reading::Rolling, READINGS[0].1);
    }
}

#[test]
fn telair_keeps_its_word_however_it_counts() {
    for (reading, title) in READINGS {
        keeps_its_word(&telair("heavy", "/heavy/x"), reading, title);
    }
}

#[test]
fn queries_of_tellus_keep_their_word_however_they_are_counted() {
    for (reading, title) in READINGS {
        keeps_its_word(&tellus("queries", "GET", "/v1/operator/sites"), reading, title);
    }
}

#[test]
fn batch_control_of_tellus_keeps_its_word() {
    keeps_its_word(
        &tellus("batch-control", "POST", "/v1/operator/control/flexibility"),
        Reading::Rolling,
        READINGS[0].1,
    );
}
