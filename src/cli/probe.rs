//! `quotaproof probe`: finds out what limiter a server has, and holds it beside what the documents say.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::{cannot_play, complain, duration, show};
use crate::clock::Clock;
use crate::drive::live::{self, Control, LiveError, ProbeTarget};
use crate::exit::Exit;
use crate::policy;
use crate::policy::matching::{RequestPattern, Segment, bare_path};
use crate::policy::model::{ClassId, Limit, Policy};
use crate::policy::words::limit_text;
use crate::probe::account::{Account, Setting};
use crate::probe::candidates::Documented;
use crate::probe::conformance::Case;
use crate::probe::outcome::outcome;
use crate::probe::{Brief, Examination};
use crate::report::probe as report;
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
    /// A header of a second client, whose quota is its own: shows whether windows begin on the clock or with requests
    #[arg(long, value_name = "NAME: VALUE")]
    other_header: Vec<String>,
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
    let target = match target(args, policy, |name| std::env::var(name).ok()) {
        Ok(target) => target,
        Err(mistake) => {
            complain(format_args!("error: {mistake}"));
            return Ok(Exit::Usage);
        }
    };
    let limits = limits(&target);
    let clock = Clock::start();
    let second = target.clients.len() > 1;
    let brief = Brief {
        documented: documented(&target, &limits),
        requests: args.budget,
        within: args.within,
        second,
        anchor: clock.anchor(),
    };
    let case = Case {
        policy: Arc::clone(&target.policy),
        class: target.class,
        method: target.method.clone(),
        path: target.path.clone(),
        second,
        url: target.base_url.clone(),
        anchor: clock.anchor(),
    };
    let examination = Examination::new(brief, case);
    show(out, &announcement(args, &target, &limits, &examination));
    if args.plan {
        return Ok(Exit::Pass);
    }
    let control = Control::default();
    let asked = control.clone();
    live::signals::watch(move || asked.stop()).context("signals cannot be watched")?;
    let end = match live::probe(&target, examination, clock, &control) {
        Ok(end) => end,
        Err(LiveError::NotAuthorized { host, address }) => {
            complain(format_args!(
                "error: the target `{host}` is another machine ({address}): ask its owner first; then add --authorized"
            ));
            return Ok(Exit::Usage);
        }
        Err(error) => return cannot_play("probe", error),
    };
    if !end.ever_answered && !end.interrupted {
        let trouble = end.trouble.unwrap_or_default();
        complain(format_args!("error: {} cannot be reached: {trouble}", args.target));
        return Ok(Exit::Unreachable);
    }
    let found = outcome(&end.examination, &limits, end.took, end.interrupted);
    show(out, &report::text(&found));
    if let Some(file) = &args.json {
        write(file, report::json(&found).as_bytes())?;
    }
    if let Some(file) = &args.junit {
        write(file, report::junit(&found, &target.policy.class(target.class).name)?.as_bytes())?;
    }
    let exit = found.exit;
    if let Some(reports) = &args.reports {
        let setting = setting(args, &target, &limits, clock.anchor());
        let account = Account::of(setting, &end.examination, found, &limits);
        let dir = report::write_all(reports, &account).context("the report cannot be written")?;
        show(out, &format!("The report is in {}\n", dir.display()));
    }
    Ok(exit)
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    std::fs::write(file, content).with_context(|| format!("{} cannot be written", file.display()))
}

/// What the report says of what the probe was told to do.
fn setting(args: &ProbeArgs, target: &ProbeTarget, limits: &[Limit], anchor: Anchor) -> Setting {
    let policy = &target.policy;
    let clients = [&args.header, &args.other_header].into_iter().take(target.clients.len());
    Setting {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: anchor.iso(Nanos::ZERO),
        command: command(args),
        target: target.base_url.clone(),
        method: target.method.clone(),
        path: target.path.clone(),
        class: policy.class(target.class).name.clone(),
        policy: policy.title.clone(),
        source: policy.source.clone(),
        documented: limits.iter().map(limit_text).collect(),
        silences: policy.silences.clone(),
        clients: clients.cloned().collect(),
        budget: args.budget,
        within_s: args.within.as_secs_f64(),
    }
}

