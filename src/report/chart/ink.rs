//! Inks: what is drawn is named, not coloured, so that one chart suits a bright page, a dark one and paper.
//!
//! Plotters knows only colours. Each ink travels through it as a colour of its own and becomes a class of the page's
//! style sheet in the finished SVG.

use plotters::style::RGBColor;

/// How many colours and dash patterns the style sheet has for lines. Without a common divisor every pair of them comes up.
pub const COLOURS: u8 = 7;
pub const DASHES: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Text,
    Grid,
    Axis,
    Limit,
    Event,
    Line { colour: u8, dash: u8 },
}

impl Ink {
    /// The n-th line of a chart: the dash pattern changes along with the colour, so that neither stands alone.
    pub fn nth(index: usize) -> Ink {
        let of = |count: u8| (index % usize::from(count)) as u8;
        Ink::Line { colour: of(COLOURS), dash: of(DASHES) }
    }

    /// The colour that stands for the ink inside plotters.
    pub fn colour(self) -> RGBColor {
        match self {
            Ink::Text => RGBColor(1, 0, 0),
            Ink::Grid => RGBColor(2, 0, 0),
            Ink::Axis => RGBColor(3, 0, 0),
            Ink::Limit => RGBColor(4, 0, 0),
            Ink::Event => RGBColor(5, 0, 0),
            Ink::Line { colour, dash } => RGBColor(6, colour, dash),
        }
    }

    /// Its class in the style sheet.
    pub fn class(self) -> String {
        match self {
            Ink::Text => "ink-text".to_owned(),
            Ink::Grid => "ink-grid".to_owned(),
            Ink::Axis => "ink-axis".to_owned(),
            Ink::Limit => "ink-limit".to_owned(),
            Ink::Event => "ink-event".to_owned(),
            Ink::Line { colour, dash } => format!("ink-line c{colour} d{dash}"),
        }
    }

    fn from_hex(hex: &str) -> Option<Ink> {
        let value = u32::from_str_radix(hex, 16).ok()?;
        let [_, kind, colour, dash] = value.to_be_bytes();
        let plain = [Ink::Text, Ink::Grid, Ink::Axis, Ink::Limit, Ink::Event];
        match kind {
            1..=5 => Some(plain[usize::from(kind) - 1]),
            6 => Some(Ink::Line { colour, dash }),
            _ => None,
        }
    }
}

/// Replaces each colour attribute of an SVG by the ink's class: `stroke="#020000"` becomes `class="ink-grid"`, and a
/// filled shape gets `fill` beside it. Each element that plotters writes has exactly one.
pub fn classes_for_colours(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some((at, attribute)) = next_colour(rest) {
        let value = at + attribute.len();
        let ink = rest.get(value..value + 6).and_then(Ink::from_hex);
        let Some(ink) = ink else {
            out.push_str(&rest[..value]);
            rest = &rest[value..];
            continue;
        };
        let filled = if attribute == FILL && ink != Ink::Text { " filled" } else { "" };
        out.push_str(&rest[..at]);
        out.push_str(&format!("class=\"{}{filled}", ink.class()));
        rest = &rest[value + 6..];
    }
    out.push_str(rest);
    out
}

const FILL: &str = "fill=\"#";
const STROKE: &str = "stroke=\"#";

fn next_colour(text: &str) -> Option<(usize, &'static str)> {
    [FILL, STROKE].into_iter().filter_map(|attribute| Some((text.find(attribute)?, attribute))).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_come_out_of_an_svg_as_the_classes_they_went_in_as() {
        let svg = r##"<line stroke="#020000" x1="1"/><circle fill="#060301" stroke="none"/><text fill="#010000">#020000</text>"##;
        let expected = r##"<line class="ink-grid" x1="1"/><circle class="ink-line c3 d1 filled" stroke="none"/><text class="ink-text">#020000</text>"##;
        assert_eq!(classes_for_colours(svg), expected);
    }

    #[test]
    fn every_ink_survives_the_way_through_a_colour() {
        let mut inks = vec![Ink::Text, Ink::Grid, Ink::Axis, Ink::Limit, Ink::Event];
        inks.extend((0..28).map(Ink::nth));
        for ink in inks {
            let RGBColor(r, g, b) = ink.colour();
            assert_eq!(Ink::from_hex(&format!("{r:02X}{g:02X}{b:02X}")), Some(ink));
        }
    }

    #[test]
    fn the_first_twenty_eight_lines_all_look_different() {
        let classes: std::collections::BTreeSet<String> = (0..28).map(|index| Ink::nth(index).class()).collect();
        assert_eq!(classes.len(), 28);
    }
}
