//! What a server does with one stream too many: opens as many as are documented, one more of each kind that may be another
//! subscription, and sees which is refused, closed or kept.
//!
//! Like an [examination](super::Examination), a [`Survey`] says what to do and when, a driver does it and tells what came.

mod account;
mod found;
mod survey;
#[cfg(test)]
mod tests;

pub use found::{outcome, title};
pub use survey::{Attempt, End, Fate, Opening, Order, Question, Stream, Survey};
