//! What a probe asks for, from the command line.

use super::{Mistake, ProbeArgs, secrets};
use crate::policy::matching::bare_path;
use crate::policy::model::{ClassId, Policy};
use crate::probe::account::AskTold;
use crate::probe::beside::{Ask, Beside, Kind, Own, example};
use crate::probe::variable::{Part, filled, parts};

/// A request as it was given: `env:NAME` stands in it for what comes from the environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub method: String,
    pub path: String,
    /// `Name: value`.
    pub headers: Vec<String>,
    pub body: String,
}

/// All that is asked for.
pub struct Requests {
    pub class: ClassId,
    /// The same request, by client.
    pub clients: Vec<Written>,
    pub besides: Vec<(Beside, Written)>,
}

/// Reads the command line.
pub fn requests(args: &ProbeArgs, policy: &Policy) -> Result<Requests, Mistake> {
    let (class, method, path) = own(args, policy)?;
    let body = args.body.as_deref().map(content).transpose()?.unwrap_or_default();
    let first = Written { method, path, headers: args.header.clone(), body };
    let mut clients = vec![first.clone()];
    if !args.other_header.is_empty() || args.other_body.is_some() {
        let mut second = first.clone();
        if !args.other_header.is_empty() {
            second.headers.clone_from(&args.other_header);
        }
        if let Some(body) = &args.other_body {
            second.body = content(body)?;
        }
        clients.push(second);
    }
    let besides = besides(args, policy, class, &first)?;
    Ok(Requests { class, clients, besides })
}

/// The class, and the request that stands for it.
fn own(args: &ProbeArgs, policy: &Policy) -> Result<(ClassId, String, String), Mistake> {
    let named = args.class.as_ref().map(|name| class_named(policy, name)).transpose()?;
    if let Some(text) = &args.request {
        let (method, path) = text.trim().split_once(' ').ok_or("write the request as METHOD /path")?;
        let class = named.or_else(|| policy.classify(method, bare_path(path))).ok_or_else(|| {
            format!(
                "`{method} {}` belongs to no class of the policy; name the class that it counts in by --class",
                bare_path(path)
            )
        })?;
        return Ok((class, method.to_owned(), path.to_owned()));
    }
    let classes = match named {
        Some(class) => vec![class],
        None => (0..policy.classes.len()).map(|index| ClassId(index as u8)).collect(),
    };
    let harmless = |class: &ClassId| {
        let pattern = policy.class(*class).requests.iter().find(|pattern| pattern.method == "GET")?;
        Some((*class, pattern.method.clone(), example(pattern, "probe")))
    };
    classes.iter().find_map(harmless).ok_or_else(|| nameless(policy, &classes))
}

/// Why none of the classes' requests is sent unasked, and what to do.
fn nameless(policy: &Policy, classes: &[ClassId]) -> Mistake {
    match classes.iter().find_map(|class| policy.class(*class).requests.first()) {
        Some(pattern) => format!(
            "no GET belongs to the class, and nothing that may change something is sent unasked: name a request by \
             --request '{} {}', with what it sends by --body",
            pattern.method,
            example(pattern, "…")
        ),
        None => {
            let names: Vec<&str> = policy.classes.iter().map(|class| class.name.as_str()).collect();
            format!(
                "the documents do not say which requests are in which class: name one by --request 'GET /…' and the class \
                 that you expect it in by --class ({}); its answer is held against that",
                names.join(", ")
            )
        }
    }
}

fn class_named(policy: &Policy, name: &str) -> Result<ClassId, Mistake> {
    policy.class_named(name).ok_or_else(|| {
        let names: Vec<&str> = policy.classes.iter().map(|class| class.name.as_str()).collect();
        format!("the policy has no class `{name}`; it has {}", names.join(", "))
    })
}

/// What is asked besides: what was given, and what changes nothing. A stream is opened only where one was given.
fn besides(
    args: &ProbeArgs,
    policy: &Policy,
    class: ClassId,
    first: &Written,
) -> Result<Vec<(Beside, Written)>, Mistake> {
    let own = Own { policy, class, method: &first.method, path: &first.path };
    let mut all = Vec::new();
    for text in &args.beside {
        let mut words = text.trim().splitn(3, ' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(format!("write `{text}` as METHOD /path, or as METHOD /path BODY"));
        };
        let body = words.next().map(content).transpose()?.unwrap_or_default();
        let written = Written { method: method.to_owned(), path: path.to_owned(), body, ..first.clone() };
        all.push((own.beside(method, path), written));
    }
    let mut unasked = if first.method == "WS" { own.changed_sets() } else { own.harmless() };
    unasked.retain(|beside| !all.iter().any(|(given, _)| is_same(given, beside)));
    all.extend(unasked.into_iter().map(|beside| {
        let (method, path) = (beside.method.clone(), beside.path.clone());
        (beside, Written { method, path, body: String::new(), ..first.clone() })
    }));
    if args.without_credentials {
        all.push(nobodys(first)?);
    }
    Ok(all)
}

