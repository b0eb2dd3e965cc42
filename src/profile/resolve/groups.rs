//! The groups of a profile by name, for everything that refers to one.

use indexmap::IndexMap;

use crate::profile::document::client::ClientsDocument;
use crate::profile::document::fleet::{ChargersDocument, GroupDocument};
use crate::scenario::GroupId;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::Name;
use crate::yaml::{Diagnosis, Located, Source, suggest};

/// More devices than this are refused: the memory of a run grows with them.
const MOST_DEVICES: u32 = 2_000_000;

pub(super) struct Groups<'a> {
    pub source: &'a Source,
    fleet: &'a IndexMap<Located<Name>, GroupDocument>,
}

impl<'a> Groups<'a> {
    pub fn new(
        source: &'a Source,
        fleet: &'a Located<IndexMap<Located<Name>, GroupDocument>>,
    ) -> Result<Self, Diagnosis> {
        if fleet.is_empty() {
            return Err(Diagnosis::at(source, fleet.place, "the fleet has no group")
                .help("add one, such as `depot: {chargers: {count: 10}}`"));
        }
        let total: u64 = fleet.values().map(|group| u64::from(count(group))).sum();
        if total > u64::from(MOST_DEVICES) {
            let title = format!("the fleet has {total} devices; at most {MOST_DEVICES} are allowed");
            return Err(Diagnosis::at(source, fleet.place, title).help("lower the `count` of its groups"));
        }
        Ok(Groups { source, fleet: &fleet.value })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a GroupDocument)> {
        self.fleet.iter().map(|(name, group)| (name.0.as_str(), group))
    }

    /// All groups of scripted clients.
    pub fn clients(&self) -> impl Iterator<Item = &'a ClientsDocument> {
        self.fleet.values().filter_map(|group| match group {
            GroupDocument::Clients(clients) => Some(&**clients),
            GroupDocument::Chargers(_) | GroupDocument::Operators(_) => None,
        })
    }

    /// A group of any kind.
    pub fn any(&self, name: &Located<Name>) -> Result<(GroupId, &'a GroupDocument), Diagnosis> {
        match self.fleet.get_full(name) {
            Some((index, _, group)) => Ok((GroupId(index as u16), group)),
            None => {
                let advice = suggest::advice(&name.0, self.fleet.keys().map(|name| name.0.as_str()));
                let title = format!("no group is called `{}`", shown(&name.0));
                Err(Diagnosis::at(self.source, name.place, title).help(advice))
            }
        }
    }

    /// A group of chargers.
    pub fn chargers(&self, name: &Located<Name>) -> Result<(GroupId, &'a ChargersDocument), Diagnosis> {
        match self.any(name)? {
            (id, GroupDocument::Chargers(chargers)) => Ok((id, chargers)),
            (_, other) => Err(self.wrong_kind(name, kind(other), "chargers")),
        }
    }

    /// A group of operators.
    pub fn operators(&self, name: &Located<Name>) -> Result<GroupId, Diagnosis> {
        match self.any(name)? {
            (id, GroupDocument::Operators(_)) => Ok(id),
            (_, other) => Err(self.wrong_kind(name, kind(other), "operators")),
        }
    }

    fn wrong_kind(&self, name: &Located<Name>, is: &str, needed: &str) -> Diagnosis {
        let fits = |group: &GroupDocument| kind(group) == needed;
        let fitting: Vec<String> =
            self.iter().filter(|(_, group)| fits(group)).map(|(name, _)| format!("`{name}`")).collect();
        let help = match fitting.as_slice() {
            [] => format!("this fleet has no group of {needed}"),
            names => format!("groups of {needed}: {}", names.join(", ")),
        };
        let title = format!("`{}` is a group of {is}; {needed} are needed here", name.0);
        Diagnosis::at(self.source, name.place, title).help(help)
    }
}

pub(super) fn count(group: &GroupDocument) -> u32 {
    match group {
        GroupDocument::Chargers(chargers) => chargers.count.0,
        GroupDocument::Operators(operators) => operators.count.0,
        GroupDocument::Clients(clients) => clients.count.0,
    }
}

/// What the devices of a group are called.
fn kind(group: &GroupDocument) -> &'static str {
    match group {
        GroupDocument::Chargers(_) => "chargers",
        GroupDocument::Operators(_) => "operators",
        GroupDocument::Clients(_) => "clients",
    }
}
