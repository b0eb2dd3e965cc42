//! `dossier.md`: the dossier for a ticket.

use super::super::model::Dossier;
use super::view::{self, Block, Section, Table};
use crate::report::chart::{Body, Figure};
use crate::report::markdown::{escaped, fenced};
use crate::report::text::clean;

/// As GitHub-flavoured Markdown.
pub fn render(dossier: &Dossier) -> String {
    let mut out = format!("# Request for a higher quota: {}\n", escaped(&dossier.provider.title));
    let open = view::open_items(dossier);
    if !open.is_empty() {
        out += "\n> **Before this is sent:**\n";
        open.iter().for_each(|item| out += &format!("> - [ ] {}\n", escaped(item)));
    }
    view::sections(dossier).iter().for_each(|one| section(&mut out, one));
    out += &format!("\n---\nquotaproof {}, made from the runs above alone.\n", escaped(&dossier.version));
    out
}

fn section(out: &mut String, section: &Section) {
    *out += &format!("\n## {}. {}\n", section.number, section.title);
    section.blocks.iter().for_each(|one| block(out, one));
}

fn block(out: &mut String, block: &Block) {
    *out += "\n";
    match block {
        Block::Heading(heading) => *out += &format!("### {}\n", escaped(heading)),
        Block::Text(text) => *out += &format!("{}\n", escaped(text)),
        Block::Lead(text) => *out += &format!("_{}_\n", escaped(text)),
        Block::Note { mark, text } => *out += &format!("**{} {}**: {}\n", mark.symbol, mark.word, escaped(text)),
        Block::List(items) => items.iter().for_each(|item| *out += &format!("- {}\n", escaped(item))),
        Block::Numbered(items) => {
            items.iter().zip(1..).for_each(|(item, number)| *out += &format!("{number}. {}\n", escaped(item)));
        }
        Block::Facts(facts) => {
            facts.iter().for_each(|(name, value)| *out += &format!("- **{name}:** {}\n", escaped(value)))
        }
        Block::Table(one) => table(out, one),
        Block::Charts(figures) => figures.iter().for_each(|one| figure(out, one)),
        Block::Code(text) => *out += &fenced(&text.lines().map(clean).collect::<Vec<_>>().join("\n")),
    }
}

fn table(out: &mut String, table: &Table) {
    let cells = |row: &[String]| row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | ");
    let rule = (0..table.head.len()).map(|column| if column < table.words { "---" } else { "---:" });
    *out += &format!("| {} |\n|{}|\n", cells(&table.head), rule.collect::<Vec<_>>().join("|"));
    table.rows.iter().for_each(|row| *out += &format!("| {} |\n", cells(row)));
}

/// Its numbers, folded.
fn figure(out: &mut String, figure: &Figure) {
    let Body::Drawn(drawing) = &figure.body else { return };
    let title = escaped(&format!("{}. {}", figure.title, figure.note));
    *out += &format!("<details><summary>{title}</summary>\n\n");
    let (head, rows) = (drawing.table.head.clone(), drawing.table.rows.clone());
    table(out, &Table { title: String::new(), words: 1, head, rows });
    *out += "\n</details>\n";
}
