//! The findings on the server, worded. What they rest on is counted in [`super::admission`], [`super::refusal`],
//! [`super::scope`], [`super::streams`] and [`super::hint`].

use super::admission::Unjudged;
use super::class::{ClassWatch, Usage};
use super::exhibit::{Exhibit, Exhibits};
use super::hint::Hints;
use super::rate::RateWatch;
use super::streams::{GRACE, StreamRule};
use super::words::{reading_titles, unseen};
use crate::device::Outcome;
use crate::policy::model::ClassId;
use crate::record::{Exchange, Record};
use crate::scenario::Scenario;
use crate::scenario::target::Target;
use crate::summary::Safety;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::words::{count, either, part_of, percent_of, plural};

fn blank(check: &str, subject: &str) -> Finding {
    unseen(check, Party::Server, Severity::Breach, subject)
}

/// The checks on the rate limits of one class.
pub fn class_findings(class: &ClassWatch, scenario: &Scenario, id: ClassId) -> Vec<Finding> {
    let name = &scenario.policy.class(id).name;
    let mut findings = Vec::new();
    if class.rates().next().is_some() {
        findings.push(over_admission(class, scenario, name));
    }
    // Refusals are judged once, over all limits, in the class of their request.
    if scenario.policy.class(id).of.is_empty() {
        findings.push(false_refusal(class, scenario, name));
    }
    if judged(class).next().is_some() {
        findings.push(scope(class, name));
    }
    findings.extend(class.shutouts().into_iter().flat_map(|seen| seen.findings(scenario, name)));
    findings
}

/// The limits on rates against which what was let through can be held.
fn judged(class: &ClassWatch) -> impl Iterator<Item = &RateWatch> {
    class.rates().filter(|watch| watch.admissions.unjudged.is_none())
}

/// Of a class without a limit against which what was let through can be held.
fn unjudged(class: &ClassWatch, name: &str) -> Option<Finding> {
    let why = class.rates().find_map(|watch| watch.admissions.unjudged).filter(|_| judged(class).next().is_none())?;
    let looked_at = class.rates().map(|watch| watch.admissions.served).max().unwrap_or(0);
    let verdict = match why {
        _ if looked_at == 0 => Verdict::NoData,
        Unjudged::LowerBound => Verdict::Undocumented,
        Unjudged::CountsAnswers | Unjudged::CostIsTold => Verdict::Inconclusive,
    };
    let headline = if looked_at == 0 { "Nothing was served" } else { why.in_words() };
    Some(Finding { verdict, headline: headline.to_owned(), looked_at, ..blank("server.over-admission", name) })
}

