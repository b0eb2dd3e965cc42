//! Who a device is to the provider: the values from which scope keys are made.

use super::fleet::DeviceId;
use super::operation::{Detail, OperationId};
use crate::policy::model::Scope;

/// The budget that a request draws on, within one limit: equal keys share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey(pub u64);

/// Every device's value in every dimension that a scope may name (`client_id`, `device_id`, …).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identities {
    dimensions: Vec<String>,
    /// Row by row: one value per dimension for each device.
    values: Vec<u32>,
}

/// A scope made ready for [`Identities::key`]: where each of its parts is found.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRule(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Dimension(usize),
    /// The endpoint that the request is for.
    Endpoint,
    /// No dimension of the sender: the resource that the request names.
    Resource,
}

/// Who asks for what, as far as budgets tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    pub device: DeviceId,
    pub operation: OperationId,
    pub detail: Detail,
}

impl Identities {
    pub fn new(dimensions: Vec<String>) -> Self {
        Identities { dimensions, values: Vec::new() }
    }

    pub fn dimensions(&self) -> &[String] {
        &self.dimensions
    }

    /// Adds the next device; `row` has one value per dimension.
    pub fn push(&mut self, row: &[u32]) {
        assert_eq!(row.len(), self.dimensions.len(), "one value per dimension");
        self.values.extend_from_slice(row);
    }

    pub fn value(&self, device: DeviceId, dimension: usize) -> u32 {
        self.values[device.0 as usize * self.dimensions.len() + dimension]
    }

    /// A device's value in a dimension given by name.
    pub fn named(&self, device: DeviceId, dimension: &str) -> Option<u32> {
        let index = self.dimensions.iter().position(|name| name == dimension)?;
        Some(self.value(device, index))
    }

    /// The dimensions in which all devices have one value.
    pub fn common(&self) -> Vec<String> {
        let width = self.dimensions.len();
        let is_common = |index: &usize| {
            let mut values = self.values.iter().skip(*index).step_by(width.max(1));
            values.next().is_some_and(|first| values.all(|value| value == first))
        };
        (0..width).filter(is_common).map(|index| self.dimensions[index].clone()).collect()
    }

    pub fn rule(&self, scope: &Scope) -> KeyRule {
        let part = |name: &String| match self.dimensions.iter().position(|dimension| dimension == name) {
            Some(index) => Part::Dimension(index),
            None if name == "endpoint" => Part::Endpoint,
            None => Part::Resource,
        };
        KeyRule(scope.0.iter().map(part).collect())
    }

    /// The key of a request under a rule, which is for an endpoint ([`super::Operation::endpoint`]). Up to two parts are kept
    /// exactly; more are mixed.
    pub fn key(&self, rule: &KeyRule, device: DeviceId, endpoint: u32, detail: Detail) -> ScopeKey {
        let value = |part: &Part| match part {
            Part::Dimension(index) => self.value(device, *index),
            Part::Endpoint => endpoint,
            Part::Resource => detail.resource(),
        };
        let mix = |key: u64, part: &Part| key.rotate_left(32) ^ u64::from(value(part));
        match rule.0.as_slice() {
            parts @ ([] | [_] | [_, _]) => ScopeKey(parts.iter().fold(0, mix)),
            parts => ScopeKey(parts.iter().fold(0, |key, part| mix(key, part).wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_share_a_client_share_its_key_and_no_other() {
        let mut identities = Identities::new(vec!["client_id".into(), "device_id".into()]);
        for row in [[1, 10], [1, 11], [2, 12]] {
            identities.push(&row);
        }
        let key = |scope: &[&str], device| {
            let scope = Scope(scope.iter().map(|name| (*name).to_owned()).collect());
            identities.key(&identities.rule(&scope), DeviceId(device), 7, Detail::Resource(5))
        };
        assert_eq!(key(&["client_id"], 0), key(&["client_id"], 1));
        assert_ne!(key(&["client_id"], 0), key(&["client_id"], 2));
        assert_ne!(key(&["device_id"], 0), key(&["device_id"], 1));
        assert_ne!(key(&["client_id", "device_id"], 0), key(&["client_id", "device_id"], 1));
        assert_eq!(key(&["client_id", "device_set"], 0), key(&["client_id", "device_set"], 1));
        let rule = identities.rule(&Scope(vec!["client_id".into(), "endpoint".into()]));
        let at = |endpoint, detail| identities.key(&rule, DeviceId(0), endpoint, detail);
        assert_ne!(at(1, Detail::None), at(2, Detail::None));
        assert_eq!(at(1, Detail::None), at(1, Detail::Resource(5)));
    }
}
