//! A shard's side of its connections: requests are handed to them, and taken back when they are dropped.

use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle, spawn_local};

use super::{Phase, Shard, Slot};
use crate::device::{Device, Disconnect, DropReason, Event, Flow, Lane as LaneKind, Note};
use crate::drive::live::agenda::Local;
use crate::drive::live::lane::Lane;
use crate::drive::live::link::{Job, Link, Mailbox, Ticket};
use crate::drive::live::{pool, stream};
use crate::record::{Observation, Observer, StreamEnding};
use crate::scenario::OperationId;
use crate::time::Nanos;

pub(super) struct LaneHandle {
    pub(super) number: u8,
    pub(super) mailbox: Mailbox,
    pub(super) task: AbortHandle,
}

pub(super) struct StreamHandle {
    pub(super) flow: Flow,
    pub(super) operation: OperationId,
    pub(super) task: JoinHandle<()>,
    /// Dropped to close it politely.
    pub(super) close: oneshot::Sender<()>,
    pub(super) open: bool,
    pub(super) frames: u64,
}

/// Where a request is before it is over.
pub(super) enum Place {
    Held,
    /// In a lane or a stream, which its device knows.
    Connection,
    Pool(AbortHandle),
}

impl<D: Device, O: Observer> Shard<D, O> {
    /// Hands a request that is due to its connection.
    pub(super) fn dispatch(&mut self, job: Job) {
        let ticket = job.ticket;
        let Some(entry) = self.in_flight.get_mut(&ticket) else { return };
        entry.place = Place::Connection;
        let slot = &mut self.slots[entry.local as usize];
        match entry.request.lane {
            LaneKind::Own(number) => {
                let lane = slot.lane(number, &self.link);
                if !lane.mailbox.push(job) {
                    let note = Note::Dropped { operation: entry.request.operation, reason: DropReason::QueueFull };
                    let observation = Observation::Noted { device: slot.id, note };
                    self.observer.observe(self.link.clock.now(), observation);
                    self.doomed.push_back(ticket);
                }
            }
            LaneKind::Pool => {
                let task = spawn_local(pool::run(self.link.clone(), self.client.clone(), job));
                entry.place = Place::Pool(task.abort_handle());
            }
            LaneKind::Stream => {
                let (close, closed) = oneshot::channel();
                let (flow, operation) = (entry.request.flow, entry.request.operation);
                let task = spawn_local(stream::run(self.link.clone(), job, entry.local, flow, closed));
                slot.streams.push(StreamHandle { flow, operation, task, close, open: false, frames: 0 });
            }
        }
    }

    /// A stream's handshake is over.
    pub(super) fn settle_stream(&mut self, local: Local, at: Nanos, flow: Flow, opened: bool) {
        let slot = &mut self.slots[local as usize];
        let Some(index) = slot.streams.iter().position(|stream| stream.flow == flow && !stream.open) else { return };
        match (opened, self.phase) {
            (false, _) => slot.streams.swap_remove(index).task.abort(),
            (true, Phase::Running { .. }) => slot.streams[index].open = true,
            (true, Phase::Draining { .. }) => {
                slot.streams[index].open = true;
                let stream = slot.streams.swap_remove(index);
                self.close_politely(at, local, stream);
            }
        }
    }

    pub(super) fn frame(&mut self, local: Local, flow: Flow) {
        let streams = &mut self.slots[local as usize].streams;
        if let Some(stream) = streams.iter_mut().find(|stream| stream.flow == flow) {
            stream.frames += 1;
        }
    }

    /// A stream ended that nobody here has closed.
    pub(super) fn stream_closed(&mut self, at: Nanos, local: Local, flow: Flow, ending: StreamEnding) {
        let streams = &mut self.slots[local as usize].streams;
        if let Some(index) = streams.iter().position(|stream| stream.flow == flow) {
            let stream = streams.swap_remove(index);
            self.observe_closed(at, local, &stream, ending);
            self.deliver(local, at, at, Event::StreamClosed { flow });
        }
    }

    pub(super) fn disconnect(&mut self, local: Local, now: Nanos, what: Disconnect) {
        let slot = &mut self.slots[local as usize];
        match what {
            Disconnect::All => {
                for lane in slot.lanes.drain(..) {
                    lane.task.abort();
                }
                for stream in std::mem::take(&mut slot.streams) {
                    stream.task.abort();
                    self.observe_closed(now, local, &stream, StreamEnding::Device);
                }
                for ticket in self.slots[local as usize].tickets.clone() {
                    self.doom(ticket);
                }
            }
            Disconnect::Stream(flow) => {
                let Some(index) = slot.streams.iter().position(|stream| stream.flow == flow) else { return };
                let stream = slot.streams.swap_remove(index);
                if stream.open {
                    return self.close_politely(now, local, stream);
                }
                stream.task.abort();
                let of_flow = |ticket: &Ticket| {
                    let entry = self.in_flight.get(ticket);
                    entry.is_some_and(|entry| entry.request.flow == flow && entry.request.lane == LaneKind::Stream)
                };
                let handshake = self.slots[local as usize].tickets.iter().copied().find(of_flow);
                handshake.into_iter().for_each(|ticket| self.doom(ticket));
            }
        }
    }

    /// Takes a request back from wherever it is, to be answered as cancelled.
    pub(super) fn doom(&mut self, ticket: Ticket) {
        let Some(entry) = self.in_flight.get(&ticket) else { return };
        match &entry.place {
            Place::Held => self.agenda.release(entry.request.due, ticket),
            Place::Pool(task) => task.abort(),
            Place::Connection => {}
        }
        self.doomed.push_back(ticket);
    }

    pub(super) fn close_politely(&mut self, now: Nanos, local: Local, stream: StreamHandle) {
        self.observe_closed(now, local, &stream, StreamEnding::Device);
        drop(stream.close);
        self.goodbyes.retain(|goodbye| !goodbye.is_finished());
        self.goodbyes.push(stream.task);
    }

    fn observe_closed(&mut self, at: Nanos, local: Local, stream: &StreamHandle, ending: StreamEnding) {
        if stream.open {
            let device = self.slots[local as usize].id;
            let StreamHandle { operation, flow, frames, .. } = *stream;
            let closed = Observation::StreamClosed { device, operation, flow, frames, ending };
            self.observer.observe(at, closed);
        }
    }
}

impl<D> Slot<D> {
    /// The device's connection of that number; it is made on first use.
    fn lane(&mut self, number: u8, link: &Rc<Link>) -> &LaneHandle {
        let index = self.lanes.iter().position(|lane| lane.number == number).unwrap_or_else(|| {
            let mailbox = Mailbox::default();
            let task = spawn_local(Lane::new(link.clone(), mailbox.clone()).run()).abort_handle();
            self.lanes.push(LaneHandle { number, mailbox, task });
            self.lanes.len() - 1
        });
        &self.lanes[index]
    }
}
