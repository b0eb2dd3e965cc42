//! A limit on requests at the same time has no clock: what matters is which requests were in flight together.

use super::exchange::Sighting;
use crate::time::Nanos;

/// How many sightings of a volley no limit of so many explains: refusals while fewer can have been in flight, and more
/// admitted together than it allows.
pub fn surprises(volley: &[Sighting], limit: u32, service: Nanos) -> u32 {
    let needless = volley.iter().filter(|sighting| !sighting.admitted && possible(volley, sighting) < limit).count();
    let together = surely_together(volley, service);
    needless as u32 + u32::from(together > limit)
}

/// How many admitted requests may have been in flight when this one was decided.
fn possible(volley: &[Sighting], refused: &Sighting) -> u32 {
    let overlaps = |other: &&Sighting| other.admitted && other.sent <= refused.done && refused.sent <= other.done;
    volley.iter().filter(overlaps).count() as u32
}

/// The most admitted requests that were in the server's hands together for sure, by how long it serves one at least: from
/// when each must have come, having been served before its answer, until when it cannot have left yet.
pub fn surely_together(volley: &[Sighting], service: Nanos) -> u32 {
    let held = |sighting: &Sighting| (sighting.done.saturating_sub(service), sighting.sent.saturating_add(service));
    let held: Vec<_> =
        volley.iter().filter(|sighting| sighting.admitted).map(held).filter(|(from, until)| from < until).collect();
    let at = |moment: Nanos| held.iter().filter(|(from, until)| *from <= moment && moment < *until).count();
    held.iter().map(|(from, _)| at(*from)).max().unwrap_or_default() as u32
}
