//! `quotaproof probe`: finds out what limiter a server has, and holds it beside what the documents say.

mod outputs;
mod plan;
mod request;
mod secrets;
mod streams;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use self::outputs::{have_room, publish, tell};
use self::plan::announcement;
use self::request::{Requests, requests};
use super::again::Again;
use super::{cannot_play, complain, duration, show};
use crate::clock::Clock;
use crate::drive::live::{self, Control, LiveError, ProbeEnd, ProbeTarget, Reached};
use crate::exit::Exit;
use crate::policy;
use crate::policy::matching::bare_path;
use crate::policy::model::{ClassId, Limit, Policy};
use crate::policy::words::limit_text;
use crate::probe::account::{Account, Setting};
use crate::probe::candidates::Documented;
use crate::probe::conformance::Case;
use crate::probe::outcome::outcome;
use crate::probe::placing::Place;
use crate::probe::{Brief, Examination};
use crate::time::{Anchor, Nanos};

/// Find out what limiter a server has, by a few requests that are announced first
///
/// The target must be this machine, or one whose owner allows the probe. Only the requests of one class are sent, and
/// refusals are provoked on purpose: use a credential whose quota nobody else needs meanwhile.
#[derive(Args)]
pub struct ProbeArgs {
    /// A built-in policy's name, or a file
    #[arg(long)]
    policy: String,
    /// Where the API is, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    target: String,
    /// The class whose limits are looked at; the policy's first one that a GET belongs to when not given
    #[arg(long)]
    class: Option<String>,
    /// The request to send, such as 'GET /v1/sites?page=1'; the class's first GET when not given
    #[arg(long, value_name = "METHOD PATH")]
    request: Option<String>,
    /// Most requests to send
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(5..=100_000))]
    budget: u32,
    /// How long it may take
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = duration)]
    within: Nanos,
    /// A header of every request, such as 'X-Account: a' or 'Authorization: Bearer env:TOKEN', which takes the variable
    /// TOKEN from the environment; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The request's body, or @FILE; env:NAME in it takes a variable from the environment. Its type is JSON where it is
    /// JSON, else a form, unless a header says another
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// A header of a second client, whose quota is its own: shows whether windows begin on the clock or with requests
    #[arg(long, value_name = "NAME: VALUE")]
    other_header: Vec<String>,
    /// The second client's body, where a body says who asks
    #[arg(long, value_name = "BODY")]
    other_body: Option<String>,
    /// Another request, such as 'POST /v1/orders {"n":1}' or 'GET /v1/missing': shows whether it is refused when the first
    /// is, and whether it uses up the same quota if it fails; may be repeated. Other GETs of the policy are asked unasked
    #[arg(long, value_name = "METHOD PATH [BODY]")]
    beside: Vec<String>,
    /// Ask without the headers that come from the environment as well: whose quota is that?
    #[arg(long)]
    without_credentials: bool,
    /// The target's owner allows this probe; loopback needs no word
    #[arg(long)]
    authorized: bool,
    /// A PEM file with certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Only show what would be sent
    #[arg(long)]
    plan: bool,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what was found as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page with everything that was found and what proves it, and the same as JSON and JUnit XML, into a new
    /// directory in this one
    #[arg(long, value_name = "DIR")]
    reports: Option<PathBuf>,
}

/// What is wrong with the command line, in a sentence that says what to do.
type Mistake = String;

/// Probes, and shows what was found.
///
/// # Errors
/// What is neither the user's nor the target's doing: a file cannot be written, the system gives no socket.
pub fn run(args: &ProbeArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let policy = match policy::find(&args.policy) {
        Ok(policy) => policy,
        Err(diagnosis) => {
            complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
            return Ok(Exit::Usage);
        }
    };
    let policy = Arc::new(policy);
    let prepared = requests(args, &policy)
        .and_then(|requests| Ok((target(args, &policy, &requests, |name| std::env::var(name).ok())?, requests)));
    let (target, requests) = match prepared {
        Ok(prepared) => prepared,
        Err(mistake) => {
            complain(format_args!("error: {mistake}"));
            return Ok(Exit::Usage);
        }
    };
    if let [one, other] = target.clients.as_slice()
        && one == other
    {
        complain(format_args!(
            "error: both clients send the same: give the second another --other-header or --other-body, or leave it out"
        ));
        return Ok(Exit::Usage);
    }
    let reached = match Reached::of(&target) {
        Ok(reached) => reached,
        Err(error) => return cannot_reach(error),
    };
    if !args.plan && !have_room(args) {
        return Ok(Exit::Usage);
    }
    let limits = limits(&policy, target.class);
    let clock = Clock::start();
    let second = target.clients.len() > 1;
    let brief = Brief {
        documented: documented(&target, &limits),
        requests: args.budget,
        within: args.within,
        second,
        anchor: clock.anchor(),
    };
    let own = &requests.clients[0];
    let case = Case {
        policy: Arc::clone(&policy),
        class: target.class,
        method: own.method.clone(),
        path: own.path.clone(),
        second,
        besides: requests.besides.iter().map(|(beside, _)| beside.clone()).collect(),
        url: target.base_url.clone(),
        anchor: clock.anchor(),
    };
    if own.method == "WS" {
        return streams::run(streams::Job { args, reached, requests: &requests, limits: &limits, clock }, case, out);
    }
    let examination = Examination::new(brief, case);
    show(out, &announcement(args, &policy, &requests, &limits, &examination));
    if args.plan {
        return Ok(Exit::Pass);
    }
    let control = watched()?;
    let end = match live::probe(reached, examination, clock, &control) {
        Ok(end) => end,
        Err(error) => return cannot_reach(error),
    };
    if is_unheard(args, &end) {
        return Ok(Exit::Unreachable);
    }
    if let Some(place) = end.played.misplaced() {
        complain(format_args!("error: {}", elsewhere(&requests, &policy, place)));
        return Ok(Exit::Usage);
    }
    let found = outcome(&end.played, &limits, end.took, end.interrupted);
    let class = &policy.class(target.class).name;
    let exit = found.exit;
    tell(args, class, &found, out)?;
    if let Some(reports) = &args.reports {
        let setting = setting(args, &policy, &requests, &limits, clock.anchor());
        let account = Account::of(setting, &end.played, found, &limits);
        publish(reports, &account, out)?;
    }
    Ok(exit)
}

