//! `plan.json`: what simulated plays answer about a fleet and its quotas, beside the summary of the profile as it stands.
//!
//! Nothing in it was measured on a server. Times are seconds since the play began, ratios and headrooms `0..1`, unless a
//! name says otherwise. Each answer carries what made it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use super::{Bucket, Safety};
use crate::exit::Exit;
use crate::policy::reading::Reading;
use crate::words::count;

/// Raised when a reader of the old form could misunderstand the new one.
pub const FORMAT: u32 = 2;

/// The answers that one command asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub format: u32,
    /// What holds for every answer, one sentence each: that it is simulated, and what the simulation leaves out.
    pub caveats: Vec<String>,
    /// What was asked and is not answered, since the plan was interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// What made a number, and everything needed to make it again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The profile's own name.
    pub profile: String,
    pub profile_hash: String,
    pub policy: String,
    pub policy_hash: String,
    /// Version of quotaproof.
    pub version: String,
    /// Each was played; one answer is given over all of them.
    pub seeds: Vec<u64>,
    /// The simulated time of each play; None where a sweep varies it.
    pub duration_s: Option<f64>,
    pub command: String,
}

/// A number over several seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    pub min: u32,
    /// Of an even count of seeds the upper one of the middle two.
    pub median: u32,
    pub max: u32,
}

/// A group and how many devices it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCount {
    pub group: String,
    pub devices: u32,
}

/// `--find fleet`: the largest fleet that stays within every limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetAnswer {
    pub origin: Origin,
    /// The group whose count was varied; None: all of them, in proportion.
    pub group: Option<String>,
    /// The profile's fleet.
    pub today: Vec<GroupCount>,
    /// The share of each limit that was to stay unused.
    pub headroom: f64,
    /// One per reading that the policy's words allow, the strictest first.
    pub readings: Vec<LargestFleet>,
    /// Limits that this play cannot judge because it saw no whole window of them: `class: limit`.
    pub unproven: Vec<String>,
}

/// The largest fleet under one reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LargestFleet {
    /// Of the limits whose words allow it; the others are read as strictly as theirs do. None: each limit says itself how it
    /// counts, or there is only concurrency.
    pub reading: Option<Reading>,
    /// How many devices of the varied group (of all groups, where they were varied in proportion) fit with every seed; 0: not
    /// even the smallest fleet does.
    pub devices: u32,
    /// The whole fleet at that size; empty where none fits.
    pub fleet: Vec<GroupCount>,
    /// Nothing larger was tried: no limit binds up to this size.
    pub at_least: bool,
    /// The largest fleet with each seed alone.
    pub over_seeds: Spread,
    /// Whether every larger fleet that was tried was over and every smaller one within. If not, `devices` is the size
    /// below which all that were tried fit.
    pub monotone: bool,
    /// What one size more breaks first; None where nothing binds.
    pub binding: Option<Binding>,
    /// The fleet at that size, played against limits that are enforced by this reading; None where none fits.
    pub enforced: Option<Enforced>,
}

/// The limit that gives way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// The size of the fleet that breaks it, counted as [`LargestFleet::devices`].
    pub devices: u32,
    pub class: String,
    /// In words: `60 per 1m for each client_id`.
    pub limit: String,
    /// Without what was to stay unused.
    pub allow: u32,
    /// The most that was used at once under the reading.
    pub peak: u32,
    /// Where that is not too much: `allow` is the rate of a bucket, and this is what it takes for nobody to fall behind for
    /// good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting_rate: Option<u32>,
    /// Whether the true peak may be higher.
    pub at_least: bool,
    /// When the peak came.
    pub at_s: f64,
    /// The same on the clock (UTC), as the profile sets it: `08:31:05`, or `Tuesday, 08:31:05` in a play of more than a day.
    pub time_of_day: String,
    /// Whose use that was, by one device's name.
    pub busiest: Option<String>,
    pub seed: u64,
}

/// What became of the requests where limits were enforced, over all seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Enforced {
    pub requests: u64,
    pub refused: u64,
}

