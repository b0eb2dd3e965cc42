//! `quotaproof plan`: plays a profile in simulated time, answers what is asked about it and writes the report.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::again::Again;
use super::progress::PlanProgress;
use super::publish::{make_room, publish};
use super::serve::{hyphened, reading, share};
use super::{complain, duration, show, style, usage};
use crate::clock::Clock;
use crate::drive::live;
use crate::exit::Exit;
use crate::plan::base::Overrides;
use crate::plan::growth::Growth;
use crate::plan::{self, Base, Meter, PlayOptions, Questions, fleet, quota, sweep};
use crate::policy::reading::Reading;
use crate::report::format;
use crate::time::Nanos;
use crate::words::{count, exactly, plural};
use crate::yaml::Diagnosis;

/// What `plan` is told.
#[derive(Args)]
pub struct PlanArgs {
    /// A YAML file, or the name of a shipped profile
    profile: PathBuf,
    /// Draw other random numbers than the profile's seed gives
    #[arg(long)]
    seed: Option<u64>,
    /// Simulate a longer or shorter time than the profile says, such as 30m or 24h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Nanos>,
    /// Where the report's directory is made
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
    /// How many threads play; one per core when not given. The result is the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// How limits are counted where the policy does not say: rolling, token-bucket, fixed-first-hit or fixed-aligned
    #[arg(long, value_name = "READING", value_parser = reading)]
    limiter: Option<Reading>,
    /// What to look for: `fleet` (the largest that stays within every limit), `fleet=GROUP` (varying one group only) or
    /// `quota` (the least limits that this fleet can live with); may be repeated
    #[arg(long, value_name = "WHAT", value_parser = find)]
    find: Vec<Find>,
    /// The share of each limit that is to stay unused by what is found, such as 20%
    #[arg(long, value_name = "SHARE", value_parser = headroom, requires = "find", allow_hyphen_values = true)]
    headroom: Option<f64>,
    /// The share of a class's requests that the least quota may refuse; none when not given
    #[arg(long, value_name = "SHARE", value_parser = refused_ratio, requires = "find")]
    refused_ratio: Option<f64>,
    /// How late refusals may make a request (99th percentile) with the least quota
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "refused_ratio")]
    delay: Option<Nanos>,
    /// Also look for the quota of a fleet that has grown so much: 50% as a whole, or one group with dashboards=50%; may be
    /// repeated
    #[arg(long, value_name = "[GROUP=]SHARE", requires = "find", allow_hyphen_values = true)]
    growth: Vec<Growth>,
    /// How many seeds are played for what is found or swept; 3 when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: Option<u32>,
    /// Another profile to hold beside this one, such as one with a remedy
    #[arg(long, value_name = "OTHER")]
    compare: Option<PathBuf>,
    /// Set one field of the profile to several values: PATH=FROM..TO, PATH=FROM..TO:log/STEPS or PATH=A,B,C
    #[arg(long, value_name = "PATH=VALUES", value_parser = sweep::read)]
    sweep: Option<sweep::Wanted>,
}

/// How many are played where nobody says.
const SEEDS: u32 = 3;

/// One `--find`.
#[derive(Clone, Debug, PartialEq)]
enum Find {
    Fleet(Option<String>),
    Quota,
}

