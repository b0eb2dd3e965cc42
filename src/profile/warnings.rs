//! What a scenario may be and most likely is not meant to be.

use std::collections::{BTreeSet, HashMap};

use crate::policy::model::{Class, ClassId, Cost, Limit, RateLimit};
use crate::policy::words;
use crate::scenario::arrivals::{Arrivals, Shape, Whose};
use crate::scenario::client::{ClientSpec, DrawnScope, RequestSpec};
use crate::scenario::identity::KeyRule;
use crate::scenario::operation::Detail;
use crate::scenario::target::Target;
use crate::scenario::{Asked, DeviceId, Group, GroupKind, Operation, OperationId, Scenario, ScopeKey};
use crate::time::Nanos;
use crate::words::trimmed;
use crate::yaml::suggest;

/// One sentence for each, the gravest first.
pub fn warnings(scenario: &Scenario) -> Vec<String> {
    let all = [unclassified(scenario), too_many(scenario), too_short(scenario), never_together(scenario)];
    all.into_iter().flatten().collect()
}

/// The groups of scripted clients.
fn scripted(scenario: &Scenario) -> impl Iterator<Item = (&Group, &ClientSpec)> {
    scenario.groups.iter().filter_map(|group| match &group.kind {
        GroupKind::Clients(spec) => Some((group, &**spec)),
        GroupKind::Chargers(_) | GroupKind::Operators(_) => None,
    })
}

/// The classes that the scripts' requests are in. What is learned from answers is not known yet.
fn used(scenario: &Scenario) -> BTreeSet<usize> {
    let operations = scripted(scenario).flat_map(|(_, spec)| spec.operations());
    let classes = operations.filter_map(|operation| scenario.operations.get(operation).class);
    classes.flat_map(|class| scenario.policy.drawn_on(class)).map(ClassId::index).collect()
}

fn limits(scenario: &Scenario) -> impl Iterator<Item = (&Class, &Limit)> {
    let classes = used(scenario).into_iter().map(|index| &scenario.policy.classes[index]);
    classes.flat_map(|class| class.limits.iter().map(move |limit| (class, limit)))
}

/// Requests that no pattern fits: held against no limit, as a misspelt path would be.
fn unclassified(scenario: &Scenario) -> Vec<String> {
    let policy = &scenario.policy;
    if policy.classes.iter().any(|class| class.learned_as.is_some()) {
        return Vec::new();
    }
    let patterns: Vec<String> =
        policy.classes.iter().flat_map(|class| &class.requests).map(ToString::to_string).collect();
    let numbers: BTreeSet<u16> =
        scripted(scenario).flat_map(|(_, spec)| spec.operations()).map(|operation| operation.0).collect();
    let operations = numbers.into_iter().map(|number| scenario.operations.get(OperationId(number)));
    let warning = |operation: &Operation| {
        let of_method = |pattern: &String| Some(pattern.strip_prefix(&operation.method)?.trim_start().to_owned());
        let paths: Vec<String> = patterns.iter().filter_map(of_method).collect();
        let meant = suggest::nearest(&operation.path, paths.iter().map(String::as_str));
        let meant = meant.map(|path| format!("; did you mean `{} {path}`?", operation.method)).unwrap_or_default();
        let (name, policy) = (operation.name(), &policy.name);
        format!("`{name}` is in no class of policy `{policy}`, so no limit is held against it{meant}")
    };
    operations.filter(|operation| operation.class.is_none()).map(warning).collect()
}

/// A run that is shorter than a window proves nothing of its limit.
fn too_short(scenario: &Scenario) -> Vec<String> {
    let short = limits(scenario).filter_map(|(class, limit)| match limit {
        Limit::Rate(rate) if rate.per > scenario.duration => Some(format!(
            "the run takes {}, less than the window of {} ({}): it can show that this limit is broken, never that it is kept",
            scenario.duration,
            class.name,
            words::limit_text(limit)
        )),
        _ => None,
    });
    short.collect()
}

