//! Ours and governor's in turns, a few milliseconds each, so that whatever else the machine does befalls both: what is
//! told is the median of the rounds' ratios.

mod sides;

use std::hint::black_box;

use quotaproof::limiter::Rate;
use quotaproof::limiter::suite::{Replay, Request, Workload, ns_for_a_decision, threads};
use quotaproof::time::Nanos;

use crate::contenders::RATE;
use crate::report::data::Duel;
use crate::speed::keys_to_begin_with;
use sides::Side;

/// Two that do the same, and what they are asked.
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
    pub rounds: usize,
    /// Of one thread, for one side, in a round.
    pub decisions: u64,
}

impl Effort {
    pub fn new(quick: bool) -> Effort {
        if quick { Effort { rounds: 11, decisions: 100_000 } } else { Effort { rounds: 41, decisions: 300_000 } }
    }
}

pub fn all(effort: &Effort) -> Vec<Duel> {
    let crowds: &[usize] = if threads() > 1 { &[1, threads()] } else { &[1] };
    let fought = pairs().into_iter().flat_map(|pair| crowds.iter().map(move |&crowd| fight(&pair, crowd, effort)));
    fought.inspect(|duel| println!("{duel}")).collect()
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

fn fight(pair: &Pair, crowd: usize, effort: &Effort) -> Duel {
    let effort = &Effort { decisions: effort.decisions * pair.longer, ..*effort };
    let mut ours = Playing::new(pair, &pair.ours, crowd, effort);
    let mut theirs = Playing::new(pair, &pair.theirs, crowd, effort);
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        // Whoever is second finds a warmer processor.
        let (our_ns, their_ns) = if round % 2 == 0 {
            let our_ns = ours.play(effort);
            (our_ns, theirs.play(effort))
        } else {
            let their_ns = theirs.play(effort);
            (ours.play(effort), their_ns)
        };
        rounds.push((our_ns, their_ns));
    }
    let of = |what: fn(&(f64, f64)) -> f64| sorted(rounds.iter().map(what));
    let ratios = of(|(ours, theirs)| ours / theirs);
    let reach = within(ratios.len());
    Duel {
        question: pair.question.to_owned(),
        threads: crowd,
        reads_clock: pair.reads_clock,
        ours: pair.ours.name.to_owned(),
        theirs: pair.theirs.name.to_owned(),
        ours_ns: median(&of(|it| it.0)),
        theirs_ns: median(&of(|it| it.1)),
        ratio: median(&ratios),
        low: ratios[reach],
        high: ratios[ratios.len() - 1 - reach],
        rounds: ratios.len(),
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

/// How far from either end of so many sorted values the median of all that might have been measured lies, in 95 of 100
/// cases at least and whatever their distribution: half of them are below it by the toss of a coin.
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
