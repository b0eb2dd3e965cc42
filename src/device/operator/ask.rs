//! What an operator's question asks next: pages, devices in turn, commands followed to their end, a stream kept open.

use super::plan::Target;
use crate::device::cadence::Cadence;
use crate::device::draws::Draws;
use crate::device::{Body, Detail, Flow};
use crate::scenario::fleet::{Ask, Question};
use crate::tellus::TellusOp;
use crate::time::Nanos;

/// A harvest or listing stops after so many pages, whatever the server says is left.
const MOST_PAGES: u32 = 1_000;
/// A command whose status stays open is followed so often.
const MOST_FOLLOWS: u32 = 100;
/// The first harvest, and energy, look back this far.
pub const LOOK_BACK: Nanos = Nanos::from_secs(86_400);

/// The content of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Token,
    Sites {
        page: u32,
        size: u32,
    },
    Device {
        device: u32,
    },
    /// Of all time, or of a span that ends at `until`; `since` is None for the first one, which looks back a day.
    Records {
        page: u32,
        size: u32,
        span: Option<Span>,
    },
    Energy {
        until: Nanos,
    },
    Start(Place),
    Stop(Place),
    Command {
        device: u32,
        command_id: Box<str>,
    },
    Flexibility,
    Stream {
        first: u32,
        devices: u32,
        set: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub since: Option<Nanos>,
    pub until: Nanos,
}

/// One connector of one charger; both as the API and the scenario number them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub device: u32,
    pub connector: u8,
}

impl What {
    pub fn operation(&self) -> TellusOp {
        match self {
            What::Token => TellusOp::OperatorToken,
            What::Sites { .. } => TellusOp::Sites,
            What::Device { .. } => TellusOp::Device,
            What::Records { .. } => TellusOp::Records,
            What::Energy { .. } => TellusOp::Energy,
            What::Start(_) => TellusOp::Start,
            What::Stop(_) => TellusOp::Stop,
            What::Command { .. } => TellusOp::Command,
            What::Flexibility => TellusOp::Flexibility,
            What::Stream { .. } => TellusOp::Stream,
        }
    }

    pub fn detail(&self) -> Detail {
        match *self {
            What::Token | What::Energy { .. } | What::Flexibility => Detail::None,
            What::Sites { page, size } => Detail::Page { number: page, size, time_filter: false },
            What::Records { page, size, span } => Detail::Page { number: page, size, time_filter: span.is_some() },
            What::Device { device } | What::Command { device, .. } => Detail::Resource(device),
            What::Start(place) | What::Stop(place) => Detail::Resource(place.device),
            What::Stream { set, .. } => Detail::Resource(set),
        }
    }
}

/// One question of a client and where it stands.
#[derive(Clone, Debug)]
pub struct Asking {
    cadence: Cadence,
    /// A round of it is under way.
    pub busy: bool,
    memory: Memory,
}

/// What a question remembers from one round to the next, and within one.
#[derive(Clone, Debug)]
enum Memory {
    Nothing,
    Sites { good_until: Nanos },
    Harvest { since: Option<Nanos> },
    StartStop { place: Place, stopping: bool, follows: u32 },
    Stream { opens_at: Nanos, tried_at: Nanos, open: Option<Flow>, failures: u32 },
}

/// How a round goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    Done,
    Ask(What),
    AskAt(Nanos, What),
}

/// What a tick leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    Ask(What),
    /// What was asked before is still good.
    Cached,
}

impl Asking {
    pub fn new(ask: &Ask, draws: Draws) -> Self {
        let cadence = Cadence::start(&ask.cadence, Nanos::ZERO, draws);
        Asking { cadence, busy: false, memory: Memory::of(&ask.what) }
    }

    /// Begins anew at `at`, as a client that has just come (back). `forget` what earlier rounds brought, too.
    pub fn restart(&mut self, ask: &Ask, at: Nanos, forget: bool) {
        self.busy = false;
        self.cadence.restart(&ask.cadence, at);
        if forget || matches!(self.memory, Memory::Stream { .. }) {
            self.memory = Memory::of(&ask.what);
        }
        if let Memory::Stream { opens_at, .. } = &mut self.memory {
            *opens_at = at;
        }
    }

