//! The state machine: told the time and what became of its streams, it says what to do next.

use std::collections::VecDeque;

use crate::policy::model::Limit;
use crate::probe::conformance::Case;
use crate::probe::exchange::Answer;
use crate::probe::witness::{Guise, SWITCHED, Witness};
use crate::time::Nanos;

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Open a stream, and tell the answer by [`Survey::opened`].
    Open(Opening),
    /// Close it politely; there is nothing to tell.
    Close(usize),
    /// Until then tell what streams bring.
    Wait(Nanos),
    Done,
}

/// A stream to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// By which the driver speaks of it: the place among [`Survey::streams`].
    pub stream: usize,
    pub client: usize,
    pub guise: Guise,
}

/// What one more stream is, beside those that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The same once more.
    Same,
    /// Another subscription of the same client, by its place.
    Beside(u8),
    /// The same subscription of the second client.
    Client,
}

/// A stream that was asked for.
#[derive(Clone, Debug)]
pub struct Stream {
    pub witness: Witness,
    pub frames: u32,
    /// When the server ended it, and with which code.
    pub ended: Option<(Nanos, Option<u16>)>,
    /// It was closed from here.
    closed: bool,
}

/// One question and what came of it: places among the streams.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub question: Question,
    /// As many as are documented.
    pub base: Vec<usize>,
    pub extra: Option<usize>,
    /// How long it took until the first of the base was let in.
    pub waited: Nanos,
    begun: Nanos,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered otherwise than with a stream.
    Refused {
        status: u16,
    },
    /// Opened, and ended by the server so long after the last one was opened.
    Ended {
        after: Nanos,
        code: Option<u16>,
    },
    Kept,
}

/// Why a survey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Settled,
    BudgetSpent,
    /// No stream could be opened at all.
    NeverOpened,
    /// The credential is not let in.
    Barred,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Next,
    Base,
    Extra,
    Watch(Nanos),
    Close,
    Pause(Nanos),
    Over(End),
}

/// How long one more stream, and the others, are watched.
const WATCH: Nanos = Nanos::from_secs(2);
/// Between two questions, so that places are free again.
const PAUSE: Nanos = Nanos::from_millis(300);
/// A place that is not free yet is asked for again, so often.
const AGAIN: Nanos = Nanos::from_millis(250);
const MOST_AGAIN: usize = 20;
/// Where no number is documented, or a large one, so many are opened.
const MOST_OPEN: u32 = 64;
const USUAL_OPEN: u32 = 8;

pub struct Survey {
    case: Case,
    requests: u32,
    within: Nanos,
    begun: Option<Nanos>,
    questions: VecDeque<Question>,
    stage: Stage,
    streams: Vec<Stream>,
    /// What is being opened.
    opening: Option<Opening>,
    attempts: Vec<Attempt>,
    left_out: Vec<Question>,
    again: usize,
}

impl Survey {
    /// Of at most so many handshakes and so long.
    pub fn new(case: Case, requests: u32, within: Nanos) -> Survey {
        Survey {
            questions: questions(&case).into(),
            case,
            requests,
            within,
            begun: None,
            stage: Stage::Next,
            streams: Vec::new(),
            opening: None,
            attempts: Vec::new(),
            left_out: Vec::new(),
            again: 0,
        }
    }

    /// What is asked, how many streams that opens and how long it takes, on a server that keeps to its documents.
    pub fn plan(&self) -> (Vec<Question>, u32, Nanos) {
        let each = self.opens() + 1;
        let questions = questions(&self.case);
        let count = questions.len() as u32;
        (questions, each * count, (WATCH + PAUSE) * u64::from(count))
    }

    pub fn case(&self) -> &Case {
        &self.case
    }

    /// What the driver was told to open last.
    pub fn opening(&self) -> Opening {
        self.opening.unwrap_or(Opening { stream: self.streams.len(), client: 0, guise: Guise::Own })
    }

    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// What there were no requests or no time for.
    pub fn left_out(&self) -> &[Question] {
        &self.left_out
    }

    pub fn ended(&self) -> Option<End> {
        match self.stage {
            Stage::Over(end) => Some(end),
            _ => None,
        }
    }

    /// How many a client may have open by the documents; None where they state no number.
    pub fn documented(&self) -> Option<u32> {
        let policy = &self.case.policy;
        let limits = policy.drawn_on(self.case.class).flat_map(|class| &policy.class(class).limits);
        let allowed = limits.filter_map(|limit| match limit {
            Limit::Concurrent(limit) => Some(limit.allow),
            _ => None,
        });
        allowed.min()
    }

    /// How many are opened before one more is.
    pub fn opens(&self) -> u32 {
        self.documented().map_or(USUAL_OPEN, |allow| allow.min(MOST_OPEN))
    }

    /// When it is to be over; None before it has begun.
    pub fn deadline(&self) -> Option<Nanos> {
        self.begun.map(|begun| begun.saturating_add(self.within))
    }

