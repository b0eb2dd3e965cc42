//! The command line: one file per verb.

pub mod check;
pub mod schema;
pub mod serve;
