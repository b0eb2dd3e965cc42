//! The report in parts, which the page and the Markdown set.

use quotaproof::report::chart::Figure;
use quotaproof::report::format::count;
use quotaproof::report::words::Tone;

use super::bars::{self, Bar};
use super::data::{Contender, Duel, Limiters, MANY, Machine, Outcome, Redis, Rightness};
use super::tables::tenths;
use super::{memory_chart, tables, wire};

pub struct Report {
    pub headline: String,
    pub tone: Tone,
    pub summary: Vec<String>,
    pub sections: Vec<Section>,
}

pub struct Section {
    pub id: &'static str,
    /// In the navigation.
    pub short: &'static str,
    pub title: String,
    pub blocks: Vec<Block>,
}

pub enum Block {
    Text(String),
    List(Vec<String>),
    Table(Table),
    Charts(Vec<Figure>),
}

pub struct Table {
    pub title: &'static str,
    pub head: Vec<String>,
    /// How many columns hold words; the others hold numbers.
    pub words: usize,
    pub rows: Vec<Vec<String>>,
}

pub const NOT_LOOKED_AT: &str = "A verdict is of what was looked at: what a limiter never tells, and what it or its claim has no part in, is no pass.";

pub const WORST_WINDOW: &str = "By workload. The worst window is the most that a key was admitted within any span of one window's \
    length, of what the oracle admits at most: buckets and fixed windows admit up to twice the limit there by their own \
    definition.";

/// For fewer, what a store takes by itself counts.
const FEWEST: u32 = 250_000;

impl Report {
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.blocks).flat_map(Block::figures)
    }
}

impl Block {
    fn figures(&self) -> &[Figure] {
        if let Block::Charts(figures) = self { figures } else { &[] }
    }
}

pub fn all(limiters: Option<&Limiters>, redis: Option<&Redis>) -> Report {
    let (headline, tone) = limiters
        .map_or_else(|| ("Limiters in memory were not measured".to_owned(), Tone::Muted), |it| headline(&it.duels));
    let mut summary: Vec<String> = limiters.map(in_short).unwrap_or_default();
    summary.extend(redis.map(wire::in_short).unwrap_or_default());
    let mut sections: Vec<Section> = limiters.map(of_limiters).unwrap_or_default();
    sections.push(redis.map_or_else(wire::not_measured, wire::section));
    sections.push(method(limiters, redis));
    Report { headline, tone, summary, sections }
}

/// How a contender is called beside others.
pub fn shown(contender: &Contender) -> String {
    if contender.ours { format!("our {}", contender.name) } else { contender.name.clone() }
}

fn headline(duels: &[Duel]) -> (String, Tone) {
    let count = |outcome| duels.iter().filter(|duel| duel.outcome() == outcome).count();
    let (faster, slower, all) = (count(Outcome::Faster), count(Outcome::Slower), duels.len());
    let rest = match (count(Outcome::Even), slower) {
        (0, 0) => String::new(),
        (even, 0) => format!("; no difference shows in {even}"),
        (0, slower) => format!(", slower in {slower}"),
        (even, slower) => format!(", slower in {slower}; no difference shows in {even}"),
    };
    let tone = if slower == 0 { Tone::Good } else { Tone::Warn };
    (format!("In turns with governor's, our GCRA decides faster in {faster} of {all} comparisons{rest}"), tone)
}

fn in_short(figures: &Limiters) -> Vec<String> {
    let of = |name: &str| figures.contenders.iter().find(|it| it.name == name);
    let duel = |threads: usize| {
        let of =
            figures.duels.iter().find(|it| it.question == "a million keys" && !it.reads_clock && it.threads == threads);
        of.map(|it| {
            let Duel { threads, ours_ns, theirs_ns, .. } = it;
            let who = if *threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
            format!("A million keys, {who}: {ours_ns:.1} ns for a decision where governor with dashmap takes {theirs_ns:.1} ns.")
        })
    };
    let memory = of("GCRA, for threads").zip(of("governor, dashmap")).and_then(memory_in_short);
    let two_threads = duel(figures.machine.threads).filter(|_| figures.machine.threads > 1);
    [duel(1), two_threads, memory, Some(exact_in_short(&figures.contenders))].into_iter().flatten().collect()
}

