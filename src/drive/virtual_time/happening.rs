//! What happens next on the virtual network.

use super::calls::CallId;
use crate::device::Flow;

#[derive(Clone, Copy, Debug)]
pub enum Happening {
    /// A device may want to be woken.
    Wake(u32),
    /// A request reaches the target.
    Arrival(CallId),
    /// The target's patience with a long poll ends.
    HoldEnds(CallId),
    /// The target has an answer ready, or the device is out of patience.
    Worked(CallId),
    Answer(CallId),
    /// The target has had enough of a stream.
    Cut {
        player: u32,
        flow: Flow,
    },
    /// One of the scenario's events.
    Disturbance(usize),
}

impl Happening {
    /// Whether it belongs to a request that is under way: such things go on after the end of the run.
    pub fn is_awaited(self) -> bool {
        matches!(self, Happening::Arrival(_) | Happening::HoldEnds(_) | Happening::Worked(_) | Happening::Answer(_))
    }
}
