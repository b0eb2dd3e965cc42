//! Requests besides the probe's own: what they show is how far a limit reaches.

use crate::policy::matching::{self, RequestPattern, Segment, bare_path};
use crate::policy::model::{ClassId, Policy};

/// A request in full, ready to be sent. It may hold secrets: only a driver looks at it, and it has no form for people.
#[derive(Clone, Default, PartialEq)]
pub struct Ask {
    /// `WS` for a WebSocket handshake.
    pub method: String,
    /// With its query, if it has one.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request that differs from the probe's own in one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    pub method: String,
    /// With its query, if it has one.
    pub path: String,
    pub kind: Kind,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another request of the class.
    Endpoint,
    /// The same request of another value in the path, such as `device_id`.
    Named(String),
    /// The same request with another query or body.
    Otherwise,
    /// A request of another class.
    Class(ClassId),
    /// A request that the documents place nowhere.
    Unplaced,
    /// The same request without the client's credentials.
    Nobody,
    /// A stream of a changed set of values.
    Set(Change),
}

/// How a set of values differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Reordered,
    Repeated,
    Part,
}

impl Change {
    pub const ALL: [Change; 3] = [Change::Reordered, Change::Repeated, Change::Part];

    pub fn title(self) -> &'static str {
        match self {
            Change::Reordered => "the same set in another order",
            Change::Repeated => "the same set with one value twice",
            Change::Part => "a part of the set",
        }
    }

    fn of<'a>(self, values: &[&'a str]) -> Vec<&'a str> {
        match self {
            Change::Reordered => values.iter().rev().copied().collect(),
            Change::Repeated => values.iter().chain(values.first()).copied().collect(),
            Change::Part => values[..1].to_vec(),
        }
    }
}

/// The parts of a policy that tell requests apart.
pub struct Own<'a> {
    pub policy: &'a Policy,
    pub class: ClassId,
    pub method: &'a str,
    pub path: &'a str,
}

impl Own<'_> {
    /// A request beside the probe's own.
    pub fn beside(&self, method: &str, path: &str) -> Beside {
        let kind = self.kind(method, bare_path(path));
        Beside { method: method.to_owned(), path: path.to_owned(), kind }
    }

    fn kind(&self, method: &str, path: &str) -> Kind {
        if (method, path) == (self.method, bare_path(self.path)) {
            return Kind::Otherwise;
        }
        let find = |method, path| matching::find(&self.policy.classes, method, path);
        match (find(method, path), find(self.method, bare_path(self.path))) {
            (None, _) => Kind::Unplaced,
            (Some((class, _)), _) if class != self.class => Kind::Class(class),
            (Some((_, other)), Some((_, own))) if own == other => self.named(own, path),
            _ => Kind::Endpoint,
        }
    }

    /// The parameter of one pattern in which two paths differ.
    fn named(&self, pattern: &RequestPattern, path: &str) -> Kind {
        let mut both = pattern.parameters(bare_path(self.path)).zip(pattern.parameters(path));
        let differs = both.find(|((_, own), (_, other))| own != other);
        differs.map_or(Kind::Endpoint, |((name, _), _)| Kind::Named(name.to_owned()))
    }

    /// The stream's own query with its first list of values changed, in each way; nothing where it has none.
    pub fn changed_sets(&self) -> Vec<Beside> {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let lists = query.split('&').filter_map(|pair| pair.split_once('='));
        let Some((name, list)) = lists.into_iter().find(|(_, list)| list.contains(',')) else { return Vec::new() };
        let values: Vec<&str> = list.split(',').collect();
        let changed = |change: Change| {
            let other = format!("{name}={}", change.of(&values).join(","));
            let query = query.replacen(&format!("{name}={list}"), &other, 1);
            Beside { method: self.method.to_owned(), path: format!("{path}?{query}"), kind: Kind::Set(change) }
        };
        Change::ALL.into_iter().map(changed).collect()
    }

    /// What can be asked beside it without changing anything: the other reads of the class, the same of another value in
    /// the path, and one read of each other class.
    pub fn harmless(&self) -> Vec<Beside> {
        let is_read = |pattern: &&RequestPattern| pattern.method == "GET";
        let mut all: Vec<Beside> = Vec::new();
        let own = self.policy.class(self.class).requests.iter().filter(is_read);
        let of_class = own.filter(|pattern| !pattern.matches(self.method, bare_path(self.path)));
        all.extend(of_class.map(|pattern| self.beside("GET", &example(pattern, "probe"))));
        if self.method == "GET"
            && let Some((_, pattern)) = matching::find(&self.policy.classes, "GET", bare_path(self.path))
            && names_something(pattern)
        {
            all.push(self.beside("GET", &example(pattern, "probe-other")));
        }
        let others = self.policy.classes.iter().filter_map(|class| class.requests.iter().find(is_read));
        let others = others.map(|pattern| self.beside("GET", &example(pattern, "probe")));
        all.extend(others.filter(|beside| matches!(beside.kind, Kind::Class(_))));
        all
    }
}

