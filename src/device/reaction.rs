//! What a client does about a refusal: how long it waits before the next attempt, or that it gives up.

use super::draws::Draws;
use crate::policy::signals::Hint;
use crate::scenario::fleet::{Backoff, Reaction};
use crate::time::Nanos;

/// The wait after attempt number `attempt` was turned away; None to give the operation up.
pub fn wait_after(reaction: &Reaction, attempt: u32, hint: Hint, draws: &mut Draws) -> Option<Nanos> {
    let (attempts, wait) = match reaction {
        Reaction::Obey(backoff) => {
            let told = hint.wait().unwrap_or_else(|| backoff.wait(attempt));
            (backoff.attempts, with_jitter(told, backoff.jitter, draws))
        }
        Reaction::Exponential(backoff) => (backoff.attempts, backed_off(backoff, attempt, draws)),
        Reaction::Stubborn { attempts } => (*attempts, Nanos::ZERO),
        Reaction::GiveUp => return None,
    };
    (attempt < attempts).then_some(wait)
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
