//! Values of an identity that nothing uses: misspelt, most likely.

use super::identity::OWN_DIMENSIONS;
use super::script::{body_holes, is_scope, texts};
use crate::policy::load::SCOPES;
use crate::policy::model::Policy;
use crate::profile::document::client::ClientsDocument;
use crate::scenario::client::{ClientSpec, RequestSpec, StreamSpec, Then};
use crate::scenario::template::Hole;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Source, suggest};

/// Each value is a scope of the policy, or stands in some text.
pub(super) fn check(
    source: &Source,
    document: &ClientsDocument,
    spec: &ClientSpec,
    policy: &Policy,
) -> Result<(), Diagnosis> {
    for (index, name) in document.identity.keys().enumerate() {
        let text = name.value.0.as_str();
        // Reports call clients by these, and policies of one provider differ in which of the usual ones they use.
        let is_usual = OWN_DIMENSIONS.contains(&text) || SCOPES.contains(&text);
        if is_usual || is_scope(policy, text) || holes(spec).any(|hole| *hole == Hole::Identity(index)) {
            continue;
        }
        let title = format!("`{}` is no scope of policy `{}` and stands in no text", shown(text), policy.name);
        let scopes: Vec<&str> = scopes(policy);
        let meant = suggest::nearest(text, scopes.iter().copied());
        let meant = meant.map_or_else(String::new, |scope| format!("did you mean `{scope}`? "));
        let all: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
        let all = if all.is_empty() { "it has none".to_owned() } else { format!("its scopes: {}", all.join(", ")) };
        return Err(Diagnosis::at(source, name.place, title)
            .help(format!("{meant}{all}; or name the value in a text, as `{{{}}}`", shown(text))));
    }
    Ok(())
}

fn scopes(policy: &Policy) -> Vec<&str> {
    let mut names = Vec::new();
    for name in policy.classes.iter().flat_map(|class| &class.limits).flat_map(|limit| &limit.scope().0) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// All holes of a script.
fn holes(spec: &ClientSpec) -> impl Iterator<Item = &Hole> {
    let requests = spec.requests.iter().flat_map(of_request);
    texts(&spec.headers).chain(requests).chain(spec.streams.iter().flat_map(of_stream))
}

fn of_request(request: &RequestSpec) -> impl Iterator<Item = &Hole> {
    let poll = match &request.then {
        Then::Poll(poll) => Some(&poll.path),
        Then::Nothing | Then::Pages(_) => None,
    };
    let paths = [Some(&request.path), poll].into_iter().flatten().flat_map(|path| path.holes());
    paths.chain(texts(&request.query)).chain(texts(&request.headers)).chain(body_holes(&request.body))
}

fn of_stream(stream: &StreamSpec) -> impl Iterator<Item = &Hole> {
    let message = stream.subscribe.iter().flat_map(body_holes);
    stream.path.holes().chain(texts(&stream.query)).chain(message)
}
