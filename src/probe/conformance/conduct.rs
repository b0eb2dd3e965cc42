//! The trials as a state machine: told the time and the answers, it says what to send next.

use std::collections::VecDeque;

use super::terms::{Case, Means, Terms};
use super::transcript::Transcript;
use super::trial::{HAMMERED, PARTS, POLLS, SHORTEST_WATCHED, Step, TURNS, Trial, VARIED};
use crate::probe::beside::Beside;
use crate::probe::exchange::Answer;
use crate::probe::witness::{Guise, Parcel, Witness};
use crate::time::Nanos;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Send(Parcel),
    Wait(Nanos),
    Done,
}

/// What may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    pub requests: u32,
    pub until: Nanos,
}

pub struct Conduct {
    case: Case,
    terms: Option<Terms>,
    /// What is still to be tried, the next first.
    trials: VecDeque<Trial>,
    trial: Option<Trial>,
    steps: VecDeque<Step>,
    turn: Turn,
    made: Vec<Trial>,
    left_out: Vec<Trial>,
    /// Those that there turned out to be no reason for.
    needless: Vec<Trial>,
}

/// How a step has gone so far.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    begun: Option<Nanos>,
    sent: u32,
    admitted: u32,
    refused: u32,
    /// The last volley's.
    last_admitted: bool,
    last_sent: Nanos,
    /// The last refusal before it began, of the first client.
    told_before: Option<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    done: Nanos,
    wait: Option<Nanos>,
}

enum Next {
    Send(Parcel),
    Wait(Nanos),
    Over,
}

impl Conduct {
    pub fn new(case: Case) -> Conduct {
        let terms = case.terms();
        Conduct {
            trials: documented(terms.as_ref(), case.means()).collect(),
            terms,
            case,
            trial: None,
            steps: VecDeque::new(),
            turn: Turn::default(),
            made: Vec::new(),
            left_out: Vec::new(),
            needless: Vec::new(),
        }
    }

    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The trials to come, and about what each takes.
    pub fn plan(&self) -> Vec<(Trial, u32, Nanos)> {
        let Some(terms) = &self.terms else { return Vec::new() };
        let planned = |trial: &Trial| {
            let (requests, time) = trial.cost(terms, self.case.means());
            (*trial, requests, time)
        };
        self.trials.iter().map(planned).collect()
    }

    /// All that the documents give reason to make.
    pub fn all(&self) -> Vec<Trial> {
        let all = documented(self.terms.as_ref(), self.case.means());
        all.filter(|trial| !self.needless.contains(trial)).collect()
    }

    /// Those that were made in full.
    pub fn made(&self) -> &[Trial] {
        &self.made
    }

    /// Those for which there was no time or no requests left.
    pub fn left_out(&self) -> &[Trial] {
        &self.left_out
    }

    /// What the next answers are for.
    pub fn purpose(&self) -> Option<(Trial, Step)> {
        Some((self.trial?, *self.steps.front()?))
    }

    /// What to do now. After [`Order::Send`], tell the answers of the whole parcel by [`Conduct::answered`].
    pub fn next(&mut self, now: Nanos, purse: Purse, transcript: &Transcript) -> Order {
        let Some(terms) = self.terms else { return Order::Done };
        loop {
            let Some(step) = self.steps.front().copied() else {
                self.made.extend(self.trial.take());
                if !self.begin(now, purse, &terms, transcript) {
                    return Order::Done;
                }
                continue;
            };
            if self.turn.begun.is_none() {
                self.turn =
                    Turn { begun: Some(now), told_before: told(transcript, self.trial, false), ..Turn::default() };
            }
            match self.step(step, now, &terms, transcript) {
                Next::Over => {
                    self.steps.pop_front();
                    self.turn = Turn::default();
                }
                Next::Wait(until) if until <= purse.until => return Order::Wait(until),
                Next::Send(parcel) if purse.requests > 0 => {
                    return Order::Send(Parcel { count: parcel.count.min(purse.requests), ..parcel });
                }
                Next::Wait(_) | Next::Send(_) => {
                    self.left_out.extend(self.trial.take());
                    self.left_out.extend(self.trials.drain(..));
                    self.steps.clear();
                    return Order::Done;
                }
            }
        }
    }

