//! From a policy's text to [`Policy`]: what serde cannot know is checked here.

use super::document::*;
use super::matching::RequestPattern;
use super::model::*;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::Name;
use crate::yaml::{Diagnosis, Located, Place, Source, parse, suggest};

/// What a scope may be made of. `device_set` is the set of devices that one request names; `account` and `address` are
/// the same for a whole run.
pub const SCOPES: [&str; 5] = ["client_id", "device_id", "device_set", "account", "address"];

/// Requests that no class covers are reported under this name, so no class may have it.
pub const UNCLASSIFIED: &str = "unclassified";

/// The policies that are compiled in: name and text.
const BUILT_IN: [(&str, &str); 1] = [("tellus", include_str!("../../profiles/policies/tellus.yaml"))];

/// The names of the built-in policies.
pub fn builtin_names() -> impl Iterator<Item = &'static str> + Clone {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The text of a built-in policy.
pub fn builtin_source(name: &str) -> Option<Source> {
    let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
    Some(Source::built_in(&format!("profiles/policies/{name}.yaml"), text))
}

/// A built-in policy; None if there is none of that name.
pub fn builtin(name: &str) -> Option<Policy> {
    let source = builtin_source(name)?;
    Some(load(&source).unwrap_or_else(|error| panic!("a built-in policy is broken:\n{error}")))
}

/// A policy by built-in name, or else by path.
pub fn find(name_or_path: &str) -> Result<Policy, Diagnosis> {
    match builtin(name_or_path) {
        Some(policy) => Ok(policy),
        None => Source::read(name_or_path.as_ref()).and_then(|source| load(&source)).map_err(|diagnosis| {
            let advice = suggest::advice(name_or_path, builtin_names());
            if diagnosis.is_placed() {
                diagnosis
            } else {
                diagnosis.help(format!("or name a built-in policy; {advice}"))
            }
        }),
    }
}

/// Reads and checks a policy.
pub fn load(source: &Source) -> Result<Policy, Diagnosis> {
    let document: PolicyDocument = parse(source)?;
    check_classes(source, &document)?;
    let mut classes = Vec::new();
    for (name, class) in &document.classes.value {
        classes.push(Class {
            name: name.0.clone(),
            title: class.title.clone(),
            requests: class.requests.iter().map(|request| request.value.clone()).collect(),
            limits: class.limits.iter().map(|found| limit(source, found)).collect::<Result<_, _>>()?,
            ..Class::default()
        });
    }
    Ok(Policy {
        title: document.title.unwrap_or_else(|| document.name.0.clone()),
        name: document.name.0,
        source: document.source,
        classes,
        refusal: refusal(source, document.refusal)?,
        overload: Overload { status: document.overload.status.0 as u16, ..Overload::default() },
        guidance: guidance(document.guidance),
        silences: document.silences,
        hash: source.hash(),
        ..Policy::default()
    })
}

/// Every class must be able to match something, and no two the same thing by accident.
fn check_classes(source: &Source, document: &PolicyDocument) -> Result<(), Diagnosis> {
    let classes = &document.classes;
    if classes.is_empty() || classes.len() > usize::from(u8::MAX) {
        let title = format!("a policy has 1 to {} classes, this one {}", u8::MAX, classes.len());
        return Err(Diagnosis::at(source, classes.place, title));
    }
    for (index, (name, class)) in classes.value.iter().enumerate() {
        if name.0 == UNCLASSIFIED {
            let title = format!("a class cannot be called `{UNCLASSIFIED}`");
            return Err(Diagnosis::at(source, name.place, title)
                .help("reports call requests without a class so; choose another name"));
        }
        if class.requests.is_empty() {
            return Err(Diagnosis::at(source, class.requests.place, format!("class `{}` matches nothing", name.0))
                .help("list its requests, such as `GET /v1/sites`, or drop the class"));
        }
        for other in &class.overlaps {
            if !classes.contains_key(other) {
                let advice = suggest::advice(&other.0, classes.keys().map(|name| name.0.as_str()));
                return Err(Diagnosis::at(source, other.place, format!("no class is called `{}`", shown(&other.0)))
                    .help(advice));
            }
        }
        check_repeats(source, class)?;
        for (earlier_name, earlier) in classes.value.iter().take(index) {
            check_pair(source, (earlier_name, earlier), (name, class))?;
        }
    }
    Ok(())
}

fn check_repeats(source: &Source, class: &ClassDocument) -> Result<(), Diagnosis> {
    for (index, request) in class.requests.iter().enumerate() {
        if class.requests.iter().take(index).any(|earlier| earlier.same_shape(request)) {
            return Err(Diagnosis::at(source, request.place, format!("`{}` stands here twice", request.value))
                .help("drop one of the two"));
        }
    }
    Ok(())
}

