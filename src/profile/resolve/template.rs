//! Texts with holes: what may stand in a hole, and what is wrong with one that may not.

use super::texts::is_header_text;
use crate::profile::document::json::JsonDocument;
use crate::scenario::template::{Hole, JsonPart, JsonTemplate, Moment, MomentFormat, Part, Template};
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Length, read};
use crate::yaml::{Diagnosis, Located, Source, suggest};

/// The words of holes besides the names of a group's identity.
pub(super) const WORDS: [&str; 6] = ["client", "counter", "choice", "number", "uuid", "now"];

/// What may be named in holes.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub source: &'a Source,
    pub identity: &'a [String],
    /// The name of what an answer brought, where there is such a thing.
    pub found: Option<&'a str>,
}

/// Why a hole is refused: the hole, what is wrong with it, and what to do.
struct Misfit {
    hole: String,
    title: String,
    help: String,
}

impl Names<'_> {
    /// Reads a text with holes.
    pub fn template(&self, text: &Located<String>) -> Result<Template, Diagnosis> {
        self.parse(&text.value).map_err(|misfit| {
            let place = self.source.narrowed(text.place, &misfit.hole);
            Diagnosis::at(self.source, place, misfit.title).help(misfit.help)
        })
    }

    /// Reads the value of a header.
    pub fn header(&self, text: &Located<String>) -> Result<Template, Diagnosis> {
        let template = self.template(text)?;
        if is_header_text(&text.value) {
            return Ok(template);
        }
        Err(Diagnosis::at(self.source, text.place, "a header holds visible ASCII characters and spaces only")
            .help("leave the others out"))
    }

    /// Reads a JSON document with holes.
    pub fn json(&self, document: &Located<JsonDocument>) -> Result<JsonTemplate, Diagnosis> {
        let mut parts = Vec::new();
        self.add_json(document, &mut parts)?;
        Ok(JsonTemplate(parts))
    }

    fn add_json(&self, document: &Located<JsonDocument>, parts: &mut Vec<JsonPart>) -> Result<(), Diagnosis> {
        match &document.value {
            JsonDocument::Null => add(parts, "null"),
            JsonDocument::Bool(truth) => add(parts, &truth.to_string()),
            JsonDocument::Number(number) => add(parts, &number.to_string()),
            JsonDocument::Text(text) => {
                let text = Located { value: text.clone(), place: document.place };
                let template = self.template(&text)?;
                match template.only_hole().filter(|hole| hole.is_number()) {
                    Some(hole) => parts.push(JsonPart::Number(hole.clone())),
                    None => {
                        add(parts, "\"");
                        parts.push(JsonPart::Inside(template));
                        add(parts, "\"");
                    }
                }
            }
            JsonDocument::List(items) => {
                add(parts, "[");
                for (place, item) in items.iter().enumerate() {
                    add(parts, if place > 0 { "," } else { "" });
                    self.add_json(item, parts)?;
                }
                add(parts, "]");
            }
            JsonDocument::Mapping(members) => {
                add(parts, "{");
                for (place, (name, value)) in members.iter().enumerate() {
                    let comma = if place > 0 { "," } else { "" };
                    add(parts, &format!("{comma}{}:", serde_json::Value::from(name.as_str())));
                    self.add_json(value, parts)?;
                }
                add(parts, "}");
            }
        }
        Ok(())
    }

    fn parse(&self, text: &str) -> Result<Template, Misfit> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = behind;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let Some(end) = end else { return Err(Misfit::lone(brace)) };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Hole(self.hole(rest[..end].trim(), &format!("{{{}}}", &rest[..end]))?));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Template(parts))
    }

    fn hole(&self, inside: &str, whole: &str) -> Result<Hole, Misfit> {
        let wrong = |title: String, help: &str| Misfit { hole: whole.to_owned(), title, help: help.to_owned() };
        let (name, given) = match inside.split_once('(') {
            None => (inside, None),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(given) => (name.trim_end(), Some(given)),
                None => return Err(wrong(format!("`{}` has no closing `)`", shown(whole)), "close it")),
            },
        };
        if let Some(place) = self.identity.iter().position(|known| known == name) {
            return self.plain(Hole::Identity(place), given, whole);
        }
        match name {
            _ if self.found == Some(name) => self.plain(Hole::Found, given, whole),
            "client" => self.plain(Hole::Client, given, whole),
            "counter" => self.plain(Hole::Counter, given, whole),
            "uuid" => self.plain(Hole::Uuid, given, whole),
            "choice" => {
                let choices: Vec<Box<str>> =
                    given.unwrap_or_default().split(',').map(|one| one.trim().into()).collect();
                match given.is_some_and(|given| !given.trim().is_empty()) {
                    true => Ok(Hole::Choice(choices)),
                    false => Err(wrong("there is nothing to choose from".to_owned(), "write `{choice(a, b, c)}`")),
                }
            }
            "number" => range(given).ok_or_else(|| {
                let title = format!("`{}` is no range of whole numbers", shown(whole));
                wrong(title, "write `{number(1..100)}`, the lower one first")
            }),
            "now" => moment(given).map(Hole::Now).ok_or_else(|| {
                let help = "write `{now}`, with a shift `{now(-15m)}`, or as `{now(epoch)}` or `{now(epoch_ms, -15m)}`";
                wrong(format!("`{}` is no moment", shown(whole)), help)
            }),
            unknown => {
                let words = self.identity.iter().map(String::as_str).chain(self.found).chain(WORDS);
                let help = format!("{}; a brace itself is written `{{{{`", suggest::advice(unknown, words));
                Err(Misfit { hole: whole.to_owned(), title: format!("unknown value `{}`", shown(unknown)), help })
            }
        }
    }

    /// A hole that takes nothing in parentheses.
    fn plain(&self, hole: Hole, given: Option<&str>, whole: &str) -> Result<Hole, Misfit> {
        match given {
            None => Ok(hole),
            Some(_) => Err(Misfit {
                hole: whole.to_owned(),
                title: format!("`{}` takes nothing in parentheses", shown(whole)),
                help: "leave them out".to_owned(),
            }),
        }
    }
}