    /// When the next round is due. A stream has no rounds: it is opened when it is not open.
    pub fn next(&self) -> Nanos {
        match self.memory {
            Memory::Stream { opens_at, .. } => opens_at,
            _ => self.cadence.next(),
        }
    }

    /// The round that has come by `now`: its due time, and how many were missed before it.
    pub fn fire(&mut self, ask: &Ask, now: Nanos) -> Option<(Nanos, u32)> {
        match &mut self.memory {
            Memory::Stream { opens_at, tried_at, .. } => {
                let due = *opens_at;
                if due > now {
                    return None;
                }
                (*opens_at, *tried_at) = (Nanos::MAX, now);
                Some((due, 0))
            }
            _ => self.cadence.fire(&ask.cadence, now).map(|tick| (tick.due, tick.missed)),
        }
    }

    /// Begins the round that is due at `due`. `target` are the chargers it is about.
    pub fn begin(&mut self, ask: &Ask, target: Option<&Target>, due: Nanos, draws: &mut Draws) -> Begin {
        let (first, devices) = target.map_or((0, 0), |target| (target.first, target.devices));
        let what = match (&ask.what, &mut self.memory) {
            (_, Memory::Sites { good_until }) if due < *good_until => return Begin::Cached,
            (Question::Sites { page_size, .. }, _) => What::Sites { page: 1, size: *page_size },
            (Question::DeviceDetails { .. }, _) => What::Device { device: first },
            (Question::Harvest { page_size, time_filter }, Memory::Harvest { since }) => {
                let span = time_filter.then_some(Span { since: *since, until: due });
                What::Records { page: 1, size: *page_size, span }
            }
            (Question::StartStop { .. }, Memory::StartStop { place, stopping, follows }) => {
                let connectors = target.map_or(1, |target| u32::from(target.connectors));
                let connector = draws.pick(connectors) as u8 + 1;
                *place = Place { device: first + draws.pick(devices), connector };
                (*stopping, *follows) = (false, 0);
                What::Start(*place)
            }
            (Question::Stream { .. }, _) => What::Stream { first, devices, set: target.map_or(0, |target| target.set) },
            (Question::Flexibility, _) => What::Flexibility,
            (Question::Energy | Question::Harvest { .. } | Question::StartStop { .. }, _) => {
                What::Energy { until: due }
            }
        };
        self.busy = true;
        Begin::Ask(what)
    }

    /// What follows when `what` is over: `body` is that of a served answer, None when it was given up.
    pub fn after(&mut self, ask: &Ask, target: Option<&Target>, what: &What, body: Option<&Body>, now: Nanos) -> Then {
        let then = match what {
            What::Sites { page, size } => match next_page(*page, *size, body) {
                Some(page) => Then::Ask(What::Sites { page, size: *size }),
                None => self.listed(ask, body, now),
            },
            What::Records { page, size, span } => match next_page(*page, *size, body) {
                Some(page) => Then::Ask(What::Records { page, size: *size, span: *span }),
                None => self.harvested(*span, body),
            },
            What::Device { device } => {
                let end = target.map_or(0, |target| target.first + target.devices);
                let next = device + 1;
                if next < end { Then::Ask(What::Device { device: next }) } else { Then::Done }
            }
            What::Start(_) | What::Stop(_) | What::Command { .. } => self.commanded(ask, what, body, now),
            What::Token | What::Energy { .. } | What::Flexibility | What::Stream { .. } => Then::Done,
        };
        self.busy = then != Then::Done;
        then
    }

    fn listed(&mut self, ask: &Ask, body: Option<&Body>, now: Nanos) -> Then {
        if let (Question::Sites { cache, .. }, Memory::Sites { good_until }) = (&ask.what, &mut self.memory)
            && body.is_some()
        {
            *good_until = now.saturating_add(*cache);
        }
        Then::Done
    }

    /// A harvest that got through moves the next one's begin; what a failed one left is asked for again.
    fn harvested(&mut self, span: Option<Span>, body: Option<&Body>) -> Then {
        if let (Memory::Harvest { since }, Some(span), Some(_)) = (&mut self.memory, span, body) {
            *since = Some(span.until);
        }
        Then::Done
    }

