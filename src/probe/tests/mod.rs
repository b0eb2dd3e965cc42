//! The probe against every limiter there is, in virtual time.

mod counters;
mod matrix;
mod world;
