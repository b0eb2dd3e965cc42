//! Which runs may stand in one dossier, and with what reservations.
//!
//! - A run that proves nothing (its harness was late, its target was never reached, nothing was asked) is refused.
//! - A run that was cut short, or shows a smaller fleet than its profile's, understates the demand: it is refused as the
//!   first, from which the demand is taken, and taken as further evidence with that reservation.
//! - All runs are held against one policy, and those that met a provider met the same one.

use super::model::Basis;
use crate::report::format;
use crate::summary::finding::Verdict;
use crate::summary::plan::{self, Origin, Plan};
use crate::summary::{Driver, FORMAT, QuotaUse, Safety, Summary};
use crate::words::{count, part_of, plural};

/// The check that counts the chargers which never came into service, and how many of a hundred may be missing.
const SERVICE_CHECK: &str = "fleet.in-service";
const MISSING_ONE_IN: u64 = 100;

/// What one directory holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The directory's name.
    pub dir: String,
    pub summary: Summary,
    pub plan: Option<Plan>,
}

/// Why runs cannot stand in one dossier.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("no run is given; give the directories that `run` or `plan` wrote")]
    Nothing,
    #[error(
        "{0} has the run of {1} once more: each run counts once; leave one of the two out, or ask all questions in one `plan`"
    )]
    Twice(String, String),
    #[error(
        "{dir} was written in the older format {found}, a dossier is made from format {expected}; run it again with this version"
    )]
    Older { dir: String, found: u32, expected: u32 },
    #[error(
        "{first} was held against {first_policy}, {other} against {other_policy}: one dossier goes to one provider; make one for each"
    )]
    Policies { first: String, first_policy: String, other: String, other_policy: String },
    #[error(
        "{first} met {first_target}, {other} met {other_target}: one dossier goes to one provider; make one for each"
    )]
    Targets { first: String, first_target: String, other: String, other_target: String },
    #[error(
        "the plan in {dir} is of another profile than the run beside it ({plan}, not {run}); keep each in a directory of its own"
    )]
    MixedDirectory { dir: String, plan: String, run: String },
    #[error("{dir} proves nothing: {why}; run it again, or leave it out")]
    ProvesNothing { dir: String, why: String },
    #[error(
        "the demand is taken from the first directory, and {dir} understates it: {why}; run it again, or put another first"
    )]
    Understates { dir: String, why: String },
}

/// Whether the runs may stand together; the first is the one that the request is for.
///
/// # Errors
/// The first reason why not.
pub fn admit(evidence: &[Evidence]) -> Result<(), Refusal> {
    let first = evidence.first().ok_or(Refusal::Nothing)?;
    for (index, one) in evidence.iter().enumerate() {
        is_current(one)?;
        if let Some(why) = proves_nothing(&one.summary) {
            return Err(Refusal::ProvesNothing { dir: one.dir.clone(), why });
        }
        same_policy(first, one)?;
        if let Some(twin) = evidence[..index].iter().find(|twin| is_same_run(&twin.summary, &one.summary)) {
            return Err(Refusal::Twice(one.dir.clone(), twin.dir.clone()));
        }
    }
    same_target(evidence)?;
    match understates(&first.summary) {
        Some(why) => Err(Refusal::Understates { dir: first.dir.clone(), why }),
        None => Ok(()),
    }
}

/// Whether both are one run, or one play of a simulation that was asked other questions.
fn is_same_run(one: &Summary, other: &Summary) -> bool {
    let simulated = one.run.driver == Driver::Virtual;
    let bare = |summary: &Summary| {
        let mut bare = summary.clone();
        (bare.run.started, bare.run.command) = Default::default();
        bare
    };
    one == other || simulated && bare(one) == bare(other)
}

fn is_current(one: &Evidence) -> Result<(), Refusal> {
    let plan = one.plan.as_ref().map(|plan| (plan.format, plan::FORMAT));
    let older = |&(found, expected): &(u32, u32)| found < expected;
    match [(one.summary.format, FORMAT)].into_iter().chain(plan).find(older) {
        Some((found, expected)) => Err(Refusal::Older { dir: one.dir.clone(), found, expected }),
        None => Ok(()),
    }
}

fn proves_nothing(summary: &Summary) -> Option<String> {
    let requests: u64 = summary.classes.iter().map(|class| class.requests).sum();
    if summary.run.gave_up {
        return Some("its target was never reached".to_owned());
    }
    if !summary.harness.valid {
        let problems = &summary.harness.problems;
        let why = problems.first().map_or("the harness did not keep up", |problem| problem.as_str());
        return Some(why.trim_end_matches('.').to_owned());
    }
    (requests == 0).then(|| "nothing was asked in it".to_owned())
}

fn same_policy(first: &Evidence, one: &Evidence) -> Result<(), Refusal> {
    let run = &one.summary.run;
    let differ = |other: String, name: &str, hash: &str| Refusal::Policies {
        first: first.dir.clone(),
        first_policy: named(&first.summary.policy.name, &first.summary.run.policy_hash),
        other,
        other_policy: named(name, hash),
    };
    if run.policy_hash != first.summary.run.policy_hash {
        return Err(differ(one.dir.clone(), &one.summary.policy.name, &run.policy_hash));
    }
    for (what, origin) in origins(one.plan.as_ref()) {
        if origin.policy_hash != first.summary.run.policy_hash {
            let other = format!("{what} in the plan of {}", one.dir);
            return Err(differ(other, &origin.policy, &origin.policy_hash));
        }
    }
    let of_this_profile = origins(one.plan.as_ref()).filter(|(what, _)| !["before", "after"].contains(what));
    for (_, origin) in of_this_profile {
        if origin.profile_hash != run.profile_hash {
            let plan = named(&origin.profile, &origin.profile_hash);
            let run = named(&run.name, &run.profile_hash);
            return Err(Refusal::MixedDirectory { dir: one.dir.clone(), plan, run });
        }
    }
    Ok(())
}

