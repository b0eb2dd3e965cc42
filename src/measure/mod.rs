//! Measurement: counts, latencies and rates of one shard, merged without loss when the run is over.
//!
//! [`Measure`] takes the record stream; [`figures`] turns it into the figures of the summary, [`hlog`] into the file that
//! the standard HdrHistogram tools open.

pub mod class;
pub mod figures;
pub mod hlog;
pub mod latency;
pub mod observer;
pub mod seconds;
pub mod timeline;

pub use observer::Measure;
pub use timeline::step_for;
