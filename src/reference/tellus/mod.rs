//! The Tellus Open Platform API v1.3 as a pure state machine: the operator and the charger surface, 21 operations in all.
//!
//! Answers are enveloped, except those of the two token endpoints and the stream's frames. Where the documents are
//! silent, this server chooses:
//!
//! **Who is known.** Any `client_id` with the secret `secret-<client_id>`; one that ends in `-readonly` has the scope
//! `read` alone. Every client sees every charger. A charger registers itself once: its id is `dvc_<sn>`, its secret never
//! changes and never ends. Chargers `<group>-<n>` stand twenty to a site. The two surfaces' tokens are not interchangeable (2001).
//!
//! **Quotas.** Order: overload, authentication, scope, quota, then the request's own fields; so a request without a valid
//! token or scope uses no quota, and one with a wrong field does. Counted on arrival; refused requests do not count. A class
//! is one budget over all its operations. Aligned windows begin with the server. Token requests with the right secret count for whom they name, others for their
//! address. What no class names is unlimited. A stream's device set is the same in any order and with repetitions; a second
//! connection is refused at the handshake. Overload is answered with code 9001.
//!
//! **Fields.** `null` counts as missing (1002); empty strings, other forms and values out of range are 1001 (also `size`
//! beyond 100); unknown fields are ignored; pages past the end are empty. Connectors are numbered 1 to 32. HMAC signatures
//! are not checked. Unknown operations and the legacy surface are 3001, malformed JSON is 1001.
//!
//! **Chargers.** Offline 90 s after the last heartbeat, or when it says so; then its connectors show `unavailable`. A
//! connector is known once it was named (the first from the beginning). Of telemetry the newest timestamp counts; `stop` and
//! `plug_out` events end a session, `fault` shows at once. A site is active while one of its chargers is online.
//!
//! **Commands.** Handed out once, with a heartbeat or a poll for their connector, whichever comes first; again after 60 s
//! without a word from the charger; failed after 300 s. They are `queued` until the charger speaks; `rejected` is `failed`.
//! The first final word stays. At most 16 wait for a charger (then 4001). A second poll for a connector ends the first. Group
//! controls reach each charger as `set_power_limit`, `pause_charging` as a limit of 0 %; a schedule as `set_schedule`.
//!
//! **Records.** In the order of arrival; the time filter looks at `end_time`, begin included, end not; a repeated
//! `record_id` of a charger changes nothing. Energy counts where a session ends, as discharged when energy or cost is
//! negative; `group_by` changes nothing, since the documented series has no group key.
//!
//! **Stream.** Unknown devices are allowed and have no frames; a frame for each device with an active connector, the first
//! at once; it outlives its token.
//!
//! **Bounds.** 100,000 chargers, 50,000 records and 65,536 commands (the oldest make room), 1,024 streams, 1,000 ids in a
//! list, one held poll per connector, 2 KiB for a schedule or a report's details, 1 KiB for a text, 64 bytes for an `sn`.
//! Tokens are not stored.

mod admission;
mod answer;
mod bearer;
mod charger;
mod commands;
mod fields;
mod fleet;
mod operator;
mod platform;
mod polls;
mod records;
mod route;
mod state;
mod views;

pub use fleet::CHARGERS_PER_SITE;
pub use fleet::OFFLINE_AFTER;
pub use platform::{FRAMES_EVERY, Tellus};
#[cfg(test)]
mod tests;

use crate::policy::matching::RequestPattern;
use crate::policy::model::Policy;
use crate::tellus::TellusOp;

/// Whether a policy limits operations of this API by their own paths.
pub fn is_meant_by(policy: &Policy) -> bool {
    let own = |pattern: &RequestPattern| {
        TellusOp::ALL.iter().any(|op| pattern.to_string() == format!("{} {}", op.method(), op.path()))
    };
    policy.classes.iter().flat_map(|class| &class.requests).any(own)
}
