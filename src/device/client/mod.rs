//! A scripted client: it makes the requests that a profile describes, to any HTTP API, when the profile says.
//!
//! [`machine`] decides when what is sent, [`errand`] what one request is and what follows from its answer, [`render`] writes
//! it as HTTP, [`read`] looks into answers and their headers for what a script needs, [`stream`] keeps WebSockets open,
//! [`specimen`] shows what a client would send.

pub mod errand;
mod link;
pub mod machine;
pub mod plan;
pub mod read;
pub mod render;
pub mod specimen;
pub mod stream;

#[cfg(test)]
mod tests;

pub use machine::Client;
pub use plan::ClientPlan;
pub use specimen::Specimen;
