//! The requests that are not answered yet.

use crate::device::{Body, Failure, Request};
use crate::reference::http::HttpOut;
use crate::time::Nanos;

/// One request between asking and answer.
pub struct Call {
    pub player: u32,
    pub request: Request,
    pub sent: Option<Nanos>,
    pub latency: Nanos,
    /// When it reached the target.
    pub arrived: Nanos,
    /// The quota headers of the answer to a request that was admitted.
    pub quota: Vec<(String, String)>,
    /// What will be, or has been, answered.
    pub ending: Option<Ending>,
    /// The target counts it as an open stream.
    pub streams: bool,
    /// The target has admitted it and works at the answer.
    pub working: bool,
}

impl Call {
    pub fn new(player: u32, request: Request) -> Call {
        Call {
            player,
            request,
            sent: None,
            latency: Nanos::ZERO,
            arrived: Nanos::ZERO,
            quota: Vec::new(),
            ending: None,
            streams: false,
            working: false,
        }
    }

    /// How long the device waits for an answer, not before `now`.
    pub fn patience(&self, now: Nanos) -> Nanos {
        self.sent.unwrap_or(now).saturating_add(self.request.timeout).max(now)
    }
}

pub enum Ending {
    Served(Body),
    Turned(Box<HttpOut>),
    Failed(Failure),
}

/// Names a call; never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    place: u32,
    serial: u32,
}

/// The calls that are not answered. Places are reused, serial numbers tell their users apart.
#[derive(Default)]
pub struct Calls {
    places: Vec<Option<(u32, Call)>>,
    free: Vec<u32>,
    serial: u32,
}

impl Calls {
    pub fn add(&mut self, call: Call) -> CallId {
        self.serial = self.serial.wrapping_add(1);
        let entry = Some((self.serial, call));
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = entry;
                place
            }
            None => {
                self.places.push(entry);
                self.places.len() as u32 - 1
            }
        };
        CallId { place, serial: self.serial }
    }

    pub fn get(&mut self, id: CallId) -> Option<&mut Call> {
        let (serial, call) = self.places[id.place as usize].as_mut()?;
        (*serial == id.serial).then_some(call)
    }

    pub fn remove(&mut self, id: CallId) -> Option<Call> {
        self.get(id)?;
        self.free.push(id.place);
        self.places[id.place as usize].take().map(|(_, call)| call)
    }

    pub fn any(&self) -> bool {
        self.places.len() > self.free.len()
    }
}
