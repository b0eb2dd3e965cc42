//! The live driver: real sockets, one shard per core.
//!
//! [`run()`] starts a thread per shard. A `shard` owns its devices and feeds them; it keeps what is due in an `agenda`,
//! sleeps on a precise `timer`, and speaks to its connections through a `link`: a `lane` per own connection of a device,
//! the `pool` of back ends, a `stream` per WebSocket. Shards share nothing while they run but the counters of
//! [`Control`].
//!
//! A request is `sent` when its first byte is about to be written to an open connection; one of the pool is sent when it
//! is handed to the pool, which opens connections on its own.

mod agenda;
mod answer;
mod chunked;
mod control;
mod deadline;
mod endpoint;
mod http1;
mod lane;
#[cfg(any(target_os = "linux", test))]
mod lead;
mod link;
mod pool;
mod probe;
mod reach;
mod run;
mod shard;
pub mod signals;
mod socket;
mod standstill;
mod stream;
mod timer;
mod tls;

pub use control::{Control, Counts, Stop};
pub use probe::{ProbeEnd, ProbeTarget, Reached, probe, survey};
pub use run::{LiveEnd, LiveError, LiveOptions, run};
