//! One request of a script: which it is, and what follows from its answer.

use super::plan::ClientPlan;
use crate::device::call::Call;
use crate::device::draws::Draws;
use crate::device::{Body, Detail};
use crate::scenario::OperationId;
use crate::scenario::client::{DrawnScope, Paging, Pool, RequestSpec, Then, Values};
use crate::time::Nanos;

/// One request under way.
#[derive(Clone, Debug)]
pub struct Errand {
    pub call: Call,
    pub what: What,
    pub draw: Draw,
    /// Its round was broken off: nothing follows from its answer.
    pub abandoned: bool,
}

/// What fills the holes of a request: the same for all its attempts and for what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub seed: u64,
    /// The client's requests up to this one.
    pub counter: u64,
    /// When the schedule asked for it.
    pub due: Nanos,
}

/// The content of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Token,
    /// A request of the script, by its place there.
    Request {
        request: usize,
        step: Step,
    },
    Stream(usize),
}

/// How far a request's flow is.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    First,
    /// A later page: its number among those asked for, and where it is said to be.
    Page {
        number: u32,
        at: Option<Box<str>>,
    },
    /// Asked for the so-manieth time.
    Poll {
        number: u32,
        id: Box<str>,
    },
}

/// How a flow goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Done,
    Now(Step),
    After(Nanos, Step),
}

impl What {
    pub fn operation(&self, plan: &ClientPlan) -> OperationId {
        match self {
            // No other client asks for tokens.
            What::Token => plan.spec.tokens().map_or(OperationId(0), |oauth2| oauth2.operation),
            What::Request { request, step } => {
                let request = &plan.spec.requests[*request];
                match (step, &request.then) {
                    (Step::Poll { .. }, Then::Poll(poll)) => poll.operation,
                    _ => request.operation,
                }
            }
            What::Stream(stream) => plan.spec.streams[*stream].operation,
        }
    }

    pub fn detail(&self, plan: &ClientPlan, draw: &Draw) -> Detail {
        let resource = match self {
            What::Token => &None,
            What::Request { request, .. } => &plan.spec.requests[*request].resource,
            What::Stream(stream) => &plan.spec.streams[*stream].resource,
        };
        match resource {
            None => Detail::None,
            Some(DrawnScope { value, keys }) => {
                let drawn = draw.pick(*value, keys.len() as u32);
                Detail::Resource(keys.get(drawn as usize).copied().unwrap_or(0))
            }
        }
    }
}

impl Draw {
    /// A stream of random numbers for one part of the request.
    pub fn stream(&self, part: u64) -> Draws {
        Draws::seeded(self.seed.wrapping_add(part.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Which of `count` values this request names, for the value at that place of the identity.
    pub fn pick(&self, value: usize, count: u32) -> u32 {
        // Beyond the parts of a request.
        self.stream(1_000 + value as u64).pick(count)
    }
}

/// Which of a pool's values the client of that index has, or this request names; None where it is not chosen from a pool.
pub fn choice<'a>(values: &'a Values, value: usize, index: u32, draw: &Draw) -> Option<(&'a Pool, u32)> {
    match values {
        Values::Own | Values::Shared => None,
        Values::Dealt(pool) => Some((pool, index % pool.len().max(1))),
        Values::Drawn(pool) => Some((pool, draw.pick(value, pool.len()))),
    }
}

/// What follows when this step of a request was served with this body.
pub fn next(request: &RequestSpec, step: &Step, body: Body) -> Next {
    match (&request.then, step, body) {
        (Then::Pages(pages), _, body) => {
            let number = match step {
                Step::Page { number, .. } => *number,
                Step::First | Step::Poll { .. } => 1,
            };
            let more = number < pages.at_most;
            match (&pages.how, body) {
                (Paging::Number { .. }, Body::Page { rows, .. }) if more && rows > 0 => {
                    Next::Now(Step::Page { number: number + 1, at: None })
                }
                (Paging::Next(_) | Paging::Link | Paging::Cursor { .. }, Body::Found(at @ Some(_))) if more => {
                    Next::Now(Step::Page { number: number + 1, at })
                }
                _ => Next::Done,
            }
        }
        (Then::Poll(poll), Step::First, Body::Found(Some(id))) => Next::After(poll.every, Step::Poll { number: 1, id }),
        // No body: its state has not changed.
        (Then::Poll(poll), Step::Poll { number, id }, Body::Followed { done: false } | Body::None)
            if *number < poll.at_most =>
        {
            Next::After(poll.every, Step::Poll { number: number + 1, id: id.clone() })
        }
        _ => Next::Done,
    }
}
