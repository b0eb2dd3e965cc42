//! When a scripted client sends what.
//!
//! Each request under way is an errand. After every event everything is brought to `now`: arrivals that are due become
//! errands, errands whose time has come are sent, and the next wake-up is the earliest time at which that can change.

use std::sync::Arc;

use super::errand::{Draw, Errand, Next, Step, What, next};
use super::plan::ClientPlan;
use super::stream::Keeping;
use crate::device::arrivals::Process;
use crate::device::call::{Call, Settled};
use crate::device::draws::Draws;
use crate::device::heed::Heed;
use crate::device::reaction::backed_off;
use crate::device::token::TokenKeeper;
use crate::device::{
    Actions, Answer, Body, Device, Disconnect, DropReason, Event, Flow, HttpRequest, Lane, Note, Request, ServedAnswer,
};
use crate::rng::DeviceRng;
use crate::scenario::Disturbance;
use crate::scenario::arrivals::Whose;
use crate::scenario::client::Connections;
use crate::scenario::fleet::Reaction;
use crate::time::{Anchor, Nanos};

/// One simulated client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) plan: Arc<ClientPlan>,
    /// Within its group.
    pub(super) index: u32,
    pub(super) token: TokenKeeper,
    pub(super) errands: Vec<Errand>,
    schedules: Vec<Process>,
    streams: Vec<Keeping>,
    heed: Heed,
    /// From when on its own connection is free, where it reads each answer before it sends more.
    free_from: Nanos,
    /// No connection until then.
    dark_until: Option<Nanos>,
    flows: u32,
    counter: u64,
    /// Arrivals on their way to become errands; kept for its memory.
    arrived: Vec<Nanos>,
    /// For schedules and events: what they draw must not depend on answers.
    fate: Draws,
    /// For what follows from answers.
    jitter: Draws,
}

impl Client {
    pub fn new(plan: Arc<ClientPlan>, index: u32, mut rng: DeviceRng) -> Self {
        let mut fate = Draws::fork(&mut rng);
        let jitter = Draws::fork(&mut rng);
        let spec = &plan.spec;
        let start = fate.start(&spec.start, index, plan.clients);
        let process = |arrivals| Process::new(arrivals, start, index, plan.clients, Draws::fork(&mut rng));
        let schedules = spec.schedules.iter().map(|schedule| &schedule.arrivals).map(process).collect();
        // What the group deals out does not wait for anyone's start.
        let dealt = spec.schedules.iter().any(|schedule| schedule.arrivals.whose == Whose::Together);
        Client {
            index,
            token: TokenKeeper::empty(),
            errands: Vec::new(),
            schedules,
            streams: spec.streams.iter().map(|_| Keeping::new(start)).collect(),
            heed: Heed::new(plan.documented.clone()),
            free_from: Nanos::ZERO,
            dark_until: Some(if dealt { Nanos::ZERO } else { start }),
            flows: 0,
            counter: 0,
            arrived: Vec::new(),
            fate,
            jitter,
            plan,
        }
    }

    fn advance(&mut self, now: Nanos, out: &mut Actions) {
        if self.dark_until.is_some_and(|until| until <= now) {
            self.dark_until = None;
        }
        if self.dark_until.is_none() {
            self.take_arrivals(now, out);
            self.open_streams(now);
            self.keep_token(now);
            self.send(now, out);
        }
        let next = self.next_change();
        out.wake = (next < Nanos::MAX).then_some(next);
    }

    fn take_arrivals(&mut self, now: Nanos, out: &mut Actions) {
        let plan = Arc::clone(&self.plan);
        let mut arrived = std::mem::take(&mut self.arrived);
        for (index, schedule) in plan.spec.schedules.iter().enumerate() {
            let missed = self.schedules[index].fire(&schedule.arrivals, now, |due| arrived.push(due));
            for _ in 0..missed {
                let request = self.choose(index);
                self.drop(request, DropReason::Missed, out);
            }
            for due in arrived.drain(..) {
                let request = self.choose(index);
                if self.under_way() >= plan.spec.in_flight as usize {
                    self.drop(request, DropReason::Busy, out);
                    continue;
                }
                self.counter += 1;
                let draw = Draw { seed: self.fate.bits(), counter: self.counter, due };
                let call = Call::scheduled(self.next_flow(), due);
                self.undertake(call, What::Request { request, step: Step::First }, draw);
            }
        }
        self.arrived = arrived;
    }

    /// One of a schedule's requests, by weight.
    fn choose(&mut self, schedule: usize) -> usize {
        let choices = &self.plan.spec.schedules[schedule].choices;
        let [(only, _)] = choices.as_slice() else {
            let all = choices.iter().map(|(_, weight)| weight).sum();
            let mut drawn = self.fate.pick(all);
            for (request, weight) in choices {
                match drawn.checked_sub(*weight) {
                    Some(rest) => drawn = rest,
                    None => return *request,
                }
            }
            return 0;
        };
        *only
    }