/// `--find quota`: the least limits that this fleet can live with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaAnswer {
    pub origin: Origin,
    /// The share of a class's requests that may be refused.
    pub refused_ratio: f64,
    /// The longest that a request may come late because of refusals (its 99th percentile, from when it was due to when its
    /// last attempt was served); None: no bound was asked for.
    pub delay_s: Option<f64>,
    /// The share of each limit that was to stay unused.
    pub headroom: f64,
    /// The profile as it stands.
    pub needs: Vec<Need>,
    /// The same with one thing changed.
    pub sensitivity: Vec<Variation>,
    /// What changes nothing in this fleet, and so was not played: `twice the jitter` where there is none.
    #[serde(default)]
    pub without_effect: Vec<String>,
    /// Limits that are no number of requests, which searches leave out: `start: after status 409 a wait of 30s …`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_searched: Vec<String>,
    /// All the least limits at once, enforced.
    pub checks: Vec<QuotaCheck>,
    /// Limits that this play cannot judge because it saw no whole window of them: `class: limit`.
    pub unproven: Vec<String>,
}

/// The least `allow` of one limit under one reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    pub class: String,
    /// In words, as the policy has it today: `60 per 1m for each client_id`.
    pub limit: String,
    /// What the policy allows today.
    pub allow: u32,
    /// None for a limit on concurrency.
    pub reading: Option<Reading>,
    /// The least that suffices, headroom included, over the seeds: `max` suffices with each of them.
    pub least: Spread,
    /// Whether `least` is what was used at the busiest moment; else it was found by trying.
    pub is_peak: bool,
    /// What may come at once, of a limit that has a burst of its own: `allow` and `least` are its rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<BurstNeed>,
}

/// The burst that goes with the least rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BurstNeed {
    /// What the policy allows today.
    pub allow: u32,
    pub least: Spread,
}

/// The needs of a fleet that differs in one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variation {
    /// `twice the jitter`, `10% more devices`.
    pub what: String,
    /// Whether this is the fleet after the growth that was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_growth: bool,
    pub fleet: Vec<GroupCount>,
    pub needs: Vec<Need>,
}

/// All least limits together under one reading, over all seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaCheck {
    pub reading: Option<Reading>,
    pub enforced: Enforced,
    /// The highest share of refusals of any class.
    pub refused_ratio: f64,
    /// The longest added delay of any operation (99th percentile).
    pub delay_s: f64,
    /// Whether both keep to what was asked for.
    pub holds: bool,
}

/// `--compare`: what a remedy saves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    pub before: Side,
    pub after: Side,
    /// In the policy's order, those that either side used.
    pub classes: Vec<ClassChange>,
    pub quotas: Vec<QuotaChange>,
    /// The difference in words, the weightiest first.
    pub words: Vec<String>,
}

/// One of the two plays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    pub origin: Origin,
    pub description: Option<String>,
    pub exit: Exit,
    pub headline: String,
    pub fleet: Vec<GroupCount>,
}

/// Before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change<T> {
    pub before: T,
    pub after: T,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassChange {
    pub class: String,
    pub requests: Change<u64>,
    pub refused: Change<u64>,
    pub given_up: Change<u64>,
    /// Frames that streams brought.
    pub frames: Change<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaChange {
    pub class: String,
    pub limit: String,
    pub allow: u32,
    /// Highest use under the strictest reading.
    pub peak: Change<u32>,
    /// Whether the true peak may be higher than what was kept.
    #[serde(default)]
    pub at_least: Change<bool>,
    /// None without data, or where no whole window was seen.
    pub headroom: Change<Option<f64>>,
    pub safety: Change<Safety>,
}

/// `--sweep`: the profile with one field set to several values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    pub origin: Origin,
    /// The field, by its path in the profile: `fleet.depot.chargers.count`.
    pub path: String,
    /// What the profile has there.
    pub today: Option<String>,
    /// Whether the values are evenly spaced by factor.
    pub log: bool,
    pub points: Vec<SweepPoint>,
}

/// One value of the swept field. Counts are sums over the seeds, peaks and headrooms those of the worst seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepPoint {
    /// As it would stand in the profile: `10`, `30s`.
    pub value: String,
    /// The same as a number: a count, a share, or seconds.
    pub number: f64,
    pub devices: u32,
    pub requests: u64,
    pub refused: u64,
    pub quotas: Vec<SweptUse>,
    /// The profile's gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<SweptGate>,
}

/// How one gate came out at one value: as with the seed with which it came out worst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweptGate {
    /// As written, with the value where that is swept.
    pub gate: String,
    /// None: it is left to a run over sockets.
    pub verdict: Option<Verdict>,
}

