//! The discrete-event loop: it feeds devices, carries their requests to the target and the answers back, and writes the
//! record stream.

use rustc_hash::FxHashMap;

use super::calls::{Call, CallId, Calls, Ending};
use super::ended::{Ended, ended};
use super::happening::Happening;
use super::network::{Trip, Way, Weather};
use super::player::{OpenStream, Player};
use super::queue::Queue;
use super::target::{Reply, Target};
use super::traces::{Archive, Traces};
use super::{DRAIN, End, Progress};
use crate::device::{Actions, Answer, Body, Device, Disconnect, Event, Failure, Flow, Lane, Note, Outcome, Request};
use crate::record::{Observation, Observer, Sent, StreamEnding};
use crate::scenario::target::{CUT_AFTER, CUT_CODE, Fault};
use crate::scenario::{DeviceId, Scenario};
use crate::tellus::TellusOp;
use crate::time::Nanos;

/// Happenings between two words to those who watch.
const TELL_EVERY: u32 = 4096;

pub struct Engine<'a, D, O> {
    scenario: &'a Scenario,
    observer: &'a mut O,
    weather: &'a Weather,
    progress: &'a Progress,
    target: Target<'a>,
    queue: Queue<Happening>,
    /// The cell that is played.
    players: Vec<Player<D>>,
    /// Where a cell has more than one device.
    by_id: FxHashMap<DeviceId, u32>,
    calls: Calls,
    actions: Actions,
    now: Nanos,
    /// Devices are no longer fed and send nothing: only answers are awaited.
    draining: bool,
}

impl<'a, D: Device, O: Observer> Engine<'a, D, O> {
    pub fn new(
        scenario: &'a Scenario,
        weather: &'a Weather,
        archive: &'a Archive,
        progress: &'a Progress,
        observer: &'a mut O,
    ) -> Self {
        Engine {
            weather,
            progress,
            target: Target::new(scenario, archive),
            players: Vec::new(),
            by_id: FxHashMap::default(),
            queue: Queue::new(),
            calls: Calls::default(),
            actions: Actions::default(),
            now: Nanos::ZERO,
            draining: false,
            scenario,
            observer,
        }
    }

    /// What the devices of all cells that were played have left behind.
    pub fn into_traces(self) -> Traces {
        self.target.into_traces()
    }

    /// Whether somebody has asked for a stop.
    pub fn is_stopped(&self) -> bool {
        self.progress.stop.is_asked()
    }

    /// Plays one cell from the beginning to the end, or until a stop is asked for: that moment is then its end.
    pub fn play(&mut self, cell: impl Iterator<Item = (DeviceId, D)>) -> End {
        self.set_up(cell);
        for player in 0..self.players.len() {
            self.plan_wake(player, Nanos::ZERO);
        }
        for (index, event) in self.scenario.events.iter().enumerate() {
            self.queue.plan(event.at, Happening::Disturbance(index));
        }
        let whole = self.play_until(self.scenario.duration);
        let end = if whole { self.scenario.duration } else { self.now };
        self.now = end;
        self.draining = true;
        self.cancel_unsent();
        self.close_all_streams();
        self.play_until(end.saturating_add(DRAIN));
        if self.calls.any() {
            self.now = end.saturating_add(DRAIN);
        }
        self.cancel_open();
        // Those that were opening.
        self.close_all_streams();
        let ended = self.now;
        self.observer.observe(ended, Observation::Through { ended });
        End { ended, devices: if whole { self.players.len() as u64 } else { 0 }, refusals: self.target.refusals() }
    }

    fn set_up(&mut self, cell: impl Iterator<Item = (DeviceId, D)>) {
        self.queue.clear();
        self.by_id.clear();
        self.now = Nanos::ZERO;
        self.draining = false;
        self.players.clear();
        self.players.extend(cell.map(|(id, device)| Player::new(id, device, Way::of(self.scenario, self.weather, id))));
        self.target.expect(self.players.iter().map(|player| player.id));
        if self.players.len() > 1 {
            self.by_id.extend(self.players.iter().enumerate().map(|(player, known)| (known.id, player as u32)));
        }
    }

