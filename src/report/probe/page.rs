//! `index.html` of a probe: what is wrong, what proves it, and how to see it again; one page without scripts.

use askama::Template;

use super::sequence::{self, Group};
use super::timeline;
use crate::exit::Exit;
use crate::policy::matching::bare_path;
use crate::probe::account::{Account, Proof};
use crate::probe::outcome::{Comparison, DOCUMENTED_LIMITER, Verdict};
use crate::probe::silences;
use crate::report::chart::{Body, Figure};
use crate::report::view::FindingRow;
use crate::report::words::{self, Mark, Tone};
use crate::report::{format, text};
use crate::summary::finding::{self, Finding, Severity};

#[derive(Template)]
#[template(path = "probe.html", config = "src/report/askama.toml")]
struct Page<'a> {
    account: &'a Account,
    style: &'static str,
    verdict: Mark,
    headline: String,
    reasons: Vec<String>,
    facts: Vec<(&'static str, String)>,
    /// What is documented, beside what was measured.
    rows: Vec<Row<'a>>,
    /// What the documents are silent on.
    silent: Vec<Row<'a>>,
    silences: Vec<silences::Group<'a>>,
    measured_mark: Mark,
    open_mark: Mark,
    /// Promises that are broken, each with the sequence that shows it.
    broken: Vec<(FindingRow<'a>, Vec<Shown<'a>>)>,
    /// All others, worst first.
    kept: Vec<(Mark, &'a Finding)>,
    not_tried: Vec<&'a str>,
    /// Titles, percents, and widths of their bars.
    families: Vec<(&'a str, String, String)>,
    figures: Vec<Figure>,
    source: Option<&'a str>,
}

struct Row<'a> {
    comparison: &'a Comparison,
    mark: Mark,
    proofs: Vec<Shown<'a>>,
}

struct Shown<'a> {
    claim: &'a str,
    client: String,
    left_out: usize,
    steps: Vec<Step>,
    curl: String,
}

struct Step {
    at: String,
    sent: String,
    came_back: String,
    decides: bool,
}

impl Page<'_> {
    fn charts(&self) -> usize {
        self.figures.iter().filter(|figure| matches!(figure.body, Body::Drawn(_))).count()
    }
}

/// A probe as a page.
///
/// # Errors
/// What the template engine reports; writing into memory gives it no reason to.
pub fn render(account: &Account) -> askama::Result<String> {
    let of = |silent: bool| {
        let comparisons = account.outcome.comparisons.iter();
        comparisons
            .filter(move |it| (it.verdict == Verdict::Undocumented) == silent)
            .map(|it| row(account, it))
            .collect()
    };
    let page = Page {
        account,
        style: include_str!("../templates/style.css"),
        verdict: verdict(account.outcome.exit),
        headline: headline(account),
        reasons: reasons(account),
        facts: facts(account),
        rows: of(false),
        silent: of(true),
        silences: silences::grouped(&account.outcome.silences),
        measured_mark: Mark { symbol: "–", word: "measured", tone: Tone::Muted },
        open_mark: Mark { symbol: "?", word: "open", tone: Tone::Muted },
        broken: broken(account),
        kept: kept(account),
        not_tried: account.outcome.trials.iter().filter(|trial| !trial.made).map(|it| it.title.as_str()).collect(),
        families: account
            .outcome
            .families
            .iter()
            .map(|it| (it.title.as_str(), format::percent(it.probability), format!("{:.1}", it.probability * 100.0)))
            .collect(),
        figures: timeline::figures(account),
        source: account.setting.source.as_deref().filter(|source| source.starts_with("https://")),
    };
    // Texts come from policies and servers: none of them may turn the rest of its line around.
    Ok(text::harmless(&page.render()?))
}

fn verdict(exit: Exit) -> Mark {
    let own = |symbol, word, tone| Mark { symbol, word, tone };
    match exit {
        Exit::Pass => own("✓", "as documented", Tone::Good),
        Exit::Fail => own("✗", "not as documented", Tone::Bad),
        Exit::Invalid => own("?", "not settled", Tone::Warn),
        other => words::exit(other),
    }
}

/// The checks of promises; what the comparisons say stands with them.
fn promises(account: &Account) -> impl Iterator<Item = &Finding> {
    account.outcome.checks.iter().filter(|check| check.check != DOCUMENTED_LIMITER)
}

fn is_broken(check: &&Finding) -> bool {
    check.verdict == finding::Verdict::Fail
}

/// Whether the probe fails for it.
fn is_breach(check: &&Finding) -> bool {
    is_broken(check) && check.severity == Severity::Breach
}

fn broken(account: &Account) -> Vec<(FindingRow<'_>, Vec<Shown<'_>>)> {
    let proofs = |check: &Finding| {
        account.proofs.iter().filter(|proof| proof.about == check.check).map(|proof| shown(account, proof)).collect()
    };
    promises(account).filter(is_broken).map(|check| (FindingRow::of(check), proofs(check))).collect()
}

fn kept(account: &Account) -> Vec<(Mark, &Finding)> {
    const ORDER: [finding::Verdict; 4] = [
        finding::Verdict::Inconclusive,
        finding::Verdict::Undocumented,
        finding::Verdict::Pass,
        finding::Verdict::NoData,
    ];
    let of = |verdict: finding::Verdict| promises(account).filter(move |it| it.verdict == verdict);
    ORDER.into_iter().flat_map(of).map(|check| (words::finding(check), check)).collect()
}

