//! A provider's published quota contract: who may send how much of what, how a refusal looks, and what is left unsaid.
//!
//! [`model`] is the contract as the rest of the harness uses it, [`document`] the YAML it is written in; [`mod@load`] leads
//! from the one to the other, [`words`] puts it in plain English.

pub mod document;
pub mod load;
pub mod matching;
pub mod model;
pub mod pause;
pub mod print;
pub mod reading;
pub mod signals;
pub mod silence;
pub mod told;
pub mod waits;
pub mod words;

#[cfg(test)]
pub mod testing;

pub use load::{builtin, builtin_names, find, load};
