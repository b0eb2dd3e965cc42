//! The shipped policies and profiles load, mean what their words say, and are found by name.

use std::path::Path;

use quotaproof::policy::model::*;
use quotaproof::profile;
use quotaproof::scenario::fleet::*;
use quotaproof::scenario::gate::Bound;
use quotaproof::scenario::start::Start;
use quotaproof::scenario::target::{Network, ServerSpec, Target};
use quotaproof::scenario::{DeviceId, Disturbance, Scenario};
use quotaproof::tellus::TellusOp;
use quotaproof::time::Nanos;

fn shipped(name: &str) -> Scenario {
    profile::load(Path::new(name)).unwrap_or_else(|error| panic!("{error}"))
}

const fn seconds(count: u64) -> Nanos {
    Nanos::from_secs(count)
}

#[test]
fn every_shipped_profile_loads_by_name_and_by_path_alike() {
    let mut on_disk: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    on_disk.sort();
    let mut built_in: Vec<&str> = profile::builtin_names().collect();
    built_in.sort();
    assert_eq!(on_disk, built_in, "each shipped profile is compiled in");
    for name in built_in {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("profiles/{name}.yaml"));
        let (by_path, by_name) = (profile::load(&path).unwrap(), shipped(name));
        assert_eq!(by_path.profile_hash, by_name.profile_hash);
        assert_eq!(by_name.name, name, "a profile is called as its file is");
        assert!((seconds(60)..=seconds(90)).contains(&by_name.duration), "{name} lasts {}", by_name.duration);
        assert!(by_name.description.is_some() && !by_name.gates.is_empty(), "{name} says what it is for and decides");
    }
}

#[test]
fn the_tellus_policy_has_the_six_documented_classes() {
    let policy = quotaproof::policy::builtin("tellus").unwrap();
    let class_of = |op: TellusOp| policy.classify(op.method(), op.path()).map(|id| policy.class(id).name.as_str());
    for op in TellusOp::ALL {
        let expected = match op {
            TellusOp::Sites | TellusOp::Device | TellusOp::Records | TellusOp::Energy => Some("queries"),
            TellusOp::Flexibility => Some("batch-control"),
            TellusOp::OperatorToken => Some("tokens"),
            TellusOp::Stream => Some("stream"),
            TellusOp::Heartbeat | TellusOp::Telemetry => Some("charger-high-frequency"),
            TellusOp::Event | TellusOp::UploadRecord | TellusOp::CommandStatus => Some("charger-other"),
            _ => None,
        };
        assert_eq!(class_of(op), expected, "{op:?}");
    }
    for class in &policy.classes {
        for limit in &class.limits {
            if let Limit::Rate(limit) = limit {
                assert_eq!(limit.algorithm, Algorithm::Unspecified, "the documents name no algorithm");
                assert_eq!(limit.counts_refused, CountsRefused::Unspecified);
            }
        }
    }
    assert_eq!(policy.refusal.body_code, Some(("/code".to_owned(), Code::Number(5001))));
    assert_eq!(
        policy.refusal.retry_after,
        Some(HintSource {
            place: HintPlace::Body("/details/retry_after_seconds".into()),
            unit: HintUnit::Seconds,
            presence: Presence::Optional,
        })
    );
    let backoff = policy.guidance.backoff.as_ref().unwrap();
    assert_eq!((backoff.initial, backoff.max, backoff.jitter, backoff.attempts), (seconds(1), seconds(30), 0.3, 6));
    let cadences: Vec<(String, Nanos)> =
        policy.guidance.cadences.iter().map(|cadence| (cadence.request.to_string(), cadence.every)).collect();
    assert_eq!(
        cadences,
        [("POST /v1/device/telemetry".to_owned(), seconds(5)), ("POST /v1/device/heartbeat".to_owned(), seconds(30)),]
    );
}

