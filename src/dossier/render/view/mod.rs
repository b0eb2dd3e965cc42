//! The ten parts as blocks of text, tables and figures, from which the page and the Markdown are both made: one wording.

mod demand;
mod evidence;
mod least;
mod proof;
mod request;

use super::super::model::Dossier;
use super::words;
use crate::report::chart::Figure;
use crate::report::words::Mark;

/// The title of the table that explains every id.
pub const REFERENCES: &str = "References";

/// One of the ten parts.
pub struct Section {
    pub number: u8,
    pub id: &'static str,
    /// For the navigation.
    pub short: &'static str,
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

pub enum Block {
    Heading(String),
    Text(String),
    /// Said with less weight: how to read what stands around it.
    Lead(String),
    /// A word that stands out, and a sentence.
    Note {
        mark: Mark,
        text: String,
    },
    List(Vec<String>),
    Numbered(Vec<String>),
    Facts(Vec<(&'static str, String)>),
    Table(Table),
    Charts(Vec<Figure>),
    /// Text that is to be copied as it stands.
    Code(String),
}

pub struct Table {
    pub title: String,
    /// How many columns hold words; the others hold numbers.
    pub words: usize,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// All parts in order.
pub fn sections(dossier: &Dossier) -> Vec<Section> {
    let parts: [(&str, &str, &str, Vec<Block>); 10] = [
        ("request", "Request", "What is asked for", request::request(dossier)),
        ("fleet", "Fleet", "The fleet", request::fleet(dossier)),
        ("demand", "Demand", "Demand by quota", demand::demand(dossier)),
        ("evidence", "Evidence", "Evidence", evidence::evidence(dossier)),
        ("mitigations", "Mitigations", "Mitigations", proof::mitigations(dossier)),
        ("client", "Clients", "How the clients behave", proof::client(dossier)),
        ("least", "Least", "The least that suffices", least::least(dossier)),
        ("steps", "Rollback", "Rollback and monitoring", proof::steps(dossier)),
        ("questions", "Questions", "Questions about the contract", proof::questions(dossier)),
        ("references", "References", "Summary and references", evidence::references(dossier)),
    ];
    let sections = (1..).zip(parts);
    sections.map(|(number, (id, short, title, blocks))| Section { number, id, short, title, blocks }).collect()
}

/// What a person has still to do before this is sent, one line each.
pub fn open_items(dossier: &Dossier) -> Vec<String> {
    let line = |item: &super::super::model::OpenItem| {
        let key = item.key.as_ref().map(|key| format!(" (`{key}` in the answers)")).unwrap_or_default();
        format!("Part {}: {}{key}: {}.", item.part, item.what, item.why)
    };
    dossier.open.iter().map(line).collect()
}

/// A sentence where a part has nothing to show.
fn nothing(text: &str) -> Block {
    Block::Lead(text.to_owned())
}

fn or_open(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| format!("[{}]", words::OPEN))
}

fn table(title: &str, words: usize, head: &[&str], rows: Vec<Vec<String>>) -> Block {
    let head = head.iter().map(|&cell| cell.to_owned()).collect();
    Block::Table(Table { title: title.to_owned(), words, head, rows })
}

/// A heading and what follows it; nothing of both without rows.
fn titled_table(title: &str, lead: &str, words: usize, head: &[&str], rows: Vec<Vec<String>>) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let lead = (!lead.is_empty()).then(|| Block::Lead(lead.to_owned()));
    let heading = [Block::Heading(title.to_owned())].into_iter();
    heading.chain(lead).chain([table(title, words, head, rows)]).collect()
}

fn shown(mark: Mark) -> String {
    format!("{} {}", mark.symbol, mark.word)
}
