//! Whether a server keeps its promises: what is sent to find out, and what the answers prove.
//!
//! **The judgements are those of a run.** What was sent is told to [`crate::verify`] as any run is (`ledger.rs`), so that a
//! probe accuses by the same proofs: more let through than any reading of the words allows, refusals that none explains,
//! waits that were honoured in vain, headers that cannot be right. A probe adds the [trials](trial::Trial) that let those
//! proofs bite, and the checks that only somebody who sends what he likes can make (`checks/`).
//!
//! [`list::CHECKS`] names every check and the known defects that it looks for. A trial that the budget does not allow is not
//! made, and the checks that need it say that they have no data.

pub(super) mod checks;
pub mod conduct;
mod ledger;
pub mod list;
pub mod next;
pub mod reach;
pub mod terms;
pub mod transcript;
#[cfg(test)]
pub(super) mod tests;
pub mod trial;

pub use conduct::Conduct;
pub use list::rows;
pub use reach::Reach;
pub use terms::Case;
pub use transcript::Transcript;
