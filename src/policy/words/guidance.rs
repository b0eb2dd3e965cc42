//! Recommendations in words.

use crate::policy::matching::RequestPattern;
use crate::policy::model::Guidance;
use crate::words::percent;

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

fn requests(patterns: &[RequestPattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