    /// What to do now.
    pub fn next(&mut self, now: Nanos) -> Order {
        let begun = *self.begun.get_or_insert(now);
        loop {
            match self.stage {
                Stage::Over(_) => return self.close().unwrap_or(Order::Done),
                Stage::Next => self.begin(now),
                Stage::Base => match self.base(now) {
                    Some(order) => return self.within_means(now, begun, order),
                    None => self.stage = Stage::Extra,
                },
                Stage::Extra => return self.within_means(now, begun, self.extra()),
                Stage::Watch(until) | Stage::Pause(until) if now < until => return Order::Wait(until),
                Stage::Watch(_) => self.stage = Stage::Close,
                Stage::Close => match self.close() {
                    Some(order) => return order,
                    None => self.stage = Stage::Pause(now.saturating_add(PAUSE)),
                },
                Stage::Pause(_) => self.stage = Stage::Next,
            }
        }
    }

    /// What came of the stream that was to be opened.
    pub fn opened(&mut self, witness: Witness) {
        let Some(opening) = self.opening.take() else { return };
        let (opened, barred, done) = (witness.status == SWITCHED, witness.answer() == Answer::Barred, witness.done);
        self.streams.push(Stream { witness, frames: 0, ended: None, closed: false });
        let Some(attempt) = self.attempts.last_mut() else { return };
        match self.stage {
            Stage::Base if opened => {
                attempt.base.push(opening.stream);
                attempt.waited =
                    if attempt.base.len() == 1 { done.saturating_sub(attempt.begun) } else { attempt.waited };
            }
            Stage::Base if barred => self.stage = Stage::Over(End::Barred),
            Stage::Base if self.again >= MOST_AGAIN => self.stage = Stage::Over(End::NeverOpened),
            Stage::Base => self.again += 1,
            _ => {
                attempt.extra = Some(opening.stream);
                self.stage = Stage::Watch(done.saturating_add(WATCH));
            }
        }
    }

    pub fn frame(&mut self, stream: usize) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.frames += 1;
        }
    }

    /// The server has ended a stream.
    pub fn closed(&mut self, stream: usize, at: Nanos, code: Option<u16>) {
        if let Some(stream) = self.streams.get_mut(stream).filter(|stream| stream.is_open()) {
            stream.ended = Some((at, code));
        }
    }

    /// What became of a stream of an attempt.
    pub fn fate(&self, attempt: &Attempt, stream: usize) -> Fate {
        let last = attempt.extra.map_or(Nanos::ZERO, |extra| self.streams[extra].witness.done);
        match &self.streams[stream] {
            Stream { witness, .. } if witness.status != SWITCHED => Fate::Refused { status: witness.status },
            Stream { ended: Some((at, code)), .. } => Fate::Ended { after: at.saturating_sub(last), code: *code },
            _ => Fate::Kept,
        }
    }

    fn begin(&mut self, now: Nanos) {
        self.again = 0;
        self.stage = match self.questions.pop_front() {
            None => Stage::Over(End::Settled),
            Some(question) => {
                let (base, extra, waited) = (Vec::new(), None, Nanos::ZERO);
                self.attempts.push(Attempt { question, base, extra, waited, begun: now });
                Stage::Base
            }
        };
    }

    /// Closes one that is open; None once none is.
    fn close(&mut self) -> Option<Order> {
        let open = self.streams.iter().position(Stream::is_open)?;
        self.streams[open].closed = true;
        Some(Order::Close(open))
    }

    /// The next of those that are documented; None once all are open.
    fn base(&self, now: Nanos) -> Option<Order> {
        let attempt = self.attempts.last()?;
        if attempt.base.len() as u32 >= self.opens() {
            return None;
        }
        let again = self.streams.last().filter(|_| self.again > 0).map(|last| last.witness.done.saturating_add(AGAIN));
        Some(match again.filter(|at| now < *at) {
            Some(at) => Order::Wait(at),
            None => Order::Open(Opening { stream: self.streams.len(), client: 0, guise: Guise::Own }),
        })
    }

    fn extra(&self) -> Order {
        let question = self.attempts.last().map_or(Question::Same, |attempt| attempt.question);
        let (client, guise) = match question {
            Question::Same => (0, Guise::Own),
            Question::Beside(nth) => (0, Guise::Beside(nth)),
            Question::Client => (1, Guise::Own),
        };
        Order::Open(Opening { stream: self.streams.len(), client, guise })
    }

    /// The order, unless it is one too many or too late.
    fn within_means(&mut self, now: Nanos, begun: Nanos, order: Order) -> Order {
        let is_over = now > begun.saturating_add(self.within) || self.streams.len() as u32 >= self.requests;
        match order {
            Order::Open(_) if is_over => {
                let unfinished = self.attempts.pop().map(|attempt| attempt.question);
                self.left_out.extend(unfinished.into_iter().chain(self.questions.drain(..)));
                self.stage = Stage::Over(End::BudgetSpent);
                self.close().unwrap_or(Order::Done)
            }
            Order::Open(opening) => {
                self.opening = Some(opening);
                order
            }
            order => order,
        }
    }
}

impl Stream {
    fn is_open(&self) -> bool {
        self.witness.status == SWITCHED && self.ended.is_none() && !self.closed
    }
}

fn questions(case: &Case) -> Vec<Question> {
    let besides = (0..case.means().besides).map(Question::Beside);
    let besides = besides.filter(|question| match question {
        Question::Beside(nth) => case.besides[usize::from(*nth)].method == "WS",
        _ => true,
    });
    let second = case.second.then_some(Question::Client);
    std::iter::once(Question::Same).chain(besides).chain(second).collect()
}