/// Whether one shows what the other would. Streams differ by their queries.
fn is_same(one: &Beside, other: &Beside) -> bool {
    let path = |beside: &Beside| match beside.method.as_str() {
        "WS" => beside.path.clone(),
        _ => bare_path(&beside.path).to_owned(),
    };
    (&one.method, path(one)) == (&other.method, path(other))
}

/// The same without what came from the environment.
fn nobodys(first: &Written) -> Result<(Beside, Written), Mistake> {
    let is_plain = |header: &&String| parts(header).iter().all(|part| matches!(part, Part::Text(_)));
    let headers: Vec<String> = first.headers.iter().filter(is_plain).cloned().collect();
    if headers.len() == first.headers.len() {
        return Err("--without-credentials leaves out the headers that come from the environment, and there is none: \
                    give one by --header 'Authorization: Bearer env:TOKEN'"
            .to_owned());
    }
    let (method, path) = (first.method.clone(), first.path.clone());
    let beside = Beside { method, path, kind: Kind::Nobody };
    Ok((beside, Written { headers, ..first.clone() }))
}

/// A body: as it is given, or what is in the file behind an `@`.
fn content(text: &str) -> Result<String, Mistake> {
    match text.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| format!("the body cannot be read from {file}: {error}"))
        }
        None => Ok(text.to_owned()),
    }
}

impl Written {
    /// The request with what comes from the environment.
    pub fn ask(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<Ask, Mistake> {
        let mut headers = self.headers.iter().map(|text| header(text, variable)).collect::<Result<Vec<_>, _>>()?;
        if let Some(mistake) = secrets::in_query(&self.path).or_else(|| secrets::in_body(&self.body)) {
            return Err(mistake);
        }
        let missing = |name: &str| format!("the request needs the variable {name} of the environment: set it");
        let body = filled(&self.body, variable).map_err(missing)?;
        let path = filled(&self.path, variable).map_err(missing)?;
        let has_type = headers.iter().any(|(name, _)| name == "content-type");
        if !body.is_empty() && !has_type {
            headers.push(("content-type".to_owned(), content_type(&body).to_owned()));
        }
        Ok(Ask { method: self.method.clone(), path, headers, body: body.into_bytes() })
    }

    /// As the report shows it.
    pub fn told(&self) -> AskTold {
        let Written { method, path, headers, body } = self.clone();
        AskTold { method, path, headers, body }
    }
}

/// What a body looks like.
fn content_type(body: &str) -> &'static str {
    match serde_json::from_str::<serde::de::IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) => "application/x-www-form-urlencoded",
    }
}