    /// Whether the end was reached. Where a stop was asked for, `now` is as far as it came; answers are awaited all the same.
    fn play_until(&mut self, end: Nanos) -> bool {
        let (mut happened, mut told) = (0_u32, self.now);
        while let Some((at, happening)) = self.queue.next_by(end) {
            if self.draining && !happening.is_awaited() {
                continue;
            }
            self.now = at;
            happened = happened.wrapping_add(1);
            if happened % TELL_EVERY == 0 {
                self.progress.advance(self.players.len(), at - told);
                told = at;
                if !self.draining && self.is_stopped() {
                    return false;
                }
            }
            match happening {
                Happening::Wake(player) => self.wake(player as usize),
                Happening::Arrival(call) => self.arrive(call),
                Happening::HoldEnds(call) => self.end_hold(call),
                Happening::Worked(call) => self.finish_work(call),
                Happening::Answer(call) => self.answer(call),
                Happening::Cut { player, flow } => self.cut(player as usize, flow),
                Happening::Disturbance(event) => self.disturb(event),
            }
        }
        if !self.draining {
            self.progress.advance(self.players.len(), end - told);
        }
        true
    }

    /// Hands an event to a device and does what it says.
    fn feed(&mut self, player: usize, event: Event<'_>) {
        self.actions.clear();
        let Player { id: device, device: machine, .. } = &mut self.players[player];
        machine.handle(self.now, event, &mut self.actions);
        for &note in &self.actions.notes {
            // What a device would have done after the end of the run did not happen.
            if !self.draining || matches!(note, Note::Finished { .. }) {
                self.observer.observe(self.now, Observation::Noted { device: *device, note });
            }
        }
        if !self.draining {
            // By number, since nothing of what follows asks for more actions.
            (0..self.actions.disconnect.len()).for_each(|what| self.disconnect(player, self.actions.disconnect[what]));
            (0..self.actions.requests.len()).for_each(|request| self.submit(player, self.actions.requests[request]));
            self.plan_wake(player, self.actions.wake.map_or(Nanos::MAX, |at| at.max(self.now)));
        }
    }

    /// A device is woken at `at` and not before. A look that is planned already comes early enough: wishes that move back
    /// and forth between two looks cost nothing.
    fn plan_wake(&mut self, player: usize, at: Nanos) {
        let waiting = &mut self.players[player];
        waiting.wake_at = at;
        if at < waiting.planned {
            waiting.planned = at;
            self.queue.plan(at, Happening::Wake(player as u32));
        }
    }

    /// Wakes a device if its time has come; else looks again when it has.
    fn wake(&mut self, player: usize) {
        let waiting = &mut self.players[player];
        if waiting.planned != self.now {
            return;
        }
        waiting.planned = Nanos::MAX;
        let at = waiting.wake_at;
        if at > self.now {
            return self.plan_wake(player, at);
        }
        waiting.wake_at = Nanos::MAX;
        self.feed(player, Event::Wake);
    }

    fn submit(&mut self, player: usize, request: Request) {
        debug_assert!(request.due <= self.now, "{request:?} is due after {}", self.now);
        let call = self.calls.add(Call::new(player as u32, request));
        let to = &mut self.players[player];
        to.open.push(call);
        if let Lane::Own(lane) = request.lane {
            if to.busy.contains(&lane) {
                to.waiting.push_back(call);
                return;
            }
            to.busy.push(lane);
        }
        self.send(call);
    }

    fn send(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let player = &mut self.players[call.player as usize];
        let Trip { latency, lost } = player.way.trip(self.weather);
        call.sent = Some(self.now);
        call.latency = latency;
        let Request { operation, flow, attempt, detail, .. } = call.request;
        let sent = Sent { device: player.id, operation, flow, attempt, detail };
        if lost {
            call.ending = Some(Ending::Failed(Failure::Reset));
            self.queue.plan(self.now + latency, Happening::Answer(id));
        } else {
            self.queue.plan(self.now + Nanos(latency.0 / 2), Happening::Arrival(id));
        }
        self.observer.observe(self.now, Observation::Sent(sent));
    }

    fn arrive(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        if call.ending.is_some() {
            return;
        }
        call.arrived = self.now;
        let (player, request) = (call.player as usize, call.request);
        let reply = self.target.receive(self.now, player, self.players[player].id, &request);
        if matches!(reply, Reply::Served(_)) {
            let charges = || self.players[player].device.is_charging();
            self.target.watch(self.now, player, &request, charges);
        }
        call.streams = request.lane == Lane::Stream && matches!(reply, Reply::Served(_) | Reply::Scripted { .. });
        match reply {
            Reply::Served(body) => self.reply(id, Ending::Served(body)),
            Reply::Scripted { after: Nanos::ZERO } => self.answer_script(id),
            Reply::Scripted { after } => self.work(id, after),
            Reply::Turned(response) => self.reply(id, Ending::Turned(response)),
            Reply::Hold { until } => {
                self.players[player].held.push_back(id);
                self.queue.plan(until, Happening::HoldEnds(id));
            }
        }
        self.deliver_commands(&request);
    }

