//! Readings: the interpretations that a limit's words allow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Algorithm, Calendar, Limit, Policy, RateLimit};
use crate::time::Nanos;

const LONGEST_MONTH: Nanos = Nanos::from_secs(31 * 86_400);

/// One definite interpretation of "`allow` requests per `per`".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    Rolling,
    TokenBucket,
    FixedFirstHit,
    FixedAligned,
    LeakyBucket,
    RollingCounter,
    IntervalRefill,
}

impl Reading {
    /// What plain words such as "60 requests per minute" may mean, the strictest for a client first. The others have
    /// to be named.
    pub const ALL: [Reading; 4] =
        [Reading::Rolling, Reading::TokenBucket, Reading::FixedFirstHit, Reading::FixedAligned];

    /// Every reading there is.
    pub const KNOWN: [Reading; 7] = [
        Reading::Rolling,
        Reading::TokenBucket,
        Reading::FixedFirstHit,
        Reading::FixedAligned,
        Reading::LeakyBucket,
        Reading::RollingCounter,
        Reading::IntervalRefill,
    ];

    /// Whether what was not used is saved up, so that a rate may be exceeded for a while.
    pub fn is_bucket(self) -> bool {
        matches!(self, Reading::TokenBucket | Reading::LeakyBucket | Reading::IntervalRefill)
    }

    /// The readings that a provider's words allow, where nothing but the algorithm restricts them.
    pub fn allowed_by(algorithm: Algorithm) -> &'static [Reading] {
        match algorithm {
            Algorithm::Unspecified => &Self::ALL,
            Algorithm::Rolling => &[Reading::Rolling],
            Algorithm::TokenBucket => &[Reading::TokenBucket],
            Algorithm::LeakyBucket => &[Reading::LeakyBucket],
            Algorithm::RollingCounter => &[Reading::RollingCounter],
            Algorithm::IntervalRefill => &[Reading::IntervalRefill],
            Algorithm::FixedFirstHit => &[Reading::FixedFirstHit],
            Algorithm::FixedAligned => &[Reading::FixedAligned],
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Reading::Rolling => "rolling window",
            Reading::TokenBucket => "token bucket",
            Reading::FixedFirstHit => "fixed window from the first request",
            Reading::FixedAligned => "fixed window on the clock",
            Reading::LeakyBucket => "leaky bucket",
            Reading::RollingCounter => "rolling window estimated from two fixed ones",
            Reading::IntervalRefill => "bucket filled up at intervals",
        }
    }

    /// The words that say so and nothing else.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Reading::Rolling => Algorithm::Rolling,
            Reading::TokenBucket => Algorithm::TokenBucket,
            Reading::FixedFirstHit => Algorithm::FixedFirstHit,
            Reading::FixedAligned => Algorithm::FixedAligned,
            Reading::LeakyBucket => Algorithm::LeakyBucket,
            Reading::RollingCounter => Algorithm::RollingCounter,
            Reading::IntervalRefill => Algorithm::IntervalRefill,
        }
    }

    /// The most that may come at once of a limit of `allow`, with the bucket's size where it has one of its own.
    pub fn ceiling(self, allow: u32, burst: Option<u32>) -> u32 {
        match self {
            Reading::TokenBucket | Reading::IntervalRefill => burst.unwrap_or(allow),
            // One in service beside those that wait.
            Reading::LeakyBucket => burst.unwrap_or(0).saturating_add(1),
            Reading::Rolling | Reading::FixedFirstHit | Reading::FixedAligned | Reading::RollingCounter => allow,
        }
    }
}

impl Policy {
    /// With its limits counted so where it does not say, also where nobody would read its words so.
    pub fn counted_by(mut self, reading: Reading) -> Policy {
        for limit in self.classes.iter_mut().flat_map(|class| &mut class.limits) {
            if let Limit::Rate(rate) = limit {
                rate.count_by(reading);
            }
        }
        self
    }
}

