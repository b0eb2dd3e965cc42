//! Operations: the requests that the fleet can make, each with the class the policy puts it in.

use crate::policy::matching;
use crate::policy::model::{ClassId, Policy};

/// Index of an operation in [`Operations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u16);

/// One kind of request.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// `WS` for a WebSocket handshake.
    pub method: String,
    /// The path's template, such as `/v1/operator/devices/{device_id}`.
    pub path: String,
    /// None where the policy puts it in no class.
    pub class: Option<ClassId>,
    /// Numbers the endpoints, as scopes tell them apart ([`RequestPattern::endpoint`]).
    ///
    /// [`RequestPattern::endpoint`]: crate::policy::matching::RequestPattern::endpoint
    pub endpoint: u32,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// All operations of a scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operations(Vec<Operation>);

impl Operations {
    /// Classifies each (method, path template) by the policy.
    pub fn classified<'a>(policy: &Policy, requests: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut operations = Operations::default();
        let mut endpoints: Vec<String> = Vec::new();
        for (method, path) in requests {
            let found = matching::find(&policy.classes, method, path);
            let endpoint = found.map_or_else(|| format!("{method} {path}"), |(_, pattern)| pattern.endpoint(path));
            let number = endpoints.iter().position(|known| *known == endpoint).unwrap_or_else(|| {
                endpoints.push(endpoint);
                endpoints.len() - 1
            });
            operations.0.push(Operation {
                method: method.to_owned(),
                path: path.to_owned(),
                class: found.map(|(class, _)| class),
                endpoint: number as u32,
            });
        }
        operations
    }

    pub fn get(&self, id: OperationId) -> &Operation {
        &self.0[usize::from(id.0)]
    }

    /// Sets the class that answers have told.
    pub fn classify(&mut self, id: OperationId, class: Option<ClassId>) {
        self.0[usize::from(id.0)].class = class;
    }

    /// Takes over the classes that are known there and not here.
    pub fn learn(&mut self, other: &Operations) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.class = mine.class.or(theirs.class);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (OperationId, &Operation)> {
        self.0.iter().enumerate().map(|(index, operation)| (OperationId(index as u16), operation))
    }
}

/// What about a request matters to quotas and checks besides its operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    #[default]
    None,
    /// The resource it names: a device, a set of devices, a connector.
    Resource(u32),
    Page {
        number: u32,
        size: u32,
        time_filter: bool,
    },
}

impl Detail {
    /// The resource's number, 0 without one.
    pub fn resource(self) -> u32 {
        match self {
            Detail::Resource(resource) => resource,
            Detail::None | Detail::Page { .. } => 0,
        }
    }
}