#[test]
fn the_depot_resolves_as_it_is_written() {
    let depot = shipped("tellus-depot");
    assert_eq!((depot.name.as_str(), depot.seed, depot.duration), ("tellus-depot", 7, seconds(75)));
    assert_eq!(depot.target, Target::Embedded(ServerSpec::default()));
    assert_eq!(depot.network, Network::default());
    assert_eq!(depot.events, []);
    assert_eq!(depot.operations.len(), TellusOp::ALL.len());

    let obey = Reaction::Obey(Backoff::DOCUMENTED);
    let chargers = ChargerSpec {
        connectors: 2,
        model: ChargerModel { name: "TP-AC22".into(), max_power_kw: 22.0, voltage: 230.0, phases: 3 },
        serial_prefix: None,
        start: Start { spread: seconds(20), growth: None },
        heartbeat: CadenceSpec { every: seconds(30), jitter: 0.1 },
        telemetry: CadenceSpec { every: seconds(5), jitter: 0.05 },
        sessions: SessionSpec {
            arrivals_per_hour: 2.0,
            shape: [1.0; 24],
            week: [1.0; 7],
            duration: LogNormal { median: seconds(2_700), p95: seconds(10_800) },
            discharging: 0.05,
            faults: 0.01,
            initially_busy: 0.5,
        },
        commands: CommandDelivery::LongPoll { wait: seconds(30) },
        renew_before: seconds(120),
        reaction: obey,
        reconnect: Backoff { initial: seconds(1), max: seconds(30), jitter: 0.3, attempts: u32::MAX },
    };
    let ask = |what, every| Ask { what, cadence: CadenceSpec { every: seconds(every), jitter: 0.0 } };
    let operators = OperatorSpec {
        credentials: Credentials::Own,
        start: Start { spread: seconds(5), growth: None },
        asks: vec![
            ask(Question::Sites { page_size: 100, cache: seconds(600) }, 15),
            ask(Question::Energy, 30),
            ask(Question::Harvest { page_size: 100, time_filter: true }, 20),
            ask(Question::Flexibility, 30),
            ask(Question::StartStop { group: GroupId(0), hold: seconds(10), follow: seconds(2) }, 20),
            ask(Question::Stream { group: GroupId(0), devices: 100, per_connection: 100 }, 5),
        ],
        reaction: obey,
        token: TokenHabit::Keep,
        renew_before: seconds(120),
    };
    assert_eq!(
        depot.groups,
        [
            Group {
                name: "depot".into(),
                first: DeviceId(0),
                count: 200,
                kind: GroupKind::Chargers(Box::new(chargers))
            },
            Group { name: "dashboard".into(), first: DeviceId(200), count: 2, kind: GroupKind::Operators(operators) },
        ]
    );

    let gates: Vec<(&str, Bound, f64)> =
        depot.gates.iter().map(|gate| (gate.text.as_str(), gate.bound, gate.threshold)).collect();
    assert_eq!(
        gates,
        [
            ("refused_ratio at most 0%", Bound::AtMost, 0.0),
            ("refused_ratio of charger-high-frequency at most 0%", Bound::AtMost, 0.0),
            ("headroom of queries at least 20%", Bound::AtLeast, 0.2),
            ("headroom of charger-high-frequency at least 20%", Bound::AtLeast, 0.2),
            ("latency p99 of queries at most 250ms", Bound::AtMost, 0.25),
        ]
    );
    assert_eq!(depot.gates[4].metric.quantile, Some(0.99));
}

#[test]
fn chargers_have_a_device_each_and_operators_a_client_each() {
    let depot = shipped("tellus-depot");
    assert_eq!(depot.identities.dimensions(), ["client_id", "device_id"]);
    let row = |device| ["client_id", "device_id"].map(|name| depot.identities.named(DeviceId(device), name).unwrap());
    assert_eq!([row(0), row(199), row(200), row(201)], [[0, 1], [0, 200], [1, 0], [2, 0]]);

    let cliff = shipped("tellus-token-cliff");
    let clients: Vec<_> =
        (0..24).map(|device| cliff.identities.named(DeviceId(device), "client_id").unwrap()).collect();
    assert_eq!(clients, [1; 24], "instances share one client_id");
}

#[test]
fn the_storm_and_the_rollout_have_their_events() {
    let storm = shipped("tellus-reconnect-storm");
    assert_eq!(storm.events[0].at, seconds(25));
    assert_eq!(storm.events[0].what, Disturbance::Blackout { outage: seconds(5), back_within: Nanos::ZERO });
    let rollout = shipped("tellus-firmware-rollout");
    assert!(matches!(&rollout.events[0].what, Disturbance::FirmwareRollout { version, .. } if version == "3.1.0"));
}

