//! How clients take refusals: `client.amplification` and `client.sustained-refusals`.

use super::words::unseen;
use crate::policy::model::{BackoffAdvice, ClassId};
use crate::scenario::Scenario;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{part_of, percent_of, plural};

/// Requests per logical operation beyond which retries make an overload worse.
const AMPLIFICATION_BOUND: f64 = 1.5;

/// The logical operations of one class that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logical {
    finished: u64,
    given_up: u64,
    attempts: u64,
    /// Operations that took more than one attempt.
    repeated: u64,
    /// Operations tried more often than the provider recommends.
    stubborn: u64,
    most_attempts: u32,
}

impl Logical {
    pub fn finished(&mut self, attempts: u32, served: bool, advice: Option<&BackoffAdvice>) {
        self.finished += 1;
        self.given_up += u64::from(!served);
        self.attempts += u64::from(attempts);
        self.repeated += u64::from(attempts > 1);
        self.stubborn += u64::from(advice.is_some_and(|advice| attempts > advice.attempts));
        self.most_attempts = self.most_attempts.max(attempts);
    }

    pub fn merge(&mut self, other: &Logical) {
        self.finished += other.finished;
        self.given_up += other.given_up;
        self.attempts += other.attempts;
        self.repeated += other.repeated;
        self.stubborn += other.stubborn;
        self.most_attempts = self.most_attempts.max(other.most_attempts);
    }

    pub fn finding(&self, scenario: &Scenario, class: ClassId) -> Finding {
        let class = &scenario.policy.class(class).name;
        let blank = unseen("client.amplification", Party::Client, Severity::Advice, class);
        if self.finished == 0 {
            return Finding { headline: "No operation of this class came to its end".to_owned(), ..blank };
        }
        let factor = self.attempts as f64 / self.finished as f64;
        let failed = factor > AMPLIFICATION_BOUND || self.stubborn > 0;
        let headline = format!("{factor:.2} requests sent for each operation");
        let mut explanation = format!(
            "{} that came to an end took {} in all; the most for one was {}. {} given up.",
            plural(self.finished, "operation"),
            plural(self.attempts, "attempt"),
            self.most_attempts,
            self.given_up
        );
        if self.stubborn > 0
            && let Some(advice) = &scenario.policy.guidance.backoff
        {
            let times = advice.attempts;
            explanation +=
                &format!(" {} went beyond the recommended {times} attempts.", plural(self.stubborn, "operation"));
        }
        let remedy = "Ask for no more than the limit allows: each refusal costs another attempt, however well it is \
                      heeded. Wait as the refusal says, back off exponentially without a hint, and give up after a few attempts";
        Finding {
            verdict: if failed { Verdict::Fail } else { Verdict::Pass },
            headline,
            explanation,
            remedy: if failed { remedy.to_owned() } else { String::new() },
            looked_at: self.finished,
            wrong: self.repeated,
            ..blank
        }
    }
}

/// Refusals in consecutive spans of ten seconds.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    spans: Vec<u32>,
    requests: u64,
}

const SPAN: Nanos = Nanos::from_secs(10);

/// So many spans in a row with refusals are no accident any more.
const MOST_IN_A_ROW: usize = 3;

impl Refusals {
    pub fn done(&mut self, at: Nanos, refused: bool) {
        self.requests += 1;
        if refused {
            let span = (at.0 / SPAN.0) as usize;
            if self.spans.len() <= span {
                self.spans.resize(span + 1, 0);
            }
            self.spans[span] += 1;
        }
    }

    pub fn merge(&mut self, other: &Refusals) {
        self.requests += other.requests;
        self.spans.resize(self.spans.len().max(other.spans.len()), 0);
        for (mine, theirs) in self.spans.iter_mut().zip(&other.spans) {
            *mine += theirs;
        }
    }

