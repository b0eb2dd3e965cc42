//! Where an excess over a limit comes from: the schedule, the client's own retries, or a server that called for them.

use super::class::Usage;
use super::quota::About;
use crate::summary::Safety;
use crate::words::plural;

/// Where an excess comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// First attempts alone are too many, or there is no excess.
    Fleet,
    /// First attempts alone fit; what came again does not.
    Retries,
    /// There were retries, and the server broke its word to cause some of them: by a hint that did not hold, or by a refusal
    /// that was not due. What the fleet asks of an honest server is then not known.
    Server,
}

impl About<'_> {
    pub(super) fn blame(&self, usage: &Usage) -> Blame {
        let quota = &usage.quota;
        let exceeded = matches!(quota.safety, Safety::DependsOnReading | Safety::Over);
        let misled = self.hints.broken > 0 || self.refusals.unexplained > 0;
        match quota.first_attempts_peak {
            _ if !exceeded || quota.retries == 0 => Blame::Fleet,
            _ if misled => Blame::Server,
            Some(first_attempts) if first_attempts <= quota.allow => Blame::Retries,
            _ => Blame::Fleet,
        }
    }

    /// How the server made its clients come again.
    pub(super) fn servers_doing(&self) -> String {
        let broken = plural(self.hints.broken, "request");
        let undue = plural(self.refusals.unexplained, "request");
        let doing = match (self.hints.broken, self.refusals.unexplained) {
            (_, 0) => format!("refused {broken} again after the wait that it had asked for"),
            (0, _) => format!("refused {undue} that no reading of the limit refuses"),
            _ => format!(
                "refused {undue} that no reading of the limit refuses, and {broken} again after the wait that it had asked for"
            ),
        };
        format!("The server {doing}, and so called for retries.")
    }

    /// What of the demand is the schedule's and what came again.
    pub(super) fn retries_text(&self, usage: &Usage) -> Option<String> {
        let quota = &usage.quota;
        let first_attempts = quota.first_attempts_peak.filter(|_| quota.retries > 0)?;
        let told = match self.hints.obeyed {
            0 => String::new(),
            obeyed => format!(" ({obeyed} of them no sooner than the server had told them to come)"),
        };
        let (retries, requests) = (quota.retries, plural(quota.requests, "request"));
        let were = if retries == 1 { "was a retry" } else { "were retries" };
        let alone = format!("first attempts alone come to {first_attempts} of {} at their busiest", quota.allow);
        Some(format!("{retries} of {requests} {were}{told}; {alone}."))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::summary::finding::Verdict;

    /// A client that is alone with its budget: `asks` at once, four of them served, and then it comes again as it was told,
    /// `again` times, to be refused each time.
    fn misled(asks: u64, again: u64) -> Outcomes {
        let mut script = Script::default();
        (1..asks).for_each(|number| {
            let ask = Ask::new(0, SITES, number * 20);
            script.ask(if number <= 4 { ask } else { ask.refused() });
        });
        let mut at = asks * 20;
        let flow = script.ask(Ask::new(0, SITES, at).told(1));
        for attempt in 0..again {
            at += 1_010;
            script.ask(Ask::new(0, SITES, at).told(1).retry(flow, attempt as u32 + 2));
        }
        script.verify(scenario(policy(), 1))
    }

    #[test]
    fn where_hints_do_not_hold_the_server_comes_first_and_then_what_the_fleet_asked_of_its_own() {
        let outcomes = misled(5, 6);
        let quota = outcomes.quota("queries");
        assert_eq!((quota.safety, quota.retries, quota.first_attempts_peak), (Safety::Over, 6, Some(5)));
        assert_eq!(outcomes.0.findings[0].check, "server.honest-hint");
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Fail, "over is over");
        assert!(
            finding.headline.ends_with("the server called for retries that it had no right to"),
            "{}",
            finding.headline
        );
        assert!(
            finding.explanation.starts_with("The server refused 6 requests again after the wait that it had asked for"),
            "{}",
            finding.explanation
        );
        let split = "6 of 11 requests were retries (6 of them no sooner than the server had told them to come); first attempts alone come to 5 of 4";
        assert!(finding.explanation.contains(split), "{}", finding.explanation);
        assert!(finding.remedy.starts_with("First mend the server"), "{}", finding.remedy);
        assert!(finding.remedy.contains("Then the fleet: "), "{}", finding.remedy);
    }

    #[test]
    fn where_only_undue_refusals_made_the_excess_the_fleet_has_nothing_to_mend() {
        let mut script = Script::default();
        let mut flow = script.ask(Ask::new(0, SITES, 0).refused());
        for attempt in 2..8 {
            flow = script.ask(Ask::new(0, SITES, u64::from(attempt) * 50).refused().retry(flow, attempt));
        }
        let outcomes = script.verify(scenario(policy(), 1));
        let place = |check: &str| outcomes.0.findings.iter().position(|finding| finding.check == check);
        assert!(place("server.false-refusal") < place("fleet.quota"));
        let finding = outcomes.finding("fleet.quota", "queries");
        assert!(
            finding.explanation.starts_with("The server refused 4 requests that no reading"),
            "{}",
            finding.explanation
        );
        assert!(finding.remedy.ends_with("The fleet's first attempts fit the limit."), "{}", finding.remedy);
    }

    /// `count` operations that are told the server is overloaded, and tried five times each.
    fn overloaded(count: u32) -> Outcomes {
        let mut script = Script::default();
        for number in 0..count {
            let begin = u64::from(number) * 200;
            let overloaded = |at| Ask { outcome: crate::device::Outcome::Overloaded, ..Ask::new(0, SITES, at) };
            let flow = script.ask(overloaded(begin));
            for attempt in 2..6 {
                script.ask(overloaded(begin + u64::from(attempt) * 20).retry(flow, attempt));
            }
        }
        script.verify(scenario(policy(), 1))
    }

    #[test]
    fn retries_that_the_client_made_of_itself_are_its_own() {
        let outcomes = overloaded(4);
        assert_eq!(outcomes.0.findings[0].check, "fleet.quota");
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.headline.ends_with("first attempts alone fit, the retries do not"), "{}", finding.headline);
        let split = "16 of 20 requests were retries; first attempts alone come to 4 of 4";
        assert!(finding.explanation.contains(split), "{}", finding.explanation);
        assert!(finding.remedy.starts_with("Come back later and less often"), "{}", finding.remedy);
    }

    #[test]
    fn where_first_attempts_alone_are_too_many_the_schedule_is_to_blame_with_retries_or_without() {
        let outcomes = overloaded(5);
        let headline = &outcomes.finding("fleet.quota", "queries").headline;
        assert!(!headline.contains("fit"), "{headline}");

        let mut script = Script::default();
        (0..10).for_each(|number| {
            let ask = Ask::new(0, DEVICE, number * 10).about(number as u32);
            script.ask(if number == 0 { ask.refused() } else { ask });
        });
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail);
        assert_eq!(outcomes.0.findings[0].check, "fleet.quota", "nothing came again");
    }
}
