//! When an operator's client sends what.
//!
//! Each request under way is an errand. As with chargers, after every event everything is brought to `now`: rounds that
//! are due begin, errands whose time has come are sent, and the next wake-up is the earliest time at which that can change.

use std::sync::Arc;

use super::ask::{Asking, Begin, Place, Then, What, first_operation};
use super::plan::{OperatorPlan, PlannedAsk};
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
use crate::scenario::event::BurstCommand;
use crate::scenario::fleet::TokenHabit;
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

const TIMEOUT: Nanos = Nanos::from_secs(30);
/// Requests of bursts under way at once; more are dropped and said to be.
const BURST_ERRANDS: usize = 32;

/// One simulated client.
#[derive(Clone, Debug)]
pub struct Operator {
    pub(super) plan: Arc<OperatorPlan>,
    /// Within its group.
    pub(super) index: u32,
    pub(super) token: TokenKeeper,
    pub(super) errands: Vec<Errand>,
    asks: Vec<Asking>,
    bursts: Vec<Burst>,
    heed: Heed,
    /// No connection until then.
    dark_until: Option<Nanos>,
    flows: u32,
    /// For schedules and events: what they draw must not depend on answers.
    fate: Draws,
    /// For what follows from answers.
    jitter: Draws,
}

/// One request under way.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) call: Call,
    pub(super) what: What,
    owner: Owner,
    /// Where every request takes a token of its own.
    pub(super) own_token: OwnToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The token that the client keeps.
    Token,
    /// The token for the errand of this flow.
    TokenFor(Flow),
    Ask(usize),
    Burst,
    /// Its round was broken off.
    Nobody,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum OwnToken {
    None,
    Fetching,
    Ready { token: Box<str>, since: Nanos },
}

/// Control requests sent evenly over a span.
#[derive(Clone, Debug)]
struct Burst {
    command: BurstCommand,
    begin: Nanos,
    within: Nanos,
    sent: u32,
    commands: u32,
}

impl Burst {
    fn next(&self) -> Nanos {
        if self.sent >= self.commands {
            return Nanos::MAX;
        }
        self.begin.saturating_add(self.within.scale(f64::from(self.sent) / f64::from(self.commands)))
    }
}

impl Operator {
    pub fn new(plan: Arc<OperatorPlan>, index: u32, mut rng: DeviceRng) -> Self {
        let mut fate = Draws::fork(&mut rng);
        let jitter = Draws::fork(&mut rng);
        let asks = plan.asks.iter().map(|it| Asking::new(&it.ask, Draws::fork(&mut rng))).collect();
        let start = fate.start(&plan.spec.start, index, plan.clients);
        Operator {
            index,
            token: TokenKeeper::empty(),
            errands: Vec::new(),
            asks,
            bursts: Vec::new(),
            heed: Heed::new(plan.documented.clone()),
            dark_until: Some(start),
            flows: 0,
            fate,
            jitter,
            plan,
        }
    }

    fn advance(&mut self, now: Nanos, out: &mut Actions) {
        self.come_back(now);
        if self.dark_until.is_none() {
            self.begin_rounds(now, out);
            self.play_bursts(now, out);
            self.keep_token(now);
            self.send(now, out);
        }
        let next = self.next_change();
        out.wake = (next < Nanos::MAX).then_some(next);
    }

    fn come_back(&mut self, now: Nanos) {
        let Some(at) = self.dark_until.filter(|&until| until <= now) else { return };
        self.dark_until = None;
        for (asking, PlannedAsk { ask, .. }) in self.asks.iter_mut().zip(&self.plan.asks) {
            asking.restart(ask, at, false);
        }
    }

