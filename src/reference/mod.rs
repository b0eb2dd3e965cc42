//! The built-in reference server.
//!
//! A [`platform`] is an API as a pure state machine, told the time and the requests: [`tellus`] knows the whole of the
//! Tellus API, [`generic`] serves any other policy's requests. [`live`] puts either behind sockets.

mod fitness;
pub mod generic;
pub mod http;
pub mod live;
mod overload;
pub mod platform;
mod query;
pub mod quota_headers;
pub mod refusal;
pub mod tellus;
mod tokens;
pub use fitness::{check, check_options, check_unfilled};

#[cfg(test)]
pub(crate) mod testing;
