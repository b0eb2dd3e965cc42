//! Clients that a penalty may shut out: refusing them then is no false refusal, whatever room their limit has.
//!
//! A penalty that the provider names without saying what it is for may or may not be enforced, and one that does not say
//! whom it shuts out may shut out all of a client's requests. Where requests during a penalty may make it longer, each
//! refusal begins it anew.

use std::collections::HashMap;

use super::refusal::Cause;
use crate::policy::model::{Blocks, ClassId, Limit};
use crate::record::Record;
use crate::scenario::identity::KeyRule;
use crate::scenario::{Scenario, ScopeKey};
use crate::time::Nanos;

/// Keys that are shut out; beyond this only new ones are not followed.
const MOST_KEYS: usize = 1 << 16;

/// Who may be shut out of what, and until when.
#[derive(Clone, Debug, Default)]
pub struct Penalties {
    boxes: Vec<PenaltyBox>,
    until: HashMap<(usize, ScopeKey), Nanos>,
}

/// One limit's penalty.
#[derive(Clone, Debug)]
struct PenaltyBox {
    class: ClassId,
    rule: KeyRule,
    lasts: Nanos,
    /// Nothing of it reaches beyond its class.
    class_only: bool,
    may_extend: bool,
    /// Whether the provider says what its length is for.
    stated: bool,
    everything: bool,
}

impl Penalties {
    pub fn new(scenario: &Scenario) -> Self {
        let mut boxes = Vec::new();
        for (index, class) in scenario.policy.classes.iter().enumerate() {
            for limit in &class.limits {
                let Limit::Rate(limit) = limit else { continue };
                let Some(penalty) = &limit.penalty else { continue };
                boxes.push(PenaltyBox {
                    class: ClassId(index as u8),
                    rule: scenario.identities.rule(&limit.scope),
                    lasts: penalty.lasts,
                    class_only: penalty.blocks == Blocks::Class,
                    may_extend: penalty.extends != Some(false),
                    stated: penalty.stated,
                    everything: penalty.blocks == Blocks::Everything,
                });
            }
        }
        Penalties { boxes, until: HashMap::new() }
    }

    /// Takes a refusal of a request of a class that was sent at `sent`, and says whether a penalty could have been its cause.
    pub fn refused(&mut self, scenario: &Scenario, class: ClassId, sent: Nanos, record: &Record) -> Cause {
        let mut cause = Cause::Impossible;
        for (index, penalty) in self.boxes.iter().enumerate() {
            let is_of = scenario.policy.drawn_on(class).any(|drawn_on| drawn_on == penalty.class);
            if !is_of && penalty.class_only {
                continue;
            }
            let key = (index, scenario.identities.key(&penalty.rule, record.device, record.detail));
            let shut_out = self.until.get(&key).is_some_and(|until| sent < *until);
            if shut_out {
                let certain = penalty.stated && (is_of || penalty.everything);
                cause = cause.max(if certain { Cause::Explained } else { Cause::Possible });
            }
            let begins = !shut_out || penalty.may_extend;
            let has_room = self.until.len() < MOST_KEYS || self.until.contains_key(&key);
            if is_of && begins && has_room {
                self.until.insert(key, record.done + penalty.lasts);
            }
        }
        cause
    }

    pub fn merge(&mut self, other: Penalties) {
        self.until.extend(other.until);
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::model::{Blocks, Limit, Penalty, Policy};
    use crate::summary::finding::Verdict;
    use crate::time::Nanos;
    use crate::verify::testing::*;

    fn with_penalty(stated: bool, blocks: Blocks) -> Policy {
        let mut policy = policy();
        for class in &mut policy.classes {
            if let Limit::Rate(limit) = &mut class.limits[0] {
                limit.penalty = Some(Penalty { lasts: Nanos::from_secs(30), stated, extends: None, blocks });
            }
        }
        policy
    }

    /// Four queries and one too many, then one request that is refused when the window has long passed.
    fn refused_later(policy: Policy, later: Ask, about: &str) -> Verdict {
        let mut script = Script::default();
        (0..4).for_each(|number| {
            script.ask(Ask::new(0, SITES, number * 10));
        });
        script.ask(Ask::new(0, SITES, 100).refused());
        script.ask(later.refused());
        script.verify(scenario(policy, 2)).finding("server.false-refusal", about).verdict
    }

    #[test]
    fn whoever_may_be_shut_out_is_not_refused_falsely() {
        let again = || Ask::new(0, SITES, 20_000);
        assert_eq!(refused_later(policy(), again(), "queries"), Verdict::Fail, "without a penalty");
        assert_eq!(refused_later(with_penalty(true, Blocks::Class), again(), "queries"), Verdict::Pass);
        assert_eq!(refused_later(with_penalty(false, Blocks::Class), again(), "queries"), Verdict::Inconclusive);
        let other = Ask::new(1, SITES, 20_000);
        assert_eq!(
            refused_later(with_penalty(true, Blocks::Class), other, "queries"),
            Verdict::Fail,
            "of another client"
        );
        let too_late = Ask::new(0, SITES, 31_000);
        assert_eq!(refused_later(with_penalty(true, Blocks::Class), too_late, "queries"), Verdict::Fail, "it is over");
    }

    #[test]
    fn a_penalty_reaches_as_far_as_the_provider_says() {
        let other_class = || Ask::new(0, TOKEN, 20_000);
        assert_eq!(refused_later(with_penalty(true, Blocks::Class), other_class(), "token"), Verdict::Fail);
        assert_eq!(refused_later(with_penalty(true, Blocks::Everything), other_class(), "token"), Verdict::Pass);
        assert_eq!(
            refused_later(with_penalty(true, Blocks::Unspecified), other_class(), "token"),
            Verdict::Inconclusive
        );
    }
}
