//! A profile as a document whose fields can be changed before it is resolved: what a sweep, or a fleet of another size, is
//! made of. Every variant goes through the same checks as if it had been written so.

use indexmap::IndexMap;

use super::load_source;
use crate::scenario::Scenario;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Node, Source, parse, suggest};

/// The part of a profile whose keys are names that it makes up itself.
const NAMES: &str = "fleet";

/// So many chargers fit into the request of one stream, however long their names are.
const STREAMED_TOGETHER: u32 = 150;

/// A profile's document.
#[derive(Clone, Debug)]
pub struct Draft {
    source: Source,
    document: Node,
}

impl Draft {
    /// Reads a profile that resolves as it stands.
    ///
    /// # Errors
    /// What is wrong with it, at its place.
    pub fn new(source: &Source) -> Result<Self, Diagnosis> {
        load_source(source)?;
        Ok(Draft { source: source.clone(), document: parse(source)? })
    }

    /// What stands at a path now; None where the profile leaves it out.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let mut value = &self.document;
        let segments = segments(path);
        let mut rest = segments.as_slice();
        while !rest.is_empty() {
            let taken = match value {
                Node::Map(fields) => key_length(fields, rest),
                _ => 1,
            };
            let key = rest[..taken].join(".");
            value = match value {
                Node::Map(fields) => fields.get(&key)?,
                Node::List(entries) => entries.get(key.parse::<usize>().ok()?)?,
                _ => return None,
            };
            rest = &rest[taken..];
        }
        Some(value)
    }

    /// Sets a number or quantity by its path: keys with dots between them, entries of lists by their number from 0, such as
    /// `fleet.depot.chargers.count` or `fleet.dashboard.operators.asks.0.every`. A field that the profile leaves out is
    /// added.
    ///
    /// # Errors
    /// There is no such place, or it holds something else than one number.
    pub fn set(&mut self, path: &str, value: Node) -> Result<(), Diagnosis> {
        let segments = segments(path);
        let slot = slot(&mut self.document, path, &segments)?;
        match slot {
            Node::Map(fields) if !fields.is_empty() => {
                let names = fields.keys().map(String::as_str);
                return Err(Diagnosis::new(format!("`{}` is a mapping, not one number", shown(path)))
                    .help(format!("name one of its fields: {}", listed(names))));
            }
            Node::List(entries) => {
                return Err(Diagnosis::new(format!("`{}` is a list, not one number", shown(path)))
                    .help(format!("name a field of one of its {} entries, counted from 0", entries.len())));
            }
            Node::Text(text) if !text.trim_start_matches('p').starts_with(|c: char| c.is_ascii_digit()) => {
                return Err(Diagnosis::new(format!("`{}` is `{}`, no number", shown(path), shown(text)))
                    .help("name a field that holds a number or a quantity such as `30s`"));
            }
            Node::Flag(_) => {
                return Err(Diagnosis::new(format!("`{}` is true or false, no number", shown(path)))
                    .help("name a field that holds a number or a quantity such as `30s`"));
            }
            Node::Null | Node::Number(_) | Node::Text(_) | Node::Map(_) => *slot = value,
        }
        Ok(())
    }

    /// How many devices a group has; None without such a group.
    pub fn count(&self, group: &str) -> Option<u64> {
        let Node::Map(kinds) = self.document.get(NAMES)?.get(group)? else { return None };
        kinds.values().next()?.get("count")?.as_count()
    }

    /// Gives a group another number of devices. What other groups ask of so many of them is cut down to as many as there
    /// are, and so is what a growing group begins with; a stream that no request could name is spread.
    ///
    /// # Errors
    /// There is no such group.
    pub fn resize(&mut self, group: &str, count: u32) -> Result<(), Diagnosis> {
        let today = self.count(group).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX));
        let Some(groups) = self.document.as_map_mut().and_then(|fields| fields.get_mut(NAMES)?.as_map_mut()) else {
            return Err(Diagnosis::new("the profile has no fleet"));
        };
        let Some(kinds) = groups.get_mut(group).and_then(Node::as_map_mut) else {
            return Err(no_such_group(group, groups.keys().map(String::as_str)));
        };
        for fields in kinds.values_mut().filter_map(Node::as_map_mut) {
            fields.insert("count".to_owned(), count.into());
            let growth = fields.get_mut("start").and_then(|start| start.as_map_mut()?.get_mut("growth")?.as_map_mut());
            growth.into_iter().for_each(|growth| cut_down(growth, "from", count));
        }
        for ask in groups.values_mut().flat_map(asks) {
            let meant = ["of", "stream"].iter().any(|key| ask.get(*key).and_then(Node::as_text) == Some(group));
            if meant {
                cut_down(ask, "devices", count);
            }
            if meant && ask.contains_key("stream") && !ask.contains_key("per_connection") {
                ask.insert("per_connection".to_owned(), today.max(STREAMED_TOGETHER).into());
            }
        }
        Ok(())
    }

    /// The scenario that this document describes, under the hash of the profile that it was made from.
    ///
    /// # Errors
    /// What a profile that were written so is refused for; its places are not the file's, so none is shown.
    pub fn resolve(&self) -> Result<Scenario, Diagnosis> {
        let text = self.document.to_json();
        match load_source(&self.source.replaced(&text)) {
            Ok(scenario) => Ok(Scenario { profile_hash: self.source.hash(), ..scenario }),
            Err(refused) => {
                let plain = Diagnosis::new(refused.title());
                Err(refused.advice().iter().fold(plain, |plain, help| plain.help(help)))
            }
        }
    }
}

