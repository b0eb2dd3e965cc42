//! An operator client's requests as HTTP, and what their answers say.

use std::fmt::Write;

use serde::Deserialize;

use super::ask::{LOOK_BACK, What};
use super::machine::{Operator, OwnToken};
use crate::device::wire::{self, Iso, Part, body};
use crate::device::{Body, HttpRequest, Request};
use crate::tellus::TellusOp;
use crate::time::Anchor;

impl Operator {
    pub(super) fn write_request(&self, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        let Some(errand) = self.errands.iter().find(|errand| errand.call.flow == request.flow) else { return };
        let token = match (&errand.what, &errand.own_token) {
            (What::Token, _) => None,
            (_, OwnToken::Ready { token, .. }) => Some(&**token),
            _ => self.token.token(),
        };
        wire::begin(http, errand.what.operation(), token);
        self.write_what(&errand.what, anchor, http);
    }

    fn write_what(&self, what: &What, anchor: Anchor, http: &mut HttpRequest) {
        let path = &mut http.path;
        // Writing to a String cannot fail.
        let written = match what {
            What::Token => {
                let client_id = self.plan.spec.client_id(&self.plan.group, self.index);
                let secret = self.plan.spec.client_secret(&self.plan.group, self.index);
                wire::credentials(http, ("client_id", &client_id), ("client_secret", &secret));
                Ok(())
            }
            What::Sites { page, size } => write!(path, "?page={page}&size={size}"),
            What::Records { page, size, span } => {
                let written = write!(path, "?page={page}&size={size}");
                match span {
                    None => written,
                    Some(span) => {
                        let (anchor_of_start, start) = match span.since {
                            Some(since) => (anchor, since),
                            None => (earlier(anchor), span.until),
                        };
                        let (start, end) = (Iso(anchor_of_start, start), Iso(anchor, span.until));
                        write!(path, "&start_time={start}&end_time={end}")
                    }
                }
            }
            What::Energy { until } => {
                let (start, end) = (Iso(earlier(anchor), *until), Iso(anchor, *until));
                write!(path, "?granularity=hour&start_time={start}&end_time={end}")
            }
            What::Device { device } => {
                *path = path.replace("{device_id}", &self.device_id(*device));
                Ok(())
            }
            What::Start(place) | What::Stop(place) => {
                *path = path
                    .replace("{device_id}", &self.device_id(place.device))
                    .replace("{connector_id}", &place.connector.to_string());
                if matches!(what, What::Stop(_)) {
                    body(http, format_args!(r#"{{"reason":"user_request"}}"#));
                }
                Ok(())
            }
            What::Command { command_id, .. } => {
                *path = path.replace("{command_id}", &Part(command_id).to_string());
                Ok(())
            }
            What::Flexibility => {
                body(
                    http,
                    format_args!(
                        r#"{{"target_type":"all","command":"set_power_limit","params":{{"power_limit_percent":80,"duration":900,"reason":"load_test"}}}}"#
                    ),
                );
                Ok(())
            }
            What::Stream { first, devices, .. } => {
                path.push_str("?devices=");
                for device in *first..first + devices {
                    if device > *first {
                        path.push(',');
                    }
                    path.push_str(&self.device_id(device));
                }
                Ok(())
            }
        };
        debug_assert!(written.is_ok());
    }

    /// A charger's id as agreed with the reference server: made from its serial number, ready for a path.
    fn device_id(&self, device: u32) -> String {
        let groups = &self.plan.groups;
        let group = &groups[groups.partition_point(|group| group.first <= device).saturating_sub(1)];
        format!("dvc_{}-{}", Part(&group.serial_prefix), device - group.first)
    }
}

/// The anchor a day earlier: for moments before the run.
fn earlier(anchor: Anchor) -> Anchor {
    Anchor { unix_nanos: anchor.unix_nanos.saturating_sub(LOOK_BACK.0) }
}

/// What the body of a served answer says to a client; None where it is not as documented.
pub fn read_body(operation: TellusOp, body: &[u8]) -> Option<Body> {
    #[derive(Deserialize)]
    struct Page {
        total: u32,
        items: Vec<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Queued {
        command_id: Box<str>,
    }
    #[derive(Deserialize)]
    struct State {
        status: Box<str>,
    }
    match operation {
        TellusOp::OperatorToken => wire::token(body),
        TellusOp::Sites | TellusOp::Records => wire::data(body)
            .map(|Page { total, items }| Body::Page { rows: u32::try_from(items.len()).unwrap_or(u32::MAX), total }),
        TellusOp::Start | TellusOp::Stop => {
            wire::data(body).map(|Queued { command_id }| Body::CommandQueued { command_id })
        }
        TellusOp::Command => {
            let done = |state: State| matches!(&*state.status, "completed" | "failed");
            wire::data(body).map(|state| Body::CommandState { done: done(state) })
        }
        // A handshake has no body.
        TellusOp::Stream => Some(Body::None),
        _ => wire::success(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_documented_and_nothing_else_is() {
        let enveloped = |data: &str| format!(r#"{{"code":0,"message":"any","data":{data}}}"#);
        let read = |op, data: &str| read_body(op, enveloped(data).as_bytes());
        let page = r#"{"total":50,"page":1,"size":20,"items":[{},{}]}"#;
        assert_eq!(read(TellusOp::Sites, page), Some(Body::Page { rows: 2, total: 50 }));
        assert_eq!(read(TellusOp::Records, page), Some(Body::Page { rows: 2, total: 50 }));
        let queued = r#"{"command_id":"cmd_1","status":"queued"}"#;
        assert_eq!(read(TellusOp::Start, queued), Some(Body::CommandQueued { command_id: "cmd_1".into() }));
        for (status, done) in [("queued", false), ("accepted", false), ("completed", true), ("failed", true)] {
            let state = format!(r#"{{"command_id":"c","status":"{status}"}}"#);
            assert_eq!(read(TellusOp::Command, &state), Some(Body::CommandState { done }));
        }
        for op in TellusOp::ALL {
            // A handshake has no body to judge.
            let nothing = (op == TellusOp::Stream).then_some(Body::None);
            assert_eq!(read_body(op, b"\xff\x00{"), nothing);
        }
        for op in [TellusOp::Sites, TellusOp::Start, TellusOp::Command, TellusOp::OperatorToken] {
            assert_eq!(read(op, "null"), None);
        }
        for op in [TellusOp::Energy, TellusOp::Flexibility] {
            assert_eq!(read(op, "null"), Some(Body::None));
        }
    }
}
