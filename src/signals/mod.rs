//! What answers say about quotas: every dialect, parsed and linted.

pub mod dialect;

pub use dialect::{Dialect, ResetKind};
