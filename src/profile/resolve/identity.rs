//! Who each device is to the provider.

use indexmap::IndexSet;

use crate::policy::model::{Limit, Policy, Scope};
use crate::scenario::fleet::{Group, GroupKind};
use crate::scenario::identity::Identities;

/// Always known, whether the policy asks for them or not: reports use them.
const OWN_DIMENSIONS: [&str; 2] = ["client_id", "device_id"];

/// Values are numbered from 1; 0 is none. The set of devices is named by each request, so it is no dimension here.
pub(super) fn identities(policy: &Policy, groups: &[Group]) -> Identities {
    let dimensions = dimensions(policy);
    let mut identities = Identities::new(dimensions.clone());
    let mut clients: IndexSet<String> = IndexSet::new();
    let mut devices = 0;
    for group in groups {
        for index in 0..group.count {
            let (mut client, mut device) = (0, 0);
            match &group.kind {
                GroupKind::Chargers(_) => {
                    devices += 1;
                    device = devices;
                }
                GroupKind::Operators(spec) => {
                    client = clients.insert_full(spec.client_id(&group.name, index)).0 as u32 + 1;
                }
            }
            let value = |dimension: &String| match dimension.as_str() {
                "client_id" => client,
                "device_id" => device,
                // One account and one address for the whole run.
                _ => 1,
            };
            identities.push(&dimensions.iter().map(value).collect::<Vec<_>>());
        }
    }
    identities
}

fn dimensions(policy: &Policy) -> Vec<String> {
    let mut dimensions: Vec<String> = OWN_DIMENSIONS.map(str::to_owned).into();
    let limits = policy.classes.iter().flat_map(|class| &class.limits);
    for name in limits.map(Limit::scope).flat_map(|Scope(names)| names) {
        if name != "device_set" && !dimensions.contains(name) {
            dimensions.push(name.clone());
        }
    }
    dimensions
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
