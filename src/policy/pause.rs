//! How long a client leaves a class alone after an answer has said that nothing of it remains: clients keep to it, and are
//! judged by it.
//!
//! A time that is left is better than a length, and either is taken only as far as the documents can mean it: nobody stays
//! away for the sixteen hours of a `60000` that was meant as milliseconds. Where nothing is told that makes sense, the
//! documented window stands in.

use super::model::{ClassId, Limit, Policy, RateLimit};
use super::told::Told;
use crate::signals::LONGEST_WAIT;
use crate::time::Nanos;

/// Where neither an answer nor the documents know a window.
const UNKNOWN_WINDOW: Nanos = Nanos::from_secs(60);

/// What the documents say of the windows of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PauseRule {
    /// The window that stands in where none is told.
    documented: Nanos,
    /// A told wait beyond this is none of the documents'.
    believed: Nanos,
}

/// One pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub lasts: Nanos,
    /// It is the time that is left, as it was told, and not a length.
    pub by_reset: bool,
    /// What was told makes no sense: nobody knows from when on anything is free.
    pub disbelieved: bool,
}

impl PauseRule {
    /// For requests of a class, or of any, where nobody knows theirs.
    pub fn new(policy: &Policy, class: Option<ClassId>) -> Self {
        let all = || (0..policy.classes.len()).map(|index| ClassId(index as u8));
        let drawn_on: Vec<ClassId> = class.map_or_else(|| all().collect(), |class| policy.drawn_on(class).collect());
        let window = |classes: &[ClassId]| rates(policy, classes).map(|rate| rate.per).max();
        let own = class.and_then(|class| window(&[class]));
        let longest = rates(policy, &drawn_on).map(longest_wait).max();
        PauseRule {
            documented: own.or_else(|| window(&drawn_on)).unwrap_or(UNKNOWN_WINDOW),
            // Twice as long: windows are told in rough figures, and one that ends may be followed by another.
            believed: longest.map_or(LONGEST_WAIT, |longest| longest.up_to_secs() * 2),
        }
    }

    /// The pause after an answer that says that nothing remains.
    pub fn after(&self, told: &Told) -> Pause {
        let lengths = [(told.reset, true), (told.window, false)];
        let lengths = lengths.into_iter().filter_map(|(length, by_reset)| Some((length?, by_reset)));
        let sound = lengths.clone().find(|(length, _)| *length <= self.believed);
        let (lasts, by_reset) = sound.unwrap_or((self.documented, false));
        Pause { lasts, by_reset, disbelieved: sound.is_none() && lengths.count() > 0 }
    }
}

/// Until all of it is there again.
fn longest_wait(limit: &RateLimit) -> Nanos {
    limit.memory().max(limit.penalty.as_ref().map_or(Nanos::ZERO, |penalty| penalty.lasts))
}

fn rates<'a>(policy: &'a Policy, classes: &'a [ClassId]) -> impl Iterator<Item = &'a RateLimit> {
    let limits = classes.iter().flat_map(|class| &policy.class(*class).limits);
    limits.filter_map(|limit| match limit {
        Limit::Rate(limit) => Some(limit),
        Limit::Concurrent(_) | Limit::Cooldown(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::{Class, Scope};

    const OWN: ClassId = ClassId(0);
    const ALL: ClassId = ClassId(1);
    const UNLIMITED: ClassId = ClassId(2);

    /// A class with a window of 10 s in one with a window of 300 s, and one without any.
    fn policy() -> Policy {
        let limits = |secs| vec![Limit::Rate(RateLimit::new(4, Nanos::from_secs(secs), Scope(vec!["user".into()])))];
        let own = Class { limits: limits(10), parents: vec![ALL], ..Class::default() };
        let all = Class { limits: limits(300), of: vec![OWN], ..Class::default() };
        Policy { classes: vec![own, all, Class::default()], ..Policy::default() }
    }

    fn told(reset: Option<u64>, window: Option<u64>) -> Told {
        Told { reset: reset.map(Nanos::from_secs), window: window.map(Nanos::from_secs), ..Told::default() }
    }

    /// The pause in seconds; whether it is a reset's, whether what was told made no sense.
    fn pause(class: Option<ClassId>, reset: Option<u64>, window: Option<u64>) -> (u64, bool, bool) {
        let Pause { lasts, by_reset, disbelieved } = PauseRule::new(&policy(), class).after(&told(reset, window));
        (lasts.as_secs(), by_reset, disbelieved)
    }

    #[test]
    fn a_time_that_is_left_is_better_than_a_length_and_a_length_than_nothing() {
        assert_eq!(pause(Some(OWN), Some(3), Some(10)), (3, true, false));
        assert_eq!(pause(Some(OWN), None, Some(12)), (12, false, false));
        assert_eq!(pause(Some(OWN), None, None), (10, false, false), "as documented");
    }

    #[test]
    fn what_no_window_explains_is_not_obeyed() {
        assert_eq!(pause(Some(OWN), Some(600), None), (600, true, false), "twice the longest that is drawn on");
        assert_eq!(pause(Some(OWN), Some(601), None), (10, false, true));
        assert_eq!(pause(Some(OWN), Some(60_000), Some(10)), (10, false, false), "the length still makes sense");
        assert_eq!(pause(Some(OWN), None, Some(60_000)), (10, false, true));
        let forever = Told { reset: Some(Nanos::MAX), ..Told::default() };
        assert_eq!(PauseRule::new(&policy(), Some(OWN)).after(&forever).lasts, Nanos::from_secs(10));
    }

    #[test]
    fn whoever_does_not_know_the_class_takes_the_longest_window_of_all() {
        assert_eq!(pause(None, None, None), (300, false, false));
        assert_eq!(pause(None, Some(601), None), (300, false, true));
    }

    #[test]
    fn without_any_documented_window_a_day_is_believed_and_a_minute_stands_in() {
        assert_eq!(pause(Some(UNLIMITED), None, None), (60, false, false));
        assert_eq!(pause(Some(UNLIMITED), Some(86_400), None), (86_400, true, false));
        assert_eq!(pause(Some(UNLIMITED), Some(86_401), None), (60, false, true));
    }

    #[test]
    fn what_a_bucket_takes_to_fill_up_makes_sense() {
        let mut policy = policy();
        let bucket =
            RateLimit { burst: Some(120), ..RateLimit::new(2, Nanos::from_secs(60), Scope(vec!["user".into()])) };
        policy.classes[UNLIMITED.index()].limits = vec![Limit::Rate(bucket)];
        let rule = PauseRule::new(&policy, Some(UNLIMITED));
        assert_eq!(rule.after(&told(Some(3_600), None)).lasts, Nanos::from_secs(3_600));
        assert_eq!(rule.after(&Told::default()).lasts, Nanos::from_secs(60));
    }
}
