//! `client.preempt` and `server.preempt-claim`: whether clients stop when nothing remains, and whether that keeps them from
//! being refused.
//!
//! A client heeds what it is told if it sends nothing of a class for a whole window, or until the reset that it was told,
//! after an answer has said that nothing remains. The documents' claim is that such a client is never refused. One request
//! at a time, and a budget of its own, is what that takes: with several requests under way the last places are promised to
//! all of them, and clients that share a budget do not see each other's answers. Refusals of either sort are told apart from
//! those that break the claim.
//! Where a class draws on more than the one limit that is told, a refusal may be another's, and says nothing of the claim.

use std::collections::HashMap;

use super::budget::Budget;
use crate::device::{Flow, Outcome};
use crate::policy::model::ClassId;
use crate::policy::signals::Told;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::plural;

/// Clients and keys beyond this are not followed.
pub(super) const MOST_FOLLOWED: usize = 1 << 16;
/// Record times may differ from the ones that a client saw by less than this.
const TOLERANCE: Nanos = Nanos::from_millis(1);

/// How clients take `Remaining: 0`, and what comes of it.
#[derive(Clone, Debug, Default)]
pub struct Preempt {
    clients: HashMap<(DeviceId, ClassId), Client>,
    /// Who used a key first, and whether somebody else has since.
    users: HashMap<(ClassId, ScopeKey), (DeviceId, bool)>,
    /// Times that a client heard that nothing remains and came back.
    pub heeded: u64,
    ignored: u64,
    ignored_exhibits: Exhibits,
    /// Refusals of clients that heeded all they were told: with one request under way, with several, with company on the
    /// same budget.
    alone: u64,
    several: u64,
    shared: u64,
    broken_exhibits: Exhibits,
    claim_exhibits: Exhibits,
    /// Requests of clients that had been told what remains, one at a time.
    single: u64,
    zeros: u64,
}

#[derive(Clone, Debug, Default)]
struct Client {
    zero: Option<Zero>,
    /// Whether anything was told so far.
    informed: bool,
    /// Since a refusal, until it is served again: its wait is another rule's.
    refused: bool,
    flights: Vec<Flight>,
}

/// An answer that said that nothing remains.
#[derive(Clone, Copy, Debug)]
pub struct Zero {
    pub at: Nanos,
    /// How long the client was told to wait, as far as that makes sense.
    pub window: Nanos,
    /// It was told the time that is left, not a length.
    pub by_reset: bool,
    /// It was told more than makes sense: nobody knows from when on a place is free.
    pub nonsense: bool,
}

impl Zero {
    fn told(budget: &Budget, record: &Record) -> Self {
        let Told { reset, window, .. } = record.told;
        // As clients heed it: a time that is left is better than a length.
        let told = reset.or(window).unwrap_or(budget.limit.per);
        Zero {
            at: record.done,
            window: told.min(budget.believed),
            by_reset: reset.is_some(),
            nonsense: told > budget.believed,
        }
    }

    pub fn end(&self) -> Nanos {
        self.at.saturating_add(self.window)
    }
}

/// One request under way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    flow: Flow,
    attempt: u32,
    governed: bool,
    company: bool,
    shared: bool,
}

impl Preempt {
    /// Takes a request on its way; the wait that it ends, if it heeded one.
    /// `sole`: its class draws on nothing but the limit that is told.
    pub fn sent(&mut self, at: Nanos, (class, key): (ClassId, ScopeKey), sent: &Sent, sole: bool) -> Option<Zero> {
        // Also of a client that is not followed: it is company to others.
        let shared = self.uses((class, key), sent.device);
        let entry = (sent.device, class);
        if self.clients.len() >= MOST_FOLLOWED && !self.clients.contains_key(&entry) {
            return None;
        }
        let client = self.clients.entry(entry).or_default();
        let mut heeded = None;
        let mut ignores = false;
        if let Some(zero) = client.zero {
            if at.saturating_add(TOLERANCE) >= zero.end() {
                client.zero = None;
                if zero.nonsense {
                    // What it finds now says nothing of its conduct, nor of the claim.
                    client.informed = false;
                } else {
                    heeded = Some(zero);
                    self.heeded += 1;
                }
            } else if !client.refused {
                ignores = true;
                self.ignored += 1;
                let (after, window) = (at.saturating_sub(zero.at), zero.window);
                let until = if zero.by_reset { "reset was due after" } else { "window is" };
                let why = || format!("sent {after} after nothing remained; the {until} {window}");
                self.ignored_exhibits.show(|| Exhibit::sent(at, sent, why()));
            }
        }
        let company = !client.flights.is_empty();
        client.flights.iter_mut().for_each(|flight| flight.company = true);
        let governed = sole && shared.is_some() && client.informed && !client.refused && !ignores;
        let shared = shared.unwrap_or(true);
        let Sent { flow, attempt, .. } = *sent;
        client.flights.push(Flight { flow, attempt, governed, company, shared });
        heeded
    }

    /// Whether somebody else has used a key as well; None of keys beyond those that are followed.
    pub(super) fn uses(&mut self, key: (ClassId, ScopeKey), device: DeviceId) -> Option<bool> {
        if self.users.len() >= MOST_FOLLOWED && !self.users.contains_key(&key) {
            return None;
        }
        let (first, shared) = self.users.entry(key).or_insert((device, false));
        *shared |= *first != device;
        Some(*shared)
    }