fn over_admission(class: &ClassWatch, scenario: &Scenario, name: &str) -> Finding {
    if let Some(finding) = unjudged(class, name) {
        return finding;
    }
    let refuted = |of_targets: bool| -> u64 {
        let held = judged(class).filter(|watch| watch.admissions.is_target == of_targets);
        held.map(|watch| watch.admissions.refuted).sum()
    };
    let (wrong, beyond_target) = (refuted(false), refuted(true));
    let served = judged(class).map(|watch| watch.admissions.served).max().unwrap_or(0);
    let refused = class.refusals.all();
    let safety = judged(class).map(|watch| watch.demand.safety()).max_by_key(|safety| match safety {
        Safety::NoData => 0,
        Safety::Safe => 1,
        Safety::Unproven => 2,
        Safety::DependsOnReading => 3,
        Safety::Over => 4,
    });
    let ruled_out = reading_titles(judged(class).flat_map(|watch| watch.admissions.ruled_out()));
    let fits_none = judged(class).any(|watch| watch.admissions.fits().next().is_none());
    let pressed = matches!(safety, Some(Safety::DependsOnReading | Safety::Over));
    let (verdict, headline) = if wrong > 0 {
        (Verdict::Fail, format!("Lets more through than any reading of the limit allows, at least {}", times(wrong)))
    } else if beyond_target > 0 {
        let headline =
            format!("Lets more through than its target, at least {}; it promises no more", times(beyond_target));
        (Verdict::Undocumented, headline)
    } else if !pressed {
        (Verdict::NoData, "The limit was never asked for more than it allows".to_owned())
    } else if fits_none {
        let headline =
            "What it let each client through fits some reading of the limit, but no reading fits all clients";
        (Verdict::Inconclusive, headline.to_owned())
    } else if refused > 0 && ruled_out.is_empty() {
        (Verdict::Pass, "What it let through fits the limit".to_owned())
    } else if refused > 0 {
        (Verdict::Pass, format!("What it let through fits a reading of the limit, though not: {ruled_out}"))
    } else {
        (
            Verdict::Inconclusive,
            "More than the limit was asked for and nothing refused, which some reading allows".to_owned(),
        )
    };
    let mut explanation = format!("Served {}, refused {refused}.", plural(served, "request"));
    if class.overloaded > 0 {
        explanation += &format!(" {} of the answers said overloaded.", percent_of(class.overloaded, class.answered));
    }
    if beyond_target > 0 {
        explanation += " The provider applies the limit on a best-effort basis, as a target and not as a ceiling.";
    }
    let remedy = "Count at the moment of admission, in one place for all instances of the server";
    let mut exhibits = Exhibits::default();
    for watch in judged(class).filter(|watch| wrong == 0 || !watch.admissions.is_target) {
        exhibits.merge(watch.admissions.exhibits.clone());
    }
    Finding {
        verdict,
        headline,
        explanation,
        remedy: if wrong > 0 { remedy.to_owned() } else { String::new() },
        looked_at: served,
        wrong,
        evidence: exhibits.into_evidence(scenario),
        ..blank("server.over-admission", name)
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn false_refusal(class: &ClassWatch, scenario: &Scenario, name: &str) -> Finding {
    let counts = &class.refusals;
    let looked_at = counts.all();
    let open = counts.open();
    let (verdict, headline) = match counts.unexplained {
        _ if looked_at == 0 => (Verdict::NoData, "Nothing was refused".to_owned()),
        0 if open == looked_at => {
            (Verdict::Inconclusive, format!("{} may or may not be due", plural(looked_at, "refusal")))
        }
        0 if open > 0 => {
            (Verdict::Inconclusive, format!("{} may or may not be due", part_of(open, looked_at, "refusal")))
        }
        0 => {
            (Verdict::Pass, format!("{} {} the limit", plural(looked_at, "refusal"), either(looked_at, "fits", "fit")))
        }
        wrong => (Verdict::Fail, format!("Refuses {} that no reading of the limit refuses", plural(wrong, "request"))),
    };
    let mut explanation = String::new();
    if looked_at > 0 {
        explanation = format!(
            "Explained by what was served: {}; only if refused or lost requests count: {open}; by nothing: {}.",
            looked_at - open - counts.unexplained,
            counts.unexplained
        );
    }
    if open > 0 && matches!(scenario.target, Target::Remote(_)) {
        explanation += " Requests from before the run may have counted in its first window.";
    }
    let remedy = "Count per scope key and over the documented window, and nothing else";
    Finding {
        verdict,
        headline,
        explanation,
        remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
        looked_at,
        wrong: counts.unexplained,
        evidence: counts.exhibits.clone().into_evidence(scenario),
        ..blank("server.false-refusal", name)
    }
}

fn scope(class: &ClassWatch, name: &str) -> Finding {
    let suspicious: u64 = judged(class).map(|watch| watch.together.suspicious()).sum();
    let verdicts = || judged(class).map(|watch| watch.together.verdict(watch.demand.keys()));
    let verdict = [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass]
        .into_iter()
        .find(|wanted| verdicts().any(|verdict| verdict == *wanted));
    let verdict = verdict.unwrap_or(Verdict::NoData);
    let headline = match verdict {
        Verdict::Fail => "Looks keyed by address: refuses clients that are within their own limit",
        Verdict::Inconclusive => "Refuses clients within their own limit, and a shared one was not used up either",
        Verdict::Pass => "Each scope key has a budget of its own",
        _ => "The keys together never asked for more than one budget",
    };
    let remedy = "Key the limit as documented, not by the address that requests come from";
    Finding {
        verdict,
        headline: headline.to_owned(),
        explanation: match verdict {
            Verdict::Fail => "All requests came from one address, and together they were at the limit.".to_owned(),
            _ => String::new(),
        },
        remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
        looked_at: judged(class).map(|watch| watch.demand.requests()).max().unwrap_or(0),
        wrong: suspicious,
        ..blank("server.scope", name)
    }
}

/// The check on a class's limit on concurrency, if it has one that streams were opened under.
pub fn stream_finding(usages: &mut [Usage], scenario: &Scenario, id: ClassId) -> Option<Finding> {
    let rules: Vec<StreamRule> = usages.iter_mut().filter_map(|usage| usage.stream_rule.take()).collect();
    let rule = rules.into_iter().max_by_key(|rule| (rule.broken, rule.open_ended, rule.kept))?;
    let looked_at = rule.kept + rule.broken + rule.open_ended;
    let (verdict, headline) = match (rule.broken, rule.open_ended, rule.kept) {
        (0, 0, 0) => (Verdict::NoData, "No stream was opened beyond the limit".to_owned()),
        (0, 0, kept) => (Verdict::Pass, format!("{} beyond the limit turned away", plural(kept, "stream"))),
        (0, _, _) => (Verdict::Inconclusive, "The run ended too soon to tell whether the stream would last".to_owned()),
        (broken, _, _) => (Verdict::Fail, format!("Keeps {} open beyond the limit", plural(broken, "stream"))),
    };
    let remedy = "Refuse the stream that is one too many, or close one of them";
    Some(Finding {
        verdict,
        headline,
        explanation: match verdict {
            Verdict::Fail => format!("More were open at the same time for {GRACE} and longer than the limit allows."),
            _ => String::new(),
        },
        remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
        looked_at,
        wrong: rule.broken,
        evidence: rule.exhibits.into_evidence(scenario),
        ..blank("server.stream-limit", &scenario.policy.class(id).name)
    })
}

/// Refusals of requests that the documents put in no class.
#[derive(Clone, Debug, Default)]
pub struct Unclassified {
    requests: u64,
    refused: u64,
    exhibits: Exhibits,
}

impl Unclassified {
    pub fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        self.requests += 1;
        if record.outcome == Outcome::Refused {
            self.refused += 1;
            self.exhibits.show(|| Exhibit::done(record, exchange, "no documented limit covers it".to_owned()));
        }
    }

    pub fn merge(&mut self, other: Unclassified) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.exhibits.merge(other.exhibits);
    }

    /// Only where there is something to say.
    pub fn finding(self, scenario: &Scenario) -> Option<Finding> {
        (self.refused > 0).then(|| Finding {
            verdict: Verdict::Undocumented,
            headline: format!("Refuses {} that no documented limit covers", plural(self.refused, "request")),
            looked_at: self.requests,
            wrong: self.refused,
            evidence: self.exhibits.into_evidence(scenario),
            ..blank("server.false-refusal", "unclassified")
        })
    }
}