    fn begin_rounds(&mut self, now: Nanos, out: &mut Actions) {
        let plan = Arc::clone(&self.plan);
        for (index, PlannedAsk { ask, target }) in plan.asks.iter().enumerate() {
            let operation = first_operation(&ask.what).id();
            while let Some((due, missed)) = self.asks[index].fire(ask, now) {
                let mut drop = |reason| out.notes.push(Note::Dropped { operation, reason });
                (0..missed).for_each(|_| drop(DropReason::Missed));
                if self.asks[index].busy {
                    drop(DropReason::Busy);
                    continue;
                }
                match self.asks[index].begin(ask, target.as_ref(), due, &mut self.fate) {
                    Begin::Cached => out.notes.push(Note::CacheHit { operation }),
                    Begin::Ask(what) => {
                        let call = Call::scheduled(self.next_flow(), due);
                        self.undertake(call, what, Owner::Ask(index));
                    }
                }
            }
        }
    }

    fn play_bursts(&mut self, now: Nanos, out: &mut Actions) {
        for index in 0..self.bursts.len() {
            while self.bursts[index].next() <= now {
                let due = self.bursts[index].next();
                let what = self.burst_request(&self.bursts[index]);
                self.bursts[index].sent += 1;
                if self.errands.iter().filter(|errand| errand.owner == Owner::Burst).count() >= BURST_ERRANDS {
                    let (operation, reason) = (what.operation().id(), DropReason::QueueFull);
                    out.notes.push(Note::Dropped { operation, reason });
                    continue;
                }
                let call = Call::scheduled(self.next_flow(), due);
                self.undertake(call, what, Owner::Burst);
            }
        }
        self.bursts.retain(|burst| burst.sent < burst.commands);
    }

    /// The next request of a burst; starts go round the group's chargers, each client from another one on.
    fn burst_request(&self, burst: &Burst) -> What {
        match burst.command {
            BurstCommand::Flexibility => What::Flexibility,
            BurstCommand::Start { group } => {
                let target = &self.plan.groups[group.index()];
                let turn = self.index.wrapping_mul(burst.commands).wrapping_add(burst.sent);
                let devices = target.devices.max(1);
                let connector = (turn / devices % u32::from(target.connectors.max(1))) as u8 + 1;
                What::Start(Place { device: target.first + turn % devices, connector })
            }
        }
    }

    fn keep_token(&mut self, now: Nanos) {
        if self.plan.spec.token == TokenHabit::PerRequest {
            return self.fetch_own_tokens(now);
        }
        self.token.expire(now);
        if self.token.fetch_at() <= now && !self.fetching() {
            let call = Call::following(self.next_flow(), now);
            self.undertake(call, What::Token, Owner::Token);
        }
    }

    fn fetching(&self) -> bool {
        self.errands.iter().any(|errand| errand.owner == Owner::Token)
    }

    /// A token for each errand that could go if it had one.
    fn fetch_own_tokens(&mut self, now: Nanos) {
        for index in 0..self.errands.len() {
            let errand = &mut self.errands[index];
            let ready = errand.call.ready_at(Nanos::ZERO) <= now;
            if ready && errand.what != What::Token && errand.own_token == OwnToken::None {
                errand.own_token = OwnToken::Fetching;
                let owner = Owner::TokenFor(errand.call.flow);
                let call = Call::following(self.next_flow(), now);
                self.undertake(call, What::Token, owner);
            }
        }
    }

    fn undertake(&mut self, call: Call, what: What, owner: Owner) {
        self.errands.push(Errand { call, what, owner, own_token: OwnToken::None });
    }

    fn send(&mut self, now: Nanos, out: &mut Actions) {
        let (kept_from, epoch) = (self.token.usable_from(), self.token.epoch());
        let habit = self.plan.spec.token;
        for errand in &mut self.errands {
            let open_from = errand.open_from(habit, kept_from).max(self.heed.opens(errand.what.operation().id()));
            if let Some(attempt) = errand.call.attempt_if_ready(open_from, now) {
                errand.call.token_epoch = epoch;
                let is_stream = matches!(errand.what, What::Stream { .. });
                out.requests.push(Request {
                    operation: errand.what.operation().id(),
                    flow: attempt.flow,
                    attempt: attempt.number,
                    due: attempt.due,
                    cause: attempt.cause,
                    lane: if is_stream { Lane::Stream } else { Lane::Pool },
                    detail: errand.what.detail(),
                    timeout: TIMEOUT,
                    held: false,
                });
            }
        }
    }