/// `Name: value`, in which `env:NAME` stands for a variable.
fn header(text: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<(String, String), Mistake> {
    let (name, value) = text.split_once(':').ok_or_else(|| no_header(text))?;
    let name = name.trim().to_lowercase();
    let missing = |named: &str| format!("the header `{name}` is not in the environment: set the variable {named}");
    let filled = filled(value.trim(), variable).map_err(missing)?;
    secrets::in_header(&name, value.trim()).map_or(Ok((name, filled)), Err)
}

/// What to do about a header without a colon. Its first word is repeated if it can be no secret: those have more than letters.
fn no_header(text: &str) -> Mistake {
    const HOW: &str = "write a header as 'Name: value'";
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let rest = if words.next().is_some() { "…" } else { "" };
    match !first.is_empty() && first.chars().all(|c| c.is_ascii_alphabetic() || c == '-') {
        true => format!("'{first}{rest}' has no colon: {HOW}"),
        false => HOW.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "secret-value".to_owned())
    }

    fn with_token(text: &str) -> Result<(String, String), Mistake> {
        header(text, &variable)
    }

    fn asked(body: &str) -> Result<Ask, Mistake> {
        let written = Written {
            method: "POST".to_owned(),
            path: "/token".to_owned(),
            body: body.to_owned(),
            ..Written::default()
        };
        written.ask(&variable)
    }

    #[test]
    fn secrets_come_from_the_environment_alone() {
        let expected = ("authorization".to_owned(), "Bearer secret-value".to_owned());
        assert_eq!(with_token("Authorization: Bearer env:TOKEN"), Ok(expected));
        assert_eq!(with_token("X-Account: a"), Ok(("x-account".to_owned(), "a".to_owned())));
        assert!(with_token("Authorization: Bearer abc").unwrap_err().contains("env:VARIABLE"));
        assert!(with_token("X-Api-Key: env:OTHER").unwrap_err().contains("set the variable OTHER"));
        assert!(with_token("nonsense").unwrap_err().contains("'nonsense'"));
        let pasted = with_token("Bearer sk_live_1").unwrap_err();
        assert!(pasted.contains("'Bearer…'") && !pasted.contains("sk_live"), "{pasted}");
        assert_eq!(with_token("sk_live_1").unwrap_err(), "write a header as 'Name: value'");
        let open = asked(r#"[{"Password":"env:TOKEN!"}]"#);
        assert!(open.err().is_some_and(|mistake| mistake.contains("env:VARIABLE")));
        let written = Written { method: "GET".to_owned(), path: "/a?api_key=abc".to_owned(), ..Written::default() };
        assert!(written.ask(&variable).err().is_some_and(|mistake| mistake.contains("`api_key`")));
        let written = Written { path: "/a?api_key=env:TOKEN".to_owned(), ..written };
        assert_eq!(written.ask(&variable).map(|ask| ask.path).ok().as_deref(), Some("/a?api_key=secret-value"));
    }

    #[test]
    fn a_body_is_filled_and_says_what_it_is() {
        for (body, filled, kind) in [
            (r#"{"client_secret":"env:TOKEN","n":1}"#, r#"{"client_secret":"secret-value","n":1}"#, "application/json"),
            ("client_secret=env:TOKEN&a=b", "client_secret=secret-value&a=b", "application/x-www-form-urlencoded"),
        ] {
            let ask = asked(body).unwrap_or_else(|mistake| panic!("{mistake}"));
            assert_eq!(ask.body, filled.as_bytes());
            assert_eq!(ask.headers, [("content-type".to_owned(), kind.to_owned())]);
        }
        assert!(asked("").unwrap_or_else(|mistake| panic!("{mistake}")).headers.is_empty());
        assert!(asked("x=env:OTHER").err().is_some_and(|mistake| mistake.contains("OTHER")));
    }

    #[test]
    fn nobody_s_request_has_no_secret() {
        let first = Written {
            headers: vec!["X-Mode: a".into(), "Authorization: Bearer env:TOKEN".into()],
            ..Written::default()
        };
        let (beside, written) = nobodys(&first).unwrap();
        assert_eq!((beside.kind, written.headers), (Kind::Nobody, vec!["X-Mode: a".to_owned()]));
        assert!(nobodys(&written_without(&first)).is_err());
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        probe: ProbeArgs,
    }

    fn paths_beside(words: &[&str]) -> Vec<String> {
        let given = ["probe", "--policy", "tellus", "--target", "http://127.0.0.1:1"];
        let line = <Line as clap::Parser>::parse_from(given.iter().chain(words));
        let asked = requests(&line.probe, &crate::policy::find("tellus").unwrap()).unwrap();
        asked.besides.into_iter().map(|(_, written)| written.path).collect()
    }

    #[test]
    fn what_is_given_is_not_asked_twice_and_takes_no_other_s_place() {
        let stream = |devices: &str| format!("/v1/operator/stream?devices={devices}");
        let of_streams =
            ["--request", "WS /v1/operator/stream?devices=a,b", "--beside", "WS /v1/operator/stream?devices=a"];
        assert_eq!(paths_beside(&of_streams), ["a", "b,a", "a,b,a"].map(stream));
        let records = "/v1/operator/charging-records?size=1";
        let of_requests =
            paths_beside(&["--beside", &format!("GET {records}"), "--beside", "GET /v1/operator/devices"]);
        let all = [records, "/v1/operator/devices", "/v1/operator/devices/probe", "/v1/operator/aggregated/energy"];
        assert_eq!(of_requests, all);
    }

    fn written_without(first: &Written) -> Written {
        Written { headers: Vec::new(), ..first.clone() }
    }
}
