//! Verification: what happened held against what the provider documents. Pure functions of the record stream.

use crate::summary::QuotaUse;
use crate::summary::finding::Finding;

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    pub quotas: Vec<QuotaUse>,
    pub findings: Vec<Finding>,
}
