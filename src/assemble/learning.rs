//! Classes that only answers tell: observations are held back until it is known where they belong.
//!
//! Some providers do not publish which request belongs to which class, but name it in a header of every answer. Everything
//! behind the record stream counts a request when it is sent, so nothing of an operation may pass before its first answer
//! has told. Observations keep their order: what comes after one that waits, waits too. Should no answer ever tell, or the
//! line grow too long, the operation counts as being in no class, and `fleet.classified` says so.

use std::collections::{BTreeMap, VecDeque};

use crate::device::{Flow, Note, Outcome};
use crate::policy::model::{ClassId, Policy};
use crate::record::{Exchange, Observation, Observer, Record, Sent, StreamEnding};
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{count, plural};

/// So many observations wait at most.
const MOST_HELD: usize = 1 << 16;
/// So many operations without a class are named.
const NAMED: usize = 3;

/// The check that says which operations count in no class for want of an answer.
pub(super) const CHECK: &str = "fleet.classified";

/// Learns the classes of operations on the way to an observer.
#[derive(Debug)]
pub struct Learning {
    /// By operation.
    knowledge: Vec<Knowledge>,
    /// Operations that are not announced. None: everything passes.
    open: usize,
    /// Whether an answer without quota headers tells that its operation is not limited.
    absent_means_unlimited: bool,
    held: VecDeque<(Nanos, Held)>,
    /// What became of the operations that had to be learned.
    ends: BTreeMap<OperationId, End>,
}

/// How the class of an operation was learned, the better end first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Told,
    /// No answer had told by the end of the run.
    Untold,
    /// No answer had told by the time the line was full.
    TooLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    Unknown,
    /// An answer has told, the observer has not heard it so far.
    Learned(Option<ClassId>),
    /// The observer knows.
    Announced,
}

/// An observation that waits.
#[derive(Clone, Debug)]
enum Held {
    Sent(Sent),
    Done(Box<Record>, Option<Box<Exchange>>),
    StreamClosed { device: DeviceId, operation: OperationId, flow: Flow, frames: u64, ending: StreamEnding },
    Noted { device: DeviceId, note: Note },
    Late { by: Nanos },
    Through { ended: Nanos },
}

