//! The same fleet with one thing changed: how much an answer depends on it.

use super::Base;
use super::base::group_counts;
use super::fleet::resize;
use crate::scenario::arrivals::Shape;
use crate::scenario::fleet::CadenceSpec;
use crate::scenario::{GroupKind, Scenario};
use crate::summary::plan::{GroupCount, Need, Variation};
use crate::words::percent;
use crate::yaml::Diagnosis;

/// A fleet with one thing changed.
pub struct Variant {
    pub what: String,
    /// The growth that was asked for, if it is that.
    pub growth: Option<f64>,
    pub scenario: Scenario,
}

impl Variant {
    pub fn with_needs(self, needs: Vec<Need>) -> Variation {
        Variation { what: self.what, growth: self.growth, fleet: group_counts(&self.scenario), needs }
    }
}

/// What a fleet was varied in.
pub struct Variants {
    pub changed: Vec<Variant>,
    /// What changes nothing in this fleet.
    pub unchanged: Vec<String>,
}

/// Without jitter and with twice as much, a tenth smaller and larger, and grown as far as is asked for.
pub fn variants(base: &Base, growth: Option<f64>) -> Result<Variants, Diagnosis> {
    let today = base.scenario();
    let jittered = [("no jitter", 0.0), ("twice the jitter", 2.0)].map(|(what, factor)| {
        let mut scenario = today.clone();
        scale_jitter(&mut scenario, factor);
        Variant { what: what.to_owned(), growth: None, scenario }
    });
    let sizes = [(-0.1, "10% fewer devices".to_owned(), None), (0.1, "10% more devices".to_owned(), None)];
    let grown = growth.map(|share| (share, format!("a growth of {}", percent(share)), growth));
    let resized = sizes.into_iter().chain(grown).map(|(share, what, growth)| {
        let fleet = scaled(&group_counts(today), 1.0 + share);
        Ok(Variant { what, growth, scenario: base.vary(|draft| resize(draft, &fleet))? })
    });
    let all = jittered.into_iter().map(Ok).chain(resized).collect::<Result<Vec<_>, Diagnosis>>()?;
    let changes = |variant: &Variant| variant.scenario.groups != today.groups;
    let (changed, unchanged): (Vec<Variant>, Vec<Variant>) = all.into_iter().partition(changes);
    Ok(Variants { changed, unchanged: unchanged.into_iter().map(|variant| variant.what).collect() })
}

/// No group disappears.
fn scaled(fleet: &[GroupCount], factor: f64) -> Vec<GroupCount> {
    let count = |devices: u32| (f64::from(devices) * factor).round().max(1.0) as u32;
    fleet.iter().map(|group| GroupCount { devices: count(group.devices), ..group.clone() }).collect()
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

    fn names(profile: &str, growth: Option<f64>) -> Vec<String> {
        let base = Base::read(Path::new(profile), Overrides::default()).unwrap();
        variants(&base, growth).unwrap().changed.into_iter().map(|variant| variant.what).collect()
    }

    #[test]
    fn one_thing_is_changed_at_a_time_and_only_what_changes_something() {
        let sizes = ["10% fewer devices", "10% more devices"];
        assert_eq!(names("tellus-depot", None), [&["no jitter", "twice the jitter"], &sizes[..]].concat());
        assert_eq!(names("tellus-depot", Some(0.5)).last().unwrap(), "a growth of 50%");
        // One client is never a tenth of a client more or less.
        let base = Base::read(Path::new("tellus-depot"), Overrides::default()).unwrap();
        let larger = variants(&base, None).unwrap().changed.into_iter().nth(3).unwrap();
        let counts: Vec<u32> = larger.scenario.groups.iter().map(|group| group.count).collect();
        assert_eq!(counts, [220, 2]);
    }
}
