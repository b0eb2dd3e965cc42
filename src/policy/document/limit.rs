//! Limits, as they are written.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::word::{Period, PointerPlace, Statuses};
use crate::policy::load::SCOPES;
use crate::policy::model::{Algorithm, Blocks, CountsRefused, Enforcement};
use crate::yaml::Located;
use crate::yaml::quantity::{Length, Name, Whole, read};

/// A rate (`allow` and `per`), a number at the same time (`concurrent`) or a wait after failures (`cooldown` and
/// `after`), for each value of `scope`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitDocument {
    /// So many requests …
    pub allow: Option<Located<Whole<1, 1_000_000_000>>>,
    /// … in this time; `day` and `month` are those of the calendar, in UTC.
    pub per: Option<Located<Period>>,
    /// How much may come at once where that is not `allow`: the size of the bucket, or what may wait in a leaky one.
    pub burst: Option<Located<Whole<0, 1_000_000_000>>>,
    /// So many at the same time.
    pub concurrent: Option<Located<Whole<1, 1_000_000>>>,
    /// Only requests that have run for so long count among those at the same time.
    pub lasting: Option<Located<Length>>,
    /// The waits after the first, the second, … failure in a row; the last one repeats.
    pub cooldown: Option<Located<Vec<Length>>>,
    /// The statuses that are failures: `409`, or `5xx` for all of a hundred.
    pub after: Option<Located<Vec<Statuses>>>,
    /// Whose budget it is: `client_id`, `device_id`, `device_set`, `account`, `user`, `address`, `endpoint`, a name
    /// under `scopes` or a parameter of the class's paths, or a list of them.
    #[schemars(required)]
    pub scope: Option<Located<ScopeDocument>>,
    /// How the provider says it counts. Leave it out where the documents are silent: every reading is then possible.
    pub algorithm: Option<Located<Algorithm>>,
    /// Whether refused requests use up quota. Leave it out where the documents are silent.
    pub counts_refused: Option<Located<CountsRefused>>,
    /// Only answers with these statuses count. Leave it out where every request does.
    pub counts: Option<Located<Vec<Statuses>>>,
    /// Answers with these statuses use nothing up, such as `[304]`: what their requests took is given back.
    pub free: Option<Located<Vec<Statuses>>>,
    /// What a request costs, where that is not one.
    pub cost: Option<Located<CostDocument>>,
    /// What follows a breach, beyond its refusal.
    pub penalty: Option<Located<PenaltyDocument>>,
    /// The provider grants at least this much, and perhaps more.
    pub at_least: Option<Located<bool>>,
    /// How closely the provider promises to keep to it; `exact` when left out. `best_effort`: it is a target that the
    /// server may pass.
    pub enforcement: Option<Located<Enforcement>>,
}

/// Whoever is refused stays shut out for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PenaltyDocument {
    /// For how long.
    pub lasts: Length,
    /// False where the provider names the length but not what it is for; the limit is then read with and without it.
    #[serde(default = "yes")]
    pub stated: bool,
    /// Whether requests during it make it longer. Leave it out where the documents are silent.
    pub extends: Option<bool>,
    /// What it shuts out; `class` when left out.
    #[serde(default)]
    pub blocks: Blocks,
}

fn yes() -> bool {
    true
}

/// One name or a list of names.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeDocument(pub Vec<String>);

/// What a request costs: one number, a number by class, or what its answer tells.
#[derive(Debug)]
pub enum CostDocument {
    Points(Points),
    ByClass(IndexMap<Located<Name>, Points>),
    Told { reserve: Points, charged: PointerPlace },
}

/// A cost.
pub type Points = Whole<0, 1_000_000_000>;

impl<'de> Deserialize<'de> for CostDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CostVisitor;

        impl<'de> Visitor<'de> for CostVisitor {
            type Value = CostDocument;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number or a mapping")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<CostDocument, E> {
                read(text).map(CostDocument::Points).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<CostDocument, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<CostDocument, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<CostDocument, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CostDocument, A::Error> {
                let (mut reserve, mut charged, mut classes) = (None, None, IndexMap::new());
                while let Some(key) = map.next_key::<Located<Name>>()? {
                    match key.0.as_str() {
                        "reserve" => reserve = Some(map.next_value()?),
                        "charged" => charged = Some(map.next_value()?),
                        _ => drop(classes.insert(key, map.next_value()?)),
                    }
                }
                match (reserve, charged) {
                    (Some(reserve), Some(charged)) if classes.is_empty() => Ok(CostDocument::Told { reserve, charged }),
                    (None, None) if !classes.is_empty() => Ok(CostDocument::ByClass(classes)),
                    _ => Err(A::Error::custom(
                        "this cost is neither by class nor told by the answer\n\
                         write `{reads: 1, writes: 5}` or `{reserve: 10, charged: {body: /cost}}`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(CostVisitor)
    }
}

impl JsonSchema for CostDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cost".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (points, place) = (generator.subschema_for::<Points>(), generator.subschema_for::<PointerPlace>());
        let reserve = json_schema!({ "allOf": [points], "description": "So much is set aside when a request comes." });
        let charged = json_schema!({ "allOf": [place], "description": "Where its answer tells what it cost." });
        let told = json_schema!({
            "type": "object", "properties": { "reserve": reserve, "charged": charged },
            "required": ["reserve", "charged"], "additionalProperties": false,
        });
        let by_class = json_schema!({ "type": "object", "additionalProperties": points, "minProperties": 1 });
        json_schema!({ "anyOf": [points, told, by_class] })
    }
}

impl<'de> Deserialize<'de> for ScopeDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScopeVisitor;

        impl<'de> Visitor<'de> for ScopeVisitor {
            type Value = ScopeDocument;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name or a list of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ScopeDocument, E> {
                Ok(ScopeDocument(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ScopeDocument, A::Error> {
                let mut scope = Vec::new();
                while let Some(name) = names.next_element()? {
                    scope.push(name);
                }
                Ok(ScopeDocument(scope))
            }
        }
        deserializer.deserialize_any(ScopeVisitor)
    }
}

impl JsonSchema for ScopeDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let name = json_schema!({ "type": "string", "examples": SCOPES });
        json_schema!({ "anyOf": [name, { "type": "array", "minItems": 1, "items": name }] })
    }
}
