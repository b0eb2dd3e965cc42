//! The probe against every limiter there is, in virtual time.

mod matrix;
mod world;
