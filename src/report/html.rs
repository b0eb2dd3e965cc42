//! `report.html`: one self-contained page without scripts, fonts or requests of its own.

use askama::Template;

use super::chart::{Body, Figure, over_time, percentile};
use super::plan::{self, Section};
use super::triage::Triage;
use super::view::{self, FindingRow, GateRow, QuotaRow, TableView};
use super::words::{self, Mark};
use super::{format, text};
use crate::summary::finding::Verdict;
use crate::summary::plan::Plan;
use crate::summary::{GroupInfo, Summary};

#[derive(Template)]
#[template(path = "report.html", config = "src/report/askama.toml")]
struct Page<'a> {
    summary: &'a Summary,
    style: &'static str,
    verdict: Mark,
    /// What a simulation does not show.
    simulated: Option<&'static str>,
    /// What holds for all answers of a plan, and the answers.
    caveats: &'a [String],
    plan: Vec<Section>,
    facts: Vec<(&'static str, String)>,
    /// Where the limit stands in every quota's bar, in percent of the bar's width.
    limit_at: String,
    quotas: Vec<QuotaRow>,
    breaches: Vec<FindingRow<'a>>,
    advice: Vec<FindingRow<'a>>,
    open: Vec<FindingRow<'a>>,
    undecided: String,
    passed: Vec<FindingRow<'a>>,
    gates: Vec<GateRow<'a>>,
    latency: Vec<Figure>,
    latency_table: TableView,
    unanswered: Vec<&'a str>,
    traffic: Vec<Figure>,
    traffic_tables: Vec<TableView>,
    /// When and what.
    events: Vec<(String, &'a str)>,
    quota_use: Vec<Figure>,
    unused: Vec<String>,
    lateness: Figure,
    harness: Vec<(&'static str, String)>,
    /// Groups with their number of devices.
    fleet: Vec<(&'a GroupInfo, String)>,
    policy_link: Option<&'a str>,
}

impl Page<'_> {
    /// How many charts the page holds, for those who check that all of them are drawn.
    fn charts(&self) -> usize {
        let plan = self.plan.iter().flat_map(|section| &section.figures);
        let figures = plan.chain(&self.latency).chain(&self.traffic).chain(&self.quota_use).chain([&self.lateness]);
        figures.filter(|figure| matches!(figure.body, Body::Drawn(_))).count()
    }
}

/// The summary as a page, with the answers of a plan.
///
/// # Errors
/// What the template engine reports; writing into memory gives it no reason to.
pub fn render(summary: &Summary, plan: Option<&Plan>) -> askama::Result<String> {
    let triage = Triage::of(summary);
    let rows = |findings: Vec<_>| findings.into_iter().map(FindingRow::of).collect();
    let used = |figure: &Figure| matches!(figure.body, Body::Drawn(_));
    let latency = summary.classes.iter().enumerate();
    let latency = latency.map(|(index, class)| percentile::figure(&format!("latency-{index}"), class));
    let page = Page {
        summary,
        style: include_str!("templates/style.css"),
        verdict: words::exit(summary.conclusion.exit),
        simulated: words::simulated(summary.run.driver),
        caveats: plan.map_or(&[], |plan| &plan.caveats),
        plan: plan.map(plan::sections).unwrap_or_default(),
        facts: view::facts(summary),
        limit_at: view::limit_at(summary),
        quotas: view::quotas(summary),
        undecided: triage.undecided(),
        breaches: rows(triage.breaches),
        advice: rows(triage.advice),
        open: rows(triage.open),
        passed: rows(triage.passed),
        gates: summary.gates.iter().map(GateRow::of).collect(),
        latency: latency.filter(used).collect(),
        latency_table: view::latency_table(summary),
        unanswered: view::unanswered(summary),
        traffic: over_time::traffic(summary),
        traffic_tables: view::traffic_tables(summary),
        events: summary.run.events.iter().map(|event| (format::seconds(event.at_s), event.text.as_str())).collect(),
        quota_use: over_time::quota_use(summary),
        unused: view::unused(summary),
        lateness: over_time::lateness(summary),
        harness: view::harness(summary),
        fleet: summary.fleet.iter().map(|group| (group, format::count(group.devices.into()))).collect(),
        policy_link: summary.policy.source.as_deref().filter(|source| source.starts_with("https://")),
    };
    // Texts of a run come from profiles and servers: none of them may turn the rest of its line around.
    Ok(text::harmless(&page.render()?))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use proptest::prelude::*;

    /// Elements that have no end tag.
    const VOID: [&str; 6] = ["meta", "link", "br", "img", "hr", "input"];
    const SECTIONS: [&str; 11] = [
        "verdict",
        "quotas",
        "findings",
        "gates",
        "latency",
        "traffic",
        "use",
        "harness",
        "fleet",
        "policy",
        "reproduce",
    ];

    #[test]
    fn long_polls_are_explained_where_they_stand_among_others() {
        let summary = sample::passing();
        let explained = summary.classes.iter().filter(|class| {
            let Body::Drawn(_) = percentile::figure("x", class).body else { return false };
            let alone = Summary { classes: vec![(*class).clone()], ..summary.clone() };
            page(&alone).contains("Long polls are among these")
        });
        let names: Vec<&str> = explained.map(|class| class.class.as_str()).collect();
        assert_eq!(names, ["unclassified"]);
    }

    fn page(summary: &Summary) -> String {
        render(summary, None).unwrap()
    }

    /// The pages of all samples, and two with the answers of a plan.
    fn pages() -> Vec<(&'static str, String)> {
        let planned = |plan| render(&sample::passing(), Some(&plan)).unwrap();
        let plans = [("plan", planned(sample::plan::plan())), ("hostile plan", planned(sample::plan::hostile()))];
        sample::all().into_iter().map(|(name, summary)| (name, page(&summary))).chain(plans).collect()
    }

    /// Every tag of the page in order: name, whether it ends an element, attributes.
    fn tags(page: &str) -> Vec<(String, bool, &str)> {
        let body = page.split_once("</style>").unwrap().1;
        let pieces = body.split('<').skip(1);
        pieces
            .map(|piece| {
                let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {piece}"));
                let ends = tag.starts_with('/');
                let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
                (name.to_owned(), ends, tag)
            })
            .collect()
    }

    /// What is not well-formed in the page, if anything.
    fn defect(page: &str) -> Option<String> {
        let mut open = vec!["head".to_owned(), "html".to_owned()];
        open.reverse();
        for (name, ends, tag) in tags(page) {
            if tag.matches('"').count() % 2 != 0 {
                return Some(format!("a quote is open in <{tag}>"));
            }
            if ends {
                let last = open.pop();
                if last.as_ref() != Some(&name) {
                    return Some(format!("</{name}> closes {last:?}"));
                }
            } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
                open.push(name);
            }
        }
        (!open.is_empty()).then(|| format!("never closed: {open:?}"))
    }

    #[test]
    fn every_page_is_well_formed() {
        for (name, page) in pages() {
            assert_eq!(defect(&page), None, "{name}");
        }
    }

    #[test]
    fn the_well_formedness_check_sees_defects() {
        let page = page(&sample::passing());
        for broken in
            [page.replacen("</section>", "", 1), page.replacen("</li>", "</ul>", 1), page.replacen("</main>", "", 1)]
        {
            assert!(defect(&broken).is_some());
        }
    }

    #[test]
    fn all_sections_are_there_in_order_each_with_a_heading_the_navigation_finds() {
        for (name, page) in pages() {
            let at: Vec<usize> = SECTIONS
                .iter()
                .map(|id| page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("{name}: no {id}")))
                .collect();
            assert!(at.is_sorted(), "{name}: {at:?}");
            for id in &SECTIONS[1..] {
                assert!(page.contains(&format!("href=\"#{id}\"")), "{name}: {id} is not in the navigation");
                assert!(page.contains(&format!("<h2 id=\"{id}-title\"")), "{name}: {id} has no heading");
            }
        }
    }

    #[test]
    fn the_page_asks_for_nothing_from_anywhere_and_runs_nothing() {
        for (name, page) in pages() {
            for (element, _, tag) in tags(&page) {
                assert!(
                    !["script", "img", "iframe", "object", "embed", "base"].contains(&element.as_str()),
                    "{name}: <{tag}>"
                );
                let attributes: String = tag.split('"').step_by(2).collect();
                assert!(!attributes.contains(" src=") && !attributes.contains(" on"), "{name}: <{tag}>");
                assert!(!tag.contains("url("), "{name}: <{tag}>");
                // A link is followed by a reader, not by the page.
                let href = tag.split_once("href=\"").map_or("#", |(_, rest)| rest);
                let harmless = href.starts_with('#')
                    || (element == "a" && href.starts_with("https://"))
                    || href.starts_with("data:,");
                assert!(harmless, "{name}: <{tag}>");
            }
            let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
            assert!(!style.contains("url(") && !style.contains("@import"), "{name}");
        }
    }

    #[test]
    fn the_answers_of_a_plan_stand_before_what_the_play_showed() {
        let page = render(&sample::passing(), Some(&sample::plan::plan())).unwrap();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = [
            "All of this is simulated.",
            ">The largest fleet</h3>",
            "With 6 devices too little of queries stays unused: 72 where 48 are left of 60 per 1m for each client_id at 58.883 s",
            ">The least quota</h3>",
            "queries needs 155 where 60 are allowed today",
            ">Before and after</h3>",
            ">Over a range of values</h3>",
            "<svg class=\"plot\"",
            "<section id=\"quotas\"",
        ];
        assert!(order.map(at).is_sorted());
        assert!(page.contains("href=\"#plan\"") && page.matches("Made by <code>").count() == 4);
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = page(&sample::hostile());
        for absent in ["<script", "<img", "onerror=alert(1)>", "href=\"javascript"] {
            assert!(!page.contains(absent), "{absent}");
        }
        assert!(page.contains("שלום עולם"));
        assert!(page.chars().all(|c| (c == '\n' || !c.is_control()) && c != '\u{202e}'));
        assert!(page.contains("&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;"));
    }

    #[test]
    fn ids_are_unique_and_every_reference_leads_to_one() {
        for (name, page) in pages() {
            let all = tags(&page);
            let values = |attribute: &str| -> Vec<String> {
                let of = |tag: &str| Some(tag.split_once(attribute)?.1.split_once('"')?.0.to_owned());
                all.iter().filter_map(|(_, _, tag)| of(tag)).collect()
            };
            let ids = values(" id=\"");
            let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
            assert_eq!(unique.len(), ids.len(), "{name}");
            let links = values("href=\"#").into_iter();
            for reference in
                links.chain(values("aria-labelledby=\"").iter().flat_map(|ids| ids.split(' ')).map(str::to_owned))
            {
                assert!(unique.contains(&reference), "{name}: {reference}");
            }
        }
    }

    #[test]
    fn the_page_says_how_many_charts_it_holds() {
        for (name, page) in pages() {
            let drawn = page.matches("<svg class=\"plot\"").count();
            assert!(page.contains(&format!("data-charts=\"{drawn}\"")), "{name}: {drawn}");
        }
        assert!(page(&sample::interrupted()).contains("data-charts=\"0\""));
    }

    #[test]
    fn a_failing_run_shows_cause_evidence_and_remedy_before_what_passed() {
        let page = page(&sample::failing());
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = [
            "The fleet needs 4.2 times its quota",
            "252 of 60",
            "exceeds the quota of queries under every reading",
            "request 61 of this minute",
            "Live state was polled",
            "depends on the reading.",
            "<summary>Passed:",
        ];
        assert!(order.map(at).is_sorted());
    }

    #[test]
    fn a_long_run_stays_a_page_that_a_phone_can_load() {
        let page = page(&sample::large());
        assert!(page.len() < 1_500_000, "{} bytes", page.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A stored summary may have been edited: its numbers may be anything and its lists of any length.
        #[test]
        fn no_number_and_no_length_breaks_the_page(
            odd in prop::collection::vec(prop_oneof![prop::num::f64::ANY, Just(0.0), Just(-1.0), Just(1e300), Just(1e-300)], 8),
            steps in prop_oneof![Just(0), Just(1), Just(usize::MAX), 0..500usize],
            series in prop::collection::vec(prop::num::u32::ANY, 0..200),
        ) {
            let mut summary = sample::failing();
            summary.run.duration_s = odd[0];
            summary.run.planned_s = odd[1];
            summary.run.events[0].at_s = odd[2];
            summary.timeline.step_s = odd[3];
            summary.timeline.steps = steps;
            summary.timeline.late_ms = odd.clone();
            summary.timeline.classes[0].sent = series.clone();
            summary.quotas[0].series = series.clone();
            summary.quotas[0].allow = series.first().copied().unwrap_or(0);
            summary.quotas[0].headroom = Some(odd[4]);
            summary.harness.lateness.p99 = odd[5];
            let latency = summary.classes[0].latency.get_mut("served").unwrap();
            latency.from_due.curve = odd.iter().map(|&value| (value, odd[6])).collect();
            latency.from_due.p50 = odd[7];
            latency.from_sent.curve = vec![];
            latency.from_sent.max = odd[0];
            let mut plan = sample::plan::plan();
            let sweep = plan.sweep.as_mut().unwrap();
            sweep.log = steps == 1;
            for (point, odd) in sweep.points.iter_mut().zip(odd.chunks(2)) {
                (point.number, point.quotas[0].refused_ratio) = (odd[0], Some(odd[1]));
                point.quotas[0].allow = series.first().copied().unwrap_or(0);
            }
            plan.fleet.as_mut().unwrap().readings[0].binding.as_mut().unwrap().at_s = odd[1];
            prop_assert_eq!(defect(&render(&summary, Some(&plan)).unwrap()), None);
            super::super::terminal::render(&summary, None, crate::report::terminal::Style { colour: false, narrow: true });
            super::super::markdown::render(&summary, None);
            super::super::junit::render(&summary).unwrap();
        }
    }
}
