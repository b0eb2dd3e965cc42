//! Every bad input gets one clear error: what is wrong, where, and what to do. The cases are in `tests/diagnostics/`.

use std::path::Path;

use proptest::prelude::*;
use quotaproof::policy;
use quotaproof::profile;
use quotaproof::yaml::Source;

/// Compares each message of a file of cases: an input in a `yaml` block, and what is said about it in a `text` block.
fn compare(file: &str, message: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut now, mut cases, mut rest) = (String::new(), 0, text.as_str());
    while let Some((before, input, after)) = block(rest, "```yaml\n") {
        let (between, _, tail) = block(after, "```text\n").expect("a text block behind each yaml block");
        now.push_str(&format!("{before}```yaml\n{input}```{between}```text\n{}\n```", message(input).trim_end()));
        rest = tail;
        cases += 1;
    }
    now.push_str(rest);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert!(cases > 10, "{file} has only {cases} cases");
    for (said, expected) in now.split("\n## ").zip(text.split("\n## ")) {
        assert_eq!(said, expected, "see {file}; BLESS=1 writes what is said now");
    }
}

/// What stands before a fenced block, in it, and behind it.
fn block<'a>(text: &'a str, fence: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, rest) = text.split_once(fence)?;
    let end = rest.find("```")?;
    Some((before, &rest[..end], &rest[end + 3..]))
}

fn about_profile(text: &str) -> String {
    match profile::load_source(&Source::built_in("profile.yaml", text)) {
        Ok(_) => "accepted".to_owned(),
        Err(diagnosis) => diagnosis.to_string(),
    }
}

fn about_policy(text: &str) -> String {
    match policy::load(&Source::built_in("policy.yaml", text)) {
        Ok(_) => "accepted".to_owned(),
        Err(diagnosis) => diagnosis.to_string(),
    }
}

#[test]
fn bad_profiles_get_the_messages_that_are_documented() {
    compare("profile.md", about_profile);
}

#[test]
fn bad_scripts_get_the_messages_that_are_documented() {
    compare("clients.md", about_profile);
}

#[test]
fn bad_policies_get_the_messages_that_are_documented() {
    compare("policy.md", about_policy);
}

#[test]
fn a_yaml_bomb_is_refused_before_it_unfolds() {
    let mut text = "name: x\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    // `check` looks at all keys before it knows the language, so nothing but the budget stops the first two.
    let nested = format!("x: {}{}\n", "[".repeat(200), "]".repeat(200));
    let aliases = format!("silences: [&a x, {}]\n", vec!["*a"; 5_000].join(", "));
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("bomb", &text), ("nested", &nested), ("aliases", &aliases)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let said = quotaproof::cli::check::describe(&path).unwrap_err().to_string();
        assert!(said.starts_with("error: this document unfolds into more than is allowed\n"), "{name}: {said}");
        assert!(said.len() < 1_000, "{name}: {said}");
    }
    assert!(about_policy(&aliases).contains("unfolds into more than is allowed"), "{}", about_policy(&aliases));
}

#[test]
fn the_same_place_is_named_for_a_policy_that_a_profile_refers_to() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("p.yaml");
    std::fs::write(&profile, "name: x\npolicy: q.yaml\nfleet: {a: {chargers: {count: 1}}}\n").unwrap();
    std::fs::write(folder.path().join("q.yaml"), "name: q\nclasses: {}\n").unwrap();
    let said = profile::load(&profile).unwrap_err().to_string();
    assert!(said.contains("q.yaml:2:10"), "{said}");
}

#[test]
fn a_policy_in_the_place_of_a_profile_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q.yaml");
    std::fs::write(&path, "name: q\ntitle: Q\nclasses: {a: {requests: [GET /a]}}\n").unwrap();
    let said = profile::load(&path).unwrap_err().to_string();
    assert!(said.contains("q.yaml is a policy, and a profile is needed here"), "{said}");
}

#[test]
fn what_is_no_file_is_answered_with_the_built_in_names() {
    let said = profile::load(Path::new("tellus-depo")).unwrap_err().to_string();
    assert!(said.starts_with("error: tellus-depo does not exist\n"), "{said}");
    assert!(said.contains("did you mean `tellus-depot`?"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_to_a_profile_makes_reading_it_panic(at in 0usize..4_000, cut in 0usize..40, paste in r"[\PC\n]{0,6}") {
        let source = profile::load::builtin_source("tellus-depot").unwrap();
        let mut text: Vec<char> = source.text().chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, paste.chars());
        let text: String = text.into_iter().collect();
        let said = about_profile(&text);
        prop_assert!(said == "accepted" || said.starts_with("error: "), "{}", said);
    }
}
