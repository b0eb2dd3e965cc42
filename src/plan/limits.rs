//! Policies with other limits: ones that never refuse, ones with room to spare, ones of a given size. And the readings
//! under which a whole policy may be enforced.

use crate::limiter::enforcer::reading_for;
use crate::policy::model::{Algorithm, Class, Limit, Policy};
use crate::policy::reading::Reading;
use crate::policy::words::limit_text;
use crate::summary::Bucket;
use crate::summary::plan::Grant;

/// More than any play asks for within any window.
const NEVER_REACHED: u32 = 1_000_000_000;

/// A limit that is counted against: of a rate, or of how many at the same time. They stand in the order of
/// [`crate::summary::Summary::quotas`].
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub class: String,
    /// In words.
    pub text: String,
    pub allow: u32,
    pub limit: Limit,
}

/// The limits of a policy that are counted against.
pub fn lines(policy: &Policy) -> Vec<Line> {
    let limits = policy.classes.iter().flat_map(|class| class.limits.iter().map(move |limit| (class, limit)));
    let line = |(class, limit): (&Class, &Limit)| {
        let allow = match limit {
            Limit::Rate(rate) => rate.allow,
            Limit::Concurrent(concurrent) => concurrent.allow,
            Limit::Cooldown(_) => return None,
        };
        Some(Line { class: class.name.clone(), text: limit_text(limit), allow, limit: limit.clone() })
    };
    limits.filter_map(line).collect()
}

/// The limits of a policy that are no number of requests, in words.
pub fn cooldowns(policy: &Policy) -> Vec<String> {
    let of_class = |class: &'_ Class| {
        let cooldowns = class.limits.iter().filter(|limit| matches!(limit, Limit::Cooldown(_)));
        cooldowns.map(|limit| format!("{}: {}", class.name, limit_text(limit))).collect::<Vec<_>>()
    };
    policy.classes.iter().flat_map(of_class).collect()
}

/// What stands beside each limit of a policy, as far as it is counted against: in the order of [`lines`]. Nothing stands
/// where `all` is empty.
pub fn of_lines(policy: &Policy, all: &[u64]) -> Vec<u64> {
    let limits = policy.classes.iter().flat_map(|class| &class.limits);
    let beside = limits.zip(all.iter().copied().chain(std::iter::repeat(0)));
    beside.filter(|(limit, _)| !matches!(limit, Limit::Cooldown(_))).map(|(_, count)| count).collect()
}

impl Line {
    /// What it grants today.
    pub fn grant(&self) -> Grant {
        Grant::of_limit(self.allow, self.bucket())
    }

    /// None where as much may come at once as per window.
    pub fn bucket(&self) -> Option<Bucket> {
        match &self.limit {
            Limit::Rate(rate) => Bucket::of(rate),
            Limit::Concurrent(_) | Limit::Cooldown(_) => None,
        }
    }

    /// What may come at once, as far as it is read so.
    pub fn at_once(&self, reading: Option<Reading>) -> u32 {
        match (&self.limit, reading) {
            (Limit::Rate(rate), Some(reading)) => reading.ceiling(rate.allow, rate.burst),
            _ => self.allow,
        }
    }

    /// The burst with which so many may come at once.
    pub fn burst_for(&self, at_once: u32, reading: Reading) -> u32 {
        let beside = reading.ceiling(0, Some(0));
        at_once.saturating_sub(beside)
    }

    /// How this limit is read where a server reads the policy in a certain way.
    pub fn read_as(&self, reading: Option<Reading>) -> Option<Reading> {
        reading_for(&self.limit, reading.unwrap_or(Reading::Rolling))
    }
}

