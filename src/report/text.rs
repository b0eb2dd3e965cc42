//! Plain text: made harmless, wrapped and aligned.

use unicode_width::UnicodeWidthStr;

/// One line without anything that could steer a terminal or turn text around: control characters and line breaks
/// become spaces, bidirectional overrides disappear.
pub fn clean(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

/// Like [`clean`], with line breaks kept.
pub fn harmless(text: &str) -> String {
    let steers = |c: char| c.is_control() && c != '\n';
    text.chars().filter(|&c| !turns_text_around(c)).map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// Whether a character changes the direction of what follows it. Text that runs from right to left needs none of them.
fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Columns that the text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts to at most `columns`, with an ellipsis where something is missing.
pub fn truncate(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        // A mark may widen the letter before it, so the whole is measured.
        if width(&out) + 1 > columns {
            out.pop();
            break;
        }
    }
    out.push('…');
    out
}

/// Lines of at most `columns`, broken at spaces, or inside a word that is longer than a line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            line.push(c);
            if width(&line) > columns {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows as aligned lines, two spaces between columns. Where they are wider than `columns` in all, the widest column of
/// words gives way.
pub fn table(rows: &[Vec<String>], align: &[Align], columns: usize) -> Vec<String> {
    const GAP: usize = 2;
    const NARROWEST: usize = 8;
    let mut widths: Vec<usize> =
        (0..align.len()).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
    let room = columns.saturating_sub(GAP * align.len().saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = (0..widths.len()).max_by_key(|&column| widths[column]).filter(|&w| widths[w] > NARROWEST)
        else {
            break;
        };
        widths[widest] -= 1;
    }
    let cell = |(column, text): (usize, &String)| {
        let text = truncate(text, widths[column]);
        let space = " ".repeat(widths[column] - width(&text));
        if align[column] == Align::Right { space + &text } else { text + &space }
    };
    rows.iter()
        .map(|row| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_and_overrides_do_not_reach_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d\u{9b}e"), "a [31mb cd e");
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen_not_by_bytes() {
        let rows = [vec!["充電器".to_owned(), "1".to_owned()], vec!["a".to_owned(), "100".to_owned()]];
        assert_eq!(table(&rows, &[Align::Left, Align::Right], 40), ["充電器    1", "a       100"]);
    }

    #[test]
    fn a_table_gives_way_in_its_widest_column() {
        let rows = [vec!["x".repeat(50), "value".to_owned()]];
        assert_eq!(table(&rows, &[Align::Left, Align::Left], 20), ["xxxxxxxxxxxx…  value"]);
    }

    /// A digit is one column wide, and two with the mark that makes it a picture.
    #[test]
    fn a_mark_that_widens_its_letter_is_counted() {
        assert_eq!(wrap("A0\u{fe0f}", 2), ["A0", "\u{fe0f}"]);
        assert_eq!(truncate("A0\u{fe0f}b", 3), "A0…");
    }

    proptest! {
        #[test]
        fn wrapped_lines_fit_and_keep_every_letter(text in "\\PC{0,200}", columns in 2..60usize) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn truncated_text_fits(text in "\\PC{0,80}", columns in 1..40usize) {
            prop_assert!(width(&truncate(&text, columns)) <= columns);
        }
    }
}
