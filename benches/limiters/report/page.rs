//! The report as a page without scripts or requests of its own, and as Markdown with pictures.

use askama::Template;
use quotaproof::report::chart::{Body, Figure};

use super::sections::{Block, Report};

const STYLE: &str = include_str!("../../../src/report/templates/style.css");

#[derive(Template)]
#[template(path = "page.html", config = "benches/limiters/report/askama.toml")]
struct Page<'a> {
    style: &'static str,
    report: &'a Report,
}

impl Page<'_> {
    /// For those who check that all of them are drawn.
    fn charts(&self) -> usize {
        self.report.figures().filter(|figure| matches!(figure.body, Body::Drawn(_))).count()
    }
}

pub fn html(report: &Report) -> askama::Result<String> {
    Page { style: STYLE, report }.render()
}

pub fn markdown(report: &Report) -> String {
    let mut out = format!("# {}\n", report.headline);
    report.summary.iter().for_each(|line| out += &format!("\n- {line}"));
    out.push('\n');
    for section in &report.sections {
        out += &format!("\n## {}\n", section.title);
        for block in &section.blocks {
            out += &match block {
                Block::Text(text) => format!("\n{text}\n"),
                Block::List(items) => items.iter().map(|item| format!("\n- {item}")).collect::<String>() + "\n",
                Block::Table(table) => format!("\n{}", table_in_markdown(&table.head, table.words, &table.rows)),
                Block::Charts(figures) => figures.iter().map(picture).collect(),
            };
        }
    }
    out
}

fn table_in_markdown(head: &[String], words: usize, rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = (0..head.len()).map(|column| if column < words { "---|" } else { "---:|" });
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}|{}\n{rows}", line(head), rule.collect::<String>())
}

/// A picture has no legend and no data table beside it; lines without either say nothing.
fn picture(figure: &Figure) -> String {
    match &figure.body {
        Body::Drawn(drawing) if drawing.svg.contains("<path") || drawing.svg.contains("<polyline") => {
            format!(
                "\n{}. {}\n\n{}",
                figure.title,
                figure.note,
                table_in_markdown(&drawing.table.head, 0, &drawing.table.rows)
            )
        }
        Body::Drawn(_) => format!("\n{}. {}\n\n![{}]({}.svg)\n", figure.title, figure.note, figure.title, figure.id),
        Body::Sentence(sentence) => format!("\n{}. {sentence}\n", figure.title),
    }
}

/// A chart as a picture of its own, which brings the inks along that the page gives it otherwise.
pub fn standalone(figure: &Figure) -> String {
    let Body::Drawn(drawing) = &figure.body else { return String::new() };
    let (colours, rest) = STYLE.split_once("* {").unwrap_or_default();
    let inks = rest.lines().filter(|line| [".ink", ".d1", ".c0", ".c4"].iter().any(|ink| line.starts_with(ink)));
    let inks: String = inks.collect::<Vec<&str>>().join("\n");
    let style = format!("<style>{colours}svg {{ background: var(--page); font-family: sans-serif; }}\n{inks}</style>");
    let (head, inside) = drawing.svg.split_once('>').unwrap_or_default();
    format!("{head} xmlns=\"http://www.w3.org/2000/svg\">{style}{inside}")
}
