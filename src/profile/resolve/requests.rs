//! The requests that the fleet can make, numbered as they come up.

use crate::policy::model::Policy;
use crate::scenario::{OperationId, Operations};
use crate::tellus::TellusOp;

pub(super) struct Requests {
    /// Method and path template.
    all: Vec<(String, String)>,
    /// The first of them belong to the Tellus API; scripts have their own, even for the same paths.
    of_tellus: usize,
}

impl Requests {
    pub fn new(speaks_tellus: bool) -> Self {
        let tellus = TellusOp::ALL.iter().filter(|_| speaks_tellus).map(|op| op.request());
        let all: Vec<_> = tellus.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
        Requests { of_tellus: all.len(), all }
    }

    /// The number of a script's request.
    pub fn number(&mut self, method: &str, path: String) -> OperationId {
        let known = self.all[self.of_tellus..].iter().position(|(other, at)| other == method && *at == path);
        let index = known.map_or(self.all.len(), |known| self.of_tellus + known);
        if known.is_none() {
            self.all.push((method.to_owned(), path));
        }
        OperationId(index as u16)
    }

    pub fn classified(&self, policy: &Policy) -> Operations {
        Operations::classified(policy, self.all.iter().map(|(method, path)| (method.as_str(), path.as_str())))
    }
}
