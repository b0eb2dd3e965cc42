//! Recommendations, from their document.

use crate::policy::document::{CacheDocument, CadenceDocument, GuidanceDocument};
use crate::policy::model::*;

pub(super) fn guidance(guidance: GuidanceDocument) -> Guidance {
    let cadence = |advice: CadenceDocument| CadenceAdvice { request: advice.request, every: advice.every.0 };
    let cache = |advice: CacheDocument| CacheAdvice { request: advice.request, keep: advice.keep.0 };
    Guidance {
        cadences: guidance.cadence.into_iter().map(cadence).collect(),
        page_size: guidance.page_size.map(|page| PageSizeAdvice {
            requests: page.requests,
            full: page.full.0,
            time_filter: page.time_filter,
        }),
        prefer_stream: guidance.prefer_stream.map(|advice| StreamAdvice {
            instead_of: advice.instead_of,
            stream: advice.stream,
            polling_below: advice.polling_below.0,
        }),
        cacheable: guidance.cacheable.into_iter().map(cache).collect(),
        token_reuse: guidance.token_reuse.map(|token| TokenAdvice {
            requests: token.requests,
            lifetime: token.lifetime.0,
            renew_before: token.renew_before.0,
        }),
        backoff: guidance.backoff.map(|backoff| BackoffAdvice {
            initial: backoff.initial.0,
            max: backoff.max.0,
            jitter: backoff.jitter.0,
            attempts: backoff.attempts.0,
        }),
    }
}
