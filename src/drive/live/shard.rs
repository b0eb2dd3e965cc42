//! One shard: a thread's devices, what is due for them, and their connections.
//!
//! Everything happens in one place and one order. Messages of connections are handled before what is due, so devices and
//! observers see time go forward only.

mod connections;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::agenda::{Agenda, Item, Local};
use super::answer;
use super::control::{Control, Stop};
use super::link::{Job, Link, Message, Reply, Ticket, Trouble};
use super::reach::Reach;
use super::timer::Timer;
use crate::device::{
    Actions, Answer, Body, Cause, Device, Disconnect, Event, Failure, HttpRequest, Lane as LaneKind, Note, Outcome,
    Request, ServedAnswer,
};
use crate::policy::signals::{Hint, Told};
use crate::record::{Exchange, Observation, Observer, Record, Sent};
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;
use connections::{LaneHandle, Place, StreamHandle};

/// So many due things are handled before connections get their turn to write.
const SLICE: usize = 16;

/// Most jobs kept for reuse.
const SPARE_JOBS: usize = 1024;

pub struct Shard<D, O> {
    scenario: Arc<Scenario>,
    control: Control,
    link: Rc<Link>,
    messages: UnboundedReceiver<Message>,
    client: reqwest::Client,
    observer: O,
    slots: Vec<Slot<D>>,
    agenda: Agenda,
    in_flight: HashMap<Ticket, InFlight>,
    next_ticket: u64,
    /// Whether the time for answers after the end is up.
    gave_up: bool,
    /// Requests whose connection is gone. They are answered once every message before that has been handled.
    doomed: VecDeque<Ticket>,
    actions: Actions,
    spare: Vec<Job>,
    phase: Phase,
    drain: Nanos,
    /// Streams that are saying goodbye.
    goodbyes: Vec<JoinHandle<()>>,
    reach: Reach,
    end: ShardEnd,
}

/// What a shard did, besides what it observed.
#[derive(Clone, Debug, Default)]
pub struct ShardEnd {
    /// When it stopped sending.
    pub ended: Nanos,
    /// Why it did so before its time.
    pub stopped: Option<Stop>,
    /// Connections opened, the pool's included.
    pub connections: u64,
    /// What the last attempt to connect came to, where none had succeeded before.
    pub connect_error: Option<String>,
    pub answered: bool,
    pub stale_retries: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running {
        until: Nanos,
    },
    /// Nothing more is sent; answers are awaited.
    Draining {
        until: Nanos,
    },
}

struct Slot<D> {
    id: DeviceId,
    device: D,
    lanes: Vec<LaneHandle>,
    streams: Vec<StreamHandle>,
    /// Its requests in flight.
    tickets: Vec<Ticket>,
}

struct InFlight {
    local: Local,
    request: Request,
    sent: Option<Nanos>,
    /// Since when the harness, and nobody else, has kept the request from being sent.
    ready: Nanos,
    place: Place,
}

impl<D: Device, O: Observer> Shard<D, O> {
    #[expect(clippy::too_many_arguments, reason = "one call site, which has each of them at hand")]
    pub fn new(
        scenario: Arc<Scenario>,
        control: Control,
        link: Rc<Link>,
        messages: UnboundedReceiver<Message>,
        client: reqwest::Client,
        observer: O,
        devices: Vec<(DeviceId, D)>,
        drain: Nanos,
    ) -> Self {
        let events = scenario.events.iter().enumerate().map(|(index, event)| (event.at, index));
        let agenda = Agenda::new(devices.len(), events);
        let slot = |(id, device)| Slot { id, device, lanes: Vec::new(), streams: Vec::new(), tickets: Vec::new() };
        let until = scenario.duration;
        Shard {
            scenario,
            control,
            link,
            messages,
            client,
            observer,
            slots: devices.into_iter().map(slot).collect(),
            agenda,
            in_flight: HashMap::new(),
            next_ticket: 0,
            gave_up: false,
            doomed: VecDeque::new(),
            actions: Actions::default(),
            spare: Vec::new(),
            phase: Phase::Running { until },
            drain,
            goodbyes: Vec::new(),
            reach: Reach::default(),
            end: ShardEnd::default(),
        }
    }

