//! What all quantities have in common, and names, the simplest of them.

use crate::yaml::diagnosis::shown;

/// A value written as one word.
pub trait Quantity: Sized {
    /// The name in JSON Schemas.
    const NAME: &'static str;
    /// What is expected, with an example: ends the sentence "write …".
    const EXPECTED: &'static str;

    /// The error says what is wrong with `text`, without what is expected instead.
    fn read(text: &str) -> Result<Self, String>;

    /// What a JSON Schema says of it besides its description.
    fn schema() -> schemars::Schema;
}

/// Reads a quantity; the error is `what is wrong`, a line break, `what to do`.
pub fn read<Q: Quantity>(text: &str) -> Result<Q, String> {
    Q::read(text.trim()).map_err(|wrong| format!("{wrong}\nwrite {}", Q::EXPECTED))
}

/// Makes quantities readable by serde and known to schemars.
#[macro_export]
#[doc(hidden)]
macro_rules! quantity_impls {
    ($({$($params:tt)*})? $type:ty) => {
        impl<'de, $($($params)*)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $crate::yaml::quantity::read(&text).map_err(serde::de::Error::custom)
            }
        }

        impl<$($($params)*)?> schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$type as $crate::yaml::quantity::Quantity>::NAME.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$type as $crate::yaml::quantity::Quantity>::schema()
            }
        }
    };
}
pub use quantity_impls;

/// A name that may stand in a path and in a report: letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(pub String);

quantity_impls!(Name);

impl Quantity for Name {
    const NAME: &'static str = "Name";
    const EXPECTED: &'static str = "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit";

    fn read(text: &str) -> Result<Self, String> {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = text.len() <= 64 && text.chars().all(inner);
        if fits && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Ok(Name(text.to_owned()))
        } else {
            Err(format!("`{}` cannot be a name", shown(text)))
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", ["depot"])
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A JSON pointer (RFC 6901) to something inside a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(pub String);

quantity_impls!(Pointer);

impl Quantity for Pointer {
    const NAME: &'static str = "Pointer";
    const EXPECTED: &'static str = "a JSON pointer, such as `/data/id`";

    fn read(text: &str) -> Result<Self, String> {
        match text.strip_prefix('/') {
            Some(rest) if !rest.is_empty() => Ok(Pointer(text.to_owned())),
            _ => Err(format!("`{}` points nowhere", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema("^/.+$", ["/data/id", "/status"])
    }
}

/// A word with a pattern.
pub(super) fn word_schema<const N: usize>(pattern: &str, examples: [&str; N]) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": pattern, "examples": examples.as_slice() })
}
