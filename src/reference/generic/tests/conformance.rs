//! Whatever is sent, the server does what the policy says: held against a count that looks through all that was admitted.

use proptest::prelude::*;

use super::*;
use crate::policy;
use crate::policy::matching::Segment;
use crate::policy::model::{Class, Limit, Policy};

/// A request: how long after the last one, by whom, for which path.
type Step = (u64, usize, usize);

const CALLERS: [&str; 3] = ["one", "two", ""];
const PATHS: [&str; 5] = ["/light/x", "/auth/x", "/things/1", "/things/2", "/elsewhere"];

/// `Light` and `Auth`, learned; `things` by two limits at once, of which one is for each thing; all else unlimited.
fn policy() -> Policy {
    let mut policy = learned_policy();
    let limits = vec![rate(4, 10, &["user", "thing"]), rate(6, 30, &["user"])];
    policy.classes.push(class("things", &["GET /things/{thing}"], limits));
    policy
}

/// How much each limit of a request has left: naive on purpose.
struct Count {
    policy: Policy,
    /// When, by whom and for what.
    admitted: Vec<(Nanos, usize, usize)>,
}

impl Count {
    fn left(&self, now: Nanos, caller: usize, path: usize) -> Option<u32> {
        let class = match PATHS[path] {
            "/light/x" => "light",
            "/auth/x" => "auth",
            "/elsewhere" => return None,
            _ => "things",
        };
        let class = self.policy.class(self.policy.class_named(class).unwrap());
        let left = class.limits.iter().map(|limit| {
            let Limit::Rate(rate) = limit else { panic!("only rates here") };
            let of_class =
                |other: usize| path == other || rate.scope.0 == ["user"] && PATHS[path].starts_with("/things");
            let counts = |&&(at, who, what): &&(Nanos, usize, usize)| {
                let same_class = PATHS[what][..5] == PATHS[path][..5];
                who == caller && same_class && of_class(what) && at + rate.per > now
            };
            rate.allow - self.admitted.iter().filter(counts).count() as u32
        });
        left.min()
    }
}

proptest! {
    #[test]
    fn answers_and_headers_are_what_a_naive_count_says(
        steps in prop::collection::vec((0..3_000u64, 0..CALLERS.len(), 0..PATHS.len()), 1..150)
    ) {
        let mut world = World::under(&policy());
        let mut count = Count { policy: policy(), admitted: Vec::new() };
        for (gap, caller, path) in steps as Vec<Step> {
            world.now += Nanos::from_millis(gap);
            let left = count.left(world.now, caller, path);
            let answer = world.get(PATHS[path], CALLERS[caller]);
            prop_assert_eq!(answer.status, if left == Some(0) { 429 } else { 200 });
            prop_assert_eq!(header(&answer, "retry-after").is_some(), left == Some(0));
            prop_assert_eq!(remaining(&answer), left.map(|left| left.saturating_sub(1)));
            count.admitted.push((world.now, caller, path));
            if left == Some(0) {
                count.admitted.pop();
            }
        }
    }
}

/// A path that a pattern matches; of a learned class, its made-up one.
fn example(policy: &Policy, class: &Class) -> Option<(String, String)> {
    let Some(pattern) = class.requests.first() else {
        class.learned_as.as_ref()?;
        return Some(("GET".to_owned(), format!("/{}/x", class.name.to_lowercase())));
    };
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Parameter(name) => format!("a-{name}"),
        Segment::Rest => "rest".to_owned(),
    };
    let path: Vec<String> = pattern.segments.iter().map(text).collect();
    let (method, path) = (pattern.method.clone(), format!("/{}", path.join("/")));
    (policy.classify(&method, &path) == policy.class_named(&class.name)).then_some((method, path))
}

#[test]
fn under_every_shipped_policy_a_flood_is_refused_in_the_documented_form_and_served_again_after_the_hint() {
    let mut refused_by_policy = 0;
    for policy in policy::builtin_names().map(|name| policy::builtin(name).unwrap()) {
        if crate::reference::tellus::is_meant_by(&policy) {
            continue;
        }
        for (method, path) in policy.classes.iter().filter_map(|class| example(&policy, class)) {
            let mut world = World::under(&policy);
            let read = |answer: &HttpOut, now: Nanos| {
                let received = now.saturating_add(Nanos(ANCHOR.unix_nanos));
                let response = ResponseView {
                    status: answer.status,
                    headers: &answer.headers,
                    body: &answer.body,
                    received,
                    class: None,
                };
                signals::read(&policy, response)
            };
            let flood = (0..50_000).find_map(|_| match world.reply(&method, &path, "k") {
                Reply::Respond(answer) => Some(read(&answer, world.now)).filter(|signal| signal.refused),
                Reply::Stream { .. } => None,
                held => panic!("{held:?}"),
            });
            let Some(signal) = flood else { continue };
            assert!(signal.breaches.is_empty(), "{} {method} {path}: {:?}", policy.name, signal.breaches);
            assert!(signal.header_breaches.is_empty(), "{} {path}: {:?}", policy.name, signal.header_breaches);
            if let Some(wait) = signal.hint.wait() {
                world.now += wait;
                let again = world.reply(&method, &path, "k");
                assert!(
                    !matches!(&again, Reply::Respond(answer) if read(answer, world.now).refused),
                    "{} {method} {path} after {wait}: {again:?}",
                    policy.name
                );
            }
            refused_by_policy += 1;
        }
    }
    assert!(refused_by_policy >= 4, "the four classes of one policy at the least: {refused_by_policy}");
}
