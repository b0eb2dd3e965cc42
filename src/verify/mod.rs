//! Verification: what happened held against what the provider documents. Pure functions of the record stream.
//!
//! A [`Verifier`] takes the observations of one shard; shards merge, because no scope key spans two of them. Whose fault
//! a check looks for says where it stands:
//! - the **fleet**: [`demand`] and [`streams`] count what was asked of each limit, [`quota`] judges it, [`blame`] says whose
//!   doing an excess is, and [`service`] tells of chargers that were never let in;
//! - the **server**: [`answers`], [`admission`], [`refusal`], [`scope`], [`streams`], [`shutout`],
//!   [`delivery`], [`hint`], [`contract`], judged only where its documents and the
//!   timing leave no way out; the findings of most are worded in [`server`];
//! - the **server**'s quota headers, and what clients make of them: [`told`];
//! - the **client**: [`hint`], [`reaction`], [`overload`], [`cadence`], and the provider's recommendations in [`guidance`].

pub mod admission;
pub mod answers;
pub mod blame;
pub mod cadence;
pub mod class;
pub mod classes;
pub mod contract;
pub mod delivery;
pub mod demand;
pub mod exhibit;
pub mod guidance;
pub mod heaviest;
pub mod hint;
pub mod keyed;
pub mod overload;
pub mod quota;
pub mod rate;
pub mod reaction;
pub mod refusal;
pub mod repeats;
pub mod scope;
pub mod series;
pub mod server;
pub mod service;
pub mod shutout;
pub mod streams;
pub mod tally;
pub mod terms;
pub mod told;
pub mod verifier;
pub mod words;

#[cfg(test)]
mod defects;
#[cfg(test)]
mod honest;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod unchanged;

pub use verifier::{Verified, Verifier};
