//! Values of any shape, read so that each text in them keeps its place.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::yaml::Located;
use crate::yaml::quantity::{Whole, read};

/// A JSON document in YAML.
#[derive(Debug)]
pub enum JsonDocument {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Located<JsonDocument>>),
    Mapping(IndexMap<String, Located<JsonDocument>>),
}

/// Values to choose from.
#[derive(Debug)]
pub enum PoolDocument {
    /// `1` to this number.
    Count(u32),
    List(Vec<String>),
}

/// Each is known by number in quota keys.
const MOST_VALUES: u32 = 100_000;

impl<'de> Deserialize<'de> for JsonDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = JsonDocument;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<JsonDocument, E> {
        Ok(JsonDocument::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<JsonDocument, E> {
        Ok(JsonDocument::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<JsonDocument, E> {
        Ok(JsonDocument::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<JsonDocument, E> {
        Ok(JsonDocument::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<JsonDocument, E> {
        let number = serde_json::Number::from_f64(number);
        number.map(JsonDocument::Number).ok_or_else(|| E::custom("JSON has no such number\nwrite a finite one"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<JsonDocument, E> {
        Ok(JsonDocument::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<JsonDocument, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(JsonDocument::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonDocument, A::Error> {
        let mut members = IndexMap::new();
        while let Some((name, value)) = map.next_entry()? {
            members.insert(name, value);
        }
        Ok(JsonDocument::Mapping(members))
    }
}

impl JsonSchema for JsonDocument {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Any JSON value; texts may have holes." })
    }
}

impl<'de> Deserialize<'de> for PoolDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PoolVisitor)
    }
}

struct PoolVisitor;

impl<'de> Visitor<'de> for PoolVisitor {
    type Value = PoolDocument;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a count or a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PoolDocument, E> {
        read::<Whole<1, MOST_VALUES>>(text)
            .map(|count| PoolDocument::Count(count.0))
            .map_err(|wrong| E::custom(format!("{wrong}, or a list such as `[a, b]`")))
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<PoolDocument, E> {
        self.visit_str(&count.to_string())
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<PoolDocument, E> {
        self.visit_str(&count.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PoolDocument, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(PoolDocument::List(values))
    }
}

impl JsonSchema for PoolDocument {
    fn schema_name() -> Cow<'static, str> {
        "Pool".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": MOST_VALUES },
                { "type": "array", "minItems": 1, "items": { "type": ["string", "number"] } },
            ]
        })
    }
}
