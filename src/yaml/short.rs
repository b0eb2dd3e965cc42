//! A bare word as short for the word with all its defaults: `reaction: obey` means `reaction: {obey: {}}`.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::diagnosis::shown;
use super::suggest;

/// The words that may stand alone.
pub trait Words {
    const WORDS: &'static [&'static str];

    /// Examples of the mappings that may be written besides, ready to stand behind "or".
    const MAPPINGS: &'static str = "";

    /// What to say of another word whose meaning is plain: what is wrong, a line break, what to do.
    fn meant(_word: &str) -> Option<&'static str> {
        None
    }
}

/// Either a mapping, or one of the words of `T`.
#[derive(Clone, Debug, PartialEq)]
pub struct Short<T>(pub T);

impl<'de, T: Deserialize<'de> + Words> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortVisitor(PhantomData)).map(Short)
    }
}

struct ShortVisitor<T>(PhantomData<T>);

impl<T: Words> ShortVisitor<T> {
    // `Error::custom` everywhere: it is the one constructor that gets the value's own place.
    fn misfit<E: Error>(found: impl fmt::Display) -> E {
        let examples = if T::MAPPINGS.is_empty() { "a mapping" } else { T::MAPPINGS };
        let words: Vec<String> = T::WORDS.iter().map(|word| format!("`{word}`")).collect();
        E::custom(format!("{found} is not understood here\nwrite one of {}, or {}", words.join(", "), examples))
    }
}

impl<'de, T: Deserialize<'de> + Words> Visitor<'de> for ShortVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a word or a mapping")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        if !T::WORDS.contains(&word) {
            let or = if T::MAPPINGS.is_empty() { "" } else { "; or " };
            let advice = || format!("{}{or}{}", suggest::advice(word, T::WORDS.iter().copied()), T::MAPPINGS);
            return Err(match T::meant(word) {
                Some(message) => E::custom(message),
                None => E::custom(format!("unknown word `{}`\n{}", shown(word), advice())),
            });
        }
        let whole = MapDeserializer::new(std::iter::once((word, EmptyMapping(PhantomData))));
        T::deserialize(MapAccessDeserializer::new(whole))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        Err(Self::misfit(format_args!("`{value}`")))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        Err(Self::misfit(format_args!("`{value}`")))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        Err(Self::misfit(format_args!("`{value}`")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Err(Self::misfit(format_args!("`{value}`")))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Err(Self::misfit("nothing"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        Err(Self::misfit("a list"))
    }
}

/// What stands behind a bare word: `{}`, also where an option or a located value is wanted.
struct EmptyMapping<E>(PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for EmptyMapping<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, E: Error> serde::de::IntoDeserializer<'de, E> for EmptyMapping<E> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<T: JsonSchema + Words> JsonSchema for Short<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [whole, { "type": "string", "enum": T::WORDS }] })
    }
}
