//! `server.throttle-isolation`: whether a client that is throttled in one class is still served in the others.
//!
//! Held against what the documents say of that class. A refusal elsewhere breaks their word only if nothing else can explain
//! it: no second limit, no other penalty that reaches so far, nobody outside this run.

use std::collections::HashMap;

use super::budget::Budget;
use super::penalties;
use crate::device::Outcome;
use crate::policy::model::{Blocks, ClassId, Policy};
use crate::record::{Exchange, Record};
use crate::scenario::target::Target;
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::plural;

/// Clients that are throttled, and keys that are shut out; more are not followed.
const MOST_FOLLOWED: usize = 1 << 16;

/// Requests of one class while the same client was throttled in another.
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    throttled: HashMap<(DeviceId, ClassId), Span>,
    /// Until when a key may be shut out of its own class, by whichever client.
    shut_out: HashMap<(ClassId, ScopeKey), Nanos>,
    /// Not all who are shut out are known.
    overfull: bool,
    served: u64,
    blocked: u64,
    /// Of both: what contradicts the documents, what may or may not, and what they say nothing of.
    wrong: u64,
    open: u64,
    unsaid: u64,
    exhibits: Exhibits,
}

/// Since when and until when a client is throttled in a class.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Nanos,
    until: Nanos,
    /// What the documents say that it is shut out of; None where they do not say.
    blocks: Option<Blocks>,
}

/// How an answer agrees with the documents.
enum Agrees {
    Yes,
    No,
    /// Something else may explain it.
    Maybe,
    Unsaid,
}

impl Isolation {
    /// Judges an answer, after `budget` has taken it. `barred`: a penalty for a breach of other limits was in force for sure.
    pub fn done(
        &mut self,
        scenario: &Scenario,
        budget: &Budget,
        barred: bool,
        sent: Nanos,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        let Some((other, span)) = self.throttled_elsewhere(scenario, budget.class, sent, record) else { return };
        match record.outcome {
            Outcome::Served => {
                if let Some(agrees) = agrees_served(span, barred) {
                    self.served += 1;
                    self.count(&agrees);
                }
            }
            Outcome::Refused if has_room(scenario, budget, sent, record) => {
                self.blocked += 1;
                let key = budget.key_of(scenario, record);
                self.count(&self.agrees_refused(scenario, budget, key, span, sent));
                let why = || {
                    let (name, other) = (&scenario.policy.class(budget.class).name, &scenario.policy.class(other).name);
                    format!("refused in {name}, where it had requests left, while throttled in {other}")
                };
                self.exhibits.show(|| Exhibit::done(record, exchange, why()));
            }
            _ => {}
        }
    }

    fn count(&mut self, agrees: &Agrees) {
        match agrees {
            Agrees::Yes => {}
            Agrees::No => self.wrong += 1,
            Agrees::Maybe => self.open += 1,
            Agrees::Unsaid => self.unsaid += 1,
        }
    }

    /// Another class in which the client was throttled for as long as this request took.
    fn throttled_elsewhere(
        &self,
        scenario: &Scenario,
        class: ClassId,
        sent: Nanos,
        record: &Record,
    ) -> Option<(ClassId, Span)> {
        let classes = (0..scenario.policy.classes.len()).map(|index| ClassId(index as u8));
        classes.filter(|other| *other != class).find_map(|other| {
            let span = self.throttled.get(&(record.device, other))?;
            (span.from <= sent && record.done <= span.until).then_some((other, *span))
        })
    }

    fn agrees_refused(&self, scenario: &Scenario, budget: &Budget, key: ScopeKey, span: Span, sent: Nanos) -> Agrees {
        let shut_out = self.overfull || self.shut_out.get(&(budget.class, key)).is_some_and(|until| *until >= sent);
        let outsiders = matches!(scenario.target, Target::Remote(_));
        match span.blocks {
            Some(Blocks::Everything) => Agrees::Yes,
            Some(Blocks::Unspecified) | None => Agrees::Unsaid,
            Some(Blocks::Class) if shut_out || outsiders || !budget.sole => Agrees::Maybe,
            Some(Blocks::Class) if penalties_reach_far(&scenario.policy) => Agrees::Maybe,
            Some(Blocks::Class) => Agrees::No,
        }
    }

