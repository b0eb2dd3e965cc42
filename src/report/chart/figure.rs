//! A chart with all that belongs to it on the page.

use super::ink::Ink;
use super::plot::{self, Plot};

/// A figure of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Unique in the page.
    pub id: String,
    pub title: String,
    /// What is drawn against what, with units.
    pub note: String,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Drawn(Drawing),
    /// What there is to say instead of a chart without data.
    Sentence(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub svg: String,
    pub legend: Vec<LegendEntry>,
    pub table: Table,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LegendEntry {
    /// The style sheet's class of the line.
    pub class: String,
    pub label: String,
}

/// The numbers behind a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Figure {
    /// A figure that has nothing to draw and says why.
    pub fn sentence(id: &str, title: &str, sentence: &str) -> Figure {
        let body = Body::Sentence(sentence.to_owned());
        Figure { id: id.to_owned(), title: title.to_owned(), note: String::new(), body }
    }

    /// Draws a plot. `description` is for those who hear the page.
    pub fn drawn(id: &str, title: &str, note: &str, description: &str, plot: &Plot, table: Table) -> Figure {
        let legend = plot.lines.iter().map(|line| LegendEntry { class: line.ink.class(), label: line.label.clone() });
        let limit =
            plot.limit.as_ref().map(|(_, label)| LegendEntry { class: Ink::Limit.class(), label: label.clone() });
        let events = (!plot.events.is_empty())
            .then(|| LegendEntry { class: Ink::Event.class(), label: "event of the profile".to_owned() });
        let body = match plot::svg(plot, id, title, description) {
            Ok(svg) => Body::Drawn(Drawing { svg, legend: legend.chain(limit).chain(events).collect(), table }),
            Err(error) => Body::Sentence(format!("This chart could not be drawn: {error}.")),
        };
        Figure { id: id.to_owned(), title: title.to_owned(), note: note.to_owned(), body }
    }
}