/// The worst first: what differs, else what is open, else what it is.
fn headline(account: &Account) -> String {
    let outcome = &account.outcome;
    let first = |verdict: Verdict| outcome.comparisons.iter().find(|it| it.verdict == verdict);
    let broken = promises(account).find(is_breach);
    match (first(Verdict::Differs), broken) {
        (Some(wrong), _) => sentence(wrong),
        (None, Some(broken)) => broken.headline.clone(),
        (None, None) => capital(&outcome.conclusion),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

fn sentence(comparison: &Comparison) -> String {
    let Comparison { what, documented, measured, .. } = comparison;
    match what.as_str() {
        "refused requests" => format!("Refused requests {measured} where the documents say that they {documented}"),
        _ => format!("The {what} is {measured} where {documented} is documented"),
    }
}

fn reasons(account: &Account) -> Vec<String> {
    let outcome = &account.outcome;
    let of = |verdict: Verdict| outcome.comparisons.iter().filter(move |it| it.verdict == verdict);
    let wrong = of(Verdict::Differs).map(sentence);
    let broken = promises(account).filter(is_breach).map(|check| check.headline.clone());
    // The first is the headline.
    let mut reasons: Vec<String> = wrong.chain(broken).skip(1).collect();
    if outcome.exit == Exit::Fail {
        reasons.push(format!("What was found: {}", outcome.conclusion));
    }
    let right: Vec<&str> = of(Verdict::AsDocumented).map(|it| it.what.as_str()).collect();
    if !right.is_empty() {
        reasons.push(format!("As documented: {}", right.join(", ")));
    }
    let open: Vec<&str> = of(Verdict::NotSettled).map(|it| it.what.as_str()).collect();
    let kept = promises(account).filter(|check| check.verdict == finding::Verdict::Pass).count() as u64;
    if kept > 0 {
        reasons.push(format!("{} kept", format::plural(kept, "promise")));
    }
    if !open.is_empty() {
        reasons.push(format!("Not settled: {}. It ended because {}", open.join(", "), outcome.ended));
    }
    if let Some(why) = outcome.not_tried.as_ref().filter(|_| outcome.exit == Exit::Invalid) {
        reasons.push(format!("Not all was tried, since {why}"));
    }
    reasons
}

fn facts(account: &Account) -> Vec<(&'static str, String)> {
    let (setting, outcome) = (&account.setting, &account.outcome);
    let path = bare_path(&setting.path);
    vec![
        ("Target", setting.target.clone()),
        ("Request", format!("{} {path}", setting.method)),
        ("Policy", setting.policy.clone()),
        ("Class", setting.class.clone()),
        ("Started", setting.started.clone()),
        (
            "Requests",
            format!("{} of at most {}", format::count(outcome.requests.into()), format::count(setting.budget.into())),
        ),
        ("Took", format!("{} of at most {}", format::seconds(outcome.took_s), format::seconds(setting.within_s))),
        ("Exit code", outcome.exit.code().to_string()),
    ]
}

fn mark(verdict: Verdict) -> Mark {
    let own = |symbol, tone| Mark { symbol, word: verdict.title(), tone };
    match verdict {
        Verdict::AsDocumented => own("✓", Tone::Good),
        Verdict::Differs => own("✗", Tone::Bad),
        Verdict::NotSettled => own("?", Tone::Warn),
        Verdict::Undocumented | Verdict::NotReached => own("–", Tone::Muted),
    }
}

fn row<'a>(account: &'a Account, comparison: &'a Comparison) -> Row<'a> {
    // How long a window is shows in the same exchanges as how long a token takes.
    let about =
        |proof: &&Proof| proof.about == comparison.what || proof.about == "window" && comparison.what == "one token";
    let proofs = account.proofs.iter().filter(about).map(|proof| shown(account, proof)).collect();
    Row { comparison, mark: mark(comparison.verdict), proofs }
}

fn shown<'a>(account: &Account, proof: &'a Proof) -> Shown<'a> {
    let (groups, left_out) = sequence::groups(account, proof);
    let step = |group: &Group<'_>| Step {
        at: format::moment(group.sent_s()),
        sent: sent(account, group),
        came_back: group.came_back(),
        decides: group.decides,
    };
    Shown {
        claim: &proof.claim,
        client: proof.client.map_or_else(|| "all clients".to_owned(), |client| named(account, client)),
        left_out,
        steps: groups.iter().map(step).collect(),
        curl: sequence::curl(account, proof),
    }
}

fn sent(account: &Account, group: &Group<'_>) -> String {
    let setting = &account.setting;
    let (method, path) = group.beside(account).map_or((&setting.method, &setting.path), |ask| (&ask.method, &ask.path));
    let path = bare_path(path);
    let header = group.header().map(|header| format!(" with {header}")).unwrap_or_default();
    let connection = if group.is_reconnected() { " over a new connection" } else { "" };
    format!("{} × {method} {path}{header}{connection}", group.told.len())
}

fn named(account: &Account, index: usize) -> String {
    let number = if index == 0 { "first" } else { "second" };
    match account.setting.clients.get(index).map(|headers| headers.join(", ")) {
        Some(headers) if !headers.is_empty() => format!("the {number} client ({headers})"),
        _ => format!("the {number} client"),
    }
}