/// Stores grow by leaps, so that a million tells less than the range does.
fn memory_in_short((ours, theirs): (&Contender, &Contender)) -> Option<String> {
    let at_million = ours.bytes(MANY).zip(theirs.bytes(MANY));
    let many = |it: &Contender| -> Vec<f64> {
        it.bytes_by_keys.iter().filter(|(keys, _)| *keys >= FEWEST).map(|(_, bytes)| *bytes).collect()
    };
    let range = |it: &Contender| {
        let bytes = || many(it).into_iter();
        format!("{:.1} to {:.1}", bytes().fold(f64::INFINITY, f64::min), bytes().fold(0.0, f64::max))
    };
    let (ours_by_keys, theirs_by_keys) = (many(ours), many(theirs));
    let fewer = ours_by_keys.iter().zip(&theirs_by_keys).filter(|(ours, theirs)| ours < theirs).count();
    at_million.map(|(ours_bytes, theirs_bytes)| {
        format!(
            "A million keys: {ours_bytes:.1} bytes for each where governor with dashmap takes {theirs_bytes:.1}. From {} to {} keys ours takes {} and governor {}, fewer with {fewer} of {} numbers of keys.",
            count(FEWEST.into()),
            count(ours.bytes_by_keys.last().map_or(0, |(keys, _)| (*keys).into())),
            range(ours),
            range(theirs),
            ours_by_keys.len()
        )
    })
}

/// `Exact by the oracle in what was looked at: 13 of the 15 whose clock can be told the time; 3 of them never tell remaining.`
fn exact_in_short(contenders: &[Contender]) -> String {
    let judged: Vec<&Rightness> = contenders.iter().filter_map(|it| it.rightness.as_ref()).collect();
    let exact: Vec<&Rightness> = judged.iter().copied().filter(|it| it.exact).collect();
    let silent = |what: &str| exact.iter().filter(|it| it.untold.iter().any(|untold| untold == what)).count();
    let untold = ["retry_after", "remaining"].map(|what| (silent(what), what));
    let untold = untold.iter().filter(|(count, _)| *count > 0);
    let untold: String = untold.map(|(count, what)| format!("; {count} of them never tell {what}")).collect();
    let (exact, judged) = (exact.len(), judged.len());
    format!(
        "Exact by the oracle in what was looked at: {exact} of the {judged} whose clock can be told the time{untold}."
    )
}

fn of_limiters(figures: &Limiters) -> Vec<Section> {
    let [one_thread, all_threads] = tables::speed(figures);
    vec![
        Section {
            id: "turns",
            short: "In turns",
            title: "Our GCRA and governor's, in turns".to_owned(),
            blocks: vec![
                Block::Text(
                    "Both are asked the same, a few milliseconds each in turns, by several processes one after the other, and say yes or no; a ratio below 1 is in \
                     our favour. It is the median of the processes' ratios, as the times are of theirs, and the range holds in 95 of 100 cases what \
                     ever more processes of this build would have for it: \
                     where it spans 1, neither is shown to be faster. Times are for one decision of all threads': where two threads take 10 ns each, that is 5 ns."
                        .to_owned(),
                ),
                Block::Table(tables::duels(&figures.duels)),
            ],
        },
        Section {
            id: "beside",
            short: "Side by side",
            title: "Speed, rightness and memory side by side".to_owned(),
            blocks: vec![Block::Charts(side_by_side(figures))],
        },
        Section {
            id: "speed",
            short: "Speed",
            title: "Nanoseconds for a decision".to_owned(),
            blocks: vec![
                Block::Text(format!(
                    "Each enforces {} per {} for each key. Of every figure, {:.1} ns are what asking costs by itself. One thread:",
                    figures.allow, figures.per, figures.overhead_ns
                )),
                Block::Table(one_thread),
                Block::Text("All threads together:".to_owned()),
                Block::Table(all_threads),
            ],
        },
        Section {
            id: "tail",
            short: "Tail",
            title: "The tail of single decisions".to_owned(),
            blocks: vec![
                Block::Text(format!(
                    "Each of a million decisions is timed by itself, on one thread: uniform keys for those that keep many, the one key for the others. Churn is keys \
                     that come and go, so that some decision waits for a sweep or for a store that grows: the longest is told, of three plays the one in which it \
                     was shortest. Timing takes {} ns of each figure.",
                    figures.clock_ns
                )),
                Block::Table(tables::tail(figures)),
            ],
        },
        Section {
            id: "rightness",
            short: "Rightness",
            title: "What the suite found".to_owned(),
            blocks: vec![
                Block::Table(tables::rightness(figures)),
                Block::Text(NOT_LOOKED_AT.to_owned()),
                Block::List(tables::mistakes(&figures.contenders)),
                Block::Text(WORST_WINDOW.to_owned()),
                Block::Table(tables::by_workload(
                    figures.contenders.iter().filter_map(|it| Some((shown(it), it.rightness.as_ref()?))),
                )),
            ],
        },
        Section {
            id: "memory",
            short: "Memory",
            title: "Bytes for a key".to_owned(),
            blocks: vec![
                Block::Charts(vec![memory_chart::figure(&figures.contenders)]),
                Block::Table(tables::memory(&figures.contenders)),
            ],
        },
    ]
}