impl Learning {
    pub fn new(scenario: &Scenario) -> Self {
        let policy = &scenario.policy;
        let learns = policy.classes.iter().any(|class| class.learned_as.is_some());
        let is_open = |class: Option<ClassId>| learns && class.is_none();
        let operations = scenario.operations.iter().map(|(_, operation)| operation.class);
        let knowledge: Vec<Knowledge> =
            operations.map(|class| if is_open(class) { Knowledge::Unknown } else { Knowledge::Announced }).collect();
        Learning {
            open: knowledge.iter().filter(|known| **known == Knowledge::Unknown).count(),
            knowledge,
            absent_means_unlimited: absent_means_unlimited(policy),
            held: VecDeque::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Passes an observation on as soon as the class of its operation is known, and everything in order.
    pub fn observe(&mut self, at: Nanos, observation: Observation<'_>, to: &mut impl Observer) {
        if self.open == 0 {
            return to.observe(at, observation);
        }
        self.learn(&observation);
        if self.held.is_empty() && self.may_pass(&observation) {
            self.announce(at, &observation, to);
            return to.observe(at, observation);
        }
        self.hold(at, observation);
        self.release(to);
        while self.held.len() > MOST_HELD {
            self.give_up_on_first(End::TooLate);
            self.release(to);
        }
    }

    /// Passes on what still waits. What no answer has told by now is in no class.
    pub fn flush(&mut self, to: &mut impl Observer) {
        while !self.held.is_empty() {
            self.give_up_on_first(End::Untold);
            self.release(to);
        }
    }

    /// Takes over what became of the operations of another shard, both of which have nothing left that waits.
    pub fn merge(&mut self, other: Learning) {
        for (operation, end) in other.ends {
            let mine = self.ends.entry(operation).or_insert(end);
            *mine = end.max(*mine);
        }
    }

    /// `fleet.classified`: whether what the run shows is held against the right limits. None where no class is learned.
    pub fn finding(&self, scenario: &Scenario) -> Option<Finding> {
        let learns = scenario.policy.classes.iter().any(|class| class.learned_as.is_some());
        let of_end =
            |end: End| self.ends.iter().filter(move |(_, found)| **found == end).map(|(operation, _)| *operation);
        let (too_late, untold) = (of_end(End::TooLate).count() as u64, of_end(End::Untold).count() as u64);
        let (looked_at, wrong) = (self.ends.len() as u64, too_late + untold);
        let operations: Vec<OperationId> = of_end(End::TooLate).chain(of_end(End::Untold)).collect();
        let (verdict, headline) = match wrong {
            _ if looked_at == 0 => (Verdict::NoData, "No request was sent whose class answers tell".to_owned()),
            0 => (Verdict::Pass, format!("Answers told the class of {}", plural(looked_at, "operation"))),
            _ => {
                (Verdict::Inconclusive, format!("No answer told in time the class of {}", named(scenario, &operations)))
            }
        };
        let line = format!("when {} observations were waiting for it", count(MOST_HELD as u64));
        let parts = [(too_late, line.as_str()), (untold, "by the end of the run")];
        let when: Vec<String> = parts
            .iter()
            .filter(|(operations, _)| *operations > 0)
            .map(|(operations, when)| format!("of {} it was not known {when}", plural(*operations, "operation")))
            .collect();
        let explanation = match wrong {
            0 => String::new(),
            _ => format!(
                "Their requests are held against no limit: {}. The profile's `classes` can map them to their class.",
                when.join(", ")
            ),
        };
        learns.then(|| Finding {
            check: CHECK.into(),
            party: Party::Fleet,
            severity: Severity::Breach,
            subject: String::new(),
            verdict,
            headline,
            explanation,
            remedy: String::new(),
            looked_at,
            wrong,
            would_save: None,
            evidence: Vec::new(),
        })
    }

    fn learn(&mut self, observation: &Observation<'_>) {
        let Observation::Done { record, .. } = observation else { return };
        let known = &mut self.knowledge[usize::from(record.operation.0)];
        if *known != Knowledge::Unknown {
            return;
        }
        let bare = self.absent_means_unlimited && !record.told.present && record.outcome == Outcome::Served;
        if record.told.class.is_some() || bare {
            *known = Knowledge::Learned(record.told.class);
        }
    }

    fn may_pass(&self, observation: &Observation<'_>) -> bool {
        subject(observation).is_none_or(|operation| self.knowledge[usize::from(operation.0)] != Knowledge::Unknown)
    }

    /// Tells the observer the class of an operation before it hears anything else of it.
    fn announce(&mut self, at: Nanos, observation: &Observation<'_>, to: &mut impl Observer) {
        let Some(operation) = subject(observation) else { return };
        let known = &mut self.knowledge[usize::from(operation.0)];
        if let Knowledge::Learned(class) = *known {
            *known = Knowledge::Announced;
            self.open -= 1;
            self.ends.entry(operation).or_insert(End::Told);
            to.observe(at, Observation::Classified { operation, class });
        }
    }

    fn hold(&mut self, at: Nanos, observation: Observation<'_>) {
        let held = match observation {
            Observation::Sent(sent) => Held::Sent(sent),
            Observation::Done { record, exchange } => Held::Done(Box::new(*record), exchange.cloned().map(Box::new)),
            Observation::StreamClosed { device, operation, flow, frames, ending } => {
                Held::StreamClosed { device, operation, flow, frames, ending }
            }
            Observation::Noted { device, note } => Held::Noted { device, note },
            Observation::Late { by } => Held::Late { by },
            Observation::Through { ended } => Held::Through { ended },
            // Nobody before this one knows classes.
            Observation::Classified { .. } => return,
        };
        self.held.push_back((at, held));
    }

    fn release(&mut self, to: &mut impl Observer) {
        while let Some((at, held)) = self.held.pop_front() {
            let observation = held.observation();
            if !self.may_pass(&observation) {
                return self.held.push_front((at, held));
            }
            self.announce(at, &observation, to);
            to.observe(at, observation);
        }
    }

    fn give_up_on_first(&mut self, end: End) {
        if let Some((_, first)) = self.held.front()
            && let Some(operation) = subject(&first.observation())
        {
            let known = &mut self.knowledge[usize::from(operation.0)];
            if *known == Knowledge::Unknown {
                *known = Knowledge::Learned(None);
                self.ends.insert(operation, end);
            }
        }
    }
}

impl Held {
    fn observation(&self) -> Observation<'_> {
        match self {
            Held::Sent(sent) => Observation::Sent(*sent),
            Held::Done(record, exchange) => Observation::Done { record, exchange: exchange.as_deref() },
            &Held::StreamClosed { device, operation, flow, frames, ending } => {
                Observation::StreamClosed { device, operation, flow, frames, ending }
            }
            Held::Noted { device, note } => Observation::Noted { device: *device, note: *note },
            Held::Late { by } => Observation::Late { by: *by },
            Held::Through { ended } => Observation::Through { ended: *ended },
        }
    }
}

/// The operation that an observation is about.
fn subject(observation: &Observation<'_>) -> Option<OperationId> {
    match observation {
        Observation::Sent(sent) => Some(sent.operation),
        Observation::Done { record, .. } => Some(record.operation),
        Observation::Noted { note, .. } => Some(match note {
            Note::Finished { operation, .. } | Note::Dropped { operation, .. } | Note::CacheHit { operation } => {
                *operation
            }
        }),
        Observation::StreamClosed { operation, .. } => Some(*operation),
        Observation::Classified { .. } | Observation::Late { .. } | Observation::Through { .. } => None,
    }
}

/// `GET /a, GET /b and 3 more`.
fn named(scenario: &Scenario, operations: &[OperationId]) -> String {
    let names: Vec<String> = operations.iter().take(NAMED).map(|id| scenario.operations.get(*id).name()).collect();
    let more = match operations.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.join(", ") + &more
}

fn absent_means_unlimited(policy: &Policy) -> bool {
    policy.quota_headers.as_ref().is_some_and(|headers| headers.absent_means_unlimited)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Recorder;
    use super::super::testing::facts;
    use super::*;
    use crate::device::Failure;
    use crate::policy::model::{Presence, QuotaHeaders};
    use crate::policy::signals::Told;
    use crate::signals::Dialect;
    use crate::testing::{SITES, STATUS, TOKEN, play, record, scenario};

    const QUERIES: ClassId = ClassId(0);
    const TOKENS: ClassId = ClassId(1);

    /// Keeps what it hears, in a few words each.
    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Observer for Heard {
        fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
            self.0.push(match observation {
                Observation::Sent(sent) => format!("sent {}", sent.operation.0),
                Observation::Done { record, .. } => format!("done {}", record.operation.0),
                Observation::Classified { operation, class } => {
                    format!("class {} {}", operation.0, class.map_or(-1, |class| i32::from(class.0)))
                }
                Observation::StreamClosed { .. } => "closed".into(),
                Observation::Noted { .. } => "noted".into(),
                Observation::Late { .. } => "late".into(),
                Observation::Through { .. } => "through".into(),
            });
        }
    }

