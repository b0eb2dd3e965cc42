//! `quotaproof policies`: the policies that are compiled in.

use std::io::Write;

use super::show;
use crate::exit::Exit;
use crate::policy;
use crate::report::text::{self, Align};

/// Lists name, title and source of each shipped policy, by name: a line each, or two lines each where the output is a
/// terminal, whose lines would be too short for the source.
pub fn run(is_terminal: bool, out: &mut dyn Write) -> Exit {
    let mut rows: Vec<[String; 3]> = policy::builtin_names()
        .filter_map(policy::builtin)
        .map(|policy| [policy.name, policy.title, policy.source.unwrap_or_default()])
        .collect();
    rows.sort();
    show(out, &if is_terminal { in_pairs(&rows) } else { in_lines(&rows) });
    Exit::Pass
}

fn in_lines(rows: &[[String; 3]]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
    text::table(&rows, &[Align::Left; 3], usize::MAX).iter().map(|line| format!("{line}\n")).collect()
}

fn in_pairs(rows: &[[String; 3]]) -> String {
    let longest = rows.iter().map(|[name, ..]| text::width(name)).max().unwrap_or(0);
    rows.iter().map(|[name, title, source]| format!("{name:longest$}  {title}\n  {source}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(is_terminal: bool) -> String {
        let mut out = Vec::new();
        assert_eq!(run(is_terminal, &mut out), Exit::Pass);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_one_line_for_each_policy_by_name() {
        let text = listed(false);
        let names: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names.len(), policy::builtin_names().count());
        assert!(text.lines().all(|line| line.contains("  https://")), "{text}");
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_than_eighty_columns_but_for_long_addresses() {
        let text = listed(true);
        assert_eq!(text.lines().count(), 2 * policy::builtin_names().count());
        for line in text.lines().filter(|line| !line.starts_with("  https://")) {
            assert!(text::width(line) <= 80, "{line}");
        }
    }

    #[test]
    fn a_reader_that_has_gone_changes_no_exit_code() {
        assert_eq!(run(false, &mut super::super::testing::Gone), Exit::Pass);
    }
}