/// Runs the verb and shows the verdict and the answers on standard output.
///
/// # Errors
/// The report cannot be written.
pub fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let (base, questions) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(diagnosis) => {
            complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
            return Ok(Exit::Usage);
        }
    };
    let meter = Arc::new(Meter::default());
    let stop = meter.stop.clone();
    live::signals::watch(move || stop.ask())?;
    if !make_room(&args.reports) {
        return Ok(Exit::Usage);
    }
    let clock = Clock::start();
    let options = PlayOptions {
        threads: args.threads.map_or_else(super::cores, usize::from),
        command: command(args, &base),
        started: clock.anchor(),
        target: base.target_text(),
        meter,
    };
    let (outcome, answers) = {
        let _progress = PlanProgress::start(&options.meter);
        let mut outcome = plan::play(&Arc::new(base.scenario().clone()), &options);
        let answers = match questions.is_empty() {
            true => None,
            false => match plan::answer(&base, &outcome.summary, &questions, &options) {
                Ok(answers) => {
                    plan::leave_open(&mut outcome.summary, &answers);
                    Some(answers)
                }
                Err(diagnosis) => {
                    complain(format_args!("{diagnosis}"));
                    return Ok(Exit::Usage);
                }
            },
        };
        (outcome, answers)
    };
    let out = &mut std::io::stdout();
    publish(&outcome, answers.as_ref(), &args.reports, out, style())?;
    show(out, &speed(&options.meter, clock.now()));
    Ok(outcome.summary.conclusion.exit)
}

/// The profile and the questions, checked before anything is played.
fn prepare(args: &PlanArgs) -> Result<(Base, Questions), Diagnosis> {
    let overrides = Overrides { seed: args.seed, duration: args.duration, limiter: args.limiter };
    let base = Base::read(&args.profile, overrides)?;
    let questions = questions(args, overrides)?;
    plan::check(&base, &questions)?;
    Ok((base, questions))
}

fn questions(args: &PlanArgs, overrides: Overrides) -> Result<Questions, Diagnosis> {
    let wants_quota = args.find.contains(&Find::Quota);
    for (option, given) in [("--refused-ratio", args.refused_ratio.is_some()), ("--growth", !args.growth.is_empty())] {
        if given && !wants_quota {
            return Err(Diagnosis::new(format!(
                "{option} says something about the least quota, which is not asked for"
            ))
            .help("add `--find quota`"));
        }
    }
    if args.seeds.is_some() && args.find.is_empty() && args.sweep.is_none() {
        return Err(Diagnosis::new("--seeds says how often to play what is found or swept, and neither is asked for")
            .help("add `--find` or `--sweep`, or choose one seed with --seed"));
    }
    let fleets: Vec<&Option<String>> = args.find.iter().filter_map(Find::fleet).collect();
    if fleets.len() > 1 {
        return Err(
            Diagnosis::new("the largest fleet is asked for twice").help("give `--find fleet` once, or plan twice")
        );
    }
    Ok(Questions {
        fleet: fleets.first().map(|group| fleet::Wanted { group: (*group).clone() }),
        quota: wants_quota.then(|| quota::Wanted {
            refused_ratio: args.refused_ratio.unwrap_or(0.0),
            delay: args.delay,
            growth: args.growth.clone(),
        }),
        compare: args.compare.as_deref().map(|path| Base::read(path, overrides)).transpose()?,
        sweep: args.sweep.clone(),
        headroom: args.headroom.unwrap_or(0.0),
        seeds: args.seeds.unwrap_or(SEEDS),
    })
}

/// The command that makes the same again.
fn command(args: &PlanArgs, base: &Base) -> String {
    let mut again = Again::of("plan");
    again.word(args.profile.display()).option("--seed", base.scenario().seed);
    again.given("--duration", args.duration).given("--limiter", args.limiter.map(hyphened));
    for find in &args.find {
        again.option("--find", find);
    }
    again.given("--headroom", args.headroom.map(exactly)).given("--refused-ratio", args.refused_ratio.map(exactly));
    again.given("--delay", args.delay);
    for growth in &args.growth {
        again.option("--growth", growth);
    }
    let has_seeds = !args.find.is_empty() || args.sweep.is_some();
    again.given("--seeds", has_seeds.then(|| args.seeds.unwrap_or(SEEDS)));
    again.given("--compare", args.compare.as_ref().map(|path| path.display()));
    again.given("--sweep", args.sweep.as_ref()).line()
}

