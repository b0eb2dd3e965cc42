//! The trials against the reference server, in virtual time.

mod matrix;
mod world;