impl Misfit {
    fn lone(brace: &str) -> Self {
        let title = match brace {
            "{" => "this `{` is never closed",
            _ => "this `}` closes nothing",
        };
        Misfit {
            hole: brace.to_owned(),
            title: title.to_owned(),
            help: format!("a brace itself is written `{brace}{brace}`"),
        }
    }
}

/// Joins neighbouring texts.
fn add(parts: &mut Vec<JsonPart>, text: &str) {
    match parts.last_mut() {
        Some(JsonPart::Text(before)) => before.push_str(text),
        _ => parts.push(JsonPart::Text(text.to_owned())),
    }
}

fn range(given: Option<&str>) -> Option<Hole> {
    let (low, high) = given?.split_once("..")?;
    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some(Hole::Number { low, high })
}

fn moment(given: Option<&str>) -> Option<Moment> {
    let mut moment = Moment { format: MomentFormat::Iso, shift: 0 };
    for word in given.into_iter().flat_map(|given| given.split(',')) {
        match word.trim() {
            "iso" => moment.format = MomentFormat::Iso,
            "epoch" => moment.format = MomentFormat::Epoch,
            "epoch_ms" => moment.format = MomentFormat::EpochMillis,
            shift => moment.shift = self::shift(shift)?,
        }
    }
    Some(moment)
}

fn shift(text: &str) -> Option<i64> {
    let (sign, length) = match text.split_at_checked(1)? {
        ("-", length) => (-1, length),
        ("+", length) => (1, length),
        _ => return None,
    };
    let Length(Nanos(nanos)) = read(length).ok()?;
    Some(sign * i64::try_from(nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(source: &Source) -> Names<'_> {
        // The one name of the tests; leaked, since it has to outlive the names.
        static IDENTITY: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec!["vehicle_id".to_owned()]);
        Names { source, identity: &IDENTITY, found: Some("id") }
    }

    fn parse(text: &str) -> Result<Template, String> {
        let source = Source::built_in("x", "x");
        names(&source).parse(text).map_err(|misfit| misfit.title)
    }

    #[test]
    fn braces_are_doubled_and_everything_else_is_text_or_a_hole() {
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(
            parse("/a/{vehicle_id}/{{b}}"),
            Ok(Template(vec![text("/a/"), Part::Hole(Hole::Identity(0)), text("/{b}"),]))
        );
        assert_eq!(parse("{id}{counter}"), Ok(Template(vec![Part::Hole(Hole::Found), Part::Hole(Hole::Counter)])));
        let number = Hole::Number { low: 1, high: 100 };
        assert_eq!(parse("{ number( 1 .. 100 ) }"), Ok(Template(vec![Part::Hole(number)])));
        let moment = Moment { format: MomentFormat::EpochMillis, shift: -900_000_000_000 };
        assert_eq!(parse("{now(epoch_ms, -15m)}"), Ok(Template(vec![Part::Hole(Hole::Now(moment))])));
        assert_eq!(parse(""), Ok(Template(Vec::new())));
    }

    #[test]
    fn what_no_hole_can_be_is_named() {
        assert_eq!(parse("{vehicel_id}").unwrap_err(), "unknown value `vehicel_id`");
        assert_eq!(parse("{").unwrap_err(), "this `{` is never closed");
        assert_eq!(parse("a}").unwrap_err(), "this `}` closes nothing");
        assert_eq!(parse("{choice()}").unwrap_err(), "there is nothing to choose from");
        assert_eq!(parse("{choice(a}").unwrap_err(), "`{choice(a}` has no closing `)`");
        assert_eq!(parse("{number(9..1)}").unwrap_err(), "`{number(9..1)}` is no range of whole numbers");
        assert_eq!(parse("{now(yesterday)}").unwrap_err(), "`{now(yesterday)}` is no moment");
        assert_eq!(parse("{counter(3)}").unwrap_err(), "`{counter(3)}` takes nothing in parentheses");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_template_panic(text in r"(\PC|\{|\}|\(|\)|now|number|\.\.|-|1){0,24}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_text_with_doubled_braces_is_itself(text in r"(\PC|\{|\}){0,24}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(parse(&escaped), Ok(Template::fixed(&text)));
        }
    }
}
