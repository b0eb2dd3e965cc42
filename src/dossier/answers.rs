//! What only a person knows, from a small YAML file. Everything is optional: what is missing becomes an open item of the
//! dossier. The comments on these types are the descriptions in its JSON Schema, so they are written for users.

use std::borrow::Cow;
use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};

use super::model::Term;
use crate::summary::QuotaUse;
use crate::summary::plan::Grant;
use crate::words::plural;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Name, Whole};
use crate::yaml::{Diagnosis, Located, Source, parse, suggest};

/// The template that `quotaproof dossier --template` prints.
pub const TEMPLATE: &str = include_str!("answers.yaml");

/// What is asked for and by whom, in the requester's words.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// Who asks.
    pub company: Option<Line>,
    /// A person and how to reach them.
    pub contact: Option<Line>,
    /// What the provider knows you by: an account, a client_id. Never a secret.
    pub account: Option<Line>,
    /// `production`, `sandbox`, …
    pub environment: Option<Line>,
    /// What the quota is needed for, in two or three sentences.
    pub use_case: Option<Paragraph>,
    /// From which day, such as 2026-12-01.
    pub from: Option<Day>,
    /// Until which day, or `permanent`.
    pub until: Option<Until>,
    /// The quotas to ask for, where they are not to be the computed ones.
    pub quotas: Vec<QuotaAnswer>,
    /// What the figures take for granted, one sentence each.
    pub assumptions: Vec<Paragraph>,
    /// How the fleet will grow, and by when.
    pub growth: Option<Paragraph>,
    /// What has been done to need less, one sentence each.
    pub mitigations: Vec<Paragraph>,
    /// What happens when the quota is to go back to what it was.
    pub rollback: Option<Paragraph>,
    /// Who watches the use of the quota, with what, and what they do.
    pub monitoring: Option<Paragraph>,
}

/// The value to ask for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaAnswer {
    /// The class whose limit it is.
    pub class: Located<Name>,
    /// Which of the class's limits, counted from 1 as `quotaproof policy show` lists them; 1 when left out.
    pub limit: Option<Located<Whole<1, 100>>>,
    /// Instead of what the limit allows now, in its own unit and window.
    pub requested: Located<Whole<1, { u32::MAX }>>,
    /// What may come at once, of a limit that has a burst of its own; as much as now when left out.
    pub burst: Option<Located<Whole<1, { u32::MAX }>>>,
}

/// Text on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line(pub String);

/// A few sentences.
#[derive(Clone, Debug, PartialEq)]
pub struct Paragraph(pub String);

/// A day of the calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Day(pub String);

/// The end of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Until(pub Term);

/// Reads the answers.
///
/// # Errors
/// What is wrong in the file, where, and what to do.
pub fn read(source: &Source) -> Result<Answers, Diagnosis> {
    // The template as it is printed: everything is left open.
    let says_nothing = source.text().lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if says_nothing {
        return Ok(Answers::default());
    }
    let answers: Answers = parse(source)?;
    if let (Some(Day(from)), Some(Until(Term::Until(until)))) = (&answers.from, &answers.until)
        && until < from
    {
        return Err(Diagnosis::new(format!("{}: `until` ({until}) lies before `from` ({from})", source.name()))
            .help("swap the two days, or write `until: permanent`"));
    }
    Ok(answers)
}

impl QuotaAnswer {
    /// Which of the class's limits is meant, from 0.
    pub fn index(&self) -> usize {
        self.limit.map_or(0, |limit| limit.value.0 as usize - 1)
    }
}

/// Whether the quotas that are asked for by name are the policy's, and more than it allows.
///
/// # Errors
/// Which one is not, where it stands, and what to do.
pub fn fit(answers: &Answers, source: &Source, quotas: &[QuotaUse]) -> Result<(), Diagnosis> {
    let mut seen = HashSet::new();
    for answer in &answers.quotas {
        let class = answer.class.value.0.as_str();
        let limits: Vec<&QuotaUse> = quotas.iter().filter(|quota| quota.class == class).collect();
        if limits.is_empty() {
            let title = format!("no class with limits is called `{}`", shown(class));
            let advice = suggest::advice(class, quotas.iter().map(|quota| quota.class.as_str()));
            return Err(Diagnosis::at(source, answer.class.place, title).help(advice));
        }
        let place = answer.limit.map_or(answer.class.place, |limit| limit.place);
        let Some(limit) = limits.get(answer.index()) else {
            let title = format!("`{class}` has {}", plural(limits.len() as u64, "limit"));
            return Err(
                Diagnosis::at(source, place, title).help("count from 1, as `quotaproof policy show` lists them")
            );
        };
        if !seen.insert((class, answer.index())) {
            let title = format!("`{class}` is asked for twice");
            return Err(Diagnosis::at(source, place, title).help("keep one of the two"));
        }
        fit_limit(answer, source, limit)?;
    }
    Ok(())
}

/// Whether it is more of this limit.
fn fit_limit(answer: &QuotaAnswer, source: &Source, limit: &QuotaUse) -> Result<(), Diagnosis> {
    let class = &limit.class;
    let today = limit.grant();
    if let (Some(stated), None) = (answer.burst, today.burst) {
        let title = format!("this limit of `{class}` has no burst of its own ({})", limit.limit);
        return Err(Diagnosis::at(source, stated.place, title).help("drop `burst`"));
    }
    let allowed = |place, what: String, help: &str| {
        let title = format!("`{class}` allows {what} already ({})", limit.limit);
        Err(Diagnosis::at(source, place, title).help(help))
    };
    let wish = Grant { rate: answer.requested.value.0, burst: answer.burst.map(|burst| burst.value.0).or(today.burst) };
    match (answer.burst, today.burst) {
        (Some(stated), Some(burst)) if stated.value.0 < burst => {
            allowed(stated.place, format!("a burst of {burst}"), "ask for at least as much, or drop `burst`")
        }
        _ if wish.rate < today.rate || !wish.exceeds(&today) => {
            allowed(answer.requested.place, today.to_string(), "ask for more, or drop the entry")
        }
        _ => Ok(()),
    }
}

