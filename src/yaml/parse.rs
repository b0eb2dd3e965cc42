//! YAML into a document type, with errors in our own words.

use serde::de::DeserializeOwned;
use serde_yaml::{Error, MessageFormatter};

use super::diagnosis::{Diagnosis, shown};
use super::located::Place;
use super::source::{self, Source};
use super::suggest;

/// Reads one YAML document. Errors of custom types are `what is wrong`, a line break, `what to do`.
pub fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Diagnosis> {
    if source.text().lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        return Err(source::empty(source.name()));
    }
    serde_yaml::from_str_with_options(source.text(), options()).map_err(|error| diagnose(source, &error))
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        // Far above what a fleet needs, far below what would hurt.
        budget: serde_yaml::budget! {
            max_events: 100_000,
            max_nodes: 50_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_depth: 24,
            max_documents: 2,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
        },
    }
}

fn diagnose(source: &Source, error: &Error) -> Diagnosis {
    let (title, help) = words(error);
    let diagnosis = match error.location().filter(|location| location.line() > 0) {
        Some(location) => Diagnosis::at(source, Place::from(location), title),
        None => Diagnosis::new(format!("{}: {title}", source.name())),
    };
    let diagnosis = if help.is_empty() { diagnosis } else { diagnosis.help(help) };
    let line = error.location().and_then(|location| source.text().lines().nth((location.line() as usize).max(1) - 1));
    match line.and_then(bare_braces) {
        Some(text) => diagnosis.help(format!("put what holds braces in quotes: `\"{}\"`", shown(text))),
        None => diagnosis,
    }
}

/// A path with braces that stands without quotes in `[…]` or `{…}`, where YAML takes the braces for a mapping: the text that
/// belongs in quotes.
fn bare_braces(line: &str) -> Option<&str> {
    let brace = line.match_indices("/{").map(|(at, _)| at).find(|at| !is_quoted(&line[..*at]))?;
    let opened = line[..brace].rfind(['[', '{'])?;
    let before = &line[..brace];
    let start = [", ", ": ", "[", "{"].iter().filter_map(|mark| before.rfind(mark).map(|at| at + mark.len())).max();
    let start = start.filter(|start| *start > opened)?;
    let end = line[brace..].rfind('}').map(|_| end_of(&line[brace..]) + brace)?;
    Some(line[start..end].trim())
}

/// Where a text that holds braces ends: at the first mark outside of them.
fn end_of(text: &str) -> usize {
    let mut open = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' if open > 0 => open -= 1,
            ',' | ']' | '}' | ' ' if open == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Whether what follows stands inside quotes.
fn is_quoted(before: &str) -> bool {
    before.matches('"').count() % 2 == 1 || before.matches('\'').count() % 2 == 1
}

/// What is wrong, and what to do.
fn words(error: &Error) -> (String, String) {
    let pair = |title: &str, help: &str| (title.to_owned(), help.to_owned());
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => words(error),
        Error::Message { msg, .. } => match msg.split_once('\n') {
            Some((title, help)) => pair(title, help),
            None => pair(msg, ""),
        },
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{}`", shown(field)), suggest::advice(field, expected.iter().copied()))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown word `{}`", shown(variant)), suggest::advice(variant, expected.iter().copied()))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("`{field}` is missing here"), format!("add `{field}:` to this mapping"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            (format!("`{}` stands here twice", shown(key)), "give each its own name, or merge the two".to_owned())
        }
        Error::InvalidBooleanStrict { .. } => pair("this is neither `true` nor `false`", "write `true` or `false`"),
        Error::NullIntoString { .. } => pair("a value is missing here", "write it after the colon, or drop the key"),
        Error::Unexpected { expected, .. } => unexpected(expected),
        Error::InvalidScalar { .. } => pair("a whole number is expected here", "write digits, without a unit"),
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            (format!("{expected} is expected here, not {unexpected}"), String::new())
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            pair("a word or a mapping is expected here", "write `key: value`")
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            pair("only one of these can be chosen", "keep one key of this mapping and drop the others")
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "this document unfolds into more than is allowed".to_owned(),
            "use fewer anchors, aliases and levels; describe like devices as one group with a `count`".to_owned(),
        ),
        Error::MultipleDocuments { .. } => pair("a second document begins here", "put each in a file of its own"),
        _ => (format!("this is not valid YAML: {}", plain(error)), String::new()),
    }
}

fn plain(error: &Error) -> String {
    shown_long(&serde_yaml::DefaultMessageFormatter.format_message(error))
}

fn shown_long(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn unexpected(expected: &str) -> (String, String) {
    let (title, help) = match expected {
        "mapping start" => ("a mapping is expected here", "write `key: value` pairs, indented or in `{}`"),
        "sequence start" => ("a list is expected here", "begin each entry with `- `, or write `[a, b]`"),
        "string scalar" | "scalar" => ("a single value is expected here, not a list or mapping", "write one value"),
        "mapping end" => ("only one of these can be chosen", "keep one key of this mapping and drop the others"),
        other => return (format!("{other} is expected here"), String::new()),
    };
    (title.to_owned(), help.to_owned())
}
