//! When a charger sends what.
//!
//! After every event the whole machine is advanced to `now`: what has happened meanwhile is played, ticks are made, and
//! each operation whose time has come and whose way is free is sent. The next wake-up is the earliest time at which any of
//! that can change. An answer from which nothing follows before then is all that needs no such look.

use std::sync::Arc;

use super::commands::Recent;
use super::connector::{Connector, Poll};
use super::outbox::Outbox;
use super::plan::ChargerPlan;
use super::rollout::Rollout;
use crate::device::cadence::Cadence;
use crate::device::call::{Call, Settled};
use crate::device::draws::Draws;
use crate::device::reaction::backed_off;
use crate::device::token::TokenKeeper;
use crate::device::{
    Actions, Answer, Body, Command, Detail, Device, DropReason, Event, Flow, HttpRequest, Lane, Note, Request,
    ServedAnswer,
};
use crate::rng::DeviceRng;
use crate::scenario::fleet::{CadenceSpec, CommandDelivery};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// From sending to the whole answer; a long poll's hold comes on top.
const TIMEOUT: Nanos = Nanos::from_secs(10);
const MAIN: Lane = Lane::Own(0);

/// One simulated charger.
#[derive(Clone, Debug)]
pub struct Charger {
    pub(super) plan: Arc<ChargerPlan>,
    /// Within its group.
    pub(super) index: u32,
    pub(super) identity: Option<Box<Identity>>,
    pub(super) token: TokenKeeper,
    pub(super) outbox: Outbox,
    pub(super) connectors: Box<[Connector]>,
    pub(super) rollout: Option<Box<Rollout>>,
    pub(super) recent: Recent,
    pub(super) presence: Presence,
    booted: bool,
    /// The connection counts as lost until then.
    link_from: Nanos,
    /// Connection losses in a row.
    link_failures: u8,
    flows: u32,
    /// Registration, or the request for a token.
    pub(super) setup: Option<Call>,
    pub(super) setup_operation: TellusOp,
    pub(super) heartbeat: Option<Call>,
    beat: Cadence,
    /// For events: what they draw must not depend on answers.
    pub(super) fate: Draws,
    /// For what follows from answers.
    jitter: Draws,
    /// When something happens next, as of the last time that it was brought to the present.
    next: Nanos,
}

/// Given by the platform once; survives everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub device_id: Box<str>,
    pub device_secret: Box<str>,
}

/// Whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Online,
    /// The hardware works on without a connection.
    Dark {
        until: Nanos,
    },
    /// No power.
    Off {
        until: Nanos,
    },
}

/// The places where a charger can have an operation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Setup,
    Heartbeat,
    Delivery,
    Sample(usize),
    Poll(usize),
}

impl Charger {
    pub fn new(plan: Arc<ChargerPlan>, index: u32, mut rng: DeviceRng) -> Self {
        let mut fate = Draws::fork(&mut rng);
        let jitter = Draws::fork(&mut rng);
        let beat = Cadence::start(&plan.spec.heartbeat, Nanos::ZERO, Draws::fork(&mut rng));
        let connector = |number| Connector::new(number, &plan.spec, Draws::fork(&mut rng));
        let connectors = (1..=plan.spec.connectors).map(connector).collect();
        let presence = Presence::Off { until: fate.start(&plan.spec.start, index, plan.chargers) };
        Charger {
            plan,
            index,
            identity: None,
            token: TokenKeeper::empty(),
            outbox: Outbox::default(),
            connectors,
            rollout: None,
            recent: Recent::default(),
            presence,
            booted: false,
            link_from: Nanos::ZERO,
            link_failures: 0,
            flows: 0,
            setup: None,
            setup_operation: TellusOp::Register,
            heartbeat: None,
            beat,
            fate,
            jitter,
            next: Nanos::ZERO,
        }
    }

    /// Brings everything to `now` and says when something happens next.
    fn advance(&mut self, now: Nanos, out: &mut Actions) {
        self.come_back(now);
        self.play_hardware(now, out);
        if self.presence == Presence::Online {
            self.tick(now, out);
            self.keep_token(now);
            self.send(now, out);
        }
        self.next = self.next_change();
    }

