//! Classes, from their documents: each holds something, no two the same thing by accident, and parents form no circle.

use super::limit::{Surroundings, limit};
use super::{UNCLASSIFIED, scope};
use crate::policy::document::{ClassDocument, PolicyDocument};
use crate::policy::matching::RequestPattern;
use crate::policy::model::{Class, ClassId};
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::Name;
use crate::yaml::{Diagnosis, Located, Source, suggest};

pub(super) fn classes(source: &Source, document: &PolicyDocument) -> Result<Vec<Class>, Diagnosis> {
    check_all(source, document)?;
    let names: Vec<&str> = document.classes.keys().map(|name| name.0.as_str()).collect();
    let id = |name: &str| ClassId(names.iter().position(|known| *known == name).unwrap_or(0) as u8);
    let holdings: Vec<_> = document.classes.values().map(|class| held(document, class)).collect();
    let mut classes = Vec::new();
    for (name, class) in &document.classes.value {
        let of: Vec<ClassId> = class.members().iter().map(|member| id(&member.0)).collect();
        let mut limits = Vec::new();
        for found in &class.limits {
            let scope = scope::scope(source, document, (name, class), found)?;
            limits.push(limit(&Surroundings { source, names: &names, members: &of, scope }, found)?);
        }
        classes.push(Class {
            name: name.0.clone(),
            title: class.title.clone(),
            requests: class.patterns().iter().map(|request| request.value.clone()).collect(),
            learned_as: class.learned_as.as_ref().map(|learned| learned.value.clone()),
            of,
            parents: (0..names.len())
                .filter(|&other| holdings[other].contains(&name))
                .map(|other| ClassId(other as u8))
                .collect(),
            limits,
        });
    }
    Ok(classes)
}

/// The classes that this one is made of, directly or through another, each once and where it is first named.
pub(super) fn held<'a>(document: &'a PolicyDocument, class: &'a ClassDocument) -> Vec<&'a Located<Name>> {
    let mut held: Vec<&Located<Name>> = Vec::new();
    let mut next: Vec<&Located<Name>> = class.members().iter().rev().collect();
    while let Some(member) = next.pop() {
        if !held.contains(&member) {
            held.push(member);
            next.extend(document.classes.get(member).into_iter().flat_map(|class| class.members().iter().rev()));
        }
    }
    held
}

fn check_all(source: &Source, document: &PolicyDocument) -> Result<(), Diagnosis> {
    let classes = &document.classes;
    if classes.is_empty() || classes.len() > usize::from(u8::MAX) {
        let title = format!("a policy has 1 to {} classes, this one {}", u8::MAX, classes.len());
        return Err(Diagnosis::at(source, classes.place, title));
    }
    for (index, (name, class)) in classes.value.iter().enumerate() {
        if name.0 == UNCLASSIFIED {
            let title = format!("a class cannot be called `{UNCLASSIFIED}`");
            return Err(Diagnosis::at(source, name.place, title)
                .help("reports call requests without a class so; choose another name"));
        }
        check_contents(source, document, (name, class))?;
        check_members(source, document, name, class)?;
        check_learned(source, document, index, class)?;
        for other in &class.overlaps {
            known(source, document, other)?;
        }
        check_repeats(source, class)?;
        for (earlier_name, earlier) in classes.value.iter().take(index) {
            check_pair(source, (earlier_name, earlier), (name, class))?;
        }
    }
    check_circles(source, document)
}

/// It has requests, learns them or is made of others.
fn check_contents(
    source: &Source,
    document: &PolicyDocument,
    (name, class): (&Located<Name>, &ClassDocument),
) -> Result<(), Diagnosis> {
    const HELP: &str =
        "list its requests, such as `GET /v1/sites`, say by `learned_as` or `of` what it holds, or drop it";
    let nothing = |place| Diagnosis::at(source, place, format!("class `{}` matches nothing", name.0)).help(HELP);
    match (&class.requests, &class.learned_as, &class.of) {
        (None, None, None) => Err(nothing(name.place)),
        (Some(requests), None, None) if requests.is_empty() => Err(nothing(requests.place)),
        (_, _, Some(of)) if class.requests.is_some() || class.learned_as.is_some() => {
            let place = class.requests.as_ref().map(|requests| requests.place);
            let place = place.or(class.learned_as.as_ref().map(|learned| learned.place)).unwrap_or(of.place);
            Err(Diagnosis::at(source, place, "a class of other classes has no requests of its own")
                .help(format!("move them to a class of their own and name it in the `of` of `{}`", name.0)))
        }
        (_, Some(learned), _) if document.quota_headers.is_none() => {
            Err(Diagnosis::at(source, learned.place, "no answer names a class: this policy has no quota headers")
                .help("say how answers name it: `quota_headers: {dialect: x-rate-limit}`"))
        }
        _ => Ok(()),
    }
}

