//! The verdict on the terminal: what happened, why, what to do, where the report is.

use std::ffi::OsStr;
use std::path::Path;

use super::format;
use super::plan::{self, Grid};
use super::text::{self, Align};
use super::triage::Triage;
use super::words::{self, Mark, Tone};
use crate::summary::finding::Finding;
use crate::summary::plan::Plan;
use crate::summary::{Driver, QuotaUse, Safety, Summary};

/// Nothing is wider.
const COLUMNS: usize = 100;
const INDENT: &str = "  ";
const MOST_FINDINGS: usize = 6;

/// Whether to colour: only a terminal, and not if `NO_COLOR` is set to anything but nothing (no-color.org).
pub fn wants_colour(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// How the verdict is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colour: bool,
    /// Cut tables to the terminal's width. Logs and files have room for all of them.
    pub narrow: bool,
}

/// The summary as lines of at most 100 columns; `report` is the page to open for more.
pub fn render(summary: &Summary, report: Option<&Path>, style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    verdict(&mut page, summary);
    quotas(&mut page, summary);
    gates(&mut page, summary);
    findings(&mut page, summary);
    closing(&mut page, summary, report);
    page.out
}

/// The answers of a plan, as lines of at most 100 columns where that is asked for.
pub fn answers(plan: &Plan, style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    for section in plan::sections(plan) {
        page.heading(section.title);
        section.sentences.iter().for_each(|sentence| page.paragraph("  - ", sentence));
        section.tables.iter().for_each(|grid| page.grid(grid));
    }
    page.line("");
    plan.caveats.iter().for_each(|caveat| page.paragraph(INDENT, caveat));
    page.out
}

