//! `client.preempt` and `server.preempt-claim`: whether clients stop when nothing remains, and whether that keeps them from
//! being refused.
//!
//! A client heeds what it is told if it sends nothing of a class for a whole window, or until the reset that it was told,
//! after an answer has said that nothing remains. The documents' claim is that such a client is never refused. One request
//! at a time, and a budget of its own, is what that takes: with several requests under way the last places are promised to
//! all of them, and clients that share a budget do not see each other's answers. Refusals of either sort are told apart from
//! those that break the claim.
//! Where a class draws on more than the one limit that is told, or is shut out for a breach of another's, a refusal says
//! nothing of the claim.

use std::collections::HashMap;

use super::budget::Budget;
use crate::device::{Flow, Outcome};
use crate::policy::model::ClassId;
use crate::policy::pause::Pause;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::refusal::Cause;
use crate::verify::words::unseen;
use crate::words::{count, plural};

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
    /// Whether it knows what remains, as far as one can that has several requests under way.
    informed: bool,
    /// Since when it is refused, until what it sends afterwards is served: its wait is another rule's.
    refused: Option<Nanos>,
    flights: Vec<Flight>,
}

/// An answer that said that nothing remains.
#[derive(Clone, Copy, Debug)]
pub struct Zero {
    pub at: Nanos,
    pub pause: Pause,
    /// It was the class's own limit of which nothing remained.
    pub own: bool,
}

impl Zero {
    pub fn end(&self) -> Nanos {
        self.at.saturating_add(self.pause.lasts)
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
    key: ScopeKey,
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
                if zero.pause.disbelieved {
                    // What it finds now says nothing of its conduct, nor of the claim.
                    client.informed = false;
                } else {
                    heeded = Some(zero);
                    self.heeded += 1;
                }
            } else if client.refused.is_none() {
                ignores = true;
                self.ignored += 1;
                let (after, Pause { lasts, by_reset, .. }) = (at.saturating_sub(zero.at), zero.pause);
                let until = if by_reset { "reset was due after" } else { "window is" };
                let why = || format!("sent {after} after nothing remained; the {until} {lasts}");
                self.ignored_exhibits.show(|| Exhibit::sent(at, sent, why()));
            }
        }
        let company = !client.flights.is_empty();
        client.flights.iter_mut().for_each(|flight| flight.company = true);
        let governed = sole && shared.is_some() && client.informed && client.refused.is_none() && !ignores;
        let shared = shared.unwrap_or(true);
        let Sent { flow, attempt, .. } = *sent;
        client.flights.push(Flight { flow, attempt, governed, company, shared, key });
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

    /// Takes an answer; what penalties for a breach of other limits say of its refusal.
    pub fn done(
        &mut self,
        class: ClassId,
        budget: &Budget,
        elsewhere: Cause,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        self.ignored_exhibits.answered(record, exchange);
        let Some(client) = self.clients.get_mut(&(record.device, class)) else { return };
        let is_it = |flight: &Flight| (flight.flow, flight.attempt) == (record.flow, record.attempt);
        let Some(place) = client.flights.iter().position(is_it) else { return };
        let mut flight = client.flights.swap_remove(place);
        // Somebody may have come while it was on its way.
        flight.shared |= self.users.get(&(class, flight.key)).is_none_or(|(_, shared)| *shared);
        if record.outcome == Outcome::Refused {
            client.refused = Some(record.done);
            if flight.governed && elsewhere == Cause::Impossible {
                self.refused(flight, record, exchange);
            }
            return;
        }
        // Whatever became of it, it may have counted; and what was written first may come last.
        client.informed = record.told.remaining.is_some() && (client.informed || !flight.company);
        if record.told.remaining == Some(0) {
            self.zeros += 1;
            let pause = budget.pause.after(&record.told);
            client.zero = Some(Zero { at: record.done, pause, own: budget.is_told(&record.told) });
        }
        if record.outcome == Outcome::Served {
            client.refused = client.refused.filter(|refused| record.sent.is_some_and(|sent| sent < *refused));
            self.single += u64::from(flight.governed && !flight.company && !flight.shared);
        }
    }

    /// Takes the refusal of a client that heeded all it was told.
    fn refused(&mut self, flight: Flight, record: &Record, exchange: Option<&Exchange>) {
        let (count, exhibits, why) = match flight {
            Flight { company: true, .. } => {
                (&mut self.several, &mut self.broken_exhibits, "other requests of its own were under way")
            }
            Flight { shared: true, .. } => {
                (&mut self.shared, &mut self.broken_exhibits, "another client used the same budget")
            }
            _ => {
                self.single += 1;
                (&mut self.alone, &mut self.claim_exhibits, "it had one request under way and its budget to itself")
            }
        };
        *count += 1;
        exhibits.show(|| Exhibit::done(record, exchange, format!("refused though it heeded what remained: {why}")));
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
                format!("Nothing was sent for a window after nothing remained, {}", plural(heeded, "time")),
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
                format!("Refuses {} of {requests} that were sent one at a time and heeded what remains", count(alone)),
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
