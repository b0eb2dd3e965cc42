//! The summary of a run: put together from what was measured and verified, with the gates evaluated and the conclusion
//! drawn.

mod build;
mod conclusion;
mod facts;
mod harness;
mod learning;
mod recorder;
mod unreached;
mod words;

#[cfg(test)]
pub mod testing;

pub use build::assemble;
pub use facts::RunFacts;
pub use recorder::{Outcome, Recorder};
