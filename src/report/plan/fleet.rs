//! The largest fleet, in words and as a table.

use super::super::format::{self, count, percent, plural};
use super::{Grid, Section, counted, fleet_text, head, origin_text, range, reading_text, unproven_text};
use crate::summary::plan::{Binding, Enforced, FleetAnswer, LargestFleet};

pub(super) fn section(answer: &FleetAnswer) -> Section {
    Section {
        id: "plan-fleet",
        title: "The largest fleet",
        sentences: sentences(answer),
        tables: vec![Grid {
            title: "The largest fleet under each reading",
            words: 3,
            head: head([
                "reading",
                "fleet",
                "binding class",
                "largest",
                "by seed",
                "peak of one more",
                "at",
                "refused if enforced, all seeds",
            ]),
            rows: answer.readings.iter().map(row).collect(),
        }],
        figures: Vec::new(),
        origin: origin_text(&answer.origin),
        command: answer.origin.command.clone(),
    }
}

fn sentences(answer: &FleetAnswer) -> Vec<String> {
    let varied = match &answer.group {
        Some(group) => format!("The devices of {group} were varied"),
        None => "All groups were varied in proportion".to_owned(),
    };
    let headroom = match answer.headroom {
        0.0 => "all of every limit may be used".to_owned(),
        headroom => format!("{} of every limit stays unused", percent(headroom)),
    };
    let mut sentences = vec![format!("{varied}; today the fleet is {}; {headroom}.", fleet_text(&answer.today))];
    if let Some(strictest) = answer.readings.iter().min_by_key(|largest| largest.devices) {
        sentences.push(verdict(answer, strictest));
        let loosest = answer.readings.iter().max_by_key(|largest| largest.devices);
        if let Some(loosest) = loosest.filter(|loosest| loosest.devices != strictest.devices) {
            let reading = reading_text(loosest.reading);
            sentences.push(format!("Under the loosest reading ({reading}) it is {}.", size(loosest)));
        }
    }
    let ragged: Vec<&str> =
        answer.readings.iter().filter(|it| !it.monotone).map(|it| reading_text(it.reading)).collect();
    if !ragged.is_empty() {
        sentences.push(format!(
            "Not every larger fleet that was tried was over, or not every smaller one within ({}): the figure is the size up \
             to which all that were tried fit.",
            ragged.join(", ")
        ));
    }
    if answer.readings.iter().any(|largest| largest.enforced.is_some_and(|enforced| enforced.refused > 0)) {
        sentences.push(
            "At its largest the fleet sends no more than is allowed, and is refused now and then all the same: requests \
             reach a server closer together than they were sent. Leave some headroom."
                .to_owned(),
        );
    }
    sentences.extend(unproven_text(&answer.unproven));
    sentences
}

/// The answer in one sentence, and what stands against a larger one.
fn verdict(answer: &FleetAnswer, largest: &LargestFleet) -> String {
    let reading = reading_text(largest.reading);
    let strictest = match answer.readings.len() {
        0 | 1 => "Under the one reading of its words, ".to_owned(),
        _ => format!("Under the strictest reading ({reading}) "),
    };
    match &largest.binding {
        None => format!(
            "{strictest}no limit binds: {} fit, and no more were tried.",
            plural(largest.devices.into(), "device")
        ),
        Some(binding) => {
            let fits = if largest.devices == 0 {
                "not even the smallest fleet fits".to_owned()
            } else {
                format!("the largest that fits is {}", plural(largest.devices.into(), "device"))
            };
            let broken = match answer.headroom {
                0.0 => format!("the limit of {} breaks", binding.class),
                _ => format!("too little of {} stays unused", binding.class),
            };
            format!(
                "{strictest}{fits}. With {} {broken}: {}{}.",
                plural(binding.devices.into(), "device"),
                broken_by(answer, binding),
                binding.busiest.as_ref().map_or(String::new(), |busiest| format!(" by {busiest}"))
            )
        }
    }
}

/// What was asked for, and what there was.
fn broken_by(answer: &FleetAnswer, binding: &Binding) -> String {
    let of = match answer.headroom {
        0.0 => format!("of {}", binding.limit),
        _ => format!("where {} are left of {}", count(binding.allow.into()), binding.limit),
    };
    match binding.lasting_rate {
        Some(rate) => format!("{} {of} are asked for on and on", count(rate.into())),
        None => format!("{} {of} at {} ({} UTC)", peak(binding), format::moment(binding.at_s), binding.time_of_day),
    }
}

fn row(largest: &LargestFleet) -> Vec<String> {
    let none = || "–".to_owned();
    let binding = largest.binding.as_ref();
    vec![
        reading_text(largest.reading).to_owned(),
        if largest.fleet.is_empty() { none() } else { fleet_text(&largest.fleet) },
        binding.map_or_else(none, |binding| binding.class.clone()),
        size(largest),
        range(&largest.over_seeds),
        binding.map_or_else(none, |binding| format!("{} of {}", peak(binding), count(binding.allow.into()))),
        binding.map_or_else(none, at),
        largest.enforced.as_ref().map_or_else(none, refused),
    ]
}

fn size(largest: &LargestFleet) -> String {
    match largest.devices {
        0 => "none".to_owned(),
        devices => counted(devices, largest.at_least),
    }
}

fn peak(binding: &Binding) -> String {
    binding.lasting_rate.map_or_else(|| counted(binding.peak, binding.at_least), |rate| count(rate.into()))
}

fn at(binding: &Binding) -> String {
    if binding.lasting_rate.is_some() { "on and on".to_owned() } else { binding.time_of_day.clone() }
}

fn refused(enforced: &Enforced) -> String {
    format!("{} of {}", count(enforced.refused), count(enforced.requests))
}
