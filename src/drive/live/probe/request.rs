//! What a probe asks, as it is sent; what cannot be sent, or would leave the target, is found before anything is.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::ProbeTarget;
use crate::drive::live::endpoint::Endpoint;
use crate::drive::live::run::LiveError;
use crate::probe::beside::Ask;
use crate::probe::witness::Parcel;

/// Another value than the connection's own would have both sides wait for each other.
const OF_CONNECTIONS: [&str; 4] = ["connection", "content-length", "transfer-encoding", "upgrade"];

/// Errors: the request cannot be sent as it is written. What may be secret is not repeated.
pub fn check(endpoint: &Endpoint, ask: &Ask) -> Result<(), LiveError> {
    mistake(endpoint, ask).map_or(Ok(()), |mistake| Err(LiveError::InvalidRequest(mistake)))
}

fn mistake(endpoint: &Endpoint, ask: &Ask) -> Option<String> {
    if Method::from_bytes(ask.method.as_bytes()).is_err() {
        return Some("a request's method is one word of letters, such as GET".to_owned());
    }
    if !is_path(endpoint, &ask.path) {
        return Some(
            "a request's path begins with a slash and has no spaces, such as /v1/sites?page=1; write a space as %20"
                .to_owned(),
        );
    }
    ask.headers.iter().find_map(|(name, value)| {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Some("a header's name is one word of letters, digits and hyphens: write 'Name: value'".to_owned());
        }
        if OF_CONNECTIONS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return Some(format!("the header `{name}` is for connections to set: leave it out"));
        }
        let is_sendable = HeaderValue::from_bytes(value.as_bytes()).is_ok();
        (!is_sendable).then(|| {
            format!("the value of the header `{name}` has characters that no header can hold, such as a line's end")
        })
    })
}

/// Whether it stays on the target: a name is ended by a slash alone.
fn is_path(endpoint: &Endpoint, path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(|c: char| c.is_whitespace() || c.is_control())
        && Url::parse(&endpoint.url(path)).is_ok()
}

/// The request of a parcel. A header that the parcel has takes the place of the client's own of that name.
pub fn request(
    target: &ProbeTarget,
    endpoint: &Endpoint,
    client: &reqwest::Client,
    parcel: Parcel,
) -> Result<reqwest::Request, String> {
    let Some(ask) = target.ask(parcel) else { return Err("there is no such request".to_owned()) };
    let method = Method::from_bytes(ask.method.as_bytes()).map_err(|error| error.to_string())?;
    let mut request = client.request(method, endpoint.url(&ask.path));
    if !ask.body.is_empty() {
        request = request.body(ask.body.clone());
    }
    let of_guise = parcel.guise.header();
    let is_replaced = |name: &str| of_guise.as_ref().is_some_and(|(of_guise, _)| name.eq_ignore_ascii_case(of_guise));
    for (name, value) in ask.headers.iter().filter(|(name, _)| !is_replaced(name)) {
        request = request.header(name, value);
    }
    if let Some((name, value)) = of_guise {
        request = request.header(name, value);
    }
    // Not the error's own words: they may repeat a header's value.
    request.build().map_err(|_error| "the request cannot be built from these headers".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::drive::live::pool;
    use crate::drive::live::tls::Security;
    use crate::policy;
    use crate::policy::model::ClassId;
    use crate::probe::witness::Guise;
    use crate::time::Nanos;

    fn endpoint() -> Endpoint {
        Endpoint::resolve("http://127.0.0.1:1", false).unwrap()
    }

    fn ask(method: &str, path: &str, header: Option<(&str, &str)>) -> Ask {
        let headers = header.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        Ask { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() }
    }

    fn refused(ask: &Ask) -> String {
        check(&endpoint(), ask).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_sent_or_would_leave_the_target_is_refused() {
        for path in ["orders", "@192.0.2.1/", "0/", "", "/a b", "/a\r\nx: y"] {
            assert!(refused(&ask("GET", path, None)).contains("slash"), "{path:?}");
        }
        assert!(refused(&ask("G@T", "/", None)).contains("method"));
        assert!(refused(&ask("GET", "/", Some(("b@d name", "x")))).contains("'Name: value'"));
        assert!(refused(&ask("GET", "/", Some(("Content-Length", "7")))).contains("leave it out"));
        let split = refused(&ask("WS", "/", Some(("x-token", "secret\r\nx: y"))));
        assert!(split.contains("`x-token`") && !split.contains("secret"), "{split}");
    }

    #[test]
    fn what_can_be_sent_is_not_refused() {
        for fine in [ask("WS", "/a?b=1,2", None), ask("GET", "/ü", Some(("x-a", "ü"))), ask("purge", "//a@b", None)] {
            assert_eq!(refused(&fine), "", "{}", fine.path);
        }
    }

    #[test]
    fn a_made_up_address_takes_the_place_of_the_client_s_own() {
        let endpoint = endpoint();
        let (messages, _nobody) = unbounded_channel();
        let security = Security::of(&endpoint, None).unwrap();
        let client = pool::client(&endpoint, &security.pooled, Nanos::from_secs(1), messages).unwrap();
        let target = ProbeTarget {
            base_url: "http://127.0.0.1:1".to_owned(),
            authorized: false,
            ca_file: None,
            clients: vec![ask("GET", "/", Some(("X-Forwarded-For", "192.0.2.1")))],
            besides: Vec::new(),
            policy: policy::find("tellus").unwrap().into(),
            class: ClassId(0),
        };
        let sent = |guise: Guise| {
            let request = request(&target, &endpoint, &client, Parcel { client: 0, guise, count: 1 }).unwrap();
            let all = request.headers().get_all("x-forwarded-for").iter();
            all.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(sent(Guise::Own), ["192.0.2.1"]);
        assert_eq!(sent(Guise::Forwarded(4)), ["203.0.113.4"]);
    }
}
