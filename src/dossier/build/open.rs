//! What is still to be filled in: by a person, or by another run.

use std::cmp::Ordering;

use super::super::model::{Asked, Basis, Compared, Dossier, LimitDemand, OpenItem, Part, Requested};
use super::least;
use crate::summary::{Safety, Summary};

/// `first` is of the fleet that the request is for.
pub fn items(dossier: &Dossier, first: &Summary) -> Vec<OpenItem> {
    let answers = unanswered(dossier).into_iter().filter(|(missing, _)| *missing).map(|(_, item)| item);
    answers.chain(unrun(dossier, first)).collect()
}

fn item(part: u8, key: &str, what: &str, why: &str) -> OpenItem {
    OpenItem { part, key: Some(key.to_owned()), what: what.to_owned(), why: why.to_owned() }
}

/// What the answers leave out, and whether it is missing.
fn unanswered(dossier: &Dossier) -> Vec<(bool, OpenItem)> {
    let identity = &dossier.request.identity;
    let who = "a provider decides on an account, not on a fleet";
    vec![
        (identity.company.is_none(), item(1, "company", "who asks", who)),
        (identity.contact.is_none(), item(1, "contact", "whom the provider can ask back", who)),
        (identity.account.is_none(), item(1, "account", "what the provider knows the requester by", who)),
        (identity.environment.is_none(), item(1, "environment", "in which environment", "limits differ between them")),
        (identity.use_case.is_none(), item(1, "use_case", "what the quota is for", "most forms begin with it")),
        (identity.from.is_none(), item(1, "from", "from which day", "some providers want weeks of notice")),
        (
            identity.term.is_none(),
            item(1, "until", "until when, or that it is permanent", "some grant temporary ones only"),
        ),
        (
            dossier.fleet.growth.is_none(),
            item(2, "growth", "how the fleet will grow", "or the request comes back in a month"),
        ),
        (
            dossier.mitigations.stated.is_empty(),
            item(5, "mitigations", "what has been done already to need less", "asked for before any increase"),
        ),
        (
            dossier.steps.rollback.is_none(),
            item(8, "rollback", "what happens when the quota goes back", "a way out makes a yes easier"),
        ),
        (
            dossier.steps.monitoring.is_none(),
            item(8, "monitoring", "who watches its use, and with what", "nobody wants to be the monitoring"),
        ),
    ]
}

/// Whether a search stands behind a requested value, and not only the peak of a run.
fn is_searched(dossier: &Dossier, asked: &Asked) -> bool {
    match &asked.because {
        Requested::Searched { .. } => true,
        Requested::Stated { least: Some((_, source)), .. } => {
            dossier.reference(source).is_none_or(|reference| reference.part != Part::Run)
        }
        Requested::Stated { least: None, .. } | Requested::Peak { .. } => false,
    }
}

/// How a stated value compares with the computed need.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Enough,
    Below,
    /// More of one number and less of the other.
    Elsewhere,
}

fn beside_need(asked: &Asked) -> Beside {
    let Requested::Stated { least: Some((least, _)), least_burst } = asked.because else { return Beside::Enough };
    let burst = asked.burst.map(|burst| burst.requested);
    match (asked.requested.cmp(&least), burst.cmp(&least_burst)) {
        (Ordering::Less, Ordering::Greater) | (Ordering::Greater, Ordering::Less) => Beside::Elsewhere,
        (Ordering::Less, _) | (_, Ordering::Less) => Beside::Below,
        _ => Beside::Enough,
    }
}

/// What another run or plan would show.
fn unrun(dossier: &Dossier, first: &Summary) -> Vec<OpenItem> {
    let by_run = |part, what: &str, why: &str| OpenItem { part, key: None, what: what.to_owned(), why: why.to_owned() };
    let mut items = Vec::new();
    if dossier.request.quotas.is_empty() {
        let why = "the runs show no limit that is too low; name one under `quotas` in the answers, or do not send this";
        items.push(by_run(1, "which quota is to be higher", why));
    }
    if dossier.request.quotas.iter().any(|asked| !is_searched(dossier, asked)) {
        let why = "a requested value is not backed by a search: `quotaproof plan PROFILE --find quota` makes one";
        items.push(by_run(7, "the least quota that suffices", why));
    }
    if dossier.request.quotas.iter().any(|asked| beside_need(asked) == Beside::Below) {
        let why = "a requested value is below the need that the runs show: the fleet would be refused with it";
        items.push(by_run(1, "whether the requested value is enough", why));
    }
    if dossier.request.quotas.iter().any(|asked| beside_need(asked) == Beside::Elsewhere) {
        let why = "more of a requested rate with less of its burst, or the other way round, may or may not do: plan the profile \
                   with these numbers in its policy";
        items.push(by_run(1, "whether the requested rate and burst are enough together", why));
    }
    if dossier.least.quotas.iter().any(|search| dossier.is_of_this_fleet(&search.source) && !search.answer.holds()) {
        let why = "the least that was found still refused or delayed more than was asked for, where all of it was enforced: plan \
                   the profile with higher numbers in its policy";
        items.push(by_run(7, "which quota is enough", why));
    }
    let asks_nothing = |limit: &&LimitDemand| {
        matches!(limit.safety, Safety::Over | Safety::DependsOnReading)
            && least::search_for(&dossier.least, limit, first).is_none()
            && !dossier.request.quotas.iter().any(|asked| asked.limit == limit.limit && asked.class == limit.class)
    };
    for limit in dossier.demand.limits.iter().filter(asks_nothing) {
        let what = format!("how much of {} is needed ({})", limit.class, limit.limit);
        let why = "the run went beyond it, and nothing here tells how much it takes: `quotaproof plan PROFILE --find quota` does, \
                   over at least as long a time";
        items.push(by_run(1, &what, why));
    }
    if dossier.least.comparisons.is_empty() {
        let why = "`quotaproof plan PROFILE --compare OTHER.yaml` shows before and after";
        items.push(by_run(5, "what the mitigations save", why));
    }
    let is_after = |compared: &Compared| dossier.is_of_this_fleet(&compared.after);
    if !dossier.least.comparisons.is_empty() && !dossier.least.comparisons.iter().any(is_after) {
        let why = "no comparison ends with the fleet that this asks for: what is asked for is more than the remedy needs, or \
                   the remedy is another fleet's";
        items.push(by_run(5, "whether the mitigations are part of the fleet that is asked for", why));
    }
    if dossier.references.iter().all(|reference| reference.basis != Basis::Measured) {
        let why = "every figure here was simulated or measured on a stand-in: a run against the provider's own test \
                   environment, with its word, would be evidence";
        items.push(by_run(4, "a measurement on the provider", why));
    }
    items
}
