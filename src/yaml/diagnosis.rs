//! One error that a person can act on: what is wrong, where, and what to do.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::located::Place;
use super::source::Source;

/// Why a file is refused. Shown with its snippet by `Display` and [`Diagnosis::render`].
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    title: String,
    at: Option<(Source, Place)>,
    label: String,
    help: Vec<String>,
}

impl std::error::Error for Diagnosis {}

impl Diagnosis {
    /// An error about a file as a whole.
    pub fn new(title: impl Into<String>) -> Self {
        Diagnosis(Box::new(Parts { title: title.into(), at: None, label: String::new(), help: Vec::new() }))
    }

    /// An error at a place of a file.
    pub fn at(source: &Source, place: Place, title: impl Into<String>) -> Self {
        let mut diagnosis = Diagnosis::new(title);
        diagnosis.0.at = Some((source.clone(), place));
        diagnosis
    }

    /// Words beside the marked place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// What it is about, in front of the title: a directory, an option.
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.0.title = format!("{subject}: {}", self.0.title);
        self
    }

    /// Whether it points at a place in a file.
    pub fn is_placed(&self) -> bool {
        self.0.at.is_some()
    }

    /// What is wrong, in one line without its place.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// What to do about it, one sentence each.
    pub fn advice(&self) -> &[String] {
        &self.0.help
    }

    /// The whole message; `styled` with terminal colours.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut report = Group::with_title(Level::ERROR.primary_title(self.0.title.as_str()));
        let Some((source, place)) = &self.0.at else {
            let helps = self.0.help.iter().map(|help| Group::with_title(Level::HELP.secondary_title(help)));
            let parts: Vec<String> =
                std::iter::once(report).chain(helps).map(|part| renderer.render(&[part])).collect();
            return parts.join("\n");
        };
        let line = source.line(*place);
        let text = without_credentials(line.text);
        let mark = AnnotationKind::Primary.span(line.mark).label(self.0.label.as_str());
        let snippet = Snippet::source(text).line_start(line.number).path(source.name()).annotation(mark);
        report = report.element(snippet);
        for help in &self.0.help {
            report = report.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[report])
    }
}

/// A line that shows no user and password of a URL and no value of an `Authorization` header; stars keep every byte's
/// position.
fn without_credentials(line: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(line);
    let mut mask = |range: Range<usize>| masked.to_mut().replace_range(range.clone(), &"*".repeat(range.len()));
    for (start, scheme) in line.match_indices("://") {
        let start = start + scheme.len();
        let authority =
            &line[start..line[start..].find([' ', '/', '"', '\'', ',']).map_or(line.len(), |end| start + end)];
        if let Some(end) = authority.rfind('@') {
            mask(start..start + end);
        }
    }
    const HEADER: &str = "authorization";
    if let Some(name) = line.to_ascii_lowercase().find(HEADER) {
        let behind = name + HEADER.len();
        let value = line[behind..].trim_start_matches(['"', '\'', ':', ' ']);
        mask(line.len() - value.len()..line.len() - value.len() + value.trim_end_matches(['}', ' ']).len());
    }
    masked
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.render(false))
    }
}

/// Text from a file made fit for a message: short, on one line, without control characters.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    // Quotes need no escape inside backticks.
    short = short.replace("\\\"", "\"").replace("\\'", "'");
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_snippet_shows_the_credentials_of_a_url() {
        let line = "a: {url: 'https://me:hunter2@host/x', b: \"http://ü@h\", c: me@host}";
        let masked = without_credentials(line);
        assert_eq!(masked, "a: {url: 'https://**********@host/x', b: \"http://**@h\", c: me@host}");
        assert_eq!(masked.len(), line.len());
    }

    #[test]
    fn shown_text_is_short_and_on_one_line() {
        assert_eq!(shown("it's \"a\"\n\u{1b}[31m"), "it's \"a\"\\n\\u{1b}[31m");
        assert_eq!(shown(&"x".repeat(80)).chars().count(), 61);
    }
}
