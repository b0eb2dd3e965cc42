//! Figures in tables.

use quotaproof::report::format::count;

use super::data::{AtWorkload, Contender, Duel, Limiters, MANY, Outcome, Rightness, Tail};
use super::sections::{Table, shown};

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// `2,011.3`.
pub fn tenths(value: f64) -> String {
    let tenths = (value * 10.0).round() as u64;
    format!("{}.{}", count(tenths / 10), tenths % 10)
}

fn ns(value: Option<&f64>) -> String {
    value.map_or("-".to_owned(), |&ns| tenths(ns))
}

pub fn duels(duels: &[Duel]) -> Table {
    let row = |it: &Duel| {
        let outcome = match it.outcome() {
            Outcome::Faster => "faster",
            Outcome::Even => "neither",
            Outcome::Slower => "slower",
        };
        let time = if it.reads_clock { "read" } else { "told" };
        vec![
            format!("{}: {} / {}, time {time}", it.question, it.ours, it.theirs),
            outcome.to_owned(),
            it.threads.to_string(),
            tenths(it.ours_ns),
            tenths(it.theirs_ns),
            format!("{:.2}", it.ratio),
            format!("{:.2} to {:.2}", it.low, it.high),
        ]
    };
    Table {
        title: "Ours and governor's in turns",
        head: head(&["Asked", "Ours is", "Threads", "Ours, ns", "governor, ns", "Ratio", "Range"]),
        words: 2,
        rows: duels.iter().map(row).collect(),
    }
}

/// Workloads of all threads together end so.
const ON_ALL: &str = " on all threads";

/// One thread's, and all threads': one table of both is wider than a page.
pub fn speed(figures: &Limiters) -> [Table; 2] {
    let of = |title, on_all| {
        let workloads: Vec<&String> =
            figures.workloads.iter().filter(|name| name.ends_with(ON_ALL) == on_all).collect();
        let takes_part = |it: &&Contender| workloads.iter().any(|&workload| it.ns.contains_key(workload));
        let row = |it: &Contender| {
            std::iter::once(shown(it)).chain(workloads.iter().map(|&workload| ns(it.ns.get(workload)))).collect()
        };
        let names = workloads.iter().map(|name| name.replace(ON_ALL, ""));
        Table {
            title,
            head: std::iter::once("Limiter".to_owned()).chain(names).collect(),
            words: 1,
            rows: figures.contenders.iter().filter(takes_part).map(row).collect(),
        }
    };
    [of("Nanoseconds for a decision, one thread", false), of("Nanoseconds for a decision, all threads", true)]
}

pub fn tail(figures: &Limiters) -> Table {
    let row = |it: &Contender| {
        let Tail { mean_ns, p50_ns, p99_ns, p99_9_ns, .. } = it.tail;
        let ns = [p50_ns, p99_ns, p99_9_ns].map(count);
        let churn = |of: fn(&Tail) -> String| it.churn.as_ref().map_or("-".to_owned(), of);
        let churn = [churn(|it| count(it.p99_9_ns)), churn(|it| tenths(it.longest_ns as f64 / 1e3))];
        [shown(it), count(mean_ns.round() as u64)].into_iter().chain(ns).chain(churn).collect()
    };
    Table {
        title: "The tail of single decisions",
        head: head(&["Limiter", "Mean, ns", "p50, ns", "p99, ns", "p99.9, ns", "Churn: p99.9, ns", "Longest, µs"]),
        words: 1,
        rows: figures.contenders.iter().map(row).collect(),
    }
}

/// Of 10,000 decisions.
pub fn wrong(contender: &Contender) -> Option<f64> {
    let it = contender.rightness.as_ref()?;
    Some((it.over + it.under) as f64 * 10_000.0 / it.decisions as f64)
}

