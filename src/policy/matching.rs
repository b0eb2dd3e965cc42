//! Request patterns and which class a request belongs to.

use std::fmt;
use std::str::FromStr;

use super::model::{Class, ClassId};

/// What patterns are held against: the path without its query.
pub fn bare_path(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

/// `METHOD /path/{parameter}`; the method `WS` is a WebSocket handshake. A parameter matches one path segment, a final
/// `*` matches any rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPattern {
    pub method: String,
    pub segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(String),
    Parameter(String),
    Rest,
}

/// Why a text is no request pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a request is written as METHOD /path, such as `GET /v1/sites/{{site_id}}`")]
    Shape,
    #[error("`{0}` is no HTTP method; use GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or WS")]
    Method(String),
    #[error("`*` may stand only at the end of a path")]
    RestInside,
    #[error(
        "`{0}` is no parameter here: it would match nothing but itself. A parameter is written `{1}`, a segment of its own"
    )]
    Parameter(String, String),
    #[error("`{0}` belongs to no path: requests are told apart by method and path alone")]
    Query(String),
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS"];

impl FromStr for RequestPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (method, path) = text.trim().split_once(' ').ok_or(PatternError::Shape)?;
        let path = path.trim();
        if !METHODS.contains(&method) {
            return Err(PatternError::Method(method.to_owned()));
        }
        let rest = path.strip_prefix('/').ok_or(PatternError::Shape)?;
        if let Some(at) = rest.find(['?', '#']) {
            return Err(PatternError::Query(rest[at..].to_owned()));
        }
        let segments: Vec<Segment> = rest.split('/').map(segment).collect::<Result<_, _>>()?;
        if segments.iter().rev().skip(1).any(|segment| *segment == Segment::Rest) {
            return Err(PatternError::RestInside);
        }
        Ok(RequestPattern { method: method.to_owned(), segments })
    }
}

fn segment(text: &str) -> Result<Segment, PatternError> {
    if text == "*" {
        return Ok(Segment::Rest);
    }
    if let Some(name) = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).filter(|name| is_name(name)) {
        return Ok(Segment::Parameter(name.to_owned()));
    }
    match meant(text) {
        Some(name) => Err(PatternError::Parameter(text.to_owned(), format!("{{{name}}}"))),
        None => Ok(Segment::Literal(text.to_owned())),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['{', '}'])
}

/// The name of what looks like a parameter in another notation, or like a part of a segment: `:id`, `<id>`, `{id}.json`.
fn meant(text: &str) -> Option<&str> {
    let pointed = || text.strip_prefix('<')?.strip_suffix('>');
    let braced = || text.split_once('{')?.1.split_once('}').map(|(name, _)| name);
    let found = text.strip_prefix(':').or_else(pointed).or_else(braced);
    let name = found.map(|name| name.trim_matches(['{', '}', ':'])).filter(|name| is_name(name));
    name.or_else(|| text.contains(['{', '}']).then_some("id"))
}

impl fmt::Display for RequestPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.method)?;
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(out, "/{text}")?,
                Segment::Parameter(name) => write!(out, "/{{{name}}}")?,
                Segment::Rest => write!(out, "/*")?,
            }
        }
        Ok(())
    }
}

impl RequestPattern {
    /// Whether a request with this method and path (no query) fits. A path may itself be a template: its `{name}`
    /// segments fit parameters.
    pub fn matches(&self, method: &str, path: &str) -> bool {
        if method != self.method {
            return false;
        }
        let mut given = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, given.next()) {
                (Segment::Rest, Some(_)) => return true,
                (Segment::Parameter(_), Some(text)) if !text.is_empty() => {}
                (Segment::Literal(literal), Some(text)) if literal == text => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }

    /// The parameters' names, each with what stands in its place in a path that fits.
    pub fn parameters<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let given = path.strip_prefix('/').unwrap_or(path).split('/');
        self.segments.iter().zip(given).filter_map(|(segment, text)| match segment {
            Segment::Parameter(name) => Some((name.as_str(), text)),
            Segment::Literal(_) | Segment::Rest => None,
        })
    }

    /// What a scope that counts by endpoint takes a request for that fits this pattern: all that fit it are one, but behind
    /// a rest that matches a whole API the first segment tells endpoints apart.
    pub fn endpoint(&self, path: &str) -> String {
        let Some(before) = self.segments.len().checked_sub(1).filter(|last| self.segments[*last] == Segment::Rest)
        else {
            return self.to_string();
        };
        let rest = path.trim_start_matches('/').split('/').nth(before).unwrap_or_default();
        format!("{self} {rest}")
    }

    /// Whether some request fits both patterns.
    pub fn overlaps(&self, other: &RequestPattern) -> bool {
        if self.method != other.method {
            return false;
        }
        let mut pairs = (self.segments.iter(), other.segments.iter());
        loop {
            match (pairs.0.next(), pairs.1.next()) {
                (None, None) => return true,
                (Some(Segment::Rest), Some(_)) | (Some(_), Some(Segment::Rest)) => return true,
                (Some(Segment::Literal(a)), Some(Segment::Literal(b))) if a != b => return false,
                (Some(_), Some(_)) => {}
                _ => return false,
            }
        }
    }

    /// Whether both match exactly the same requests: they differ in parameter names at most.
    pub fn same_shape(&self, other: &RequestPattern) -> bool {
        self.overlaps(other) && self.specificity() == other.specificity()
    }

    /// Higher is more specific: literals before parameters before a rest, compared from the left.
    fn specificity(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 2,
            Segment::Parameter(_) => 1,
            Segment::Rest => 0,
        };
        self.segments.iter().map(rank).collect()
    }
}

