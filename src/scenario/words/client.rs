//! Scripted clients in plain English.

use super::{cadence, counted, rate, reaction, start};
use crate::scenario::arrivals::{Arrivals, Shape, Whose};
use crate::scenario::client::*;
use crate::scenario::fleet::Group;
use crate::scenario::{OperationId, Scenario};
use crate::words::percent;

pub(super) fn client_lines(scenario: &Scenario, group: &Group, spec: &ClientSpec) -> Vec<String> {
    let mut lines = Vec::new();
    if !spec.identity.is_empty() {
        let values: Vec<String> = spec.identity.iter().map(identity).collect();
        lines.push(format!("identity: {}", values.join("; ")));
    }
    lines.push(format!("start {}", start(&spec.start)));
    lines.push(match spec.connections {
        Connections::Own => "a connection for each".to_owned(),
        Connections::Pooled => "pooled connections".to_owned(),
    });
    lines.extend(spec.auth.first().and_then(|first| auth(first, spec.auth.len())));
    for schedule in &spec.schedules {
        lines.push(arrivals_text(&schedule.arrivals, group));
        let all: u32 = schedule.choices.iter().map(|(_, weight)| weight).sum();
        for (request, weight) in &schedule.choices {
            let share = if schedule.choices.len() > 1 {
                format!("{} of them ", percent(f64::from(*weight) / f64::from(all)))
            } else {
                String::new()
            };
            lines.push(format!("{share}{}", request_text(scenario, &spec.requests[*request])));
        }
    }
    for stream in &spec.streams {
        let name = operation(scenario, stream.operation);
        lines.push(format!("a stream {name}, opened again after {} when lost", stream.reopen_after));
    }
    lines.push(format!("at most {} under way for each; answers within {}", spec.in_flight, spec.timeout));
    lines.push(format!("when refused: {}", reaction(&spec.reaction)));
    lines
}

fn identity(value: &IdentityValue) -> String {
    let name = &value.name;
    match &value.values {
        Values::Own => format!("{} {name} for each", if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }),
        Values::Shared => format!("one {name} in all"),
        Values::Dealt(pool) => format!("{} of {name}, dealt out", counted(pool.len(), "value")),
        Values::Drawn(pool) => format!("{} of {name}, one for each request", counted(pool.len(), "value")),
    }
}

/// `credentials` are dealt out, where there are several.
fn auth(auth: &Auth, credentials: usize) -> Option<String> {
    let mut text = match auth {
        // A header may carry some; it is shown with the requests.
        Auth::None => return None,
        Auth::Bearer(_) => "a bearer token".to_owned(),
        Auth::ApiKey { place: KeyPlace::Header(name), .. } => format!("an API key in the header {name}"),
        Auth::ApiKey { place: KeyPlace::Query(name), .. } => format!("an API key in the query, as {name}"),
        Auth::Basic { .. } => "HTTP Basic".to_owned(),
        Auth::OAuth2(oauth2) => format!(
            "OAuth 2.0 tokens from POST {}, one for each client, renewed {} before their end",
            oauth2.path, oauth2.renew_before
        ),
    };
    if credentials > 1 {
        text.push_str(&format!("; {}, dealt out", counted(credentials as u32, "credential")));
    }
    Some(text)
}

fn arrivals_text(arrivals: &Arrivals, group: &Group) -> String {
    let whose = match arrivals.whose {
        Whose::Each => "from each client".to_owned(),
        Whose::Together => format!("from {} together", counted(group.count, "client")),
    };
    match &arrivals.shape {
        Shape::Cadence(spec) => format!("{} from each client:", cadence(*spec)),
        Shape::Constant { per_second } => format!("{} {whose}, evenly spaced:", rate(*per_second)),
        Shape::Poisson { per_second } => format!("{} {whose} on average, at random:", rate(*per_second)),
        Shape::Ramp { from_per_second, to_per_second, over } => {
            format!("{} going to {} within {over}, {whose}:", rate(*from_per_second), rate(*to_per_second))
        }
        Shape::Burst { size, every } => format!("{size} at once every {every} {whose}:"),
        Shape::Times(times) => format!("at {} {whose}:", counted(times.len() as u32, "recorded time")),
    }
}

fn request_text(scenario: &Scenario, request: &RequestSpec) -> String {
    let mut text = operation(scenario, request.operation);
    match &request.then {
        Then::Nothing => {}
        Then::Pages(pages) => text.push_str(&format!(", page by page, at most {}", pages.at_most)),
        Then::Poll(poll) => text.push_str(&format!(
            ", then {} every {} until it is {}, at most {}",
            operation(scenario, poll.operation),
            poll.every,
            poll.done.join(" or "),
            counted(poll.at_most, "time")
        )),
    }
    text
}

/// `GET /v2/orders (reads)`.
fn operation(scenario: &Scenario, id: OperationId) -> String {
    let operation = scenario.operations.get(id);
    match operation.class {
        Some(class) => format!("{} ({})", operation.name(), scenario.policy.class(class).name),
        None => format!("{} (in no class)", operation.name()),
    }
}
