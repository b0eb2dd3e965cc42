//! Part 1: who asks for what.

use super::super::answers::{Answers, Line, Until};
use super::super::model::{Asked, Demand, Identity, Least, LimitDemand, Request, Requested};
use super::Run;
use crate::summary::Safety;

pub fn request(answers: &Answers, demand: &Demand, least: &Least, first: Run<'_>) -> Request {
    let asked = |(index, limit): (usize, &LimitDemand)| {
        // Which limit of its class it is.
        let position = demand.limits[..index].iter().filter(|before| before.class == limit.class).count();
        let stated = answers.quotas.iter().find(|it| it.class.value.0 == limit.class && it.index() == position);
        let computed = computed(limit, demand, least, first);
        let (requested, because) = match (stated, computed) {
            (Some(answer), computed) => {
                let least = computed.map(|(value, because)| (value, source_of(because)));
                (answer.requested.value.0, Requested::Stated { least })
            }
            (None, Some((value, because))) if value > limit.allow => (value, because),
            (None, _) => return None,
        };
        Some(Asked {
            class: limit.class.clone(),
            limit: limit.limit.clone(),
            scope: limit.scope.clone(),
            per_s: limit.per_s,
            current: limit.allow,
            requested,
            because,
        })
    };
    let quotas = demand.limits.iter().enumerate().filter_map(asked).collect();
    Request { identity: identity(answers), quotas }
}

/// What the fleet needs of a limit: the least that a search found for this very fleet, enough with each of its seeds and
/// under each reading, after the growth that was searched for (or the next request is due in a month); else, where the run
/// went beyond the limit, what it reached.
fn computed(limit: &LimitDemand, demand: &Demand, least: &Least, first: Run<'_>) -> Option<(u32, Requested)> {
    let of_this_fleet = |hash: &str| hash == first.summary.run.profile_hash;
    let search = least.quotas.iter().find(|search| of_this_fleet(&search.answer.origin.profile_hash));
    if let Some(search) = search {
        let grown = search.answer.sensitivity.iter().find(|variation| variation.is_growth);
        let (needs, growth) = match grown {
            Some(grown) => (&grown.needs, Some(grown.what.clone())),
            None => (&search.answer.needs, None),
        };
        let needs = needs.iter().filter(|need| need.class == limit.class && need.limit == limit.limit);
        let most = needs.map(|need| need.least.max).max()?;
        return Some((most, Requested::Searched { source: search.source.clone(), growth }));
    }
    let beyond = matches!(limit.safety, Safety::Over | Safety::DependsOnReading);
    let peak = limit.first_attempts_peak.or(limit.peak).filter(|_| beyond)?;
    Some((peak, Requested::Peak { source: demand.source.clone() }))
}

fn source_of(because: Requested) -> String {
    match because {
        Requested::Searched { source, .. } | Requested::Peak { source } => source,
        Requested::Stated { least } => least.map(|(_, source)| source).unwrap_or_default(),
    }
}

fn identity(answers: &Answers) -> Identity {
    let line = |text: &Option<Line>| text.as_ref().map(|text| text.0.clone());
    Identity {
        company: line(&answers.company),
        contact: line(&answers.contact),
        account: line(&answers.account),
        environment: line(&answers.environment),
        use_case: answers.use_case.as_ref().map(|text| text.0.clone()),
        from: answers.from.as_ref().map(|day| day.0.clone()),
        term: answers.until.as_ref().map(|Until(term)| term.clone()),
    }
}
