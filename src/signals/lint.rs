//! What is wrong with a response's signals.

use std::fmt;

/// How much of a value a lint shows, in characters.
const SHOWN: usize = 60;

/// One rule that a response breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// A stable id, such as `retry-after/fraction`.
    pub rule: &'static str,
    /// The header in lower case, or the JSON pointer.
    pub field: String,
    /// The value as sent: printable and cut to a line; empty where something is missing.
    pub found: String,
    /// What is wrong with it, and what was made of it.
    pub message: String,
}

impl Lint {
    pub fn new(rule: &'static str, field: &str, found: &str, message: impl Into<String>) -> Lint {
        Lint { rule, field: printable(field), found: printable(found), message: message.into() }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found.as_str() {
            "" => write!(out, "{}: {}", self.field, self.message),
            found => write!(out, "{} is {found}: {}", self.field, self.message),
        }
    }
}

fn printable(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control());
    let mut line: String = shown.clone().take(SHOWN).collect();
    if shown.count() > SHOWN {
        line.push('…');
    }
    line
}