    fn come_back(&mut self, now: Nanos) {
        let (at, powered) = match self.presence {
            Presence::Off { until } if until <= now => (until, true),
            Presence::Dark { until } if until <= now => (until, false),
            _ => return,
        };
        self.presence = Presence::Online;
        let plan = &*self.plan;
        let around = plan.surroundings();
        if powered {
            let first = !self.booted;
            self.connectors.iter_mut().for_each(|connector| connector.power_up(at, first, around));
            self.booted = true;
        }
        self.link_from = at;
        self.link_failures = 0;
        // The first thing the platform hears is that the charger is there.
        self.beat.restart_at(at);
        for connector in &mut self.connectors {
            connector.telemetry.restart(&plan.spec.telemetry, at);
            connector.poll.failures = 0;
            connector.poll.not_before = at;
        }
    }

    /// Vehicles, sessions and firmware go on with or without a connection, but not without power.
    fn play_hardware(&mut self, now: Nanos, out: &mut Actions) {
        if matches!(self.presence, Presence::Off { .. }) {
            return;
        }
        let around = self.plan.surroundings();
        for connector in &mut self.connectors {
            connector.advance(now, around, &mut self.outbox, out);
            if connector.session().is_none() {
                // A sample that still waits has nothing left to tell.
                if let Some(call) = connector.sample.take_if(|call| !call.in_flight()) {
                    call.finish(TellusOp::Telemetry.id(), false, out);
                }
            }
        }
        self.advance_rollout(now, out);
    }

    /// Makes the ticks that have come. One whose predecessor is still on its way is dropped.
    fn tick(&mut self, now: Nanos, out: &mut Actions) {
        let spec = &self.plan.spec;
        let flows = &mut self.flows;
        tick(&mut self.beat, &spec.heartbeat, &mut self.heartbeat, TellusOp::Heartbeat, now, flows, out);
        for connector in &mut self.connectors {
            if connector.session().is_some() {
                let Connector { telemetry, sample, .. } = connector;
                tick(telemetry, &spec.telemetry, sample, TellusOp::Telemetry, now, flows, out);
            }
        }
    }

    /// Registers, or asks for a token, when there is need.
    fn keep_token(&mut self, now: Nanos) {
        self.token.expire(now);
        if self.setup.is_none() && self.token.fetch_at() <= now {
            self.setup_operation = if self.identity.is_some() { TellusOp::DeviceToken } else { TellusOp::Register };
            self.setup = Some(Call::following(next_flow(&mut self.flows), now));
        }
    }

    /// Sends what can be sent.
    fn send(&mut self, now: Nanos, out: &mut Actions) {
        self.fill_slots(now);
        let link_from = self.link_from;
        let usable_from = self.token.usable_from().max(link_from);
        let epoch = self.token.epoch();
        let mut push = |call: &mut Call, open_from, operation: TellusOp, lane, detail, timeout| {
            call.token_epoch = if call.in_flight() { call.token_epoch } else { epoch };
            if let Some(attempt) = call.attempt_if_ready(open_from, now) {
                out.requests.push(Request {
                    operation: operation.id(),
                    flow: attempt.flow,
                    attempt: attempt.number,
                    due: attempt.due,
                    cause: attempt.cause,
                    lane,
                    detail,
                    timeout,
                    held: operation == TellusOp::PollCommands,
                });
            }
        };
        if let Some(call) = &mut self.setup {
            push(call, link_from, self.setup_operation, MAIN, Detail::None, TIMEOUT);
        }
        if let Some(call) = &mut self.heartbeat {
            push(call, usable_from, TellusOp::Heartbeat, MAIN, Detail::None, TIMEOUT);
        }
        let first = self.outbox.first().map(|item| (item.operation(), item.detail()));
        if let (Some(call), Some((operation, detail))) = (&mut self.outbox.call, first) {
            push(call, usable_from, operation, MAIN, detail, TIMEOUT);
        }
        let hold = self.plan.poll_wait();
        for connector in &mut self.connectors {
            let detail = Detail::Resource(connector.number.into());
            if let Some(call) = &mut connector.sample {
                push(call, usable_from, TellusOp::Telemetry, MAIN, detail, TIMEOUT);
            }
            if let Some(call) = &mut connector.poll.call {
                let open_from = self.token.usable_from().max(connector.poll.not_before);
                let lane = Lane::Own(connector.number);
                push(call, open_from, TellusOp::PollCommands, lane, detail, hold.saturating_add(TIMEOUT));
            }
        }
    }

