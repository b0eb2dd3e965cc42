//! A policy in plain English, for reports.

use super::matching::RequestPattern;
use super::model::*;
use crate::words::percent;

/// `60 per 1m for each client_id`.
pub fn limit_text(limit: &Limit) -> String {
    match limit {
        Limit::Rate(rate) => {
            let mut text = format!("{} per {} for each {}", rate.allow, rate.per, scope_text(&rate.scope));
            if let Some(algorithm) = algorithm_text(rate.algorithm) {
                text.push_str(&format!(", {algorithm}"));
            }
            match rate.counts_refused {
                CountsRefused::Unspecified => {}
                CountsRefused::Yes => text.push_str(", refused requests count"),
                CountsRefused::No => text.push_str(", refused requests do not count"),
            }
            text
        }
        Limit::Concurrent(limit) => format!("{} at the same time for each {}", limit.allow, scope_text(&limit.scope)),
        Limit::Cooldown(limit) => format!("a cooldown after a failure for each {}", scope_text(&limit.scope)),
    }
}

/// `client_id and device_set`.
pub fn scope_text(scope: &Scope) -> String {
    list(&scope.0)
}

/// How a refusal looks.
pub fn refusal_text(refusal: &Refusal) -> String {
    let mut text = format!("status {}", refusal.status);
    if let Some((pointer, code)) = &refusal.body_code {
        text.push_str(&format!(", {code} at {pointer} of the body"));
    }
    match &refusal.retry_after {
        Some(hint) if hint.presence == Presence::Never => text.push_str("; never a hint when to come back"),
        None => text.push_str("; no hint when to come back"),
        Some(hint) => {
            let presence = match hint.presence {
                Presence::Required => "always says",
                Presence::Optional | Presence::Never => "may say",
            };
            let unit = match hint.unit {
                HintUnit::Seconds => "seconds",
                HintUnit::Milliseconds => "milliseconds",
            };
            let place = match &hint.place {
                HintPlace::Body(pointer) => format!("at {pointer} of the body"),
                HintPlace::Header(name) => format!("in the header {name}"),
            };
            text.push_str(&format!("; it {presence} {place} how many {unit} to wait"));
        }
    }
    text
}

/// How an overloaded server answers.
pub fn overload_text(overload: &Overload) -> String {
    format!("status {}", overload.status)
}

/// The recommendations to clients, one line each.
pub fn guidance_lines(guidance: &Guidance) -> Vec<String> {
    let mut lines = Vec::new();
    for cadence in &guidance.cadences {
        lines.push(format!("{} is expected once every {}", cadence.request, cadence.every));
    }
    if let Some(page) = &guidance.page_size {
        let filter = if page.time_filter { " with a time filter" } else { "" };
        lines.push(format!("ask for full pages of {}{filter}: {}", page.full, requests(&page.requests)));
    }
    if let Some(advice) = &guidance.prefer_stream {
        lines.push(format!(
            "for live state use {} instead of repeating {} (sooner than every {} is polling)",
            advice.stream, advice.instead_of, advice.polling_below
        ));
    }
    for cache in &guidance.cacheable {
        lines.push(format!("keep the answer to {} for {}", cache.request, cache.keep));
    }
    if let Some(token) = &guidance.token_reuse {
        lines.push(format!(
            "use a token for its {} and renew it {} early: {}",
            token.lifetime,
            token.renew_before,
            requests(&token.requests)
        ));
    }
    if let Some(backoff) = &guidance.backoff {
        lines.push(format!(
            "after a refusal without a hint wait {}, doubled each time up to {}, plus up to {} of it; {} attempts in all",
            backoff.initial,
            backoff.max,
            percent(backoff.jitter),
            backoff.attempts
        ));
    }
    lines
}

fn algorithm_text(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Unspecified => None,
        Algorithm::FixedAligned => Some("fixed window on the clock"),
        Algorithm::FixedFirstHit => Some("fixed window from the first request"),
        Algorithm::Rolling => Some("rolling window"),
        Algorithm::TokenBucket => Some("token bucket"),
        Algorithm::LeakyBucket => Some("leaky bucket"),
        Algorithm::RollingCounter => Some("rolling window estimated from two fixed ones"),
        Algorithm::IntervalRefill => Some("bucket filled up at intervals"),
    }
}

fn requests(patterns: &[RequestPattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(names: &[String]) -> String {
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    #[test]
    fn limits_read_as_a_person_would_say_them() {
        let policy = super::super::builtin("tellus").unwrap();
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
        let policy = super::super::builtin("tellus").unwrap();
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
}
