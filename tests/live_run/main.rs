//! The program as its users run it: the binary, real sockets, directories of their own.

#[path = "../common/server.rs"]
mod server;
mod stage;

mod agrees;
mod faults;
mod hostile;
mod limits;
mod quota_headers;
mod reports;
mod signals;
mod verdicts;