    /// Plays the devices to the end of the run.
    pub async fn run(mut self, mut timer: Timer) -> io::Result<(O, ShardEnd)> {
        let mut stops = self.control.stops();
        let mut stopped = pin!(stops.wait_for(Option::is_some));
        loop {
            let more = self.step();
            let (running, until) = match self.phase {
                Phase::Draining { .. } if self.in_flight.is_empty() => break,
                Phase::Draining { until } => (false, until),
                Phase::Running { until } => (true, until),
            };
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            let verdict = if running { self.reach.verdict_at() } else { Nanos::MAX };
            let next = self.agenda.next().map_or(until, |at| at.min(until)).min(verdict);
            tokio::select! {
                biased;
                Some(message) = self.messages.recv() => self.take(message),
                reached = timer.reached(Some(next)) => reached?,
                _ = &mut stopped, if running => {
                    self.end.stopped = self.control.stopped();
                    self.stop_sending(self.link.clock.now());
                }
            }
        }
        for goodbye in self.goodbyes {
            let _ = goodbye.await;
        }
        self.end.connect_error = self.reach.into_last_error();
        Ok((self.observer, self.end))
    }

    /// Handles all messages and some of what is due. True when more is due.
    fn step(&mut self) -> bool {
        self.take_messages();
        let now = self.link.clock.now();
        if let Phase::Running { until } = self.phase {
            if now >= until {
                self.stop_sending(now);
            }
            self.reach.judge(now, &self.control);
        }
        if let Phase::Draining { until } = self.phase
            && (now >= until || self.only_polls_are_open())
        {
            self.give_up(now);
        }
        for _ in 0..SLICE {
            // Each has its own `now`, for those before it took their time.
            let now = self.link.clock.now();
            match self.agenda.take_due(now) {
                Some(item) => self.perform(now, item),
                None => return false,
            }
        }
        true
    }

    fn take_messages(&mut self) {
        loop {
            while let Ok(message) = self.messages.try_recv() {
                self.take(message);
            }
            let Some(ticket) = self.doomed.pop_front() else { return };
            self.cancel(ticket, "the connection was dropped");
        }
    }