/// A class that is named must be there.
fn known(source: &Source, document: &PolicyDocument, name: &Located<Name>) -> Result<(), Diagnosis> {
    if document.classes.contains_key(name) {
        return Ok(());
    }
    let advice = suggest::advice(&name.0, document.classes.keys().map(|name| name.0.as_str()));
    Err(Diagnosis::at(source, name.place, format!("no class is called `{}`", shown(&name.0))).help(advice))
}

fn check_members(
    source: &Source,
    document: &PolicyDocument,
    name: &Located<Name>,
    class: &ClassDocument,
) -> Result<(), Diagnosis> {
    if let Some(of) = class.of.as_ref().filter(|of| of.is_empty()) {
        return Err(Diagnosis::at(source, of.place, format!("class `{}` is made of nothing", name.0))
            .help("name the classes whose requests count here too"));
    }
    for (index, member) in class.members().iter().enumerate() {
        known(source, document, member)?;
        if member.value == name.value {
            return Err(Diagnosis::at(source, member.place, format!("class `{}` is made of itself", name.0))
                .help("name the other classes whose requests count here too"));
        }
        if class.members()[..index].contains(member) {
            return Err(Diagnosis::at(source, member.place, format!("`{}` stands here twice", member.0))
                .help("drop one of the two"));
        }
    }
    Ok(())
}

/// No class may be made of one that is made of it.
fn check_circles(source: &Source, document: &PolicyDocument) -> Result<(), Diagnosis> {
    for (name, class) in &document.classes.value {
        if let Some(member) = held(document, class).into_iter().find(|member| *member == name) {
            return Err(Diagnosis::at(source, member.place, format!("class `{}` is made of itself", name.0))
                .label("by way of this")
                .help("a parent cannot count among its own members"));
        }
    }
    Ok(())
}

/// An answer's name leads to one class.
fn check_learned(
    source: &Source,
    document: &PolicyDocument,
    index: usize,
    class: &ClassDocument,
) -> Result<(), Diagnosis> {
    let Some(learned) = &class.learned_as else { return Ok(()) };
    if learned.trim().is_empty() {
        return Err(Diagnosis::at(source, learned.place, "an empty name teaches nothing")
            .help("write the name that answers carry, such as `Light`"));
    }
    let mut earlier = document.classes.value.iter().take(index);
    let same = |other: &ClassDocument| {
        other.learned_as.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&learned.value))
    };
    match earlier.find(|(_, other)| same(other)) {
        Some((name, _)) => {
            let title = format!("two classes are learned as `{}`", shown(&learned.value));
            Err(Diagnosis::at(source, learned.place, title)
                .label(format!("so is class `{}`; case does not matter", name.0))
                .help("an answer's name leads to one class: change one of the two"))
        }
        None => Ok(()),
    }
}

fn check_repeats(source: &Source, class: &ClassDocument) -> Result<(), Diagnosis> {
    for (index, request) in class.patterns().iter().enumerate() {
        if class.patterns()[..index].iter().any(|earlier| earlier.same_shape(request)) {
            return Err(Diagnosis::at(source, request.place, format!("`{}` stands here twice", request.value))
                .help("drop one of the two"));
        }
    }
    Ok(())
}

fn check_pair(
    source: &Source,
    (earlier_name, earlier): (&Located<Name>, &ClassDocument),
    (name, class): (&Located<Name>, &ClassDocument),
) -> Result<(), Diagnosis> {
    let taken = |request: &RequestPattern| earlier.patterns().iter().any(|other| other.same_shape(request));
    let has_requests = !class.patterns().is_empty();
    if has_requests && class.learned_as.is_none() && class.patterns().iter().all(|request| taken(request)) {
        return Err(Diagnosis::at(source, name.place, format!("class `{}` matches nothing", name.0))
            .label(format!("class `{}` comes first and has all its requests", earlier_name.0))
            .help("give each request to one class, or drop this one"));
    }
    if class.overlaps.contains(earlier_name) || earlier.overlaps.contains(name) {
        return Ok(());
    }
    for request in class.patterns() {
        if let Some(other) = earlier.patterns().iter().find(|other| other.overlaps(request)) {
            return Err(Diagnosis::at(source, request.place, "a request can belong to two classes")
                .label(format!("also matched by `{}` of class `{}`", other.value, earlier_name.0))
                .help(format!(
                    "narrow one of the two, or say that it is meant: `overlaps: [{}]` in class `{}`",
                    earlier_name.0, name.0
                )));
        }
    }
    Ok(())
}
