//! Every shipped policy passes `check`, is printed as what it was, and does what its provider's words say: the worked
//! examples of `tests/policies/` are played through the enforcer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use indexmap::IndexMap;
use quotaproof::limiter::enforcer::{Answered, Enforcer};
use quotaproof::policy::model::{ClassId, Limit, Policy, Scope};
use quotaproof::policy::reading::Reading;
use quotaproof::policy::{self, print};
use quotaproof::scenario::target::ServerSpec;
use quotaproof::time::{Anchor, Nanos};
use quotaproof::yaml::quantity::{Delay, Length, Name};
use quotaproof::yaml::{Diagnosis, Located, Source, parse};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    #[allow(dead_code, reason = "for the reader")]
    source: Option<String>,
    examples: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    name: String,
    readings: Option<Vec<Reading>>,
    starts: Option<String>,
    #[serde(default)]
    throttled: bool,
    steps: Vec<Located<Step>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: Delay,
    #[serde(default = "one")]
    send: u32,
    #[serde(default = "one")]
    times: u32,
    every: Option<Length>,
    of: Option<String>,
    r#in: Option<Name>,
    #[serde(default)]
    r#as: IndexMap<String, u64>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    takes: Delay,
    costs: Option<u32>,
    #[serde(default)]
    expect: Expected,
}

fn one() -> u32 {
    1
}

fn ok() -> u16 {
    200
}

/// What a step is expected to bring; what it does not name is not compared.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    served: Option<u32>,
    refused: Option<u32>,
    wait: Option<Delay>,
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Delay>,
}

impl Step {
    fn class(&self, policy: &Policy) -> Option<ClassId> {
        match (&self.of, &self.r#in) {
            (Some(request), None) => {
                let (method, path) = request.split_once(' ')?;
                policy.classify(method, path.split('?').next()?)
            }
            (None, Some(name)) => policy.class_named(&name.0),
            _ => None,
        }
    }

    fn key(&self, scope: &Scope) -> u64 {
        let values: Vec<u64> = scope.0.iter().map(|name| self.r#as.get(name).copied().unwrap_or(0)).collect();
        let mut hasher = DefaultHasher::new();
        values.hash(&mut hasher);
        hasher.finish()
    }
}

/// A request that was admitted and is not answered yet.
struct Open<'a> {
    step: &'a Step,
    class: ClassId,
    since: Nanos,
    until: Nanos,
}

struct Play<'a> {
    enforcer: Enforcer,
    open: Vec<Open<'a>>,
}

impl<'a> Play<'a> {
    /// Answers what is due until then, in the order in which it is.
    fn answer(&mut self, now: Nanos) {
        self.open.sort_by_key(|open| open.until);
        while self.open.first().is_some_and(|open| open.until <= now) {
            let Open { step, class, since, until } = self.open.remove(0);
            let answered = Answered { since, status: step.status, charged: step.costs };
            self.enforcer.settle(until, class, 0, |scope| step.key(&scope.scope), &answered);
            self.enforcer.release(class, since, 0, |scope| step.key(&scope.scope));
        }
    }

