//! The trials against the reference server, in virtual time.

mod bounds;
mod expected;
mod matrix;
mod standstill;
mod testing;
mod too_little;
mod whole;

pub use testing::case;
