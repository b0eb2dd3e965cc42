//! Profiles: the YAML in which experiments are written, and their way into a [`crate::scenario::Scenario`].
//!
//! [`document`] is what may be written, [`resolve`] makes a scenario of it or says what is wrong, [`descriptors`] tells how
//! many open files a scenario takes, [`secrets`] fetches what no file may hold, [`draft`] is a profile that may be changed
//! before it is resolved, [`warnings`] names what is allowed and most likely not meant.

pub mod descriptors;
pub mod document;
pub mod draft;
pub mod kind;
pub mod load;
pub mod resolve;
pub mod secrets;
pub mod warnings;

pub use draft::{Draft, no_such_group};
pub use load::{builtin_names, find, last, load, load_source};
