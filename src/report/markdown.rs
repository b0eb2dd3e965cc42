//! `summary.md`: the run as a comment on a pull request.

use std::fmt::Write;

use super::triage::Triage;
use super::words::{self, Mark};
use super::{format, plan, text};
use crate::summary::Summary;
use crate::summary::finding::Finding;
use crate::summary::plan::Plan;

/// Findings and gates beyond this are only counted: a comment may have 65,536 characters at most.
const MOST_FINDINGS: usize = 12;
const MOST_ROWS: usize = 40;
/// Columns of one text.
const LONGEST: usize = 400;

/// The summary as GitHub-flavoured Markdown, with the answers of a plan.
pub fn render(summary: &Summary, plan: Option<&Plan>) -> String {
    let mut out = String::new();
    headline(&mut out, summary);
    answers(&mut out, plan);
    quotas(&mut out, summary);
    gates(&mut out, summary);
    findings(&mut out, summary);
    reproduction(&mut out, summary);
    out
}

fn headline(out: &mut String, summary: &Summary) {
    let mark = words::exit(summary.conclusion.exit);
    line(out, &format!("## {} {}: {}", mark.symbol, escape(&summary.run.name), mark.word));
    line(out, &format!("\n**{}**\n", escape(&summary.conclusion.headline)));
    if let Some(simulated) = words::simulated(summary.run.driver) {
        line(out, &format!("{simulated}\n"));
    }
    for reason in summary.conclusion.reasons.iter().take(MOST_FINDINGS) {
        line(out, &format!("- {}", escape(reason)));
    }
}

fn answers(out: &mut String, plan: Option<&Plan>) {
    let Some(plan) = plan else { return };
    for section in plan::sections(plan) {
        line(out, &format!("\n### {}\n", section.title));
        for sentence in &section.sentences {
            line(out, &format!("- {}", escape(sentence)));
        }
        for grid in &section.tables {
            line(out, &format!("\n{}:\n", grid.title));
            row(out, &grid.head.iter().map(|cell| escape(cell)).collect::<Vec<_>>());
            let rule = (0..grid.head.len()).map(|column| if column < grid.words { "---" } else { "---:" }.to_owned());
            row(out, &rule.collect::<Vec<_>>());
            for cells in grid.rows.iter().take(MOST_ROWS) {
                row(out, &cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>());
            }
            more(out, grid.rows.len(), MOST_ROWS);
        }
        line(out, &format!("\nMade by {} from {}.", code(&section.command), escape(&section.origin)));
    }
    line(out, "");
    for caveat in &plan.caveats {
        line(out, &format!("- {}", escape(caveat)));
    }
}

fn quotas(out: &mut String, summary: &Summary) {
    if summary.quotas.is_empty() {
        return;
    }
    line(out, "\n### Quotas\n");
    line(out, "| Class | Limit | Peak | Headroom | Verdict |");
    line(out, "|---|---|---:|---:|---|");
    for quota in summary.quotas.iter().take(MOST_ROWS) {
        let peak = quota.readings.first().map_or_else(|| "–".to_owned(), |used| words::peak(used, quota));
        let cells = [
            escape(&quota.class),
            escape(&quota.limit),
            peak,
            words::quota_headroom(quota),
            shown(words::safety(quota.safety)),
        ];
        row(out, &cells);
    }
    more(out, summary.quotas.len(), MOST_ROWS);
}

fn gates(out: &mut String, summary: &Summary) {
    if summary.gates.is_empty() {
        return;
    }
    line(out, "\n### Gates\n");
    line(out, "| Gate | Measured | Verdict |");
    line(out, "|---|---:|---|");
    for gate in summary.gates.iter().take(MOST_ROWS) {
        row(out, &[escape(&gate.gate), escape(&gate.measured), shown(words::gate(gate.verdict))]);
    }
    more(out, summary.gates.len(), MOST_ROWS);
}

fn findings(out: &mut String, summary: &Summary) {
    let triage = Triage::of(summary);
    let failed: Vec<&Finding> = triage.failed().collect();
    if !failed.is_empty() {
        line(out, "\n### What went wrong\n");
        failed.iter().take(MOST_FINDINGS).for_each(|finding| one_finding(out, finding));
        more(out, failed.len(), MOST_FINDINGS);
    }
    line(out, &format!("\n{}.", triage.tally()));
}