    fn perform(&mut self, now: Nanos, item: Item) {
        match item {
            Item::Wake(local, asked) => self.deliver(local, now, asked, Event::Wake),
            Item::Send(job) => self.dispatch(job),
            Item::Event(index) => {
                let scenario = self.scenario.clone();
                for local in 0..self.slots.len() as Local {
                    if scenario.reaches(index, self.slots[local as usize].id) {
                        let event = &scenario.events[index];
                        self.deliver(local, now, event.at, Event::Disturbed(&event.what));
                    }
                }
            }
        }
        self.take_messages();
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Connected => {
                self.end.connections += 1;
                self.control.connected();
            }
            Message::Stale => self.end.stale_retries += 1,
            Message::Sent { ticket, at, ready } => self.sent(ticket, at, ready),
            Message::Done { at, job, trouble } => self.done(at, job, trouble),
            Message::Frame { device, flow } => self.frame(device, flow),
            Message::StreamClosed { at, device, flow, ending } => self.stream_closed(at, device, flow, ending),
        }
    }

    /// Hands an event to a device and does what it asks for. `since` is when the event should have come.
    fn deliver(&mut self, local: Local, now: Nanos, since: Nanos, event: Event<'_>) {
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.slots[local as usize].device.handle(now, event, &mut actions);
        for disconnect in actions.disconnect.drain(..) {
            self.disconnect(local, now, disconnect);
        }
        let running = matches!(self.phase, Phase::Running { .. });
        // After the end nothing is sent any more, so what a device then drops is not its doing.
        let is_kept = |note: &Note| running || matches!(note, Note::Finished { .. });
        for note in actions.notes.drain(..).filter(is_kept) {
            let device = self.slots[local as usize].id;
            self.observer.observe(now, Observation::Noted { device, note });
        }
        if running {
            self.agenda.wake(local, actions.wake);
            for request in actions.requests.drain(..) {
                self.submit(local, now, since, request);
            }
        }
        self.actions = actions;
    }

    fn submit(&mut self, local: Local, now: Nanos, since: Nanos, request: Request) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let mut job = self.spare.pop().unwrap_or_else(|| Job::new(ticket));
        job.ticket = ticket;
        job.timeout = request.timeout;
        job.http.clear();
        let slot = &mut self.slots[local as usize];
        slot.device.render(now, &request, self.link.clock.anchor(), &mut job.http);
        slot.tickets.push(ticket);
        self.control.begun();
        let entry = InFlight { local, request, sent: None, ready: request.due.max(since), place: Place::Held };
        self.in_flight.insert(ticket, entry);
        if request.due > now {
            self.agenda.hold(request.due, job);
        } else {
            self.dispatch(job);
        }
    }

    fn sent(&mut self, ticket: Ticket, at: Nanos, ready: Nanos) {
        let Some(entry) = self.in_flight.get_mut(&ticket) else { return };
        entry.sent = Some(at);
        let Request { operation, flow, attempt, detail, cause, .. } = entry.request;
        let device = self.slots[entry.local as usize].id;
        let sent = Sent { device, operation, flow, attempt, detail };
        if cause == Cause::Schedule {
            // Time lost to the target, on a busy or a closed connection, is not the harness's.
            let by = at.saturating_sub(entry.ready.max(ready));
            self.observer.observe(at, Observation::Late { by });
        }
        self.observer.observe(at, Observation::Sent(sent));
    }

    fn done(&mut self, at: Nanos, mut job: Job, trouble: Option<Trouble>) {
        let ticket = job.ticket;
        let http = std::mem::take(&mut job.http);
        match trouble {
            None => {
                self.end.answered = true;
                let request = self.in_flight.get(&ticket).map(|entry| &entry.request);
                let handshake = request.is_some_and(|request| request.lane == LaneKind::Stream);
                let class = request.and_then(|request| self.scenario.operations.get(request.operation).class);
                let received = at.saturating_add(Nanos(self.link.clock.anchor().unix_nanos));
                let (mut outcome, signal) =
                    answer::classify(&self.scenario.policy, class, &http, &job.reply, handshake, received);
                let mut body = Body::None;
                if outcome == Outcome::Served {
                    match self.interpret(ticket, &http, &job.reply) {
                        Some(understood) => body = understood,
                        None => outcome = Outcome::Failed(Failure::Garbage),
                    }
                }
                let breaches = u8::try_from(signal.breaches.len()).unwrap_or(u8::MAX);
                let telling = outcome != Outcome::Served || !signal.header_breaches.is_empty();
                let exchange = telling.then(|| answer::of_reply(&http, &job.reply, &signal));
                let ending =
                    Ending { outcome, status: job.reply.status, hint: signal.hint, told: signal.told, breaches };
                self.finish(ticket, at, ending, exchange.as_ref(), body);
            }
            Some(trouble) => {
                let exchange = answer::of_trouble(&http, &trouble);
                if trouble.failure.is_of_connecting() {
                    self.reach.failed(at, trouble.detail, &self.control);
                }
                self.finish(ticket, at, Ending::failed(trouble.failure), Some(&exchange), Body::None);
            }
        }
        job.http = http;
        if self.spare.len() < SPARE_JOBS {
            self.spare.push(job);
        }
    }

    /// What the answer to a request tells its device. Late news of a request that is over tell nothing.
    fn interpret(&self, ticket: Ticket, http: &HttpRequest, reply: &Reply) -> Option<Body> {
        let Some(entry) = self.in_flight.get(&ticket) else { return Some(Body::None) };
        // Nothing has changed, and nothing is said.
        if reply.status == 304 {
            return Some(Body::None);
        }
        let answer = ServedAnswer {
            prefix: &self.link.endpoint.prefix,
            path: &http.path,
            headers: &reply.headers,
            body: &reply.body,
        };
        self.slots[entry.local as usize].device.interpret(&entry.request, &answer)
    }

    /// Ends a request whose connection is gone.
    fn cancel(&mut self, ticket: Ticket, why: &str) {
        let Some(entry) = self.in_flight.get(&ticket) else { return };
        let operation = self.scenario.operations.get(entry.request.operation);
        let exchange = Exchange { request: operation.name(), response: why.to_owned(), ..Exchange::default() };
        // Whoever had all the time there was to answer, and no leave to hold the answer back, owes one.
        let owed = self.gave_up && entry.sent.is_some() && !entry.request.held;
        let failure = if owed { Failure::Timeout } else { Failure::Cancelled };
        self.finish(ticket, self.link.clock.now(), Ending::failed(failure), Some(&exchange), Body::None);
    }

    /// Ends a request: records it, and tells its device. Once for each: later news of it are of no interest.
    fn finish(&mut self, ticket: Ticket, at: Nanos, ending: Ending, exchange: Option<&Exchange>, body: Body) {
        let Some(entry) = self.in_flight.remove(&ticket) else { return };
        let request = entry.request;
        let slot = &mut self.slots[entry.local as usize];
        slot.tickets.retain(|&other| other != ticket);
        let record = Record {
            device: slot.id,
            operation: request.operation,
            flow: request.flow,
            attempt: request.attempt,
            cause: request.cause,
            detail: request.detail,
            // One that was still held is over before it was due.
            due: request.due.min(at),
            sent: entry.sent,
            done: at,
            outcome: ending.outcome,
            status: ending.status,
            hint: ending.hint,
            told: ending.told,
            breaches: ending.breaches,
        };
        self.observer.observe(at, Observation::Done { record: &record, exchange });
        self.control.ended(ending.outcome);
        if request.lane == LaneKind::Stream {
            self.settle_stream(entry.local, at, request.flow, ending.outcome == Outcome::Served);
        }
        let answer = Answer { outcome: ending.outcome, hint: ending.hint, told: ending.told, body };
        self.deliver(entry.local, at, at, Event::Answered { request: &request, answer });
    }

    fn only_polls_are_open(&self) -> bool {
        self.in_flight.values().all(|entry| entry.request.held)
    }

    /// The run is over, or was stopped: nothing more is sent, streams are closed, answers are awaited for a while.
    fn stop_sending(&mut self, now: Nanos) {
        self.phase = Phase::Draining { until: now.saturating_add(self.drain) };
        self.end.ended = now;
        self.link.closing.set(true);
        let held = self.in_flight.iter().filter(|(_, entry)| matches!(entry.place, Place::Held));
        let mut held: Vec<Ticket> = held.map(|(&ticket, _)| ticket).collect();
        held.sort_unstable();
        held.into_iter().for_each(|ticket| self.doom(ticket));
        self.agenda.clear();
        for local in 0..self.slots.len() as Local {
            let streams = &mut self.slots[local as usize].streams;
            for stream in streams.extract_if(.., |stream| stream.open).collect::<Vec<_>>() {
                self.close_politely(now, local, stream);
            }
        }
        self.take_messages();
    }

    /// What is not answered by now never will be.
    fn give_up(&mut self, now: Nanos) {
        self.gave_up = true;
        for local in 0..self.slots.len() as Local {
            self.disconnect(local, now, Disconnect::All);
        }
        self.take_messages();
    }
}

/// How a request ended.
struct Ending {
    outcome: Outcome,
    status: u16,
    hint: Hint,
    told: Told,
    breaches: u8,
}

impl Ending {
    fn failed(failure: Failure) -> Self {
        Ending { outcome: Outcome::Failed(failure), status: 0, hint: Hint::Absent, told: Told::default(), breaches: 0 }
    }
}