/// How much was simulated, and how quickly.
fn speed(meter: &Meter, took: Nanos) -> String {
    let read = meter.read();
    let rate = |time: Nanos| count((read.requests as f64 / time.as_secs_f64().max(1e-9)).round() as u64);
    let for_a_core = usage::cpu_time().map(|time| format!(", {} for each second of a core", rate(time)));
    format!(
        "\nsimulated: {}, {} in {}: {} requests/s{}\n",
        plays(&read),
        plural(read.requests, "request"),
        format::seconds(took.as_secs_f64()),
        rate(took),
        for_a_core.unwrap_or_default(),
    )
}

/// `12 plays of 24h each`.
fn plays(read: &plan::meter::Reading) -> String {
    let plays = plural(read.finished, "play");
    let length = match read.durations {
        (shortest, longest) if shortest == longest => format!("{longest} each"),
        (shortest, longest) => format!("{shortest} to {longest}"),
    };
    match (read.finished, read.plays) {
        (0, _) => format!("a part of one play of {}", read.durations.1),
        (finished, begun) if begun > finished => format!("{plays} of {length} and a part of another"),
        _ => format!("{plays} of {length}"),
    }
}

impl Find {
    fn fleet(&self) -> Option<&Option<String>> {
        match self {
            Find::Fleet(group) => Some(group),
            Find::Quota => None,
        }
    }
}

impl std::fmt::Display for Find {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Find::Fleet(None) => out.write_str("fleet"),
            Find::Fleet(Some(group)) => write!(out, "fleet={group}"),
            Find::Quota => out.write_str("quota"),
        }
    }
}

fn find(text: &str) -> Result<Find, String> {
    match text.split_once('=') {
        None if text == "fleet" => Ok(Find::Fleet(None)),
        None if text == "quota" => Ok(Find::Quota),
        Some(("fleet", group)) if !group.is_empty() => Ok(Find::Fleet(Some(group.to_owned()))),
        _ => Err("write fleet, fleet=GROUP or quota".to_owned()),
    }
}

fn headroom(text: &str) -> Result<f64, String> {
    match share(text)? {
        all if all >= 1.0 => Err("a headroom of all of it leaves nothing; write less, such as 20%".to_owned()),
        headroom => Ok(headroom),
    }
}

fn refused_ratio(text: &str) -> Result<f64, String> {
    match share(text)? {
        all if all >= 1.0 => Err("when all may be refused, no quota is needed; write less, such as 0.1%".to_owned()),
        ratio => Ok(ratio),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        plan: PlanArgs,
    }

    fn parse(line: &str) -> PlanArgs {
        let words = line.split(' ').skip(1);
        Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).plan
    }

    fn command_of(args: &PlanArgs) -> String {
        let overrides = Overrides { seed: args.seed, duration: args.duration, limiter: args.limiter };
        command(args, &Base::read(&args.profile, overrides).unwrap())
    }

    #[test]
    fn the_command_that_is_told_makes_the_same_again() {
        let short = command_of(&parse("quotaproof plan tellus-depot"));
        assert_eq!(short, "quotaproof plan tellus-depot --seed 7");
        let long = "quotaproof plan tellus-depot --seed 9 --duration 2m --limiter token-bucket --find fleet=depot --find quota \
                    --headroom 12.345% --refused-ratio 0.1% --delay 5s --growth 150% --growth depot=10% --seeds 2 --compare other.yaml \
                    --sweep fleet.depot.chargers.count=1..5:log/3";
        assert_eq!(command_of(&parse(long)), long);
    }

    #[test]
    fn questions_are_those_of_the_command_line() {
        let args = parse("quotaproof plan tellus-depot --find fleet --find quota --headroom 20% --growth 0.5");
        let questions = questions(&args, Overrides::default()).unwrap();
        assert_eq!((questions.headroom, questions.seeds), (0.2, 3));
        assert_eq!(questions.fleet.unwrap().group, None);
        assert_eq!(questions.quota.unwrap().growth, [Growth { group: None, share: 0.5 }]);
        assert!(super::questions(&parse("quotaproof plan tellus-depot"), Overrides::default()).unwrap().is_empty());
    }
}