    /// Operations that are always under way: the delivery of the outbox's first item, and one poll per connector.
    fn fill_slots(&mut self, now: Nanos) {
        if let (None, Some(item)) = (&self.outbox.call, self.outbox.first()) {
            // What had to wait for another item, the connection or a token is due when that is over.
            let prompt = self.outbox.is_prompt(self.token.usable_from().max(self.link_from));
            let at = item.at;
            let flow = next_flow(&mut self.flows);
            self.outbox.call = Some(if prompt { Call::scheduled(flow, at) } else { Call::following(flow, now) });
        }
        if matches!(self.plan.spec.commands, CommandDelivery::LongPoll { .. }) {
            for connector in self.connectors.iter_mut().filter(|connector| connector.poll.call.is_none()) {
                let call = Call::following(next_flow(&mut self.flows), now.max(connector.poll.not_before));
                connector.poll.call = Some(call);
            }
        }
    }

    fn next_change(&self) -> Nanos {
        let back = match self.presence {
            Presence::Off { until } => return until,
            Presence::Dark { until } => until,
            Presence::Online => Nanos::MAX,
        };
        let rollout = self.rollout.as_ref().map_or(Nanos::MAX, |rollout| rollout.next());
        let hardware = self.connectors.iter().map(Connector::next_change).min().unwrap_or(Nanos::MAX).min(rollout);
        if back < Nanos::MAX {
            return back.min(hardware);
        }
        let fetch = if self.setup.is_none() { self.token.fetch_at() } else { Nanos::MAX };
        let usable_from = self.token.usable_from().max(self.link_from);
        let ready = |call: &Option<Call>, open_from| call.as_ref().map_or(Nanos::MAX, |call| call.ready_at(open_from));
        let main = ready(&self.heartbeat, usable_from).min(ready(&self.outbox.call, usable_from));
        let setup = ready(&self.setup, self.link_from);
        let connector = |connector: &Connector| {
            let tick = if connector.session().is_some() { connector.telemetry.next() } else { Nanos::MAX };
            let open_from = self.token.usable_from().max(connector.poll.not_before);
            tick.min(ready(&connector.sample, usable_from)).min(ready(&connector.poll.call, open_from))
        };
        let connectors = self.connectors.iter().map(connector).min().unwrap_or(Nanos::MAX);
        hardware.min(fetch).min(self.token.ends()).min(main).min(setup).min(connectors).min(self.beat.next())
    }

    /// Whether the answer ended a heartbeat or a sample and nothing follows from it.
    fn answered(&mut self, now: Nanos, request: &Request, answer: Answer, out: &mut Actions) -> bool {
        let Some((slot, mut call)) = self.find(request.flow) else { return false };
        let operation = TellusOp::from_id(request.operation).unwrap_or(TellusOp::Heartbeat);
        let settled = call.settle(now, &answer, &self.plan.spec.reaction, &mut self.jitter);
        match settled {
            Settled::Lost if !matches!(slot, Slot::Poll(_)) => self.link_lost(now),
            Settled::Lost | Settled::Cancelled => {}
            _ if matches!(slot, Slot::Poll(_)) => {}
            _ => self.link_failures = 0,
        }
        match self.ending(now, slot, settled, &mut call) {
            None => *self.slot(slot) = Some(call),
            Some(served) => {
                call.finish(operation.id(), served, out);
                *self.slot(slot) = None;
                let is_plain = served && matches!(slot, Slot::Heartbeat | Slot::Sample(_)) && answer.body == Body::None;
                self.ended(now, slot, operation, served, answer.body, out);
                return is_plain;
            }
        }
        false
    }

