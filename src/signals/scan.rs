//! Finding header fields in a response.

use std::borrow::Cow;

use super::lint::Lint;

/// The header fields of a response, names in lower case.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a [(String, String)]);

impl<'a> Fields<'a> {
    fn all(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(header, _)| header == name).map(|(_, value)| value.trim())
    }

    pub fn has(self, name: &str) -> bool {
        self.0.iter().any(|(header, _)| header == name)
    }

    /// The value of a field that must not occur twice; the first one, and a lint, if it does.
    pub fn single(self, name: &str, lints: &mut Vec<Lint>) -> Option<&'a str> {
        let mut values = self.all(name);
        let first = values.next()?;
        if let Some(second) = values.next() {
            let both = format!("{first}, then {second}");
            lints.push(Lint::new("field/repeated", name, &both, "sent more than once; the first is read"));
        }
        Some(first)
    }

    /// The value of a field that may be split over several lines (RFC 9651, 3.1), joined.
    pub fn joined(self, name: &str) -> Option<Cow<'a, str>> {
        let mut values = self.all(name);
        let first = values.next()?;
        Some(values.fold(Cow::Borrowed(first), |joined, value| Cow::Owned(format!("{joined}, {value}"))))
    }
}
