//! `quotaproof schema profile|policy|summary`: JSON Schemas, for editors and for readers of results.

use schemars::Schema;
use schemars::generate::SchemaSettings;

use crate::policy::document::PolicyDocument;
use crate::profile::document::ProfileDocument;
use crate::summary::Summary;

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    Profile,
    Policy,
    Summary,
}

/// The schema (draft 2020-12) as pretty JSON, with a final line break.
pub fn render(subject: Subject) -> String {
    let mut text = format!("{:#}", schema(subject).as_value());
    text.push('\n');
    text
}

fn schema(subject: Subject) -> Schema {
    let settings = SchemaSettings::draft2020_12();
    match subject {
        Subject::Profile => settings.into_generator().into_root_schema_for::<ProfileDocument>(),
        Subject::Policy => settings.into_generator().into_root_schema_for::<PolicyDocument>(),
        Subject::Summary => settings.for_serialize().into_generator().into_root_schema_for::<Summary>(),
    }
}
