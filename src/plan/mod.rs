//! Planning: what simulated plays of a profile answer before anyone is throttled.
//!
//! [`play()`] plays a scenario once in virtual time. Everything else asks for many such plays of variants of one
//! [`Base`]: [`fleet`] looks for the largest fleet, [`quota`] for the least limits, [`compare`] holds two profiles side by
//! side, [`sweep`] varies one field. Searches for a fleet or a quota play against a target that never refuses, so that
//! the demand is what no answer has caused, and judge that demand under every reading at once; what they find is then
//! played against limits that are enforced.

pub mod agree;
pub mod base;
pub mod compare;
pub mod delay;
pub mod fleet;
pub mod limits;
pub mod meter;
pub mod play;
pub mod quota;
pub mod search;
pub mod sensitivity;
pub mod sweep;
pub mod trial;
pub mod values;

pub use base::Base;
pub use meter::Meter;
pub use play::{PlayOptions, play};

use crate::summary::Summary;
use crate::summary::plan::{FORMAT, Plan};
use crate::yaml::Diagnosis;
use trial::Trials;

/// What is asked of the plays.
pub struct Questions {
    /// The largest fleet, of one group or of all in proportion.
    pub fleet: Option<fleet::Wanted>,
    /// The least limits.
    pub quota: Option<quota::Wanted>,
    pub compare: Option<Base>,
    pub sweep: Option<sweep::Wanted>,
    /// The share of each limit that is to stay unused, `0.0..1.0`.
    pub headroom: f64,
    /// How many seeds are played, from the profile's on.
    pub seeds: u32,
}

impl Questions {
    pub fn is_empty(&self) -> bool {
        self.fleet.is_none() && self.quota.is_none() && self.compare.is_none() && self.sweep.is_none()
    }
}

/// Checks that the questions make sense of a profile, before anything is played.
///
/// # Errors
/// A group, a field or a value that the profile does not have; profiles that cannot be compared.
pub fn check(base: &Base, questions: &Questions) -> Result<(), Diagnosis> {
    questions.fleet.as_ref().map(|wanted| fleet::check(base, wanted)).transpose()?;
    questions.compare.as_ref().map(|other| compare::check(base, other)).transpose()?;
    questions.sweep.as_ref().map(|wanted| sweep::check(base, wanted)).transpose()?;
    Ok(())
}

/// Answers the questions about a profile whose play as it stands came to `today`.
///
/// # Errors
/// What is wrong with a question: a group, a field or a value that the profile does not have.
pub fn answer(base: &Base, today: &Summary, questions: &Questions, options: &PlayOptions) -> Result<Plan, Diagnosis> {
    let trials = Trials { base, options, seeds: base.seeds(questions.seeds) };
    let headroom = questions.headroom;
    Ok(Plan {
        format: FORMAT,
        caveats: base.caveats(today, headroom),
        fleet: questions.fleet.as_ref().map(|wanted| fleet::answer(&trials, wanted, headroom)).transpose()?,
        quota: questions.quota.as_ref().map(|wanted| quota::answer(&trials, wanted, headroom)).transpose()?,
        comparison: questions.compare.as_ref().map(|other| compare::answer(base, today, other, options)).transpose()?,
        sweep: questions.sweep.as_ref().map(|wanted| sweep::answer(&trials, wanted)).transpose()?,
    })
}