/// How one limit was used at one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweptUse {
    pub class: String,
    pub limit: String,
    /// Whether it is one on a rate, and not on how many there are at the same time.
    #[serde(default)]
    pub on_a_rate: bool,
    pub allow: u32,
    /// Highest use under the strictest reading, of what was asked for, whatever was refused.
    pub peak: u32,
    pub at_least: bool,
    pub safety: Safety,
    /// None without data, or where no whole window was seen.
    pub headroom: Option<f64>,
    /// The share of the class's requests that were refused; None without data.
    pub refused_ratio: Option<f64>,
}

/// The largest of a limit's needs over its readings.
pub fn largest<'a>(needs: &'a [Need], class: &str, limit: &str) -> Option<&'a Need> {
    let of_limit = needs.iter().filter(|need| need.class == class && need.limit == limit);
    of_limit.reduce(|most, need| if need.most() > most.most() { need } else { most })
}

impl QuotaAnswer {
    /// Whether no whole window of a limit was played.
    pub fn is_unproven(&self, class: &str, limit: &str) -> bool {
        self.unproven.iter().any(|unproven| *unproven == unproven_name(class, limit))
    }

    /// Whether all that was found suffices where it is enforced.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

/// How [`QuotaAnswer::unproven`] and [`FleetAnswer::unproven`] name a limit.
pub fn unproven_name(class: &str, limit: &str) -> String {
    format!("{class}: {limit}")
}

impl Need {
    /// Whether it is more than the policy allows today.
    pub fn is_more(&self) -> bool {
        self.most().exceeds(&self.today())
    }

    /// What the policy allows today.
    pub fn today(&self) -> Grant {
        Grant { rate: self.allow, burst: self.burst.map(|burst| burst.allow) }
    }

    /// The most that it takes with some seed.
    pub fn most(&self) -> Grant {
        Grant { rate: self.least.max, burst: self.burst.map(|burst| burst.least.max) }
    }
}

/// What a limit grants: so much per window, and at once where it has a burst of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub rate: u32,
    pub burst: Option<u32>,
}

impl Grant {
    pub fn of(rate: u32) -> Grant {
        Grant { rate, burst: None }
    }

    /// Of a bucket that lets another number in at once than per window, its own two numbers.
    pub fn of_limit(allow: u32, bucket: Option<Bucket>) -> Grant {
        bucket.map_or(Grant::of(allow), |bucket| Grant { rate: bucket.rate, burst: Some(bucket.burst) })
    }

    /// Each of the two changed by itself.
    pub fn map(self, f: impl Fn(u32) -> u32) -> Grant {
        Grant { rate: f(self.rate), burst: self.burst.map(f) }
    }

    /// With another rate, and the burst in the same proportion to it.
    pub fn at(self, rate: u32) -> Grant {
        let beside = |burst: u32| (u64::from(burst) * u64::from(rate)).div_ceil(u64::from(self.rate.max(1)));
        Grant { rate, burst: self.burst.map(|burst| u32::try_from(beside(burst)).unwrap_or(u32::MAX)) }
    }

    /// Whether either of the two is more.
    pub fn exceeds(&self, other: &Grant) -> bool {
        self.rate > other.rate || self.burst > other.burst
    }

    /// The greater of each of the two.
    pub fn most_of(self, other: Grant) -> Grant {
        Grant { rate: self.rate.max(other.rate), burst: self.burst.max(other.burst) }
    }
}

/// `60`, `10 with a burst of 15`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&count(self.rate.into()))?;
        self.burst.map_or(Ok(()), |burst| write!(f, " with a burst of {}", count(burst.into())))
    }
}

impl Spread {
    /// Of at least one number.
    pub fn of(mut numbers: Vec<u32>) -> Option<Self> {
        numbers.sort_unstable();
        let median = *numbers.get(numbers.len() / 2)?;
        Some(Spread { min: *numbers.first()?, median, max: *numbers.last()? })
    }

    /// Over both, with the larger median.
    pub fn hull(self, other: Self) -> Self {
        Spread { min: self.min.min(other.min), median: self.median.max(other.median), max: self.max.max(other.max) }
    }

    /// Of what goes with each of the numbers.
    pub fn map(self, f: impl Fn(u32) -> u32) -> Self {
        Spread { min: f(self.min), median: f(self.median), max: f(self.max) }
    }
}
