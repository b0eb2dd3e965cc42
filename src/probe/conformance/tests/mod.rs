//! The trials against the reference server, in virtual time.

mod expected;
mod matrix;
mod world;
