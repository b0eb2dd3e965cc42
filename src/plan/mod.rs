//! Planning: what simulated plays of a profile answer before anyone is throttled.
//!
//! [`play()`] plays a scenario once in virtual time. Everything else asks for many such plays of variants of one
//! [`Base`]: [`fleet`] looks for the largest fleet, [`quota`] for the least limits, [`compare`] holds two profiles side by
//! side, [`sweep`] varies one field. Searches for a fleet or a quota play against a target that never refuses, so that
//! the demand is what no answer has caused, and judge that demand under every reading at once; what they find is then
//! played against limits that are enforced.

pub mod agree;
pub mod base;
mod buckets;
pub mod compare;
pub mod delay;
pub mod fleet;
pub mod growth;
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

use crate::exit::Exit;
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
    questions.quota.as_ref().map(|wanted| quota::check(base, wanted)).transpose()?;
    questions.compare.as_ref().map(|other| compare::check(base, other)).transpose()?;
    questions.sweep.as_ref().map(|wanted| sweep::check(base, wanted)).transpose()?;
    Ok(())
}

/// Answers the questions about a profile whose play as it stands came to `today`. Once a stop is asked for
/// ([`Meter::stop`]), what is not answered yet stays open.
///
/// # Errors
/// What is wrong with a question: a group, a field or a value that the profile does not have.
pub fn answer(base: &Base, today: &Summary, questions: &Questions, options: &PlayOptions) -> Result<Plan, Diagnosis> {
    let trials = Trials { base, options, seeds: base.seeds(questions.seeds) };
    let headroom = questions.headroom;
    let fleet = answered(options, &questions.fleet, |wanted| fleet::answer(&trials, wanted, headroom))?;
    let quota = answered(options, &questions.quota, |wanted| quota::answer(&trials, wanted, headroom))?;
    let comparison = answered(options, &questions.compare, |other| compare::answer(base, today, other, options))?;
    let sweep = questions.sweep.as_ref().map(|wanted| sweep::answer(&trials, wanted)).transpose()?.flatten();
    let (caveats, unanswered) = (base.caveats(today, questions), Vec::new());
    let mut plan = Plan { format: FORMAT, caveats, unanswered, fleet, quota, comparison, sweep };
    plan.unanswered = unanswered_by(&plan, questions);
    Ok(plan)
}

/// Says in the conclusion of the profile's own play that questions are open: whoever reads only that takes a plan for
/// complete.
pub fn leave_open(today: &mut Summary, plan: &Plan) {
    if plan.unanswered.is_empty() {
        return;
    }
    let (conclusion, open) = (&mut today.conclusion, plan.unanswered.join(", "));
    if today.run.interrupted {
        return conclusion.reasons.insert(0, format!("Not answered: {open}."));
    }
    let so_far = std::mem::take(&mut conclusion.headline);
    conclusion.headline = format!("Interrupted, without an answer to {open}.");
    conclusion.reasons.insert(0, format!("The profile as it stands was played to the end: {so_far}"));
    (conclusion.exit, conclusion.exit_code) = (Exit::Interrupted, Exit::Interrupted.code());
}

/// An answer, unless a stop was asked for before it was complete: a search whose plays were cut short has found nothing.
fn answered<Q, A>(
    options: &PlayOptions,
    question: &Option<Q>,
    answer: impl FnOnce(&Q) -> Result<A, Diagnosis>,
) -> Result<Option<A>, Diagnosis> {
    let stop = &options.meter.stop;
    let Some(question) = question.as_ref().filter(|_| !stop.is_asked()) else { return Ok(None) };
    let answer = answer(question)?;
    Ok(Some(answer).filter(|_| !stop.is_asked()))
}

/// What an interrupted plan leaves open.
fn unanswered_by(plan: &Plan, questions: &Questions) -> Vec<String> {
    let wanted = questions.sweep.as_ref().map_or(0, |wanted| wanted.values.len());
    let swept = plan.sweep.as_ref().map_or(0, |sweep| sweep.points.len());
    let open = [
        ("the largest fleet", questions.fleet.is_some() && plan.fleet.is_none()),
        ("the least quota", questions.quota.is_some() && plan.quota.is_none()),
        ("the comparison", questions.compare.is_some() && plan.comparison.is_none()),
        ("the sweep", wanted > 0 && swept == 0),
    ];
    let mut open: Vec<String> = open.into_iter().filter(|(_, open)| *open).map(|(what, _)| what.to_owned()).collect();
    if (1..wanted).contains(&swept) {
        open.push(format!("{} of the sweep's {wanted} values", wanted - swept));
    }
    open
}
