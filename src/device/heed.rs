//! What a client has been told of its quotas, and until when it holds requests back for it.

use std::sync::Arc;

use crate::device::{Answer, Outcome};
use crate::policy::model::ClassId;
use crate::policy::pause::PauseRule;
use crate::scenario::fleet::Reaction;
use crate::scenario::{OperationId, Scenario};
use crate::signals::LONGEST_WAIT;
use crate::time::Nanos;

/// What a pre-emptive client knows from the documents; the same for all clients of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Documented {
    /// By operation: its class, where the policy or the profile names it.
    operations: Vec<Option<ClassId>>,
    /// By class.
    pauses: Vec<PauseRule>,
    /// Of what is in no known class.
    unclassified: PauseRule,
}

impl Documented {
    /// None for clients of another mind than [`Reaction::Preempt`]: they remember nothing.
    pub fn of(scenario: &Scenario, reaction: &Reaction) -> Option<Arc<Self>> {
        matches!(reaction, Reaction::Preempt(_)).then(|| {
            let policy = &scenario.policy;
            let pause = |index| PauseRule::new(policy, Some(ClassId(index as u8)));
            Arc::new(Documented {
                operations: scenario.operations.iter().map(|(_, operation)| operation.class).collect(),
                pauses: (0..policy.classes.len()).map(pause).collect(),
                unclassified: PauseRule::new(policy, None),
            })
        })
    }

    fn pause(&self, class: Option<ClassId>) -> &PauseRule {
        class.map_or(&self.unclassified, |class| &self.pauses[class.index()])
    }
}

/// The memory of a pre-emptive client: a class of which nothing remained is left alone until its window is over. What
/// neither the documents nor answers put into a class counts as one together.
#[derive(Clone, Debug, Default)]
pub struct Heed {
    documented: Option<Arc<Documented>>,
    /// The class of each operation, as its answers have told.
    operations: Vec<(OperationId, ClassId)>,
    /// Until when each class is left alone.
    closed: Vec<(Option<ClassId>, Nanos)>,
}

impl Heed {
    pub fn new(documented: Option<Arc<Documented>>) -> Self {
        Heed { documented, ..Heed::default() }
    }

