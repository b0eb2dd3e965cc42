//! What was measured, as it is kept: `limiters.json` and `redis.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// For as many keys figures of memory are told in short.
pub const MANY: u32 = 1_000_000;

#[derive(Serialize, Deserialize)]
pub struct Limiters {
    pub machine: Machine,
    pub quick: bool,
    /// The limit that all enforce.
    pub allow: u32,
    pub per: String,
    /// What asking costs by itself: part of each figure that criterion has measured.
    pub overhead_ns: f64,
    /// What timing nothing costs: part of each figure of a tail.
    pub clock_ns: u64,
    /// In the order in which they are told.
    pub workloads: Vec<String>,
    pub duels: Vec<Duel>,
    pub contenders: Vec<Contender>,
}

#[derive(Serialize, Deserialize)]
pub struct Machine {
    pub day: String,
    pub processor: String,
    pub threads: usize,
    pub compiler: String,
}

/// Ours and governor's in turns.
#[derive(Serialize, Deserialize)]
pub struct Duel {
    pub question: String,
    pub threads: usize,
    /// Both read governor's own clock; else both are told the time.
    pub reads_clock: bool,
    pub ours: String,
    pub theirs: String,
    /// Medians of the processes, in nanoseconds for one decision of all threads'.
    pub ours_ns: f64,
    pub theirs_ns: f64,
    /// Ours by theirs: the median of the processes' ratios, and where it lies in 95 of 100 cases.
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
    pub processes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Faster,
    Even,
    Slower,
}

#[derive(Serialize, Deserialize)]
pub struct Contender {
    pub name: String,
    pub ours: bool,
    /// Else it knows one key only.
    pub many_keys: bool,
    /// Nanoseconds for a decision: the median of what criterion has measured, by workload.
    pub ns: BTreeMap<String, f64>,
    /// Of single decisions over uniform keys, or the one key.
    pub tail: Tail,
    /// Where keys come and go; None where it knows one key only.
    pub churn: Option<Tail>,
    /// Bytes for each key by the number of keys.
    pub bytes_by_keys: Vec<(u32, f64)>,
    /// For each of a million keys, the most that was held until then: stores are moved as they grow.
    pub peak_bytes: Option<f64>,
    /// None where nobody can tell it the time.
    pub rightness: Option<Rightness>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Tail {
    pub mean_ns: f64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub p99_9_ns: u64,
    /// In the best of a few plays. Figures of an earlier version have none.
    #[serde(default)]
    pub longest_ns: u64,
}

/// What the suite found, over all its workloads.
#[derive(Serialize, Deserialize)]
pub struct Rightness {
    pub claim: String,
    /// In all that was looked at.
    pub exact: bool,
    pub defects: Vec<String>,
    /// Of what nothing is known. Figures of an earlier version do not say.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Which of it the limiter never tells.
    #[serde(default)]
    pub untold: Vec<String>,
    /// The first of each, and how often.
    pub examples: Vec<String>,
    pub decisions: u64,
    pub over: u64,
    pub under: u64,
    pub waits: u64,
    pub short_waits: u64,
    pub long_waits: u64,
    pub fairness: f64,
    /// Figures of an earlier version have none.
    #[serde(default)]
    pub by_workload: Vec<AtWorkload>,
}

#[derive(Serialize, Deserialize)]
pub struct AtWorkload {
    pub workload: String,
    pub decisions: u64,
    pub over: u64,
    pub under: u64,
    /// The most that a key was admitted in any span of one window's length, and what the oracle admits at most.
    pub worst_window: u32,
    pub worst_window_allowed: u32,
    pub waits: u64,
    pub short_waits: u64,
    /// In the worst case.
    pub short_by: String,
    pub long_waits: u64,
    pub fairness: f64,
}

#[derive(Serialize, Deserialize)]
pub struct Redis {
    pub machine: Machine,
    pub quick: bool,
    pub version: String,
    pub allow: u32,
    pub per: String,
    /// Asked for nothing, by connections that ask at a time.
    pub ping: BTreeMap<usize, Waited>,
    pub limiters: Vec<OverTheWire>,
}

#[derive(Serialize, Deserialize)]
pub struct OverTheWire {
    pub name: String,
    pub round_trips: String,
    /// By connections that ask at a time.
    pub us: BTreeMap<usize, Waited>,
    pub race: Race,
    pub rightness: Rightness,
}

/// How long a caller waits for an answer.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Waited {
    pub p50_us: f64,
    pub p99_us: f64,
    /// Of all connections together.
    pub decisions_a_second: f64,
}

/// Callers that ask for one key at one moment.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Race {
    pub callers: usize,
    pub rounds: u64,
    /// What the limit allows in all rounds.
    pub allowed: u64,
    pub admitted: u64,
    /// The most in one round.
    pub most: u64,
}

impl Duel {
    pub fn outcome(&self) -> Outcome {
        match (self.low, self.high) {
            (_, high) if high < 1.0 => Outcome::Faster,
            (low, _) if low > 1.0 => Outcome::Slower,
            _ => Outcome::Even,
        }
    }
}

impl fmt::Display for Duel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Duel { question, threads, ours_ns, theirs_ns, ratio, low, high, .. } = self;
        let clock = if self.reads_clock { "clock read" } else { "time told" };
        write!(out, "{question}, threads: {threads}, {clock}: ours {ours_ns:.1} ns, governor's {theirs_ns:.1} ns, ")?;
        write!(out, "ratio {ratio:.2} ({low:.2} to {high:.2})")
    }
}

impl Contender {
    pub fn bytes(&self, keys: u32) -> Option<f64> {
        self.bytes_by_keys.iter().find(|(count, _)| *count == keys).map(|(_, bytes)| *bytes)
    }
}

impl Machine {
    pub fn this() -> Machine {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let compiler = Command::new("rustc").arg("--version").output().ok();
        let compiler = compiler.and_then(|output| String::from_utf8(output.stdout).ok());
        Machine {
            day: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            processor: model.map_or("an unknown processor", |(_, model)| model).to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            compiler: compiler.map_or("an unknown rustc".to_owned(), |version| version.trim().to_owned()),
        }
    }
}
