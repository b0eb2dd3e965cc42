//! Where the target is: its address, looked up once, and whether the harness may talk to it.

use std::net::{SocketAddr, ToSocketAddrs};

use super::LiveError;

/// A target's base URL, taken apart and resolved.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub https: bool,
    /// A name or an address without brackets.
    pub host: String,
    /// The value of the `Host` header: with brackets where needed, and the port if it is not the scheme's own.
    pub authority: String,
    /// Prepended to every path; empty or starting with a slash, never ending with one.
    pub prefix: String,
    /// In the system's order; at least one.
    pub addresses: Vec<SocketAddr>,
}

impl Endpoint {
    /// Looks the host up. Unless `authorized`, every address it has must be this machine's own.
    pub fn resolve(base_url: &str, authorized: bool) -> Result<Self, LiveError> {
        let invalid = |why: &str| LiveError::InvalidUrl { url: without_secrets(base_url), why: why.to_owned() };
        let url = reqwest::Url::parse(base_url).map_err(|error| invalid(&error.to_string()))?;
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(invalid("the scheme must be http or https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("credentials do not belong into the address; leave them out"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("paths are appended to it, so it can have no query and no fragment"));
        }
        let bracketed = url.host_str().ok_or_else(|| invalid("there is no host"))?;
        let host = bracketed.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().ok_or_else(|| invalid("there is no port"))?;
        let authority = match url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed.to_owned(),
        };

        let unresolved = |why: String| LiveError::Resolve { host: host.clone(), why };
        let addresses = (host.as_str(), port).to_socket_addrs().map_err(|error| unresolved(error.to_string()))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        if addresses.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        if let Some(elsewhere) = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback())
            && !authorized
        {
            return Err(LiveError::NotAuthorized { host, address: elsewhere.ip() });
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Endpoint { https, host, authority, prefix, addresses })
    }

    /// An absolute URL on this endpoint.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
    }
}

/// An error must not repeat a password or a token: what comes before an `@` or begins a query may hold one.
fn without_secrets(url: &str) -> String {
    if !url.contains(['@', '?', '#']) {
        return url.to_owned();
    }
    match url.split_once("://") {
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphabetic()) => format!("{scheme}://…"),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_for_the_host_header_and_the_path() {
        let cases = [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "", "127.0.0.1:8080"),
            ("http://127.0.0.1:80/", "127.0.0.1", "", "127.0.0.1:80"),
            ("https://127.0.0.1/api/v2/", "127.0.0.1", "/api/v2", "127.0.0.1:443"),
            ("http://[::1]:9000/x", "[::1]:9000", "/x", "[::1]:9000"),
        ];
        for (url, authority, prefix, address) in cases {
            let endpoint = Endpoint::resolve(url, false).unwrap();
            assert_eq!((endpoint.authority.as_str(), endpoint.prefix.as_str()), (authority, prefix), "{url}");
            assert_eq!(endpoint.addresses, [address.parse().unwrap()], "{url}");
        }
        assert_eq!(Endpoint::resolve("http://[::1]:9000/x", false).unwrap().host, "::1");
    }

    #[test]
    fn other_machines_need_a_word_of_authorisation() {
        for url in ["http://192.0.2.1:80", "https://[2001:db8::1]", "http://0.0.0.0:80", "http://[::ffff:192.0.2.1]"] {
            assert!(matches!(Endpoint::resolve(url, false), Err(LiveError::NotAuthorized { .. })), "{url}");
            assert!(Endpoint::resolve(url, true).is_ok(), "{url}");
        }
        assert!(Endpoint::resolve("http://[::ffff:127.0.0.1]:80", false).is_ok());
    }

    #[test]
    fn what_is_no_base_url_is_refused_without_repeating_a_password() {
        for url in ["ftp://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1/?a=b", "http://127.0.0.1/#top", ""] {
            assert!(matches!(Endpoint::resolve(url, true), Err(LiveError::InvalidUrl { .. })), "{url}");
        }
        for url in [
            "http://me:hunter2@127.0.0.1",
            "me:hunter2@127.0.0.1:80",
            "http://me:hunter2@127.0.0.1/?a=@b",
            "http://127.0.0.1/?token=hunter2",
            "http://127.0.0.1/?token=a@hunter2",
        ] {
            let error = Endpoint::resolve(url, true).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
