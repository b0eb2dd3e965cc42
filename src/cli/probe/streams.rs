//! A probe of streams: how many a client may have open, and what becomes of one too many.

use std::io::Write;

use super::outputs::{publish, tell};
use super::plan::heading;
use super::request::Requests;
use super::{ProbeArgs, cannot_reach, is_unheard, setting, watched};
use crate::cli::show;
use crate::clock::Clock;
use crate::drive::live::{self, Reached};
use crate::exit::Exit;
use crate::policy::model::Limit;
use crate::probe::account::Account;
use crate::probe::conformance::Case;
use crate::probe::streams::{Survey, outcome, title};

/// What the verb has made of the command line.
pub struct Job<'a> {
    pub args: &'a ProbeArgs,
    pub reached: Reached<'a>,
    pub requests: &'a Requests,
    pub limits: &'a [Limit],
    pub clock: Clock,
}

/// Opens streams, and shows what was found.
///
/// # Errors
/// As for any probe.
pub fn run(job: Job<'_>, case: Case, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let Job { args, reached, requests, limits, clock } = job;
    let policy = case.policy.clone();
    let survey = Survey::new(case, args.budget, args.within);
    show(out, &(heading(args, &policy, requests, limits) + &announcement(&survey)));
    if args.plan {
        return Ok(Exit::Pass);
    }
    let control = watched()?;
    let end = match live::survey(reached, survey, clock, &control) {
        Ok(end) => end,
        Err(error) => return cannot_reach(error),
    };
    if is_unheard(args, &end) {
        return Ok(Exit::Unreachable);
    }
    let found = outcome(&end.played, end.took, end.interrupted);
    let exit = found.exit;
    tell(args, &policy.class(requests.class).name, &found, out)?;
    if let Some(reports) = &args.reports {
        let setting = setting(args, &policy, requests, limits, clock.anchor());
        publish(reports, &Account::of_streams(setting, &end.played, found), out)?;
    }
    Ok(exit)
}

fn announcement(survey: &Survey) -> String {
    let (questions, streams, time) = survey.plan();
    let mut text = format!(
        "About {streams} streams over {}, never more than {} at the same time:\n",
        time.roughly(),
        survey.opens() + 1
    );
    for question in questions {
        text += &format!("  beside {} open: {}\n", survey.opens(), title(survey, question));
    }
    text + "All are closed in the end. Another stream of this client may be closed by the server: use a credential that nobody \
            streams with. It stops at 401 and 403, and at Ctrl-C\n"
}
