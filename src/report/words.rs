//! One wording for all outputs: what a verdict is called, its mark and its tone.

use crate::exit::Exit;
use crate::policy::reading::Reading;
use crate::summary::finding::{Evidence, Finding, Party, Severity, Verdict};
use crate::summary::{Driver, QuotaUse, ReadingUse, Safety, Summary};
use crate::words::part_of;

use super::format;

/// How good the news is. Always shown together with a word and a symbol, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Warn,
    Muted,
}

impl Tone {
    /// Name of the tone in the page's style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Warn => "warn",
            Tone::Muted => "muted",
        }
    }
}

/// A verdict as shown: `✓ pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub symbol: &'static str,
    pub word: &'static str,
    pub tone: Tone,
}

const fn mark(symbol: &'static str, word: &'static str, tone: Tone) -> Mark {
    Mark { symbol, word, tone }
}

/// How the run ended.
pub fn exit(exit: Exit) -> Mark {
    match exit {
        Exit::Pass => mark("✓", "passed", Tone::Good),
        Exit::Fail => mark("✗", "failed", Tone::Bad),
        Exit::Usage => mark("✗", "wrong usage", Tone::Bad),
        Exit::Unreachable => mark("✗", "target unreachable", Tone::Bad),
        Exit::Invalid => mark("?", "proves nothing", Tone::Warn),
        Exit::Internal => mark("✗", "internal error", Tone::Bad),
        Exit::Interrupted => mark("!", "interrupted", Tone::Warn),
    }
}

pub fn verdict(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Pass => mark("✓", "pass", Tone::Good),
        Verdict::Fail => mark("✗", "fail", Tone::Bad),
        Verdict::Inconclusive => mark("?", "inconclusive", Tone::Warn),
        Verdict::Undocumented => mark("–", "undocumented", Tone::Muted),
        Verdict::NoData => mark("–", "no data", Tone::Muted),
    }
}

/// Like [`verdict`], but a recommendation that was not followed is no failure of the run.
pub fn finding(finding: &Finding) -> Mark {
    match (finding.verdict, finding.severity) {
        (Verdict::Fail, Severity::Advice) => mark("!", "advice", Tone::Warn),
        (other, _) => verdict(other),
    }
}

/// A gate that saw no data does not pass.
pub fn gate(outcome: Verdict) -> Mark {
    match outcome {
        Verdict::NoData => mark("✗", "no data", Tone::Bad),
        other => verdict(other),
    }
}

pub fn safety(safety: Safety) -> Mark {
    match safety {
        Safety::Safe => mark("✓", "within the limit", Tone::Good),
        Safety::DependsOnReading => mark("?", "depends on the reading", Tone::Warn),
        Safety::Over => mark("✗", "over the limit", Tone::Bad),
        Safety::Unproven => mark("?", "unproven", Tone::Warn),
        Safety::NoData => mark("–", "no data", Tone::Muted),
    }
}

pub fn party(party: Party) -> &'static str {
    match party {
        Party::Fleet => "fleet",
        Party::Server => "server",
        Party::Client => "client",
    }
}

pub fn driver(driver: Driver) -> &'static str {
    match driver {
        Driver::Live => "live, over real sockets",
        Driver::Virtual => "simulated time",
    }
}

/// What is said of a simulation before anything else.
pub fn simulated(driver: Driver) -> Option<&'static str> {
    match driver {
        Driver::Live => None,
        Driver::Virtual => Some(
            "Simulated: no request was sent to any server. What is said of the server is said of the policy's limits as \
             they were simulated.",
        ),
    }
}

pub fn reading(reading: Option<Reading>) -> &'static str {
    reading.map_or("open at once", Reading::title)
}

/// `58 of 60`; where counting ended, `4 times 60, or more`.
pub fn peak(used: &ReadingUse, quota: &QuotaUse) -> String {
    let (peak, allow) = (format::count(used.peak.into()), format::count(quota.allow.into()));
    match used.peak.checked_div(quota.allow).filter(|_| used.at_least) {
        Some(times) if times > 1 && times * quota.allow == used.peak => format!("{times} times {allow}, or more"),
        Some(_) => format!("at least {peak} of {allow}"),
        None => format!("{peak} of {allow}"),
    }
}

