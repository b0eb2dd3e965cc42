//! Reports: every output is a pure function of a [`crate::summary::Summary`] and, where there is one, of a
//! [`crate::summary::plan::Plan`].
//!
//! [`files`] writes them side by side and reads a run back; the rest renders one output each.

pub mod chart;
pub mod files;
pub mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod plan;
pub mod probe;
#[cfg(test)]
pub mod sample;
pub mod terminal;
pub mod text;
pub mod triage;
pub mod view;
pub mod words;

pub use files::{LoadError, load, load_plan, new_directory, write_all};