    pub fn take(&mut self, now: Nanos, operation: OperationId, answer: &Answer) {
        let Some(documented) = self.documented.clone() else { return };
        let told = answer.told;
        if let Some(class) = told.class {
            self.operations.retain(|(known, _)| *known != operation);
            self.operations.push((operation, class));
        }
        let class = self.class(operation);
        let wait = match answer.outcome {
            // A wait of five centuries is a mistake, and no reason never to come back.
            Outcome::Refused => answer.hint.stay_away().map(|wait| wait.min(LONGEST_WAIT)),
            // Whatever became of the request, it may have counted.
            _ => (told.remaining == Some(0)).then(|| documented.pause(class).after(&told).lasts),
        };
        if let Some(wait) = wait {
            self.close(class, now.saturating_add(wait));
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

    /// What answers tell is nearer to the truth than what is written.
    fn class(&self, operation: OperationId) -> Option<ClassId> {
        let told = self.operations.iter().find(|(known, _)| *known == operation).map(|(_, class)| *class);
        told.or_else(|| *self.documented.as_ref()?.operations.get(usize::from(operation.0))?)
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
    use crate::testing::{DEVICE, SITES, STATUS, TOKEN, scenario};

    const MINUTE: Nanos = Nanos::from_secs(60);
    const DAY: Nanos = Nanos::from_secs(86_400);
    const PREEMPT: Reaction =
        Reaction::Preempt(Preempt { default_retry_time: Nanos::from_secs(5), maximum_retries: 1, attempts: 6 });

    /// A client under a policy whose windows are a minute long. Unless it is `mapped`, answers tell the classes.
    fn client(mapped: bool) -> Heed {
        let mut scenario = scenario(1);
        if !mapped {
            let all: Vec<OperationId> = scenario.operations.iter().map(|(id, _)| id).collect();
            all.into_iter().for_each(|id| scenario.operations.classify(id, None));
        }
        Heed::new(Documented::of(&scenario, &PREEMPT))
    }

    fn answer(class: Option<u8>, remaining: u32) -> Answer {
        let told = Told { present: true, class: class.map(ClassId), remaining: Some(remaining), ..Told::default() };
        Answer { outcome: Outcome::Served, hint: Hint::Absent, told, body: Body::None }
    }

    /// Until when a client stays away that is told at 10 s that nothing remains, and this besides.
    fn stays_away(reset: Option<Nanos>, window: Option<Nanos>) -> Nanos {
        let mut heed = client(true);
        let mut empty = answer(None, 0);
        (empty.told.reset, empty.told.window) = (reset, window);
        heed.take(Nanos::from_secs(10), SITES, &empty);
        heed.opens(SITES)
    }

    #[test]
    fn a_class_is_left_alone_for_its_window_and_others_are_not() {
        let mut heed = client(false);
        let now = Nanos::from_secs(10);
        heed.take(now, DEVICE, &answer(Some(0), 7));
        heed.take(now, TOKEN, &answer(Some(1), 1));
        heed.take(now, SITES, &answer(Some(0), 1));
        assert_eq!(heed.opens(SITES), Nanos::ZERO);
        heed.take(now, SITES, &answer(Some(0), 0));
        assert_eq!((heed.opens(SITES), heed.opens(DEVICE)), (now + MINUTE, now + MINUTE));
        assert_eq!(heed.opens(TOKEN), Nanos::ZERO, "an answer in one class says nothing of another");
    }

    #[test]
    fn classes_that_no_answer_names_are_known_from_the_documents() {
        let mut heed = client(true);
        heed.take(Nanos::ZERO, SITES, &answer(None, 0));
        assert_eq!((heed.opens(DEVICE), heed.opens(TOKEN), heed.opens(STATUS)), (MINUTE, Nanos::ZERO, Nanos::ZERO));
        let mut ignorant = client(false);
        ignorant.take(Nanos::ZERO, SITES, &answer(None, 0));
        assert_eq!((ignorant.opens(DEVICE), ignorant.opens(TOKEN)), (MINUTE, MINUTE), "any may be meant");
    }

    #[test]
    fn what_is_told_is_heeded_as_far_as_the_documents_can_mean_it() {
        let at = |secs: u64| Nanos::from_secs(10 + secs);
        let secs = |secs| Some(Nanos::from_secs(secs));
        assert_eq!(stays_away(secs(3), secs(60)), at(3), "a time that is left is better than a length");
        assert_eq!(stays_away(None, secs(90)), at(90));
        assert_eq!(stays_away(None, None), at(60), "the documented window stands in");
        for nonsense in [Nanos::from_secs(60_000), DAY, Nanos::from_secs(500 * 365 * 86_400), Nanos::MAX] {
            assert_eq!(stays_away(Some(nonsense), None), at(60), "{nonsense}");
            assert_eq!(stays_away(Some(nonsense), secs(45)), at(45), "{nonsense}");
            assert_eq!(stays_away(None, Some(nonsense)), at(60), "{nonsense}");
        }
    }

    #[test]
    fn a_refusal_closes_its_class_for_the_wait_it_tells() {
        let mut heed = client(true);
        let refused = |wait| Answer { outcome: Outcome::Refused, hint: Hint::Wait(wait), ..answer(None, 0) };
        heed.take(Nanos::ZERO, SITES, &refused(Nanos::from_secs(17)));
        assert_eq!(heed.opens(DEVICE), Nanos::from_secs(17));
        heed.take(Nanos::ZERO, SITES, &refused(Nanos::MAX));
        assert_eq!(heed.opens(DEVICE), DAY);
    }

    #[test]
    fn other_clients_heed_nothing() {
        let mut heed = Heed::new(Documented::of(&scenario(1), &Reaction::Obey(Backoff::DOCUMENTED)));
        heed.take(Nanos::ZERO, SITES, &answer(Some(0), 0));
        assert_eq!(heed.opens(SITES), Nanos::ZERO);
    }
}