pub fn rightness(figures: &Limiters) -> Table {
    let row = |it: &Contender| match &it.rightness {
        Some(found) => judged(&shown(it), found),
        None => {
            let mut row = vec![shown(it), "-".to_owned(), "not looked at: nobody can tell it the time".to_owned()];
            row.resize(10, "-".to_owned());
            row
        }
    };
    Table {
        title: "What the suite found",
        head: rightness_head(),
        words: RIGHTNESS_WORDS,
        rows: figures.contenders.iter().map(row).collect(),
    }
}

/// The first columns of [`rightness_head`].
pub const RIGHTNESS_WORDS: usize = 4;

pub fn rightness_head() -> Vec<String> {
    let words: [&str; RIGHTNESS_WORDS] = ["Limiter", "Claims", "Verdict", "Not looked at"];
    head(&[&words[..], &["Decisions", "Too many", "Too few", "Waits", "Wrong waits", "Fairness"]].concat())
}

pub fn judged(name: &str, found: &Rightness) -> Vec<String> {
    let verdict = match (found.exact, found.defects.is_empty()) {
        (true, _) => "exact".to_owned(),
        (false, true) => "inexact".to_owned(),
        (false, false) => found.defects.join(", "),
    };
    let figures = [found.decisions, found.over, found.under, found.waits, found.short_waits + found.long_waits];
    let unknown = if found.unknown.is_empty() { "-".to_owned() } else { found.unknown.join(", ") };
    let mut row = vec![name.to_owned(), found.claim.clone(), verdict, unknown];
    row.extend(figures.map(count));
    row.push(format!("{:.3}", found.fairness));
    row
}

/// Of each limiter by its name, a row for every workload.
pub fn by_workload<'a>(found: impl Iterator<Item = (String, &'a Rightness)>) -> Table {
    let names = [
        "Limiter",
        "Workload",
        "Decisions",
        "Too many",
        "Too few",
        "Worst window",
        "Waits",
        "Too short",
        "By at most",
        "Too long",
        "Fairness",
    ];
    let row = |name: &str, it: &AtWorkload| {
        let [decisions, over, under, waits, short, long] =
            [it.decisions, it.over, it.under, it.waits, it.short_waits, it.long_waits].map(count);
        let window = format!("{} of {}", it.worst_window, it.worst_window_allowed);
        let fairness = format!("{:.3}", it.fairness);
        let by = if it.short_waits == 0 { "-".to_owned() } else { it.short_by.clone() };
        let (name, workload) = (name.to_owned(), it.workload.clone());
        vec![name, workload, decisions, over, under, window, waits, short, by, long, fairness]
    };
    let rows = found.flat_map(|(name, found)| found.by_workload.iter().map(move |it| row(&name, it)));
    Table { title: "How right, by workload", head: head(&names), words: 2, rows: rows.collect() }
}

/// What is wrong with whom, each with the first example.
pub fn mistakes(contenders: &[Contender]) -> Vec<String> {
    let of = |it: &Contender| {
        let examples = it.rightness.iter().flat_map(|found| &found.examples);
        examples.map(|example| format!("{}: {example}.", shown(it))).collect::<Vec<String>>()
    };
    contenders.iter().flat_map(of).collect()
}

pub fn memory(contenders: &[Contender]) -> Table {
    let with_keys: Vec<&Contender> = contenders.iter().filter(|it| it.many_keys).collect();
    let sizes = [100_000, 500_000, MANY, 1_500_000, 2_000_000];
    let bytes = |bytes: Option<f64>| bytes.map_or("-".to_owned(), tenths);
    let row = |it: &&Contender| {
        let sizes = sizes.map(|keys| bytes(it.bytes(keys)));
        std::iter::once(shown(it)).chain(sizes).chain([bytes(it.peak_bytes)]).collect()
    };
    Table {
        title: "Bytes for a key",
        head: std::iter::once("Limiter".to_owned())
            .chain(sizes.map(|keys| format!("{} keys", count(keys.into()))))
            .chain(["1,000,000 at the peak".to_owned()])
            .collect(),
        words: 1,
        rows: with_keys.iter().map(row).collect(),
    }
}
