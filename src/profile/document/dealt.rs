//! What all clients of a group have in common, or each has of its own.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::yaml::Located;

/// A part of a credential: one for all clients, one for each where `{n}` stands for the client's number (from 1), or a list
/// that is dealt out to the clients in turn.
#[derive(Debug)]
pub enum DealtDocument {
    One(String),
    List(Vec<Located<String>>),
}

impl<'de> Deserialize<'de> for DealtDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DealtVisitor)
    }
}

struct DealtVisitor;

impl DealtVisitor {
    /// As a number it may have lost its leading zeros.
    fn unquoted<E: Error>(found: impl fmt::Display) -> E {
        E::custom(format!("`{found}` is no text here\nwrite it in quotes"))
    }
}

impl<'de> Visitor<'de> for DealtVisitor {
    type Value = DealtDocument;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<DealtDocument, E> {
        Ok(DealtDocument::One(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<DealtDocument, E> {
        Err(Self::unquoted(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<DealtDocument, E> {
        Err(Self::unquoted(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<DealtDocument, E> {
        Err(Self::unquoted(number))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<DealtDocument, E> {
        Err(Self::unquoted(truth))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DealtDocument, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(DealtDocument::List(texts))
    }
}

impl JsonSchema for DealtDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Dealt".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string", "examples": ["API_KEY", "API_KEY_{n}"] });
        json_schema!({ "anyOf": [text, { "type": "array", "minItems": 1, "items": { "type": "string" } }] })
    }
}
