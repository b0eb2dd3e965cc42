//! What the suite found: as data, and as text.

use std::fmt;

use serde::Serialize;

use super::checks::{Check, Defect};
use super::play::{Mistakes, Seen};
use super::{Accuracy, Claim};
use crate::words::count;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub name: String,
    /// What the limiter claims to be.
    pub claim: String,
    /// Whether requests cost other than one at times.
    pub costs: bool,
    pub checks: Vec<Checked>,
    /// One for each workload.
    pub accuracy: Vec<Accuracy>,
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    pub check: Check,
    /// Zero where there was nothing to look at, which is no pass.
    pub decisions: u64,
    pub told_waits: u64,
    pub told_remaining: u64,
    /// For how many keys callers came at the same time.
    pub met: u64,
    pub found: Vec<Found>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    pub defect: Defect,
    pub times: u64,
    /// The first one.
    pub example: String,
}

impl Checked {
    /// What the control shows as well has its plain name.
    pub fn new(check: Check, seen: Seen, control: &Seen) -> Self {
        let over = if control.over.times > 0 { Defect::AdmitsTooMuch } else { check.over() };
        let under = if control.under.times > 0 { Defect::RefusesTooEarly } else { check.under() };
        let found = |defect: Defect, mistakes: Mistakes| {
            Some(Found { defect, times: mistakes.times, example: mistakes.example? })
        };
        let all = [
            found(over, seen.over),
            found(under, seen.under),
            found(Defect::RetryAfterTooShort, seen.short_waits),
            found(Defect::RetryAfterTooLong, seen.long_waits),
            found(Defect::RemainingIsWrong, seen.wrong_remaining),
        ];
        Checked {
            check,
            decisions: seen.decisions,
            told_waits: seen.told_waits,
            told_remaining: seen.told_remaining,
            met: seen.met,
            found: all.into_iter().flatten().collect(),
        }
    }
}

impl Report {
    pub fn new(name: &str, claim: &Claim, checks: Vec<Checked>, accuracy: Vec<Accuracy>) -> Self {
        Report { name: name.to_owned(), claim: claim.to_string(), costs: claim.costs, checks, accuracy }
    }

    /// Whether nothing wrong was found. What was not looked at is in [`Report::not_looked_at`].
    pub fn is_right(&self) -> bool {
        let is_exact = |it: &Accuracy| it.over + it.under + it.short_waits + it.long_waits + it.wrong_remaining == 0;
        self.defects().is_empty() && self.accuracy.iter().all(is_exact)
    }

    /// What the limiter does wrong, each once. Of what it decides wrongly in a workload the name is not known, unless a
    /// check has found it.
    pub fn defects(&self) -> Vec<Defect> {
        let found = self.checks.iter().flat_map(|checked| &checked.found).map(|found| found.defect);
        let any = |times: fn(&Accuracy) -> u64| self.accuracy.iter().any(|it| times(it) > 0);
        let short = any(|it| it.short_waits).then_some(Defect::RetryAfterTooShort);
        let long = any(|it| it.long_waits).then_some(Defect::RetryAfterTooLong);
        let remaining = any(|it| it.wrong_remaining).then_some(Defect::RemainingIsWrong);
        let mut defects: Vec<Defect> = found.chain(short).chain(long).chain(remaining).collect();
        defects.sort();
        defects.dedup();
        defects
    }

    /// The checks that had nothing to look at.
    pub fn not_looked_at(&self) -> Vec<Check> {
        self.checks.iter().filter(|checked| checked.decisions == 0).map(|checked| checked.check).collect()
    }

    /// Of what nothing is known, in words: no pass.
    pub fn unknown(&self) -> Vec<String> {
        let unasked = self.not_looked_at().into_iter().map(|check| check.title().to_owned());
        let untold = self.untold().into_iter().map(str::to_owned);
        let cut_short = self.accuracy.iter().filter(|it| it.left_out > 0);
        let rest = cut_short.map(|it| format!("{} after {} decisions", it.workload, it.decisions));
        let costs = (!self.costs).then(|| "costs other than one".to_owned());
        unasked.chain(costs).chain(untold).chain(rest).collect()
    }

    /// `right; not looked at: many callers side by side, remaining`
    pub fn verdict(&self) -> String {
        let defects: Vec<&str> = self.defects().into_iter().map(Defect::title).collect();
        let found = match (self.is_right(), defects.is_empty()) {
            (true, _) => "right".to_owned(),
            (false, true) => "inexact".to_owned(),
            (false, false) => defects.join(", "),
        };
        let unknown = self.unknown();
        if unknown.is_empty() { found } else { format!("{found}; not looked at: {}", unknown.join(", ")) }
    }

    /// What it never told of its decisions, so that nothing is known of it.
    pub fn untold(&self) -> Vec<&'static str> {
        let told = [("retry_after", self.told(|it| it.told_waits)), ("remaining", self.told(|it| it.told_remaining))];
        told.into_iter().filter(|(_, times)| *times == 0).map(|(name, _)| name).collect()
    }

    fn told(&self, what: fn(&Checked) -> u64) -> u64 {
        self.checks.iter().map(what).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} ({})", self.name, self.claim)?;
        for checked in &self.checks {
            let verdict = match (checked.decisions, checked.found.len()) {
                (0, _) => "nothing to look at",
                (_, 0) => "right",
                _ => "WRONG",
            };
            let met =
                if checked.met > 0 { format!(", they met for {} keys", count(checked.met)) } else { String::new() };
            writeln!(out, "  {:<42} {verdict}{met}", checked.check.title())?;
            for Found { defect, times, example } in &checked.found {
                writeln!(out, "    {} ({times} times): {example}", defect.title())?;
            }
        }
        for name in self.untold() {
            writeln!(out, "  {name} is never told, so nothing is known of it")?;
        }
        writeln!(out, "  It is {}", self.verdict())?;
        writeln!(out)?;
        writeln!(out, "  {}", Accuracy::head())?;
        self.accuracy.iter().try_for_each(|it| writeln!(out, "  {it}"))
    }
}

impl Accuracy {
    /// Above lines of figures.
    pub(super) fn head() -> String {
        let heads = ["decisions", "admitted", "over", "under", "worst window", "waits", "short", "long", "fairness"];
        heads.iter().fold(format!("{:<16}", "workload"), |line, head| format!("{line} {head:>9}"))
    }
}

/// In a line.
impl fmt::Display for Accuracy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Accuracy { workload, decisions, admitted, over, under, waits, short_waits, long_waits, fairness, .. } =
            self;
        let window = format!("{} of {}", self.worst_window, self.worst_window_allowed);
        write!(out, "{workload:<16} {decisions:>9} {admitted:>9} {over:>9} {under:>9} {window:>12}")?;
        write!(out, " {waits:>9} {short_waits:>9} {long_waits:>9} {fairness:>9.3}")?;
        if self.wrong_remaining > 0 {
            write!(out, "  ({} told a wrong remaining)", self.wrong_remaining)?;
        }
        if self.left_out > 0 {
            write!(out, "  ({} more would take too long: not looked at)", self.left_out)?;
        }
        Ok(())
    }
}
