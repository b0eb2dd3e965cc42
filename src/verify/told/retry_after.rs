//! `server.retry-after-window`: what the wait that a refusal asks for stands for. It may be what is left of the window, or
//! the length that the documents name for being shut out; longer than both it tells no truth at all.

use std::collections::HashMap;

use super::budget::Budget;
use crate::policy::model::ClassId;
use crate::record::{Exchange, Record};
use crate::scenario::{Scenario, ScopeKey};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::{Anchor, Nanos};
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::{count, part_of, plural};

/// Waits are told in whole seconds, rounded up.
const ROUNDING: Nanos = Nanos::from_secs(1);
/// Keys that are shut out; more are not followed.
const MOST_KEYS: usize = 1 << 16;

/// The waits that refusals asked for, by what they may stand for.
#[derive(Clone, Debug, Default)]
pub struct RetryAfter {
    /// Of keys that are shut out: when the refusal that began it was sent and done.
    shut_out: HashMap<(ClassId, ScopeKey), (Nanos, Nanos)>,
    window: u64,
    penalty: u64,
    either: u64,
    shorter: u64,
    /// Beyond the class's own window and time of being shut out, within what something else that is documented may take.
    elsewhere: u64,
    beyond: u64,
    exhibits: Exhibits,
}

impl RetryAfter {
    /// Takes a refusal, after `budget` has.
    pub fn refused(
        &mut self,
        budget: &Budget,
        (class, key): (ClassId, ScopeKey),
        sent: Nanos,
        record: &Record,
        exchange: Option<&Exchange>,
        anchor: Anchor,
    ) {
        let Some(wait) = record.hint.wait() else { return };
        let per = budget.limit.per;
        let allow = record.told.limit.unwrap_or(budget.limit.allow);
        // Where the wait may end, by the earliest and the latest time at which it can have been told.
        let ends = (sent.saturating_add(wait), record.done.saturating_add(wait));
        let oldest = budget.recent(key).and_then(|recent| recent.oldest_of(allow));
        let rest =
            oldest.is_some_and(|(first, last)| meets(ends, (first.saturating_add(per), last.saturating_add(per))));
        let window = rest || is_edge(anchor, ends, per);
        let lasts = budget.limit.penalty.as_ref().map(|penalty| penalty.lasts).filter(|lasts| *lasts > Nanos::ZERO);
        let penalty = lasts.is_some_and(|lasts| {
            let begun = self.shut_out.get(&(class, key)).copied().filter(|(_, done)| done.saturating_add(lasts) > sent);
            let (from, until) = begun.unwrap_or((sent, record.done));
            if begun.is_none() && self.shut_out.len() < MOST_KEYS {
                self.shut_out.insert((class, key), (sent, record.done));
            }
            // Being refused may begin the time anew; the documents do not always say.
            let after = |(from, until): (Nanos, Nanos)| (from.saturating_add(lasts), until.saturating_add(lasts));
            meets(ends, after((from, until))) || meets(ends, after((sent, record.done)))
        });
        let longest = lasts.unwrap_or_default().max(per);
        match (window, penalty) {
            (true, true) => self.either += 1,
            (true, false) => self.window += 1,
            (false, true) => self.penalty += 1,
            (false, false) if wait <= longest.saturating_add(ROUNDING) => self.shorter += 1,
            (false, false) => self.too_long(budget, wait, longest, record, exchange),
        }
    }

    /// Longer than the class's own limit knows, `own`: parents, and what shuts out from everything, may know longer.
    fn too_long(&mut self, budget: &Budget, wait: Nanos, own: Nanos, record: &Record, exchange: Option<&Exchange>) {
        let longest = budget.longest_wait.map(|longest| longest.max(own));
        let Some(longest) = longest.filter(|longest| wait > longest.saturating_add(ROUNDING)) else {
            self.elsewhere += 1;
            return;
        };
        self.beyond += 1;
        let why = || format!("asks for {wait}, longer than any window and any time of being shut out ({longest})");
        self.exhibits.show(|| Exhibit::done(record, exchange, why()));
    }

    pub fn merge(&mut self, other: RetryAfter) {
        self.shut_out.extend(other.shut_out);
        self.window += other.window;
        self.penalty += other.penalty;
        self.either += other.either;
        self.shorter += other.shorter;
        self.elsewhere += other.elsewhere;
        self.beyond += other.beyond;
        self.exhibits.merge(other.exhibits);
    }

    /// `stated`: whether the documents say that being shut out is what the length they name is for.
    pub fn finding(self, scenario: &Scenario, stated: bool) -> Finding {
        let RetryAfter { window, penalty, either, shorter, elsewhere, beyond, .. } = self;
        let looked_at = window + penalty + either + shorter + elsewhere + beyond;
        let waits = plural(looked_at, "wait");
        let of_waits = |part| part_of(part, looked_at, "wait");
        let (verdict, headline) = match () {
            () if looked_at == 0 => (Verdict::NoData, "No refusal said how long to wait".to_owned()),
            () if beyond > 0 => (Verdict::Fail, format!("{} reach beyond anything documented", of_waits(beyond))),
            () if shorter > 0 => {
                (Verdict::Inconclusive, format!("{} end before a window of requests has passed", of_waits(shorter)))
            }
            () if elsewhere > 0 => (
                Verdict::Inconclusive,
                format!("{} outlast the class's own limit, as what else is documented may", of_waits(elsewhere)),
            ),
            () if penalty > 0 && window > 0 => (
                Verdict::Inconclusive,
                format!(
                    "{} are what is left of the window, {} a time of being shut out",
                    of_waits(window),
                    count(penalty)
                ),
            ),
            () if penalty > 0 && !stated => (
                Verdict::Undocumented,
                "The wait is the length that the documents name and do not define, not the rest of the window"
                    .to_owned(),
            ),
            () if penalty > 0 => (Verdict::Pass, "The wait is the documented time of being shut out".to_owned()),
            () => (Verdict::Pass, "The wait is what is left of the window".to_owned()),
        };
        let explanation = match looked_at {
            0 => String::new(),
            _ => format!(
                "Of {waits}, {window} end with the window, {penalty} with the time of being shut out, {either} with either, \
                 {shorter} sooner, {elsewhere} with something else that is documented at the most, and {beyond} later."
            ),
        };
        let remedy = "Tell the seconds until a request is admitted, and no more";
        Finding {
            verdict,
            headline,
            explanation,
            remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
            looked_at,
            wrong: beyond,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.retry-after-window", Party::Server, Severity::Breach, "")
        }
    }
}

/// Whether two spans of time have a moment in common, the first of them rounded up.
fn meets(told: (Nanos, Nanos), true_end: (Nanos, Nanos)) -> bool {
    told.0.saturating_sub(ROUNDING) <= true_end.1 && true_end.0 <= told.1
}

/// Whether a window on the clock ends in the span.
fn is_edge(anchor: Anchor, (from, until): (Nanos, Nanos), per: Nanos) -> bool {
    let on_clock = |at: Nanos| anchor.unix_nanos.saturating_add(at.0);
    on_clock(from.saturating_sub(ROUNDING)) / per.0 != on_clock(until) / per.0
}
