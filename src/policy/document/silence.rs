//! What is left unsaid: a sentence, or one with what it is about.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::policy::matching::RequestPattern;
use crate::policy::silence::{Silence, Topic};

/// A sentence, alone or with its topics.
#[derive(Debug)]
pub struct SilenceDocument(pub Silence);

/// A sentence with what it is about: a probe says what it measured of that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TopicalDocument {
    /// What it is about.
    about: Vec<Topic>,
    /// The requests it is about, such as `POST /orders`, where it is about some: what others get is no answer to it.
    #[serde(default)]
    requests: Vec<RequestPattern>,
    /// One sentence.
    text: String,
}

impl<'de> Deserialize<'de> for SilenceDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SilenceVisitor;

        impl<'de> Visitor<'de> for SilenceVisitor {
            type Value = SilenceDocument;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a sentence, or `{about: [algorithm], text: a sentence}`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SilenceDocument, E> {
                Ok(SilenceDocument(Silence::new(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SilenceDocument, A::Error> {
                let TopicalDocument { about, requests, text } =
                    TopicalDocument::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SilenceDocument(Silence { text, about, requests }))
            }
        }
        deserializer.deserialize_any(SilenceVisitor)
    }
}

impl JsonSchema for SilenceDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Silence".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let topical = generator.subschema_for::<TopicalDocument>();
        json_schema!({ "anyOf": [{ "type": "string" }, topical] })
    }
}