/// The headroom of a quota as [`headroom`] writes it; where counting ended, no more is claimed than was counted.
pub fn quota_headroom(quota: &QuotaUse) -> String {
    let counted_to_the_end = quota.readings.first().is_none_or(|used| !used.at_least);
    let text = headroom(quota.headroom);
    if counted_to_the_end { text } else { format!("{text}, or more") }
}

/// `3.3% unused`, `40% over`, `no data`.
pub fn headroom(headroom: Option<f64>) -> String {
    match headroom {
        None => "no data".to_owned(),
        Some(share) if share < 0.0 => format!("{} over", format::percent(-share)),
        Some(share) => format!("{} unused", format::percent(share)),
    }
}

/// `103 MiB, 51 KiB for each device, the embedded server included`; None where the system does not tell.
pub fn memory(summary: &Summary) -> Option<String> {
    let peak = summary.harness.peak_memory_bytes?;
    let each =
        peak.checked_div(summary.device_count()).map(|each| format!(", {} for each device", format::bytes(each)));
    let server = if summary.harness.embedded_server { ", the embedded server included" } else { "" };
    Some(format!("{}{}{server}", format::bytes(peak), each.unwrap_or_default()))
}

/// What the harness itself did, in one line: `p99 lateness 0.3 ms, memory 103 MiB, …`.
pub fn harness(summary: &Summary) -> String {
    let lateness = &summary.harness.lateness;
    let late = if lateness.count == 0 { "no data".to_owned() } else { format::millis(lateness.p99) };
    let memory = memory(summary).map(|memory| format!(", memory {memory}")).unwrap_or_default();
    format!("p99 lateness {late}{memory}")
}

/// What came back, in one line: status, telling headers and body, `429 · retry-after: 3 · {"code":5001}`. That a body is
/// JSON it shows itself.
pub fn received(evidence: &Evidence) -> String {
    let (head, body) = evidence.received.split_once("\n\n").unwrap_or((&evidence.received, ""));
    let told = |line: &&str| !line.starts_with("content-type: application/json") && !line.is_empty();
    head.lines().chain([body]).filter(told).collect::<Vec<_>>().join(" · ")
}

/// Check and subject in one: `fleet.quota (queries)`, or the check alone when it is about the whole run.
pub fn title(finding: &Finding) -> String {
    if finding.subject.is_empty() { finding.check.clone() } else { format!("{} ({})", finding.check, finding.subject) }
}

/// `12 of 3,400 cases`; empty if nothing was looked at.
pub fn cases(finding: &Finding) -> String {
    match finding.looked_at {
        0 => String::new(),
        looked_at if finding.verdict == Verdict::Fail => part_of(finding.wrong, looked_at, "case"),
        looked_at => format::plural(looked_at, "case"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn an_answer_reads_in_one_line() {
        let line = |received: &str| {
            let mut evidence = sample::failing().findings.iter().find_map(|it| it.evidence.first().cloned()).unwrap();
            evidence.received = received.to_owned();
            super::received(&evidence)
        };
        let whole = "429\nretry-after: 3\ncontent-type: application/json; charset=utf-8\n\n{\"code\":5001}";
        assert_eq!(line(whole), "429 · retry-after: 3 · {\"code\":5001}");
        assert_eq!(line("502\ncontent-type: text/html\n\n<p>"), "502 · content-type: text/html · <p>");
        assert_eq!(line("connection lost"), "connection lost");
    }

    #[test]
    fn memory_is_shared_out_among_the_devices() {
        let mut summary = sample::passing();
        summary.harness.peak_memory_bytes = Some(103 << 20);
        summary.fleet.truncate(1);
        summary.fleet[0].devices = 2_068;
        assert_eq!(memory(&summary).unwrap(), "103 MiB, 51 KiB for each device, the embedded server included");
        summary.harness.embedded_server = false;
        summary.fleet.clear();
        assert_eq!(memory(&summary).unwrap(), "103 MiB");
        summary.harness.peak_memory_bytes = None;
        assert_eq!(memory(&summary), None);
    }
}
