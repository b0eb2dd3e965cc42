//! One limit, from its document: it is one thing, and nothing in it contradicts the rest.

use crate::policy::document::*;
use crate::policy::model::*;
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Place, Source, suggest};

/// What a limit's place in its policy gives it.
pub(super) struct Surroundings<'a> {
    pub source: &'a Source,
    /// All classes, in the policy's order.
    pub names: &'a [&'a str],
    /// The class's own members, as in `of`.
    pub members: &'a [ClassId],
    pub scope: Scope,
}

const SHORTEST_MONTH: Nanos = Nanos::from_secs(28 * 86_400);
const DAY: Nanos = Nanos::from_secs(86_400);

/// The three things that a limit can be, each with the keys that belong to it alone.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Rate,
    Concurrent,
    Cooldown,
}

pub(super) fn limit(around: &Surroundings, limit: &Located<LimitDocument>) -> Result<Limit, Diagnosis> {
    match kind(around.source, limit)? {
        Kind::Rate => rate(around, limit).map(Limit::Rate),
        Kind::Concurrent => Ok(Limit::Concurrent(ConcurrencyLimit {
            allow: limit.concurrent.as_ref().map_or(1, |concurrent| concurrent.0),
            scope: around.scope.clone(),
            lasting: limit.lasting.as_ref().map(|lasting| lasting.0),
        })),
        Kind::Cooldown => cooldown(around, limit).map(Limit::Cooldown),
    }
}

fn kind(source: &Source, limit: &Located<LimitDocument>) -> Result<Kind, Diagnosis> {
    let rate = limit.allow.is_some() || limit.per.is_some();
    let cooldown = limit.cooldown.is_some() || limit.after.is_some();
    let kind = match (rate, limit.concurrent.is_some(), cooldown) {
        (true, false, false) => Kind::Rate,
        (false, true, false) => Kind::Concurrent,
        (false, false, true) => Kind::Cooldown,
        (false, false, false) => {
            return Err(wrong(source, limit.place, "this limit allows neither a rate nor a number at the same time"));
        }
        (true, true, false) => {
            return Err(wrong(source, limit.place, "a limit is either a rate or a number at the same time, not both"));
        }
        (_, _, true) => {
            return Err(wrong(source, limit.place, "a cooldown is a limit of its own, it allows no number"));
        }
    };
    for (name, place, belongs) in own_keys(limit) {
        if belongs != kind {
            return Err(wrong(
                source,
                place,
                format!("`{name}` belongs to {}, not to {}", belongs.text(), kind.text()),
            ));
        }
    }
    Ok(kind)
}

/// The keys that stand here and belong to one kind only, besides those that tell the kind.
fn own_keys(limit: &LimitDocument) -> impl Iterator<Item = (&'static str, Place, Kind)> {
    let place = |key: Option<Place>, name, kind| key.map(|place| (name, place, kind));
    [
        place(limit.burst.as_ref().map(|key| key.place), "burst", Kind::Rate),
        place(limit.algorithm.as_ref().map(|key| key.place), "algorithm", Kind::Rate),
        place(limit.counts_refused.as_ref().map(|key| key.place), "counts_refused", Kind::Rate),
        place(limit.counts.as_ref().map(|key| key.place), "counts", Kind::Rate),
        place(limit.free.as_ref().map(|key| key.place), "free", Kind::Rate),
        place(limit.cost.as_ref().map(|key| key.place), "cost", Kind::Rate),
        place(limit.penalty.as_ref().map(|key| key.place), "penalty", Kind::Rate),
        place(limit.at_least.as_ref().map(|key| key.place), "at_least", Kind::Rate),
        place(limit.enforcement.as_ref().map(|key| key.place), "enforcement", Kind::Rate),
        place(limit.lasting.as_ref().map(|key| key.place), "lasting", Kind::Concurrent),
    ]
    .into_iter()
    .flatten()
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::Rate => "a rate",
            Kind::Concurrent => "a number at the same time",
            Kind::Cooldown => "a cooldown",
        }
    }
}

