//! From method and path to an operation.

use crate::tellus::TellusOp;

/// An operation and the parameters of its path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Route<'a> {
    pub op: TellusOp,
    /// In the order of the path; empty where it has fewer.
    pub parameters: [&'a str; 2],
}

/// None where the API has no such operation.
pub fn find<'a>(method: &str, path: &'a str) -> Option<Route<'a>> {
    TellusOp::ALL.into_iter().filter(|op| op.method() == method).find_map(|op| {
        let parameters = fit(op.path(), path)?;
        Some(Route { op, parameters })
    })
}

fn fit<'a>(template: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let mut parameters = [""; 2];
    let mut free = parameters.iter_mut();
    let mut given = path.split('/');
    for segment in template.split('/') {
        let text = given.next()?;
        if segment.starts_with('{') && !text.is_empty() {
            *free.next()? = text;
        } else if segment != text {
            return None;
        }
    }
    given.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for op in TellusOp::ALL {
            assert_eq!(find(op.method(), op.path()).map(|route| route.op), Some(op));
        }
    }

    #[test]
    fn parameters_come_in_order_and_must_not_be_empty() {
        let route = find("POST", "/v1/operator/devices/dvc_1/connectors/2/start").unwrap();
        assert_eq!((route.op, route.parameters), (TellusOp::Start, ["dvc_1", "2"]));
        assert_eq!(find("GET", "/v1/operator/devices/"), None);
        assert_eq!(find("GET", "/v1/operator/devices/dvc_1/connectors"), None);
        assert_eq!(find("DELETE", "/v1/operator/sites"), None);
        assert_eq!(find("POST", "/v1/cp/start_charging"), None);
    }
}
