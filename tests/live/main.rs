//! The live driver over real sockets: scripted devices against servers that behave as badly as servers do.

#[path = "../common/server.rs"]
mod server;
mod stage;

mod clients;
mod connections;
mod end_of_run;
mod failures;
mod schedule;
mod signals;
mod streams;
mod tls;
