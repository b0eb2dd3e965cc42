//! What the page shows, in words and numbers ready to print.

use super::chart::percentile;
use super::format::{self, count, percent};
use super::words::{self, Mark};
use crate::summary::finding::Finding;
use crate::summary::{
    ClassFigures, Driver, GateResult, HarnessInfo, QuotaUse, RateSpread, ReadingUse, RunInfo, Summary,
};

/// A quota with one bar per reading.
pub struct QuotaRow {
    pub class: String,
    pub limit: String,
    pub mark: Mark,
    pub headroom: String,
    /// Who used most of it, and how many share it.
    pub detail: String,
    pub bars: Vec<Bar>,
}

/// The peak under one reading.
pub struct Bar {
    pub reading: &'static str,
    pub peak: String,
    /// When the peak was, and how many requests went beyond the limit.
    pub detail: String,
    /// Percent of the bar's full width.
    pub width: String,
    pub over: bool,
    /// The peak does not fit: the bar is cut.
    pub cut: bool,
}

pub struct FindingRow<'a> {
    pub finding: &'a Finding,
    pub mark: Mark,
    pub party: &'static str,
    pub cases: String,
    pub would_save: Option<String>,
    /// When each request of the evidence was sent.
    pub moments: Vec<String>,
    /// What came back for each.
    pub received: Vec<String>,
}

pub struct GateRow<'a> {
    pub gate: &'a GateResult,
    pub mark: Mark,
}

