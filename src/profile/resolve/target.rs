//! What the fleet talks to: nothing but loopback, unless the profile says that it may.

use std::net::IpAddr;
use std::path::PathBuf;

use super::fleet::check_order;
use crate::profile::document::ProfileDocument;
use crate::profile::document::target::{NetworkDocument, ServerDocument, TargetDocument};
use crate::scenario::target::{Network, OverloadSpec, RemoteSpec, ServerSpec, Target};
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Source};

pub(super) fn target(source: &Source, document: &ProfileDocument) -> Result<Target, Diagnosis> {
    let Some(target) = &document.target else { return Ok(Target::Embedded(ServerSpec::default())) };
    let TargetDocument { embedded, url, authorized, ca_file } = &target.value.0;
    match (embedded, url) {
        (Some(server), None) => {
            if let Some(file) = ca_file {
                return Err(Diagnosis::at(source, file.place, "the embedded server has no certificates to trust")
                    .help("drop `ca_file`, or name a target by `url`"));
            }
            embedded_server(source, server, document.duration.0).map(Target::Embedded)
        }
        (None, Some(url)) => Ok(Target::Remote(RemoteSpec {
            url: checked_url(source, url, *authorized)?,
            authorized: *authorized,
            ca_file: ca_file.as_ref().map(|file| existing(source, file)).transpose()?,
        })),
        _ => Err(Diagnosis::at(source, target.place, "a target is either `embedded` or a `url`")
            .help("write `target: embedded` or `target: {url: \"https://…\", authorized: true}`")),
    }
}

fn existing(source: &Source, file: &Located<String>) -> Result<PathBuf, Diagnosis> {
    let path = source.relative(&file.value);
    if path.is_file() {
        return Ok(path);
    }
    Err(Diagnosis::at(source, file.place, format!("there is no file `{}`", shown(&file.value)))
        .help("a path is seen from the profile's folder"))
}

fn embedded_server(source: &Source, server: &ServerDocument, duration: Nanos) -> Result<ServerSpec, Diagnosis> {
    let overload = match &server.overload {
        None => None,
        Some(overload) => {
            let from = overload.from.map_or(Nanos::ZERO, |from| from.value.0);
            if let Some(place) = overload.from.filter(|_| from >= duration).map(|from| from.place) {
                let title = format!("the overload at {from} comes after the run, which ends at {duration}");
                return Err(
                    Diagnosis::at(source, place, title).help("move it to an earlier moment, or raise `duration`")
                );
            }
            Some(OverloadSpec { share: overload.share.0, from, lasting: overload.lasting.map(|lasting| lasting.0) })
        }
    };
    Ok(ServerSpec {
        limiter: server.limiter,
        token_lifetime: server.token_lifetime.0,
        answers_after: server.answers_after.0,
        common: Vec::new(),
        overload,
        throttle: server.throttle,
        faults: server.faults.clone(),
    })
}

/// `scheme://host[:port]`, without a final slash.
fn checked_url(source: &Source, url: &Located<String>, authorized: bool) -> Result<String, Diagnosis> {
    let text = url.value.trim();
    let wrong = |title: String, help: &str| Err(Diagnosis::at(source, url.place, title).help(help));
    let example = "write it as `https://api.example.com`, with a port if it needs one";
    // First of all, so that no other message repeats them.
    if text.contains('@') {
        let help = "drop what stands before the `@`; secrets come from the environment";
        return wrong("a target's URL must not hold credentials".to_owned(), help);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong(format!("`{}` has no scheme", shown(text)), example);
    };
    if !matches!(scheme, "http" | "https") {
        return wrong(format!("`{}` is neither http nor https", shown(scheme)), example);
    }
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    if !matches!(path, "" | "/") {
        let help =
            format!("the API's paths, such as `/v1/operator/sites`, are appended: write `{scheme}://{authority}`");
        return wrong(format!("the path `{}` does not belong here", shown(path)), &help);
    }
    let Some(host) = host(authority) else {
        return wrong(format!("`{}` is no host with an optional port", shown(authority)), example);
    };
    if !authorized && !is_loopback(host) {
        let title = format!("`{host}` is not this machine, and nothing says that it may be tested");
        let help = "ask its owner first; then add the line `authorized: true` beside `url`";
        return wrong(title, help);
    }
    Ok(format!("{scheme}://{authority}"))
}

/// The host of `host[:port]`, where both make sense. An IPv6 address stands in brackets.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let plausible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (!host.is_empty() && host.chars().all(plausible) && port_fits).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn network(source: &Source, document: &NetworkDocument) -> Result<Network, Diagnosis> {
    let mut network = Network::default();
    if let Some(latency) = &document.latency {
        check_order(source, latency.median, latency.p99, ("median", "p99"))?;
        network.latency_median = latency.median.0;
        network.latency_p99 = latency.p99.value.0;
    }
    if let Some(loss) = document.loss {
        network.loss = loss.0;
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, authorized: bool) -> Result<String, String> {
        let source = Source::built_in("x", "x");
        let url = Located::unplaced(text.to_owned());
        checked_url(&source, &url, authorized).map_err(|diagnosis| diagnosis.title().to_owned())
    }

    #[test]
    fn loopback_needs_no_word() {
        assert_eq!(url("http://127.0.0.1:8080/", false), Ok("http://127.0.0.1:8080".into()));
        assert_eq!(url("http://127.9.9.9", false), Ok("http://127.9.9.9".into()));
        assert_eq!(url("https://[::1]:8443", false), Ok("https://[::1]:8443".into()));
        assert_eq!(url("http://localhost:80", false), Ok("http://localhost:80".into()));
        assert_eq!(url("https://api.example.com:8443", true), Ok("https://api.example.com:8443".into()));
    }

    #[test]
    fn what_only_looks_like_loopback_does_need_it() {
        let hosts =
            ["127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1", "[2001:db8::1]", "2130706433"];
        for host in hosts {
            let said = url(&format!("http://{host}"), false).unwrap_err();
            assert!(said.contains("is not this machine"), "{host}: {said}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_even_when_authorized() {
        let bad = [
            "http://",
            "http://:80",
            "http://h:0",
            "http://h:x",
            "http://[::1",
            "http://[::1]x",
            "http://[h]",
            "http://a b",
        ];
        for text in bad {
            assert!(url(text, true).is_err(), "{text}");
        }
        for text in ["http://127.0.0.1#@example.com", "http://127.0.0.1\\@example.com", "me:secret@127.0.0.1"] {
            assert_eq!(url(text, false).unwrap_err(), "a target's URL must not hold credentials");
        }
    }
}
