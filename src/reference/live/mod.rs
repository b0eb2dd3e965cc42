//! The reference server behind real sockets: HTTP/1.1 and WebSocket on one thread of its own.
//!
//! One task per connection, all on one thread, so that the platform needs no lock. Bounds: 16,384 connections, heads of
//! 16 KiB, bodies of 64 KiB. A client is cut off when its request's head or body takes longer than 10 s, or after 120 s
//! without a request; whoever does not take a stream's frames within 10 s, too.

mod connection;
mod patience;
mod server;
mod stream;
#[cfg(test)]
mod tests;

pub use server::{Running, start};
