//! What is said before anything is sent.

use super::ProbeArgs;
use super::request::Requests;
use crate::policy::matching::bare_path;
use crate::policy::model::{Limit, Policy};
use crate::policy::words::limit_text;
use crate::probe::Examination;
use crate::time::Nanos;

/// How many windows it takes to tell algorithms apart, as a rule.
const WINDOWS: u64 = 8;

/// Requests, time, hosts, and what they are for.
pub fn announcement(
    args: &ProbeArgs,
    policy: &Policy,
    requests: &Requests,
    limits: &[Limit],
    examination: &Examination,
) -> String {
    let mut text = heading(args, policy, requests, limits);
    let longest = limits.iter().filter_map(|limit| match limit {
        Limit::Rate(rate) => Some(rate.per),
        _ => None,
    });
    if let Some(longest) = longest.max() {
        let needed = Nanos(longest.0.saturating_mul(WINDOWS));
        text += &format!(
            "Windows of {longest} have to pass several times: about {} to settle everything\n",
            needed.roughly()
        );
        if needed > args.within {
            text += "The time that it may take is shorter: some of it may stay open (raise --within)\n";
        }
    }
    text + &trials(requests, examination)
        + "Refusals are provoked. It stops at 401, 402, 403 and 451, when waits grow beyond reason, and at Ctrl-C\n"
}

/// What is sent to whom at the most, and the limits that it is about.
pub fn heading(args: &ProbeArgs, policy: &Policy, requests: &Requests, limits: &[Limit]) -> String {
    let class = &policy.class(requests.class).name;
    let clients = if requests.clients.len() > 1 { "two clients" } else { "one client" };
    let own = &requests.clients[0];
    let mut text = format!(
        "Plan: at most {} requests of `{} {}` to {}, from {clients}, over at most {}\nThe documents on `{class}`:\n",
        args.budget,
        own.method,
        bare_path(&own.path),
        args.target,
        args.within.roughly()
    );
    for limit in limits {
        text += &format!("  {}\n", limit_text(limit));
    }
    if own.method != "WS" && !requests.besides.is_empty() {
        text += "Some of them ask for other things, to see how far the limit reaches:\n";
        for (beside, _) in &requests.besides {
            text += &format!("  {}\n", beside.text());
        }
    }
    text
}

/// The trials of the server's promises, which share the budget.
fn trials(requests: &Requests, examination: &Examination) -> String {
    let planned = examination.conduct().plan();
    if planned.is_empty() {
        return "No rate is documented: only what the answers themselves say is held to the documents\n".to_owned();
    }
    let most: u32 = planned.iter().map(|(_, requests, _)| requests).sum();
    let time = planned.iter().fold(Nanos::ZERO, |sum, (_, _, time)| sum.saturating_add(*time));
    let mut text =
        format!("Then its promises, about {most} requests over {}, as far as the budget goes:\n", time.roughly());
    for (trial, most, time) in planned {
        let of = trial.of().and_then(|nth| requests.besides.get(usize::from(nth)));
        let of = of.map(|(beside, _)| format!(": {}, if it fails", beside.text())).unwrap_or_default();
        text += &format!("  {}{of} (about {most} requests, {})\n", trial.title(), time.roughly());
    }
    text
}