/// A table of the page.
pub struct TableView {
    pub title: &'static str,
    pub note: &'static str,
    /// Shown without asking.
    pub open: bool,
    /// How many columns hold words; the others hold numbers.
    pub words: usize,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// How far an interrupted run came.
fn interrupted(run: &RunInfo, ran: &str, planned: &str) -> String {
    match run.devices_played {
        None | Some(0) => format!("{ran} of {planned}, interrupted"),
        Some(played) => format!("{ran}, interrupted when {} had been played", format::plural(played, "device")),
    }
}

impl<'a> FindingRow<'a> {
    pub fn of(finding: &'a Finding) -> Self {
        FindingRow {
            finding,
            mark: words::finding(finding),
            party: words::party(finding.party),
            cases: words::cases(finding),
            would_save: finding.would_save.map(|saved| format::plural(saved, "request")),
            moments: finding.evidence.iter().map(|evidence| format::moment(evidence.at_s)).collect(),
            received: finding.evidence.iter().map(words::received).collect(),
        }
    }
}

impl<'a> GateRow<'a> {
    pub fn of(gate: &'a GateResult) -> Self {
        GateRow { gate, mark: words::gate(gate.verdict) }
    }
}

/// The run in a few facts.
pub fn facts(summary: &Summary) -> Vec<(&'static str, String)> {
    let run = &summary.run;
    let (ran, planned) = (format::seconds(run.duration_s), format::seconds(run.planned_s));
    let took = match (run.interrupted, run.gave_up) {
        (true, _) => interrupted(run, &ran, &planned),
        (false, true) => format!("{ran} of {planned}, given up"),
        // Nobody waits for simulated answers.
        (false, false) if run.driver == Driver::Virtual => planned,
        (false, false) => ran,
    };
    let requests: u64 = summary.classes.iter().map(|class| class.requests).sum();
    vec![
        ("Target", run.target.clone()),
        ("Policy", summary.policy.title.clone()),
        ("Started", run.started.clone()),
        (if run.driver == Driver::Virtual { "Simulated time" } else { "Took" }, took),
        ("Driver", words::driver(run.driver).to_owned()),
        ("Fleet", format::plural(summary.device_count(), "device")),
        ("Requests", count(requests)),
        ("Exit code", summary.conclusion.exit_code.to_string()),
    ]
}

/// One scale for all bars, so that the limits stand below each other: at least a fifth beyond the limit, at most three
/// times the limit; what is larger is cut.
fn full_bar(summary: &Summary) -> f64 {
    let peaks = summary.quotas.iter().flat_map(|quota| quota.readings.iter().map(|used| of_limit(used, quota)));
    peaks.fold(1.2, f64::max).min(3.0)
}

/// Where the limit stands, in percent of a bar's full width.
pub fn limit_at(summary: &Summary) -> String {
    format!("{:.2}", 100.0 / full_bar(summary))
}

pub fn quotas(summary: &Summary) -> Vec<QuotaRow> {
    let full = full_bar(summary);
    summary.quotas.iter().map(|quota| quota_row(quota, full)).collect()
}

fn quota_row(quota: &QuotaUse, full: f64) -> QuotaRow {
    let detail = match &quota.busiest {
        Some(busiest) => format!(
            "{}{} counted for {} ({}), the highest peak by {busiest}",
            format::plural(quota.requests, "request"),
            retries(quota),
            format::plural(quota.keys, "key"),
            quota.scope,
        ),
        None => "No request was counted against this limit.".to_owned(),
    };
    QuotaRow {
        class: quota.class.clone(),
        limit: quota.limit.clone(),
        mark: words::safety(quota.safety),
        headroom: words::headroom(quota.headroom),
        detail,
        bars: bars(quota, full),
    }
}

/// `, 12 of them retries`, where there were any.
fn retries(quota: &QuotaUse) -> String {
    match (quota.retries, quota.first_attempts_peak) {
        (0, _) => String::new(),
        (retries, None) => format!(", {} of them retries,", count(retries)),
        (retries, Some(alone)) => {
            format!(", {} of them retries (first attempts alone peak at {}),", count(retries), count(alone.into()))
        }
    }
}

/// One bar per reading, or a single one where all of them come to the same.
fn bars(quota: &QuotaUse, full: f64) -> Vec<Bar> {
    let figures = |used: &ReadingUse| (used.peak, used.at_least, used.over);
    match quota.readings.as_slice() {
        [first, second, rest @ ..]
            if std::iter::once(second).chain(rest).all(|used| figures(used) == figures(first)) =>
        {
            vec![Bar { reading: "every reading", ..bar(first, quota, full) }]
        }
        readings => readings.iter().map(|used| bar(used, quota, full)).collect(),
    }
}

fn bar(used: &ReadingUse, quota: &QuotaUse, full: f64) -> Bar {
    let share = of_limit(used, quota);
    let at = format::seconds(used.peak_at_s);
    let over = if used.over > 0 { format!(", {} too many", count(used.over)) } else { String::new() };
    Bar {
        reading: words::reading(used.reading),
        peak: words::peak(used, quota),
        detail: format!("{} at {at}{over}", percent(share)),
        width: format!("{:.2}", (share / full).min(1.0) * 100.0),
        over: share > 1.0,
        cut: share > full,
    }
}

fn of_limit(used: &ReadingUse, quota: &QuotaUse) -> f64 {
    f64::from(used.peak) / f64::from(quota.allow.max(1))
}

/// Classes whose latency there is no chart of.
pub fn unanswered(summary: &Summary) -> Vec<&str> {
    let silent = |class: &&ClassFigures| class.latency.values().all(|l| l.from_due.count + l.from_sent.count == 0);
    summary.classes.iter().filter(silent).map(|class| class.class.as_str()).collect()
}

pub fn latency_table(summary: &Summary) -> TableView {
    let rows = summary.classes.iter().flat_map(|class| {
        percentile::outcomes(class).into_iter().flat_map(move |(outcome, latency)| {
            [("due", &latency.from_due), ("sent", &latency.from_sent)].map(|(from, quantiles)| {
                let mut row = vec![class.class.clone(), outcome.to_owned(), from.to_owned()];
                row.extend(percentile::figures(quantiles));
                row
            })
        })
    });
    TableView {
        title: "Latency in figures",
        note: "",
        open: true,
        words: 3,
        head: ["class", "outcome", "from"].into_iter().chain(percentile::FIGURES).collect(),
        rows: rows.collect(),
    }
}

/// Limits that nothing was counted against.
pub fn unused(summary: &Summary) -> Vec<String> {
    let unused = summary.quotas.iter().filter(|quota| quota.readings.is_empty());
    unused.map(|quota| format!("{} ({})", quota.class, quota.limit)).collect()
}

pub fn traffic_tables(summary: &Summary) -> Vec<TableView> {
    vec![
        class_table(summary),
        stream_table(summary),
        logical_table(summary),
        rate_table(summary),
        operation_table(summary),
    ]
}

/// With those that were answered 304, where there are any.
fn served_text(class: &ClassFigures) -> String {
    match class.unchanged {
        0 => count(class.served),
        unchanged => format!("{} (304: {})", count(class.served), count(unchanged)),
    }
}

fn class_table(summary: &Summary) -> TableView {
    let row = |class: &ClassFigures| {
        let failed = class.failed.iter().map(|(kind, number)| (kind.clone(), *number));
        let other = class.other_status.iter().map(|(status, number)| (status.to_string(), *number));
        vec![
            class.class.clone(),
            count(class.requests),
            served_text(class),
            with_share(class.refused, class.refused_ratio),
            with_share(class.overloaded, class.overloaded_ratio),
            by_kind(other),
            by_kind(failed),
            count(class.cancelled),
            by_kind(class.dropped.iter().map(|(reason, number)| (reason.clone(), *number))),
        ]
    };
    TableView {
        title: "Requests by class",
        note: "Abandoned requests were cut off by the fleet itself, in a blackout or at the end. Dropped ones were due and not sent. Redirects are not followed.",
        open: true,
        words: 1,
        head: vec!["class", "requests", "served", "429", "503", "other status", "failed", "abandoned", "dropped"],
        rows: summary.classes.iter().map(row).collect(),
    }
}

fn stream_table(summary: &Summary) -> TableView {
    let opened = summary.classes.iter().filter(|class| !class.streams.ended.is_empty());
    let row = |class: &ClassFigures| {
        let ended = &class.streams.ended;
        let by_server = ended.iter().filter(|(kind, _)| *kind != "device");
        vec![
            class.class.clone(),
            count(ended.values().sum()),
            count(class.streams.frames),
            count(ended.get("device").copied().unwrap_or(0)),
            by_kind(by_server.map(|(kind, number)| (kind.replace("server_", "closed with code "), *number))),
        ]
    };
    TableView {
        title: "Streams",
        note: "Those that were opened; a handshake that was turned away stands among the requests above.",
        open: false,
        words: 1,
        head: vec!["class", "opened", "frames", "closed by the fleet", "ended by the server"],
        rows: opened.map(row).collect(),
    }
}

fn logical_table(summary: &Summary) -> TableView {
    let row = |class: &ClassFigures| {
        let amplification =
            class.amplification.map_or_else(|| "–".to_owned(), |ratio| format!("{}×", format::compact(ratio)));
        vec![class.class.clone(), count(class.logical), count(class.given_up), amplification, count(class.cache_hits)]
    };
    TableView {
        title: "Operations, retries and caching",
        note: "Amplification is how many requests one operation took.",
        open: false,
        words: 1,
        head: vec!["class", "operations", "given up", "amplification", "answered from cache"],
        rows: summary.classes.iter().map(row).collect(),
    }
}

fn rate_table(summary: &Summary) -> TableView {
    let row = |class: &ClassFigures, status: &str, spread: &RateSpread| {
        let affected = format!("{} of {}", count(spread.nonzero_seconds), count(spread.seconds));
        let mut row = vec![format!("{}, {status}", class.class), affected, format::compact(spread.mean)];
        row.extend([spread.p50, spread.p90, spread.p99, spread.max].map(count));
        row
    };
    let rows = summary.classes.iter().flat_map(|class| {
        let both = [("429", &class.refused_per_second), ("503", &class.overloaded_per_second)];
        both.into_iter().filter(|(_, spread)| spread.max > 0).map(move |(status, spread)| row(class, status, spread))
    });
    TableView {
        title: "Refusals and overload answers per second",
        note: "Over the seconds of the run; classes without any are left out.",
        open: false,
        words: 1,
        head: vec!["class", "seconds affected", "mean", "p50", "p90", "p99", "max"],
        rows: rows.collect(),
    }
}

fn operation_table(summary: &Summary) -> TableView {
    let rows = summary.classes.iter().flat_map(|class| {
        class.operations.iter().map(move |operation| {
            let numbers = [operation.requests, operation.served, operation.refused].map(count);
            let mut row = vec![operation.operation.clone(), class.class.clone()];
            row.extend(numbers);
            row
        })
    });
    TableView {
        title: "Requests by operation",
        note: "",
        open: false,
        words: 2,
        head: vec!["operation", "class", "requests", "served", "429"],
        rows: rows.collect(),
    }
}

/// The harness's own figures. A simulation has next to none.
pub fn harness(summary: &Summary) -> Vec<(&'static str, String)> {
    let harness = &summary.harness;
    if summary.run.driver == Driver::Virtual {
        // Parts that were played apart peak at different moments.
        let most = format::plural(harness.in_flight_peak, "request");
        return vec![("Most in flight", format!("at most {most}"))];
    }
    let lateness = &harness.lateness;
    let late = match lateness.count {
        0 => "no data".to_owned(),
        _ => format!(
            "p50 {}, p99 {}, max {}",
            format::millis(lateness.p50),
            format::millis(lateness.p99),
            format::millis(lateness.max)
        ),
    };
    let mut facts = vec![
        ("Lateness", late),
        ("Skipped because late", format::plural(harness.missed, "request")),
        ("Shards", count(harness.shards.into())),
        ("Connections", count(harness.connections)),
        ("Most in flight", in_flight(harness)),
    ];
    facts.extend(words::memory(summary).map(|memory| ("Peak memory", memory)));
    facts
}

/// Shards count apart, and peak at different moments.
fn in_flight(harness: &HarnessInfo) -> String {
    let at_most = if harness.shards > 1 { "at most " } else { "" };
    format!("{at_most}{}", format::plural(harness.in_flight_peak, "request"))
}

fn with_share(number: u64, share: Option<f64>) -> String {
    match share {
        Some(share) if number > 0 => format!("{} ({})", count(number), percent(share)),
        _ => count(number),
    }
}

/// `0`, or `timeout 2, reset 1`.
fn by_kind(kinds: impl Iterator<Item = (String, u64)>) -> String {
    let parts: Vec<String> =
        kinds.filter(|(_, number)| *number > 0).map(|(kind, number)| format!("{kind} {}", count(number))).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(", ") }
}