    /// Sends a step's requests; the wrong expectations, in words.
    fn step(&mut self, step: &'a Step, class: ClassId) -> Vec<String> {
        let every = step.every.map_or(Nanos::ZERO, |every| every.0);
        let (mut served, mut refused, mut wait, mut now) = (0, 0, None, step.at.0);
        for time in 0..step.times {
            now = step.at.0 + every * u64::from(time);
            for _ in 0..step.send {
                self.answer(now);
                match self.enforcer.check(now, class, 0, |scope| step.key(&scope.scope)) {
                    Ok(()) => {
                        served += 1;
                        self.open.push(Open { step, class, since: now, until: now + step.takes.0 });
                    }
                    Err(told) => {
                        refused += 1;
                        wait = Some(Delay(told.retry_after));
                    }
                }
            }
        }
        self.answer(now);
        let standing =
            self.enforcer.standing(now, class, 0, |scope| step.key(&scope.scope)).map(|binding| binding.standing);
        let expect = &step.expect;
        [
            differ("served", expect.served, Some(served)),
            differ("refused", expect.refused, Some(refused)),
            differ("wait", expect.wait, wait),
            differ("limit", expect.limit, standing.map(|standing| standing.limit)),
            differ("remaining", expect.remaining, standing.map(|standing| standing.remaining)),
            differ("reset", expect.reset, standing.map(|standing| Delay(standing.reset))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, expected: Option<T>, found: Option<T>) -> Option<String> {
    (expected.is_some() && expected != found).then(|| format!("{what}: {expected:?} is expected, {found:?} came"))
}

/// Plays the examples of a policy; every wrong one, in words.
fn play_all(policy: &Policy, source: &Source) -> Vec<String> {
    let examples: Examples = parse(source).unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = Vec::new();
    let mut expected = 0;
    for example in &examples.examples {
        for reading in readings(policy, source, example) {
            for (step, problems) in play(policy, source, example, reading) {
                let title = format!("`{}` by {}: {}", example.name, reading.title(), problems.join("; "));
                wrong.push(Diagnosis::at(source, step.place, title).to_string());
            }
        }
        expected += example.steps.iter().filter(|step| step.expect.served.is_some()).count();
    }
    assert!(expected > 0, "{} expects nothing", source.name());
    wrong
}

fn play<'a>(
    policy: &Policy,
    source: &Source,
    example: &'a Example,
    reading: Reading,
) -> Vec<(&'a Located<Step>, Vec<String>)> {
    let anchor = example.starts.as_ref().map_or(0, |starts| {
        let time: jiff::Timestamp = starts.parse().unwrap_or_else(|error| panic!("{}: {error}", source.name()));
        u64::try_from(time.as_nanosecond()).unwrap()
    });
    let server = ServerSpec { limiter: reading, throttle: example.throttled, ..ServerSpec::default() };
    let enforcer = Enforcer::new(policy, &server).anchored(Anchor { unix_nanos: anchor });
    let mut play = Play { enforcer, open: Vec::new() };
    let steps = example.steps.iter().map(|step| (step, play.step(step, class(policy, source, step))));
    steps.filter(|(_, problems)| !problems.is_empty()).collect()
}

fn class(policy: &Policy, source: &Source, step: &Located<Step>) -> ClassId {
    step.class(policy).unwrap_or_else(|| panic!("{}", Diagnosis::at(source, step.place, "this is in no class")))
}

/// The readings that the example names, or all that the limits of its requests allow.
fn readings(policy: &Policy, source: &Source, example: &Example) -> Vec<Reading> {
    if let Some(readings) = &example.readings {
        return readings.clone();
    }
    let mut readings: Vec<Reading> = Vec::new();
    for step in &example.steps {
        let limits = policy.drawn_on(class(policy, source, step)).flat_map(|class| &policy.class(class).limits);
        let allowed = limits.flat_map(|limit| match limit {
            Limit::Rate(rate) => rate.readings(),
            Limit::Concurrent(_) | Limit::Cooldown(_) => &[],
        });
        readings.extend(allowed);
    }
    readings.sort_unstable();
    readings.dedup();
    if readings.is_empty() { vec![Reading::Rolling] } else { readings }
}

fn examples_of(name: &str) -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(format!("{name}.yaml"));
    Source::read(&path).unwrap_or_else(|error| panic!("`{name}` has no worked examples: {error}"))
}

#[test]
fn every_shipped_policy_does_what_its_worked_examples_say() {
    for name in policy::builtin_names() {
        let wrong = play_all(&policy::builtin(name).unwrap(), &examples_of(name));
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

#[test]
fn every_policy_on_disk_is_built_in_under_its_file_name_and_the_other_way_round() {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/policies")).unwrap();
    let mut on_disk: Vec<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    on_disk.sort_unstable();
    let mut built_in: Vec<&str> = policy::builtin_names().collect();
    built_in.sort_unstable();
    assert_eq!(on_disk, built_in, "list the files in src/policy/load/builtin.rs");
    for name in built_in {
        assert_eq!(policy::builtin(name).unwrap().name, name);
    }
}

#[test]
fn every_shipped_policy_has_its_source_and_passes_check() {
    for name in policy::builtin_names() {
        let policy = policy::builtin(name).unwrap();
        assert!(policy.source.is_some_and(|source| source.starts_with("https://")), "{name} has no source");
        let line = quotaproof::cli::check::describe(Path::new(name)).unwrap_or_else(|error| panic!("{error}"));
        assert!(line.starts_with(&format!("policy `{name}`: ")), "{line}");
    }
}

#[test]
fn every_shipped_policy_is_printed_as_what_it_was() {
    for name in policy::builtin_names() {
        let policy = policy::builtin(name).unwrap();
        let text = print::to_yaml(&policy);
        let again = policy::load(&Source::built_in("printed.yaml", &text)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, Policy { hash: again.hash.clone(), ..policy }, "{name}");
    }
}

/// The examples can be wrong: each kind of expectation is missed when it is bent.
#[test]
fn an_example_that_is_wrong_is_told() {
    let text = "name: x\nclasses: {a: {requests: [GET /a], limits: [{allow: 2, per: 1m, scope: user}]}}";
    let policy = policy::load(&Source::built_in("x.yaml", text)).unwrap();
    let played = |expect: &str| {
        let steps = format!("[{{at: 5s, send: 3, of: GET /a, expect: {{served: 2, {expect}}}}}]");
        let text = format!("examples: [{{name: e, readings: [rolling], steps: {steps}}}]");
        play_all(&policy, &Source::built_in("e.yaml", &text)).len()
    };
    assert_eq!(played("refused: 1, wait: 60s, limit: 2, remaining: 0, reset: 60s"), 0);
    for wrong in ["refused: 2", "wait: 59s", "limit: 3", "remaining: 1", "reset: 61s"] {
        assert_eq!(played(wrong), 1, "{wrong}");
    }
}