    fn answer_script(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let body = self.players[call.player as usize].device.imagine(&call.request);
        self.reply(id, Ending::Served(body));
    }

    /// The target takes its time for an answer.
    fn work(&mut self, id: CallId, after: Nanos) {
        let Some(call) = self.calls.get(id) else { return };
        call.working = true;
        let ready = self.now.saturating_add(after).min(call.patience(self.now));
        self.queue.plan(ready, Happening::Worked(id));
    }

    /// Whoever has no more patience hangs up, which ends the work.
    fn finish_work(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id).filter(|call| call.ending.is_none()) else { return };
        if self.now < call.patience(self.now) {
            call.working = false;
            return self.answer_script(id);
        }
        call.ending = Some(Ending::Failed(Failure::Timeout));
        self.hang_up(id);
        self.queue.plan(self.now, Happening::Answer(id));
    }

    /// The target sees that nobody waits for what it holds or works at.
    fn hang_up(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let player = &mut self.players[call.player as usize];
        let held = player.held.iter().position(|&held| held == id);
        held.map(|index| player.held.remove(index));
        if held.is_some() || std::mem::take(&mut call.working) {
            self.target.release(player.id, &call.request, call.arrived);
        }
    }

    /// A control request may have brought commands for chargers whose polls are held.
    fn deliver_commands(&mut self, request: &Request) {
        use TellusOp::{Discharge, Flexibility, Schedule, Start, Stop};
        match self.target.operation(request) {
            Some(Start | Stop | Discharge | Schedule) => {
                if let Some(&player) = self.by_id.get(&DeviceId(request.detail.resource())) {
                    self.deliver_command(player as usize);
                }
            }
            Some(Flexibility) => (0..self.players.len()).for_each(|player| self.deliver_command(player)),
            _ => {}
        }
    }

    /// Of several polls that are held, that of the first connector is answered.
    fn deliver_command(&mut self, player: usize) {
        let calls = &mut self.calls;
        let connector = |call: &CallId| calls.get(*call).map(|call| call.request.detail.resource());
        if let Some(call) = self.players[player].held.iter().copied().min_by_key(connector)
            && let Some(body) = self.target.next_command(self.players[player].id)
        {
            self.players[player].held.retain(|held| *held != call);
            self.reply(call, Ending::Served(body));
        }
    }

    fn end_hold(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let held = &mut self.players[call.player as usize].held;
        if let Some(index) = held.iter().position(|&held| held == id) {
            held.remove(index);
            self.reply(id, Ending::Served(Body::None));
        }
    }

    /// Sends an answer on its way back; one that would come after the request's timeout never does.
    fn reply(&mut self, id: CallId, ending: Ending) {
        let Some(call) = self.calls.get(id) else { return };
        if matches!(ending, Ending::Served(_)) {
            call.quota =
                self.target.answer(self.now, call.arrived, self.players[call.player as usize].id, &call.request);
        }
        let back = self.now + Nanos(call.latency.0.div_ceil(2));
        let patience = call.patience(self.now);
        call.ending = Some(if back > patience { Ending::Failed(Failure::Timeout) } else { ending });
        self.queue.plan(back.min(patience), Happening::Answer(id));
    }

    /// A request's life is over: it is recorded, its connection is free again, and its device is told.
    fn answer(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(id) else { return };
        let index = call.player as usize;
        let (request, streams, arrived) = (call.request, call.streams, call.arrived);
        let answer = self.record(call);
        let player = &mut self.players[index];
        player.forget(id);
        if streams {
            self.begin_stream(index, request, arrived, answer.outcome);
        }
        self.free_lane(index, request.lane);
        self.feed(index, Event::Answered { request: &request, answer });
    }

    fn record(&mut self, call: Call) -> Answer {
        let device = self.players[call.player as usize].id;
        let Ended { record, exchange, answer } = ended(self.scenario, device, call, self.now);
        self.observer.observe(self.now, Observation::Done { record: &record, exchange: exchange.as_ref() });
        answer
    }

    /// Gives a connection to the next request that waits for it.
    fn free_lane(&mut self, index: usize, lane: Lane) {
        let Lane::Own(lane) = lane else { return };
        let Player { waiting, busy, .. } = &mut self.players[index];
        let calls = &mut self.calls;
        let next =
            waiting.iter().position(|&id| calls.get(id).is_some_and(|call| call.request.lane == Lane::Own(lane)));
        match next.and_then(|position| waiting.remove(position)) {
            Some(id) => self.send(id),
            None => busy.retain(|&number| number != lane),
        }
    }

    fn begin_stream(&mut self, index: usize, request: Request, since: Nanos, outcome: Outcome) {
        if outcome != Outcome::Served {
            // The target took it for open, the device never got it.
            return self.target.release(self.players[index].id, &request, since);
        }
        self.players[index].streams.push(OpenStream { request, since });
        if self.target.has(Fault::StreamsCut) {
            let flow = request.flow;
            self.queue.plan(self.now + CUT_AFTER, Happening::Cut { player: index as u32, flow });
        }
    }

    fn cut(&mut self, index: usize, flow: Flow) {
        let ending = StreamEnding::Server { code: Some(CUT_CODE) };
        if self.close_streams(index, ending, |request| request.flow == flow) {
            self.feed(index, Event::StreamClosed { flow });
        }
    }

    fn disturb(&mut self, event: usize) {
        for player in 0..self.players.len() {
            if self.scenario.reaches(event, self.players[player].id) {
                self.feed(player, Event::Disturbed(&self.scenario.events[event].what));
            }
        }
    }

    fn disconnect(&mut self, player: usize, what: Disconnect) {
        match what {
            Disconnect::All => {
                let open = self.players[player].open.clone();
                open.into_iter().for_each(|call| self.cancel(call));
                self.close_streams(player, StreamEnding::Device, |_| true);
            }
            Disconnect::Stream(flow) => {
                let is_meant = |request: &Request| request.lane == Lane::Stream && request.flow == flow;
                let calls = &mut self.calls;
                let mut open = self.players[player].open.clone();
                open.retain(|&id| calls.get(id).is_some_and(|call| is_meant(&call.request)));
                open.into_iter().for_each(|call| self.cancel(call));
                self.close_streams(player, StreamEnding::Device, is_meant);
            }
        }
    }

    /// The device hears of it right after the event that made it drop the connection.
    fn cancel(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        call.ending = Some(Ending::Failed(Failure::Cancelled));
        let player = &mut self.players[call.player as usize];
        player.waiting.retain(|&waiting| waiting != id);
        self.hang_up(id);
        self.queue.plan(self.now, Happening::Answer(id));
    }

    /// The run is over: what waits for a connection is never sent, and polls are not waited for.
    fn cancel_unsent(&mut self) {
        for player in 0..self.players.len() {
            let mut over: Vec<CallId> = self.players[player].waiting.iter().copied().collect();
            let calls = &mut self.calls;
            let mut open = self.players[player].open.clone();
            open.retain(|&id| calls.get(id).is_some_and(|call| call.request.held && call.ending.is_none()));
            over.extend(open);
            over.into_iter().for_each(|call| self.cancel(call));
        }
    }

    /// The run is over, and nobody waits for more answers.
    fn cancel_open(&mut self) {
        for player in 0..self.players.len() {
            for call in self.players[player].open.clone() {
                self.cancel(call);
                // Whoever had all the time there was to answer, and no leave to hold the answer back, owes one.
                if let Some(owing) = self.calls.get(call).filter(|call| call.sent.is_some() && !call.request.held) {
                    owing.ending = Some(Ending::Failed(Failure::Timeout));
                }
                self.answer(call);
            }
        }
    }

    fn close_all_streams(&mut self) {
        for player in 0..self.players.len() {
            self.close_streams(player, StreamEnding::Device, |_| true);
        }
    }

    /// Whether there were any.
    fn close_streams(&mut self, index: usize, ending: StreamEnding, is_meant: impl Fn(&Request) -> bool) -> bool {
        let player = &mut self.players[index];
        let device = player.id;
        let (closed, kept): (Vec<OpenStream>, Vec<OpenStream>) =
            player.streams.drain(..).partition(|stream| is_meant(&stream.request));
        player.streams = kept;
        let any = !closed.is_empty();
        for OpenStream { request, since } in closed {
            self.target.release(device, &request, since);
            let frames = self.target.frames(&request, since..self.now);
            let Request { operation, flow, .. } = request;
            let closed = Observation::StreamClosed { device, operation, flow, frames, ending };
            self.observer.observe(self.now, closed);
        }
        any
    }
}
