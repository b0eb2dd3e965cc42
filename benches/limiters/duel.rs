//! Ours and governor's in turns, a few milliseconds each, so that whatever else the machine does befalls both. Several
//! processes play them, since where data and the pages of code lie in one makes either side faster by as much as a sixth
//! throughout: what is told is the median of the processes' ratios, each the median of its rounds'. It holds for one build.

mod sides;

use std::env;
use std::hint::black_box;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use quotaproof::limiter::Rate;
use quotaproof::limiter::suite::{Replay, Request, Workload, ns_for_a_decision, threads};
use quotaproof::time::Nanos;
use serde::{Deserialize, Serialize};

use crate::contenders::RATE;
use crate::report::data::Duel;
use crate::speed::keys_to_begin_with;
use sides::Side;

/// Two that do the same, and what they are asked.
#[derive(Clone, Copy)]
struct Pair {
    question: &'static str,
    reads_clock: bool,
    ours: Side,
    theirs: Side,
    rate: Rate,
    workload: Workload,
    /// How many times as long as others its rounds are.
    longer: u64,
}

/// How hard each is tried.
pub struct Effort {
    processes: usize,
    /// In each process; as many begin with either side.
    rounds: usize,
    /// Of one thread, for one side, in a round.
    decisions: u64,
}

impl Effort {
    pub fn new(quick: bool) -> Effort {
        match quick {
            true => Effort { processes: 6, rounds: 2, decisions: 100_000 },
            false => Effort { processes: 11, rounds: 6, decisions: 300_000 },
        }
    }
}

/// What one process has measured: medians of its rounds.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Fought {
    ours_ns: f64,
    theirs_ns: f64,
    ratio: f64,
}

/// The argument by which this program plays all in turns as one process of several, and prints what it measured.
const AS_ONE: &str = "turns-of-one-process";

pub fn is_one_of_several() -> bool {
    env::args().any(|argument| argument == AS_ONE)
}

pub fn as_one_of_several(effort: &Effort) -> anyhow::Result<()> {
    let fought: Vec<Fought> = fights().iter().map(|(pair, crowd)| fight(pair, *crowd, effort)).collect();
    println!("{}", serde_json::to_string(&fought)?);
    Ok(())
}

pub fn all(effort: &Effort) -> anyhow::Result<Vec<Duel>> {
    let mut processes = Vec::new();
    for number in 1..=effort.processes {
        println!("in turns: process {number} of {}", effort.processes);
        processes.push(in_own_process()?);
    }
    ensure!(
        processes.iter().all(|fought| fought.len() == fights().len()),
        "not all processes had as many cores: try again"
    );
    let of = |number: usize| processes.iter().map(|fought| fought[number]).collect();
    let duels = fights().into_iter().enumerate().map(|(number, (pair, crowd))| pooled(&pair, crowd, of(number)));
    Ok(duels.inspect(|duel| println!("{duel}")).collect())
}

fn in_own_process() -> anyhow::Result<Vec<Fought>> {
    let arguments = env::args().skip(1).filter(|argument| argument == "--quick");
    let mut command = Command::new(env::current_exe()?);
    let output = command.arg(AS_ONE).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "a process that measures in turns ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("reading what a process has measured in turns")
}

/// Each pair by one thread, and by all.
fn fights() -> Vec<(Pair, usize)> {
    let crowds: &[usize] = if threads() > 1 { &[1, threads()] } else { &[1] };
    pairs().into_iter().flat_map(|pair| crowds.iter().map(move |&crowd| (pair, crowd))).collect()
}

/// So much that nothing is ever refused, also to a thread whose clock is behind.
const PLENTY: Rate = Rate { allow: 1_000_000_000, per: Nanos::from_secs(1) };