fn everybody(_: &Contender) -> bool {
    true
}

/// The same limiters in the same order in each, those of one key by themselves.
fn side_by_side(figures: &Limiters) -> Vec<Figure> {
    let bar = |it: &Contender, value: Option<f64>, text: fn(f64) -> String| {
        let text = value.map_or("not known".to_owned(), text);
        Bar { name: shown(it), value, text, ours: it.ours }
    };
    let bars = |many: bool, value: &dyn Fn(&Contender) -> Option<f64>, text, shows: fn(&Contender) -> bool| {
        let shown = figures.contenders.iter().filter(|it| it.many_keys == many && shows(it));
        shown.map(|it| bar(it, value(it), text)).collect::<Vec<Bar>>()
    };
    let ns = |it: &Contender, workload: &str| it.ns.get(workload).copied();
    let in_ns = |ns: f64| format!("{} ns", tenths(ns));
    let threads = figures.machine.threads;
    vec![
        bars::figure(
            "speed-many",
            "A million keys, one thread",
            "Median time of a decision.",
            "Time",
            &bars(true, &|it| ns(it, "uniform keys"), in_ns, everybody),
        ),
        bars::figure(
            "wrong-many",
            "Wrong decisions",
            "Of 10,000 in all workloads, admitted or refused against the oracle.",
            "Wrong",
            &bars(true, &tables::wrong, tenths, everybody),
        ),
        bars::figure(
            "bytes-many",
            "Bytes for a key, of a million",
            "What the allocator was asked for, with each key used once.",
            "Bytes",
            &bars(true, &|it| it.bytes(MANY), tenths, everybody),
        ),
        bars::figure(
            "speed-many-threads",
            &format!("A million keys, {threads} threads"),
            "Median time of a decision of all threads', of those that threads may share.",
            "Time",
            &bars(true, &|it| ns(it, "uniform keys on all threads"), in_ns, |it| {
                it.ns.contains_key("uniform keys on all threads")
            }),
        ),
        bars::figure(
            "speed-one",
            "One key, one thread",
            "Median time of a decision; half are refused.",
            "Time",
            &bars(false, &|it| ns(it, "one hot key"), in_ns, everybody),
        ),
        bars::figure(
            "speed-one-threads",
            &format!("One key, {threads} threads"),
            "Median time of a decision of all threads'; half are refused.",
            "Time",
            &bars(false, &|it| ns(it, "one hot key on all threads"), in_ns, everybody),
        ),
    ]
}

fn method(limiters: Option<&Limiters>, redis: Option<&Redis>) -> Section {
    let machine = |name: &str, machine: &Machine, quick: bool| {
        let Machine { day, processor, threads, compiler } = machine;
        let quick = if quick { "; in a hurry, so these figures are rough" } else { "" };
        format!("{name} measured on {day} on {processor}, {threads} threads, {compiler}{quick}.")
    };
    let machines = limiters.map(|it| machine("In memory:", &it.machine, it.quick));
    let machines = machines.into_iter().chain(redis.map(|it| machine("In Redis:", &it.machine, it.quick)));
    let notes = include_str!("method.txt").split("\n\n").map(|note| note.replace('\n', " ").trim().to_owned());
    Section {
        id: "method",
        short: "Method",
        title: "Method".to_owned(),
        blocks: vec![Block::List(machines.chain(notes).collect())],
    }
}