impl RateLimit {
    /// The readings that its words allow, the strictest for a client first: a period of the calendar is a window on
    /// the clock, and only buckets have a burst.
    pub fn readings(&self) -> &'static [Reading] {
        match (self.algorithm, self.calendar, self.burst) {
            (Algorithm::Unspecified, Some(_), _) => &[Reading::FixedAligned],
            (Algorithm::Unspecified, None, Some(_)) => &[Reading::TokenBucket, Reading::LeakyBucket],
            (algorithm, ..) => Reading::allowed_by(algorithm),
        }
    }

    /// Has it counted so where its words name no algorithm, even if nobody would read them so. A calendar is a window of its
    /// own, and only buckets have a burst.
    pub fn count_by(&mut self, reading: Reading) {
        let is_countable = self.calendar.is_none() && (self.burst.is_none() || reading.is_bucket());
        if self.algorithm == Algorithm::Unspecified && is_countable {
            self.algorithm = reading.algorithm();
        }
    }

    /// Whether it may be told as a limit of so many: what the window allows, or what may come at once.
    pub fn is_told_as(&self, limit: u32) -> bool {
        let at_once = |reading: &Reading| reading.ceiling(self.allow, self.burst) == limit;
        self.allow == limit || self.readings().iter().any(at_once)
    }

    /// How long a request can still be counted after it took effect, under the reading that remembers it longest and if
    /// no more was admitted than fits.
    pub fn memory(&self) -> Nanos {
        let longest = self.readings().iter().map(|reading| match reading {
            Reading::Rolling | Reading::FixedFirstHit => self.per,
            Reading::FixedAligned if self.calendar == Some(Calendar::Month) => LONGEST_MONTH,
            Reading::FixedAligned => self.per,
            Reading::RollingCounter => self.per * 2,
            Reading::TokenBucket | Reading::LeakyBucket => self.time_to_fill(*reading),
            Reading::IntervalRefill => self.time_to_fill(*reading).saturating_add(self.per),
        });
        // Nothing that a run may see, and safe to be doubled.
        longest.max().unwrap_or(self.per).min(Nanos(u64::MAX / 8))
    }

    /// The time in which an empty bucket is full again.
    pub fn time_to_fill(&self, reading: Reading) -> Nanos {
        let volume = u128::from(reading.ceiling(self.allow, self.burst)) * u128::from(self.per.0);
        Nanos(u64::try_from(volume.div_ceil(u128::from(self.allow.max(1)))).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::Scope;

    fn limit() -> RateLimit {
        RateLimit::new(5, Nanos::from_secs(1), Scope(vec!["user".into()]))
    }

    #[test]
    fn words_that_say_no_algorithm_allow_what_they_do_not_rule_out() {
        assert_eq!(limit().readings(), Reading::ALL);
        let burst = RateLimit { burst: Some(9), ..limit() };
        assert_eq!(burst.readings(), [Reading::TokenBucket, Reading::LeakyBucket]);
        let month = RateLimit { calendar: Some(Calendar::Month), ..limit() };
        assert_eq!(month.readings(), [Reading::FixedAligned]);
    }

    #[test]
    fn a_stated_algorithm_is_its_own_reading() {
        let stated = RateLimit { burst: Some(9), algorithm: Algorithm::LeakyBucket, ..limit() };
        assert_eq!(stated.readings(), [Reading::LeakyBucket]);
    }

    #[test]
    fn a_limit_is_counted_as_told_where_its_words_leave_that_open() {
        let counted = |limit: RateLimit, reading: Reading| {
            let mut limit = limit;
            limit.count_by(reading);
            limit.readings().to_vec()
        };
        for reading in Reading::KNOWN {
            assert_eq!(counted(limit(), reading), [reading]);
        }
        let stated = RateLimit { algorithm: Algorithm::Rolling, ..limit() };
        assert_eq!(counted(stated, Reading::LeakyBucket), [Reading::Rolling]);
        let month = RateLimit { calendar: Some(Calendar::Month), ..limit() };
        assert_eq!(counted(month, Reading::RollingCounter), [Reading::FixedAligned]);
        let burst = RateLimit { burst: Some(9), ..limit() };
        assert_eq!(counted(burst.clone(), Reading::IntervalRefill), [Reading::IntervalRefill]);
        assert_eq!(counted(burst, Reading::FixedAligned), [Reading::TokenBucket, Reading::LeakyBucket]);
    }

    /// Stored summaries carry these names.
    #[test]
    fn names_of_readings_stay_as_they_are() {
        let names = Reading::KNOWN.map(|reading| serde_json::to_value(reading).unwrap());
        let expected = [
            "rolling",
            "token_bucket",
            "fixed_first_hit",
            "fixed_aligned",
            "leaky_bucket",
            "rolling_counter",
            "interval_refill",
        ];
        assert_eq!(names, expected);
    }
}