    /// Whether the operation is over, and if so, whether it was served.
    fn ending(&mut self, now: Nanos, slot: Slot, settled: Settled, call: &mut Call) -> Option<bool> {
        let attempts = self.plan.spec.reconnect.attempts;
        match settled {
            Settled::Served => {
                if slot != Slot::Setup {
                    self.token.proven();
                }
                Some(true)
            }
            Settled::GivenUp => Some(false),
            Settled::Waits => None,
            Settled::Unauthorized => {
                let reconnect = self.plan.spec.reconnect;
                self.token.refused(call.token_epoch, now, &reconnect, &mut self.jitter);
                call.hold();
                (slot == Slot::Setup || call.attempt >= attempts).then_some(false)
            }
            Settled::Cancelled => {
                call.hold();
                (slot != Slot::Delivery).then_some(false)
            }
            Settled::Lost => {
                match slot {
                    Slot::Poll(_) => {
                        let wait = backed_off(&self.plan.spec.reconnect, call.attempt, &mut self.jitter);
                        call.wait(now.saturating_add(wait));
                    }
                    _ => call.hold(),
                }
                (slot != Slot::Delivery && call.attempt >= attempts).then_some(false)
            }
        }
    }

    /// What follows from an operation that is over.
    fn ended(&mut self, now: Nanos, slot: Slot, operation: TellusOp, served: bool, body: Body, out: &mut Actions) {
        match slot {
            Slot::Setup => return self.set_up(now, operation, body),
            Slot::Delivery => self.outbox.pop(now),
            Slot::Heartbeat | Slot::Sample(_) => {}
            Slot::Poll(index) => {
                let Poll { failures, not_before, .. } = &mut self.connectors[index].poll;
                if served {
                    *failures = 0;
                } else {
                    *failures = failures.saturating_add(1);
                    let wait = backed_off(&self.plan.spec.reconnect, (*failures).into(), &mut self.jitter);
                    *not_before = now.saturating_add(wait);
                }
            }
        }
        if let Body::Commands(commands) = body {
            commands.into_iter().for_each(|command: Command| self.obey(now, command, out));
        }
    }

    fn set_up(&mut self, now: Nanos, operation: TellusOp, body: Body) {
        match (operation, body) {
            (TellusOp::Register, Body::Registered { device_id, device_secret }) => {
                self.identity = Some(Box::new(Identity { device_id, device_secret }));
            }
            (TellusOp::DeviceToken, Body::Token { value, lifetime }) => {
                self.token.accept(now, value, lifetime, self.plan.spec.renew_before);
            }
            _ => self.token.fetch_failed(now, &self.plan.spec.reconnect, &mut self.jitter),
        }
    }

    /// One loss, however many operations it hits: it counts until the connection is tried again.
    fn link_lost(&mut self, now: Nanos) {
        if now >= self.link_from {
            self.link_failures = self.link_failures.saturating_add(1);
            let wait = backed_off(&self.plan.spec.reconnect, self.link_failures.into(), &mut self.jitter);
            self.link_from = now.saturating_add(wait);
        }
    }

    fn find(&self, flow: Flow) -> Option<(Slot, Call)> {
        let is_meant = |call: &Option<Call>| call.filter(|call| call.flow == flow && call.in_flight());
        for (index, connector) in self.connectors.iter().enumerate() {
            if let Some(call) = is_meant(&connector.sample) {
                return Some((Slot::Sample(index), call));
            }
            if let Some(call) = is_meant(&connector.poll.call) {
                return Some((Slot::Poll(index), call));
            }
        }
        let others =
            [(Slot::Heartbeat, &self.heartbeat), (Slot::Delivery, &self.outbox.call), (Slot::Setup, &self.setup)];
        others.into_iter().find_map(|(slot, call)| Some((slot, is_meant(call)?)))
    }

