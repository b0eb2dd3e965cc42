//! `summary.json`, the canonical output, and `plan.json` beside it.

use serde::Serialize;

/// A summary or plan as indented JSON. Fields come in the order of their declaration and maps are sorted, so equal ones
/// give equal bytes.
pub fn render(summary: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    Ok(text)
}
