//! A policy as the YAML it can be loaded from again.

mod node;

use super::document::Statuses;
use super::matching::RequestPattern;
use super::model::*;
use super::silence::Silence;
use crate::time::Nanos;
use node::{Node, map};

/// The policy's text. Loading it gives the same policy, but for the hash of the text.
pub fn to_yaml(policy: &Policy) -> String {
    let scopes = policy.scopes.iter().map(|(name, line)| (name.as_str(), Some(Node::text(line))));
    let classes = policy.classes.iter().map(|class| (class.name.as_str(), Some(class_node(policy, class))));
    let whole = map([
        ("name", Some(Node::text(&policy.name))),
        ("title", Some(Node::text(&policy.title))),
        ("source", policy.source.as_deref().map(Node::text)),
        ("scopes", Node::filled(Node::map(scopes))),
        ("classes", Some(Node::map(classes))),
        ("refusal", Some(refusal(&policy.refusal))),
        ("overload", Some(overload(&policy.overload))),
        ("quota_headers", policy.quota_headers.as_ref().map(quota_headers)),
        ("guidance", Node::filled(guidance(&policy.guidance))),
        ("silences", Node::filled(Node::List(policy.silences.iter().map(silence).collect()))),
        ("lost", Node::filled(texts(&policy.lost))),
        ("more_limits", policy.more_limits.then_some(Node::Flag(true))),
    ]);
    whole.to_yaml()
}

fn class_node(policy: &Policy, class: &Class) -> Node {
    let name = |id: &ClassId| policy.class(*id).name.as_str();
    map([
        ("title", class.title.as_deref().map(Node::text)),
        ("requests", Node::filled(patterns(&class.requests))),
        ("learned_as", class.learned_as.as_deref().map(Node::text)),
        ("of", Node::filled(texts(class.of.iter().map(name)))),
        ("overlaps", Node::filled(texts(overlaps(policy, class)))),
        ("limits", Node::filled(Node::List(class.limits.iter().map(|found| limit(policy, found)).collect()))),
    ])
}

/// The classes before this one that match requests of it too.
fn overlaps<'a>(policy: &'a Policy, class: &Class) -> Vec<&'a str> {
    let before = policy.classes.iter().take_while(|other| other.name != class.name);
    let shared = |other: &&Class| other.requests.iter().any(|a| class.requests.iter().any(|b| a.overlaps(b)));
    before.filter(shared).map(|other| other.name.as_str()).collect()
}

fn limit(policy: &Policy, limit: &Limit) -> Node {
    match limit {
        Limit::Rate(limit) => rate(policy, limit),
        Limit::Concurrent(limit) => map([
            ("concurrent", Some(Node::number(limit.allow))),
            ("lasting", limit.lasting.map(time)),
            ("scope", Some(scope(&limit.scope))),
        ]),
        Limit::Cooldown(limit) => map([
            ("cooldown", Some(Node::List(limit.waits.iter().copied().map(time).collect()))),
            ("after", Some(statuses(&limit.after_statuses))),
            ("scope", Some(scope(&limit.scope))),
        ]),
    }
}

fn rate(policy: &Policy, limit: &RateLimit) -> Node {
    let per = match limit.calendar {
        Some(calendar) => Node::word(&calendar),
        None => time(limit.per),
    };
    map([
        ("allow", Some(Node::number(limit.allow))),
        ("per", Some(per)),
        ("burst", limit.burst.map(Node::number)),
        ("scope", Some(scope(&limit.scope))),
        ("algorithm", Node::word_unless(&limit.algorithm, &Algorithm::Unspecified)),
        ("counts_refused", counts_refused(limit.counts_refused)),
        ("counts", Node::filled(statuses(&limit.counts_statuses))),
        ("free", Node::filled(statuses(&limit.free_statuses))),
        ("cost", cost(policy, &limit.cost)),
        ("penalty", limit.penalty.as_ref().map(penalty)),
        ("at_least", limit.at_least.then_some(Node::Flag(true))),
        ("enforcement", Node::word_unless(&limit.enforcement, &Enforcement::Exact)),
    ])
}

fn counts_refused(counts: CountsRefused) -> Option<Node> {
    Node::word_unless(&counts, &CountsRefused::Unspecified)
}

