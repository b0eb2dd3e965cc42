//! Whose token it is: the two surfaces' tokens tell them apart.

use super::answer::{Code, Problem};
use crate::reference::tokens::BadToken;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// An operator client, by `client_id`.
    Operator(String),
    /// A charger, by `device_id`.
    Device(String),
}

impl Bearer {
    /// The name that its tokens are issued for.
    pub fn name(&self) -> String {
        match self {
            Bearer::Operator(client_id) => format!("o.{client_id}"),
            Bearer::Device(device_id) => format!("d.{device_id}"),
        }
    }

    /// The bearer that a verified token names. Errors: 2001 for what is no token of this server, 2002 for one whose time is
    /// over.
    pub fn of(verified: Result<String, BadToken>) -> Result<Bearer, Problem> {
        let name = verified.map_err(|bad| match bad {
            BadToken::Unknown => unauthenticated(),
            BadToken::Expired(_) => Problem::new(Code::TokenExpired, "Token expired"),
        })?;
        match name.split_once('.') {
            Some(("o", client_id)) => Ok(Bearer::Operator(client_id.to_owned())),
            Some(("d", device_id)) => Ok(Bearer::Device(device_id.to_owned())),
            _ => Err(unauthenticated()),
        }
    }
}

pub fn unauthenticated() -> Problem {
    Problem::new(Code::Unauthenticated, "unauthenticated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_known_again_by_its_name_and_an_ended_token_is_told_from_a_false_one() {
        for bearer in [Bearer::Operator("acme.eu".into()), Bearer::Device("dvc_1".into())] {
            assert_eq!(Bearer::of(Ok(bearer.name())), Ok(bearer));
        }
        let code = |verified| Bearer::of(verified).unwrap_err().code;
        assert_eq!(code(Err(BadToken::Unknown)), Code::Unauthenticated);
        assert_eq!(code(Err(BadToken::Expired("o.acme".into()))), Code::TokenExpired);
        assert_eq!(code(Ok("acme".into())), Code::Unauthenticated);
    }
}