struct Page {
    out: String,
    style: Style,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        let heading = self.styled(heading, "1");
        self.line("");
        self.line(&heading);
    }

    /// Text wrapped under a first line's start; the following lines are indented by its width.
    fn paragraph(&mut self, start: &str, body: &str) {
        self.painted_paragraph(start, start, body);
    }

    /// Like `paragraph`; `painted` is the start with colours.
    fn painted_paragraph(&mut self, start: &str, painted: &str, body: &str) {
        let room = COLUMNS - text::width(start);
        for (index, line) in text::wrap(&text::clean(body), room).iter().enumerate() {
            let space = " ".repeat(text::width(start));
            let start = if index == 0 { painted } else { &space };
            self.line(&format!("{start}{line}"));
        }
    }

    /// A table whose first column is the row's mark.
    fn table(&mut self, head: &[&str], marks: &[Mark], rows: Vec<Vec<String>>, align: &[Align]) {
        let clean = |row: Vec<String>| row.iter().map(|cell| text::clean(cell)).collect();
        let head = head.iter().map(|&cell| cell.to_owned()).collect();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows.into_iter().map(clean)).collect();
        let room = if self.style.narrow { COLUMNS - 2 * INDENT.len() } else { usize::MAX };
        let lines = text::table(&rows, align, room);
        for (index, line) in lines.iter().enumerate() {
            let symbol = match index.checked_sub(1) {
                Some(row) => self.symbol(marks[row]),
                None => " ".to_owned(),
            };
            let line = if index == 0 { self.styled(line, "2") } else { line.clone() };
            self.line(&format!("{INDENT}{symbol} {line}"));
        }
    }

    /// A table of an answer, under its title.
    fn grid(&mut self, grid: &Grid) {
        let clean = |row: &Vec<String>| row.iter().map(|cell| text::clean(cell)).collect();
        let rows: Vec<Vec<String>> = std::iter::once(&grid.head).chain(&grid.rows).map(clean).collect();
        let align = |column| if column < grid.words { Align::Left } else { Align::Right };
        let align: Vec<Align> = (0..grid.head.len()).map(align).collect();
        let room = if self.style.narrow { COLUMNS - INDENT.len() } else { usize::MAX };
        self.line("");
        self.line(&format!("{INDENT}{}:", grid.title));
        for (index, line) in text::table(&rows, &align, room).iter().enumerate() {
            let line = if index == 0 { self.styled(line, "2") } else { line.clone() };
            self.line(&format!("{INDENT}{line}"));
        }
    }

    fn symbol(&self, mark: Mark) -> String {
        self.toned(mark.symbol, mark.tone)
    }

    fn toned(&self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Muted => "2",
        };
        self.styled(text, code)
    }

    fn styled(&self, text: &str, code: &str) -> String {
        if self.style.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn verdict(page: &mut Page, summary: &Summary) {
    let mark = words::exit(summary.conclusion.exit);
    let start = format!("{} {} ", mark.symbol, mark.word.to_uppercase());
    let painted = page.toned(&start, mark.tone);
    page.painted_paragraph(&start, &painted, &summary.conclusion.headline);
    if let Some(simulated) = words::simulated(summary.run.driver) {
        page.paragraph(INDENT, simulated);
    }
    for reason in &summary.conclusion.reasons {
        page.paragraph("  - ", reason);
    }
}

fn quotas(page: &mut Page, summary: &Summary) {
    if summary.quotas.is_empty() {
        return;
    }
    page.heading("Quotas (peak and headroom under the strictest reading)");
    let marks: Vec<Mark> = summary.quotas.iter().map(|quota| words::safety(quota.safety)).collect();
    let row = |quota: &QuotaUse| {
        let peak = quota.readings.first().map_or_else(|| "-".to_owned(), |used| words::peak(used, quota));
        let some = if quota.safety == Safety::DependsOnReading { " in some readings" } else { "" };
        vec![quota.class.clone(), quota.limit.clone(), peak, format!("{}{some}", words::quota_headroom(quota))]
    };
    let align = [Align::Left, Align::Left, Align::Right, Align::Left];
    let rows = summary.quotas.iter().map(row).collect();
    page.table(&["class", "limit", "peak", "headroom"], &marks, rows, &align);
}

fn gates(page: &mut Page, summary: &Summary) {
    if summary.gates.is_empty() {
        return;
    }
    page.heading("Gates");
    let marks: Vec<Mark> = summary.gates.iter().map(|gate| words::gate(gate.verdict)).collect();
    let rows = summary
        .gates
        .iter()
        .map(|gate| vec![gate.gate.clone(), gate.measured.clone(), words::gate(gate.verdict).word.to_owned()]);
    page.table(&["gate", "measured", "verdict"], &marks, rows.collect(), &[Align::Left, Align::Right, Align::Left]);
}

fn findings(page: &mut Page, summary: &Summary) {
    let triage = Triage::of(summary);
    let failed: Vec<&Finding> = triage.failed().collect();
    if !failed.is_empty() {
        page.heading("What went wrong");
        failed.iter().take(MOST_FINDINGS).for_each(|finding| one_finding(page, finding));
        if failed.len() > MOST_FINDINGS {
            page.line(&format!("{INDENT}… and {} more in the report", failed.len() - MOST_FINDINGS));
        }
    }
    page.line("");
    page.line(&triage.tally());
}

fn one_finding(page: &mut Page, finding: &Finding) {
    let mark = words::finding(finding);
    let start = format!("{INDENT}{} ", mark.symbol);
    let painted = format!("{INDENT}{} ", page.symbol(mark));
    page.painted_paragraph(&start, &painted, &format!("{}: {}", words::title(finding), finding.headline));
    page.paragraph("      ", &finding.explanation);
    if let Some(first) = finding.evidence.first() {
        let at = format::moment(first.at_s);
        let received = words::received(first);
        let seen = format!("{at}, {}: {} -> {received}: {}", first.device, first.sent, first.why);
        page.paragraph("      first: ", &seen);
    }
    if let Some(saved) = finding.would_save {
        page.paragraph("      would save: ", &format::plural(saved, "request"));
    }
    page.paragraph("      what to do: ", &finding.remedy);
}

fn closing(page: &mut Page, summary: &Summary, report: Option<&Path>) {
    let run = &summary.run;
    page.line("");
    if let Some(report) = report {
        // Not wrapped: a path must stay whole to be opened.
        page.line(&format!("report:  {}", text::clean(&report.display().to_string())));
    }
    page.line(&format!("again:   {}", text::clean(&run.command)));
    let hash = |hash: &str| text::clean(hash).chars().take(12).collect::<String>();
    let (profile, policy) = (hash(&run.profile_hash), hash(&run.policy_hash));
    if run.driver == Driver::Live {
        page.paragraph("harness: ", &words::harness(summary));
    }
    page.paragraph(
        "run:     ",
        &format!("seed {}, profile {profile}, policy {policy}, quotaproof {}", run.seed, run.version),
    );
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn shown(summary: &Summary) -> String {
        styled(summary, Style { colour: false, narrow: true })
    }

    fn styled(summary: &Summary, style: Style) -> String {
        render(summary, Some(Path::new("reports/tellus-depot-20260315T103000Z/report.html")), style)
    }

    #[test]
    fn a_log_shows_gates_in_full() {
        let mut summary = sample::passing();
        let gate = format!("latency p99 of {} at most 250ms", "queries".repeat(30));
        summary.gates[0].gate = gate.clone();
        assert!(styled(&summary, Style { colour: false, narrow: false }).contains(&gate));
        assert!(!shown(&summary).contains(&gate));
    }

    #[test]
    fn a_passing_run_reads_well() {
        insta::assert_snapshot!(shown(&sample::passing()));
    }

    #[test]
    fn a_failing_run_says_why_and_what_to_do() {
        insta::assert_snapshot!(shown(&sample::failing()));
    }

    #[test]
    fn an_interrupted_run_claims_nothing() {
        insta::assert_snapshot!(shown(&sample::interrupted()));
    }

    #[test]
    fn a_plan_answers_what_was_asked() {
        insta::assert_snapshot!(answers(&sample::plan::plan(), Style { colour: false, narrow: false }));
    }

    #[test]
    fn answers_fit_a_terminal_and_do_not_steer_it() {
        for plan in [sample::plan::plan(), sample::plan::hostile()] {
            let out = answers(&plan, Style { colour: false, narrow: true });
            out.lines().for_each(|line| assert!(text::width(line) <= COLUMNS, "{line}"));
            assert!(out.chars().all(|c| c == '\n' || !c.is_control()) && !out.contains('\u{202e}'));
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_steers_it() {
        for (name, summary) in sample::all() {
            let out = shown(&summary);
            for line in out.lines().filter(|line| !line.starts_with("report:") && !line.starts_with("again:")) {
                assert!(text::width(line) <= COLUMNS, "{name}: {line}");
            }
            assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
            assert!(!out.contains('\u{202e}'), "{name}");
        }
    }

    #[test]
    fn colour_changes_the_looks_and_not_a_word() {
        let plain = shown(&sample::failing());
        let coloured = styled(&sample::failing(), Style { colour: true, narrow: true });
        let mut stripped = coloured.clone();
        for code in ["0", "1", "2", "31", "32", "33"] {
            stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_ne!(coloured, plain);
        assert_eq!(stripped, plain);
    }

    #[test]
    fn colour_is_for_terminals_that_do_not_decline_it() {
        assert!(wants_colour(true, None));
        assert!(wants_colour(true, Some(OsStr::new(""))));
        assert!(!wants_colour(true, Some(OsStr::new("1"))));
        assert!(!wants_colour(false, None));
    }
}
