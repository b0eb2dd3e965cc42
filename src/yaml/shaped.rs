//! A mapping that people write as a single value, and what to write instead: `bearer: KEY` for `bearer: {env: KEY}`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::diagnosis::shown;

/// What such a mapping looks like.
pub trait Shape {
    /// Examples of the whole, fit to end the sentence "write …".
    const EXAMPLE: &'static str;
}

/// A mapping; a single value in its place is answered with the example.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaped<T>(pub T);

impl<T> Deref for Shaped<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for Shaped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapedVisitor(PhantomData)).map(Shaped)
    }
}

struct ShapedVisitor<T>(PhantomData<T>);

impl<T: Shape> ShapedVisitor<T> {
    // `Error::custom`: it is the one constructor that gets the value's own place.
    fn misfit<E: Error>(found: impl fmt::Display) -> E {
        E::custom(format!("a mapping is expected here, not {found}\nwrite {}", T::EXAMPLE))
    }
}

impl<'de, T: Deserialize<'de> + Shape> Visitor<'de> for ShapedVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Err(Self::misfit(format_args!("`{}`", shown(text))))
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

/// In a schema the wrapper is invisible.
impl<T: JsonSchema> JsonSchema for Shaped<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
