//! One limit for many keys: for one thread ([`Keyed`]), for many ([`Sharded`]; of a single key [`AtomicGcra`]), and
//! with a cap over the keys of one parent ([`Capped`]).
//!
//! Idle keys are forgotten, and only those of which nobody could tell: the ones that are as good as new.

mod atomic;
mod capped;
mod keyed;
mod keys;
mod latest_refusal;
mod sharded;
mod sync;
mod table;

pub use atomic::AtomicGcra;
pub use capped::Capped;
pub use keyed::Keyed;
pub use keys::Keys;
pub use sharded::Sharded;
