//! `quotaproof check FILE…`: profiles and policies, told apart by their keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::show;
use crate::exit::Exit;
use crate::policy::model::Policy;
use crate::profile::kind::{Kind, kind};
use crate::profile::warnings::warnings;
use crate::report::text;
use crate::scenario::Scenario;
use crate::scenario::words::behaviour;
use crate::yaml::{Diagnosis, suggest};
use crate::{policy, profile, reference};

/// Checks every file, and says what each good one holds and what is wrong with each bad one; `styled` with terminal
/// colours.
pub fn run(paths: &[PathBuf], styled: bool, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut exit = Exit::Pass;
    for path in paths {
        match describe(path) {
            Ok(text) => show(out, &format!("{}: {text}\n", path.display())),
            Err(diagnosis) => {
                exit = Exit::Usage;
                show(err, &format!("{}\n\n", diagnosis.render(styled)));
            }
        }
    }
    exit
}

/// What a file holds, in one line, and below it what scripted clients do, or what of a provider's words a policy
/// loses. A built-in name stands for its text where there is no such file.
pub fn describe(path: &Path) -> Result<String, Diagnosis> {
    let built_in = path.to_str().filter(|_| !path.exists()).and_then(policy::load::builtin_source);
    let source = built_in.map_or_else(|| profile::load::find(path), Ok).map_err(|diagnosis| match path.exists() {
        true => diagnosis,
        false => diagnosis.help(format!("or a built-in policy; {}", built_in_policies(path))),
    })?;
    match kind(&source)? {
        Kind::Profile => {
            let scenario = profile::load_source(&source)?;
            reference::check_unfilled(&scenario)?;
            Ok(profile_text(&scenario))
        }
        Kind::Policy => policy::load(&source).map(|policy| policy_line(&policy) + &lost_lines(&policy)),
    }
}

fn built_in_policies(path: &Path) -> String {
    suggest::advice(path.to_str().unwrap_or_default(), policy::builtin_names())
}

/// One line, and below it what scripted clients do: nothing but the profile says that.
fn profile_text(scenario: &Scenario) -> String {
    let mut text = profile_line(scenario);
    for group in scenario.groups.iter().filter(|group| !group.kind.speaks_tellus()) {
        text.push_str(&format!("\n  {}, {}:", group.name, counted(group.count as usize, "client")));
        behaviour(scenario, group).iter().for_each(|line| text.push_str(&format!("\n    {line}")));
    }
    warnings(scenario).iter().for_each(|warning| text.push_str(&labelled("warning", warning)));
    text
}

fn profile_line(scenario: &Scenario) -> String {
    format!(
        "profile `{}`: {} in {}, {}, {}, {} under policy `{}`",
        scenario.name,
        counted(scenario.device_count() as usize, "device"),
        counted(scenario.groups.len(), "group"),
        counted(scenario.events.len(), "event"),
        counted(scenario.gates.len(), "gate"),
        scenario.duration,
        scenario.policy.name
    )
}

fn policy_line(policy: &Policy) -> String {
    let limits = policy.classes.iter().map(|class| class.limits.len()).sum();
    format!(
        "policy `{}`: {}, {}, {}",
        policy.name,
        if policy.classes.len() == 1 { "1 class".to_owned() } else { format!("{} classes", policy.classes.len()) },
        counted(limits, "limit"),
        counted(policy.silences.len(), "silence")
    )
}

/// What the provider says and the policy cannot, under the policy's line.
fn lost_lines(policy: &Policy) -> String {
    policy.lost.iter().map(|lost| labelled("lost", lost)).collect()
}

/// A text on lines of its own, under its label.
fn labelled(label: &str, body: &str) -> String {
    let start = format!("  {label}: ");
    let indent = " ".repeat(start.len());
    let lines = text::wrap(&text::clean(body), COLUMNS - start.len());
    let line = |(index, line): (usize, &String)| format!("\n{}{line}", if index == 0 { &start } else { &indent });
    lines.iter().enumerate().map(line).collect()
}

