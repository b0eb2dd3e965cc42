//! The probe against every limiter there is, in virtual time.

pub(super) mod case;
mod counters;
mod matrix;
mod network;
mod open;
mod truth;
mod world;
