//! What a refusal told the client, and what became of it: `client.obeys-hint` and `server.honest-hint`.
//!
//! A hint is broken only if the client waited as told and was refused again while nothing else of the same budget was
//! under way from before the first refusal to after the second. With company the promise may have been kept and used up
//! by another request, which proves nothing. A hint that is longer than needed is not judged.

use rustc_hash::FxHashMap;

use super::exhibit::{Exhibit, Exhibits};
use crate::device::{Flow, Outcome};
use crate::policy::model::ClassId;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// Flows that wait for their next attempt; more are not followed.
const MOST_FLOWS: usize = 1 << 16;

/// Record times may differ from the ones that a device saw by less than this; hints count whole milliseconds or seconds.
const TOLERANCE: Nanos = Nanos::from_millis(1);

/// The hints that are being waited for, and how those before were taken.
#[derive(Clone, Debug)]
pub struct Hints {
    told: FxHashMap<(DeviceId, Flow), Told>,
    /// By class; the last for requests without a class.
    counts: Vec<HintCounts>,
    pub ignored_exhibits: Exhibits,
    pub broken_exhibits: Exhibits,
}

/// How hints were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HintCounts {
    /// Retries that came as told, and sooner.
    pub obeyed: u64,
    pub ignored: u64,
    /// Then served.
    pub kept: u64,
    /// Then refused again, on their own.
    pub broken: u64,
    /// Refused again, with company.
    pub contested: u64,
}

impl HintCounts {
    fn add(&mut self, other: &HintCounts) {
        self.obeyed += other.obeyed;
        self.ignored += other.ignored;
        self.kept += other.kept;
        self.broken += other.broken;
        self.contested += other.contested;
    }
}

#[derive(Clone, Copy, Debug)]
struct Told {
    done: Nanos,
    wait: Nanos,
    /// Whether the budget was this flow's alone so far.
    alone: bool,
    /// The turn of the latest request of the flow.
    turn: u64,
    /// Whether its next attempt is on its way and left as told.
    obeyed: bool,
}

impl Hints {
    pub fn new(scenario: &Scenario) -> Self {
        Hints {
            told: FxHashMap::default(),
            counts: vec![HintCounts::default(); scenario.policy.classes.len() + 1],
            ignored_exhibits: Exhibits::default(),
            broken_exhibits: Exhibits::default(),
        }
    }

    /// How the hints of some classes were taken.
    pub fn counts_of(&self, classes: impl Iterator<Item = ClassId>) -> HintCounts {
        let mut total = HintCounts::default();
        classes.for_each(|class| total.add(&self.counts[class.index()]));
        total
    }

    /// How all hints were taken.
    pub fn total(&self) -> HintCounts {
        let mut total = HintCounts::default();
        self.counts.iter().for_each(|counts| total.add(counts));
        total
    }

    fn counts_mut(&mut self, class: Option<ClassId>) -> &mut HintCounts {
        let last = self.counts.len() - 1;
        &mut self.counts[class.map_or(last, ClassId::index)]
    }

    /// Takes an attempt; `quiet` says whether its budget was left alone since the turn it is given.
    pub fn sent(&mut self, class: Option<ClassId>, at: Nanos, sent: &Sent, turn: u64, quiet: impl FnOnce(u64) -> bool) {
        if sent.attempt == 1 {
            return;
        }
        let Some(told) = self.told.get_mut(&(sent.device, sent.flow)) else {
            return;
        };
        told.obeyed = at + TOLERANCE >= told.done + told.wait;
        told.alone = told.alone && quiet(told.turn);
        told.turn = turn;
        let told = *told;
        if told.obeyed {
            self.counts_mut(class).obeyed += 1;
        } else {
            self.counts_mut(class).ignored += 1;
            let (told, came) = (told.wait, at.saturating_sub(told.done));
            let why = || format!("told to wait {told}, came after {came}");
            self.ignored_exhibits.show(|| Exhibit::sent(at, sent, why()));
        }
    }

    /// Takes an answer; `alone` says whether its budget was used by nothing else since the turn it is given.
    pub fn done(
        &mut self,
        class: Option<ClassId>,
        record: &Record,
        exchange: Option<&Exchange>,
        turn: u64,
        alone: impl Fn(u64) -> bool,
    ) {
        self.ignored_exhibits.answered(record, exchange);
        let flow = (record.device, record.flow);
        if let Some(told) = self.take(flow).filter(|told| told.obeyed) {
            match record.outcome {
                Outcome::Served => self.counts_mut(class).kept += 1,
                Outcome::Refused if told.alone && alone(told.turn) => {
                    self.counts_mut(class).broken += 1;
                    let why =
                        format!("refused again although it waited the {} it was told, with no company", told.wait);
                    self.broken_exhibits.show(|| Exhibit::done(record, exchange, why));
                }
                Outcome::Refused => self.counts_mut(class).contested += 1,
                _ => {}
            }
        }
        if record.outcome == Outcome::Refused
            && let Some(wait) = record.hint.wait()
            && self.told.len() < MOST_FLOWS
        {
            self.told.insert(flow, Told { done: record.done, wait, alone: alone(turn), turn, obeyed: false });
        }
    }

    /// The flow has ended; nothing more comes of it.
    pub fn finished(&mut self, device: DeviceId, flow: Flow) {
        self.take((device, flow));
    }

    /// Most of the time nobody waits.
    fn take(&mut self, flow: (DeviceId, Flow)) -> Option<Told> {
        if self.told.is_empty() { None } else { self.told.remove(&flow) }
    }

