//! Finds out from outside what limiter a server has.
//!
//! **The hypotheses are our own limiters, replayed.** A [`hypothesis`] is a [`family`] with parameters, and an instance of
//! the implementations in [`crate::limiter`]. It is fed every exchange so far; since a server decides somewhere between a
//! request's first byte leaving and its answer coming, a prediction that changes within that time proves nothing. What is
//! left of a hypothesis's lengths after the [`fit`] is all that explains what was seen: an interval, not a point.
//!
//! The next experiment comes from a [catalogue](experiment), and is the one whose expected outcomes tell the remaining
//! hypotheses apart best for what it costs ([`choose`]).
//!
//! What a server promises besides (that who waits as told is let in, that what remains can be used, …) is found out by the
//! trials and checks of [`conformance`].
//!
//! Nothing here reads a clock or a socket: an [`Examination`] says what to send and when, a driver does it and tells what came
//! back.

mod abreast;
pub mod account;
mod alarm;
pub mod belief;
pub mod beside;
pub mod candidates;
pub mod choose;
mod compare;
pub mod conformance;
mod corner;
mod doubt;
mod histories;
pub mod examination;
mod excuse;
pub mod exchange;
pub mod experiment;
pub mod family;
pub mod fit;
mod forecast;
pub mod hypothesis;
pub mod outcome;
pub mod placing;
mod predict;
mod proof;
pub mod prober;
mod scan;
pub mod silences;
mod standstill;
pub mod streams;
pub mod variable;
mod wording;
#[cfg(test)]
mod tests;
pub mod witness;

pub use examination::Examination;
pub use prober::{Brief, End, Move, Prober};
