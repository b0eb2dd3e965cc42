//! The Tellus policy in code, for tests.

use crate::policy::model::*;
use crate::time::Nanos;

/// The six documented classes with their limits and scopes.
pub fn tellus_policy() -> Policy {
    let minute = Nanos::from_secs(60);
    Policy {
        name: "tellus".into(),
        title: "Tellus Open Platform API v1.3".into(),
        source: None,
        classes: vec![
            class(
                "queries",
                &[
                    "GET /v1/operator/sites",
                    "GET /v1/operator/devices/{device_id}",
                    "GET /v1/operator/charging-records",
                    "GET /v1/operator/aggregated/energy",
                    "GET /v1/operator/commands/{command_id}",
                ],
                rate(60, minute, "client_id"),
            ),
            class("batch-control", &["POST /v1/operator/control/flexibility"], rate(30, minute, "client_id")),
            class("token", &["POST /v1/operator/oauth/token"], rate(10, minute, "client_id")),
            class(
                "stream",
                &["WS /v1/operator/stream"],
                Limit::Concurrent(ConcurrencyLimit {
                    allow: 1,
                    scope: Scope(vec!["client_id".into(), "device_set".into()]),
                }),
            ),
            class(
                "charger-high-frequency",
                &["POST /v1/device/heartbeat", "POST /v1/device/telemetry"],
                rate(10, Nanos::from_secs(1), "device_id"),
            ),
            class(
                "charger-other",
                &["POST /v1/device/events", "POST /v1/device/charging-records", "POST /v1/device/command-status"],
                rate(60, minute, "device_id"),
            ),
        ],
        refusal: Refusal {
            status: 429,
            body_code: Some(("/code".into(), 5001)),
            retry_after: Some(HintSource {
                place: HintPlace::Body("/details/retry_after_seconds".into()),
                unit: HintUnit::Seconds,
                presence: Presence::Optional,
            }),
        },
        overload: Overload { status: 503 },
        guidance: Guidance::default(),
        silences: Vec::new(),
        hash: String::new(),
    }
}

fn class(name: &str, requests: &[&str], limit: Limit) -> Class {
    let requests = requests.iter().map(|request| request.parse().unwrap()).collect();
    Class { name: name.into(), title: None, requests, limits: vec![limit] }
}

fn rate(allow: u32, per: Nanos, scope: &str) -> Limit {
    Limit::Rate(RateLimit {
        allow,
        per,
        scope: Scope(vec![scope.into()]),
        algorithm: Algorithm::Unspecified,
        counts_refused: CountsRefused::Unspecified,
    })
}
