//! What the two languages (policies and profiles) have in common: reading a file within bounds, quantities with units, and
//! errors that point at the exact place.

pub mod diagnosis;
pub mod located;
pub mod node;
pub mod parse;
pub mod quantity;
pub mod shaped;
pub mod short;
pub mod source;
pub mod suggest;

pub use diagnosis::Diagnosis;
pub use located::{Located, Place};
pub use node::Node;
pub use parse::parse;
pub use shaped::{Shape, Shaped};
pub use short::{Short, Words};
pub use source::Source;