fn cost(policy: &Policy, cost: &Cost) -> Option<Node> {
    match cost {
        Cost::One => None,
        Cost::Points(points) => Some(Node::number(*points)),
        Cost::ByClass(costs) => {
            let named = costs.iter().map(|(id, points)| (policy.class(*id).name.as_str(), Some(Node::number(*points))));
            Some(Node::map(named))
        }
        Cost::Told { reserve, charged } => {
            Some(map([("reserve", Some(Node::number(*reserve))), ("charged", Some(map([place(charged)])))]))
        }
    }
}

fn penalty(penalty: &Penalty) -> Node {
    map([
        ("lasts", Some(time(penalty.lasts))),
        ("stated", (!penalty.stated).then_some(Node::Flag(false))),
        ("extends", penalty.extends.map(Node::Flag)),
        ("blocks", Node::word_unless(&penalty.blocks, &Blocks::Class)),
    ])
}

fn refusal(refusal: &Refusal) -> Node {
    let hint = refusal.retry_after.as_ref();
    let hint = hint.map(|hint| {
        map([
            place(&hint.place),
            ("unit", Node::word_unless(&hint.unit, &HintUnit::Seconds)),
            ("presence", Node::word_unless(&hint.presence, &Presence::Optional)),
        ])
    });
    let forms = refusal.other_forms.iter().map(|form| map(refusal_form(form.status, &form.body_code))).collect();
    let [status, body] = refusal_form(refusal.status, &refusal.body_code);
    map([status, body, ("also", Node::filled(Node::List(forms))), ("retry_after", hint)])
}

