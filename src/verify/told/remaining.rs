//! `server.remaining`: what the headers say is left, held against what was used.
//!
//! Too much is said to be left if no reading of the limit's words allows it:
//! - **rolling**: every request that was certainly counted in the window before must be missing from it;
//! - **fixed**: what is left falls by one with each request, but for one reset per window;
//! - **bucket**: what is left rises by no more than what has run in.
//!
//! An answer tells what is left when it is written, and its request was counted at some time before: a window may have ended
//! in between. That is the only excuse of a server with fixed windows for leaving out the request itself, and hard to
//! believe of one that answers at once: such answers leave it open.
//!
//! The latter two look at requests that had the key to themselves, for only their order is known. Too little is said to be
//! left if more is missing than all requests that may have counted, refused and failed ones included; against a server
//! that others use as well that stays open. Answers of refused requests are not looked at: no provider says what their
//! headers mean.

use super::recent::{MOST_FOLLOWED, Recent};
use crate::policy::model::{Algorithm, Class, Cost, Enforcement, Limit, RateLimit};
use crate::policy::reading::Reading;
use crate::record::Record;
use crate::scenario::Scenario;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::plural;

/// The one limit of a class that plain arithmetic on `Remaining` fits.
pub fn countable(class: &Class) -> Option<&RateLimit> {
    let mut rates = class.limits.iter().filter_map(|limit| match limit {
        Limit::Rate(limit) => Some(limit),
        Limit::Concurrent(_) | Limit::Cooldown(_) => None,
    });
    let limit = rates.next().filter(|_| rates.next().is_none())?;
    let known = matches!(
        limit.algorithm,
        Algorithm::Unspecified
            | Algorithm::FixedAligned
            | Algorithm::FixedFirstHit
            | Algorithm::Rolling
            | Algorithm::TokenBucket
    );
    let plain = limit.cost == Cost::One && limit.burst.is_none() && limit.counts_statuses.is_empty();
    (known && plain && limit.calendar.is_none() && limit.allow <= MOST_FOLLOWED).then_some(limit)
}

/// What was said to remain of one class's limit.
#[derive(Clone, Debug, Default)]
pub struct Remaining {
    looked_at: u64,
    too_much: u64,
    too_little: u64,
    /// Right only if a window ended just then.
    at_an_end: u64,
    lowest: Option<u32>,
    exhibits: Exhibits,
}

/// What one key's answers have said so far.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: Option<Last>,
    /// A reset that a fixed window must have had came no earlier than this.
    reset: Option<Nanos>,
    ruled_out: Vec<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    sent: Nanos,
    used: u64,
    /// No bucket holds more after it.
    tokens: f64,
}

impl Remaining {
    /// Takes a served answer, right after `recent` has taken it; `alone` as it told.
    pub fn served(
        &mut self,
        limit: &RateLimit,
        sent: Nanos,
        record: &Record,
        recent: &Recent,
        chain: &mut Chain,
        alone: bool,
    ) {
        let allow = record.told.limit.unwrap_or(limit.allow);
        let Some(left) = record.told.remaining else { return };
        self.looked_at += 1;
        self.lowest = Some(self.lowest.map_or(left, |lowest| lowest.min(left)));
        let used = u64::from(allow.saturating_sub(left));
        if left > allow {
            self.too_much += 1;
            let why = || format!("{left} of {allow} said to be left");
            self.exhibits.show(|| Exhibit::done(record, None, why()));
            chain.last = None;
            return;
        }
        if let Some(most) = recent.may_count(sent, limit)
            && used > most
        {
            self.too_little += 1;
            let why = || format!("{left} of {allow} said to be left, though at most {most} requests can have counted");
            self.exhibits.show(|| Exhibit::done(record, None, why()));
        }
        let must = recent.must_count(sent, record.done, limit.per);
        let evidence = chain.take(limit, allow, left, sent, record.done, must, alone);
        let readings = Reading::allowed_by(limit.algorithm);
        if readings.iter().all(|reading| chain.ruled_out.contains(reading)) {
            chain.ruled_out.clear();
            self.too_much += 1;
            let why = || format!("{left} of {allow} said to be left, more than any reading of the limit leaves");
            self.exhibits.show(|| Exhibit::done(record, None, why()));
        } else if evidence == Evidence::AtAnEnd {
            self.at_an_end += 1;
            let why =
                || format!("{left} of {allow} said to be left, right only if a window ended since it was counted");
            self.exhibits.show(|| Exhibit::done(record, None, why()));
        }
    }