const LONGEST_LINE: usize = 160;
const LONGEST_PARAGRAPH: usize = 600;

/// Text without line breaks and of bounded length: every form that these reach has bounds of its own.
fn text<'de, D: Deserializer<'de>>(deserializer: D, longest: usize) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().count() {
        0 => Err(D::Error::custom(
            "there is nothing in this text\nfill it in, or drop the key: it then stays an open item",
        )),
        long if long > longest => Err(D::Error::custom(format!(
            "this text has {long} characters, {longest} are allowed\nsay it more briefly"
        ))),
        _ => Ok(text),
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, LONGEST_LINE).map(Line)
    }
}

impl<'de> Deserialize<'de> for Paragraph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, LONGEST_PARAGRAPH).map(Paragraph)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        day(&String::deserialize(deserializer)?).map(Day).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "permanent" {
            return Ok(Until(Term::Permanent));
        }
        day(&text).map(|day| Until(Term::Until(day))).map_err(D::Error::custom)
    }
}

fn day(text: &str) -> Result<String, String> {
    let date: Result<jiff::civil::Date, _> = text.parse();
    // The parser takes more forms than the one that everybody reads alike.
    date.ok().map(|date| date.to_string()).filter(|date| date == text).ok_or_else(|| {
        format!("`{}` is no day of the calendar\nwrite it as year-month-day, such as 2026-12-01", shown(text))
    })
}

macro_rules! text_schema {
    ($type:ident, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_schema!(Line, { "type": "string", "minLength": 1, "maxLength": LONGEST_LINE });
text_schema!(Paragraph, { "type": "string", "minLength": 1, "maxLength": LONGEST_PARAGRAPH });
text_schema!(Day, { "type": "string", "format": "date", "examples": ["2026-12-01"] });
text_schema!(Until, { "type": "string", "examples": ["permanent", "2027-03-31"] });

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Answers, Diagnosis> {
        read(&Source::built_in("answers.yaml", text))
    }

    fn error(text: &str) -> String {
        read_text(text).unwrap_err().render(false)
    }

    #[test]
    fn the_template_is_read_and_answers_nothing_until_it_is_filled_in() {
        // With every line that is commented out taken in, it answers all.
        let filled: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(if line.starts_with('#') { "" } else { line }))
            .map(|line| format!("{line}\n"))
            .collect();
        let answers = read_text(&filled).unwrap_or_else(|error| panic!("{error}\n{filled}"));
        assert!(answers.company.is_some() && answers.until.is_some() && answers.monitoring.is_some());
        assert_eq!(answers.quotas.len(), 1);
        let keys = schemars::schema_for!(Answers);
        for key in keys.as_value()["properties"].as_object().unwrap().keys() {
            assert!(filled.contains(&format!("{key}:")), "the template has no `{key}`");
        }
        assert!(TEMPLATE.lines().all(|line| line.is_empty() || line.starts_with('#')), "nothing is answered unasked");
    }

    #[test]
    fn mistakes_are_told_where_they_are_with_what_to_do() {
        insta::assert_snapshot!(error("company: Depot Ltd\ncontakt: me\n"));
        insta::assert_snapshot!(error("from: 1.12.2026\n"));
        insta::assert_snapshot!(error("until: forever\n"));
        insta::assert_snapshot!(error("from: 2026-12-01\nuntil: 2026-11-30\n"));
        insta::assert_snapshot!(error("company: ''\n"));
        insta::assert_snapshot!(error("quotas: {queries: 120}\n"));
        assert!(error(&format!("company: {}", "x".repeat(161))).contains("161 characters, 160 are allowed"));
    }

    #[test]
    fn a_quota_that_the_policy_does_not_have_or_grants_already_is_refused() {
        let quotas = crate::report::sample::failing().quotas;
        let unfit = |text: &str| {
            let source = Source::built_in("answers.yaml", text);
            fit(&read(&source).unwrap(), &source, &quotas).map_err(|diagnosis| diagnosis.render(false))
        };
        assert_eq!(unfit("quotas: [{class: queries, requested: 61}]"), Ok(()));
        insta::assert_snapshot!(unfit("quotas: [{class: querys, requested: 120}]").unwrap_err());
        insta::assert_snapshot!(unfit("quotas: [{class: queries, limit: 2, requested: 120}]").unwrap_err());
        insta::assert_snapshot!(unfit("quotas: [{class: queries, requested: 60}]").unwrap_err());
        let twice = "quotas:\n  - {class: queries, requested: 90}\n  - {class: queries, requested: 80}\n";
        insta::assert_snapshot!(unfit(twice).unwrap_err());
    }

    #[test]
    fn a_day_that_does_not_exist_is_refused() {
        for day in ["2026-02-30", "2026-1-1", "20261201", "2026-12-01T00:00"] {
            assert!(error(&format!("from: '{day}'")).contains("no day of the calendar"), "{day}");
        }
        assert_eq!(read_text("from: 2026-12-01").unwrap().from, Some(Day("2026-12-01".to_owned())));
    }
}
