//! quotaproof proves, before anyone is throttled, that a fleet and the API it talks to keep to a documented quota.
//!
//! One idea carries the crate: a [`device`] is a pure state machine, and two [`drive`]rs play the same devices, one over
//! real sockets and one in simulated time. Both write the same [`record`] stream; everything behind it (measure, verify,
//! gate, report) is a pure function of what was recorded.
//!
//! Modules in layer order: each may use only those above it (checked by `tests/tidy.rs`).

// Their macros panic when nobody reads the output any more.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod words;
pub mod time;
pub mod rng;
pub mod clock;
pub mod exit;
pub mod yaml;
pub mod signals;
pub mod policy;
pub mod scenario;
pub mod tellus;
pub mod device;
pub mod record;
pub mod limiter;
pub mod summary;
pub mod measure;
pub mod verify;
pub mod probe;
pub mod gate;
pub mod profile;
pub mod assemble;
pub mod report;
pub mod dossier;
pub mod reference;
pub mod drive;
pub mod plan;
pub mod cli;

#[cfg(test)]
pub mod testing;

/// README's examples are compiled, and run where they end.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
