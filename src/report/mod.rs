//! Reports: every output is a pure function of a [`crate::summary::Summary`].

pub mod chart;
pub mod format;
pub mod json;
#[cfg(test)]
pub mod sample;
pub mod triage;
pub mod words;