fn check_pair(
    source: &Source,
    (earlier_name, earlier): (&Located<Name>, &ClassDocument),
    (name, class): (&Located<Name>, &ClassDocument),
) -> Result<(), Diagnosis> {
    let taken = |request: &RequestPattern| earlier.requests.iter().any(|other| other.same_shape(request));
    if class.requests.iter().all(|request| taken(request)) {
        return Err(Diagnosis::at(source, name.place, format!("class `{}` matches nothing", name.0))
            .label(format!("class `{}` comes first and has all its requests", earlier_name.0))
            .help("give each request to one class, or drop this one"));
    }
    if class.overlaps.contains(earlier_name) || earlier.overlaps.contains(name) {
        return Ok(());
    }
    for request in class.requests.iter() {
        if let Some(other) = earlier.requests.iter().find(|other| other.overlaps(request)) {
            return Err(Diagnosis::at(source, request.place, "a request can belong to two classes")
                .label(format!("also matched by `{}` of class `{}`", other.value, earlier_name.0))
                .help(format!(
                    "narrow one of the two, or say that it is meant: `overlaps: [{}]` in class `{}`",
                    earlier_name.0, name.0
                )));
        }
    }
    Ok(())
}

fn limit(source: &Source, limit: &Located<LimitDocument>) -> Result<Limit, Diagnosis> {
    let scope = scope(source, &limit.scope)?;
    let wrong = |place: Place, title: &str| {
        Diagnosis::at(source, place, title)
            .help("write `{allow: 60, per: 1m, scope: client_id}` or `{concurrent: 1, scope: client_id}`")
    };
    match (limit.allow, limit.per, limit.concurrent) {
        (Some(allow), Some(per), None) => Ok(Limit::Rate(RateLimit {
            algorithm: limit.algorithm.map_or(Algorithm::Unspecified, |algorithm| algorithm.value),
            counts_refused: limit.counts_refused.map_or(CountsRefused::Unspecified, |counts| counts.value),
            ..RateLimit::new(allow.0, per.0, scope)
        })),
        (None, None, Some(concurrent)) => {
            let stray = limit.algorithm.map(|a| a.place).or(limit.counts_refused.map(|counts| counts.place));
            match stray {
                Some(place) => Err(wrong(place, "a limit on what runs at the same time has no counting to describe")),
                None => Ok(Limit::Concurrent(ConcurrencyLimit { allow: concurrent.0, scope, lasting: None })),
            }
        }
        (_, _, Some(_)) => Err(wrong(limit.place, "a limit is either a rate or a number at the same time, not both")),
        (Some(_), None, None) => Err(wrong(limit.place, "`per` is missing here: so many requests in which time?")),
        (None, Some(_), None) => Err(wrong(limit.place, "`allow` is missing here: how many requests?")),
        (None, None, None) => Err(wrong(limit.place, "this limit allows neither a rate nor a number at the same time")),
    }
}

fn scope(source: &Source, scope: &Located<ScopeDocument>) -> Result<Scope, Diagnosis> {
    let names = &scope.value.0;
    if names.is_empty() {
        return Err(Diagnosis::at(source, scope.place, "a limit needs a scope: whose budget is it?")
            .help(suggest::advice("", SCOPES)));
    }
    match names.iter().find(|name| !SCOPES.contains(&name.as_str())) {
        Some(unknown) => Err(Diagnosis::at(source, scope.place, format!("unknown scope `{}`", shown(unknown)))
            .help(suggest::advice(unknown, SCOPES))),
        None => Ok(Scope(names.clone())),
    }
}

fn refusal(source: &Source, refusal: RefusalDocument) -> Result<Refusal, Diagnosis> {
    let body_code = refusal.body.map(|body| body_code(source, body)).transpose()?;
    let retry_after = refusal.retry_after.map(|hint| hint_source(source, hint)).transpose()?;
    Ok(Refusal { status: refusal.status.0 as u16, body_code, retry_after, ..Refusal::default() })
}

fn body_code(source: &Source, body: Located<indexmap::IndexMap<String, i64>>) -> Result<(String, i64), Diagnosis> {
    let place = body.place;
    let mut fields = body.value.into_iter();
    match (fields.next(), fields.next()) {
        (Some((pointer, code)), None) if pointer.starts_with('/') => Ok((pointer, code)),
        (Some((field, code)), None) => Ok((format!("/{field}"), code)),
        _ => Err(Diagnosis::at(source, place, "exactly one field of the body tells a refusal")
            .help("write it with its value, such as `{code: 5001}`")),
    }
}

fn hint_source(source: &Source, hint: Located<HintDocument>) -> Result<HintSource, Diagnosis> {
    let place = match (&hint.body, &hint.header) {
        (Some(pointer), None) => HintPlace::Body(pointer.value.0.clone()),
        (None, Some(header)) => HintPlace::Header(header.to_lowercase()),
        _ => {
            return Err(Diagnosis::at(source, hint.place, "the hint stands either in the body or in a header")
                .help("write `body: /details/retry_after_seconds` or `header: retry-after`"));
        }
    };
    Ok(HintSource { place, unit: hint.unit, presence: hint.presence })
}

fn guidance(guidance: GuidanceDocument) -> Guidance {
    Guidance {
        cadences: guidance
            .cadence
            .into_iter()
            .map(|cadence| CadenceAdvice { request: cadence.request, every: cadence.every.0 })
            .collect(),
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
        cacheable: guidance
            .cacheable
            .into_iter()
            .map(|cache| CacheAdvice { request: cache.request, keep: cache.keep.0 })
            .collect(),
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
