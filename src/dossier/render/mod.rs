//! The dossier in its forms: pure functions of [`super::model::Dossier`].

pub mod figures;
pub mod html;
pub mod markdown;
pub mod summary_text;
pub mod view;
pub mod words;

use super::model::Dossier;

/// As indented JSON. Equal dossiers give equal bytes.
///
/// # Errors
/// What the serializer reports; writing into memory gives it no reason to.
pub fn json(dossier: &Dossier) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(dossier)?;
    text.push('\n');
    Ok(text)
}
