//! Structured fields (RFC 9651), read leniently: what is no structured field as a whole is read member by member, with
//! stray blanks and capitals forgiven.

use sfv::{BareItem, Dictionary, FieldType, Item, List, ListEntry, Parser};

use super::lint::Lint;
use super::number;
use super::quota::{self, Name};
use crate::time::Nanos;

/// More members of a list or dictionary than this are not looked at: a response has few quotas, and each bad member is
/// a lint.
const MOST_MEMBERS: usize = 32;

/// The items of a list.
pub fn list(field: &str, text: &str, lints: &mut Vec<Lint>) -> Vec<Item> {
    let entries = members::<List>(field, text, lints);
    entries.into_iter().filter_map(|entry| item(field, entry, lints)).collect()
}

/// The members of a dictionary.
pub fn dictionary(field: &str, text: &str, lints: &mut Vec<Lint>) -> Vec<(String, Item)> {
    let entries = members::<Dictionary>(field, text, lints);
    entries.into_iter().filter_map(|(key, entry)| Some((key.to_string(), item(field, entry, lints)?))).collect()
}

fn members<T: FieldType + IntoIterator>(field: &str, text: &str, lints: &mut Vec<Lint>) -> Vec<T::Item> {
    match Parser::new(text).parse::<T>() {
        Ok(all) => all.into_iter().take(MOST_MEMBERS).collect(),
        Err(error) => {
            let message = format!("no structured field ({error}); read as far as possible");
            lints.push(Lint::new("structured/malformed", field, text, message));
            let pieces = pieces(text).filter_map(|piece| Parser::new(&tidied(piece)).parse::<T>().ok());
            pieces.flatten().take(MOST_MEMBERS).collect()
        }
    }
}

fn item(field: &str, entry: ListEntry, lints: &mut Vec<Lint>) -> Option<Item> {
    match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => {
            lints.push(Lint::new(
                "structured/inner-list",
                field,
                "(…)",
                "an inner list, where an item belongs; ignored",
            ));
            None
        }
    }
}

/// The parts between the commas outside quotes.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

/// Without blanks and capitals outside quotes and byte sequences.
fn tidied(piece: &str) -> String {
    let (mut quoted, mut bytes) = (false, false);
    let kept = piece.chars().filter_map(|c| {
        quoted ^= c == '"';
        bytes ^= c == ':' && !quoted;
        match c {
            _ if quoted || bytes => Some(c),
            ' ' | '\t' => None,
            _ => Some(c.to_ascii_lowercase()),
        }
    });
    kept.collect()
}

/// A non-negative integer; `key` names the parameter or member, empty for an item itself.
pub fn count(field: &str, key: &str, value: &BareItem, lints: &mut Vec<Lint>) -> Option<u64> {
    if let BareItem::Integer(integer) = value
        && let Ok(count) = u64::try_from(*integer)
    {
        return Some(count);
    }
    let (field, text) = (place(field, key), plain(value));
    if !matches!(value, BareItem::Integer(_) | BareItem::Decimal(_)) {
        lints.push(Lint::new("structured/not-an-integer", &field, &text, "not written as an Integer"));
    }
    number::count(&field, &text, lints)
}

/// A count of what is left: a negative one is nothing.
pub fn remaining(field: &str, key: &str, value: &BareItem, lints: &mut Vec<Lint>) -> Option<u64> {
    let is_negative = matches!(value, BareItem::Integer(integer) if i64::from(*integer) < 0);
    count(field, key, value, lints).or(is_negative.then_some(0))
}

/// A length in whole seconds.
pub fn seconds(field: &str, key: &str, value: &BareItem, lints: &mut Vec<Lint>) -> Option<Nanos> {
    let count = count(field, key, value, lints)?;
    number::seconds(field, count, lints)
}

/// A name, which belongs into a String.
pub fn name(field: &str, key: &str, value: &BareItem, lints: &mut Vec<Lint>) -> Name {
    let text = plain(value);
    if !matches!(value, BareItem::String(_)) {
        lints.push(Lint::new(
            "structured/not-a-string",
            &place(field, key),
            &text,
            "not written as a String, in quotes",
        ));
    }
    quota::name(field, &text, lints)
}

pub fn place(field: &str, key: &str) -> String {
    if key.is_empty() { field.to_owned() } else { format!("{field};{key}") }
}

/// The value without the marks of its type.
pub fn plain(value: &BareItem) -> String {
    match value {
        BareItem::Integer(value) => value.to_string(),
        BareItem::Decimal(value) => value.to_string(),
        BareItem::String(value) => value.as_str().to_owned(),
        BareItem::Token(value) => value.as_str().to_owned(),
        BareItem::Boolean(value) => value.to_string(),
        BareItem::DisplayString(value) => value.clone(),
        BareItem::Date(value) => value.unix_seconds().to_string(),
        BareItem::ByteSequence(_) => "bytes".to_owned(),
    }
}

/// The largest Integer.
const MOST: u64 = 999_999_999_999_999;

/// A count as an Integer; what is too large for one is written as the largest.
pub fn integer(count: u64) -> u64 {
    count.min(MOST)
}

/// A text as a String; characters that one cannot hold are left out.
pub fn quoted(text: &str) -> String {
    let kept: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
    let string = sfv::StringRef::from_str(&kept).unwrap_or_default();
    sfv::ItemSerializer::new().bare_item(string).finish()
}