/// The ways in which a server may read the policy, the strictest first: every reading that the words of some limit leave
/// open. None alone: no limit leaves any open.
pub fn readings(policy: &Policy) -> Vec<Option<Reading>> {
    let limits = policy.classes.iter().flat_map(|class| &class.limits);
    let open: Vec<Reading> = limits
        .filter_map(|limit| match limit {
            Limit::Rate(rate) if rate.readings().len() > 1 => Some(rate.readings()),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    let allowed: Vec<Option<Reading>> = Reading::KNOWN.into_iter().filter(|r| open.contains(r)).map(Some).collect();
    if allowed.is_empty() { vec![None] } else { allowed }
}

/// The same classes with limits that nothing reaches: whoever asks is served. They are buckets, which cost no memory, and
/// they are still there: a class may be known only by the headers of its limits.
pub fn opened(policy: &Policy) -> Policy {
    let mut opened = policy.clone();
    for class in &mut opened.classes {
        class.limits.retain(|limit| !matches!(limit, Limit::Cooldown(_)));
        for limit in &mut class.limits {
            open(limit);
        }
    }
    opened
}

fn open(limit: &mut Limit) {
    match limit {
        Limit::Rate(rate) => {
            rate.allow = NEVER_REACHED;
            rate.algorithm = Algorithm::TokenBucket;
            (rate.burst, rate.calendar, rate.penalty) = (None, None, None);
        }
        Limit::Concurrent(concurrent) => concurrent.allow = NEVER_REACHED,
        Limit::Cooldown(_) => {}
    }
}

/// The policy with each limit set to so much, in the order of [`lines`]; `None` opens a limit.
pub fn with_granted(policy: &Policy, granted: &[Option<Grant>]) -> Policy {
    let mut changed = policy.clone();
    let counted = changed.classes.iter_mut().flat_map(|class| &mut class.limits);
    let counted = counted.filter(|limit| !matches!(limit, Limit::Cooldown(_)));
    for (limit, grant) in counted.zip(granted) {
        match (&mut *limit, grant) {
            (_, None) => open(limit),
            (Limit::Rate(rate), Some(grant)) => {
                rate.allow = grant.rate.max(1);
                rate.burst = grant
                    .burst
                    .map(|burst| if rate.algorithm == Algorithm::LeakyBucket { burst } else { burst.max(1) });
            }
            (Limit::Concurrent(concurrent), Some(grant)) => concurrent.allow = grant.rate.max(1),
            (Limit::Cooldown(_), _) => {}
        }
    }
    changed
}

/// The policy with a share of every limit set aside. A limit of one stays one: no part of it can stay unused.
pub fn with_headroom(policy: &Policy, headroom: f64) -> Policy {
    let left =
        lines(policy).iter().map(|line| Some(line.grant().map(|number| within(number, headroom)))).collect::<Vec<_>>();
    if headroom == 0.0 { policy.clone() } else { with_granted(policy, &left) }
}

/// What is left of a number when a share of it is set aside.
pub fn within(allow: u32, headroom: f64) -> u32 {
    // A share such as 0.2 is no exact number: what is meant to come out whole does.
    (f64::from(allow) * (1.0 - headroom) + 1e-6).floor().max(f64::from(allow.min(1))) as u32
}

/// The least number of which so much is left when a share is set aside.
pub fn around(needed: u32, headroom: f64) -> u32 {
    if needed <= 1 {
        return needed;
    }
    let guess = (f64::from(needed) / (1.0 - headroom)).floor() as u32;
    (guess.saturating_sub(1)..).find(|&allow| allow >= needed && within(allow, headroom) >= needed).unwrap_or(needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    #[test]
    fn what_is_set_aside_and_what_is_needed_around_it_are_inverse() {
        assert_eq!((within(60, 0.2), around(48, 0.2)), (48, 60));
        assert_eq!((within(10, 0.0), around(10, 0.0)), (10, 10));
        assert_eq!((within(1, 0.2), around(1, 0.2)), (1, 1));
        for needed in 1..500 {
            for headroom in [0.0, 0.1, 0.2, 0.25, 0.5, 0.9] {
                let allow = around(needed, headroom);
                assert!(within(allow, headroom) >= needed, "{needed} {headroom}");
                assert!(allow == needed || within(allow - 1, headroom) < needed, "{needed} {headroom}: {allow}");
            }
        }
    }

    #[test]
    fn a_policy_is_read_in_every_way_that_its_words_leave_open() {
        let readings_of = |name| readings(&policy::builtin(name).unwrap());
        assert_eq!(readings_of("tellus"), Reading::ALL.map(Some));
        for name in policy::builtin_names() {
            let policy = policy::builtin(name).unwrap();
            assert_eq!(lines(&opened(&policy)).len(), lines(&policy).len(), "{name}");
            assert!(!readings(&policy).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_cooldown_is_no_number_to_search_for_and_is_named() {
        let ampeco = policy::builtin("ampeco").unwrap();
        assert!(lines(&ampeco).is_empty());
        assert!(cooldowns(&ampeco)[0].starts_with("start: after status 400"), "{:?}", cooldowns(&ampeco));
    }

    #[test]
    fn limits_are_set_in_the_order_in_which_they_are_listed() {
        let policy = policy::builtin("tellus").unwrap();
        let count = lines(&policy).len() as u32;
        let wanted: Vec<Option<Grant>> = (0..count).map(|index| Some(Grant::of(index + 3))).collect();
        let set: Vec<Option<Grant>> = lines(&with_granted(&policy, &wanted)).iter().map(|l| Some(l.grant())).collect();
        assert_eq!(set, wanted);
        let opened = with_granted(&policy, &vec![None; count as usize]);
        assert!(lines(&opened).iter().all(|line| line.allow == NEVER_REACHED));
    }
}
