//! Test support for the reference server.

use crate::policy::{self, model::Policy};

/// The shipped policy.
pub fn tellus_policy() -> Policy {
    policy::builtin("tellus").expect("it is compiled in")
}