fn cut_down(fields: &mut IndexMap<String, Node>, key: &str, most: u32) {
    if fields.get(key).and_then(Node::as_count).is_some_and(|count| count > most.into()) {
        fields.insert(key.to_owned(), most.into());
    }
}

/// `asks[0].every` and `asks.0.every` are the same.
fn segments(path: &str) -> Vec<String> {
    let dotted = path.replace('[', ".").replace(']', "");
    dotted.split('.').map(|segment| segment.trim().to_owned()).collect()
}

/// How many segments make up the next key: names may have dots in them.
fn key_length(fields: &IndexMap<String, Node>, rest: &[String]) -> usize {
    (1..=rest.len()).find(|&length| fields.contains_key(&rest[..length].join("."))).unwrap_or(1)
}

/// The place of a path, made where the profile leaves it out.
fn slot<'v>(root: &'v mut Node, path: &str, segments: &[String]) -> Result<&'v mut Node, Diagnosis> {
    let (mut value, mut rest) = (root, segments);
    while let Some(first) = rest.first() {
        if first.is_empty() {
            return Err(Diagnosis::new(format!("`{}` is no path in a profile", shown(path)))
                .help("write keys with dots between them, such as `fleet.depot.chargers.count`"));
        }
        // A bare word is short for a mapping with all defaults.
        if value.as_text() == Some(first.as_str()) || *value == Node::Null {
            *value = Node::Map(IndexMap::new());
        }
        let is_names = segments.len() - rest.len() == 1 && segments[0] == NAMES;
        let so_far = segments[..segments.len() - rest.len()].join(".");
        let mut taken = 1;
        value = match value {
            Node::Map(fields) => {
                taken = key_length(fields, rest);
                let key = rest[..taken].join(".");
                if is_names && !fields.contains_key(&key) {
                    return Err(no_such_group(&key, fields.keys().map(String::as_str)));
                }
                fields.entry(key).or_insert(Node::Null)
            }
            Node::List(entries) => {
                let known = entries.len();
                let entry = first.parse::<usize>().ok().and_then(|index| entries.get_mut(index));
                entry.ok_or_else(|| {
                    Diagnosis::new(format!("`{}` has no entry `{}`", shown(&so_far), shown(first)))
                        .help(format!("it has {known}, counted from 0"))
                })?
            }
            _ => {
                return Err(Diagnosis::new(format!("`{}` is one value, it has no `{}`", shown(&so_far), shown(first)))
                    .help(format!("name it as it is: `{}`", shown(&so_far))));
            }
        };
        rest = &rest[taken..];
    }
    Ok(value)
}