    pub fn merge(&mut self, other: Remaining) {
        self.looked_at += other.looked_at;
        self.too_much += other.too_much;
        self.too_little += other.too_little;
        self.at_an_end += other.at_an_end;
        self.lowest = self.lowest.into_iter().chain(other.lowest).min();
        self.exhibits.merge(other.exhibits);
    }

    /// `shared` says that others may use the limit too.
    pub fn finding(self, scenario: &Scenario, class: &str, limit: &RateLimit, shared: bool) -> Finding {
        let (much, little) = (self.too_much, self.too_little);
        let answers = plural(self.looked_at, "answer");
        let (verdict, headline) = match (much, little) {
            _ if self.looked_at == 0 => (Verdict::NoData, "No answer said what remains".to_owned()),
            (0, 0) if self.at_an_end > 0 => (
                Verdict::Inconclusive,
                format!("{} of {answers} leave out their own request, unless a window ended just then", self.at_an_end),
            ),
            (0, 0) => (Verdict::Pass, format!("What remains fell by what was used, in {answers}")),
            (much, little) if limit.enforcement == Enforcement::BestEffort => (
                Verdict::Undocumented,
                format!("{} of {answers} do not tell what exact counting leaves; the limit is a target", much + little),
            ),
            (0, little) if shared => (
                Verdict::Inconclusive,
                format!("{little} of {answers} say that less remains than this run left; others may use it too"),
            ),
            (0, little) => (Verdict::Fail, format!("{little} of {answers} say that less remains than was left")),
            (much, 0) => (Verdict::Fail, format!("{much} of {answers} promise more than any reading leaves")),
            (much, little) => (
                Verdict::Fail,
                format!(
                    "{} of {answers} are wrong about what remains: {much} too high, {little} too low",
                    much + little
                ),
            ),
        };
        let failed = verdict == Verdict::Fail;
        let remedy = "Count the request that is being answered, per documented scope, and tell what that leaves";
        Finding {
            verdict,
            headline,
            explanation: self.lowest.map_or(String::new(), |lowest| format!("The lowest that was told is {lowest}.")),
            remedy: if failed { remedy.to_owned() } else { String::new() },
            looked_at: self.looked_at,
            wrong: if failed { much + little } else { 0 },
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.remaining", Party::Server, Severity::Breach, class)
        }
    }
}

/// What one answer shows besides the readings that it rules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Plain,
    /// Neither a rolling window nor a bucket leaves so much.
    AtAnEnd,
}

impl Chain {
    #[expect(clippy::too_many_arguments, reason = "all that is known of one answer")]
    fn take(
        &mut self,
        limit: &RateLimit,
        allow: u32,
        left: u32,
        sent: Nanos,
        done: Nanos,
        must_count: u64,
        alone: bool,
    ) -> Evidence {
        let used = u64::from(allow - left);
        let rolls = used >= must_count;
        if !rolls {
            self.rule_out(Reading::Rolling);
        }
        let last = self.last.filter(|_| alone);
        let gained = |since: Nanos| (done - since).as_secs_f64() * f64::from(allow) / limit.per.as_secs_f64();
        // What is left is told when the request is answered: something may have run in since it was counted.
        let mut most = f64::from(allow) - 1.0 + gained(sent);
        if let Some(last) = last {
            most = most.min(last.tokens + gained(last.sent) - 1.0);
        }
        let runs_in = f64::from(left) <= most + 1e-6;
        if !runs_in {
            self.rule_out(Reading::TokenBucket);
        }
        let tokens = (f64::from(left) + 1.0).min(most.max(f64::from(left)));
        if alone && used == 0 {
            self.must_have_reset(sent, done, limit.per);
        } else if let Some(last) = last.filter(|last| used < last.used + 1) {
            self.must_have_reset(last.sent, done, limit.per);
        }
        self.last = alone.then_some(Last { sent, used, tokens });
        if used == 0 && !rolls && !runs_in { Evidence::AtAnEnd } else { Evidence::Plain }
    }

    /// Fixed windows are reset once in each of their lengths, somewhere between these times.
    fn must_have_reset(&mut self, from: Nanos, until: Nanos, per: Nanos) {
        if self.reset.is_some_and(|before| until.saturating_sub(before) < per) {
            self.rule_out(Reading::FixedFirstHit);
            self.rule_out(Reading::FixedAligned);
        }
        self.reset = Some(from);
    }

    fn rule_out(&mut self, reading: Reading) {
        if !self.ruled_out.contains(&reading) {
            self.ruled_out.push(reading);
        }
    }
}