    /// Takes a refusal that nothing but the class's own limits explains.
    pub fn throttle(&mut self, budget: &Budget, key: ScopeKey, record: &Record) {
        let class = budget.class;
        let penalty = budget.limit.penalty.as_ref();
        let lasts = penalty.map_or(Nanos::ZERO, |penalty| penalty.lasts);
        let wait = record.hint.wait();
        // Its own time of being shut out may end later than the hint says.
        let shut_until = record.done.saturating_add(wait.unwrap_or_default().max(lasts));
        if self.shut_out.len() < MOST_FOLLOWED || self.shut_out.contains_key(&(class, key)) {
            let known = self.shut_out.entry((class, key)).or_default();
            *known = shut_until.max(*known);
        } else {
            self.overfull = true;
        }
        let Some(length) = wait.or(penalty.map(|_| lasts)).filter(|length| *length > Nanos::ZERO) else { return };
        let entry = (record.device, class);
        let stated = penalty.filter(|penalty| penalty.stated);
        let span = Span {
            from: record.done,
            until: record.done.saturating_add(length),
            blocks: stated.map(|stated| stated.blocks),
        };
        if self.throttled.len() < MOST_FOLLOWED || self.throttled.contains_key(&entry) {
            self.throttled.insert(entry, span);
        }
    }

    pub fn merge(&mut self, other: Isolation) {
        self.throttled.extend(other.throttled);
        self.shut_out.extend(other.shut_out);
        self.overfull |= other.overfull;
        self.served += other.served;
        self.blocked += other.blocked;
        self.wrong += other.wrong;
        self.open += other.open;
        self.unsaid += other.unsaid;
        self.exhibits.merge(other.exhibits);
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        let (served, blocked) = (self.served, self.blocked);
        let looked_at = served + blocked;
        let requests = plural(looked_at, "request");
        let seen = match (served, blocked) {
            (_, 0) => format!("A client throttled in one class was served in others, all {requests}"),
            (0, _) => format!("A client throttled in one class was refused in the others, all {requests}"),
            _ => format!("Of {requests} in other classes while throttled in one, {blocked} were refused"),
        };
        let (verdict, headline) = match () {
            () if looked_at == 0 => {
                (Verdict::NoData, "No client that was throttled in one class tried another meanwhile".to_owned())
            }
            () if self.wrong > 0 => (Verdict::Fail, seen),
            () if self.open > 0 => (Verdict::Inconclusive, format!("{seen}; something else may explain it")),
            () if self.unsaid > 0 => (Verdict::Undocumented, format!("{seen}; the documents do not say")),
            () => (Verdict::Pass, seen),
        };
        let remedy = "Shut a client out of what the documents name, and of nothing else";
        Finding {
            verdict,
            headline,
            remedy: if self.wrong > 0 { remedy.to_owned() } else { String::new() },
            looked_at,
            wrong: self.wrong,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.throttle-isolation", Party::Server, Severity::Breach, "")
        }
    }
}

/// None where a penalty for everything may be over, or is another key's: there is nothing to hold it against.
fn agrees_served(span: Span, barred: bool) -> Option<Agrees> {
    match span.blocks {
        Some(Blocks::Class) => Some(Agrees::Yes),
        Some(Blocks::Unspecified) | None => Some(Agrees::Unsaid),
        Some(Blocks::Everything) => barred.then_some(Agrees::No),
    }
}

/// Whether a penalty may shut out of more than its own class, for all that the documents say.
fn penalties_reach_far(policy: &Policy) -> bool {
    penalties(policy).any(|penalty| !penalty.stated || penalty.blocks != Blocks::Class)
}

/// Whether no reading of its own limit explains that a request is refused.
fn has_room(scenario: &Scenario, budget: &Budget, sent: Nanos, record: &Record) -> bool {
    let recent = budget.recent(budget.key_of(scenario, record));
    let counted = recent.and_then(|recent| recent.may_count(sent, &budget.limit));
    counted.is_some_and(|counted| counted <= u64::from(budget.limit.allow))
}