/// The command that probes the same again.
fn command(args: &ProbeArgs) -> String {
    let mut command = format!("quotaproof probe --policy {} --target {}", args.policy, args.target);
    let texts = [("class", args.class.as_ref()), ("request", args.request.as_ref())];
    let headers = args.header.iter().map(|header| ("header", header));
    let others = args.other_header.iter().map(|header| ("other-header", header));
    for (name, value) in texts.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(headers).chain(others)
    {
        command += &format!(" --{name} '{}'", value.replace('\'', "'\\''"));
    }
    command += &format!(" --budget {} --within {}", args.budget, args.within);
    if args.authorized { command + " --authorized" } else { command }
}

fn target(args: &ProbeArgs, policy: Policy, variable: impl Fn(&str) -> Option<String>) -> Result<ProbeTarget, Mistake> {
    let (class, method, path) = request(args, &policy)?;
    let headers = |texts: &[String]| texts.iter().map(|text| header(text, &variable)).collect::<Result<Vec<_>, _>>();
    let mut clients = vec![headers(&args.header)?];
    if !args.other_header.is_empty() {
        clients.push(headers(&args.other_header)?);
    }
    Ok(ProbeTarget {
        base_url: args.target.clone(),
        authorized: args.authorized,
        ca_file: args.ca_file.clone(),
        method,
        path,
        clients,
        policy: Arc::new(policy),
        class,
    })
}

/// The class, and the request that stands for it.
fn request(args: &ProbeArgs, policy: &Policy) -> Result<(ClassId, String, String), Mistake> {
    let named = args.class.as_ref().map(|name| class_named(policy, name)).transpose()?;
    if let Some(text) = &args.request {
        let (method, path) = text.trim().split_once(' ').ok_or("write the request as METHOD /path")?;
        if method == "WS" {
            return Err("streams cannot be probed; name a request by another method".to_owned());
        }
        let class = named.or_else(|| policy.classify(method, bare_path(path))).ok_or_else(|| {
            format!("`{text}` belongs to no class of the policy; name the class that it counts in by --class")
        })?;
        return Ok((class, method.to_owned(), path.to_owned()));
    }
    let classes = match named {
        Some(class) => vec![class],
        None => (0..policy.classes.len()).map(|index| ClassId(index as u8)).collect(),
    };
    let harmless = |class: &ClassId| {
        let pattern = policy.class(*class).requests.iter().find(|pattern| pattern.method == "GET")?;
        Some((*class, pattern.method.clone(), example(pattern)))
    };
    classes.iter().find_map(harmless).ok_or_else(|| {
        "no GET belongs to the class, and nothing that may change something is sent unasked: name a request by --request"
            .to_owned()
    })
}

fn class_named(policy: &Policy, name: &str) -> Result<ClassId, Mistake> {
    policy.class_named(name).ok_or_else(|| {
        let names: Vec<&str> = policy.classes.iter().map(|class| class.name.as_str()).collect();
        format!("the policy has no class `{name}`; it has {}", names.join(", "))
    })
}

/// A path that fits a pattern.
fn example(pattern: &RequestPattern) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(_) | Segment::Rest => "/probe".to_owned(),
    };
    pattern.segments.iter().map(segment).collect()
}

