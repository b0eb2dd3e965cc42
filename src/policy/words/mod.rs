//! A policy in plain English, for reports and for whoever asks what a policy says.

mod guidance;
mod limit;
mod signal;
mod whole;

pub use guidance::guidance_lines;
pub use limit::{limit_text, scope_text};
pub use signal::{overload_text, quota_headers_text, refusal_text};
pub use whole::in_words;

/// `a`, `a or b`, `a, b or c`.
fn alternatives(words: &[String], between: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} {between} {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::*;
    use crate::policy::testing::everything;
    use crate::time::Nanos;

    #[test]
    fn limits_read_as_a_person_would_say_them() {
        let policy = crate::policy::builtin("tellus").unwrap();
        let texts: Vec<String> = policy.classes.iter().flat_map(|class| &class.limits).map(limit_text).collect();
        assert_eq!(
            texts,
            [
                "60 per 1m for each client_id",
                "30 per 1m for each client_id",
                "10 per 1m for each client_id",
                "1 at the same time for each client_id and device_set",
                "10 per 1s for each device_id",
                "60 per 1m for each device_id",
            ]
        );
    }

    #[test]
    fn what_a_provider_states_is_repeated_and_silence_is_not_filled() {
        let mut rate = RateLimit {
            algorithm: Algorithm::TokenBucket,
            counts_refused: CountsRefused::Yes,
            ..RateLimit::new(5, Nanos::from_secs(1), Scope(vec!["account".into()]))
        };
        assert_eq!(
            limit_text(&Limit::Rate(rate.clone())),
            "5 per 1s for each account, token bucket, refused requests count"
        );
        rate.algorithm = Algorithm::Unspecified;
        rate.counts_refused = CountsRefused::Unspecified;
        assert_eq!(limit_text(&Limit::Rate(rate)), "5 per 1s for each account");
    }

    #[test]
    fn the_tellus_refusal_and_guidance_read_well() {
        let policy = crate::policy::builtin("tellus").unwrap();
        assert_eq!(
            refusal_text(&policy.refusal),
            "status 429, 5001 at /code of the body; \
             it may say at /details/retry_after_seconds of the body how many seconds to wait"
        );
        assert_eq!(overload_text(&policy.overload), "status 503");
        insta::assert_snapshot!(guidance_lines(&policy.guidance).join("\n"), @r"
        POST /v1/device/telemetry is expected once every 5s
        POST /v1/device/heartbeat is expected once every 30s
        ask for full pages of 100 with a time filter: GET /v1/operator/charging-records
        for live state use WS /v1/operator/stream instead of repeating GET /v1/operator/devices/{device_id} (sooner than every 1m is polling)
        keep the answer to GET /v1/operator/sites for 5m
        use a token for its 24h and renew it 2m early: POST /v1/operator/oauth/token, POST /v1/device/token
        after a refusal without a hint wait 1s, doubled each time up to 30s, plus up to 30% of it; 6 attempts in all
        ");
    }

    #[test]
    fn every_construct_is_put_in_words() {
        insta::assert_snapshot!(in_words(&everything()), @"");
    }

    #[test]
    fn a_shipped_policy_reads_well() {
        insta::assert_snapshot!(in_words(&crate::policy::builtin("zaptec").unwrap()), @"");
    }
}
