//! The same fleet with one thing changed: how much an answer depends on it.

use super::Base;
use super::base::group_counts;
use super::fleet::resize;
use super::growth::{self, Growth};
use crate::scenario::arrivals::Shape;
use crate::scenario::fleet::CadenceSpec;
use crate::scenario::{GroupKind, Scenario};
use crate::summary::plan::{Need, Variation};
use crate::yaml::Diagnosis;

/// A fleet with one thing changed.
pub struct Variant {
    pub what: String,
    /// Whether it is the growth that was asked for.
    pub is_growth: bool,
    pub scenario: Scenario,
}

impl Variant {
    pub fn with_needs(self, needs: Vec<Need>) -> Variation {
        Variation { what: self.what, is_growth: self.is_growth, fleet: group_counts(&self.scenario), needs }
    }
}

/// What a fleet was varied in.
pub struct Variants {
    pub changed: Vec<Variant>,
    /// What changes nothing in this fleet.
    pub unchanged: Vec<String>,
}

/// Without jitter and with twice as much, a tenth smaller and larger, and grown as far as is asked for.
pub fn variants(base: &Base, growth: &[Growth]) -> Result<Variants, Diagnosis> {
    let today = base.scenario();
    let jittered = [("no jitter", 0.0), ("twice the jitter", 2.0)].map(|(what, factor)| {
        let mut scenario = today.clone();
        scale_jitter(&mut scenario, factor);
        Variant { what: what.to_owned(), is_growth: false, scenario }
    });
    let by = |share| [Growth { group: None, share }];
    let (fewer, more) = (by(-0.1), by(0.1));
    let mut sizes =
        vec![("10% fewer devices".to_owned(), false, &fewer[..]), ("10% more devices".to_owned(), false, &more)];
    if !growth.is_empty() {
        sizes.push((growth::in_words(growth), true, growth));
    }
    let resized = sizes.into_iter().map(|(what, is_growth, growth)| {
        let fleet = growth::grown(&group_counts(today), growth);
        Ok(Variant { what, is_growth, scenario: base.vary(|draft| resize(draft, &fleet))? })
    });
    let all = jittered.into_iter().map(Ok).chain(resized).collect::<Result<Vec<_>, Diagnosis>>()?;
    let changes = |variant: &Variant| variant.scenario.groups != today.groups;
    let (changed, unchanged): (Vec<Variant>, Vec<Variant>) = all.into_iter().partition(changes);
    Ok(Variants { changed, unchanged: unchanged.into_iter().map(|variant| variant.what).collect() })
}

/// Every cadence of the fleet; jitter is a share of its interval, at most all of it.
fn scale_jitter(scenario: &mut Scenario, factor: f64) {
    let scale = |cadence: &mut CadenceSpec| cadence.jitter = (cadence.jitter * factor).min(1.0);
    for group in &mut scenario.groups {
        match &mut group.kind {
            GroupKind::Chargers(spec) => [&mut spec.heartbeat, &mut spec.telemetry].into_iter().for_each(scale),
            GroupKind::Operators(spec) => spec.asks.iter_mut().for_each(|ask| scale(&mut ask.cadence)),
            GroupKind::Clients(spec) => {
                for schedule in &mut spec.schedules {
                    if let Shape::Cadence(cadence) = &mut schedule.arrivals.shape {
                        scale(cadence);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::base::Overrides;
    use super::*;

    fn names(profile: &str, growth: &[Growth]) -> Vec<String> {
        let base = Base::read(Path::new(profile), Overrides::default()).unwrap();
        variants(&base, growth).unwrap().changed.into_iter().map(|variant| variant.what).collect()
    }

    #[test]
    fn one_thing_is_changed_at_a_time_and_only_what_changes_something() {
        let sizes = ["10% fewer devices", "10% more devices"];
        assert_eq!(names("tellus-depot", &[]), [&["no jitter", "twice the jitter"], &sizes[..]].concat());
        assert_eq!(names("tellus-depot", &["depot=50%".parse().unwrap()]).last().unwrap(), "a growth of depot by 50%");
        // One client is never a tenth of a client more or less.
        let base = Base::read(Path::new("tellus-depot"), Overrides::default()).unwrap();
        let larger = variants(&base, &[]).unwrap().changed.into_iter().nth(3).unwrap();
        let counts: Vec<u32> = larger.scenario.groups.iter().map(|group| group.count).collect();
        assert_eq!(counts, [220, 2]);
    }
}