    fn drop(&self, request: usize, reason: DropReason, out: &mut Actions) {
        let operation = self.plan.spec.requests[request].operation;
        out.notes.push(Note::Dropped { operation, reason });
    }

    fn under_way(&self) -> usize {
        self.errands.iter().filter(|errand| matches!(errand.what, What::Request { .. })).count()
    }

    fn open_streams(&mut self, now: Nanos) {
        for stream in 0..self.streams.len() {
            if let Some(due) = self.streams[stream].fire(now) {
                let draw = Draw { seed: self.fate.bits(), counter: self.counter, due };
                let call = Call::scheduled(self.next_flow(), due);
                self.undertake(call, What::Stream(stream), draw);
            }
        }
    }

    /// Whoever heeds what answers say reads each of them first; with a pool it has several requests under way all the same.
    fn one_at_a_time(&self) -> bool {
        let spec = &self.plan.spec;
        matches!(spec.reaction, Reaction::Preempt(_)) && spec.connections == Connections::Own
    }

    fn needs_token(&self) -> bool {
        self.plan.spec.tokens().is_some()
    }

    fn keep_token(&mut self, now: Nanos) {
        if !self.needs_token() {
            return;
        }
        self.token.expire(now);
        if self.token.fetch_at() <= now && !self.fetching() {
            let call = Call::following(self.next_flow(), now);
            self.undertake(call, What::Token, Draw { seed: 0, counter: self.counter, due: now });
        }
    }

    fn fetching(&self) -> bool {
        self.errands.iter().any(|errand| errand.what == What::Token)
    }

    fn undertake(&mut self, call: Call, what: What, draw: Draw) {
        self.errands.push(Errand { call, what, draw, abandoned: false });
    }

    /// From when on requests can be sent: a client that needs a token waits for it.
    fn open_from(&self) -> Nanos {
        if self.needs_token() { self.token.usable_from() } else { Nanos::ZERO }
    }

    fn send(&mut self, now: Nanos, out: &mut Actions) {
        let (open_from, epoch) = (self.open_from(), self.token.epoch());
        let one_at_a_time = self.one_at_a_time();
        let plan = &self.plan;
        let lane = match plan.spec.connections {
            Connections::Own => Lane::Own(0),
            Connections::Pooled => Lane::Pool,
        };
        for errand in &mut self.errands {
            let open_from = if errand.what == What::Token { Nanos::ZERO } else { open_from };
            let open_from = open_from.max(self.heed.opens(errand.what.operation(plan))).max(self.free_from);
            if let Some(attempt) = errand.call.attempt_if_ready(open_from, now) {
                errand.call.token_epoch = epoch;
                if one_at_a_time {
                    self.free_from = Nanos::MAX;
                }
                out.requests.push(Request {
                    operation: errand.what.operation(plan),
                    flow: attempt.flow,
                    attempt: attempt.number,
                    due: attempt.due,
                    cause: attempt.cause,
                    lane: if matches!(errand.what, What::Stream(_)) { Lane::Stream } else { lane },
                    detail: errand.what.detail(plan, &errand.draw),
                    timeout: plan.spec.timeout,
                    held: false,
                });
            }
        }
    }

    fn next_change(&self) -> Nanos {
        if let Some(until) = self.dark_until {
            return until;
        }
        let open_from = self.open_from();
        let schedules = self.schedules.iter().map(Process::next);
        let streams = self.streams.iter().map(|stream| stream.opens_at);
        let errands = self.errands.iter().map(|errand| {
            let open_from = if errand.what == What::Token { Nanos::ZERO } else { open_from };
            let heeded = self.heed.opens(errand.what.operation(&self.plan));
            errand.call.ready_at(open_from.max(heeded).max(self.free_from))
        });
        let token = match self.needs_token() {
            true if self.fetching() => self.token.ends(),
            true => self.token.fetch_at().min(self.token.ends()),
            false => Nanos::MAX,
        };
        schedules.chain(streams).chain(errands).chain([token]).min().unwrap_or(Nanos::MAX)
    }

    fn answered(&mut self, now: Nanos, request: &Request, answer: Answer, out: &mut Actions) {
        self.heed.take(now, request.operation, &answer);
        if self.one_at_a_time() {
            self.free_from = now;
        }
        let sought = |errand: &Errand| errand.call.flow == request.flow && errand.call.in_flight();
        let Some(index) = self.errands.iter().position(sought) else { return };
        // In order: those before it were asked for first.
        let mut errand = self.errands.remove(index);
        let settled = errand.call.settle(now, &answer, &self.plan.spec.reaction, &mut self.jitter);
        match self.ending(now, settled, &mut errand) {
            None => self.errands.insert(index, errand),
            Some(served) => {
                errand.call.finish(errand.what.operation(&self.plan), served, out);
                if !errand.abandoned {
                    self.ended(now, errand, served.then_some(answer.body));
                }
            }
        }
    }