/// The headers that carry credentials: their values come from the environment alone.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// `Name: value`, in which a word `env:NAME` stands for a variable.
fn header(text: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<(String, String), Mistake> {
    let (name, value) = text.split_once(':').ok_or("write a header as 'Name: value'")?;
    let name = name.trim().to_lowercase();
    let mut from_environment = false;
    let word = |word: &str| match word.strip_prefix("env:") {
        None => Ok(word.to_owned()),
        Some(named) => {
            from_environment = true;
            variable(named)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("the header `{name}` is not in the environment: set the variable {named}"))
        }
    };
    let words: Vec<String> = value.split_whitespace().map(word).collect::<Result<_, _>>()?;
    if SECRET.contains(&name.as_str()) && !from_environment {
        return Err(format!(
            "the header `{name}` carries a secret, which others can see on a command line: put it into an environment \
             variable and write `{name}: env:VARIABLE`"
        ));
    }
    Ok((name, words.join(" ")))
}

/// All limits that a request of the class draws on.
fn limits(target: &ProbeTarget) -> Vec<Limit> {
    let policy = &target.policy;
    policy.drawn_on(target.class).flat_map(|class| policy.class(class).limits.clone()).collect()
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

/// How many windows it takes to tell algorithms apart, as a rule.
const WINDOWS: u64 = 8;

fn announcement(args: &ProbeArgs, target: &ProbeTarget, limits: &[Limit], examination: &Examination) -> String {
    let class = &target.policy.class(target.class).name;
    let clients = if target.clients.len() > 1 { "two clients" } else { "one client" };
    let path = bare_path(&target.path);
    let mut text = format!(
        "Plan: at most {} requests of `{} {path}` to {}, from {clients}, over at most {}\nThe documents on `{class}`:\n",
        args.budget, target.method, target.base_url, args.within
    );
    for limit in limits {
        text += &format!("  {}\n", limit_text(limit));
    }
    let longest = limits.iter().filter_map(|limit| match limit {
        Limit::Rate(rate) => Some(rate.per),
        _ => None,
    });
    if let Some(longest) = longest.max() {
        let needed = Nanos(longest.0.saturating_mul(WINDOWS));
        text += &format!("Windows of {longest} have to pass several times: about {needed} to settle everything\n");
        if needed > args.within {
            text += "The time that it may take is shorter: some of it may stay open (raise --within)\n";
        }
    }
    text + &trials(examination)
        + "Refusals are provoked. It stops at 401 and 403, when hints grow beyond reason, and at Ctrl-C\n"
}

/// The trials of the server's promises, which share the budget.
fn trials(examination: &Examination) -> String {
    let planned = examination.conduct().plan();
    if planned.is_empty() {
        return "No rate is documented: only what the answers themselves say is held to the documents\n".to_owned();
    }
    let requests: u32 = planned.iter().map(|(_, requests, _)| requests).sum();
    let time = planned.iter().fold(Nanos::ZERO, |sum, (_, _, time)| sum.saturating_add(*time));
    let mut text = format!("Then its promises, about {requests} requests over {time}, as far as the budget goes:\n");
    for (trial, requests, time) in planned {
        text += &format!("  {} (about {requests} requests, {time})\n", trial.title());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_token(text: &str) -> Result<(String, String), Mistake> {
        header(text, &|name| (name == "TOKEN").then(|| "secret-value".to_owned()))
    }

    #[test]
    fn secrets_come_from_the_environment_alone() {
        let expected = ("authorization".to_owned(), "Bearer secret-value".to_owned());
        assert_eq!(with_token("Authorization: Bearer env:TOKEN"), Ok(expected));
        assert_eq!(with_token("X-Account: a"), Ok(("x-account".to_owned(), "a".to_owned())));
        assert!(with_token("Authorization: Bearer abc").unwrap_err().contains("env:VARIABLE"));
        assert!(with_token("X-Api-Key: env:OTHER").unwrap_err().contains("set the variable OTHER"));
        assert!(with_token("nonsense").is_err());
    }

    #[test]
    fn a_path_is_made_from_a_pattern() {
        let pattern: RequestPattern = "GET /v1/devices/{id}/status".parse().unwrap();
        assert_eq!(example(&pattern), "/v1/devices/probe/status");
        assert_eq!(example(&"GET /v1/*".parse().unwrap()), "/v1/probe");
    }
}