    fn next_change(&self) -> Nanos {
        if let Some(until) = self.dark_until {
            return until;
        }
        let (kept_from, habit) = (self.token.usable_from(), self.plan.spec.token);
        let keeps = habit == TokenHabit::Keep;
        let fetch = if keeps && !self.fetching() { self.token.fetch_at() } else { Nanos::MAX };
        let asks = self.asks.iter().map(Asking::next);
        let bursts = self.bursts.iter().map(Burst::next);
        let errands = self.errands.iter().map(|errand| match errand.own_token {
            // Wakes to fetch its token.
            OwnToken::None if !keeps => errand.call.ready_at(Nanos::ZERO),
            _ => {
                let heeded = self.heed.opens(errand.what.operation().id());
                errand.call.ready_at(errand.open_from(habit, kept_from).max(heeded))
            }
        });
        asks.chain(bursts).chain(errands).chain([fetch, self.token.ends()]).min().unwrap_or(Nanos::MAX)
    }

    fn answered(&mut self, now: Nanos, request: &Request, answer: Answer, out: &mut Actions) {
        self.heed.take(now, request.operation, &answer);
        let sought = |errand: &Errand| errand.call.flow == request.flow && errand.call.in_flight();
        let Some(index) = self.errands.iter().position(sought) else { return };
        let mut errand = self.errands.swap_remove(index);
        errand.own_token = OwnToken::None;
        let settled = errand.call.settle(now, &answer, &self.plan.spec.reaction, &mut self.jitter);
        match self.ending(now, settled, &mut errand) {
            None => self.errands.push(errand),
            Some(served) => {
                errand.call.finish(errand.what.operation().id(), served, out);
                self.ended(now, errand, served.then_some(answer.body), out);
            }
        }
    }

    /// Whether the errand is over, and if so, whether it was served.
    fn ending(&mut self, now: Nanos, settled: Settled, errand: &mut Errand) -> Option<bool> {
        let token = (errand.what != What::Token).then_some(&mut self.token);
        errand.call.conclude(settled, now, token, &self.plan.spec.reaction, &mut self.jitter)
    }

    /// What follows from an errand that is over; `body` is None when it was given up.
    fn ended(&mut self, now: Nanos, errand: Errand, body: Option<Body>, out: &mut Actions) {
        match errand.owner {
            Owner::Burst | Owner::Nobody => {}
            Owner::Token => match body {
                Some(Body::Token { value, lifetime }) => {
                    self.token.accept(now, value, lifetime, self.plan.spec.renew_before);
                }
                _ => self.token.fetch_failed(now, &self.plan.spec.reaction.backoff(), &mut self.jitter),
            },
            Owner::TokenFor(flow) => self.deliver_own_token(now, flow, body, out),
            Owner::Ask(index) => self.go_on(now, index, errand, body),
        }
    }

    fn deliver_own_token(&mut self, now: Nanos, flow: Flow, body: Option<Body>, out: &mut Actions) {
        let Some(index) = self.errands.iter().position(|errand| errand.call.flow == flow) else { return };
        if let Some(Body::Token { value, .. }) = body {
            self.errands[index].own_token = OwnToken::Ready { token: value, since: now };
            return;
        }
        // Without a token it cannot go.
        let errand = self.errands.swap_remove(index);
        errand.call.finish(errand.what.operation().id(), false, out);
        self.ended(now, errand, None, out);
    }

