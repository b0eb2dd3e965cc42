//! What criterion has written down.

use std::path::Path;

/// The median of a benchmark, in nanoseconds; None where it was not run.
pub fn median(directory: &Path, group: &str, name: &str) -> Option<f64> {
    let estimates = std::fs::read(directory.join(group).join(name).join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_slice(&estimates).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
