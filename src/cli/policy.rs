//! `quotaproof policy show NAME`: a policy in plain words.

use std::io::Write;

use clap::Subcommand;

use super::show;
use crate::exit::Exit;
use crate::policy::model::{Class, ClassId, Policy, Presence, QuotaHeaders};
use crate::policy::{self, words};
use crate::report::text;
use crate::signals::{Dialect, ResetKind};

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
            show(out, &render(&policy));
            Exit::Pass
        }
        Err(diagnosis) => {
            show(err, &format!("{}\n", diagnosis.render(styled)));
            Exit::Usage
        }
    }
}

/// Nothing is wider, long addresses and paths aside.
const COLUMNS: usize = 80;

fn render(policy: &Policy) -> String {
    let mut page = Page::default();
    page.paragraph("", &format!("{}: {}", policy.name, policy.title));
    page.lines.extend(policy.source.as_deref().map(text::clean));
    page.heading("Limits");
    for class in &policy.classes {
        show_class(&mut page, policy, class);
    }
    page.section("Scopes", &policy.scopes.iter().map(|(name, line)| format!("{name}: {line}")).collect::<Vec<_>>());
    page.section("A refusal", &[words::refusal_text(&policy.refusal)]);
    page.section(
        "Quota headers",
        &policy.quota_headers.as_ref().map(quota_headers_text).into_iter().collect::<Vec<_>>(),
    );
    page.section("Taken for overload, not for a refusal", &[words::overload_text(&policy.overload)]);
    page.section("The provider recommends", &words::guidance_lines(&policy.guidance));
    page.section("The provider leaves open", &policy.silences);
    page.section("Lost: the provider says it, this policy cannot", &policy.lost);
    page.lines.join("\n") + "\n"
}

fn show_class(page: &mut Page, policy: &Policy, class: &Class) {
    page.paragraph("  ", &class_heading(class));
    if let Some(learned) = &class.learned_as {
        page.paragraph("      ", &format!("what answers call {learned}"));
    }
    if !class.of.is_empty() {
        page.paragraph("      ", &format!("all of {}", names(policy, &class.of)));
    }
    for request in &class.requests {
        page.paragraph("      ", &request.to_string());
    }
    for limit in &class.limits {
        page.paragraph("    - ", &words::limit_text(limit));
    }
    if class.limits.is_empty() {
        page.paragraph("    - ", "no limit of its own is documented");
    }
    if !class.parents.is_empty() {
        page.paragraph("    - ", &format!("counts towards {} too", names(policy, &class.parents)));
    }
}

/// The title only where it says more than the name.
fn class_heading(class: &Class) -> String {
    match &class.title {
        Some(title) if title.to_lowercase().replace(' ', "-") != class.name => format!("{} ({title})", class.name),
        _ => class.name.clone(),
    }
}

fn names(policy: &Policy, classes: &[ClassId]) -> String {
    classes.iter().map(|&id| policy.class(id).name.as_str()).collect::<Vec<_>>().join(", ")
}

fn quota_headers_text(headers: &QuotaHeaders) -> String {
    let presence = match headers.presence {
        Presence::Required => "every limited answer carries them",
        Presence::Optional => "answers may carry them",
        Presence::Never => "no answer carries them",
    };
    let reset = match headers.reset {
        Some(ResetKind::SecondsLeft) => "; the reset is in seconds left",
        Some(ResetKind::Epoch) => "; the reset is in seconds since 1970",
        Some(ResetKind::HttpDate) => "; the reset is an HTTP date",
        Some(ResetKind::Iso8601) => "; the reset is in ISO 8601",
        None => "",
    };
    let absent = if headers.absent_means_unlimited { "; without them a request is not limited" } else { "" };
    format!("{}: {presence}{reset}{absent}", header_names(headers.dialect))
}

fn header_names(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::XRateLimit => "X-Rate-Limit-Limit and its kin",
        Dialect::XRatelimit => "X-RateLimit-Limit and its kin",
        Dialect::Ietf03 => "RateLimit-Limit and its kin (IETF drafts up to -05)",
        Dialect::Ietf06 => "RateLimit-Limit and its kin, with RateLimit-Policy (IETF draft -06)",
        Dialect::Ietf07 => "RateLimit, one dictionary (IETF draft -07)",
        Dialect::Ietf10 => "RateLimit and RateLimit-Policy (IETF drafts -08 to -10)",
        Dialect::Envoy => "X-RateLimit-Limit and its kin, as Envoy writes them",
        Dialect::Kong => "RateLimit-Limit and X-RateLimit-Limit-Minute and their kin, as Kong writes them",
    }
}

/// Lines of at most [`COLUMNS`].
#[derive(Default)]
struct Page {
    lines: Vec<String>,
}

impl Page {
    fn heading(&mut self, heading: &str) {
        self.lines.push(String::new());
        self.lines.push(heading.to_owned());
    }

    /// Nothing, not even the heading, where there is nothing to say.
    fn section(&mut self, heading: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.heading(heading);
        for item in items {
            self.paragraph("  - ", item);
        }
    }

    /// Wrapped under the first line's start.
    fn paragraph(&mut self, start: &str, body: &str) {
        let indent = " ".repeat(start.len());
        for (index, line) in text::wrap(&text::clean(body), COLUMNS - start.len()).iter().enumerate() {
            self.lines.push(format!("{}{line}", if index == 0 { start } else { &indent }));
        }
    }
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
            let in_one_line = out.split_whitespace().collect::<Vec<_>>().join(" ");
            let policy = policy::builtin(name).unwrap();
            for sentence in policy.silences.iter().chain(&policy.lost) {
                assert!(in_one_line.contains(sentence), "{name} does not show: {sentence}");
            }
            for class in &policy.classes {
                assert!(in_one_line.contains(&class.name), "{name} does not show {}", class.name);
            }
        }
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
