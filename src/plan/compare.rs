//! `--compare`: two profiles side by side, and what the second one saves.

use std::sync::Arc;

use super::base::group_counts;
use super::{Base, PlayOptions, play};
use crate::summary::plan::{Change, ClassChange, Comparison, QuotaChange, Side};
use crate::summary::{ClassFigures, QuotaUse, Safety, Summary};
use crate::words::{count, counted, percent, plural};
use crate::yaml::Diagnosis;

/// Plays the other profile and holds it against the play of the first.
pub fn answer(base: &Base, before: &Summary, other: &Base, options: &PlayOptions) -> Result<Comparison, Diagnosis> {
    check(base, other)?;
    options.meter.announce(format!("{} in comparison", other.scenario().name));
    let options = PlayOptions { target: other.target_text(), ..options.clone() };
    let after = play(&Arc::new(other.scenario().clone()), &options).summary;
    Ok(compared(side(base, before, &options), side(other, &after, &options), before, &after))
}

/// Counts of plays of different lengths, or against different limits, say nothing about each other.
pub fn check(base: &Base, other: &Base) -> Result<(), Diagnosis> {
    let (one, two) = (base.scenario(), other.scenario());
    if one.duration != two.duration {
        let longer = one.duration.max(two.duration);
        return Err(Diagnosis::new(format!(
            "`{}` lasts {} and `{}` {}: their counts cannot be compared",
            one.name, one.duration, two.name, two.duration
        ))
        .help(format!("give both the same length, such as `--duration {longer}`")));
    }
    if one.policy.hash != two.policy.hash {
        return Err(Diagnosis::new(format!(
            "`{}` is held against the policy `{}` and `{}` against `{}`: their limits differ",
            one.name, one.policy.name, two.name, two.policy.name
        ))
        .help("compare profiles of one policy"));
    }
    Ok(())
}

fn side(base: &Base, summary: &Summary, options: &PlayOptions) -> Side {
    Side {
        origin: base.origin(&[base.scenario().seed], options),
        description: summary.run.description.clone(),
        exit: summary.conclusion.exit,
        headline: summary.conclusion.headline.clone(),
        fleet: group_counts(base.scenario()),
    }
}

fn compared(before_side: Side, after_side: Side, before: &Summary, after: &Summary) -> Comparison {
    let mut classes: Vec<ClassChange> =
        before.classes.iter().zip(&after.classes).map(|(one, two)| class_change(one, two)).collect();
    classes.retain(|change| change.requests.before + change.requests.after > 0);
    let quotas: Vec<QuotaChange> =
        before.quotas.iter().zip(&after.quotas).filter_map(|(one, two)| quota_change(one, two)).collect();
    let words = words(&classes, &quotas);
    Comparison { before: before_side, after: after_side, classes, quotas, words }
}

/// Both summaries list the policy's classes in its order.
fn class_change(before: &ClassFigures, after: &ClassFigures) -> ClassChange {
    let change = |figure: fn(&ClassFigures) -> u64| Change { before: figure(before), after: figure(after) };
    ClassChange {
        class: before.class.clone(),
        requests: change(|class| class.requests),
        refused: change(|class| class.refused),
        given_up: change(|class| class.given_up),
        frames: change(|class| class.streams.frames),
    }
}

/// None where neither side used the limit.
fn quota_change(before: &QuotaUse, after: &QuotaUse) -> Option<QuotaChange> {
    if (before.safety, after.safety) == (Safety::NoData, Safety::NoData) {
        return None;
    }
    Some(QuotaChange {
        class: before.class.clone(),
        limit: before.limit.clone(),
        allow: before.allow,
        peak: Change { before: before.peak(), after: after.peak() },
        at_least: Change { before: before.is_more_possible(), after: after.is_more_possible() },
        headroom: Change { before: before.headroom, after: after.headroom },
        safety: Change { before: before.safety, after: after.safety },
    })
}

/// One sentence per class whose requests changed, the largest saving first.
fn words(classes: &[ClassChange], quotas: &[QuotaChange]) -> Vec<String> {
    let saved = |change: &ClassChange| change.requests.before as i64 - change.requests.after as i64;
    let mut changed: Vec<&ClassChange> = classes.iter().filter(|change| saved(change) != 0).collect();
    changed.sort_by_key(|change| std::cmp::Reverse(saved(change)));
    if changed.is_empty() {
        return vec!["Every class is asked as often as before.".to_owned()];
    }
    changed.into_iter().map(|change| class_words(change, quotas)).collect()
}

fn class_words(change: &ClassChange, quotas: &[QuotaChange]) -> String {
    let Change { before, after } = change.requests;
    let difference = match (before, after) {
        (before, after) if after < before => {
            let saved = before - after;
            format!("{} fewer, {} saved", count(saved), percent(saved as f64 / before as f64))
        }
        _ => format!("{} more", count(after - before)),
    };
    let mut words =
        format!("{}: {} instead of {} ({difference})", change.class, plural(after, "request"), count(before));
    if change.refused.before + change.refused.after > 0 {
        let after = if change.refused.after == 0 { "none".to_owned() } else { count(change.refused.after) };
        words += &format!("; {after} refused instead of {}", count(change.refused.before));
    }
    for quota in quotas.iter().filter(|quota| quota.class == change.class && quota.peak.before != quota.peak.after) {
        let before = counted(quota.peak.before, quota.at_least.before);
        let after = counted(quota.peak.after, quota.at_least.after);
        words += &format!("; {after} at the busiest moment instead of {before}, of {}", quota.limit);
    }
    words + "."
}
