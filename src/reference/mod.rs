//! The built-in reference server.
//!
//! [`tellus`] is the platform as a pure state machine, told the time and the requests; [`live`] puts it behind sockets.

pub mod http;
pub mod live;
pub mod tellus;
#[cfg(test)]
pub(crate) mod testing;