    /// Answers name the classes of all its operations.
    fn scenario_of_names() -> Scenario {
        let mut scenario = scenario(1);
        let policy = &mut scenario.policy;
        policy.classes.iter_mut().for_each(|class| class.learned_as = Some(class.name.clone()));
        policy.quota_headers = Some(QuotaHeaders {
            dialect: Dialect::XRateLimit,
            reset: None,
            presence: Presence::Required,
            absent_means_unlimited: true,
        });
        let all: Vec<OperationId> = scenario.operations.iter().map(|(id, _)| id).collect();
        all.into_iter().for_each(|id| scenario.operations.classify(id, None));
        scenario
    }

    fn learning() -> Learning {
        Learning::new(&scenario_of_names())
    }

    fn sent(learning: &mut Learning, operation: OperationId, to: &mut Heard) {
        let record = record(operation, Nanos(1), Nanos(1), Outcome::Served);
        let Record { device, flow, attempt, detail, .. } = record;
        learning.observe(Nanos(1), Observation::Sent(Sent { device, operation, flow, attempt, detail }), to);
    }

    fn done(learning: &mut Learning, operation: OperationId, outcome: Outcome, class: Option<ClassId>, to: &mut Heard) {
        let told = Told { present: class.is_some(), class, ..Told::default() };
        let record = Record { told, ..record(operation, Nanos(1), Nanos(1), outcome) };
        learning.observe(Nanos(2), Observation::Done { record: &record, exchange: None }, to);
    }

    fn name(what: &str, operation: OperationId) -> String {
        format!("{what} {}", operation.0)
    }

    #[test]
    fn nothing_of_an_operation_passes_before_its_class_and_everything_in_order() {
        let (mut learning, mut heard) = (learning(), Heard::default());
        sent(&mut learning, SITES, &mut heard);
        sent(&mut learning, TOKEN, &mut heard);
        done(&mut learning, TOKEN, Outcome::Served, Some(TOKENS), &mut heard);
        learning.observe(Nanos(2), Observation::Late { by: Nanos(1) }, &mut heard);
        assert!(heard.0.is_empty(), "the first in line waits: {:?}", heard.0);
        done(&mut learning, SITES, Outcome::Served, Some(QUERIES), &mut heard);
        let class = |operation: OperationId, class: ClassId| format!("class {} {}", operation.0, class.0);
        assert_eq!(
            heard.0,
            [
                class(SITES, QUERIES),
                name("sent", SITES),
                class(TOKEN, TOKENS),
                name("sent", TOKEN),
                name("done", TOKEN),
                "late".into(),
                name("done", SITES),
            ]
        );
        heard.0.clear();
        sent(&mut learning, SITES, &mut heard);
        assert_eq!(heard.0, [name("sent", SITES)], "what is known passes at once, and is told once");
    }