/// `server.honest-hint` and `client.obeys-hint`.
pub fn hint_findings(hints: Hints, scenario: &Scenario) -> (Finding, Finding) {
    let counts = hints.total();
    let waited = counts.kept + counts.broken + counts.contested;
    let (verdict, headline) = match (counts.broken, counts.kept) {
        _ if waited == 0 => (Verdict::NoData, "No client waited as it was told and came again".to_owned()),
        (0, 0) => (
            Verdict::Inconclusive,
            "Refused again as told to come, where something else may have been the reason".to_owned(),
        ),
        (0, kept) => (Verdict::Pass, format!("{} as told, then admitted", times(kept))),
        (broken, _) => (Verdict::Fail, format!("Refuses again after the wait it asked for, {}", times(broken))),
    };
    let failed = verdict == Verdict::Fail;
    let remedy = "Round the wait up, and tell the time that is left until a request is admitted";
    let honest = Finding {
        verdict,
        headline,
        explanation: match waited {
            0 => String::new(),
            _ => format!(
                "{} came back as told: {} admitted, {} refused again on their own, {} refused again where other requests or \
                 limits may have been the reason.",
                plural(waited, "request"),
                counts.kept,
                counts.broken,
                counts.contested
            ),
        },
        remedy: if failed { remedy.to_owned() } else { String::new() },
        looked_at: waited,
        wrong: counts.broken,
        evidence: hints.broken_exhibits.into_evidence(scenario),
        ..blank("server.honest-hint", "")
    };

    let looked_at = counts.obeyed + counts.ignored;
    let retries = format!("{} {}", count(looked_at), either(looked_at, "retry", "retries"));
    let (verdict, headline) = match counts.ignored {
        _ if looked_at == 0 => (Verdict::NoData, "Nothing was sent again after a hint".to_owned()),
        0 => (Verdict::Pass, format!("{retries}, none sooner than told")),
        ignored => (Verdict::Fail, format!("{} of {retries} came sooner than told", count(ignored))),
    };
    let remedy = "Wait at least as long as the refusal says, and let jitter only add to it";
    let obeys = Finding {
        verdict,
        headline,
        remedy: if counts.ignored > 0 { remedy.to_owned() } else { String::new() },
        looked_at,
        wrong: counts.ignored,
        evidence: hints.ignored_exhibits.into_evidence(scenario),
        ..unseen("client.obeys-hint", Party::Client, Severity::Breach, "")
    };
    (honest, obeys)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn one_is_told_in_the_singular() {
        let mut script = Script::default();
        (0..4).for_each(|number| {
            script.ask(Ask::new(0, SITES, number * 10));
        });
        let flow = script.ask(Ask::new(0, SITES, 100).told(11));
        script.ask(Ask::new(0, SITES, 11_200).retry(flow, 2));
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.false-refusal", "queries").headline, "1 refusal fits the limit");
        assert_eq!(outcomes.finding("client.obeys-hint", "").headline, "1 retry, none sooner than told");
    }

    #[test]
    fn refusals_that_are_merely_possible_leave_the_verdict_open() {
        let mut script = Script::default();
        (0..4).for_each(|number| {
            script.ask(Ask::new(0, SITES, number * 10));
            script.ask(Ask { outcome: Outcome::Overloaded, ..Ask::new(1, SITES, number * 10) });
        });
        script.ask(Ask::new(0, SITES, 100).refused());
        script.ask(Ask::new(1, SITES, 100).refused());
        let outcomes = script.verify(scenario(policy(), 2));
        let finding = outcomes.finding("server.false-refusal", "queries");
        assert_eq!(
            (finding.verdict, &*finding.headline),
            (Verdict::Inconclusive, "1 of 2 refusals may or may not be due")
        );
    }

    #[test]
    fn a_server_that_fits_one_reading_keeps_its_word_and_those_that_it_does_not_fit_are_named() {
        let mut script = Script::default();
        [9_000, 9_100, 9_200, 9_300, 10_100, 10_200].into_iter().for_each(|at| {
            script.ask(Ask::new(0, SITES, at));
        });
        script.ask(Ask::new(0, SITES, 15_000).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        let finding = outcomes.finding("server.over-admission", "queries");
        assert_eq!(finding.verdict, Verdict::Pass);
        assert!(finding.headline.ends_with("though not: rolling window, token bucket"), "{}", finding.headline);
    }

    #[test]
    fn overload_is_mentioned_beside_what_was_admitted() {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0));
        script.ask(Ask { outcome: Outcome::Overloaded, ..Ask::new(0, SITES, 100) });
        let outcomes = script.verify(scenario(policy(), 1));
        let finding = outcomes.finding("server.over-admission", "queries");
        assert!(finding.explanation.contains("50% of the answers said overloaded"), "{}", finding.explanation);
    }
}