/// Whether a pattern takes a value from a path.
fn names_something(pattern: &RequestPattern) -> bool {
    pattern.segments.iter().any(|segment| matches!(segment, Segment::Parameter(_)))
}

/// A path that fits a pattern, with this in place of what it leaves open.
pub fn example(pattern: &RequestPattern, value: &str) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(_) | Segment::Rest => format!("/{value}"),
    };
    pattern.segments.iter().map(segment).collect()
}

impl Beside {
    /// Whether it is the probe's own request but for who asks, as far as anybody knows.
    pub fn shows_other_credentials(&self) -> bool {
        matches!(self.kind, Kind::Nobody | Kind::Otherwise)
    }

    /// `GET /v1/sites`, without its query.
    pub fn text(&self) -> String {
        let text = format!("{} {}", self.method, bare_path(&self.path));
        match self.kind {
            Kind::Otherwise => format!("{text}, asked otherwise"),
            Kind::Nobody => format!("{text} without credentials"),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    fn besides(policy: &str, class: &str, method: &str, path: &str) -> Vec<(String, Kind)> {
        let policy = policy::find(policy).unwrap();
        let own = Own { policy: &policy, class: policy.class_named(class).unwrap(), method, path };
        own.harmless().into_iter().map(|beside| (beside.path, beside.kind)).collect()
    }

    #[test]
    fn nothing_is_asked_unasked_that_may_change_something() {
        let of_queries = besides("tellus", "queries", "GET", "/v1/operator/sites?size=5");
        let expected =
            ["/v1/operator/devices/probe", "/v1/operator/charging-records", "/v1/operator/aggregated/energy"];
        assert_eq!(of_queries, expected.map(|path| (path.to_owned(), Kind::Endpoint)));
        let of_device = besides("tellus", "queries", "GET", "/v1/operator/devices/probe");
        assert_eq!(of_device[3].1, Kind::Named("device_id".to_owned()));
        let of_chargers = besides("tellus", "charger-high-frequency", "POST", "/v1/device/heartbeat");
        assert!(matches!(of_chargers.as_slice(), [(path, Kind::Class(_))] if path == "/v1/operator/sites"));
        assert_eq!(besides("telair", "light", "GET", "/light/x"), []);
    }

    #[test]
    fn a_set_of_values_is_changed_in_each_way() {
        let policy = policy::find("tellus").unwrap();
        let own = Own { policy: &policy, class: ClassId(3), method: "WS", path: "/stream?x=1&devices=a,b" };
        let paths: Vec<String> = own.changed_sets().into_iter().map(|beside| beside.path).collect();
        assert_eq!(paths, ["b,a", "a,b,a", "a"].map(|set| format!("/stream?x=1&devices={set}")));
        assert_eq!(Own { path: "/stream?devices=a", ..own }.changed_sets(), []);
    }

    #[test]
    fn a_request_is_known_by_what_the_documents_say_of_it() {
        let policy = policy::find("tellus").unwrap();
        let class = policy.class_named("queries").unwrap();
        let own = Own { policy: &policy, class, method: "GET", path: "/v1/operator/sites" };
        let kind = |method: &str, path: &str| own.beside(method, path).kind;
        assert_eq!(kind("GET", "/v1/operator/sites?size=0"), Kind::Otherwise);
        assert_eq!(kind("GET", "/v1/operator/commands/c"), Kind::Unplaced);
        assert_eq!(kind("WS", "/v1/operator/stream?devices=a"), Kind::Class(policy.class_named("stream").unwrap()));
        assert_eq!(kind("GET", "/v1/operator/charging-records"), Kind::Endpoint);
    }
}