/// The class of a request, by its pattern.
pub fn classify(classes: &[Class], method: &str, path: &str) -> Option<ClassId> {
    find(classes, method, path).map(|(class, _)| class)
}

/// The pattern of a request and its class: of those that match the most specific one, on a tie the first written.
pub fn find<'a>(classes: &'a [Class], method: &str, path: &str) -> Option<(ClassId, &'a RequestPattern)> {
    let mut best: Option<(Vec<u8>, ClassId, &RequestPattern)> = None;
    for (index, class) in classes.iter().enumerate() {
        for pattern in class.requests.iter().filter(|pattern| pattern.matches(method, path)) {
            let specificity = pattern.specificity();
            if best.as_ref().is_none_or(|(found, ..)| specificity > *found) {
                best = Some((specificity, ClassId(index as u8), pattern));
            }
        }
    }
    best.map(|(_, class, pattern)| (class, pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RequestPattern {
        text.parse().unwrap()
    }

    #[test]
    fn parameters_match_one_segment_and_a_rest_matches_many() {
        let device = pattern("GET /v1/devices/{id}");
        assert!(device.matches("GET", "/v1/devices/d1"));
        assert!(device.matches("GET", "/v1/devices/{device_id}"));
        assert!(!device.matches("GET", "/v1/devices/d1/connectors"));
        assert!(!device.matches("GET", "/v1/devices/"));
        assert!(!device.matches("POST", "/v1/devices/d1"));
        assert!(pattern("GET /v1/*").matches("GET", "/v1/devices/d1/connectors"));
        assert!(!pattern("GET /v1/*").matches("GET", "/v1"));
    }

    #[test]
    fn parameters_have_the_values_of_their_places() {
        let pattern = pattern("GET /vehicles/{vehicle_id}/doors/{door}/*");
        let found: Vec<_> = pattern.parameters("/vehicles/v1/doors/2/locks/3").collect();
        assert_eq!(found, [("vehicle_id", "v1"), ("door", "2")]);
    }

    #[test]
    fn an_endpoint_is_a_pattern_or_what_comes_first_behind_it() {
        let device = pattern("GET /v1/devices/{id}");
        assert_eq!(device.endpoint("/v1/devices/a"), device.endpoint("/v1/devices/b"));
        let all = pattern("GET /v1/*");
        assert_eq!(all.endpoint("/v1/customers"), all.endpoint("/v1/customers/c1"));
        assert_ne!(all.endpoint("/v1/customers"), all.endpoint("/v1/invoices"));
        assert_ne!(all.endpoint("/v1/customers"), pattern("POST /v1/*").endpoint("/v1/customers"));
    }

    #[test]
    fn overlap_means_that_one_request_fits_both() {
        assert!(pattern("GET /a/{x}").overlaps(&pattern("GET /a/b")));
        assert!(pattern("GET /a/*").overlaps(&pattern("GET /a/b/c")));
        assert!(!pattern("GET /a/{x}").overlaps(&pattern("GET /a/b/c")));
        assert!(!pattern("GET /a/{x}").overlaps(&pattern("POST /a/b")));
    }

    #[test]
    fn patterns_that_differ_in_parameter_names_alone_have_one_shape() {
        assert!(pattern("GET /a/{x}").same_shape(&pattern("GET /a/{y}")));
        assert!(!pattern("GET /a/{x}").same_shape(&pattern("GET /a/b")));
        assert!(!pattern("GET /a/{x}").same_shape(&pattern("POST /a/{x}")));
        assert!(!pattern("GET /a/*").same_shape(&pattern("GET /a/b")));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        assert_eq!("sites".parse::<RequestPattern>(), Err(PatternError::Shape));
        assert_eq!("GET sites".parse::<RequestPattern>(), Err(PatternError::Shape));
        assert_eq!("FETCH /a".parse::<RequestPattern>(), Err(PatternError::Method("FETCH".into())));
        assert_eq!("GET /*/a".parse::<RequestPattern>(), Err(PatternError::RestInside));
        for segment in [":id", "<id>", "{id}.json", "a-{id}", "{{id}}"] {
            let expected = Err(PatternError::Parameter(segment.to_owned(), "{id}".to_owned()));
            assert_eq!(format!("GET /a/{segment}/b").parse::<RequestPattern>(), expected);
        }
        assert_eq!("GET /a/{".parse(), Err::<RequestPattern, _>(PatternError::Parameter("{".into(), "{id}".into())));
        assert_eq!("GET /a?b=c".parse::<RequestPattern>(), Err(PatternError::Query("?b=c".into())));
        assert!("GET /v1/projects/p:search".parse::<RequestPattern>().is_ok(), "a custom verb is a literal");
    }
}
