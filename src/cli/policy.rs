//! `quotaproof policy show NAME`: a policy in plain words.

use std::io::Write;

use clap::Subcommand;

use super::show;
use crate::exit::Exit;
use crate::policy::{self, words};
use crate::report::text;

/// What to do with a policy.
#[derive(Subcommand)]
pub enum PolicyVerb {
    /// Print a policy in plain words: its limits, how a refusal looks, what it leaves open
    Show {
        /// A YAML file, or the name of a shipped policy
        policy: String,
    },
}

/// Shows a policy on `out`, or on `err` what is wrong with it; `styled` with terminal colours.
pub fn run(verb: &PolicyVerb, styled: bool, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let PolicyVerb::Show { policy } = verb;
    match policy::find(policy) {
        Ok(policy) => {
            show(out, &laid_out(&words::in_words(&policy)));
            Exit::Pass
        }
        Err(diagnosis) => {
            show(err, &format!("{}\n", diagnosis.render(styled)));
            Exit::Usage
        }
    }
}

/// Nothing is wider, addresses aside: they are kept whole, so that they can be opened.
const COLUMNS: usize = 80;

/// Lines wrapped under their own start, an item's after its dash.
fn laid_out(words: &str) -> String {
    let mut page = String::new();
    for line in words.lines() {
        if line.is_empty() || line.starts_with("https://") {
            page.push_str(&format!("{}\n", text::clean(line)));
            continue;
        }
        let (start, body) = line.split_at(start_of(line));
        let indent = " ".repeat(start.len());
        for (index, part) in text::wrap(&text::clean(body), COLUMNS - start.len()).iter().enumerate() {
            page.push_str(&format!("{}{part}\n", if index == 0 { start } else { &indent }));
        }
    }
    page
}

/// Where a line's text begins.
fn start_of(line: &str) -> usize {
    let spaces = (line.len() - line.trim_start_matches(' ').len()).min(COLUMNS / 2);
    if line[spaces..].starts_with("- ") { spaces + 2 } else { spaces }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing::Gone;

    fn shown(policy: &str) -> (Exit, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(&PolicyVerb::Show { policy: policy.to_owned() }, false, &mut out, &mut err);
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn every_shipped_policy_is_shown_in_eighty_columns_with_all_that_it_says() {
        for name in policy::builtin_names() {
            let (exit, out, err) = shown(name);
            assert_eq!((exit, err.as_str()), (Exit::Pass, ""), "{name}");
            let too_wide = |line: &&str| text::width(line) > COLUMNS && !line.starts_with("https://");
            assert_eq!(out.lines().find(too_wide), None, "{name}");
            let in_one_line: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
            let policy = policy::builtin(name).unwrap();
            for sentence in policy.silences.iter().map(|silence| &silence.text).chain(&policy.lost) {
                assert!(in_one_line.contains(sentence), "{name} does not show: {sentence}");
            }
            for class in &policy.classes {
                assert!(in_one_line.contains(&class.name), "{name} does not show {}", class.name);
            }
        }
    }

    #[test]
    fn lines_are_wrapped_under_their_own_start_whatever_they_hold() {
        let word = "quota ".repeat(14);
        assert_eq!(
            laid_out(&format!("{word}\n\n    - {word}\n  - --- {word}\u{1b}")),
            format!(
                "{0}quota\nquota\n\n    - {1}quota\n      quota quota\n  - --- {1}quota\n    quota quota\n",
                "quota ".repeat(12),
                "quota ".repeat(11)
            )
        );
        let long = laid_out(&format!("{}{word}\n{}", " ".repeat(200), "-".repeat(200)));
        assert!(long.lines().all(|line| line.len() <= COLUMNS), "{long}");
    }

    #[test]
    fn a_policy_that_is_not_there_or_broken_is_told_and_shown_nothing_of() {
        let (exit, out, err) = shown("gihtub");
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        assert!(err.contains("gihtub") && err.contains("github"), "{err}");
    }

    #[test]
    fn a_reader_that_has_gone_changes_no_exit_code() {
        let show = |name: &str| PolicyVerb::Show { policy: name.to_owned() };
        assert_eq!(run(&show("tellus"), false, &mut Gone, &mut Gone), Exit::Pass);
        assert_eq!(run(&show("/nowhere.yaml"), false, &mut Gone, &mut Gone), Exit::Usage);
    }
}
