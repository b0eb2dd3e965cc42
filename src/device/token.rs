//! A token in hand: when it may be used, when the next one is asked for, and what a 401 does to it.

use super::draws::Draws;
use super::reaction::backed_off;
use crate::scenario::fleet::Backoff;
use crate::time::Nanos;

/// Keeps one token.
#[derive(Clone, Debug)]
pub struct TokenKeeper {
    token: Option<Box<str>>,
    since: Nanos,
    renew_at: Nanos,
    ends: Nanos,
    /// The next request for a token goes out no sooner.
    not_before: Nanos,
    /// Requests for a token that failed in a row.
    failures: u8,
    /// Tokens refused in a row, without a served request in between.
    refused: u8,
    epoch: u8,
}

impl TokenKeeper {
    pub fn empty() -> Self {
        TokenKeeper {
            token: None,
            since: Nanos::ZERO,
            renew_at: Nanos::MAX,
            ends: Nanos::MAX,
            not_before: Nanos::ZERO,
            failures: 0,
            refused: 0,
            epoch: 0,
        }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Counts the tokens, so that a 401 is blamed on the one it was about.
    pub fn epoch(&self) -> u8 {
        self.epoch
    }

    /// From when on requests can carry a token: never, while there is none.
    pub fn usable_from(&self) -> Nanos {
        if self.token.is_some() { self.since } else { Nanos::MAX }
    }

    /// When the next token should be asked for.
    pub fn fetch_at(&self) -> Nanos {
        if self.token.is_some() { self.renew_at.max(self.not_before) } else { self.not_before }
    }

    /// When the token in hand is no longer good, by its own lifetime.
    pub fn ends(&self) -> Nanos {
        if self.token.is_some() { self.ends } else { Nanos::MAX }
    }

    /// Drops a token whose lifetime is over.
    pub fn expire(&mut self, now: Nanos) {
        if now >= self.ends() {
            self.token = None;
        }
    }

    /// Takes a new token. It is renewed `renew_before` its end; one that lives no longer than that, at half its life.
    pub fn accept(&mut self, now: Nanos, token: Box<str>, lifetime: Nanos, renew_before: Nanos) {
        let kept = if lifetime > renew_before { lifetime - renew_before } else { Nanos(lifetime.0 / 2) };
        self.token = Some(token);
        self.since = now;
        self.renew_at = now.saturating_add(kept);
        self.ends = now.saturating_add(lifetime);
        self.failures = 0;
        self.not_before = Nanos::ZERO;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// The token in hand ended (an event, a reboot).
    pub fn forget(&mut self) {
        self.token = None;
        self.not_before = Nanos::ZERO;
    }

    /// A request for a token came to nothing: the next one waits.
    pub fn fetch_failed(&mut self, now: Nanos, backoff: &Backoff, draws: &mut Draws) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(backed_off(backoff, self.failures.into(), draws));
    }

    /// The token of this epoch was answered 401. A new one is asked for at once; if that is refused too, with backoff.
    pub fn refused(&mut self, epoch: u8, now: Nanos, backoff: &Backoff, draws: &mut Draws) {
        if epoch != self.epoch || self.token.is_none() {
            return;
        }
        self.token = None;
        self.refused = self.refused.saturating_add(1);
        if self.refused > 1 {
            let wait = backed_off(backoff, u32::from(self.refused) - 1, draws);
            self.not_before = now.saturating_add(wait);
        }
    }

    /// A request with the token was served.
    pub fn proven(&mut self) {
        self.refused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Nanos = Nanos::from_secs(3600);
    const PLAIN: Backoff = Backoff { jitter: 0.0, ..Backoff::DOCUMENTED };

    fn holding(lifetime: Nanos, renew_before: Nanos) -> TokenKeeper {
        let mut keeper = TokenKeeper::empty();
        keeper.accept(HOUR, "t".into(), lifetime, renew_before);
        keeper
    }

    #[test]
    fn a_token_is_renewed_before_its_end_and_a_short_one_at_half_its_life() {
        assert_eq!(holding(HOUR * 24, Nanos::from_secs(300)).fetch_at(), HOUR * 25 - Nanos::from_secs(300));
        assert_eq!(holding(Nanos::from_secs(60), Nanos::from_secs(300)).fetch_at(), HOUR + Nanos::from_secs(30));
    }

    #[test]
    fn the_first_401_asks_for_a_token_at_once_and_repeated_ones_back_off() {
        let mut draws = Draws::seeded(1);
        let mut keeper = holding(HOUR, Nanos::ZERO);
        keeper.refused(keeper.epoch(), HOUR, &PLAIN, &mut draws);
        assert!(keeper.fetch_at() <= HOUR);
        for wait in [1, 2, 4] {
            keeper.accept(HOUR, "t".into(), HOUR, Nanos::ZERO);
            keeper.refused(keeper.epoch(), HOUR, &PLAIN, &mut draws);
            assert_eq!(keeper.fetch_at(), HOUR + Nanos::from_secs(wait));
        }
        keeper.accept(HOUR, "t".into(), HOUR, Nanos::ZERO);
        keeper.proven();
        keeper.refused(keeper.epoch(), HOUR, &PLAIN, &mut draws);
        assert!(keeper.fetch_at() <= HOUR);
    }

    #[test]
    fn a_401_about_an_older_token_leaves_the_new_one_alone() {
        let mut keeper = holding(HOUR, Nanos::ZERO);
        let old = keeper.epoch();
        keeper.accept(HOUR, "new".into(), HOUR, Nanos::ZERO);
        keeper.refused(old, HOUR, &PLAIN, &mut Draws::seeded(1));
        assert_eq!(keeper.token(), Some("new"));
    }
}
