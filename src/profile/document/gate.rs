//! Gates as they are written: `{refused_ratio: {class: queries}, at_most: 0%}`.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::gate::METRICS;
use crate::scenario::gate::Bound;
use crate::yaml::Located;
use crate::yaml::quantity::Quantile;

/// A gate, key by key: the metric's name is a key, so the metric table says which keys there are.
#[derive(Debug, Default)]
pub struct GateDocument {
    pub metrics: Vec<(Located<String>, QueryDocument)>,
    pub bounds: Vec<(Bound, Located<String>)>,
    /// A key that is neither a metric nor a bound.
    pub unknown: Option<Located<String>>,
}

/// What narrows a metric.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueryDocument {
    /// A class of the policy, or `unclassified`; all classes when left out.
    pub class: Option<Located<String>>,
    /// A quantile, such as `p99`.
    pub quantile: Option<Located<Quantile>>,
}

/// The keys of a gate that are no metrics.
pub const BOUNDS: [(&str, Bound); 2] = [("at_most", Bound::AtMost), ("at_least", Bound::AtLeast)];

impl<'de> Deserialize<'de> for GateDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GateVisitor)
    }
}

struct GateVisitor;

impl<'de> Visitor<'de> for GateVisitor {
    type Value = GateDocument;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a gate")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GateDocument, A::Error> {
        let mut gate = GateDocument::default();
        while let Some(key) = map.next_key::<Located<String>>()? {
            if let Some((_, bound)) = BOUNDS.iter().find(|(name, _)| *name == key.value) {
                gate.bounds.push((*bound, map.next_value()?));
            } else if crate::gate::metric(&key.value).is_some() {
                gate.metrics.push((key, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
                gate.unknown.get_or_insert(key);
            }
        }
        Ok(gate)
    }
}

impl JsonSchema for GateDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Gate".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let query = generator.subschema_for::<QueryDocument>();
        let threshold = |meaning: &str| {
            serde_json::json!({
                "description": format!("The metric is {meaning} this: a percentage, a time or a number, as the metric has it."),
                "type": ["string", "number"],
            })
        };
        let mut properties = serde_json::Map::new();
        for metric in METRICS {
            properties
                .insert(metric.name.into(), serde_json::json!({ "description": metric.meaning, "allOf": [query] }));
        }
        properties.insert("at_most".into(), threshold("at most"));
        properties.insert("at_least".into(), threshold("at least"));
        schemars::json_schema!({
            "description": "A threshold on one metric: the metric's name as a key, and `at_most` or `at_least`.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 2,
            "maxProperties": 2,
        })
    }
}
