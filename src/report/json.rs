//! `summary.json`, the canonical output.

use crate::summary::Summary;

/// The summary as indented JSON. Fields come in the order of their declaration and maps are sorted, so equal summaries
/// give equal bytes.
pub fn render(summary: &Summary) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    Ok(text)
}
