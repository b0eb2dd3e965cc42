//! What a client has been told of its quotas, and until when it holds requests back for it.

use crate::device::{Answer, Outcome};
use crate::policy::model::ClassId;
use crate::scenario::OperationId;
use crate::scenario::fleet::Reaction;
use crate::signals::LONGEST_WAIT;
use crate::time::Nanos;

/// The wait for a reset where an answer says that nothing remains, and not how long a window is.
const UNTOLD_WINDOW: Nanos = Nanos::from_secs(60);

/// The memory of a pre-emptive client: a class of which nothing remained is left alone for its window. What a provider's
/// answers do not put into a class counts as one together.
#[derive(Clone, Debug, Default)]
pub struct Heed {
    /// The class of each operation, as its answers have told.
    operations: Vec<(OperationId, ClassId)>,
    /// Until when each class is left alone.
    closed: Vec<(Option<ClassId>, Nanos)>,
}

impl Heed {
    /// Takes an answer. Clients of another mind than [`Reaction::Preempt`] remember nothing.
    pub fn take(&mut self, now: Nanos, operation: OperationId, answer: &Answer, reaction: &Reaction) {
        if !matches!(reaction, Reaction::Preempt(_)) {
            return;
        }
        let told = answer.told;
        if let Some(class) = told.class {
            self.operations.retain(|(known, _)| *known != operation);
            self.operations.push((operation, class));
        }
        let refused = (answer.outcome == Outcome::Refused).then(|| answer.hint.wait()).flatten();
        // A time that is left is what a window's length stands in for.
        let window = told.reset.or(told.window).unwrap_or(UNTOLD_WINDOW);
        let empty = (told.remaining == Some(0) && answer.outcome == Outcome::Served).then_some(window);
        if let Some(wait) = refused.or(empty) {
            // A wait of five centuries is a mistake, and no reason never to come back.
            self.close(self.class(operation), now.saturating_add(wait.min(LONGEST_WAIT)));
        }
    }

    /// From when on an operation may be sent.
    pub fn opens(&self, operation: OperationId) -> Nanos {
        if self.closed.is_empty() {
            return Nanos::ZERO;
        }
        let class = self.class(operation);
        let until = self.closed.iter().find(|(closed, _)| *closed == class).map(|(_, until)| *until);
        until.unwrap_or_default()
    }

    fn class(&self, operation: OperationId) -> Option<ClassId> {
        self.operations.iter().find(|(known, _)| *known == operation).map(|(_, class)| *class)
    }

    fn close(&mut self, class: Option<ClassId>, until: Nanos) {
        match self.closed.iter_mut().find(|(closed, _)| *closed == class) {
            Some((_, known)) => *known = until.max(*known),
            None => self.closed.push((class, until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Body;
    use crate::policy::signals::{Hint, Told};
    use crate::scenario::fleet::{Backoff, Preempt};

    const LIGHT: OperationId = OperationId(0);
    const ALSO_LIGHT: OperationId = OperationId(1);
    const HEAVY: OperationId = OperationId(2);
    const MINUTE: Nanos = Nanos::from_secs(60);
    const PREEMPT: Reaction =
        Reaction::Preempt(Preempt { default_retry_time: Nanos::from_secs(5), maximum_retries: 1, attempts: 6 });

    fn answer(class: u8, remaining: u32) -> Answer {
        let told = Told {
            present: true,
            class: Some(ClassId(class)),
            remaining: Some(remaining),
            window: Some(MINUTE),
            ..Told::default()
        };
        Answer { outcome: Outcome::Served, hint: Hint::Absent, told, body: Body::None }
    }

    #[test]
    fn a_class_is_left_alone_for_its_window_and_others_are_not() {
        let mut heed = Heed::default();
        let now = Nanos::from_secs(10);
        heed.take(now, ALSO_LIGHT, &answer(0, 7), &PREEMPT);
        heed.take(now, HEAVY, &answer(1, 1), &PREEMPT);
        heed.take(now, LIGHT, &answer(0, 1), &PREEMPT);
        assert_eq!(heed.opens(LIGHT), Nanos::ZERO);
        heed.take(now, LIGHT, &answer(0, 0), &PREEMPT);
        assert_eq!((heed.opens(LIGHT), heed.opens(ALSO_LIGHT)), (now + MINUTE, now + MINUTE));
        assert_eq!(heed.opens(HEAVY), Nanos::ZERO, "a Light answer says nothing of Heavy");
    }

    #[test]
    fn a_reset_is_better_than_a_length() {
        let mut heed = Heed::default();
        let mut told = answer(0, 0);
        told.told.reset = Some(Nanos::from_secs(3));
        heed.take(Nanos::ZERO, LIGHT, &told, &PREEMPT);
        assert_eq!(heed.opens(LIGHT), Nanos::from_secs(3));
    }

    #[test]
    fn a_wait_beyond_reason_is_heeded_for_a_day() {
        for reset in [Nanos::MAX, Nanos::from_secs(500 * 365 * 86_400)] {
            let mut heed = Heed::default();
            let mut told = answer(0, 0);
            told.told.reset = Some(reset);
            heed.take(MINUTE, LIGHT, &told, &PREEMPT);
            assert_eq!(heed.opens(LIGHT), MINUTE + Nanos::from_secs(86_400));
        }
    }

    #[test]
    fn a_refusal_closes_its_class_for_the_wait_it_tells() {
        let mut heed = Heed::default();
        heed.take(Nanos::ZERO, LIGHT, &answer(0, 5), &PREEMPT);
        let hint = Hint::Wait(Nanos::from_secs(17));
        let refused = Answer { outcome: Outcome::Refused, hint, ..answer(0, 0) };
        heed.take(Nanos::ZERO, LIGHT, &refused, &PREEMPT);
        assert_eq!(heed.opens(LIGHT), Nanos::from_secs(17));
    }

    #[test]
    fn other_clients_heed_nothing() {
        let mut heed = Heed::default();
        heed.take(Nanos::ZERO, LIGHT, &answer(0, 0), &Reaction::Obey(Backoff::DOCUMENTED));
        assert_eq!(heed.opens(LIGHT), Nanos::ZERO);
    }
}
