//! Requests that an answer in hand, or a stream, would have saved.

use super::keyed::Keyed;
use crate::device::Outcome;
use crate::record::{Record, Sent};
use crate::scenario::operation::Detail;
use crate::scenario::{DeviceId, OperationId};
use crate::time::Nanos;

/// Who asked for what: a client, an operation, and the resource that it names.
type Question = (DeviceId, OperationId, u32);

/// What counts as asking again too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Sooner than this after the last question: polling.
    Asked,
    /// Sooner than this after an answer that was still good.
    Answered,
}

/// Finds questions that are repeated too soon.
#[derive(Clone, Debug)]
pub struct Repeats {
    since: Since,
    questions: Keyed<Question, Memory>,
    /// The longest time that any question is remembered.
    remember: Nanos,
}

#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    known: Option<Nanos>,
    /// Whether its last asking was a repetition: then its pages and retries are wasted too.
    again: bool,
    /// Whether a further page was asked for last and not served: part of a listing is no answer to keep.
    broken_off: bool,
}

impl Repeats {
    pub fn new(since: Since, remember: Nanos) -> Self {
        Repeats { since, questions: Keyed::default(), remember }
    }

    /// How long ago the question of a request was asked or answered, if that is sooner than `good_for`; also for the
    /// further pages and retries of such a repetition.
    pub fn sent(&mut self, at: Nanos, sent: &Sent, good_for: Nanos) -> Option<Nanos> {
        let remember = self.remember;
        let idle = |question: &mut Memory| question.known.is_none_or(|known| known.saturating_add(remember) <= at);
        let question = self.questions.entry(question(sent.device, sent.operation, sent.detail), idle);
        let ago = question.known.map(|known| at.saturating_sub(known));
        if is_first_page(sent.detail) && sent.attempt == 1 {
            question.again = !question.broken_off && ago.is_some_and(|ago| ago < good_for);
            if self.since == Since::Asked {
                question.known = Some(at);
            }
        }
        ago.filter(|_| question.again)
    }

    /// Takes an answer: a served first page starts the time that the answer is good for, unless one in hand still is.
    pub fn done(&mut self, record: &Record) {
        if self.since == Since::Asked {
            return;
        }
        let Some(question) = self.questions.get_mut(&question(record.device, record.operation, record.detail)) else {
            return;
        };
        let is_served = record.outcome == Outcome::Served;
        if !is_first_page(record.detail) {
            question.broken_off = !is_served;
        } else if is_served && !question.again {
            (question.known, question.broken_off) = (Some(record.done), false);
        }
    }

    /// Nothing more comes of the devices so far.
    pub fn through(&mut self) {
        self.questions.clear();
    }

    pub fn merge(&mut self, other: Repeats) {
        self.questions.merge(other.questions);
    }
}

fn question(device: DeviceId, operation: OperationId, detail: Detail) -> Question {
    (device, operation, detail.resource())
}

fn is_first_page(detail: Detail) -> bool {
    !matches!(detail, Detail::Page { number, .. } if number > 1)
}