fn one_finding(out: &mut String, finding: &Finding) {
    let mark = words::finding(finding);
    let cases = words::cases(finding);
    let cases = if cases.is_empty() { cases } else { format!(" ({cases})") };
    line(
        out,
        &format!("- {} **{}**: {}{cases}", mark.symbol, escape(&words::title(finding)), escape(&finding.headline)),
    );
    if let Some(first) = finding.evidence.first() {
        let (at, device) = (format::moment(first.at_s), escape(&first.device));
        let (sent, received, why) = (code(&first.sent), code(&words::received(first)), escape(&first.why));
        line(out, &format!("  - first at {at} by {device}: {sent} → {received}: {why}"));
    }
    if let Some(saved) = finding.would_save {
        line(out, &format!("  - would save {}", format::plural(saved, "request")));
    }
    if !finding.remedy.is_empty() {
        line(out, &format!("  - **what to do:** {}", escape(&finding.remedy)));
    }
}

fn reproduction(out: &mut String, summary: &Summary) {
    let run = &summary.run;
    line(out, "\n### Run it again\n");
    line(out, &code(&run.command));
    let facts = [
        format!("quotaproof {}", escape(&run.version)),
        format!("seed {}", run.seed),
        format!("profile {}", code(&short(&run.profile_hash))),
        format!("policy {}", code(&short(&run.policy_hash))),
        format!("{}, {}", words::driver(run.driver), format::seconds(run.duration_s)),
        format!("started {}", escape(&run.started)),
    ];
    line(out, &format!("\n{}", facts.join(" · ")));
}

fn shown(mark: Mark) -> String {
    format!("{} {}", mark.symbol, mark.word)
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

fn row(out: &mut String, cells: &[String]) {
    line(out, &format!("| {} |", cells.join(" | ")));
}

fn more(out: &mut String, all: usize, shown: usize) {
    if all > shown {
        line(out, &format!("\n… and {} more in the report.", all - shown));
    }
}

fn line(out: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{line}");
}

/// Of bounded length, and harmless.
fn escape(raw: &str) -> String {
    escaped(&text::truncate(&text::clean(raw), LONGEST))
}

/// Text that Markdown leaves alone: no markup, no HTML, no mention of a person, no cell of a table ends early.
pub fn escaped(raw: &str) -> String {
    let raw = text::clean(raw);
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A code span that its content cannot leave. No table holds one, so a bar needs no care.
fn code(raw: &str) -> String {
    let raw = text::truncate(&text::clean(raw), LONGEST);
    let fence = "`".repeat(longest_run(&raw) + 1);
    let space = if raw.starts_with('`') || raw.ends_with('`') || raw.is_empty() { " " } else { "" };
    format!("{fence}{space}{raw}{space}{fence}")
}

/// A block of code, line breaks kept, that its content cannot leave.
pub fn fenced(raw: &str) -> String {
    let raw = text::harmless(raw);
    let fence = "`".repeat((longest_run(&raw) + 1).max(3));
    format!("{fence}\n{raw}\n{fence}\n")
}

/// The most backticks in a row.
fn longest_run(raw: &str) -> usize {
    raw.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_passing_run_reads_well() {
        insta::assert_snapshot!(render(&sample::passing(), None));
    }

    #[test]
    fn a_failing_run_names_cause_evidence_and_remedy() {
        insta::assert_snapshot!(render(&sample::failing(), None));
    }

    #[test]
    fn an_interrupted_run_claims_nothing() {
        insta::assert_snapshot!(render(&sample::interrupted(), None));
    }

    #[test]
    fn a_plan_answers_what_was_asked() {
        insta::assert_snapshot!(render(&sample::passing(), Some(&sample::plan::plan())));
    }

    #[test]
    fn markup_mentions_and_html_stay_text() {
        let text = render(&sample::hostile(), Some(&sample::plan::hostile()));
        for absent in ["<script", "<img", "<b>", "@everyone", "\u{202e}", "\u{1b}", "[link]("] {
            let outside_code: String = text.lines().filter(|line| !line.contains('`')).collect();
            assert!(!outside_code.contains(absent), "{absent} in {text}");
        }
        assert!(text.contains("a \\| b \\| c second line"));
        assert!(text.contains("````quotaproof run ``` '; rm -rf / #' <b>````"), "{text}");
    }

    #[test]
    fn a_comment_is_never_too_long_to_post() {
        let mut summary = sample::hostile();
        let finding = Finding { remedy: "remedy ".repeat(9_999), ..summary.findings[0].clone() };
        summary.findings = vec![finding; 5_000];
        summary.gates = vec![summary.gates[0].clone(); 5_000];
        summary.quotas = vec![summary.quotas[0].clone(); 5_000];
        summary.conclusion.reasons = vec!["reason ".repeat(100); 5_000];
        let text = render(&summary, None);
        assert!(text.chars().count() < 65_536, "{}", text.chars().count());
        assert!(text.contains("… and 4988 more in the report."));
    }
}