    /// What came back of what was sent last.
    pub fn answered(&mut self, witnesses: &[Witness]) {
        let turn = &mut self.turn;
        turn.sent += witnesses.len() as u32;
        turn.admitted += witnesses.iter().filter(|witness| witness.is_admitted()).count() as u32;
        turn.refused += witnesses.iter().filter(|witness| witness.is_refused()).count() as u32;
        turn.last_admitted = witnesses.iter().any(Witness::is_admitted);
        turn.last_sent = witnesses.iter().map(|witness| witness.sent).max().unwrap_or(turn.last_sent);
    }

    /// Begins the next trial that can be paid; false if there is none.
    fn begin(&mut self, now: Nanos, purse: Purse, terms: &Terms, transcript: &Transcript) -> bool {
        let means = self.case.means();
        if transcript.stays_refused() {
            // Every trial begins with all of the quota or uses it up: more would only be refused, and may prolong it.
            self.left_out.extend(self.trials.drain(..));
        }
        while let Some(trial) = self.trials.pop_front() {
            if trial.of().is_some_and(|nth| self.is_needless(nth, transcript)) {
                self.needless.push(trial);
                continue;
            }
            let (requests, time) = trial.cost(terms, means);
            if requests > purse.requests || now.saturating_add(time) > purse.until {
                self.left_out.push(trial);
                continue;
            }
            self.trial = Some(trial);
            self.steps = trial.steps(terms, means).into();
            self.turn = Turn::default();
            return true;
        }
        false
    }

    /// Whether nobody need know how much of the quota a request beside the probe's own uses up: what is served shows it by itself,
    /// and who is not let in there does not come often, unless it is that what is to be found out.
    fn is_needless(&self, nth: u8, transcript: &Transcript) -> bool {
        let mut answers = transcript.beside(nth);
        let beside = self.case.besides.get(usize::from(nth));
        let is_meant = beside.is_some_and(Beside::shows_other_credentials);
        answers.any(|witness| witness.is_served() || witness.answer() == Answer::Barred && !is_meant)
    }

    fn step(&self, step: Step, now: Nanos, terms: &Terms, transcript: &Transcript) -> Next {
        let turn = &self.turn;
        let begun = turn.begun.unwrap_or(now);
        let window = terms.window.0.max(1);
        let edge = |at: Nanos| {
            let on_clock = self.case.anchor.unix_nanos.saturating_add(at.0);
            at.saturating_add(Nanos(window - on_clock % window))
        };
        match step {
            Step::Rest => {
                let quiet_since = transcript.last_done(None);
                let margin = transcript.usual() * 4;
                rest(now, quiet_since.map_or(now, |since| since.saturating_add(terms.recovers).saturating_add(margin)))
            }
            Step::Pause(length) => rest(now, begun.saturating_add(length)),
            Step::Before(length) => rest(now, edge(begun.saturating_add(length)).saturating_sub(length)),
            Step::After(length) => rest(now, edge(begun).saturating_add(length)),
            Step::Fill(client) if turn.refused == 0 && turn.sent < terms.most_to_fill() => {
                send(client, Guise::Own, self.abreast(terms, transcript).min(terms.most_to_fill() - turn.sent))
            }
            // One connection may be too slow to use anything up.
            Step::UseUp if turn.refused == 0 && turn.sent <= terms.at_once && self.is_quick(terms, transcript) => {
                one(0)
            }
            Step::Together(count) if turn.sent == 0 => send(0, Guise::Own, count),
            Step::Ask if turn.sent == 0 => one(0),
            Step::Pace if turn.refused == 0 && turn.sent < terms.paced() => {
                at(now, begun.saturating_add(terms.pace.unwrap_or_default() * u64::from(turn.sent)), 0)
            }
            Step::Beside(nth, count) if turn.sent < count => send(0, Guise::Beside(nth), 1),
            Step::Obey if turn.sent == 0 => self.as_told(now, turn.told_before),
            Step::AsFirstTold if turn.sent == 0 => self.as_told(now, told(transcript, self.trial, true)),
            Step::Poll if turn.admitted == 0 && turn.sent < POLLS => {
                let Some(told) = turn.told_before else { return Next::Over };
                let part = told.wait.unwrap_or(terms.window).0 / u64::from(PARTS);
                at(now, told.done + Nanos(part * u64::from(turn.sent + 1)), 0)
            }
            Step::Forge => in_turns(turn.sent, Guise::Forwarded(turn.sent as u8)),
            Step::Reconnect => in_turns(turn.sent, Guise::Reconnected),
            Step::Other if turn.sent < TURNS => one((turn.sent % 2) as usize),
            Step::Hammer => self.hammer(now, terms, transcript),
            Step::Watch if now < begun.saturating_add(terms.watch_lasts()) => match turn.last_admitted {
                true => one(0),
                false => at(now, turn.last_sent.max(begun).saturating_add(terms.watch_every()), 0),
            },
            _ => Next::Over,
        }
    }

