//! Horizontal bars with their names and values, in the inks of the other reports' charts.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use quotaproof::report::chart::ink::{Ink, classes_for_colours};
use quotaproof::report::chart::{Body, Drawing, Figure, LegendEntry, Table};

/// Sizes in the page's pixels, as in the charts of lines.
const WIDTH: f64 = 440.0;
const ROW: f64 = 24.0;
const MARGIN: f64 = 6.0;
const TEXT: f64 = 12.5 * 1.24;
/// Of a letter, on average and on the safe side.
const LETTER: f64 = 6.9;
/// Plotters has whole coordinates only.
const GRID: f64 = 4.0;

pub struct Bar {
    pub name: String,
    /// None draws no bar.
    pub value: Option<f64>,
    /// The value in words, or why there is none.
    pub text: String,
    pub ours: bool,
}

pub fn figure(id: &str, title: &str, note: &str, unit: &str, bars: &[Bar]) -> Figure {
    let rows = bars.iter().map(|bar| vec![bar.name.clone(), bar.text.clone()]).collect();
    let table = Table { head: vec!["Limiter".to_owned(), unit.to_owned()], rows };
    let legend = [(OURS, "this crate's"), (THEIRS, "others")];
    let legend = legend.map(|(ink, label)| LegendEntry { class: ink.class(), label: label.to_owned() }).to_vec();
    let body = match svg(id, title, bars) {
        Ok(svg) => Body::Drawn(Drawing { svg, legend, table }),
        Err(error) => Body::Sentence(format!("This chart could not be drawn: {error}.")),
    };
    Figure { id: id.to_owned(), title: title.to_owned(), note: note.to_owned(), body }
}

const OURS: Ink = Ink::Line { colour: 0, dash: 0 };
const THEIRS: Ink = Ink::Line { colour: 6, dash: 0 };

fn svg(id: &str, title: &str, bars: &[Bar]) -> Result<String, Box<dyn std::error::Error>> {
    let height = ROW * bars.len() as f64 + 2.0 * MARGIN;
    let size = (pixels(WIDTH) as u32, pixels(height) as u32);
    let mut drawn = String::new();
    draw(&SVGBackend::with_string(&mut drawn, size).into_drawing_area(), bars)?;
    let inside = drawn.split_once('>').map_or("", |(_, inside)| inside);
    let font = format!(" font-family=\"sans-serif\" font-size=\"{}\"", TEXT * GRID / 1.24);
    let inside = classes_for_colours(&inside.replace(&font, "").replace(" opacity=\"1\"", ""));
    Ok(format!(
        "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title\">\n\
         <title id=\"{id}-title\">{title}</title>{inside}",
        size.0, size.1
    ))
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    bars: &[Bar],
) -> Result<(), Box<dyn std::error::Error>> {
    let widest =
        |of: fn(&Bar) -> &str| bars.iter().map(|bar| of(bar).chars().count()).max().unwrap_or(0) as f64 * LETTER;
    let (left, right) = (widest(|bar| &bar.name) + MARGIN, WIDTH - widest(|bar| &bar.text) - 2.0 * MARGIN);
    let most = bars.iter().filter_map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let text = ("sans-serif", TEXT * GRID).into_font().color(&Ink::Text.colour());
    for (index, bar) in bars.iter().enumerate() {
        let top = MARGIN + ROW * index as f64;
        let end = left + MARGIN + (right - left - MARGIN) * bar.value.unwrap_or(0.0) / most;
        let middle = pixels(top + ROW / 2.0);
        let ink = if bar.ours { OURS } else { THEIRS };
        let corners = [
            (pixels(left + MARGIN), pixels(top + 4.0)),
            (pixels(end.max(left + MARGIN + 1.5)), pixels(top + ROW - 4.0)),
        ];
        if bar.value.is_some() {
            area.draw(&Rectangle::new(corners, ink.colour().filled()))?;
        }
        let name = text.clone().pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(bar.name.as_str(), (pixels(left), middle), name))?;
        let value = text.clone().pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(bar.text.as_str(), (pixels(end + MARGIN), middle), value))?;
    }
    area.present()?;
    Ok(())
}

fn pixels(value: f64) -> i32 {
    (value * GRID) as i32
}