    /// Whether the errand is over, and if so, whether it was served.
    fn ending(&mut self, now: Nanos, settled: Settled, errand: &mut Errand) -> Option<bool> {
        if errand.abandoned && settled != Settled::Served {
            return Some(false);
        }
        let renews = self.needs_token() && errand.what != What::Token;
        let token = renews.then_some(&mut self.token);
        errand.call.conclude(settled, now, token, &self.plan.spec.reaction, &mut self.jitter)
    }

    /// What follows from an errand that is over; `body` is None when it was given up.
    fn ended(&mut self, now: Nanos, errand: Errand, body: Option<Body>) {
        match errand.what {
            What::Token => self.token_answered(now, body),
            What::Stream(stream) => self.stream_answered(now, stream, errand.call.flow, body.is_some()),
            What::Request { request, ref step } => {
                let Some(body) = body else { return };
                let (at, step) = match next(&self.plan.spec.requests[request], step, body) {
                    Next::Done => return,
                    Next::Now(step) => (now, step),
                    Next::After(wait, step) => (now.saturating_add(wait), step),
                };
                let mut call = Call::following(self.next_flow(), now);
                if at > now {
                    call.wait(at);
                }
                self.undertake(call, What::Request { request, step }, errand.draw);
            }
        }
    }

    fn token_answered(&mut self, now: Nanos, body: Option<Body>) {
        let Some(oauth2) = self.plan.spec.tokens() else { return };
        match body {
            Some(Body::Token { value, lifetime }) => self.token.accept(now, value, lifetime, oauth2.renew_before),
            _ => self.token.fetch_failed(now, &self.plan.spec.reaction.backoff(), &mut self.jitter),
        }
    }

    fn stream_answered(&mut self, now: Nanos, stream: usize, flow: Flow, opened: bool) {
        if opened {
            return self.streams[stream].opened(flow);
        }
        let backoff = self.plan.spec.reaction.backoff();
        let after = self.plan.spec.streams[stream].reopen_after;
        self.streams[stream].lost(now, after, |failures| backed_off(&backoff, failures, &mut self.jitter));
    }

    fn stream_closed(&mut self, now: Nanos, flow: Flow) {
        if let Some(stream) = self.streams.iter().position(|stream| stream.is(flow)) {
            self.stream_answered(now, stream, flow, false);
        }
    }

    fn disturbed(&mut self, now: Nanos, disturbance: &Disturbance, out: &mut Actions) {
        match disturbance {
            Disturbance::Blackout { outage, back_within } => {
                let back = now.saturating_add(*outage).saturating_add(self.fate.within(*back_within));
                self.go_dark(now, back, out);
            }
            Disturbance::ColdStart { within } => {
                let back = now.saturating_add(self.fate.within(*within));
                self.go_dark(now, back, out);
                self.token.forget();
            }
            Disturbance::TokenExpiry => self.token.forget(),
            // Chargers' and operators' only.
            Disturbance::FirmwareRollout { .. }
            | Disturbance::SessionSurge { .. }
            | Disturbance::ControlBurst { .. } => {}
        }
    }

    /// Loses its connections until `back`: what is under way is broken off, what would arrive meanwhile is not made.
    fn go_dark(&mut self, now: Nanos, back: Nanos, out: &mut Actions) {
        let back = back.max(self.dark_until.unwrap_or(now));
        out.disconnect.push(Disconnect::All);
        self.dark_until = Some(back);
        let plan = Arc::clone(&self.plan);
        for (process, schedule) in self.schedules.iter_mut().zip(&plan.spec.schedules) {
            process.skip(&schedule.arrivals, back);
        }
        self.streams.iter_mut().for_each(|stream| *stream = Keeping::new(back));
        self.errands.retain_mut(|errand| {
            errand.abandoned = true;
            if !errand.call.in_flight() {
                errand.call.finish(errand.what.operation(&plan), false, out);
            }
            errand.call.in_flight()
        });
    }

    fn next_flow(&mut self) -> Flow {
        self.flows = self.flows.wrapping_add(1);
        Flow(self.flows)
    }

    /// The errand that a request belongs to.
    pub(super) fn errand(&self, request: &Request) -> Option<&Errand> {
        self.errands.iter().find(|errand| errand.call.flow == request.flow)
    }
}

impl Device for Client {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        match event {
            Event::Wake => {}
            Event::Answered { request, answer } => self.answered(now, request, answer, out),
            Event::StreamClosed { flow } => self.stream_closed(now, flow),
            Event::Disturbed(disturbance) => self.disturbed(now, disturbance, out),
        }
        self.advance(now, out);
    }

    fn render(&self, _now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        if let Some(errand) = self.errand(request) {
            self.write(&errand.what, &errand.draw, anchor, http);
        }
    }

    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        match self.errand(request) {
            Some(errand) => self.read(errand, answer),
            None => Some(Body::None),
        }
    }

    fn imagine(&self, request: &Request) -> Body {
        self.errand(request).map_or(Body::None, |errand| self.imagined(errand))
    }
}
