//! Where an answer says which page follows.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::yaml::Located;
use crate::yaml::quantity::{Pointer, read};

/// A JSON pointer into the body, or a header.
#[derive(Debug)]
pub enum NextDocument {
    Body(Pointer),
    Header(Located<String>),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderDocument {
    header: Located<String>,
}

impl<'de> Deserialize<'de> for NextDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NextVisitor)
    }
}

struct NextVisitor;

impl<'de> Visitor<'de> for NextVisitor {
    type Value = NextDocument;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON pointer or `{header: link}`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<NextDocument, E> {
        read(text).map(NextDocument::Body).map_err(|wrong| E::custom(format!("{wrong}, or `{{header: link}}`")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NextDocument, A::Error> {
        let HeaderDocument { header } = HeaderDocument::deserialize(MapAccessDeserializer::new(map))?;
        Ok(NextDocument::Header(header))
    }
}

impl JsonSchema for NextDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Next".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let header = json_schema!({
            "type": "string", "pattern": "^[Ll]ink$",
            "description": "The header that leads on: `link` (RFC 8288), where its relation is `next`.",
        });
        let header = json_schema!({
            "type": "object", "properties": { "header": header },
            "required": ["header"], "additionalProperties": false,
        });
        json_schema!({ "anyOf": [generator.subschema_for::<Pointer>(), header] })
    }
}