fn asks(group: &mut Node) -> impl Iterator<Item = &mut IndexMap<String, Node>> {
    let kinds = group.as_map_mut().into_iter().flat_map(|kinds| kinds.values_mut());
    let asks = kinds.filter_map(|kind| kind.as_map_mut()?.get_mut("asks")?.as_list_mut());
    asks.flatten().filter_map(Node::as_map_mut)
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

/// What is wrong with naming a group that the profile does not have.
pub fn no_such_group<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Diagnosis {
    Diagnosis::new(format!("no group is called `{}`", shown(name))).help(suggest::advice(name, known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;
    use crate::profile::load::builtin_source;
    use crate::scenario::fleet::Question;
    use crate::scenario::{GroupId, GroupKind};

    fn draft(name: &str) -> Draft {
        Draft::new(&builtin_source(name).unwrap()).unwrap()
    }

    /// What is said of a change that does not work out.
    fn refused(path: &str, value: Node) -> String {
        let mut draft = draft("tellus-polling-dashboard");
        draft.set(path, value).and_then(|()| draft.resolve()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_unchanged_draft_is_the_profile() {
        for name in profile::builtin_names() {
            let source = builtin_source(name).unwrap();
            let written = profile::load_source(&source).unwrap();
            let redrawn = Draft::new(&source).unwrap().resolve().unwrap();
            assert!(format!("{written:?}") == format!("{redrawn:?}"), "{name}");
        }
    }

    #[test]
    fn fields_are_set_by_path_whether_or_not_they_are_written() {
        let mut draft = draft("tellus-polling-dashboard");
        draft.set("fleet.dashboard.operators.asks[0].every", "10s".into()).unwrap();
        draft.set("fleet.depot.chargers.heartbeat.every", "60s".into()).unwrap();
        draft.set("network.loss", "1%".into()).unwrap();
        draft.set("duration", "90s".into()).unwrap();
        let words = format!("{:?}", draft.resolve().unwrap());
        let hash = builtin_source("tellus-polling-dashboard").unwrap().hash();
        for part in
            ["every: Nanos(10000000000)", "every: Nanos(60000000000)", "loss: 0.01", "Nanos(90000000000)", &hash]
        {
            assert!(words.contains(part), "{part}");
        }
    }

    #[test]
    fn a_smaller_group_is_asked_for_no_more_than_it_has() {
        let mut draft = draft("tellus-depot");
        assert_eq!((draft.count("depot"), draft.count("depto")), (Some(200), None));
        draft.resize("depot", 40).unwrap();
        assert_eq!(draft.resolve().unwrap().groups[0].count, 40);
        assert_eq!(draft.get("fleet.dashboard.operators.asks.5.devices"), Some(&40.into()));
        draft.resize("depot", 4_000).unwrap();
        assert_eq!(draft.resolve().unwrap().groups[0].count, 4_000);
    }

    #[test]
    fn another_size_changes_what_a_growing_group_begins_with_and_how_it_is_streamed() {
        let text = "name: x\npolicy: tellus\nduration: 1h\nfleet:\n  depot:\n    chargers: {count: 60, start: {growth: {from: 40, over: 1h}}}\n  \
                    app:\n    operators: {count: 1, asks: [{stream: depot}]}\n";
        let mut draft = Draft::new(&Source::built_in("x.yaml", text)).unwrap();
        draft.resize("depot", 30).unwrap();
        draft.resolve().unwrap();
        assert_eq!(draft.get("fleet.depot.chargers.start.growth.from"), Some(&30.into()));
        draft.resize("depot", 90_000).unwrap();
        let scenario = draft.resolve().unwrap();
        let GroupKind::Operators(app) = &scenario.groups[1].kind else { panic!("operators") };
        assert_eq!(app.asks[0].what, Question::Stream { group: GroupId(0), devices: 90_000, per_connection: 150 });
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_to_go() {
        let cases = [
            ("fleet.depto.chargers.count", "no group is called `depto`", "did you mean `depot`?"),
            ("fleet.depot.chargers.cuont", "unknown key `cuont`", "did you mean `count`?"),
            ("fleet.depot.chargers", "is a mapping, not one number", "`count`"),
            ("fleet.dashboard.operators.asks", "is a list, not one number", "counted from 0"),
            ("fleet.dashboard.operators.asks.3.every", "has no entry `3`", "it has 1, counted from 0"),
            ("policy", "`policy` is `tellus`, no number", "such as `30s`"),
            ("duration.seconds", "`duration` is one value, it has no `seconds`", "name it as it is"),
            ("fleet..count", "is no path in a profile", "fleet.depot.chargers.count"),
            ("fleet.depot.chargers.count", "out of range", "whole number"),
        ];
        for (path, title, help) in cases {
            let said = refused(path, 0.into());
            assert!(said.contains(title) && said.contains(help), "{path}: {said}");
        }
    }
}
