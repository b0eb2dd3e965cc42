use super::super::testing::everything;
use super::*;
use crate::policy::model::*;
use crate::time::Nanos;

fn scope(names: &[&str]) -> Scope {
    Scope(names.iter().map(|name| (*name).to_owned()).collect())
}

fn plain(allow: u32, secs: u64, names: &[&str]) -> RateLimit {
    RateLimit::new(allow, Nanos::from_secs(secs), scope(names))
}

fn limits(class: &str) -> Vec<Limit> {
    let policy = everything();
    policy.class(policy.class_named(class).unwrap()).limits.clone()
}

#[test]
fn rates_say_their_window_bucket_and_what_counts() {
    let day = 86_400;
    let free = std::iter::once(304).chain(500..600).collect();
    let expected = [
        RateLimit { free_statuses: free, ..plain(5000, 3600, &["user"]) },
        RateLimit { burst: Some(15), algorithm: Algorithm::LeakyBucket, ..plain(10, 1, &["user"]) },
        RateLimit { calendar: Some(Calendar::Month), ..plain(500, 28 * day, &["account", "installation"]) },
        RateLimit {
            calendar: Some(Calendar::Day),
            algorithm: Algorithm::FixedAligned,
            counts_refused: CountsRefused::Yes,
            ..plain(70, day, &["endpoint"])
        },
    ];
    assert_eq!(limits("reads"), expected.map(Limit::Rate));
}

#[test]
fn limits_that_are_no_plain_rates_keep_all_that_is_said() {
    let [bucket, concurrent, cooldown, counted] = limits("vehicle").try_into().unwrap();
    let expected = RateLimit {
        burst: Some(120),
        algorithm: Algorithm::TokenBucket,
        counts_refused: CountsRefused::No,
        ..plain(2, 60, &["vehicle_id"])
    };
    assert_eq!(bucket, Limit::Rate(expected));
    let pair = || scope(&["user", "vehicle_id"]);
    let lasting = Some(Nanos::from_secs(20));
    assert_eq!(concurrent, Limit::Concurrent(ConcurrencyLimit { allow: 25, scope: pair(), lasting }));
    let after_statuses: Vec<u16> = std::iter::once(409).chain(500..600).collect();
    let waits = [30, 30, 120].map(Nanos::from_secs).to_vec();
    assert_eq!(cooldown, Limit::Cooldown(CooldownLimit { after_statuses, waits, scope: pair() }));
    let penalty = Penalty { lasts: Nanos::from_secs(3600), stated: true, extends: None, blocks: Blocks::Unspecified };
    let counts_statuses = vec![401, 403, 429];
    let expected = RateLimit { counts_statuses, penalty: Some(penalty), ..plain(10_000, 600, &["address"]) };
    assert_eq!(counted, Limit::Rate(expected));
    let penalty = Penalty { lasts: Nanos::from_secs(60), stated: false, extends: None, blocks: Blocks::Class };
    let per = Nanos::from_millis(1500);
    let bound = RateLimit { per, at_least: true, penalty: Some(penalty), ..plain(50, 1, &["room"]) };
    assert_eq!(limits("light")[0], Limit::Rate(bound));
    let target = RateLimit { enforcement: Enforcement::BestEffort, ..plain(40, 60, &["address"]) };
    assert_eq!(limits("light")[2], Limit::Rate(target));
}

#[test]
fn costs_are_points_by_class_or_told() {
    let policy = everything();
    let costs = policy.classes.iter().flat_map(|class| &class.limits).filter_map(|limit| match limit {
        Limit::Rate(rate) if rate.cost != Cost::One => Some(rate.cost.clone()),
        _ => None,
    });
    let told = |reserve, charged| Cost::Told { reserve, charged };
    assert_eq!(
        costs.collect::<Vec<_>>(),
        [
            told(50, HintPlace::Body("/extensions/cost/actual".into())),
            told(2, HintPlace::Header("x-cost".into())),
            Cost::Points(3),
            Cost::ByClass(vec![(ClassId(1), 5), (ClassId(0), 2)]),
        ]
    );
}

#[test]
fn classes_know_what_they_hold_and_who_holds_them() {
    let policy = everything();
    let names = |ids: &[ClassId]| ids.iter().map(|id| policy.class(*id).name.as_str()).collect::<Vec<_>>();
    let family = |name: &str| {
        let id = policy.class_named(name).unwrap();
        let class = policy.class(id);
        (names(&class.of), names(&class.parents), names(&policy.drawn_on(id).collect::<Vec<_>>()))
    };
    assert_eq!(family("reads"), (vec![], vec!["points", "whole"], vec!["reads", "points", "whole"]));
    assert_eq!(family("points"), (vec!["reads", "vehicle"], vec!["whole"], vec!["points", "whole"]));
    assert_eq!(family("graphql"), (vec![], vec!["whole"], vec!["graphql", "whole"]));
    assert_eq!(family("light"), (vec![], vec![], vec!["light"]));
    let learned = |name| policy.class(policy.class_named(name).unwrap()).learned_as.clone();
    assert_eq!(learned("light").as_deref(), Some("Light"));
    assert_eq!(learned("reads"), None);
}

#[test]
fn signals_and_what_is_lost_come_along() {
    let policy = everything();
    let code = |pointer: &str, code| Some((pointer.to_owned(), Code::Number(code)));
    let form = |status, body_code| RefusalForm { status, body_code };
    assert_eq!(
        policy.refusal,
        Refusal {
            status: 403,
            body_code: code("/code", 5001),
            other_forms: vec![form(429, None), form(200, code("/error/status", -2004))],
            retry_after: Some(HintSource {
                place: HintPlace::Header("retry-after".into()),
                unit: HintUnit::Milliseconds,
                presence: Presence::Required,
            }),
        }
    );
    assert_eq!(policy.overload, Overload { status: 529, retries: Some(1) });
    assert_eq!(
        policy.quota_headers,
        Some(QuotaHeaders {
            dialect: crate::signals::Dialect::XRateLimit,
            reset: Some(crate::signals::ResetKind::Epoch),
            presence: Presence::Required,
            absent_means_unlimited: true,
        })
    );
    assert_eq!(policy.scopes[1], ("room".to_owned(), "a room: by its number".to_owned()));
    assert_eq!(policy.lost, ["The moon's phase counts."]);
    assert_eq!(policy.silences.len(), 3);
}

/// Parents of parents in ever wider ways must not cost ever more time.
#[test]
fn many_layers_of_parents_load_at_once() {
    let mut text = "name: x\nclasses:\n  a0: {requests: [GET /a]}\n  b0: {requests: [GET /b]}\n".to_owned();
    for layer in 1..100 {
        for name in ["a", "b"] {
            text.push_str(&format!("  {name}{layer}: {{of: [a{}, b{}]}}\n", layer - 1, layer - 1));
        }
    }
    let policy = load(&Source::built_in("x.yaml", &text)).unwrap();
    assert_eq!(policy.class(ClassId(0)).parents.len(), 198);
}
