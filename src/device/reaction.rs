//! What a client does about a refusal: how long it waits before the next attempt, or that it gives up.

use super::draws::Draws;
use crate::policy::signals::Hint;
use crate::scenario::fleet::{Backoff, Reaction};
use crate::time::Nanos;

/// The wait after attempt number `attempt` was turned away; None to give the operation up.
pub fn wait_after(reaction: &Reaction, attempt: u32, hint: Hint, draws: &mut Draws) -> Option<Nanos> {
    let (attempts, wait) = match reaction {
        Reaction::Obey(backoff) => {
            let told = hint.stay_away().unwrap_or_else(|| backoff.wait(attempt));
            (backoff.attempts, with_jitter(told, backoff.jitter, draws))
        }
        Reaction::Exponential(backoff) => (backoff.attempts, backed_off(backoff, attempt, draws)),
        Reaction::Stubborn { attempts } => (*attempts, Nanos::ZERO),
        Reaction::GiveUp => return None,
        Reaction::Preempt(preempt) => (preempt.attempts, hint.stay_away().unwrap_or(preempt.default_retry_time)),
    };
    (attempt < attempts).then_some(wait)
}

/// The wait after attempt number `attempt` met an overloaded server, which it was the operation's `overloads`th to do; None to
/// give the operation up. Only clients with settings of their own for it tell it from a refusal.
pub fn wait_after_overload(
    reaction: &Reaction,
    attempt: u32,
    overloads: u32,
    hint: Hint,
    draws: &mut Draws,
) -> Option<Nanos> {
    match reaction {
        Reaction::Preempt(preempt) => {
            (overloads <= preempt.maximum_retries).then(|| hint.stay_away().unwrap_or(preempt.default_retry_time))
        }
        other => wait_after(other, attempt, hint, draws),
    }
}

/// `backoff`'s wait after so many failures, jitter included.
pub fn backed_off(backoff: &Backoff, failed: u32, draws: &mut Draws) -> Nanos {
    with_jitter(backoff.wait(failed), backoff.jitter, draws)
}

/// Jitter is only ever added: nobody is back before the told time.
fn with_jitter(wait: Nanos, jitter: f64, draws: &mut Draws) -> Nanos {
    wait.saturating_add(wait.scale(jitter * draws.share()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::fleet::Preempt;

    proptest! {
        #[test]
        fn an_obedient_client_is_never_early_and_never_later_than_its_jitter(seed: u64, told in 0..90u64, attempt in 1..6u32) {
            let mut draws = Draws::seeded(seed);
            let told = Nanos::from_secs(told);
            let wait = wait_after(&Reaction::Obey(Backoff::DOCUMENTED), attempt, Hint::Wait(told), &mut draws).unwrap();
            prop_assert!(wait >= told && wait <= told.scale(1.3));
        }

        #[test]
        fn without_a_hint_the_wait_doubles_up_to_thirty_seconds(seed: u64, attempt in 1..6u32) {
            let mut draws = Draws::seeded(seed);
            let base = Nanos::from_secs([1, 2, 4, 8, 16][attempt as usize - 1]);
            for hint in [Hint::Absent, Hint::Malformed] {
                let wait = wait_after(&Reaction::Obey(Backoff::DOCUMENTED), attempt, hint, &mut draws).unwrap();
                prop_assert!(wait >= base && wait <= base.scale(1.3));
            }
        }
    }

    #[test]
    fn the_documented_backoff_stops_growing_at_thirty_seconds_and_never_overflows() {
        assert_eq!(Backoff::DOCUMENTED.wait(6), Nanos::from_secs(30));
        assert_eq!(Backoff::DOCUMENTED.wait(500), Nanos::from_secs(30));
    }

    const PREEMPT: Reaction =
        Reaction::Preempt(Preempt { default_retry_time: Nanos::from_secs(5), maximum_retries: 1, attempts: 3 });

    #[test]
    fn a_pre_emptive_client_waits_as_told_and_its_default_time_where_nothing_is_told() {
        let wait = |attempt, hint| wait_after(&PREEMPT, attempt, hint, &mut Draws::seeded(1));
        assert_eq!(wait(1, Hint::Wait(Nanos::from_secs(42))), Some(Nanos::from_secs(42)), "no jitter");
        assert_eq!(wait(2, Hint::Absent), Some(Nanos::from_secs(5)));
        assert_eq!(wait(3, Hint::Absent), None);
    }

    #[test]
    fn after_an_overload_it_tries_again_once_or_as_often_as_it_is_set_to() {
        let wait =
            |reaction, attempt| wait_after_overload(&reaction, attempt, attempt, Hint::Absent, &mut Draws::seeded(1));
        assert_eq!((wait(PREEMPT, 1), wait(PREEMPT, 2)), (Some(Nanos::from_secs(5)), None));
        let Reaction::Preempt(preempt) = PREEMPT else { unreachable!() };
        let patient = Reaction::Preempt(Preempt { maximum_retries: 3, ..preempt });
        assert_eq!((wait(patient, 3), wait(patient, 4)), (Some(Nanos::from_secs(5)), None));
        let never = Reaction::Preempt(Preempt { maximum_retries: 0, ..preempt });
        assert_eq!(wait(never, 1), None);
        let stubborn = Reaction::Stubborn { attempts: 2 };
        assert_eq!(wait(stubborn, 1), Some(Nanos::ZERO), "others take it as a refusal");
    }

    #[test]
    fn where_no_wait_is_named_the_reset_is_waited_for() {
        let reset = Hint::Reset(Nanos::from_secs(42));
        let wait = |reaction: &Reaction| wait_after(reaction, 1, reset, &mut Draws::seeded(1)).unwrap();
        assert!(wait(&Reaction::Obey(Backoff::DOCUMENTED)) >= Nanos::from_secs(42));
        assert_eq!(wait(&PREEMPT), Nanos::from_secs(42));
    }

    #[test]
    fn exponential_ignores_the_hint() {
        let plain = Backoff { jitter: 0.0, ..Backoff::DOCUMENTED };
        let hint = Hint::Wait(Nanos::from_secs(50));
        let wait = wait_after(&Reaction::Exponential(plain), 3, hint, &mut Draws::seeded(1));
        assert_eq!(wait, Some(Nanos::from_secs(4)));
    }

    #[test]
    fn attempts_are_counted_in_all() {
        let mut draws = Draws::seeded(1);
        assert!(wait_after(&Reaction::Obey(Backoff::DOCUMENTED), 5, Hint::Absent, &mut draws).is_some());
        assert_eq!(wait_after(&Reaction::Obey(Backoff::DOCUMENTED), 6, Hint::Absent, &mut draws), None);
        let stubborn = Reaction::Stubborn { attempts: 2 };
        assert_eq!(wait_after(&stubborn, 1, Hint::Wait(Nanos::from_secs(9)), &mut draws), Some(Nanos::ZERO));
        assert_eq!(wait_after(&stubborn, 2, Hint::Absent, &mut draws), None);
        assert_eq!(wait_after(&Reaction::GiveUp, 1, Hint::Absent, &mut draws), None);
    }
}
