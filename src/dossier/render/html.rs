//! `dossier.html`: one self-contained page without scripts, fonts or requests of its own.

use askama::Template;

use super::super::model::{Basis, Dossier};
use super::view::{self, Block, Section};
use super::words;
use crate::report::chart::Body;
use crate::report::text;
use crate::report::words::{Mark, Tone};

#[derive(Template)]
#[template(path = "dossier.html", config = "src/dossier/render/askama.toml")]
struct Page<'a> {
    dossier: &'a Dossier,
    style: &'static str,
    tone: Tone,
    /// In capitals above the title.
    stamp: &'static str,
    company: String,
    asked: Vec<String>,
    /// What all figures have in common.
    basis: Vec<(Mark, String)>,
    open: Vec<String>,
    sections: Vec<Section>,
}

impl Page<'_> {
    /// How many charts the page holds, for those who check that all of them are drawn.
    fn charts(&self) -> usize {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        let figures = blocks.filter_map(|block| if let Block::Charts(figures) = block { Some(figures) } else { None });
        figures.flatten().filter(|figure| matches!(figure.body, Body::Drawn(_))).count()
    }

    /// Text for the page in which each id of a reference leads to it.
    fn linked(&self, text: &str) -> String {
        linked(text, &|id| self.dossier.reference(id).is_some())
    }

    /// Whether a cell is a reference's own id: others lead to it.
    fn is_anchor(&self, table: &view::Table, cell: &str) -> bool {
        table.title == view::REFERENCES && self.dossier.reference(cell).is_some()
    }
}

/// The dossier as a page.
///
/// # Errors
/// What the template engine reports; writing into memory gives it no reason to.
pub fn render(dossier: &Dossier) -> askama::Result<String> {
    let complete = dossier.open.iter().all(|item| item.key.is_none());
    let page = Page {
        dossier,
        style: concat!(include_str!("../../report/templates/style.css"), include_str!("templates/dossier.css")),
        tone: if complete { Tone::Good } else { Tone::Warn },
        stamp: if complete { "Request for a higher quota" } else { "Draft: request for a higher quota" },
        company: dossier.request.identity.company.clone().unwrap_or_else(|| format!("[{}]", words::OPEN)),
        asked: asked(dossier),
        basis: bases(dossier),
        open: view::open_items(dossier),
        sections: view::sections(dossier),
    };
    // Texts come from profiles, servers and people: none of them may turn the rest of its line around.
    Ok(text::harmless(&page.render()?))
}

fn asked(dossier: &Dossier) -> Vec<String> {
    let line = |asked: &super::super::model::Asked| {
        format!("{}: {} → {} ({} today)", asked.class, asked.today(), asked.wish(), asked.limit)
    };
    dossier.request.quotas.iter().map(line).collect()
}

/// Each kind of evidence once, with what it means and the references of that kind.
fn bases(dossier: &Dossier) -> Vec<(Mark, String)> {
    const ALL: [Basis; 4] = [Basis::Measured, Basis::MeasuredOnLoopback, Basis::MeasuredOnStandIn, Basis::Simulated];
    let of = |basis: Basis| {
        let mut references = dossier.references.iter().filter(|reference| reference.basis == basis);
        let first = references.next()?;
        let ids: Vec<&str> = std::iter::once(first).chain(references).map(|reference| reference.id.as_str()).collect();
        Some((words::basis_mark(basis), format!("{} [{}]", words::basis_sentence(first), ids.join(", "))))
    };
    ALL.into_iter().filter_map(of).collect()
}

/// Escaped, with what stands between backticks as code, and each known id inside square brackets made a link.
fn linked(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let pieces: Vec<&str> = text.split('`').collect();
    // Without its partner a backtick stays what it is.
    let paired = pieces.len() - 1 - (pieces.len() - 1) % 2;
    for (index, piece) in pieces.iter().enumerate() {
        if index > paired {
            out.push('`');
        }
        if index % 2 == 1 && index < paired {
            out.push_str("<code>");
            escape_into(&mut out, piece);
            out.push_str("</code>");
        } else {
            link_into(&mut out, piece, known);
        }
    }
    out
}

fn link_into(out: &mut String, text: &str, known: &dyn Fn(&str) -> bool) {
    let mut inside = false;
    for word in text.split_inclusive(['[', ']', ' ', ',']) {
        let (body, end) = word.split_at(word.trim_end_matches(['[', ']', ' ', ',']).len());
        if inside && known(body) {
            *out += &format!("<a href=\"#{body}\">{body}</a>");
        } else {
            escape_into(out, body);
        }
        escape_into(out, end);
        inside = end.contains('[') || (inside && !end.contains(']'));
    }
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{all, answered, on_stand_in};
    use super::super::super::{Answers, build};
    use super::*;

    fn pages() -> Vec<String> {
        let full = build(&all(), &answered(), "quotaproof dossier a").unwrap();
        let bare = build(&[on_stand_in()], &Answers::default(), "").unwrap();
        [full, bare].iter().map(|dossier| render(dossier).unwrap()).collect()
    }

    #[test]
    fn ids_become_links_inside_brackets_only_and_backticks_code_in_pairs_only() {
        let known = |id: &str| ["R1", "R2"].contains(&id);
        let cases = [
            ("[simulated, R1] R1 <b>", "[simulated, <a href=\"#R1\">R1</a>] R1 &#60;b&#62;"),
            ("[R1, R2, R9]", "[<a href=\"#R1\">R1</a>, <a href=\"#R2\">R2</a>, R9]"),
            ("`a & [R1]` b", "<code>a &#38; [R1]</code> b"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` [R2]", "<code>a</code> and ` [<a href=\"#R2\">R2</a>]"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(linked(text, &known), expected, "{text}");
        }
    }

    #[test]
    fn every_part_has_a_heading_the_navigation_finds_and_every_link_a_target() {
        for page in pages() {
            for part in 1..=10 {
                assert!(page.contains(&format!("-title\">{part}. ")), "part {part}");
            }
            let targets: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            let unique: std::collections::BTreeSet<&&str> = targets.iter().collect();
            assert_eq!(unique.len(), targets.len(), "an id stands twice");
            let links = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
            for link in links {
                assert!(targets.contains(&link), "{link} leads nowhere");
            }
        }
    }

    #[test]
    fn the_page_says_how_many_charts_it_holds_and_asks_for_nothing() {
        for page in pages() {
            let drawn = page.matches("<svg class=\"plot\"").count();
            assert!(page.contains(&format!("data-charts=\"{drawn}\"")), "{drawn}");
            for absent in ["<script", "<img", " src=", "url(", "@import"] {
                assert!(!page.contains(absent), "{absent}");
            }
        }
        assert!(pages()[0].matches("<svg class=\"plot\"").count() >= 2);
    }
}
