//! `client.overload`: what became of operations that met an overloaded server, group by group, and whether clients tried
//! again more often than the provider asks.

use rustc_hash::FxHashMap;

use super::words::unseen;
use crate::device::{Flow, Outcome};
use crate::record::{Record, Sent};
use crate::scenario::{DeviceId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::words::plural;

/// Flows that have met an overload and go on; more are not followed.
const MOST_FLOWS: usize = 1 << 16;

/// What overloads did to one group's operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Met {
    operations: u64,
    /// Sent again after an overload.
    retries: u64,
    /// Of these, beyond what the provider asks.
    too_many: u64,
    served: u64,
    given_up: u64,
}

#[derive(Clone, Copy, Debug)]
struct Overloaded {
    /// How many the operation has met so far.
    times: u32,
    /// Whether its last answer was one.
    just_now: bool,
}

/// The operations that have met an overload.
#[derive(Clone, Debug, Default)]
pub struct Overloads {
    flows: FxHashMap<(DeviceId, Flow), Overloaded>,
    /// By group.
    met: Vec<Met>,
    /// How often an operation may be tried again.
    retries: Option<u32>,
}

impl Overloads {
    pub fn new(scenario: &Scenario) -> Self {
        let met = vec![Met::default(); scenario.groups.len()];
        Overloads { flows: FxHashMap::default(), met, retries: scenario.policy.overload.retries }
    }

    pub fn sent(&mut self, scenario: &Scenario, sent: &Sent) {
        // Most of the time no server is overloaded.
        if sent.attempt == 1 || self.flows.is_empty() {
            return;
        }
        let overloaded = self.flows.get(&(sent.device, sent.flow)).filter(|overloaded| overloaded.just_now);
        if let Some(overloaded) = overloaded {
            let met = &mut self.met[scenario.group_index(sent.device)];
            met.retries += 1;
            met.too_many += u64::from(self.retries.is_some_and(|retries| overloaded.times > retries));
        }
    }

    pub fn done(&mut self, scenario: &Scenario, record: &Record) {
        let just_now = record.outcome == Outcome::Overloaded;
        if !just_now && self.flows.is_empty() {
            return;
        }
        let flow = (record.device, record.flow);
        if let Some(overloaded) = self.flows.get_mut(&flow) {
            overloaded.times += u32::from(just_now);
            overloaded.just_now = just_now;
        } else if just_now && self.flows.len() < MOST_FLOWS {
            self.flows.insert(flow, Overloaded { times: 1, just_now });
            self.met[scenario.group_index(record.device)].operations += 1;
        }
    }

    /// The flow has ended; nothing more comes of it.
    pub fn finished(&mut self, scenario: &Scenario, device: DeviceId, flow: Flow, served: bool) {
        if !self.flows.is_empty() && self.flows.remove(&(device, flow)).is_some() {
            let met = &mut self.met[scenario.group_index(device)];
            met.served += u64::from(served);
            met.given_up += u64::from(!served);
        }
    }

    /// Nothing more comes of the flows so far.
    pub fn through(&mut self) {
        self.flows.clear();
    }

    pub fn merge(&mut self, other: Overloads) {
        self.flows.extend(other.flows);
        for (mine, theirs) in self.met.iter_mut().zip(other.met) {
            mine.add(&theirs);
        }
    }

    /// None where no server was overloaded and the provider says nothing of it either.
    pub fn finding(self, scenario: &Scenario) -> Option<Finding> {
        let mut total = Met::default();
        self.met.iter().for_each(|met| total.add(met));
        let blank = unseen("client.overload", Party::Client, Severity::Advice, "");
        if total.operations == 0 {
            let headline = "No operation met an overloaded server".to_owned();
            return self.retries.map(|_| Finding { headline, ..blank });
        }
        let verdict = match self.retries {
            None => Verdict::Undocumented,
            Some(_) if total.too_many > 0 => Verdict::Fail,
            Some(_) => Verdict::Pass,
        };
        let (met, too_many) = (plural(total.operations, "operation"), total.too_many);
        let headline = match (self.retries, verdict) {
            (Some(most), Verdict::Fail) => {
                format!("Retries after an overload: {}, {too_many} of them beyond the {most} allowed", total.retries)
            }
            _ => format!("{met} met an overloaded server; served in the end: {}", total.served),
        };
        let groups = scenario.groups.iter().zip(&self.met).filter(|(_, met)| met.operations > 0);
        let lines: Vec<String> = groups.map(|(group, met)| met.in_words(&group.name)).collect();
        let remedy =
            "Wait, and try again no oftener than the provider asks; tell whoever waits that the service is overloaded";
        Some(Finding {
            verdict,
            headline,
            explanation: lines.join(" "),
            remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
            looked_at: total.operations,
            wrong: total.too_many,
            ..blank
        })
    }
}

