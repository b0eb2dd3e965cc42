//! One error that a person can act on: what is wrong, where, and what to do.

use std::fmt;

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

    /// Whether it points at a place in a file.
    pub fn is_placed(&self) -> bool {
        self.0.at.is_some()
    }

    /// What is wrong, in one line without its place.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// The whole message; `styled` with terminal colours.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut report = Group::with_title(Level::ERROR.primary_title(self.0.title.as_str()));
        let Some((source, place)) = &self.0.at else {
            let help = |help| Group::with_title(Level::HELP.secondary_title(help));
            let whole: Vec<Group<'_>> = [report].into_iter().chain(self.0.help.iter().map(help)).collect();
            return renderer.render(&whole);
        };
        let window = source.window(*place);
        let mark = AnnotationKind::Primary.span(window.mark).label(self.0.label.as_str());
        let snippet = Snippet::source(window.text).line_start(window.first_line).path(source.name());
        report = report.element(snippet.annotation(mark));
        for help in &self.0.help {
            report = report.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[report])
    }
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
