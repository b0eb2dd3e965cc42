//! Classes that only answers tell: observations are held back until it is known where they belong.
//!
//! Some providers do not publish which request belongs to which class, but name it in a header of every answer. Everything
//! behind the record stream counts a request when it is sent, so nothing of an operation may pass before its first answer
//! has told. Observations keep their order: what comes after one that waits, waits too. Should no answer ever tell, or the
//! line grow too long, the operation counts as being in no class.

use std::collections::VecDeque;

use crate::device::{Flow, Note, Outcome};
use crate::policy::model::{ClassId, Policy};
use crate::record::{Exchange, Observation, Observer, Record, Sent, StreamEnding};
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::time::Nanos;

/// So many observations wait at most.
const MOST_HELD: usize = 1 << 16;

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
            self.give_up_on_first();
            self.release(to);
        }
    }

    /// Passes on what still waits. What no answer has told by now is in no class.
    pub fn flush(&mut self, to: &mut impl Observer) {
        while !self.held.is_empty() {
            self.give_up_on_first();
            self.release(to);
        }
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

    fn give_up_on_first(&mut self) {
        if let Some((_, first)) = self.held.front()
            && let Some(operation) = subject(&first.observation())
        {
            let known = &mut self.knowledge[usize::from(operation.0)];
            if *known == Knowledge::Unknown {
                *known = Knowledge::Learned(None);
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

fn absent_means_unlimited(policy: &Policy) -> bool {
    policy.quota_headers.as_ref().is_some_and(|headers| headers.absent_means_unlimited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::{Presence, QuotaHeaders};
    use crate::policy::signals::Told;
    use crate::signals::Dialect;
    use crate::testing::{SITES, STATUS, TOKEN, record, scenario};

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

    fn learning() -> Learning {
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
        Learning::new(&scenario)
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

    #[test]
    fn where_every_class_is_known_nothing_waits() {
        let (mut learning, mut heard) = (Learning::new(&scenario(1)), Heard::default());
        sent(&mut learning, STATUS, &mut heard);
        assert_eq!(heard.0, [name("sent", STATUS)]);
    }
}
