//! An operator's client: it takes a token, asks its questions on their schedules, follows the commands it gives, and keeps
//! its stream open. The bad habits that providers warn of are settings of the same client.
//!
//! [`machine`] decides when what is sent, [`ask`] what a question's next request is, [`wire`] writes and reads HTTP.

pub mod ask;
pub mod machine;
pub mod plan;
pub mod sets;
pub mod wire;

pub use machine::Operator;
pub use plan::OperatorPlan;