    fn go_on(&mut self, now: Nanos, index: usize, errand: Errand, body: Option<Body>) {
        let plan = Arc::clone(&self.plan);
        let PlannedAsk { ask, target } = &plan.asks[index];
        if matches!(errand.what, What::Stream { .. }) {
            let wait = |failures| backed_off(&plan.spec.reaction.backoff(), failures, &mut self.jitter);
            self.asks[index].stream_answered(ask, errand.call.flow, body.is_some(), wait, now);
        }
        let (at, what) = match self.asks[index].after(ask, target.as_ref(), &errand.what, body.as_ref(), now) {
            Then::Done => return,
            Then::Ask(what) => (None, what),
            Then::AskAt(at, what) => (Some(at), what),
        };
        let mut call = Call::following(self.next_flow(), now);
        if let Some(at) = at {
            call.wait(at);
        }
        self.undertake(call, what, Owner::Ask(index));
    }

    fn stream_closed(&mut self, now: Nanos, flow: Flow) {
        let plan = Arc::clone(&self.plan);
        for (asking, PlannedAsk { ask, .. }) in self.asks.iter_mut().zip(&plan.asks) {
            let wait = |failures| backed_off(&plan.spec.reaction.backoff(), failures, &mut self.jitter);
            if asking.stream_closed(ask, flow, wait, now) {
                return;
            }
        }
    }

    fn disturbed(&mut self, now: Nanos, disturbance: &Disturbance, out: &mut Actions) {
        match disturbance {
            Disturbance::Blackout { outage, back_within } => {
                let back = now.saturating_add(*outage).saturating_add(self.fate.within(*back_within));
                self.go_dark(now, back, false, out);
            }
            Disturbance::ColdStart { within } => {
                let back = now.saturating_add(self.fate.within(*within));
                self.go_dark(now, back, true, out);
                self.token.forget();
            }
            Disturbance::TokenExpiry => self.token.forget(),
            Disturbance::ControlBurst { command, commands, within } => {
                let burst = Burst { command: *command, begin: now, within: *within, sent: 0, commands: *commands };
                self.bursts.push(burst);
            }
            // Only chargers have firmware and sessions.
            Disturbance::FirmwareRollout { .. } | Disturbance::SessionSurge { .. } => {}
        }
    }

    /// Loses its connections until `back`: every round and burst is broken off. `forget` what was cached, too.
    fn go_dark(&mut self, now: Nanos, back: Nanos, forget: bool, out: &mut Actions) {
        out.disconnect.push(Disconnect::All);
        self.dark_until = Some(back.max(self.dark_until.unwrap_or_default()));
        self.bursts.clear();
        for (asking, PlannedAsk { ask, .. }) in self.asks.iter_mut().zip(&self.plan.asks) {
            asking.restart(ask, now, forget);
        }
        self.errands.retain_mut(|errand| {
            errand.owner = Owner::Nobody;
            if !errand.call.in_flight() {
                errand.call.finish(errand.what.operation().id(), false, out);
            }
            errand.call.in_flight()
        });
    }

    fn next_flow(&mut self) -> Flow {
        self.flows = self.flows.wrapping_add(1);
        Flow(self.flows)
    }
}

impl Errand {
    /// From when on it can carry its token.
    fn open_from(&self, habit: TokenHabit, kept_from: Nanos) -> Nanos {
        match (&self.what, habit, &self.own_token) {
            (What::Token, _, _) => Nanos::ZERO,
            (_, TokenHabit::Keep, _) => kept_from,
            (_, TokenHabit::PerRequest, OwnToken::Ready { since, .. }) => *since,
            (_, TokenHabit::PerRequest, OwnToken::None | OwnToken::Fetching) => Nanos::MAX,
        }
    }
}

impl Device for Operator {
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
        self.write_request(request, anchor, http);
    }

    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        match TellusOp::from_id(request.operation) {
            Some(operation) => super::wire::read_body(operation, answer.body),
            None => None,
        }
    }
}
