//! One logical operation under way: which attempt it is at, and what it waits for.

use super::draws::Draws;
use super::reaction;
use super::token::TokenKeeper;
use super::{Actions, Answer, Cause, Failure, Flow, Note, Outcome};
use crate::policy::signals::Hint;
use crate::scenario::OperationId;
use crate::scenario::fleet::Reaction;
use crate::time::Nanos;

/// A logical operation from its first attempt to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    pub flow: Flow,
    /// Attempts made so far.
    pub attempt: u32,
    /// How many of them met an overloaded server.
    overloads: u32,
    /// Which token the last attempt carried ([`super::token::TokenKeeper::epoch`]).
    pub token_epoch: u8,
    cause: Cause,
    phase: Phase,
    /// Ready: when it is due. Waiting: until when. In flight: since when it has been due.
    at: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// To be sent as soon as the way is free.
    Ready,
    /// For a retry, or for a time that was agreed on.
    Waiting,
    InFlight,
}

/// An attempt to be made now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    pub flow: Flow,
    pub number: u32,
    pub due: Nanos,
    pub cause: Cause,
}

/// What an answer means for a call. The call itself already waits where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Served,
    /// The reaction asks for another attempt; the call waits for its time.
    Waits,
    GivenUp,
    /// 401: the token was not accepted.
    Unauthorized,
    /// No answer: the connection failed.
    Lost,
    /// The device dropped it itself.
    Cancelled,
}

impl Call {
    /// An operation that the schedule asks for.
    pub fn scheduled(flow: Flow, due: Nanos) -> Self {
        Call { flow, attempt: 0, overloads: 0, token_epoch: 0, cause: Cause::Schedule, phase: Phase::Ready, at: due }
    }

    /// An operation that follows from an answer or an event.
    pub fn following(flow: Flow, now: Nanos) -> Self {
        Call { cause: Cause::Answer, ..Call::scheduled(flow, now) }
    }

    /// To be tried again as soon as the way is free (and its wait, if it has one, is over).
    pub fn hold(&mut self) {
        self.cause = Cause::Answer;
        if self.in_flight() {
            self.phase = Phase::Ready;
        }
    }

    /// To be tried again, not before `until`.
    pub fn wait(&mut self, until: Nanos) {
        self.cause = Cause::Answer;
        self.phase = Phase::Waiting;
        self.at = until;
    }

    pub fn in_flight(&self) -> bool {
        self.phase == Phase::InFlight
    }

    /// When it can be sent, if the way is free from `open_from` on; never while it is in flight.
    pub fn ready_at(&self, open_from: Nanos) -> Nanos {
        match self.phase {
            Phase::Ready => open_from,
            Phase::Waiting => self.at.max(open_from),
            Phase::InFlight => Nanos::MAX,
        }
    }

    /// Makes the next attempt if its time has come.
    ///
    /// What the schedule asked for keeps its due time when it can be sent at once. What had to be held (no connection, no
    /// token, a wait) is due when the wait ends: from there on its time depends on answers.
    pub fn attempt_if_ready(&mut self, open_from: Nanos, now: Nanos) -> Option<Attempt> {
        let ready_at = self.ready_at(open_from);
        if ready_at > now {
            if self.phase == Phase::Ready {
                self.cause = Cause::Answer;
            }
            return None;
        }
        let due = if self.cause == Cause::Schedule { self.at } else { ready_at.max(self.at) };
        self.phase = Phase::InFlight;
        self.at = due;
        self.attempt += 1;
        Some(Attempt { flow: self.flow, number: self.attempt, due, cause: self.cause })
    }

    /// Takes the answer of the attempt in flight.
    pub fn settle(&mut self, now: Nanos, answer: &Answer, reaction: &Reaction, draws: &mut Draws) -> Settled {
        // The next attempt, should there be one, is due after this.
        self.at = now;
        match answer.outcome {
            Outcome::Served => Settled::Served,
            Outcome::Refused => self.retry(now, reaction::wait_after(reaction, self.attempt, answer.hint, draws)),
            Outcome::Overloaded | Outcome::Broken(500) => {
                self.overloads += 1;
                let (attempt, overloads) = (self.attempt, self.overloads);
                self.retry(now, reaction::wait_after_overload(reaction, attempt, overloads, answer.hint, draws))
            }
            Outcome::Rejected(401) => Settled::Unauthorized,
            Outcome::Rejected(_) | Outcome::Broken(_) => Settled::GivenUp,
            Outcome::Failed(Failure::Cancelled) => Settled::Cancelled,
            Outcome::Failed(_) => Settled::Lost,
        }
    }

