//! Whose budget a limit is: the names that it may use.

use crate::policy::document::{ClassDocument, LimitDocument, PolicyDocument};
use crate::policy::matching::{RequestPattern, Segment};
use crate::policy::model::Scope;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::Name;
use crate::yaml::{Diagnosis, Located, Source, suggest};

/// What every policy may make a scope of. `device_set` is the set of devices that one request names, `endpoint` the
/// operation; `address` is the same for a whole run.
pub const SCOPES: [&str; 7] = ["client_id", "device_id", "device_set", "account", "user", "address", "endpoint"];

/// The policy's own names must be new.
pub(super) fn check_own(source: &Source, document: &PolicyDocument) -> Result<(), Diagnosis> {
    match document.scopes.keys().find(|name| SCOPES.contains(&name.0.as_str())) {
        Some(name) => Err(Diagnosis::at(source, name.place, format!("every policy knows the scope `{}`", name.0))
            .help("drop it here, or choose another name for what is meant")),
        None => Ok(()),
    }
}

/// A limit's scope.
pub(super) fn scope(
    source: &Source,
    document: &PolicyDocument,
    class: (&Located<Name>, &ClassDocument),
    limit: &Located<LimitDocument>,
) -> Result<Scope, Diagnosis> {
    let patterns = patterns(document, class.1);
    let mut known: Vec<&str> = SCOPES.to_vec();
    known.extend(document.scopes.keys().map(|name| name.0.as_str()));
    for parameter in patterns.iter().flat_map(|pattern| parameters(pattern)) {
        if !known.contains(&parameter) {
            known.push(parameter);
        }
    }
    let nobody = |place| {
        Diagnosis::at(source, place, "a limit needs a scope: whose budget is it?")
            .help(format!("add it, such as `scope: user`; {}", suggest::advice("", known.iter().copied())))
    };
    let scope = limit.scope.as_ref().ok_or_else(|| nobody(limit.place))?;
    let names = &scope.value.0;
    if names.is_empty() {
        return Err(nobody(scope.place));
    }
    for (index, name) in names.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(Diagnosis::at(source, scope.place, format!("unknown scope `{}`", shown(name)))
                .help(suggest::advice(name, known.iter().copied()))
                .help("the policy's own scope names stand under `scopes:`"));
        }
        if names[..index].contains(name) {
            return Err(Diagnosis::at(source, scope.place, format!("`{name}` stands in this scope twice"))
                .help("drop one of the two"));
        }
        let always = SCOPES.contains(&name.as_str()) || document.scopes.keys().any(|own| own.0 == *name);
        if let Some(without) = patterns.iter().find(|pattern| !always && !parameters(pattern).any(|own| own == name)) {
            return Err(Diagnosis::at(source, scope.place, format!("not every request has a `{{{name}}}`"))
                .label(format!("`{without}` of class `{}` has none", class.0.0))
                .help("give such requests a class of their own, or list the name under `scopes:`"));
        }
    }
    Ok(Scope(names.clone()))
}

/// The patterns of a class, and of those that it is a parent of.
fn patterns<'a>(document: &'a PolicyDocument, class: &'a ClassDocument) -> Vec<&'a RequestPattern> {
    let members = super::class::held(document, class).into_iter().filter_map(|name| document.classes.get(name));
    std::iter::once(class).chain(members).flat_map(ClassDocument::patterns).map(|pattern| &pattern.value).collect()
}

/// The names of a pattern's parameters.
fn parameters(pattern: &RequestPattern) -> impl Iterator<Item = &str> {
    pattern.segments.iter().filter_map(|segment| match segment {
        Segment::Parameter(name) => Some(name.as_str()),
        Segment::Literal(_) | Segment::Rest => None,
    })
}
