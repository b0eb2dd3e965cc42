//! `quotaproof schema SUBJECT`: JSON Schemas, for editors and for readers of results.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;

use crate::dossier::Answers;
use crate::dossier::model::Dossier;
use crate::policy::document::PolicyDocument;
use crate::profile::document::ProfileDocument;
use crate::summary::Summary;
use crate::summary::plan::Plan;

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    Profile,
    Policy,
    Summary,
    Plan,
    Dossier,
    Answers,
}

/// The schema (draft 2020-12) as pretty JSON, with a final line break.
pub fn render(subject: Subject) -> String {
    let mut text = format!("{:#}", schema(subject).as_value());
    text.push('\n');
    text
}

fn schema(subject: Subject) -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(join_lines));
    match subject {
        Subject::Profile => settings.into_generator().into_root_schema_for::<ProfileDocument>(),
        Subject::Policy => settings.into_generator().into_root_schema_for::<PolicyDocument>(),
        Subject::Summary => settings.for_serialize().into_generator().into_root_schema_for::<Summary>(),
        Subject::Plan => settings.for_serialize().into_generator().into_root_schema_for::<Plan>(),
        Subject::Dossier => settings.for_serialize().into_generator().into_root_schema_for::<Dossier>(),
        Subject::Answers => settings.into_generator().into_root_schema_for::<Answers>(),
    }
}

/// Descriptions come from comments that are wrapped in the source; editors wrap by themselves.
fn join_lines(schema: &mut Schema) {
    if let Some(serde_json::Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const ALL: [Subject; 6] =
        [Subject::Profile, Subject::Policy, Subject::Summary, Subject::Plan, Subject::Dossier, Subject::Answers];

    /// Calls `visit` with every property of every object of a schema, and where it is.
    fn properties(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
        match schema {
            Value::Object(object) => {
                for (key, value) in object {
                    if let ("properties", Value::Object(fields)) = (key.as_str(), value) {
                        fields.iter().for_each(|(name, field)| visit(&format!("{path}/{name}"), field));
                    }
                    properties(value, &format!("{path}/{key}"), visit);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| properties(value, path, visit)),
            _ => {}
        }
    }

    #[test]
    fn schemas_are_json_that_names_its_draft() {
        for subject in ALL {
            let schema: Value = serde_json::from_str(&render(subject)).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{subject:?}");
        }
    }

    #[test]
    fn every_key_that_a_user_may_write_is_described_on_one_line() {
        let mut seen = 0;
        for subject in [Subject::Profile, Subject::Policy, Subject::Answers] {
            properties(schema(subject).as_value(), "", &mut |path, field| {
                // Variants of enums are described beside their one key.
                if !path.contains("oneOf") {
                    let description = field["description"].as_str().unwrap_or("");
                    assert!(!description.is_empty() && !description.contains('\n'), "{subject:?} {path}: {field}");
                }
                seen += 1;
            });
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn quantities_are_words_with_a_pattern_and_examples() {
        let schema = schema(Subject::Profile);
        let duration = &schema.as_value()["properties"]["duration"];
        assert_eq!(duration["type"], "string");
        assert_eq!(duration["pattern"], r"^([0-9]*[1-9][0-9]*(\.[0-9]+)?|[0-9]+\.[0-9]*[1-9][0-9]*)(us|ms|s|m|h|d)$");
        let every = &schema.as_value()["$defs"]["CadenceDocument"]["properties"]["every"];
        assert_eq!(every["examples"][0], "5s");
    }

    #[test]
    fn a_gate_offers_every_metric_of_the_table() {
        let schema = schema(Subject::Profile);
        let keys = schema.as_value()["$defs"]["Gate"]["properties"].as_object().unwrap();
        assert_eq!(keys.len(), crate::gate::METRICS.len() + 2);
    }
}
