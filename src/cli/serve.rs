//! `quotaproof serve`: the reference server on its own, for other tools and for a look by hand.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::{complain, show};
use crate::exit::Exit;
use crate::limiter::enforcer;
use crate::policy;
use crate::policy::model::Policy;
use crate::policy::reading::Reading;
use crate::reference::{self, live, tellus};
use crate::scenario::target::{Fault, OverloadSpec, ServerSpec};
use crate::time::Nanos;
use crate::words;
use crate::yaml::{quantity, suggest};

/// Serve a reference implementation of a policy's API until Ctrl-C.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeOptions {
    /// A built-in policy's name, or a file
    #[arg(long, default_value = "tellus")]
    pub policy: String,
    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach. The server has no real security: it takes any client
    #[arg(long)]
    pub allow_non_loopback: bool,
    /// How limits are counted where the policy does not say
    #[arg(long, default_value = "rolling", value_name = "NAME", value_parser = limiter, help = limiter_help())]
    pub limiter: Reading,
    /// How long access tokens are good
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = lifetime)]
    pub token_lifetime: Nanos,
    /// Take so long over the answer of a request that is served, such as 200ms
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = delay)]
    pub answers_after: Nanos,
    /// Answer this share of all requests as an overloaded server would, such as 5%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub overload: Option<f64>,
    /// Shut out whoever was refused where the policy names a penalty but does not define it
    #[arg(long)]
    pub throttle: bool,
    /// Be wrong on purpose in these ways
    #[arg(long, value_name = "NAME", value_parser = fault, help = fault_help())]
    pub fault: Vec<Fault>,
}

impl ServeOptions {
    /// How the server is to behave.
    pub fn spec(&self) -> ServerSpec {
        let overload = self.overload.map(|share| OverloadSpec { share, from: Nanos::ZERO, lasting: None });
        ServerSpec {
            limiter: self.limiter,
            token_lifetime: self.token_lifetime,
            answers_after: self.answers_after,
            overload,
            throttle: self.throttle,
            faults: self.fault.clone(),
            ..ServerSpec::default()
        }
    }
}

/// Serves `policy` until Ctrl-C or SIGTERM. Errors: the address is not allowed, or cannot be had.
pub fn run(options: &ServeOptions) -> anyhow::Result<Exit> {
    let policy = match policy::find(&options.policy) {
        Ok(policy) => policy,
        Err(diagnosis) => {
            complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
            return Ok(Exit::Usage);
        }
    };
    if let Err(diagnosis) = reference::check_options(&policy, &options.spec()) {
        complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
        return Ok(Exit::Usage);
    }
    let listen = options.listen;
    if !listen.ip().is_loopback() && !options.allow_non_loopback {
        complain(format_args!(
            "error: {listen} can be reached from other machines, and the reference server takes any client: \
             listen on 127.0.0.1, or add --allow-non-loopback"
        ));
        return Ok(Exit::Usage);
    }
    // Each connection takes a descriptor. Where the limit cannot be raised, fewer clients can connect.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let title = policy.title.clone();
    let clients = clients(&policy);
    let policy = policy.counted_by(options.limiter);
    let counted = enforcer::in_words(&policy, &options.spec());
    let server = match live::start(policy, options.spec(), listen) {
        Ok(server) => server,
        Err(error) => {
            complain(format_args!("error: cannot listen on {listen}: {error}; choose another address with --listen"));
            return Ok(Exit::Usage);
        }
    };
    // Whoever reads the first line only, and closes the pipe, still gets a server.
    let out = &mut std::io::stdout();
    show(out, &welcome(&title, server.addr(), clients, &counted));
    wait_for_signal()?;
    server.stop();
    show(out, "stopped\n");
    Ok(Exit::Pass)
}

/// Who is let in.
fn clients(policy: &Policy) -> &'static str {
    if tellus::is_meant_by(policy) {
        "operators: any client_id, with the secret \"secret-\" and the client_id"
    } else {
        "clients: anyone; Authorization or an API key tells them apart, or a header by the scope's name (X-Account);\n\
         POST /oauth/token issues tokens"
    }
}

fn welcome(title: &str, address: SocketAddr, clients: &str, counted: &str) -> String {
    format!(
        "{title}: http://{address} (limits: {counted})\n\
         {clients}\n\
         Ctrl-C stops\n"
    )
}

fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(signalled())
}

#[cfg(unix)]
async fn signalled() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signalled() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

pub(super) fn reading(text: &str) -> Result<Reading, String> {
    let plain = known(text).filter(|reading| Reading::ALL.contains(reading));
    plain.ok_or_else(|| "use rolling, token-bucket, fixed-first-hit or fixed-aligned".into())
}

/// Profiles write readings with an underscore, command lines with a hyphen.
fn known(text: &str) -> Option<Reading> {
    named(&text.replace('-', "_"))
}

/// Also one that nobody reads into a provider's words.
fn limiter(text: &str) -> Result<Reading, String> {
    known(text).ok_or_else(|| format!("use one of {}", limiter_names()))
}

/// A reading as the command line has it.
pub(super) fn hyphened(reading: Reading) -> String {
    serde_json::json!(reading).as_str().unwrap_or_default().replace('_', "-")
}