    fn as_told(&self, now: Nanos, told: Option<Told>) -> Next {
        match told {
            Some(Told { done, wait: Some(wait) }) => at(now, done.saturating_add(wait), 0),
            _ => Next::Over,
        }
    }

    fn hammer(&self, now: Nanos, terms: &Terms, transcript: &Transcript) -> Next {
        let Some(Told { done, wait: Some(wait) }) = self.turn.told_before else { return Next::Over };
        let filled = transcript.of(Trial::HammerWhileRefused).filter(|entry| entry.step() == Some(Step::Fill(0)));
        let served = filled.filter(|entry| entry.witness.is_served()).count() as u32;
        let count = terms.hammers(served, wait);
        if self.turn.sent >= count {
            return Next::Over;
        }
        let part = wait.scale(HAMMERED * f64::from(self.turn.sent + 1) / f64::from(count));
        at(now, done.saturating_add(part), 0)
    }

    /// Whether one after the other is quick enough to use all up.
    fn is_quick(&self, terms: &Terms, transcript: &Transcript) -> bool {
        transcript.usual() * u64::from(terms.at_once) < terms.fills
    }

    /// How many go out side by side, so that all is used up in a small part of the window: one, if that is quick enough.
    fn abreast(&self, terms: &Terms, transcript: &Transcript) -> u32 {
        const PART: u64 = 10;
        const MOST: u64 = 128;
        let in_sequence = transcript.usual().0.saturating_mul(u64::from(terms.at_once) * PART);
        (in_sequence / terms.fills.0.max(1)).clamp(1, MOST) as u32
    }
}

/// The trials that the documents give reason to make.
fn documented(terms: Option<&Terms>, means: Means) -> impl Iterator<Item = Trial> {
    let terms = terms.copied();
    let is_worth = move |trial: &Trial| match (terms, trial) {
        (None, _) => false,
        // A shorter window forgets as quickly by itself.
        (Some(terms), Trial::Watch) => terms.window >= SHORTEST_WATCHED,
        (Some(terms), Trial::NextLimit) => terms.pace.is_some(),
        _ => true,
    };
    Trial::all(means).filter(is_worth)
}

/// The last refusal of the first client in its own name, or the first one of a trial.
fn told(transcript: &Transcript, trial: Option<Trial>, first: bool) -> Option<Told> {
    let refusals = || {
        let entries = transcript.entries().iter().filter(|entry| entry.purpose.map(|(own, _)| own) == trial);
        let own = entries.map(|entry| &entry.witness).filter(|it| it.client == 0 && it.guise.is_own());
        own.filter(|witness| witness.is_refused())
    };
    let refusal = if first { refusals().next() } else { refusals().next_back() };
    refusal.map(|witness| Told { done: witness.done, wait: witness.told() })
}

fn send(client: usize, guise: Guise, count: u32) -> Next {
    Next::Send(Parcel { client, guise, count })
}

/// The probe's own, or one that is varied, after so many of both.
fn in_turns(sent: u32, varied: Guise) -> Next {
    match VARIED.get(sent as usize) {
        Some(is_varied) => send(0, if *is_varied { varied } else { Guise::Own }, 1),
        None => Next::Over,
    }
}

fn one(client: usize) -> Next {
    send(client, Guise::Own, 1)
}

fn at(now: Nanos, moment: Nanos, client: usize) -> Next {
    if now < moment { Next::Wait(moment) } else { one(client) }
}

fn rest(now: Nanos, until: Nanos) -> Next {
    if now < until { Next::Wait(until) } else { Next::Over }
}
