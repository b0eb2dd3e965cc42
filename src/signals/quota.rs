//! A quota as a response states it.

use arrayvec::{ArrayString, ArrayVec};

use super::lint::Lint;
use crate::time::Nanos;

/// A short printable text that can be copied; longer ones are cut and linted.
pub type Name = ArrayString<32>;

/// A response with more quotas than this is linted and read no further.
pub const MOST_QUOTAS: usize = 8;

/// The quotas of one response, in the order it states them.
pub type Quotas = ArrayVec<Quota, MOST_QUOTAS>;

/// One quota of a response, as far as its dialect states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    pub policy: Option<Name>,
    /// Whose share of the policy it is: a partition key in base64, as it stands between the colons on the wire.
    pub partition: Option<Name>,
    pub unit: Unit,
    /// What the whole window allows.
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// The window's length.
    pub window: Option<Nanos>,
    /// The time from receipt until more is available.
    pub reset: Option<Nanos>,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unit {
    #[default]
    Requests,
    ContentBytes,
    ConcurrentRequests,
    /// One that no document known here defines.
    Other,
}

/// Adds a quota, unless there are too many already.
pub fn push(quotas: &mut Quotas, quota: Quota, field: &str, lints: &mut Vec<Lint>) {
    if quotas.try_push(quota).is_err() && lints.iter().all(|lint| lint.rule != "quota/too-many") {
        let message = format!("more than {MOST_QUOTAS} quotas in one response; the rest is not read");
        lints.push(Lint::new("quota/too-many", field, "", message));
    }
}

/// A name of at most 32 printable ASCII characters; the rest of a longer one is cut off.
pub fn name(field: &str, text: &str, lints: &mut Vec<Lint>) -> Name {
    let mut name = Name::new();
    for c in text.chars() {
        let printable = if matches!(c, ' '..='~') { c } else { '?' };
        if name.try_push(printable).is_err() {
            let message = format!("longer than {} characters; told apart by its beginning only", name.len());
            lints.push(Lint::new("name/too-long", field, text, message));
            break;
        }
    }
    name
}
