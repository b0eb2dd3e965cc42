//! What an algorithm is where it serves many keys: its terms, told once, and the state that each key has.

use super::{Decision, Limiter, Steady};
use crate::time::Nanos;

pub trait Algorithm {
    type State;

    /// Whether a state is one word by which alone it can be told that a request is refused ([`Algorithm::refusal`]).
    const IS_A_WORD: bool = false;

    /// The word of a state; nothing where it is none.
    fn word(_state: &Self::State) -> u64 {
        0
    }

    /// What [`Algorithm::check`] decides for a key of this word, if that is to refuse; then it leaves the state as it is.
    fn refusal(&self, _word: u64, _now: Nanos, _cost: u32) -> Option<Decision> {
        None
    }

    /// The state of a key that was never used.
    fn new_key(&self) -> Self::State;

    /// What [`Algorithm::check`] would decide; counts nothing.
    fn peek(&self, state: &mut Self::State, now: Nanos, cost: u32) -> Decision;

    /// Counts so much, admitted or not.
    fn count(&self, state: &mut Self::State, now: Nanos, cost: u32);

    /// Takes note that a request of this cost was refused. Only penalties do.
    fn refused(&self, _state: &mut Self::State, _now: Nanos, _cost: u32) {}

    /// Whether the state would decide everything to come as that of a new key does: it may be forgotten.
    fn is_new(&self, state: &mut Self::State, now: Nanos) -> bool;

    /// Decides one request, and counts it if it is admitted.
    fn check(&self, state: &mut Self::State, now: Nanos, cost: u32) -> Decision {
        let decision = self.peek(state, now, cost);
        match decision.admitted {
            true => self.count(state, now, cost),
            false => self.refused(state, now, cost),
        }
        decision
    }
}

/// Whatever makes limiters of one key: each key has one of its own, whose clock never goes back.
/// `|| RollingLog::new(rate)`.
impl<F: Fn() -> L, L: Limiter> Algorithm for F {
    type State = Steady<L>;

    fn new_key(&self) -> Steady<L> {
        Steady::new(self())
    }

    fn peek(&self, limiter: &mut Steady<L>, now: Nanos, cost: u32) -> Decision {
        limiter.peek(now, cost)
    }

    fn count(&self, limiter: &mut Steady<L>, now: Nanos, cost: u32) {
        limiter.count(now, cost);
    }

    fn refused(&self, limiter: &mut Steady<L>, now: Nanos, cost: u32) {
        limiter.refused(now, cost);
    }

    fn is_new(&self, limiter: &mut Steady<L>, now: Nanos) -> bool {
        limiter.is_new(now)
    }
}
