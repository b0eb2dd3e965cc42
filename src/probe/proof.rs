//! What proves a finding: the first request that anything else would have decided otherwise.

use super::exchange::{Log, Sighting};
use super::family::{Family, Shape};
use super::hypothesis::{Hypothesis, Span, Terms};
use crate::time::{Anchor, Nanos};

/// What a limiter would have been surprised by first.
#[derive(Clone, Debug)]
pub struct Surprise {
    /// The limiter, in words.
    pub limiter: String,
    pub sighting: Sighting,
}

impl Surprise {
    /// In a sentence.
    pub fn claim(&self) -> String {
        let (would, was) = if self.sighting.admitted { ("refused", "admitted") } else { ("admitted", "refused") };
        format!("A {} would have {would} a request that was {was}", self.limiter)
    }
}

/// The families that people have in mind when they read of so many per so long.
const COMMON: [Family; 5] =
    [Family::FixedAligned, Family::FixedFirstHit, Family::RollingLog, Family::RollingCounter, Family::Bucket];

/// Why it is none of the other families, each with the limit and the window that were found.
pub fn against_others(found: &Hypothesis, per: Nanos, log: &Log, anchor: Anchor) -> Vec<Surprise> {
    let limit = found.terms.limit;
    let others = COMMON.into_iter().filter(|family| *family != found.shape.family);
    let surprise = |family: Family| {
        let terms = terms(family, limit, per, anchor);
        let sighting = first_surprise(family.into(), terms, log)?;
        Some(Surprise { limiter: format!("{} of {limit} per {per}", plain_title(family)), sighting })
    };
    others.filter_map(surprise).collect()
}

/// Why it does not have a limit or a window that is documented, whatever else was found.
pub fn against_document(found: &Hypothesis, documented: Terms, log: &Log) -> Option<Surprise> {
    let sighting = first_surprise(found.shape, documented, log)?;
    let title = plain_title(found.shape.family);
    Some(Surprise { limiter: format!("{title} with the documented number"), sighting })
}

/// Why it charges refused requests although that is not documented, or the other way round.
pub fn against_charging(found: &Hypothesis, log: &Log) -> Option<Surprise> {
    let charges_refused = !found.shape.charges_refused;
    let sighting = first_surprise(Shape { charges_refused, ..found.shape }, found.terms, log)?;
    let (title, does) = (plain_title(found.shape.family), if charges_refused { "charges" } else { "does not charge" });
    Some(Surprise { limiter: format!("{title} that {does} refused requests"), sighting })
}

fn plain_title(family: Family) -> &'static str {
    if family == Family::Bucket { "token bucket" } else { family.title() }
}

/// The window of a family that lets so many through per so long.
pub fn window(family: Family, limit: u32, per: Nanos) -> Nanos {
    if family.is_one_by_one() { Nanos((per.0 / u64::from(limit.max(1))).max(1)) } else { per }
}

fn terms(family: Family, limit: u32, per: Nanos, anchor: Anchor) -> Terms {
    let window = window(family, limit, per);
    let phase = Nanos((window.0 - anchor.unix_nanos % window.0) % window.0);
    Terms { phase: Span::exactly(phase), ..Terms::new(limit, Span::exactly(window)) }
}

fn first_surprise(shape: Shape, terms: Terms, log: &Log) -> Option<Sighting> {
    let mut hypothesis = Hypothesis::new(shape, terms);
    for volley in log.volleys() {
        let before = hypothesis.clone();
        hypothesis.see(volley, log);
        if hypothesis.mismatches > 0 {
            let surprised = |sightings: &[Sighting]| {
                let mut hypothesis = before.clone();
                hypothesis.see(sightings, log);
                hypothesis.mismatches > 0
            };
            let count = (1..volley.len()).find(|count| surprised(&volley[..*count])).unwrap_or(volley.len());
            return volley.get(count - 1).copied();
        }
    }
    None
}