    fn slot(&mut self, slot: Slot) -> &mut Option<Call> {
        match slot {
            Slot::Setup => &mut self.setup,
            Slot::Heartbeat => &mut self.heartbeat,
            Slot::Delivery => &mut self.outbox.call,
            Slot::Sample(index) => &mut self.connectors[index].sample,
            Slot::Poll(index) => &mut self.connectors[index].poll.call,
        }
    }
}

impl Device for Charger {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        match event {
            // Chargers have no streams.
            Event::Wake | Event::StreamClosed { .. } => self.advance(now, out),
            Event::Answered { request, answer } => {
                // Before the next change there is nothing to bring to the present: most answers are so.
                if !self.answered(now, request, answer, out) || now >= self.next {
                    self.advance(now, out);
                }
            }
            Event::Disturbed(disturbance) => {
                self.disturbed(now, disturbance, out);
                self.advance(now, out);
            }
        }
        debug_assert_eq!(self.next, self.next_change());
        out.wake = (self.next < Nanos::MAX).then_some(self.next);
    }

    fn render(&self, now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        self.write_request(now, request, anchor, http);
    }

    fn is_charging(&self) -> bool {
        self.connectors.iter().any(|connector| connector.session().is_some())
    }

    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        super::wire::read_body(request, answer.body)
    }
}

fn next_flow(flows: &mut u32) -> Flow {
    *flows = flows.wrapping_add(1);
    Flow(*flows)
}

/// Makes the ticks of one schedule that have come by `now`.
fn tick(
    cadence: &mut Cadence,
    spec: &CadenceSpec,
    slot: &mut Option<Call>,
    operation: TellusOp,
    now: Nanos,
    flows: &mut u32,
    out: &mut Actions,
) {
    while let Some(tick) = cadence.fire(spec, now) {
        let mut drop = |reason| out.notes.push(Note::Dropped { operation: operation.id(), reason });
        (0..tick.missed).for_each(|_| drop(DropReason::Missed));
        match slot {
            Some(_) => drop(DropReason::Busy),
            None => *slot = Some(Call::scheduled(next_flow(flows), tick.due)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::charger::tests_support::{Served, spec};

    #[test]
    fn a_wake_up_that_comes_late_skips_what_it_missed() {
        let mut served = Served::new(spec());
        served.run_until(Nanos::from_secs(60));
        let now = Nanos::from_secs(60 + 305);
        let mut out = Actions::default();
        served.charger.handle(now, Event::Wake, &mut out);
        let missed = Note::Dropped { operation: TellusOp::Heartbeat.id(), reason: DropReason::Missed };
        let skipped = out.notes.iter().filter(|note| **note == missed).count();
        assert!((8..=10).contains(&skipped), "{skipped}");
        let [beat] = out.requests.as_slice() else { panic!("a burst: {:?}", out.requests) };
        assert!(beat.due <= now && now - beat.due < Nanos::from_secs(36));
        assert!(out.wake.is_some_and(|wake| wake > now));
    }

    #[test]
    fn an_answer_to_nothing_changes_nothing() {
        let mut served = Served::new(spec());
        served.run_until(Nanos::from_secs(60));
        let stale = Request {
            operation: TellusOp::Heartbeat.id(),
            flow: Flow(9_999),
            attempt: 1,
            due: Nanos::ZERO,
            cause: crate::device::Cause::Schedule,
            lane: MAIN,
            detail: Detail::None,
            timeout: TIMEOUT,
            held: false,
        };
        let answer = Answer {
            outcome: crate::device::Outcome::Rejected(401),
            hint: crate::policy::signals::Hint::Absent,
            told: crate::policy::signals::Told::default(),
            body: Body::None,
        };
        let mut out = Actions::default();
        served.charger.handle(served.now, Event::Answered { request: &stale, answer }, &mut out);
        assert!(out.requests.is_empty() && out.notes.is_empty());
        assert!(served.charger.token.token().is_some());
    }
}
