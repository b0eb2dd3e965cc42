//! Part 1: who asks for what.

use super::super::answers::{Answers, Line, QuotaAnswer, Until};
use super::super::model::{Asked, AskedBurst, Demand, Identity, Least, LimitDemand, Request, Requested};
use super::{Run, least};
use crate::summary::Safety;
use crate::summary::plan::{Grant, Need};

pub fn request(answers: &Answers, demand: &Demand, least: &Least, first: Run<'_>) -> Request {
    let asked = |(index, limit): (usize, &LimitDemand)| {
        // Which limit of its class it is.
        let position = demand.limits[..index].iter().filter(|before| before.class == limit.class).count();
        let stated = answers.quotas.iter().find(|it| it.class.value.0 == limit.class && it.index() == position);
        let computed = computed(limit, demand, least, first);
        let today = limit.today();
        let (wish, because) = match (stated, computed) {
            (Some(answer), computed) => (stated_wish(answer), stated_because(computed)),
            (None, Some((need, because))) if need.exceeds(&today) => (need, because),
            (None, _) => return None,
        };
        // Never less than today.
        let wish = wish.most_of(today);
        let burst = today.burst.zip(wish.burst);
        Some(Asked {
            class: limit.class.clone(),
            limit: limit.limit.clone(),
            scope: limit.scope.clone(),
            per_s: limit.per_s,
            current: today.rate,
            requested: wish.rate,
            burst: burst.map(|(current, requested)| AskedBurst { current, requested }),
            because,
        })
    };
    let quotas = demand.limits.iter().enumerate().filter_map(asked).collect();
    Request { identity: identity(answers), quotas }
}

fn stated_wish(answer: &QuotaAnswer) -> Grant {
    Grant { rate: answer.requested.value.0, burst: answer.burst.map(|burst| burst.value.0) }
}

fn stated_because(computed: Option<(Grant, Requested)>) -> Requested {
    let least_burst = computed.as_ref().and_then(|(need, _)| need.burst);
    Requested::Stated { least: computed.map(|(need, because)| (need.rate, source_of(because))), least_burst }
}

/// What the fleet needs of a limit: the least that a search found for this very fleet in no less time, enough with each of
/// its seeds and under each reading, after the growth that was searched for (or the next request is due in a month); else,
/// where the run went beyond the limit, what it reached.
fn computed(limit: &LimitDemand, demand: &Demand, least: &Least, first: Run<'_>) -> Option<(Grant, Requested)> {
    if let Some(search) = least::search_for(least, limit, first.summary) {
        let grown = search.answer.sensitivity.iter().find(|variation| variation.is_growth);
        let (needs, growth) = match grown {
            Some(grown) => (&grown.needs, Some(grown.what.clone())),
            None => (&search.answer.needs, None),
        };
        let own = needs.iter().filter(|need| need.class == limit.class && need.limit == limit.limit);
        let grant = own.map(Need::most).reduce(Grant::most_of)?;
        return Some((grant, Requested::Searched { source: search.source.clone(), growth }));
    }
    let beyond = matches!(limit.safety, Safety::Over | Safety::DependsOnReading);
    let peak = limit.first_attempts_peak.or(limit.peak).filter(|_| beyond)?;
    let grant = match limit.bucket {
        // At a rate that does not last, the peak only tells how long was played.
        Some(_) if limit.not_lasting().is_some() => return None,
        // Else the peak of a bucket is the size that it takes at its rate.
        Some(bucket) => {
            Grant { rate: bucket.rate, burst: Some(peak.saturating_sub(limit.allow.saturating_sub(bucket.burst))) }
        }
        None => Grant { rate: peak, burst: None },
    };
    Some((grant, Requested::Peak { source: demand.source.clone() }))
}

fn source_of(because: Requested) -> String {
    match because {
        Requested::Searched { source, .. } | Requested::Peak { source } => source,
        Requested::Stated { least, .. } => least.map(|(_, source)| source).unwrap_or_default(),
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