    /// How a client goes on that waits for no connection of its own: whether the operation is over, and if so, whether it was
    /// served; else the call waits. `token` keeps the one that it carried, where another can be had: for no other credential
    /// can, and a request for a token carries none.
    pub fn conclude(
        &mut self,
        settled: Settled,
        now: Nanos,
        token: Option<&mut TokenKeeper>,
        reaction: &Reaction,
        draws: &mut Draws,
    ) -> Option<bool> {
        match (settled, token) {
            (Settled::Served, token) => {
                if let Some(token) = token {
                    token.proven();
                }
                Some(true)
            }
            (Settled::GivenUp | Settled::Cancelled, _) | (Settled::Unauthorized, None) => Some(false),
            (Settled::Waits, _) => None,
            (Settled::Unauthorized, Some(token)) => {
                let backoff = reaction.backoff();
                token.refused(self.token_epoch, now, &backoff, draws);
                self.hold();
                (self.attempt >= backoff.attempts.max(2)).then_some(false)
            }
            (Settled::Lost, _) => {
                let wait = reaction::wait_after(reaction, self.attempt, Hint::Absent, draws);
                (self.retry(now, wait) == Settled::GivenUp).then_some(false)
            }
        }
    }

    fn retry(&mut self, now: Nanos, wait: Option<Nanos>) -> Settled {
        let Some(wait) = wait else { return Settled::GivenUp };
        self.wait(now.saturating_add(wait));
        Settled::Waits
    }

    /// Tells the record that the operation is over. One that never made an attempt leaves no trace.
    pub fn finish(&self, operation: OperationId, served: bool, out: &mut Actions) {
        if self.attempt > 0 {
            let (flow, attempts) = (self.flow, self.attempt);
            out.notes.push(Note::Finished { operation, flow, attempts, served });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Body;
    use crate::policy::signals::Told;
    use crate::scenario::fleet::{Backoff, Preempt};

    fn answer(outcome: Outcome) -> Answer {
        Answer { outcome, hint: Hint::Absent, told: Told::default(), body: Body::None }
    }

    #[test]
    fn a_scheduled_call_keeps_its_due_time_only_if_nothing_held_it() {
        let due = Nanos::from_secs(5);
        let late = Nanos::from_secs(6);
        let mut prompt = Call::scheduled(Flow(1), due);
        let attempt = prompt.attempt_if_ready(Nanos::ZERO, late).unwrap();
        assert_eq!((attempt.due, attempt.cause), (due, Cause::Schedule));

        let mut held = Call::scheduled(Flow(1), due);
        assert_eq!(held.attempt_if_ready(Nanos::from_secs(9), late), None);
        let attempt = held.attempt_if_ready(Nanos::from_secs(9), Nanos::from_secs(10)).unwrap();
        assert_eq!((attempt.due, attempt.cause), (Nanos::from_secs(9), Cause::Answer));
    }

    #[test]
    fn a_retry_is_due_when_its_wait_ends() {
        let plain = Reaction::Exponential(Backoff { jitter: 0.0, ..Backoff::DOCUMENTED });
        let mut call = Call::scheduled(Flow(1), Nanos::ZERO);
        call.attempt_if_ready(Nanos::ZERO, Nanos::ZERO).unwrap();
        assert!(call.in_flight());
        let now = Nanos::from_secs(3);
        let settled = call.settle(now, &answer(Outcome::Broken(500)), &plain, &mut Draws::seeded(1));
        assert_eq!(settled, Settled::Waits);
        assert_eq!(call.attempt_if_ready(Nanos::ZERO, Nanos::from_millis(3_999)), None);
        let attempt = call.attempt_if_ready(Nanos::ZERO, Nanos::from_secs(5)).unwrap();
        assert_eq!((attempt.number, attempt.due, attempt.cause), (2, Nanos::from_secs(4), Cause::Answer));
    }

    #[test]
    fn a_refusal_before_takes_nothing_from_the_retries_after_an_overload() {
        let preempt = Preempt { default_retry_time: Nanos::from_secs(5), maximum_retries: 1, attempts: 6 };
        let reaction = Reaction::Preempt(preempt);
        let mut call = Call::scheduled(Flow(1), Nanos::ZERO);
        let outcomes = [Outcome::Refused, Outcome::Overloaded, Outcome::Overloaded];
        let settled = outcomes.map(|outcome| {
            call.attempt_if_ready(Nanos::ZERO, Nanos::from_secs(3_600)).unwrap();
            call.settle(Nanos::ZERO, &answer(outcome), &reaction, &mut Draws::seeded(1))
        });
        assert_eq!(settled, [Settled::Waits, Settled::Waits, Settled::GivenUp]);
    }

    #[test]
    fn only_transient_answers_are_worth_another_attempt() {
        let reaction = Reaction::Obey(Backoff::DOCUMENTED);
        let cases = [
            (Outcome::Served, Settled::Served),
            (Outcome::Refused, Settled::Waits),
            (Outcome::Overloaded, Settled::Waits),
            (Outcome::Broken(500), Settled::Waits),
            (Outcome::Broken(502), Settled::GivenUp),
            (Outcome::Rejected(401), Settled::Unauthorized),
            (Outcome::Rejected(404), Settled::GivenUp),
            (Outcome::Failed(Failure::Reset), Settled::Lost),
            (Outcome::Failed(Failure::Cancelled), Settled::Cancelled),
        ];
        for (outcome, expected) in cases {
            let mut call = Call::scheduled(Flow(1), Nanos::ZERO);
            call.attempt_if_ready(Nanos::ZERO, Nanos::ZERO).unwrap();
            let settled = call.settle(Nanos::ZERO, &answer(outcome), &reaction, &mut Draws::seeded(1));
            assert_eq!(settled, expected, "{outcome:?}");
        }
    }
}
