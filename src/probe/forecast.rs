//! What the limiter that was found would have done by itself, beside what the server did.

use super::corner::{Replay, limiter};
use super::family::Family;
use super::hypothesis::{CLIENTS, Hypothesis};
use super::prober::Prober;
use super::witness::Witness;
use crate::limiter::Limiter;
use crate::time::Nanos;

/// The limiter of a hypothesis, played over what was sent.
#[derive(Default)]
pub struct Forecast {
    /// Of each request, whether it would have been let in.
    pub admits: Vec<bool>,
    /// How much the first client had left, at moments throughout the probe.
    pub left: Vec<(Nanos, u32)>,
}

/// So many moments between two requests show how quota comes back.
const BETWEEN: u64 = 6;

/// Plays it over requests in the order of their departures. A server decides soon after, within what an answer takes as a
/// rule. None for limits on concurrency, which have no clock.
pub fn forecast(found: &Hypothesis, sent: &[&Witness], prober: &Prober) -> Option<Forecast> {
    if found.shape.family == Family::Concurrency {
        return None;
    }
    let terms = found.corners.iter().min_by_key(|corner| corner.wrong())?.terms;
    let mut clients: Vec<Box<dyn Replay>> = vec![limiter(found.shape, &terms); CLIENTS];
    let mut forecast = Forecast::default();
    let mut last = sent.first()?.sent;
    for witness in sent {
        let within = witness.done.saturating_sub(witness.sent).min(prober.log().usual());
        let at = (witness.sent + Nanos(within.0 / 2)).max(last);
        forecast.left.extend((1..BETWEEN).map(|part| {
            let at = last + Nanos((at - last).0 / BETWEEN * part);
            (at, clients[0].standing(at).remaining)
        }));
        let limiter = &mut clients[prober.as_seen(witness.exchange()).client];
        let admitted = limiter.check(at, 1).admitted;
        if !admitted && found.shape.charges_refused {
            limiter.count(at, 1);
        }
        forecast.admits.push(admitted);
        forecast.left.push((at, clients[0].standing(at).remaining));
        last = at;
    }
    Some(forecast)
}