fn wrong(source: &Source, place: Place, title: impl Into<String>) -> Diagnosis {
    Diagnosis::at(source, place, title).help(
        "write `{allow: 60, per: 1m, scope: client_id}`, `{concurrent: 1, scope: client_id}` \
         or `{cooldown: [30s], after: [5xx], scope: client_id}`",
    )
}

fn rate(around: &Surroundings, limit: &Located<LimitDocument>) -> Result<RateLimit, Diagnosis> {
    let source = around.source;
    let (allow, per) = match (&limit.allow, &limit.per) {
        (Some(allow), Some(per)) => (allow.0, per.value),
        (_, None) => return Err(wrong(source, limit.place, "`per` is missing here: so many requests in which time?")),
        (None, _) => return Err(wrong(source, limit.place, "`allow` is missing here: how many requests?")),
    };
    let (per, calendar) = match per {
        Period::Length(per) => (per, None),
        Period::Calendar(Calendar::Day) => (DAY, Some(Calendar::Day)),
        Period::Calendar(Calendar::Month) => (SHORTEST_MONTH, Some(Calendar::Month)),
    };
    let algorithm = limit.algorithm.as_ref().map_or(Algorithm::Unspecified, |algorithm| algorithm.value);
    check_algorithm(source, limit, algorithm, calendar)?;
    if let (Some(_), Some(refused)) = (&limit.counts, &limit.counts_refused) {
        return Err(Diagnosis::at(source, refused.place, "`counts` says already which answers count")
            .help("drop one of the two; the status of a refusal may stand in `counts`"));
    }
    if let (Some(_), Some(free)) = (&limit.counts, &limit.free) {
        return Err(Diagnosis::at(source, free.place, "`counts` says already which answers count")
            .help("drop one of the two: answers that `counts` does not list are free"));
    }
    let at_least = limit.at_least.is_some_and(|at_least| at_least.value);
    if let (true, Some(enforcement)) = (at_least, &limit.enforcement) {
        return Err(Diagnosis::at(source, enforcement.place, "`at_least` says already that more may be let through")
            .help("drop one of the two: a lower bound is granted, a target is aimed at"));
    }
    let cost = limit.cost.as_ref().map_or(Ok(Cost::One), |found| cost(around, found))?;
    check_size(source, limit, allow, algorithm, &cost)?;
    Ok(RateLimit {
        allow,
        per,
        calendar,
        burst: limit.burst.as_ref().map(|burst| burst.0),
        scope: around.scope.clone(),
        algorithm,
        counts_refused: limit.counts_refused.map_or(CountsRefused::Unspecified, |counts| counts.value),
        counts_statuses: limit.counts.as_ref().map_or(Ok(Vec::new()), |counts| statuses(source, counts))?,
        free_statuses: limit.free.as_ref().map_or(Ok(Vec::new()), |free| statuses(source, free))?,
        cost,
        penalty: limit.penalty.as_ref().map(|penalty| self::penalty(penalty)),
        at_least,
        enforcement: limit.enforcement.map_or(Enforcement::Exact, |enforcement| enforcement.value),
    })
}

/// A window of the calendar and a burst both rule algorithms out.
fn check_algorithm(
    source: &Source,
    limit: &LimitDocument,
    algorithm: Algorithm,
    calendar: Option<Calendar>,
) -> Result<(), Diagnosis> {
    let place = |fallback: Place| limit.algorithm.as_ref().map_or(fallback, |algorithm| algorithm.place);
    if let (Some(_), Some(per)) = (calendar, &limit.per)
        && !matches!(algorithm, Algorithm::Unspecified | Algorithm::FixedAligned)
    {
        return Err(Diagnosis::at(source, place(per.place), "a day or month of the calendar is a fixed window")
            .help("drop `algorithm`, or write the length that is meant, such as `per: 24h`"));
    }
    let Some(burst) = &limit.burst else { return Ok(()) };
    let has_bucket = matches!(
        algorithm,
        Algorithm::Unspecified | Algorithm::TokenBucket | Algorithm::LeakyBucket | Algorithm::IntervalRefill
    );
    if calendar.is_some() || !has_bucket {
        return Err(Diagnosis::at(source, burst.place, "a window has no burst: all that it allows may come at once")
            .help("drop `burst`, or name an algorithm with a bucket, such as `token_bucket`"));
    }
    if burst.0 == 0 && algorithm != Algorithm::LeakyBucket {
        return Err(Diagnosis::at(source, burst.place, "a bucket of 0 admits nothing")
            .help("write what may come at once, or `algorithm: leaky_bucket`, whose burst may be 0"));
    }
    Ok(())
}