/// Where the embedded server answers at once, requests are hardly ever under way together.
fn never_together(scenario: &Scenario) -> Vec<String> {
    if !matches!(&scenario.target, Target::Embedded(spec) if spec.answers_after == Nanos::ZERO) {
        return Vec::new();
    }
    let is_answered = |class: &Class| class.requests.iter().any(|pattern| pattern.method != "WS");
    let limits = limits(scenario).filter(|(class, limit)| matches!(limit, Limit::Concurrent(_)) && is_answered(class));
    let warning = |(class, limit): (&Class, &Limit)| {
        format!(
            "{} limits requests at the same time ({}), and the embedded server answers at once: let it take as long as the \
             real one, such as `target: {{embedded: {{answers_after: 200ms}}}}`",
            class.name,
            words::limit_text(limit)
        )
    };
    limits.map(warning).collect()
}

/// Scripts that ask for more on average than a limit allows, before any answer calls for more.
fn too_many(scenario: &Scenario) -> Vec<String> {
    limits(scenario)
        .filter_map(|(class, limit)| match limit {
            Limit::Rate(rate) if is_counted_in_requests(rate) => over(scenario, class, limit, rate),
            _ => None,
        })
        .collect()
}

fn is_counted_in_requests(rate: &RateLimit) -> bool {
    rate.cost == Cost::One && rate.counts_statuses.is_empty()
}

fn over(scenario: &Scenario, class: &Class, limit: &Limit, rate: &RateLimit) -> Option<String> {
    let rule = scenario.identities.rule(&rate.scope);
    let most = per_budget(scenario, class, &rule).into_values().fold(0.0, f64::max) * rate.per.as_secs_f64();
    // What comes to the limit on average is over it at times, but that is for the run to show.
    (most > f64::from(rate.allow) * 1.001).then(|| {
        let most = trimmed(format!("{most:.1}"));
        let limit = words::limit_text(limit);
        format!(
            "the requests of {} come to {most} per {} of one budget on average, and {limit} are allowed",
            class.name, rate.per
        )
    })
}

/// How many requests of a class each budget has to bear, a second.
fn per_budget(scenario: &Scenario, class: &Class, rule: &KeyRule) -> HashMap<ScopeKey, f64> {
    let mut budgets: HashMap<ScopeKey, f64> = HashMap::new();
    for (group, spec) in scripted(scenario) {
        for (request, per_second) in paces(group, spec) {
            if !counts_in(scenario, request, class) {
                continue;
            }
            let (detail, values) = named(request);
            for index in 0..group.count {
                let asked = Asked { device: DeviceId(group.first.0 + index), operation: request.operation, detail };
                let other = Asked { detail: Detail::None, ..asked };
                // A value that is drawn anew each time spreads the requests, if the budget is that value's.
                let spread = if scenario.key(rule, asked) == scenario.key(rule, other) { 1.0 } else { values };
                *budgets.entry(scenario.key(rule, asked)).or_default() += per_second / spread;
            }
        }
    }
    budgets
}

fn counts_in(scenario: &Scenario, request: &RequestSpec, class: &Class) -> bool {
    let own = scenario.operations.get(request.operation).class;
    own.is_some_and(|own| scenario.policy.drawn_on(own).any(|id| scenario.policy.class(id).name == class.name))
}

/// What a request names, and out of how many.
fn named(request: &RequestSpec) -> (Detail, f64) {
    match &request.resource {
        Some(DrawnScope { keys, .. }) if !keys.is_empty() => (Detail::Resource(keys[0]), keys.len() as f64),
        _ => (Detail::None, 1.0),
    }
}

/// How many of each request one client of a group sends, a second.
fn paces<'a>(group: &'a Group, spec: &'a ClientSpec) -> impl Iterator<Item = (&'a RequestSpec, f64)> {
    spec.schedules.iter().flat_map(move |schedule| {
        let pace = pace(&schedule.arrivals, group.count);
        let all: u32 = schedule.choices.iter().map(|(_, weight)| weight).sum();
        let share = move |weight: u32| pace * f64::from(weight) / f64::from(all.max(1));
        schedule.choices.iter().map(move |(request, weight)| (&spec.requests[*request], share(*weight)))
    })
}