    #[test]
    fn an_answer_without_headers_tells_that_nothing_is_limited_unless_it_is_a_refusal_or_an_error() {
        let (mut learning, mut heard) = (learning(), Heard::default());
        sent(&mut learning, STATUS, &mut heard);
        for outcome in [Outcome::Refused, Outcome::Overloaded, Outcome::Rejected(404)] {
            done(&mut learning, STATUS, outcome, None, &mut heard);
            assert!(heard.0.is_empty(), "{outcome:?} tells nothing");
        }
        done(&mut learning, STATUS, Outcome::Served, None, &mut heard);
        assert_eq!(heard.0[0], format!("class {} -1", STATUS.0));
    }

    #[test]
    fn what_no_answer_tells_is_in_no_class_in_the_end() {
        let (mut learning, mut heard) = (learning(), Heard::default());
        sent(&mut learning, SITES, &mut heard);
        let noted = Observation::Noted { device: DeviceId(0), note: Note::CacheHit { operation: TOKEN } };
        learning.observe(Nanos(1), noted, &mut heard);
        learning.flush(&mut heard);
        let none = |operation: OperationId| format!("class {} -1", operation.0);
        assert_eq!(heard.0, [none(SITES), name("sent", SITES), none(TOKEN), "noted".into()]);
    }

    #[test]
    fn the_line_is_bounded() {
        let (mut learning, mut heard) = (learning(), Heard::default());
        for _ in 0..MOST_HELD {
            sent(&mut learning, SITES, &mut heard);
        }
        assert!(heard.0.is_empty());
        sent(&mut learning, SITES, &mut heard);
        assert_eq!(heard.0.len(), MOST_HELD + 2, "all of it, as a request of no class");
    }

    fn found(learning: &Learning) -> Finding {
        learning.finding(&scenario_of_names()).unwrap()
    }

    #[test]
    fn it_says_which_operations_it_gave_up_and_why() {
        let (mut learning, mut heard) = (learning(), Heard::default());
        assert_eq!(found(&learning).verdict, Verdict::NoData);
        done(&mut learning, TOKEN, Outcome::Served, Some(TOKENS), &mut heard);
        assert_eq!((found(&learning).verdict, found(&learning).looked_at), (Verdict::Pass, 1));
        (0..=MOST_HELD).for_each(|_| sent(&mut learning, SITES, &mut heard));
        let late = found(&learning);
        assert_eq!((late.verdict, late.looked_at, late.wrong), (Verdict::Inconclusive, 2, 1));
        assert_eq!(late.headline, "No answer told in time the class of GET /v1/sites");
        assert!(late.explanation.contains("of 1 operation it was not known when 65,536 observations"), "{late:?}");
        sent(&mut learning, STATUS, &mut heard);
        learning.flush(&mut heard);
        let both = found(&learning);
        assert_eq!(both.headline, "No answer told in time the class of GET /v1/sites, GET /v1/status");
        assert!(both.explanation.contains("of 1 operation it was not known by the end of the run"), "{both:?}");
    }

    #[test]
    fn what_one_shard_gave_up_another_may_have_learned_and_it_is_said_all_the_same() {
        let (mut one, mut other, mut heard) = (learning(), learning(), Heard::default());
        done(&mut one, SITES, Outcome::Served, Some(QUERIES), &mut heard);
        sent(&mut other, SITES, &mut heard);
        other.flush(&mut heard);
        one.merge(other);
        assert_eq!((found(&one).verdict, found(&one).wrong), (Verdict::Inconclusive, 1));
    }

    #[test]
    fn a_run_that_gave_up_on_a_class_says_so_in_its_conclusion() {
        let scenario = Arc::new(scenario_of_names());
        let mut recorder = Recorder::new(Arc::clone(&scenario), facts().anchor);
        for number in 0..=MOST_HELD as u64 / 2 + 1 {
            let failed = Outcome::Failed(Failure::Timeout);
            play(&mut recorder, &record(SITES, Nanos(number * 1_000), Nanos(1), failed));
        }
        let conclusion = recorder.conclude(&facts()).summary.conclusion;
        let said = "Fleet: No answer told in time the class of GET /v1/sites.";
        assert!(conclusion.reasons.contains(&format!("Inconclusive. {said}")), "{conclusion:?}");
    }

    #[test]
    fn where_every_class_is_known_nothing_waits() {
        let (mut learning, mut heard) = (Learning::new(&scenario(1)), Heard::default());
        sent(&mut learning, STATUS, &mut heard);
        assert_eq!(heard.0, [name("sent", STATUS)]);
        assert_eq!(learning.finding(&scenario(1)), None);
    }
}