impl Met {
    fn add(&mut self, other: &Met) {
        self.operations += other.operations;
        self.retries += other.retries;
        self.too_many += other.too_many;
        self.served += other.served;
        self.given_up += other.given_up;
    }

    fn in_words(&self, group: &str) -> String {
        let Met { operations, retries, served, given_up, .. } = *self;
        let open = match operations - served - given_up {
            0 => String::new(),
            open => format!(", still tried at the end {open}"),
        };
        format!(
            "{group}: {} met it; served in the end {served}, given up {given_up}{open}; sent again {}.",
            plural(operations, "operation"),
            plural(retries, "time"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::device::Outcome;
    use crate::policy::model::Policy;
    use crate::summary::finding::Verdict;

    fn allowing(retries: Option<u32>) -> Policy {
        let mut policy = policy();
        policy.overload.retries = retries;
        policy
    }

    /// An operation that meets so many overloads, and is served at last or not.
    fn meets(overloads: u32, served: bool) -> Script {
        let mut script = Script::default();
        let overloaded = |at| Ask { outcome: Outcome::Overloaded, ..Ask::new(0, SITES, at) };
        let flow = script.ask(overloaded(0));
        for attempt in 2..=overloads {
            script.ask(overloaded(u64::from(attempt) * 100).retry(flow, attempt));
        }
        let attempts = overloads + u32::from(served);
        if served {
            script.ask(Ask::new(0, SITES, 5_000).retry(flow, attempts));
        }
        script.finish(0, SITES, flow, attempts, served, 6_000);
        script
    }

    fn judged(script: &Script, retries: Option<u32>) -> (Verdict, u64, String) {
        let outcomes = script.verify(scenario(allowing(retries), 1));
        let finding = outcomes.finding("client.overload", "");
        (finding.verdict, finding.wrong, finding.explanation.clone())
    }

    #[test]
    fn as_many_retries_as_the_provider_asks_for_are_right_and_more_are_not() {
        let (verdict, wrong, words) = judged(&meets(1, true), Some(1));
        assert_eq!((verdict, wrong), (Verdict::Pass, 0));
        assert_eq!(words, "clients: 1 operation met it; served in the end 1, given up 0; sent again 1 time.");
        assert_eq!(judged(&meets(2, false), Some(1)).0, Verdict::Pass);
        let (verdict, wrong, words) = judged(&meets(4, false), Some(1));
        assert_eq!((verdict, wrong), (Verdict::Fail, 2));
        assert!(words.contains("given up 1; sent again 3 times"), "{words}");
        assert_eq!(judged(&meets(1, true), Some(0)).0, Verdict::Fail);
    }

    #[test]
    fn a_retry_after_a_refusal_is_none_after_an_overload() {
        let mut script = Script::default();
        let flow = script.ask(Ask::new(0, SITES, 0).refused());
        script.ask(Ask::new(0, SITES, 100).retry(flow, 2));
        assert_eq!(judged(&script, Some(0)).0, Verdict::NoData);
    }

    #[test]
    fn nor_where_the_operation_had_met_an_overload_before() {
        let mut script = Script::default();
        let overloaded = Ask { outcome: Outcome::Overloaded, ..Ask::new(0, SITES, 0) };
        let flow = script.ask(overloaded);
        script.ask(Ask::new(0, SITES, 100).retry(flow, 2).refused());
        script.ask(Ask::new(0, SITES, 200).retry(flow, 3));
        script.finish(0, SITES, flow, 3, true, 300);
        assert!(judged(&script, None).2.ends_with("sent again 1 time."));
    }

    #[test]
    fn where_the_provider_says_nothing_it_is_told_and_not_judged() {
        assert_eq!(judged(&meets(4, false), None).0, Verdict::Undocumented);
        let calm = Script::default().verify(scenario(allowing(None), 1));
        assert!(calm.0.findings.iter().all(|finding| finding.check != "client.overload"));
    }
}
