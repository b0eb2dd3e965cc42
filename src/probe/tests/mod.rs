//! The probe against every limiter there is, in virtual time.

mod case;
mod counters;
mod matrix;
mod network;
mod open;
mod truth;
mod world;
