//! Drawing: one kind of plot, lines over two axes, as an SVG fragment for the page.

use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;

use super::axis::Axis;
use super::ink::{Ink, classes_for_colours};
use super::thin;

/// Size in the page's pixels at which text has its nominal size. It fits a phone as it is and half a desktop's width.
const WIDTH: u32 = 440;
const HEIGHT: u32 = 240;
/// Plotters has integer coordinates only: everything is drawn this many times larger under a view box.
const GRID: u32 = 4;
/// Of text, in the page's pixels. Plotters divides sizes by 1.24 before it writes them.
const TEXT: f64 = 12.5 * 1.24;
/// Points that a line of this width can show.
const MOST_POINTS: usize = 400;

/// What to draw. Coordinates are those of the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    /// A horizontal line and its name.
    pub limit: Option<(f64, String)>,
    /// Moments on the x axis.
    pub events: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub label: String,
    pub ink: Ink,
    /// Rising in x.
    pub points: Vec<(f64, f64)>,
}

/// The plot as an SVG element that fits its container, with a title and a description.
///
/// # Errors
/// What plotters reports; drawing into memory gives it no reason to.
pub fn svg(plot: &Plot, id: &str, title: &str, description: &str) -> Result<String, Box<dyn Error>> {
    let mut drawn = String::new();
    {
        let backend = SVGBackend::with_string(&mut drawn, (WIDTH * GRID, HEIGHT * GRID));
        draw(plot, &backend.into_drawing_area())?;
    }
    Ok(dress(&drawn, id, title, description))
}

fn draw(plot: &Plot, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<(), Box<dyn Error>> {
    let pixels = |value: f64| (value * f64::from(GRID)) as u32;
    let text = ("sans-serif", TEXT * f64::from(GRID)).into_font().color(&Ink::Text.colour());
    let widest = plot.y.ticks.iter().map(|tick| tick.1.chars().count()).max().unwrap_or(0);
    let mut chart = ChartBuilder::on(area)
        .margin_top(pixels(10.0))
        .margin_right(pixels(22.0))
        .x_label_area_size(pixels(26.0))
        .y_label_area_size(pixels(12.0 + 7.0 * widest as f64))
        .build_cartesian_2d(plot.x.clone(), plot.y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(Ink::Grid.colour().stroke_width(GRID))
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::Axis.colour().stroke_width(GRID))
        .set_all_tick_mark_size(pixels(4.0))
        .label_style(text)
        .draw()?;
    for &at in &plot.events {
        let style = Ink::Event.colour().stroke_width(GRID);
        chart.draw_series([PathElement::new([(at, plot.y.from), (at, plot.y.to)], style)])?;
    }
    if let Some((limit, _)) = plot.limit {
        let style = Ink::Limit.colour().stroke_width(2 * GRID);
        chart.draw_series([PathElement::new([(plot.x.from, limit), (plot.x.to, limit)], style)])?;
    }
    for line in &plot.lines {
        let colour = line.ink.colour();
        match line.points.as_slice() {
            [] => {}
            // A line through one point is invisible.
            &[point] => drop(chart.draw_series([Circle::new(point, pixels(3.5), colour.filled())])?),
            points => {
                let points = thin::keep_extremes(points, MOST_POINTS);
                chart.draw_series([PathElement::new(points, colour.stroke_width(2 * GRID))])?;
            }
        }
    }
    area.present()?;
    Ok(())
}

/// An axis is its own coordinate: plotters asks it where values go, where its lines are and what stands there.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        limit.0 + (f64::from(limit.1 - limit.0) * share.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// Turns what plotters wrote into a part of the page: named, described, coloured and sized by its style sheet.
fn dress(drawn: &str, id: &str, title: &str, description: &str) -> String {
    let inside = drawn.split_once('>').map_or("", |(_, inside)| inside);
    let font = format!(" font-family=\"sans-serif\" font-size=\"{}\"", TEXT * f64::from(GRID) / 1.24);
    let inside = classes_for_colours(&inside.replace(&font, "").replace(" opacity=\"1\"", ""));
    let (title, description) = (escaped(title), escaped(description));
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>{inside}",
        WIDTH * GRID,
        HEIGHT * GRID,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        let line = Line { label: "a".to_owned(), ink: Ink::nth(0), points };
        Plot { x: Axis::time(60.0), y: Axis::amounts(10.0), lines: vec![line], limit: None, events: vec![] }
    }

    fn drawn(plot: &Plot) -> String {
        svg(plot, "one", "A <title>", "What & why").unwrap()
    }

    #[test]
    fn a_plot_carries_no_colour_font_or_fixed_size_of_its_own() {
        let mut plot = plot(vec![(0.0, 1.0), (30.0, 9.0), (60.0, 2.0)]);
        plot.limit = Some((8.0, "limit 8".to_owned()));
        plot.events = vec![20.0];
        let svg = drawn(&plot);
        for absent in ["=\"#", "font-", "width=\"1760\"", "http"] {
            assert!(!svg.contains(absent), "{absent} in {svg}");
        }
        for present in ["ink-text", "ink-grid", "ink-axis", "ink-limit", "ink-event", "ink-line c0 d0", "</svg>"] {
            assert!(svg.contains(present), "{present} not in {svg}");
        }
        assert!(svg.contains("<title id=\"one-title\">A &lt;title&gt;</title>"));
        assert!(svg.contains("<desc id=\"one-desc\">What &amp; why</desc>"));
    }

    #[test]
    fn one_point_is_a_dot_and_none_is_nothing() {
        assert!(drawn(&plot(vec![(10.0, 5.0)])).contains("<circle"));
        let nothing = drawn(&plot(vec![]));
        assert!(!nothing.contains("<circle") && !nothing.contains("ink-line"));
    }

    #[test]
    fn a_day_of_seconds_stays_a_small_drawing() {
        let svg = drawn(&plot((0..86_400).map(|x| (f64::from(x) / 1440.0, f64::from(x % 7))).collect()));
        assert!(svg.len() < 12_000, "{} bytes", svg.len());
    }
}