/// What each answer of a plan was made by.
fn origins(plan: Option<&Plan>) -> impl Iterator<Item = (&'static str, &Origin)> {
    plan.into_iter().flat_map(|plan| {
        let fleet = plan.fleet.iter().map(|answer| ("the largest fleet", &answer.origin));
        let quota = plan.quota.iter().map(|answer| ("the least quota", &answer.origin));
        let sweep = plan.sweep.iter().map(|answer| ("the sweep", &answer.origin));
        let sides = plan.comparison.iter().flat_map(|it| [("before", &it.before.origin), ("after", &it.after.origin)]);
        fleet.chain(quota).chain(sweep).chain(sides)
    })
}

fn named(name: &str, hash: &str) -> String {
    format!("`{name}` ({})", hash.chars().take(12).collect::<String>())
}

/// Runs that met a real target met the same host.
fn same_target(evidence: &[Evidence]) -> Result<(), Refusal> {
    let mut met = evidence.iter().filter(|one| basis(&one.summary) == Basis::Measured);
    let Some(first) = met.next() else { return Ok(()) };
    match met.find(|one| authority(&one.summary.run.target) != authority(&first.summary.run.target)) {
        Some(other) => Err(Refusal::Targets {
            first: first.dir.clone(),
            first_target: first.summary.run.target.clone(),
            other: other.dir.clone(),
            other_target: other.summary.run.target.clone(),
        }),
        None => Ok(()),
    }
}

/// Where a run's figures come from.
pub fn basis(summary: &Summary) -> Basis {
    if summary.run.driver == Driver::Virtual {
        Basis::Simulated
    } else if summary.harness.embedded_server {
        Basis::MeasuredOnStandIn
    } else if is_loopback(&summary.run.target) {
        Basis::MeasuredOnLoopback
    } else {
        Basis::Measured
    }
}

/// `https://api.example.com/v2` is at `api.example.com`.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn is_loopback(url: &str) -> bool {
    let host = authority(url);
    let host = host.strip_prefix('[').map_or_else(
        || host.rsplit_once(':').map_or(host, |(host, _)| host),
        |rest| rest.split(']').next().unwrap_or(rest),
    );
    let in_127 = host.strip_prefix("127.").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    in_127 || host == "::1" || host.eq_ignore_ascii_case("localhost")
}

/// Why the demand that a run shows is less than that of its profile's fleet.
fn understates(summary: &Summary) -> Option<String> {
    let run = &summary.run;
    if run.interrupted {
        let (ran, planned) = (format::seconds(run.duration_s), format::seconds(run.planned_s));
        return Some(match run.devices_played {
            Some(played) => format!("it was stopped when {} had been played to the end", plural(played, "device")),
            None => format!("it was stopped after {ran} of {planned}"),
        });
    }
    let missing = summary.findings.iter().find(|finding| finding.check == SERVICE_CHECK)?;
    (missing.wrong * MISSING_ONE_IN > missing.looked_at)
        .then(|| format!("{} never came into service", part_of(missing.wrong, missing.looked_at, "charger")))
}

/// What has to be known before a run's figures are believed.
pub fn reservations(summary: &Summary) -> Vec<String> {
    let understated = understates(summary).map(|why| format!("It understates the demand: {why}."));
    let missed = (summary.harness.missed > 0)
        .then(|| format!("The harness skipped {} because it was late.", plural(summary.harness.missed, "request")));
    let refused: u64 = summary.classes.iter().map(|class| class.refused).sum();
    let refused = (refused > 0).then(|| {
        format!(
            "{} refused in it: what was asked for afterwards depends on that, since clients wait, come again or give up.",
            if refused == 1 { "One request was".to_owned() } else { format!("{} requests were", count(refused)) }
        )
    });
    let open = summary.gates.iter().filter(|gate| matches!(gate.verdict, Verdict::NoData | Verdict::Inconclusive));
    let open = open.map(|gate| format!("The gate `{}` stayed open: {}.", gate.gate, gate.measured));
    let limits = summary.quotas.iter().filter_map(limit_reservation);
    understated.into_iter().chain(missed).chain(refused).chain(limits).chain(open).collect()
}

fn limit_reservation(quota: &QuotaUse) -> Option<String> {
    if quota.is_demand_unknown() {
        let held_back = plural(quota.held_back, "request");
        return Some(format!(
            "{held_back} of {} not made because the one before was still under way: the demand is higher than counted.",
            quota.class
        ));
    }
    let why =
        if quota.rate_lasts() { "It is too short to show" } else { "The rate does not last, so it does not show" };
    (quota.safety == Safety::Unproven)
        .then(|| format!("{why} that the limit of {} ({}) is kept.", quota.class, quota.limit))
}
