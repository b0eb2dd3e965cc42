//! A policy in plain English, for reports and for whoever asks what a policy says.

mod guidance;
mod limit;
mod signal;
mod whole;

pub use guidance::guidance_lines;
pub use limit::{limit_text, period_text, scope_text, window_text};
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
        insta::assert_snapshot!(in_words(&everything()), @r"
        everything: An API that has it all
        https://example.com/limits

        Limits
          reads
              GET /*
              GET /v1/vehicles/{vehicle_id}
            - 5000 per 1h for each user, answers with status 304 or 5xx use nothing up
            - 10 per 1s for each user, leaky bucket of 15 and one in service
            - 500 per calendar month (UTC) for each account and installation
            - 70 per calendar day (UTC) for each endpoint, fixed window on the clock, refused requests count
            - its requests also count in points and whole
          vehicle
              POST /v1/vehicles/{vehicle_id}
              GET /v1/vehicles/{vehicle_id}/charge
            - 2 per 1m for each vehicle_id, token bucket of 120, refused requests do not count
            - 25 at the same time (of those that have run for 20s) for each user and vehicle_id
            - after status 409 or 5xx a wait of 30s, then 30s, then 2m each time for each user and vehicle_id
            - 10000 per 10m for each address, only answers with status 401, 403 or 429 count, who is refused is shut out (it is not said from what) for 1h
            - its requests also count in points and whole
          light
              requests whose answers name `Light`
            - at least 50 per 1.5s for each room, with a penalty of 1m that is named and not explained
            - 3 at the same time for each address
            - 40 per 1m for each address, a target that the server keeps as best it can and may pass
          graphql
              POST /graphql
              WS /graphql
              requests whose answers name `GraphQL`
            - 1000 points per 1s for each client_id, bucket of 2000 filled up at intervals, each request sets 50 aside and costs what its answer tells at /extensions/cost/actual of the body
            - 9 points per 1s for each device_set, rolling window estimated from two fixed ones, each request sets 2 aside and costs what its answer tells in the header x-cost
            - 9 points per 1s for each device_id, fixed window from the first request, each request costs 3
            - its requests also count in whole
          points
              all requests of reads and vehicle
            - 900 points per 1m for each user, rolling window, each request costs what its class does, who is refused is shut out from everything for 5m, longer if more come meanwhile
            - costs: vehicle 5, reads 2
            - its requests also count in whole
          whole
              all requests of points and graphql
            - 100 at the same time for each user

        Scopes
          - installation: an app's installation
          - room: a room: by its number

        A refusal
          - status 403, 5001 at /code of the body; or status 429; or status 200, -2004 at /error/status of the body; it always says in the header retry-after how many milliseconds to wait

        Quota headers
          - in the dialect x-rate-limit; every limited answer carries them; the reset is the time in seconds since 1970; without them a request is not limited

        Taken for overload, not for a refusal
          - status 529; to be tried again once at most

        The provider recommends
          - POST /graphql is expected once every 5s
          - ask for full pages of 100 with a time filter: GET /v1/pages
          - for live state use WS /graphql instead of repeating GET /v1/vehicles/{vehicle_id} (sooner than every 1m is polling)
          - keep the answer to GET /v1/pages for 5m
          - use a token for its 24h and renew it 0s early: POST /token
          - after a refusal without a hint wait 1s, doubled each time up to 30s, plus up to 12.5% of it; 6 attempts in all

        The provider leaves open
          - A limit that names no algorithm may be counted as rolling window, token bucket, fixed window from the first request or fixed window on the clock.
          - There are more limits than these, so a refusal that they do not explain proves nothing.
          - How: nobody knows.
          - 'tis not said
          - nor what these cost

        Lost: the provider says it, a policy cannot
          - The moon's phase counts.
        ");
    }

    #[test]
    fn a_shipped_policy_reads_well() {
        insta::assert_snapshot!(in_words(&crate::policy::builtin("zaptec").unwrap()), @r"
        zaptec: Zaptec API
        https://docs.zaptec.com/docs/api-rate-limiting

        Limits
          general-access
              GET /*
              HEAD /*
              POST /*
              PUT /*
              PATCH /*
              DELETE /*
              OPTIONS /*
            - 10 per 1s for each user, with a burst of 15
            - may be counted as token bucket or leaky bucket

        A refusal
          - status 429; it always says in the header retry-after how many seconds to wait

        Taken for overload, not for a refusal
          - status 503

        The provider leaves open
          - The burst is called the bucket's total capacity, which admits 15 at once, and the server is nginx with nodelay, which admits 16; so both readings are possible.
          - Whether a refused request uses up any of the bucket is not stated.
          - An older help page advises at most 1000 requests per minute, and names 150 per 30 minutes and 30 per minute for /api/chargers and /api/installations; whether that still holds is not stated.

        Lost: the provider says it, a policy cannot
          - A refusal's Retry-After is documented to be 1 always; here it is any number of seconds, so another one is not called a breach.
        ");
    }
}