fn limiter_help() -> String {
    format!("How limits are counted where the policy does not say. One of: {}", limiter_names())
}

fn limiter_names() -> String {
    Reading::KNOWN.map(hyphened).join(", ")
}

fn fault(text: &str) -> Result<Fault, String> {
    named(text).ok_or_else(|| {
        let names = fault_names();
        let nearest = suggest::nearest(text, names.split(", "));
        let meant = nearest.map(|name| format!("did you mean {name}? ")).unwrap_or_default();
        format!("{meant}use one of {names}")
    })
}

fn fault_help() -> String {
    format!("Be wrong on purpose; may be repeated. One of: {}", fault_names())
}

fn fault_names() -> String {
    Fault::ALL.map(|fault| serde_json::json!(fault).as_str().unwrap_or_default().to_owned()).join(", ")
}

/// A value by the name it is serialized with.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(name.into()).ok()
}

fn lifetime(text: &str) -> Result<Nanos, String> {
    let lifetime = jiff::SignedDuration::from_str(text).ok().filter(|lifetime| lifetime.as_secs() >= 1);
    let lifetime = lifetime.ok_or_else(|| "write a time of at least a second with its unit, such as 24h".to_owned())?;
    Ok(Nanos::from(lifetime.unsigned_abs()))
}

fn delay(text: &str) -> Result<Nanos, String> {
    quantity::read::<quantity::Delay>(text).map(|delay| delay.0)
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    words::share(text).filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "write a share as 5% or 0.05".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeOptions,
    }

    fn parse(arguments: &[&str]) -> Result<ServeOptions, clap::Error> {
        let line = std::iter::once(&"serve").chain(arguments);
        Line::try_parse_from(line).map(|line| line.serve)
    }

    #[test]
    fn without_options_it_is_the_default_server_on_loopback() {
        let options = parse(&[]).unwrap();
        assert!(options.listen.ip().is_loopback());
        assert_eq!(options.spec(), ServerSpec::default());
    }

    #[test]
    fn options_become_the_spec() {
        let arguments = "--limiter fixed-aligned --token-lifetime 90s --overload 5% --fault hint-too-short --fault keyed-by-address";
        let spec = parse(&arguments.split(' ').collect::<Vec<_>>()).unwrap().spec();
        assert_eq!(spec.limiter, Reading::FixedAligned);
        assert_eq!(spec.token_lifetime, Nanos::from_secs(90));
        assert_eq!(spec.overload.map(|overload| overload.share), Some(0.05));
        assert_eq!(spec.faults, [Fault::HintTooShort, Fault::KeyedByAddress]);
    }

    #[test]
    fn every_fault_has_its_name_on_the_command_line() {
        for known in Fault::ALL {
            let name = serde_json::json!(known).as_str().unwrap().to_owned();
            assert_eq!(fault(&name), Ok(known));
        }
        assert_eq!(fault("RA-SHORT"), Ok(Fault::HintTooShort));
        assert_eq!(fault("KEY-IP"), Ok(Fault::KeyedByAddress));
    }

    #[test]
    fn every_limiter_has_its_name_on_the_command_line_and_counts() {
        let help = parse(&["--help"]).expect_err("help is no options").to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&limiter_names()), "{help}");
        for known in Reading::KNOWN {
            let options = parse(&["--limiter", &hyphened(known)]).unwrap();
            assert_eq!(options.limiter, known);
            let policy = policy::find("tellus").unwrap().counted_by(options.limiter);
            let limits = policy.classes.iter().flat_map(|class| &class.limits);
            assert!(limits.filter_map(|limit| enforcer::reading_for(limit, known)).all(|reading| reading == known));
        }
    }

    #[test]
    fn what_the_policy_says_of_counting_is_told_and_not_what_was_asked_for() {
        let counted = |name: &str, arguments: &[&str]| {
            let options = parse(arguments).unwrap();
            let policy = policy::find(name).unwrap().counted_by(options.limiter);
            enforcer::in_words(&policy, &options.spec())
        };
        assert_eq!(counted("tellus", &["--limiter", "leaky-bucket"]), "leaky bucket");
        assert_eq!(counted("tellus", &["--fault", "double-at-the-edge"]), "fixed window on the clock");
        assert_eq!(counted("aws-api-gateway", &[]), "token bucket");
    }

    #[test]
    fn the_help_lists_every_fault() {
        let help = parse(&["--help"]).expect_err("help is no options").to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&fault_names()), "{help}");
    }

    #[test]
    fn a_wrong_option_says_what_to_write() {
        for (arguments, advice) in [
            (["--limiter", "leaky"], "fixed-first-hit"),
            (["--fault", "none"], "hint-too-short"),
            (["--overload", "7"], "5%"),
            (["--overload", "101%"], "5%"),
            (["--token-lifetime", "24"], "24h"),
            (["--token-lifetime", "0s"], "24h"),
        ] {
            let error = parse(&arguments).expect_err(arguments[1]).to_string();
            assert!(error.contains(advice), "{error}");
        }
    }

    #[test]
    fn an_address_that_others_can_reach_needs_a_word() {
        let options = parse(&["--listen", "0.0.0.0:0"]).unwrap();
        assert_eq!(run(&options).unwrap(), Exit::Usage);
    }
}
