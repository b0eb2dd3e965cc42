//! `server.throttle-isolation`: whether a client that is throttled in one class is still served in the others.

use std::collections::HashMap;

use super::budget::Budget;
use crate::device::Outcome;
use crate::policy::model::{Blocks, ClassId};
use crate::record::{Exchange, Record};
use crate::scenario::{DeviceId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::plural;

/// Clients that are throttled; more are not followed.
const MOST_CLIENTS: usize = 1 << 16;

/// Requests of one class while the same client was throttled in another.
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    /// Since when and until when a client is throttled in a class.
    throttled: HashMap<(DeviceId, ClassId), (Nanos, Nanos)>,
    served: u64,
    blocked: u64,
    exhibits: Exhibits,
}

impl Isolation {
    /// Takes an answer, after `budget` has.
    pub fn done(
        &mut self,
        scenario: &Scenario,
        class: ClassId,
        budget: &Budget,
        sent: Nanos,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        if let Some(other) = self.throttled_elsewhere(scenario, class, sent, record) {
            match record.outcome {
                Outcome::Served => self.served += 1,
                Outcome::Refused if has_room(scenario, budget, sent, record) => {
                    self.blocked += 1;
                    let why = || {
                        let (name, other) = (&scenario.policy.class(class).name, &scenario.policy.class(other).name);
                        format!("refused in {name}, where it had requests left, while throttled in {other}")
                    };
                    self.exhibits.show(|| Exhibit::done(record, exchange, why()));
                }
                _ => {}
            }
        }
        if record.outcome == Outcome::Refused {
            self.throttle(class, budget, record);
        }
    }

    /// Another class in which the client was throttled for as long as this request took.
    fn throttled_elsewhere(
        &self,
        scenario: &Scenario,
        class: ClassId,
        sent: Nanos,
        record: &Record,
    ) -> Option<ClassId> {
        let classes = (0..scenario.policy.classes.len()).map(|index| ClassId(index as u8));
        classes.filter(|other| *other != class).find(|other| {
            let span = self.throttled.get(&(record.device, *other));
            span.is_some_and(|(from, until)| *from <= sent && record.done <= *until)
        })
    }

    fn throttle(&mut self, class: ClassId, budget: &Budget, record: &Record) {
        let named = budget.limit.penalty.as_ref().map(|penalty| penalty.lasts);
        let Some(lasts) = record.hint.wait().or(named).filter(|lasts| *lasts > Nanos::ZERO) else { return };
        let entry = (record.device, class);
        if self.throttled.len() < MOST_CLIENTS || self.throttled.contains_key(&entry) {
            self.throttled.insert(entry, (record.done, record.done + lasts));
        }
    }

    pub fn merge(&mut self, other: Isolation) {
        self.throttled.extend(other.throttled);
        self.served += other.served;
        self.blocked += other.blocked;
        self.exhibits.merge(other.exhibits);
    }

    pub fn finding(self, scenario: &Scenario, documented: Option<Blocks>) -> Finding {
        let (served, blocked) = (self.served, self.blocked);
        let looked_at = served + blocked;
        let requests = plural(looked_at, "request");
        let seen = match (served, blocked) {
            (_, 0) => format!("A client throttled in one class was served in others, all {requests}"),
            (0, _) => format!("A client throttled in one class was refused in the others, all {requests}"),
            _ => format!("Of {requests} in other classes while throttled in one, {blocked} were refused"),
        };
        let (verdict, headline) = match documented {
            _ if looked_at == 0 => {
                (Verdict::NoData, "No client that was throttled in one class tried another meanwhile".to_owned())
            }
            Some(Blocks::Class) if blocked > 0 => (Verdict::Fail, seen),
            Some(Blocks::Everything) if served > 0 => (Verdict::Fail, seen),
            Some(Blocks::Class | Blocks::Everything) => (Verdict::Pass, seen),
            Some(Blocks::Unspecified) | None => (Verdict::Undocumented, format!("{seen}; the documents do not say")),
        };
        let wrong = match (verdict, documented) {
            (Verdict::Fail, Some(Blocks::Everything)) => served,
            (Verdict::Fail, _) => blocked,
            _ => 0,
        };
        let remedy = "Shut a client out of what the documents name, and of nothing else";
        Finding {
            verdict,
            headline,
            remedy: if wrong > 0 { remedy.to_owned() } else { String::new() },
            looked_at,
            wrong,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.throttle-isolation", Party::Server, Severity::Breach, "")
        }
    }
}

/// Whether no reading of its own limit explains that a request is refused.
fn has_room(scenario: &Scenario, budget: &Budget, sent: Nanos, record: &Record) -> bool {
    let recent = budget.recent(budget.key_of(scenario, record));
    let counted = recent.and_then(|recent| recent.may_count(sent, budget.limit.per));
    counted.is_some_and(|counted| counted <= u64::from(budget.limit.allow))
}