/// A request that costs more than the limit ever holds would always be refused.
fn check_size(
    source: &Source,
    limit: &LimitDocument,
    allow: u32,
    algorithm: Algorithm,
    cost: &Cost,
) -> Result<(), Diagnosis> {
    let burst = limit.burst.as_ref().map(|burst| burst.0);
    let most = match algorithm {
        Algorithm::LeakyBucket => burst.unwrap_or(0).saturating_add(1),
        _ => burst.unwrap_or(allow),
    };
    let dearest = match cost {
        Cost::One => 1,
        Cost::Points(points) => *points,
        Cost::ByClass(classes) => classes.iter().map(|(_, points)| *points).max().unwrap_or(1),
        Cost::Told { reserve, .. } => *reserve,
    };
    match &limit.cost {
        Some(found) if dearest > most => {
            let title = format!("a request that costs {dearest} never fits where {most} may come at once");
            Err(Diagnosis::at(source, found.place, title).help("check `cost`, `allow` and `burst`"))
        }
        _ => Ok(()),
    }
}

fn cost(around: &Surroundings, cost: &Located<CostDocument>) -> Result<Cost, Diagnosis> {
    let source = around.source;
    match &cost.value {
        CostDocument::Points(points) => Ok(Cost::Points(points.0)),
        CostDocument::Told { reserve, charged } => {
            Ok(Cost::Told { reserve: reserve.0, charged: super::signal::charged(source, cost.place, charged)? })
        }
        CostDocument::ByClass(classes) => {
            let members: Vec<&str> = around.members.iter().map(|id| around.names[id.index()]).collect();
            let mut costs = Vec::new();
            for (name, points) in classes {
                let Some(at) = members.iter().position(|member| *member == name.0) else {
                    return Err(Diagnosis::at(source, name.place, format!("`{}` is not in `of`", shown(&name.0)))
                        .label("a cost by class is told by the classes that this one is made of")
                        .help(suggest::advice(&name.0, members.iter().copied())));
                };
                costs.push((around.members[at], points.0));
            }
            Ok(Cost::ByClass(costs))
        }
    }
}

fn penalty(penalty: &PenaltyDocument) -> Penalty {
    Penalty { lasts: penalty.lasts.0, stated: penalty.stated, extends: penalty.extends, blocks: penalty.blocks }
}

fn cooldown(around: &Surroundings, limit: &Located<LimitDocument>) -> Result<CooldownLimit, Diagnosis> {
    let source = around.source;
    let (waits, after) = match (&limit.cooldown, &limit.after) {
        (Some(waits), Some(after)) => (waits, after),
        (_, None) => {
            return Err(wrong(source, limit.place, "`after` is missing here: a cooldown after which answers?"));
        }
        (None, _) => return Err(wrong(source, limit.place, "`cooldown` is missing here: how long is the wait?")),
    };
    if waits.is_empty() {
        return Err(wrong(source, waits.place, "a cooldown needs at least one wait"));
    }
    Ok(CooldownLimit {
        after_statuses: statuses(source, after)?,
        waits: waits.iter().map(|wait| wait.0).collect(),
        scope: around.scope.clone(),
    })
}

fn statuses(source: &Source, listed: &Located<Vec<Statuses>>) -> Result<Vec<u16>, Diagnosis> {
    if listed.is_empty() {
        return Err(
            Diagnosis::at(source, listed.place, "no status stands here").help("list some, such as `[401, 5xx]`")
        );
    }
    let mut all: Vec<u16> = listed.iter().flat_map(|statuses| statuses.first..=statuses.last).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
