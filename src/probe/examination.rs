//! A whole probe: first what limiter it is, then whether the server keeps its promises, out of one budget.

use super::alarm::Alarm;
use super::conformance::conduct::{Conduct, Order, Purse};
use super::conformance::{Case, Reach, Transcript, rows};
use super::exchange::Exchange;
use super::placing::{Place, misplaced};
use super::prober::{Brief, End, Move, Prober};
use super::witness::{Guise, Witness};
use crate::policy::model::{ClassId, Limit, Policy};
use crate::summary::finding::Finding;
use crate::time::Nanos;

pub struct Examination {
    prober: Prober,
    conduct: Conduct,
    transcript: Transcript,
    /// Of the whole probe.
    requests: u32,
    within: Nanos,
    spent: u32,
    begun: Option<Nanos>,
    part: Part,
    alarm: Alarm,
    /// Why trials were given up, if they were.
    stopped: Option<End>,
    /// How long its machine stood still at the longest.
    stood_still: Nanos,
    /// Where the request belongs, if it is not in the class that is probed: then nothing that is found would be about it.
    misplaced: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Identification,
    Trials,
}

/// Trials are given this share of the budget, if they need it; what identification leaves is theirs as well.
const FOR_TRIALS: f64 = 0.5;

impl Examination {
    pub fn new(brief: Brief, case: Case) -> Examination {
        let alarm = Alarm::new(longest_wait(&case.policy, case.class));
        let conduct = Conduct::new(case);
        let (requests, within) = (brief.requests, brief.within);
        let (mut most, mut longest) = (0, Nanos::ZERO);
        for (_, trial_requests, time) in conduct.plan() {
            most += trial_requests;
            longest = longest.saturating_add(time);
        }
        let own = Brief {
            requests: requests - most.min((f64::from(requests) * FOR_TRIALS) as u32),
            within: within - longest.min(within.scale(FOR_TRIALS)),
            ..brief
        };
        Examination {
            prober: Prober::new(own),
            conduct,
            transcript: Transcript::default(),
            requests,
            within,
            spent: 0,
            begun: None,
            part: Part::Identification,
            alarm,
            stopped: None,
            stood_still: Nanos::ZERO,
            misplaced: None,
        }
    }

    /// Only the trials: nothing is spent on what limiter it is.
    pub fn of_promises(brief: Brief, case: Case) -> Examination {
        let (requests, within) = (brief.requests, brief.within);
        Examination { part: Part::Trials, requests, within, ..Examination::new(brief, case) }
    }

    /// What to do now. After [`Order::Send`], tell the answers of the whole parcel by [`Examination::answered`].
    pub fn next(&mut self, now: Nanos) -> Order {
        let begun = *self.begun.get_or_insert(now);
        if self.misplaced.is_some() {
            return Order::Done;
        }
        if self.part == Part::Identification {
            match self.prober.next(now) {
                Move::Send(volley) => return Order::Send(volley.into()),
                Move::Wait(until) => return Order::Wait(until),
                Move::Done => self.part = Part::Trials,
            }
        }
        if self.stopped().is_some() {
            return Order::Done;
        }
        let purse =
            Purse { requests: self.requests.saturating_sub(self.spent), until: begun.saturating_add(self.within) };
        let order = self.conduct.next(now, purse, &self.transcript);
        if order == Order::Done && self.is_shared() {
            self.prober.take_for_one();
        }
        order
    }

    /// Whether both clients were seen to draw on one quota.
    fn is_shared(&self) -> bool {
        Reach::of(self.conduct.case(), &self.transcript).is_shared_by_clients == Some(true)
    }

    /// What came back of the parcel that was sent last.
    pub fn answered(&mut self, witnesses: &[Witness]) {
        self.spent += witnesses.len() as u32;
        let exchanges: Vec<Exchange> = witnesses.iter().map(Witness::exchange).collect();
        // Other requests may well not be let in.
        let own = witnesses.iter().filter(|witness| !matches!(witness.guise, Guise::Beside(_)));
        let alarmed = self.alarm.watch(own);
        match self.part {
            Part::Identification => {
                self.transcript.add(None, witnesses);
                self.prober.answered(&exchanges);
                if let Some(end) = alarmed {
                    self.prober.end(end);
                }
            }
            Part::Trials => {
                self.transcript.add(self.conduct.purpose(), witnesses);
                self.conduct.answered(witnesses);
                self.stopped = alarmed;
            }
        }
        self.misplaced = misplaced(self.conduct.case(), &self.transcript);
    }

    /// Takes in that the machine, and the prober with it, stood still for so long.
    pub fn stands_still(&mut self, time: Nanos) {
        self.stood_still = self.stood_still.max(time);
    }

    /// When it is to be over; None before it has begun.
    pub fn deadline(&self) -> Option<Nanos> {
        self.begun.map(|begun| begun.saturating_add(self.within))
    }

    /// How long its machine stood still at the longest.
    pub fn stood_still(&self) -> Nanos {
        self.stood_still
    }

    pub fn prober(&self) -> &Prober {
        &self.prober
    }

    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// All requests that were sent.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Why nothing more was sent, where going on would have done harm.
    pub fn stopped(&self) -> Option<End> {
        self.stopped.or_else(|| self.prober.ended().filter(|end| is_harm(*end)))
    }

    /// Where the answers place the request, if that is not the class that is probed.
    pub fn misplaced(&self) -> Option<Place> {
        self.misplaced
    }

    /// The verdicts on the server's promises.
    pub fn findings(&self) -> Vec<Finding> {
        rows(self.conduct.case(), &self.transcript)
    }
}

/// The longest wait that any limit of the class explains; an hour where none does.
fn longest_wait(policy: &Policy, class: ClassId) -> Nanos {
    const UNKNOWN: Nanos = Nanos::from_secs(3_600);
    let limits = policy.drawn_on(class).flat_map(|class| &policy.class(class).limits);
    let waits = limits.filter_map(|limit| match limit {
        Limit::Rate(rate) => {
            Some(rate.penalty.as_ref().map_or(Nanos::ZERO, |penalty| penalty.lasts).max(rate.memory()))
        }
        Limit::Cooldown(cooldown) => cooldown.waits.iter().max().copied(),
        Limit::Concurrent(_) => None,
    });
    waits.max().unwrap_or(UNKNOWN)
}

fn is_harm(end: End) -> bool {
    matches!(end, End::Barred | End::HintsGrow | End::NoAnswers)
}