fn refusal_form(status: u16, body_code: &Option<(String, Code)>) -> [(&'static str, Option<Node>); 2] {
    let code = |code: &Code| match code {
        Code::Number(code) => Node::Number(*code),
        Code::Word(code) => Node::text(code),
    };
    let body = body_code.as_ref().map(|(pointer, found)| Node::map([(pointer.as_str(), Some(code(found)))]));
    [("status", Some(Node::number(status))), ("body", body)]
}

fn place(place: &HintPlace) -> (&'static str, Option<Node>) {
    match place {
        HintPlace::Body(pointer) => ("body", Some(Node::text(pointer))),
        HintPlace::Header(name) => ("header", Some(Node::text(name))),
    }
}

fn overload(overload: &Overload) -> Node {
    map([("status", Some(Node::number(overload.status))), ("retries", overload.retries.map(Node::number))])
}

fn quota_headers(headers: &QuotaHeaders) -> Node {
    map([
        ("dialect", Some(Node::word(&headers.dialect))),
        ("reset", headers.reset.as_ref().map(Node::word)),
        ("presence", Node::word_unless(&headers.presence, &Presence::Optional)),
        ("absent", headers.absent_means_unlimited.then(|| Node::text("unlimited"))),
    ])
}

fn guidance(guidance: &Guidance) -> Node {
    let request = |pattern: &RequestPattern| Some(Node::text(&pattern.to_string()));
    let cadence =
        |advice: &CadenceAdvice| map([("request", request(&advice.request)), ("every", Some(time(advice.every)))]);
    let cache = |advice: &CacheAdvice| map([("request", request(&advice.request)), ("keep", Some(time(advice.keep)))]);
    let page_size = guidance.page_size.as_ref().map(|advice| {
        map([
            ("requests", Some(patterns(&advice.requests))),
            ("full", Some(Node::number(advice.full))),
            ("time_filter", advice.time_filter.then_some(Node::Flag(true))),
        ])
    });
    let prefer_stream = guidance.prefer_stream.as_ref().map(|advice| {
        map([
            ("instead_of", request(&advice.instead_of)),
            ("stream", request(&advice.stream)),
            ("polling_below", Some(time(advice.polling_below))),
        ])
    });
    let token_reuse = guidance.token_reuse.as_ref().map(|advice| {
        map([
            ("requests", Some(patterns(&advice.requests))),
            ("lifetime", Some(time(advice.lifetime))),
            ("renew_before", Some(time(advice.renew_before))),
        ])
    });
    let backoff = guidance.backoff.as_ref().map(|advice| {
        map([
            ("initial", Some(time(advice.initial))),
            ("max", Some(time(advice.max))),
            ("jitter", Some(percent(advice.jitter))),
            ("attempts", Some(Node::number(advice.attempts))),
        ])
    });
    map([
        ("cadence", Node::filled(Node::List(guidance.cadences.iter().map(cadence).collect()))),
        ("page_size", page_size),
        ("prefer_stream", prefer_stream),
        ("cacheable", Node::filled(Node::List(guidance.cacheable.iter().map(cache).collect()))),
        ("token_reuse", token_reuse),
        ("backoff", backoff),
    ])
}

fn scope(scope: &Scope) -> Node {
    match scope.0.as_slice() {
        [name] => Node::text(name),
        names => texts(names),
    }
}

fn patterns(patterns: &[RequestPattern]) -> Node {
    texts(patterns.iter().map(ToString::to_string))
}

fn statuses(listed: &[u16]) -> Node {
    let node = |statuses: Statuses| match statuses.first == statuses.last {
        true => Node::number(statuses.first),
        false => Node::text(&statuses.to_string()),
    };
    Node::List(Statuses::covering(listed).into_iter().map(node).collect())
}

fn silence(silence: &Silence) -> Node {
    match silence.about.as_slice() {
        [] => Node::text(&silence.text),
        about => map([
            ("about", Some(Node::List(about.iter().map(Node::word).collect()))),
            ("requests", Node::filled(patterns(&silence.requests))),
            ("text", Some(Node::text(&silence.text))),
        ]),
    }
}

fn texts(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Node {
    Node::List(texts.into_iter().map(|text| Node::text(text.as_ref())).collect())
}

/// In the largest unit that leaves nothing over; [`Nanos`] shows itself rounded.
fn time(time: Nanos) -> Node {
    const UNITS: [(u64, &str); 5] =
        [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let whole = UNITS.iter().find(|(size, _)| time.0 > 0 && time.0.is_multiple_of(*size));
    Node::text(&match whole {
        Some((size, unit)) => format!("{}{unit}", time.0 / size),
        None if time.0 == 0 => "0s".to_owned(),
        None => format!("{}.{:03}us", time.0 / 1_000, time.0 % 1_000),
    })
}

/// With the fewest digits that are read as the same share.
fn percent(share: f64) -> Node {
    let texts = (0..=17).map(|digits| format!("{:.digits$}", share * 100.0));
    let same = |text: &String| text.parse::<f64>().is_ok_and(|percent| percent / 100.0 == share);
    let exact = texts.clone().find(same).unwrap_or_else(|| format!("{}", share * 100.0));
    Node::text(&format!("{exact}%"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::everything;
    use super::*;
    use crate::yaml::Source;

    fn reloaded(policy: &Policy) -> Policy {
        let text = to_yaml(policy);
        let policy = super::super::load(&Source::built_in("printed.yaml", &text));
        policy.unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn same(policy: &Policy) -> Policy {
        Policy { hash: reloaded(policy).hash, ..policy.clone() }
    }

    #[test]
    fn a_policy_that_says_everything_is_printed_and_loaded_as_it_was() {
        assert_eq!(reloaded(&everything()), same(&everything()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_time_share_and_word_comes_back(
            // What can be written: whole microseconds, and parts of one where that is exact.
            nanos in prop_oneof![1..10_000u64, (1..31_000_000_000_000u64).prop_map(|us| us * 1_000)],
            percent in 0..=100_000u32,
            texts in prop::collection::vec("\\PC{0,30}", 0..3),
            code in prop_oneof![any::<i64>().prop_map(Code::Number), "\\PC{0,30}".prop_map(Code::Word)],
        ) {
            let mut policy = everything();
            if let Limit::Rate(limit) = &mut policy.classes[0].limits[0] {
                limit.per = Nanos(nanos);
            }
            if let Some(backoff) = &mut policy.guidance.backoff {
                backoff.jitter = f64::from(percent) / 1_000.0 / 100.0;
            }
            policy.refusal.body_code = Some(("/code".into(), code));
            policy.title = texts.concat();
            policy.silences = texts.into_iter().map(Silence::new).collect();
            prop_assert_eq!(reloaded(&policy), same(&policy));
        }
    }
}
