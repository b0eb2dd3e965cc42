//! A device on the virtual network: its connections and what is under way on them.

use std::collections::VecDeque;

use super::calls::CallId;
use super::network::Way;
use crate::device::Request;
use crate::scenario::DeviceId;
use crate::time::Nanos;

/// A device and its connections.
pub struct Player<D> {
    pub id: DeviceId,
    pub device: D,
    pub way: Way,
    /// When it wants to be woken; [`Nanos::MAX`] for never.
    pub wake_at: Nanos,
    /// When a look at `wake_at` is planned, never later than that; [`Nanos::MAX`] where none is.
    pub planned: Nanos,
    /// Own connections that carry a request.
    pub busy: Vec<u8>,
    /// Requests that wait for their connection, in order.
    pub waiting: VecDeque<CallId>,
    /// All requests that are not answered.
    pub open: Vec<CallId>,
    /// Long polls that the target holds.
    pub held: VecDeque<CallId>,
    pub streams: Vec<OpenStream>,
}

pub struct OpenStream {
    pub request: Request,
    /// When its handshake reached the target.
    pub since: Nanos,
}

impl<D> Player<D> {
    pub fn new(id: DeviceId, device: D, way: Way) -> Self {
        Player {
            id,
            device,
            way,
            wake_at: Nanos::MAX,
            planned: Nanos::MAX,
            busy: Vec::new(),
            waiting: VecDeque::new(),
            open: Vec::new(),
            held: VecDeque::new(),
            streams: Vec::new(),
        }
    }

    /// A request is answered.
    pub fn forget(&mut self, call: CallId) {
        if let Some(place) = self.open.iter().position(|&open| open == call) {
            self.open.remove(place);
        }
        if let Some(place) = self.held.iter().position(|&held| held == call) {
            self.held.remove(place);
        }
    }
}
