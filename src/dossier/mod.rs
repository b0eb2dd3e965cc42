//! The dossier: what a provider asks of those who ask for a higher quota, made from the summaries of runs and plans.
//!
//! [`admit`] decides which runs may stand in one dossier, `build/` derives the ten parts of [`model::Dossier`] from them,
//! [`render`] shows it. The core is pure; [`files`] reads and writes. Two rules hold everywhere:
//!
//! - Every figure names the run it comes from by the id of a [`model::Reference`], and the reference says whether it was
//!   measured on the provider, measured on a stand-in, or simulated.
//! - What only a person knows comes from [`answers`]; what is missing there is an open item, never a guess.

pub mod admit;
pub mod answers;
pub mod build;
pub mod files;
pub mod interval;
pub mod model;
pub mod render;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use admit::{Evidence, Refusal};
pub use answers::Answers;
pub use build::build;