    pub fn finding(&self, ended: Nanos) -> Finding {
        let blank = unseen("client.sustained-refusals", Party::Client, Severity::Advice, "");
        if self.requests == 0 {
            return Finding { headline: "No request was answered".to_owned(), ..blank };
        }
        let refused: u64 = self.spans.iter().map(|&count| u64::from(count)).sum();
        let spans = (ended.0.div_ceil(SPAN.0) as usize).max(self.spans.len()).max(1);
        let hit = self.spans.iter().filter(|&&count| count > 0).count();
        let row = self.spans.split(|&count| count == 0).map(<[u32]>::len).max().unwrap_or(0);
        let failed = row > MOST_IN_A_ROW || (hit > 1 && 2 * hit > spans);
        Finding {
            verdict: if failed { Verdict::Fail } else { Verdict::Pass },
            headline: match refused {
                0 => "No request was refused".to_owned(),
                _ if failed => format!("Refusals went on and on: {hit} of {spans} spans of {SPAN} had some"),
                _ => format!("Refusals passed: {hit} of {spans} spans of {SPAN} had some"),
            },
            explanation: format!(
                "{} {} ({}); the longest series was {} in a row.",
                part_of(refused, self.requests, "answer"),
                if refused == 1 { "was a refusal" } else { "were refusals" },
                percent_of(refused, self.requests),
                plural(row as u64, "span")
            ),
            remedy: if failed { "Lower the demand: backing off only moves it".to_owned() } else { String::new() },
            looked_at: spans as u64,
            wrong: hit as u64,
            ..blank
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::device::{Failure, Outcome};

    fn amplification(flows: &[(u32, bool)]) -> Finding {
        let mut script = Script::default();
        for (index, (attempts, served)) in flows.iter().enumerate() {
            let flow = script.ask(Ask::new(0, SITES, index as u64 * 10_000));
            script.finish(0, SITES, flow, *attempts, *served, index as u64 * 10_000 + 10);
        }
        script.verify(scenario(policy(), 1)).finding("client.amplification", "queries").clone()
    }

    #[test]
    fn retries_up_to_half_of_the_operations_are_accepted() {
        let finding = amplification(&[(1, true), (2, true)]);
        assert_eq!((finding.verdict, finding.looked_at, finding.wrong), (Verdict::Pass, 2, 1));
        assert_eq!(amplification(&[(1, true), (3, true)]).verdict, Verdict::Fail);
        assert_eq!(amplification(&[]).verdict, Verdict::NoData);
    }

    #[test]
    fn trying_more_often_than_recommended_fails_however_rare() {
        let mut flows = vec![(1, true); 50];
        flows.push((6, false));
        assert_eq!(amplification(&flows).verdict, Verdict::Pass);
        flows.push((7, false));
        assert_eq!(amplification(&flows).verdict, Verdict::Fail);
    }

    /// One refusal in each of these seconds of a minute.
    fn refusals(seconds: &[u64]) -> Verdict {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0));
        seconds.iter().for_each(|second| {
            script.ask(Ask::new(0, SITES, second * 1_000).refused());
        });
        script.verify(scenario(policy(), 1)).finding("client.sustained-refusals", "").verdict
    }

    #[test]
    fn only_answers_are_counted_as_answers() {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0));
        script.ask(Ask::new(0, SITES, 100).refused());
        [Failure::Cancelled, Failure::Timeout].into_iter().for_each(|failure| {
            script.ask(Ask { outcome: Outcome::Failed(failure), ..Ask::new(0, SITES, 200) });
        });
        let outcomes = script.verify(scenario(policy(), 1));
        let explanation = &outcomes.finding("client.sustained-refusals", "").explanation;
        assert!(explanation.starts_with("1 of 2 answers was a refusal (50%)"), "{explanation}");
        assert!(explanation.ends_with("the longest series was 1 span in a row."), "{explanation}");
    }

    #[test]
    fn refusals_that_go_on_are_told_from_those_that_pass() {
        assert_eq!(refusals(&[]), Verdict::Pass);
        assert_eq!(refusals(&[1, 2, 11, 25]), Verdict::Pass, "three spans in a row, half of the run");
        assert_eq!(refusals(&[1, 11, 21, 31]), Verdict::Fail, "four in a row");
        assert_eq!(refusals(&[1, 11, 31, 51]), Verdict::Fail, "four of six");
        let empty = Script::default().verify(scenario(policy(), 1));
        assert_eq!(empty.finding("client.sustained-refusals", "").verdict, Verdict::NoData);
    }
}