fn pairs() -> Vec<Pair> {
    let one = |question, rate, pressure| Pair {
        question,
        reads_clock: false,
        ours: sides::ATOMIC,
        theirs: sides::DIRECT,
        rate,
        workload: Workload { pressure, ..named("one hot key") },
        longer: 1,
    };
    let one_read = |question, rate, pressure| Pair {
        reads_clock: true,
        ours: sides::ATOMIC_READ,
        theirs: sides::DIRECT_READ,
        ..one(question, rate, pressure)
    };
    let many = |question, workload, ours, theirs| Pair {
        question,
        reads_clock: false,
        ours,
        theirs,
        rate: RATE,
        workload: named(workload),
        longer: 1,
    };
    // Long enough that each round sweeps, also where all keys are in one store.
    let churn = |ours, theirs| Pair { longer: 4, ..many("keys that come and go", "churn", ours, theirs) };
    vec![
        one("one key, all admitted", PLENTY, 0.5),
        one("one key, half refused", RATE, 2.0),
        one("one key, 19 of 20 refused", RATE, 20.0),
        Pair {
            ours: sides::ATOMIC_ALL_TOLD,
            theirs: sides::DIRECT_ALL_TOLD,
            ..one("one key, half refused, and told what is left or how long to wait", RATE, 2.0)
        },
        one_read("one key, all admitted", PLENTY, 0.5),
        one_read("one key, all refused", RATE, 20.0),
        many("a store, one key of which is asked for", "one hot key", sides::SHARDED, sides::DASHMAP),
        many("a store, one key of which is asked for", "one hot key", sides::SHARDED, sides::HASHMAP),
        many("a store, one key of which is asked for", "one hot key", sides::KEYED, sides::HASHMAP),
        many("a thousand keys, mostly admitted", "mostly admitted", sides::SHARDED, sides::DASHMAP),
        many("a thousand keys, mostly admitted", "mostly admitted", sides::KEYED, sides::HASHMAP),
        many("a thousand keys, half refused", "a mix", sides::SHARDED, sides::DASHMAP),
        many("a thousand keys, half refused", "a mix", sides::KEYED, sides::HASHMAP),
        many("a thousand keys, 19 of 20 refused", "mostly refused", sides::SHARDED, sides::DASHMAP),
        many("a thousand keys, 19 of 20 refused", "mostly refused", sides::KEYED, sides::HASHMAP),
        many("a million keys", "uniform keys", sides::SHARDED, sides::DASHMAP),
        many("a million keys, Zipf", "Zipf keys", sides::SHARDED, sides::DASHMAP),
        many("a million keys behind one lock, Zipf", "Zipf keys", sides::KEYED, sides::HASHMAP),
        many("a million keys, a fast hash for both", "uniform keys", sides::SHARDED, sides::DASHMAP_FAST_HASH),
        many("a million keys behind one lock", "uniform keys", sides::KEYED, sides::HASHMAP),
        churn(sides::SHARDED, sides::DASHMAP_SWEPT),
        churn(sides::KEYED, sides::HASHMAP_SWEPT),
        Pair { reads_clock: true, ..many("a million keys", "uniform keys", sides::SHARDED_READ, sides::DASHMAP_READ) },
    ]
}

fn named(name: &str) -> Workload {
    Workload::ALL.into_iter().find(|workload| workload.name == name).expect("it is one of them")
}

fn fight(pair: &Pair, crowd: usize, effort: &Effort) -> Fought {
    let effort = &Effort { decisions: effort.decisions * pair.longer, ..*effort };
    let mut ours = Playing::new(pair, &pair.ours, crowd, effort);
    let mut theirs = Playing::new(pair, &pair.theirs, crowd, effort);
    let round = |round| {
        // Whoever is second finds a warmer processor.
        let (our_ns, their_ns) = if round % 2 == 0 {
            let our_ns = ours.play(effort);
            (our_ns, theirs.play(effort))
        } else {
            let their_ns = theirs.play(effort);
            (ours.play(effort), their_ns)
        };
        Fought { ours_ns: our_ns, theirs_ns: their_ns, ratio: our_ns / their_ns }
    };
    let rounds: Vec<Fought> = (0..effort.rounds).map(round).collect();
    let of = |what: fn(&Fought) -> f64| median(&sorted(rounds.iter().map(what)));
    Fought { ours_ns: of(|it| it.ours_ns), theirs_ns: of(|it| it.theirs_ns), ratio: of(|it| it.ratio) }
}

fn pooled(pair: &Pair, crowd: usize, processes: Vec<Fought>) -> Duel {
    let of = |what: fn(&Fought) -> f64| sorted(processes.iter().map(what));
    let ratios = of(|it| it.ratio);
    let reach = within(ratios.len());
    Duel {
        question: pair.question.to_owned(),
        threads: crowd,
        reads_clock: pair.reads_clock,
        ours: pair.ours.name.to_owned(),
        theirs: pair.theirs.name.to_owned(),
        ours_ns: median(&of(|it| it.ours_ns)),
        theirs_ns: median(&of(|it| it.theirs_ns)),
        ratio: median(&ratios),
        low: ratios[reach],
        high: ratios[ratios.len() - 1 - reach],
        processes: processes.len(),
    }
}

/// One side at play: its limiter has seen every key, and its clock goes on from round to round.
struct Playing {
    ask: sides::Ask,
    replays: Vec<Replay>,
}

impl Playing {
    fn new(pair: &Pair, side: &Side, crowd: usize, effort: &Effort) -> Playing {
        let ask = (side.make)(pair.rate);
        for key in keys_to_begin_with(&pair.workload) {
            ask(Nanos::ZERO, key);
        }
        let shared = pair.workload.shared_by(crowd);
        let replays = (0..crowd as u64).map(|thread| shared.requests(pair.rate, thread).replay(1 << 19)).collect();
        let mut playing = Playing { ask, replays };
        playing.play(effort);
        playing
    }

    fn play(&mut self, effort: &Effort) -> f64 {
        let ask = |Request { now, key, .. }: Request| {
            black_box((self.ask)(now, key));
        };
        ns_for_a_decision(&mut self.replays, effort.decisions, &ask)
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// How far from either end of so many sorted values, six at least, the median of all that might have been measured lies,
/// in 95 of 100 cases at least and whatever their distribution: half of them are below it by the toss of a coin.
fn within(count: usize) -> usize {
    let mut probability = 0.5f64.powi(count as i32);
    let (mut below, mut reach) = (0.0, 0);
    loop {
        below += probability;
        if below > 0.025 {
            return usize::max(reach, 1) - 1;
        }
        probability *= (count - reach) as f64 / (reach + 1) as f64;
        reach += 1;
    }
}