    /// Start, follow until it is done, hold, stop, follow until that is done.
    fn commanded(&mut self, ask: &Ask, what: &What, body: Option<&Body>, now: Nanos) -> Then {
        let Question::StartStop { hold, follow, .. } = &ask.what else { return Then::Done };
        let Memory::StartStop { place, stopping, follows } = &mut self.memory else { return Then::Done };
        match (what, body) {
            (What::Start(_) | What::Stop(_), Some(Body::CommandQueued { command_id })) => {
                *stopping = matches!(what, What::Stop(_));
                *follows = 0;
                let status = What::Command { device: place.device, command_id: command_id.clone() };
                Then::AskAt(now.saturating_add(*follow), status)
            }
            (What::Command { .. }, Some(Body::CommandState { done: false })) if *follows < MOST_FOLLOWS => {
                *follows += 1;
                Then::AskAt(now.saturating_add(*follow), what.clone())
            }
            // Even if its status could not be learnt, what was started is stopped.
            (What::Command { .. }, _) if !*stopping => Then::AskAt(now.saturating_add(*hold), What::Stop(*place)),
            _ => Then::Done,
        }
    }

    /// The handshake of a stream is over: opened, or to be tried again.
    pub fn stream_answered(
        &mut self,
        ask: &Ask,
        flow: Flow,
        opened: bool,
        wait: impl FnOnce(u32) -> Nanos,
        now: Nanos,
    ) {
        let Memory::Stream { open, failures, .. } = &mut self.memory else { return };
        if opened {
            (*open, *failures) = (Some(flow), 0);
        } else {
            self.reopen(ask, wait, now);
        }
    }

    /// An open stream ended; false if it was not this one.
    pub fn stream_closed(&mut self, ask: &Ask, flow: Flow, wait: impl FnOnce(u32) -> Nanos, now: Nanos) -> bool {
        let mine = matches!(self.memory, Memory::Stream { open: Some(open), .. } if open == flow);
        if mine {
            self.reopen(ask, wait, now);
        }
        mine
    }

    /// No sooner than the cadence after the last handshake, nor before the backoff's `wait` for so many failures is over.
    fn reopen(&mut self, ask: &Ask, wait: impl FnOnce(u32) -> Nanos, now: Nanos) {
        if let Memory::Stream { opens_at, tried_at, open, failures } = &mut self.memory {
            *failures = failures.saturating_add(1);
            *open = None;
            *opens_at = tried_at.saturating_add(ask.cadence.every).max(now.saturating_add(wait(*failures)));
        }
    }
}

impl Memory {
    fn of(question: &Question) -> Self {
        match question {
            Question::Sites { .. } => Memory::Sites { good_until: Nanos::ZERO },
            Question::Harvest { .. } => Memory::Harvest { since: None },
            Question::StartStop { .. } => Memory::StartStop { place: Place::default(), stopping: false, follows: 0 },
            Question::Stream { .. } => {
                Memory::Stream { opens_at: Nanos::MAX, tried_at: Nanos::ZERO, open: None, failures: 0 }
            }
            Question::DeviceDetails { .. } | Question::Energy | Question::Flexibility => Memory::Nothing,
        }
    }
}

/// The operation that a question's rounds begin with.
pub fn first_operation(question: &Question) -> TellusOp {
    match question {
        Question::Sites { .. } => TellusOp::Sites,
        Question::DeviceDetails { .. } => TellusOp::Device,
        Question::Harvest { .. } => TellusOp::Records,
        Question::Energy => TellusOp::Energy,
        Question::StartStop { .. } => TellusOp::Start,
        Question::Flexibility => TellusOp::Flexibility,
        Question::Stream { .. } => TellusOp::Stream,
    }
}

/// The page after this one, if there is more.
fn next_page(page: u32, size: u32, body: Option<&Body>) -> Option<u32> {
    match body {
        Some(Body::Page { rows, total }) if *rows > 0 && page < MOST_PAGES => {
            (u64::from(page) * u64::from(size) < u64::from(*total)).then_some(page + 1)
        }
        _ => None,
    }
}
