//! `client.over-waiting`: what it costs that `Window` is a length and not the time that is left.
//!
//! A client that waits a whole window from the moment nothing remains waits too long: under no reading does a request
//! count for longer than one window, so one is admitted as soon as the oldest of those that used the limit up is a window
//! old. What is waited beyond that, from the latest moment at which the oldest can have been counted, is lost for certain.
//! A client that was told the time that is left is not looked at: it waited for that and not for a length. Nor is one that
//! was told of a limit that is not the class's own: what else used that up is not known here. Only waits count
//! that end in a request, for a client with nothing to send loses nothing, and only where nothing of the budget was refused:
//! being throttled may take longer than any reading.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::preempt::Zero;
use crate::policy::model::ClassId;
use crate::record::Sent;
use crate::scenario::{DeviceId, Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::plural;

/// A request that leaves this soon after its wait was held back by it.
const PROMPTLY: Nanos = Nanos::from_millis(200);
/// Less than this is not worth a word.
const WORTH_TELLING: Nanos = Nanos::from_secs(1);
/// So many clients are named.
const NAMED: usize = 5;
/// Clients beyond this are not followed.
const MOST_FOLLOWED: usize = 1 << 16;

/// What clients waited beyond what they had to.
#[derive(Clone, Debug, Default)]
pub struct OverWaiting {
    waits: BTreeMap<(DeviceId, ClassId), Waits>,
    exhibits: Exhibits,
}

#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    count: u64,
    lost: Nanos,
    longest: Nanos,
}

impl OverWaiting {
    /// Takes a request that came when the wait after `zero` was over.
    pub fn came(&mut self, at: Nanos, budget: &Budget, (class, key): (ClassId, ScopeKey), zero: Zero, sent: &Sent) {
        let end = zero.end();
        if !zero.own || zero.pause.by_reset || at > end.saturating_add(PROMPTLY) {
            return;
        }
        let Some(recent) = budget.recent(key) else { return };
        let Some((_, counted)) = recent.oldest_of(budget.limit.allow) else { return };
        if !recent.all_served_since(counted) {
            return;
        }
        let entry = (sent.device, class);
        if self.waits.len() >= MOST_FOLLOWED && !self.waits.contains_key(&entry) {
            return;
        }
        let lost = end.saturating_sub(counted.saturating_add(budget.limit.per).max(zero.at));
        let waits = self.waits.entry(entry).or_default();
        waits.count += 1;
        waits.lost = waits.lost.saturating_add(lost);
        waits.longest = waits.longest.max(lost);
        if lost >= WORTH_TELLING {
            let window = zero.pause.lasts;
            let enough = window.saturating_sub(lost);
            let why = || format!("waited {window} after nothing remained, {enough} would have been enough");
            self.exhibits.show(|| Exhibit::sent(at, sent, why()));
        }
    }

    pub fn answered(&mut self, record: &crate::record::Record, exchange: Option<&crate::record::Exchange>) {
        self.exhibits.answered(record, exchange);
    }

    pub fn merge(&mut self, other: OverWaiting) {
        self.waits.extend(other.waits);
        self.exhibits.merge(other.exhibits);
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        let count: u64 = self.waits.values().map(|waits| waits.count).sum();
        let too_long = self.waits.values().filter(|waits| waits.longest >= WORTH_TELLING).count() as u64;
        let lost = self.waits.values().fold(Nanos::ZERO, |sum, waits| sum.saturating_add(waits.lost));
        let (verdict, headline) = match too_long {
            _ if count == 0 => (Verdict::NoData, "No client waited for a window after nothing remained".to_owned()),
            0 => (Verdict::Pass, format!("No time was lost in {}", plural(count, "wait"))),
            _ => (Verdict::Fail, format!("Waits {} longer than needed, in {}", seconds(lost), plural(count, "wait"))),
        };
        let failed = verdict == Verdict::Fail;
        let remedy = "Note when each request was sent, and wait until the oldest of them is a window old: the window header is a \
                      length, no time that is left";
        Finding {
            verdict,
            headline,
            explanation: if failed { self.clients_in_words(scenario) } else { String::new() },
            remedy: if failed { remedy.to_owned() } else { String::new() },
            looked_at: count,
            wrong: too_long,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("client.over-waiting", Party::Client, Severity::Advice, "")
        }
    }

    /// Those who lost most, first.
    fn clients_in_words(&self, scenario: &Scenario) -> String {
        let mut clients: Vec<_> = self.waits.iter().collect();
        clients.sort_by_key(|(client, waits)| (std::cmp::Reverse(waits.lost), **client));
        let named = clients.iter().take(NAMED).map(|((device, class), waits)| {
            format!(
                "{} in {}: {} in {}, at most {} at once",
                scenario.device_name(*device),
                scenario.policy.class(*class).name,
                seconds(waits.lost),
                plural(waits.count, "wait"),
                seconds(waits.longest)
            )
        });
        let mut text = named.collect::<Vec<_>>().join("; ");
        if clients.len() > NAMED {
            text += &format!("; and {} more", clients.len() - NAMED);
        }
        text + "."
    }
}

/// `41.2 s`.
fn seconds(length: Nanos) -> String {
    format!("{:.1} s", length.as_secs_f64())
}
