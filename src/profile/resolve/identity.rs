//! Who each device is to the provider.

use std::collections::HashMap;

use indexmap::IndexSet;

use crate::policy::model::Policy;
use crate::scenario::client::{ClientSpec, Pool, Values};
use crate::scenario::fleet::{Group, GroupKind};
use crate::scenario::identity::Identities;

/// Always known, whether the policy asks for them or not: reports use them.
pub(super) const OWN_DIMENSIONS: [&str; 2] = ["client_id", "device_id"];

/// The number by which a value is known in quota keys: for each name, equal texts have one, counted from 1. 0 is none.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, IndexSet<String>>);

impl Keys {
    pub fn number(&mut self, name: &str, text: impl Into<String>) -> u32 {
        let texts = match self.0.get_mut(name) {
            Some(texts) => texts,
            None => self.0.entry(name.to_owned()).or_default(),
        };
        texts.insert_full(text.into()).0 as u32 + 1
    }
}

/// What each request names anew, and the set of devices, is no dimension here.
pub(super) fn identities(policy: &Policy, groups: &[Group], keys: &mut Keys) -> Identities {
    let dimensions = dimensions(policy, groups);
    let mut identities = Identities::new(dimensions.clone());
    for group in groups {
        for index in 0..group.count {
            let row: Vec<u32> = dimensions.iter().map(|name| value(group, index, name, keys)).collect();
            identities.push(&row);
        }
    }
    identities
}

fn value(group: &Group, index: u32, name: &str, keys: &mut Keys) -> u32 {
    match (&group.kind, name) {
        (GroupKind::Chargers(_), "device_id") => keys.number(name, format!("charger {}-{index}", group.name)),
        (GroupKind::Operators(spec), "client_id") => keys.number(name, spec.client_id(&group.name, index)),
        (GroupKind::Clients(spec), _) => scripted_value(spec, name, &group.name, index, keys),
        (_, name) => unsaid(name),
    }
}

/// A scripted client's value in a dimension.
fn scripted_value(spec: &ClientSpec, name: &str, group: &str, index: u32, keys: &mut Keys) -> u32 {
    let known = spec.identity.iter().find(|value| value.name == name);
    match known.map(|value| &value.values) {
        Some(Values::Own) => keys.number(name, format!("{group}-{index}")),
        Some(Values::Shared) => keys.number(name, group),
        Some(Values::Dealt(Pool::Numbered(count))) => keys.number(name, (index % count + 1).to_string()),
        Some(Values::Dealt(Pool::Listed(list))) => keys.number(name, &*list[index as usize % list.len()]),
        Some(Values::Drawn(_)) | None => unsaid(name),
    }
}

/// Of what nothing is said there is one for the whole run, such as one address; but what is not a client's is nobody's.
fn unsaid(name: &str) -> u32 {
    if OWN_DIMENSIONS.contains(&name) { 0 } else { 1 }
}

fn dimensions(policy: &Policy, groups: &[Group]) -> Vec<String> {
    let mut dimensions: Vec<String> = OWN_DIMENSIONS.map(str::to_owned).into();
    let limits = policy.classes.iter().flat_map(|class| &class.limits);
    for name in limits.flat_map(|limit| &limit.scope().0) {
        if name != "device_set" && !dimensions.contains(name) {
            dimensions.push(name.clone());
        }
    }
    dimensions.retain(|name| !is_drawn(groups, name));
    dimensions
}

/// Whether it is each request that names a value, not its sender.
fn is_drawn(groups: &[Group], name: &str) -> bool {
    let values = groups.iter().flat_map(|group| match &group.kind {
        GroupKind::Clients(spec) => spec.identity.as_slice(),
        GroupKind::Chargers(_) | GroupKind::Operators(_) => &[],
    });
    values.into_iter().any(|value| value.name == name && matches!(value.values, Values::Drawn(_)))
}

#[cfg(test)]
mod tests {
    use crate::scenario::DeviceId;
    use crate::yaml::Source;

    #[test]
    fn numbers_go_on_over_groups_and_one_account_covers_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let policy = "name: p\nclasses: {a: {requests: [GET /v1/operator/sites], limits: [{allow: 1, per: 1s, scope: [account, device_set]}]}}";
        std::fs::write(folder.path().join("p.yaml"), policy).unwrap();
        let profile = "name: x\npolicy: p.yaml\nfleet:\n  a: {operators: {count: 2, credentials: shared}}\n  \
                       b: {chargers: {count: 2}}\n  c: {operators: {count: 2}}\n  d: {chargers: {count: 1}}";
        let path = folder.path().join("x.yaml");
        std::fs::write(&path, profile).unwrap();
        let scenario = crate::profile::load_source(&Source::read(&path).unwrap()).unwrap();
        let identities = &scenario.identities;
        assert_eq!(identities.dimensions(), ["client_id", "device_id", "account"]);
        let rows: Vec<[u32; 3]> =
            (0..7).map(|device| [0, 1, 2].map(|dimension| identities.value(DeviceId(device), dimension))).collect();
        assert_eq!(rows, [[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 2, 1], [2, 0, 1], [3, 0, 1], [0, 3, 1]]);
    }
}