const COLUMNS: usize = 80;

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)]) -> (Exit, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            paths.push(path);
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(&paths, false, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", folder.path().display()), "");
        (exit, text(out), text(err))
    }

    const GOOD: &str = "name: good\npolicy: tellus\nfleet: {depot: {chargers: {count: 3}}}\n";
    const POLICY: &str = "name: p\nclasses: {a: {requests: [GET /x]}}\n";

    #[test]
    fn a_good_file_is_described_in_one_line() {
        let (exit, out, err) = check(&[("a.yaml", GOOD), ("b.yaml", POLICY)]);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        assert_eq!(
            out,
            "a.yaml: profile `good`: 3 devices in 1 group, 0 events, 0 gates, 1m under policy `tellus`\n\
             b.yaml: policy `p`: 1 class, 0 limits, 0 silences\n"
        );
    }

    #[test]
    fn scripted_clients_are_described_in_words() {
        let script = "name: shop\npolicy: b.yaml\nfleet:\n  backend:\n    clients:\n      count: 3\n      \
             identity: {account: shared, order: {any_of: 50}, site: {one_of: [a, b]}}\n      \
             connections: pooled\n      auth: {api_key: {header: X-Api-Key, env: KEY}}\n      \
             arrivals: {poisson: {together: 20/s}}\n      requests:\n        - {get: /x, query: {site: '{site}'}, weight: 3}\n        \
             - {get: '/y/{order}', pages: {next: /next}}\n        \
             - {post: /y, arrivals: {every: 5s, jitter: 10%}, \
             then: {poll: '/y/{id}', id: /id, until: {at: /status, is: [done, failed]}}}\n      \
             streams: [{open: /z}]\n";
        let (exit, out, err) = check(&[("b.yaml", POLICY), ("a.yaml", script)]);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        insta::assert_snapshot!(out, @r"
        b.yaml: policy `p`: 1 class, 0 limits, 0 silences
        a.yaml: profile `shop`: 3 devices in 1 group, 0 events, 0 gates, 1m under policy `p`
          backend, 3 clients:
            identity: one account in all; 50 values of order, one for each request; 2 values of site, dealt out
            start all at once
            pooled connections
            an API key in the header X-Api-Key
            20/s from 3 clients together on average, at random:
            75% of them GET /x (a)
            25% of them GET /y/{order} (in no class), page by page, at most 50
            every 5s (jitter 10%) from each client:
            POST /y (in no class), then GET /y/{id} (in no class) every 2s until it is done or failed, at most 30 times
            a stream WS /z (in no class), opened again after 5s when lost
            at most 100 under way for each; answers within 30s
            when refused: wait as told; without a hint wait 1s, doubled each time up to 30s, plus up to 30% of it; 6 attempts in all
          warning: `GET /y/{order}` is in no class of policy `p`, so no limit is held
                   against it
          warning: `POST /y` is in no class of policy `p`, so no limit is held against
                   it
          warning: `GET /y/{id}` is in no class of policy `p`, so no limit is held
                   against it
          warning: `WS /z` is in no class of policy `p`, so no limit is held against it
        ");
    }

    #[test]
    fn one_bad_file_does_not_hide_another() {
        let (exit, out, err) = check(&[("a.yaml", "name: x\n"), ("b.yaml", GOOD), ("c.yaml", "fleet: {}\n")]);
        assert_eq!(exit, Exit::Usage);
        assert_eq!(out.lines().count(), 1);
        assert!(err.contains("error: a.yaml is neither a profile nor a policy"), "{err}");
        assert!(err.contains("c.yaml:1:1"), "{err}");
    }

    #[test]
    fn a_reader_that_has_gone_changes_no_exit_code() {
        use super::super::testing::Gone;
        let good = [PathBuf::from("tellus")];
        assert_eq!(run(&good, false, &mut Gone, &mut Gone), Exit::Pass);
        assert_eq!(run(&[PathBuf::from("/nowhere.yaml")], false, &mut Gone, &mut Gone), Exit::Usage);
    }

    #[test]
    fn what_a_policy_loses_is_said_under_its_line() {
        let lost = format!("{POLICY}lost:\n  - One.\n  - {}\n", "Two words. ".repeat(8).trim_end());
        let (exit, out, err) = check(&[("a.yaml", &lost), ("b.yaml", POLICY)]);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        assert_eq!(
            out,
            "a.yaml: policy `p`: 1 class, 0 limits, 0 silences\n  lost: One.\n  \
             lost: Two words. Two words. Two words. Two words. Two words. Two words. Two\n        words. Two words.\n\
             b.yaml: policy `p`: 1 class, 0 limits, 0 silences\n"
        );
    }

    #[test]
    fn a_misspelt_key_is_told_where_it_hides_what_the_file_is() {
        let (exit, _, err) = check(&[("a.yaml", &POLICY.replace("classes", "clases"))]);
        assert_eq!(exit, Exit::Usage);
        assert!(err.contains("did you mean `classes` by `clases`?"), "{err}");
    }

    #[test]
    fn a_profile_may_say_the_classes_of_its_requests() {
        let profile = "name: x\npolicy: telair\nclasses: {light: [GET /contacts]}\nfleet: {a: {clients: {count: 1, \
                       identity: {user: own}, requests: [{get: /contacts, arrivals: {every: 5s}}]}}}\n";
        let (exit, out, err) = check(&[("a.yaml", profile)]);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        assert!(out.starts_with("a.yaml: profile `x`"), "{out}");
    }

    #[test]
    fn requests_that_the_embedded_server_would_count_otherwise_are_no_good_profile() {
        let policy = "name: p\nclasses: {a: {requests: [GET /x], limits: [{allow: 9, per: 1s, scope: user}]}}\n";
        let profile = "name: x\npolicy: b.yaml\nfleet: {a: {clients: {count: 2, identity: {user: own}, \
                       requests: [{get: /x, arrivals: {every: 5s}}]}}}\n";
        let (exit, _, err) = check(&[("b.yaml", policy), ("a.yaml", profile)]);
        assert_eq!(exit, Exit::Usage);
        assert!(err.contains("cannot tell the `user` of a/0 and of a/1 apart"), "{err}");
        let elsewhere = profile.replace("fleet:", "target: {url: \"http://127.0.0.1:9\"}\nfleet:");
        assert_eq!(check(&[("b.yaml", policy), ("a.yaml", &elsewhere)]).0, Exit::Pass, "of others nothing is known");
    }

    #[test]
    fn built_in_names_can_be_checked_too() {
        assert!(describe(Path::new("tellus")).unwrap().starts_with("policy `tellus`: 6 classes, 6 limits"));
        assert!(describe(Path::new("tellus-depot")).unwrap().starts_with("profile `tellus-depot`: 202 devices"));
    }
}