/// What to do about a request that the server says is in another class.
fn elsewhere(requests: &Requests, policy: &Policy, place: Place) -> Mistake {
    let own = &requests.clients[0];
    let named = &policy.class(requests.class).name;
    let request = format!("{} {}", own.method, bare_path(&own.path));
    match place {
        Place::Class(class) => {
            let told = &policy.class(class).name;
            format!("the server's answers place `{request}` in `{told}`, not in `{named}`: probe it by --class {told}")
        }
        Place::Unlimited => format!(
            "the answer to `{request}` carries no quota headers, which means by the documents that nothing limits it: \
             name a request of `{named}` by --request"
        ),
    }
}

/// What stops at Ctrl-C.
fn watched() -> anyhow::Result<Control> {
    let control = Control::default();
    let asked = control.clone();
    live::signals::watch(move || asked.stop()).context("signals cannot be watched")?;
    Ok(control)
}

/// Whether nothing was answered though nobody stopped it, which is then said.
fn is_unheard<P>(args: &ProbeArgs, end: &ProbeEnd<P>) -> bool {
    let is_unheard = !end.ever_answered && !end.interrupted;
    if is_unheard {
        let trouble = end.trouble.as_deref().unwrap_or_default();
        complain(format_args!("error: {} cannot be reached: {trouble}", args.target));
    }
    is_unheard
}

/// Nothing was played.
fn cannot_reach(error: LiveError) -> anyhow::Result<Exit> {
    match error {
        LiveError::NotAuthorized { host, address } => {
            complain(format_args!(
                "error: the target `{host}` is another machine ({address}): ask its owner first; then add --authorized"
            ));
            Ok(Exit::Usage)
        }
        error => cannot_play("probe", error),
    }
}

/// What the report says of what the probe was told to do.
fn setting(args: &ProbeArgs, policy: &Policy, requests: &Requests, limits: &[Limit], anchor: Anchor) -> Setting {
    let own = &requests.clients[0];
    Setting {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: anchor.iso(Nanos::ZERO),
        command: command(args),
        target: args.target.clone(),
        method: own.method.clone(),
        path: own.path.clone(),
        class: policy.class(requests.class).name.clone(),
        policy: policy.title.clone(),
        source: policy.source.clone(),
        documented: limits.iter().map(limit_text).collect(),
        clients: requests.clients.iter().map(|client| client.headers.clone()).collect(),
        bodies: requests.clients.iter().map(|client| client.body.clone()).collect(),
        besides: requests.besides.iter().map(|(_, written)| written.told()).collect(),
        budget: args.budget,
        within_s: args.within.as_secs_f64(),
    }
}

/// The command that probes the same again.
fn command(args: &ProbeArgs) -> String {
    let mut again = Again::of("probe");
    again.option("--policy", &args.policy).option("--target", &args.target);
    again.given("--class", args.class.as_ref()).given("--request", args.request.as_ref());
    let each = |again: &mut Again, option: &str, values: &[String]| {
        for value in values {
            again.option(option, value);
        }
    };
    each(&mut again, "--header", &args.header);
    again.given("--body", args.body.as_ref());
    each(&mut again, "--other-header", &args.other_header);
    again.given("--other-body", args.other_body.as_ref());
    each(&mut again, "--beside", &args.beside);
    again.given("--ca-file", args.ca_file.as_ref().map(|path| path.display()));
    again.option("--budget", args.budget).option("--within", args.within);
    for (word, given) in [("--without-credentials", args.without_credentials), ("--authorized", args.authorized)] {
        if given {
            again.word(word);
        }
    }
    again.line()
}

/// What the driver is given: the requests with what comes from the environment.
fn target(
    args: &ProbeArgs,
    policy: &Arc<Policy>,
    requests: &Requests,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ProbeTarget, Mistake> {
    let besides = requests.besides.iter().map(|(_, written)| written);
    Ok(ProbeTarget {
        base_url: args.target.clone(),
        authorized: args.authorized,
        ca_file: args.ca_file.clone(),
        clients: requests.clients.iter().map(|written| written.ask(&variable)).collect::<Result<_, _>>()?,
        besides: besides.map(|written| written.ask(&variable)).collect::<Result<_, _>>()?,
        policy: Arc::clone(policy),
        class: requests.class,
    })
}

/// All limits that a request of the class draws on.
fn limits(policy: &Policy, class: ClassId) -> Vec<Limit> {
    policy.drawn_on(class).flat_map(|class| policy.class(class).limits.clone()).collect()
}

/// Where the probe looks first: limits in requests, by what one of them costs.
fn documented(target: &ProbeTarget, limits: &[Limit]) -> Vec<Documented> {
    let told = limits.iter().filter_map(|limit| match limit {
        Limit::Rate(rate) if rate.calendar.is_none() => {
            let cost = target.policy.cost(&rate.cost, target.class).max(1);
            let allow = (rate.allow / cost).max(1);
            Some(Documented::Rate { allow, per: rate.per, burst: rate.burst.map(|burst| burst / cost) })
        }
        Limit::Concurrent(limit) => Some(Documented::Concurrent { allow: limit.allow }),
        _ => None,
    });
    told.collect()
}