/// Queries that one client_id plans to send in any minute, by arithmetic: a page for each harvest, no retries.
fn planned_queries(scenario: &Scenario) -> f64 {
    let per_client = |group: &Group| match &group.kind {
        GroupKind::Chargers(_) | GroupKind::Clients(_) => 0.0,
        GroupKind::Operators(spec) => {
            let clients = if spec.credentials == Credentials::Shared { f64::from(group.count) } else { 1.0 };
            let per_minute = |ask: &Ask| 60.0 / ask.cadence.every.as_secs_f64();
            let queries = spec.asks.iter().map(|ask| match ask.what {
                Question::Sites { cache, .. } if cache >= scenario.duration => 1.0,
                Question::Sites { .. } | Question::Energy | Question::Harvest { .. } => per_minute(ask),
                Question::DeviceDetails { devices, .. } => per_minute(ask) * f64::from(devices),
                Question::StartStop { .. } | Question::Flexibility | Question::Stream { .. } => 0.0,
            });
            clients * queries.sum::<f64>()
        }
    };
    scenario.groups.iter().map(per_client).fold(0.0, f64::max)
}

#[test]
fn the_polling_dashboard_alone_plans_more_queries_than_its_quota() {
    for name in profile::builtin_names() {
        let planned = planned_queries(&shipped(name));
        if name == "tellus-polling-dashboard" {
            assert!(planned > 120.0, "{name} plans {planned} a minute: over the limit in any window");
        } else {
            assert!(planned <= 48.0, "{name} plans {planned} a minute: 20 % headroom of 60 are asked for");
        }
    }
}

#[test]
fn the_design_example_is_a_profile() {
    let text = r#"
name: tellus-depot
policy: tellus
target: embedded
duration: 60s
seed: 7
fleet:
  depot:
    chargers: {count: 200, connectors: 2, start: {spread: 20s}, heartbeat: {every: 30s, jitter: 10%}, telemetry: {every: 5s, jitter: 5%},
               sessions: {arrivals: 2/h, duration: {median: 45m, p95: 3h}}, commands: long_poll}
  dashboard:
    operators: {count: 2, reaction: {obey: {attempts: 6}}, asks: [{get: sites, every: 10m}, {stream: depot}, {harvest: charging-records, every: 15m}]}
events:
  - {at: 20s, blackout: {group: depot, share: 100%, back_within: 5s}}
gates:
  - {refused_ratio: {class: charger-high-frequency}, at_most: 0%}
  - {headroom: {class: queries}, at_least: 20%}
  - {latency: {class: queries, quantile: p99}, at_most: 250ms}
"#;
    let source = quotaproof::yaml::Source::built_in("design.yaml", text);
    let scenario = profile::load_source(&source).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.device_count(), 202);
}

#[test]
fn the_telair_policy_says_what_the_article_says() {
    let policy = quotaproof::policy::builtin("telair").unwrap();
    let limits: Vec<_> = policy
        .classes
        .iter()
        .map(|class| match class.limits.as_slice() {
            [Limit::Rate(limit)] => {
                assert_eq!(limit.algorithm, Algorithm::Unspecified, "the article names no algorithm");
                assert_eq!(limit.scope, Scope(vec!["user".into()]));
                let penalty = limit.penalty.as_ref();
                assert!(penalty.is_none_or(|penalty| !penalty.stated && penalty.blocks == Blocks::Unspecified));
                let lasts = penalty.map(|penalty| penalty.lasts);
                (class.name.as_str(), class.learned_as.as_deref(), limit.allow, limit.per, lasts)
            }
            _ => panic!("one rate for each class"),
        })
        .collect();
    let minute = seconds(60);
    assert_eq!(
        limits,
        [
            ("light", Some("Light"), 50, minute, Some(minute)),
            ("medium", Some("Medium"), 40, minute, Some(minute)),
            ("heavy", Some("Heavy"), 10, minute, Some(minute)),
            ("auth", Some("Auth"), 5, minute, None),
        ]
    );
    let headers = policy.quota_headers.as_ref().unwrap();
    assert_eq!(headers.presence, Presence::Required);
    assert!(headers.absent_means_unlimited);
    assert_eq!(policy.overload, Overload { status: 503, retries: None });
    assert_eq!(policy.classify("GET", "/light/contacts"), None, "no path is published");
    assert!(policy.silences.len() >= 13, "each contradiction and each silence of the article");
}