/// How often one of so many clients has an arrival, a second, in the long run; recorded times have no such thing.
fn pace(arrivals: &Arrivals, clients: u32) -> f64 {
    let pace = match &arrivals.shape {
        Shape::Cadence(cadence) => 1.0 / cadence.every.as_secs_f64(),
        Shape::Constant { per_second } | Shape::Poisson { per_second } => *per_second,
        Shape::Ramp { to_per_second, .. } => *to_per_second,
        Shape::Burst { size, every } => f64::from(*size) / every.as_secs_f64(),
        Shape::Times(_) => 0.0,
    };
    match arrivals.whose {
        Whose::Each => pace,
        Whose::Together => pace / f64::from(clients.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;
    use crate::yaml::Source;

    const POLICY: &str = "
name: p
classes:
  reads: {requests: [GET /orders, 'GET /cars/{car}'], limits: [{allow: 10, per: 10s, scope: account}]}
  cars: {requests: [GET /where], limits: [{allow: 1, per: 10s, scope: [account, car]}]}
  slow: {requests: [POST /reports], limits: [{concurrent: 2, scope: account}]}
  live: {requests: [WS /live], limits: [{concurrent: 2, scope: account}]}
  rest: {requests: [POST /rest], limits: [{allow: 500, per: month, scope: account}]}
scopes: {car: One car.}
";

    /// What is said of four clients with these requests, of one account or of one each.
    fn said(whose: &str, rest: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
        let path = folder.path().join("x.yaml");
        let identity = format!("identity: {{account: {whose}, car: {{any_of: 20}}}}");
        let text = format!("name: x\npolicy: p.yaml\nfleet: {{a: {{clients: {{count: 4, {identity}, {rest}}}}}}}\n");
        std::fs::write(&path, text).unwrap();
        let source = Source::read(&path).unwrap();
        warnings(&profile::load_source(&source).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn a_path_of_no_class_is_named_with_the_one_that_is_meant() {
        let said =
            said("own", "arrivals: {every: 5s}, requests: [{get: /order, weight: 2}, {get: /orders}, {get: /else}]");
        assert_eq!(
            said,
            [
                "`GET /order` is in no class of policy `p`, so no limit is held against it; did you mean `GET /orders`?",
                "`GET /else` is in no class of policy `p`, so no limit is held against it",
            ]
        );
    }

    #[test]
    fn what_is_asked_for_on_average_is_held_against_the_limit_of_each_budget() {
        let requests = "requests: [{get: /orders, arrivals: {poisson: {each: 0.3/s}}}, \
                        {get: '/cars/{uuid}', arrivals: {constant: {together: 0.4/s}}}]";
        assert_eq!(said("own", requests), [""; 0]);
        let over = "the requests of reads come to 16 per 10s of one budget on average, and 10 per 10s for each account are allowed";
        assert_eq!(said("shared", requests), [over]);
        let alike = "arrivals: {every: 400ms}, requests: [{get: /orders}, {post: /other, weight: 9}]";
        assert_eq!(said("shared", alike).len(), 1, "a tenth of 100 per 10s: {:?}", said("shared", alike));
        let bursts = "requests: [{get: /orders, arrivals: {burst: {together: {of: 11, every: 10s}}}}]";
        assert_eq!(said("shared", bursts).len(), 1);
        assert_eq!(said("own", bursts), [""; 0], "a quarter of them each");
    }

    #[test]
    fn values_that_are_drawn_spread_the_requests() {
        let requests = |pace: &str| {
            format!(
                "requests: [{{get: /where, query: {{car: '{{car}}'}}, arrivals: {{poisson: {{together: {pace}}}}}}}]"
            )
        };
        assert_eq!(said("shared", &requests("1.9/s")), [""; 0], "of 20 cars 1.9 a second is 0.95 in ten");
        assert_eq!(said("shared", &requests("2.1/s")).len(), 1);
    }

    #[test]
    fn what_a_run_cannot_show_is_said_before_it() {
        let month = said("shared", "requests: [{post: /rest, arrivals: {every: 1d}}]");
        assert!(month[0].starts_with("the run takes 1m, less than the window of rest ("), "{month:?}");
        let slow = said("shared", "requests: [{post: /reports, arrivals: {every: 5s}}], streams: [{open: /live}]");
        assert_eq!(slow.len(), 1, "streams are open together by themselves: {slow:?}");
        assert!(slow[0].starts_with("slow limits requests at the same time (2 at the same time for each account)"));
    }
}