    /// Takes an answer. The documented window stands in where the answer tells none.
    pub fn done(&mut self, class: ClassId, budget: &Budget, record: &Record, exchange: Option<&Exchange>) {
        self.ignored_exhibits.answered(record, exchange);
        let Some(client) = self.clients.get_mut(&(record.device, class)) else { return };
        let is_it = |flight: &Flight| (flight.flow, flight.attempt) == (record.flow, record.attempt);
        let Some(place) = client.flights.iter().position(is_it) else { return };
        let flight = client.flights.swap_remove(place);
        match record.outcome {
            Outcome::Served => {
                client.refused = false;
                if let Some(left) = record.told.remaining {
                    client.informed = true;
                    if left == 0 {
                        self.zeros += 1;
                        client.zero = Some(Zero::told(budget, record));
                    }
                }
                self.single += u64::from(flight.governed && !flight.company && !flight.shared);
            }
            Outcome::Refused => {
                client.refused = true;
                self.refused(flight, record, exchange);
            }
            _ => {}
        }
    }

    fn refused(&mut self, flight: Flight, record: &Record, exchange: Option<&Exchange>) {
        let told_nothing = !flight.governed;
        match flight {
            Flight { company: true, .. } if !told_nothing => {
                self.several += 1;
                let why = "refused though it heeded what remained: other requests of its own were under way";
                self.broken_exhibits.show(|| Exhibit::done(record, exchange, why.to_owned()));
            }
            Flight { shared: true, .. } if !told_nothing => {
                self.shared += 1;
                let why = "refused though it heeded what remained: another client used the same budget";
                self.broken_exhibits.show(|| Exhibit::done(record, exchange, why.to_owned()));
            }
            _ if !told_nothing => {
                self.single += 1;
                self.alone += 1;
                let why = "refused though it had one request under way, its budget to itself, and heeded what remained";
                self.claim_exhibits.show(|| Exhibit::done(record, exchange, why.to_owned()));
            }
            _ => {}
        }
    }

    pub fn merge(&mut self, other: Preempt) {
        self.clients.extend(other.clients);
        self.users.extend(other.users);
        self.heeded += other.heeded;
        self.ignored += other.ignored;
        self.ignored_exhibits.merge(other.ignored_exhibits);
        self.alone += other.alone;
        self.several += other.several;
        self.shared += other.shared;
        self.broken_exhibits.merge(other.broken_exhibits);
        self.claim_exhibits.merge(other.claim_exhibits);
        self.single += other.single;
        self.zeros += other.zeros;
    }

    /// `outsiders`: others than this run may use the same budgets.
    pub fn findings(self, scenario: &Scenario, outsiders: bool) -> [Finding; 2] {
        let claim = self.claim(scenario, outsiders);
        [self.conduct(scenario), claim]
    }

    fn conduct(self, scenario: &Scenario) -> Finding {
        let Preempt { heeded, ignored, several, shared, .. } = self;
        let unseen_by = several + shared;
        let (verdict, headline, remedy) = match (ignored, unseen_by) {
            (0, 0) if self.zeros == 0 => (Verdict::NoData, "What remains never came down to 0".to_owned(), ""),
            (0, 0) if heeded == 0 => (Verdict::NoData, "No client came again after nothing remained".to_owned(), ""),
            (0, 0) => (
                Verdict::Pass,
                format!("Nothing was sent for a window after nothing remained, {heeded} of {heeded} times"),
                "",
            ),
            (0, refused) => (
                Verdict::Fail,
                format!("Waiting at 0 does not keep clients from being refused: {}", plural(refused, "refusal")),
                "Take what is under way off what remains before sending more, and share the count between clients of one user",
            ),
            (ignored, _) => (
                Verdict::Fail,
                format!("{} sent although nothing remained", plural(ignored, "request")),
                "Stop when nothing remains, and come back when the window has passed",
            ),
        };
        let mut exhibits = self.ignored_exhibits;
        exhibits.merge(self.broken_exhibits);
        let explanation = match ignored + unseen_by {
            0 => String::new(),
            _ => format!(
                "{} waited as the documents say. {} came sooner. {} of clients that heeded what they were told had other requests \
                 of their own under way, {} another client on the same budget.",
                plural(heeded, "request"),
                plural(ignored, "request"),
                plural(several, "refusal"),
                plural(shared, "refusal"),
            ),
        };
        Finding {
            verdict,
            headline,
            explanation,
            remedy: remedy.to_owned(),
            looked_at: heeded + ignored + unseen_by,
            wrong: ignored + unseen_by,
            evidence: exhibits.into_evidence(scenario),
            ..unseen("client.preempt", Party::Client, Severity::Advice, "")
        }
    }

    fn claim(&self, scenario: &Scenario, outsiders: bool) -> Finding {
        let requests = plural(self.single, "request");
        let (verdict, headline) = match self.alone {
            _ if self.single == 0 => {
                (Verdict::NoData, "No client had one request under way and a budget of its own".to_owned())
            }
            0 if self.zeros == 0 => {
                (Verdict::NoData, "What remains never came down to 0, which is when it counts".to_owned())
            }
            0 => {
                (Verdict::Pass, format!("None of {requests}, sent one at a time and heeding what remains, was refused"))
            }
            alone => (
                if outsiders { Verdict::Inconclusive } else { Verdict::Fail },
                format!("Refuses {alone} of {requests} that were sent one at a time and heeded what remains"),
            ),
        };
        let remedy = "Let what remains be what the next request finds, also at the end of a window";
        Finding {
            verdict,
            headline,
            explanation: match verdict {
                Verdict::Inconclusive => {
                    "Others outside this run may use the same budget, which explains it too.".to_owned()
                }
                _ => String::new(),
            },
            remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
            looked_at: self.single,
            wrong: if verdict == Verdict::Fail { self.alone } else { 0 },
            evidence: self.claim_exhibits.clone().into_evidence(scenario),
            ..unseen("server.preempt-claim", Party::Server, Severity::Breach, "")
        }
    }
}
