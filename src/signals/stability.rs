//! Responses held against each other: what a provider calls its policy should not change from answer to answer.

use super::dialect::Reading;
use super::lint::Lint;
use super::quota::{Name, Quota};
use crate::time::Nanos;

/// More policies than this are not followed.
const MOST_POLICIES: usize = 64;

/// The policies that a series of responses stated. Where policies have no names, keep one for each class of requests:
/// their limits may well differ.
#[derive(Clone, Debug, Default)]
pub struct Stability {
    known: Vec<Known>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    key: Key,
    limit: Option<u64>,
    window: Option<Nanos>,
}

/// What tells policies apart: their names, else their windows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    policy: Option<Name>,
    partition: Option<Name>,
    window: Option<Nanos>,
}

impl Stability {
    /// Takes the next response; a policy that is not what it was is linted once for each change.
    pub fn observe(&mut self, reading: &Reading) -> Vec<Lint> {
        let mut lints = Vec::new();
        for quota in reading.quotas.iter().filter(|quota| quota.limit.is_some()) {
            self.check(quota, &mut lints);
        }
        lints
    }

    fn check(&mut self, quota: &Quota, lints: &mut Vec<Lint>) {
        let window = quota.window.filter(|_| quota.policy.is_none());
        let key = Key { policy: quota.policy, partition: quota.partition, window };
        let now = Known { key, limit: quota.limit, window: quota.window };
        let Some(known) = self.known.iter_mut().find(|known| known.key == key) else {
            if self.known.len() < MOST_POLICIES {
                self.known.push(now);
            }
            return;
        };
        if *known != now {
            let message = format!("was {} before; a policy should stay the same", words(known));
            let place = key.policy.map_or("quota".to_owned(), |name| format!("quota {name}"));
            lints.push(Lint::new("policy/unstable", &place, &words(&now), message));
            *known = now;
        }
    }
}

fn words(known: &Known) -> String {
    let limit = known.limit.unwrap_or_default();
    known.window.map_or(limit.to_string(), |window| format!("{limit} per {window}"))
}