    /// Nothing more comes of the flows so far.
    pub fn through(&mut self) {
        self.told.clear();
    }

    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.told.len()
    }

    pub fn merge(&mut self, other: Hints) {
        self.told.extend(other.told);
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| mine.add(theirs));
        self.ignored_exhibits.merge(other.ignored_exhibits);
        self.broken_exhibits.merge(other.broken_exhibits);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::device::Flow;
    use crate::policy::model::{Blocks, Limit, Penalty, Policy};
    use crate::summary::finding::{Severity, Verdict};
    use crate::time::Nanos;

    /// A client is told to wait 2 s (until 2010 ms), and comes again at `at`.
    fn comes_again(at: u64, second: impl Fn(Ask) -> Ask) -> Script {
        let mut script = Script::default();
        let flow: Flow = script.ask(Ask::new(0, SITES, 0).told(2));
        script.ask(second(Ask::new(0, SITES, at).retry(flow, 2)));
        script
    }

    fn verdicts(script: &Script) -> (Verdict, Verdict) {
        let outcomes = script.verify(scenario(policy(), 2));
        (outcomes.finding("server.honest-hint", "").verdict, outcomes.finding("client.obeys-hint", "").verdict)
    }

    #[test]
    fn waited_as_told_and_admitted_is_right_on_both_sides() {
        assert_eq!(verdicts(&comes_again(2_010, |ask| ask)), (Verdict::Pass, Verdict::Pass));
    }

    #[test]
    fn a_millisecond_early_is_the_clocks_doing() {
        assert_eq!(verdicts(&comes_again(2_009, |ask| ask)), (Verdict::Pass, Verdict::Pass));
        assert_eq!(verdicts(&comes_again(2_008, |ask| ask)).1, Verdict::Fail);
    }

    #[test]
    fn coming_sooner_is_the_clients_fault_and_proves_nothing_about_the_server() {
        let script = comes_again(1_900, Ask::refused);
        assert_eq!(verdicts(&script), (Verdict::NoData, Verdict::Fail));
        let outcomes = script.verify(scenario(policy(), 1));
        let finding = outcomes.finding("client.obeys-hint", "");
        assert_eq!(finding.severity, Severity::Breach);
        assert_eq!(finding.evidence[0].why, "told to wait 2s, came after 1.89s");
        assert_eq!(finding.evidence[0].received, "429 as it came");
    }

    #[test]
    fn refused_again_alone_is_the_servers_fault() {
        assert_eq!(verdicts(&comes_again(2_010, Ask::refused)), (Verdict::Fail, Verdict::Pass));
    }

    #[test]
    fn a_retry_in_the_moment_of_the_refusal_is_no_company_of_itself() {
        let mut script = Script::default();
        let flow = script.ask(Ask::new(0, SITES, 0).told(0));
        script.ask(Ask::new(0, SITES, 10).retry(flow, 2).refused());
        assert_eq!(verdicts(&script), (Verdict::Fail, Verdict::Pass));
    }

    #[test]
    fn company_of_the_same_budget_leaves_it_open_and_that_of_another_does_not() {
        for (device, verdict) in [(0, Verdict::Inconclusive), (1, Verdict::Fail)] {
            // Before the retry, beside it, and beside the first refusal.
            for at in [1_000, 2_015, 5] {
                let mut script = comes_again(2_010, Ask::refused);
                script.ask(Ask::new(device, SITES, at));
                assert_eq!(verdicts(&script).0, verdict, "device {device} at {at}");
            }
        }
    }

    /// A penalty of another class may shut out from everything, or not.
    fn with_a_penalty_elsewhere() -> Policy {
        let mut policy = policy();
        let Limit::Rate(limit) = &mut policy.classes[1].limits[0] else { panic!("a rate") };
        let lasts = Nanos::from_secs(60);
        limit.penalty = Some(Penalty { lasts, stated: false, extends: None, blocks: Blocks::Unspecified });
        policy
    }

    #[test]
    fn what_another_class_may_bar_from_is_an_excuse_only_where_it_was_refused() {
        let honest = |script: &Script| {
            let outcomes = script.verify(scenario(with_a_penalty_elsewhere(), 2));
            outcomes.finding("server.honest-hint", "").verdict
        };
        let mut script = comes_again(2_010, Ask::refused);
        assert_eq!(honest(&script), Verdict::Fail, "nobody used it");
        script.ask(Ask::new(0, TOKEN, 1_000));
        assert_eq!(honest(&script), Verdict::Fail, "it was served");
        script.ask(Ask::new(0, TOKEN, 1_100).refused());
        assert_eq!(honest(&script), Verdict::Inconclusive);
    }

    #[test]
    fn without_a_second_attempt_there_is_nothing_to_say() {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0).told(2));
        assert_eq!(verdicts(&script), (Verdict::NoData, Verdict::NoData));
    }

    #[test]
    fn flows_that_have_ended_are_forgotten() {
        let mut verifier = verifier(scenario(policy(), 1));
        let mut script = Script::default();
        let flow = script.ask(Ask::new(0, SITES, 0).told(2));
        script.play(&mut verifier, |_| true);
        assert_eq!(verifier.hints_waiting(), 1);
        let mut script = Script::default();
        script.finish(0, SITES, flow, 1, false, 20);
        script.play(&mut verifier, |_| true);
        assert_eq!(verifier.hints_waiting(), 0);
    }
}
