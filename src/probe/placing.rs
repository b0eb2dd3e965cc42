//! What class a request is in where only its answers say so.

use super::conformance::{Case, Transcript};
use crate::policy::model::ClassId;

/// Where answers place a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Class(ClassId),
    /// An answer without quota headers says so, where the policy takes it that way.
    Unlimited,
}

/// Where the first answer places the probe's own request, if that is not the class that is probed. What the documents
/// themselves place is not misplaced by an answer: then it is the server that says something else.
pub fn misplaced(case: &Case, transcript: &Transcript) -> Option<Place> {
    if case.policy.classify(&case.method, case.bare_path()).is_some() {
        return None;
    }
    let first = transcript.own().find(|witness| witness.is_served() || witness.is_refused())?;
    let told = &first.signal.told;
    let bare = case.policy.quota_headers.as_ref().is_some_and(|headers| headers.absent_means_unlimited);
    match told.class {
        Some(class) if class != case.class => Some(Place::Class(class)),
        None if bare && !told.present && first.is_served() => Some(Place::Unlimited),
        _ => None,
    }
}
