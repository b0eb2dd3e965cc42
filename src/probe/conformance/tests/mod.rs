//! The trials against the reference server, in virtual time.

mod bounds;
mod expected;
mod matrix;
mod standstill;
mod testing;
mod too_little;

pub use testing::case;
