//! A server for any policy: it knows nothing of an API but what its quotas cover.
//!
//! **What is served.** Every request. One that fits a pattern of the policy is limited by the pattern's class; where a class
//! is learned from answers alone, its requests are those under a made-up path, `/<class, in lower case>/…`. All else is
//! answered too, unlimited and without quota headers: a policy says what is limited, not what exists.
//!
//! **Who is asking.** The name in a token of this server; any other `Authorization` (of Basic, the user alone) or API key, in
//! a header or as `api_key`, `apikey` or `access_token` in the query; the `client_id` of a token request; else the address. Secrets
//! are not checked.
//!
//! **Whose budget.** `address` is the address, `endpoint` the pattern. Of any other scope the request says the value: in a
//! parameter of the pattern's path that is called so, in a header (`X-Account` for `account`, `X-Device-Id` for
//! `device_id`) or in a query parameter of that name; where it says none, the caller is taken for it. A scope of which a
//! fleet has one value in all has one here too (`ServerSpec::common`). [`check`] finds out whether that is
//! how a profile means it.
//!
//! **Quotas.** Order: overload, quota, token, answer; so a request with an ended token is counted like any other. Each limited
//! answer carries the quota headers that the policy documents, the request itself already counted. A hint is given wherever
//! a limit knows its time, unless the policy says that there never is one; where the policy promises one with every refusal, one
//! for want of a place says how long an answer takes, a second at least.
//!
//! **Answers** are `{"meta":{},"data":{},"link":{}}`, with what was asked for:
//! - `POST …/token`: an access token for the `client_id` of its form, its JSON object or its Basic header; ended ones are
//!   answered 401. Nothing asks for a token that a client does not send.
//! - Any other `POST`: `data` holds the `id` of what was made and its `status`, `pending`. A request whose path ends in such
//!   an id is told `pending` for two seconds, then `done`.
//! - `?page=N&size=M` (`size` 1 to 100, 50 when left out), or `?cursor=C` (empty for the beginning): that part of a list of
//!   250 in `data`; `/meta/total` is its length, `/link/next` and the header `Link` have the next page's address and
//!   `/meta/next_cursor` has its cursor, all absent on the last page. A page after the last is empty.
//! - `?status=400` to `599`: that status. `?cost=N`: the cost that the answer tells, where the policy has answers tell one; else
//!   what was set aside.
//! - `?wait=N`: the answer after N seconds, 60 at most; else after `ServerSpec::answers_after`. Refusals never wait.
//!
//! **Streams.** Every handshake that the quota allows is accepted; a frame comes every second.
//!
//! **Bounds.** 1,024 streams and 16,384 answers held back; beyond them the server is overloaded. Nothing else is kept but
//! quotas.

mod agreement;
mod asked;
mod body;
mod caller;
mod held;
mod platform;
mod quota;
#[cfg(test)]
mod tests;

pub use agreement::check;
pub use platform::{FRAMES_EVERY, Generic};
pub use quota::{class_of, usual_hint};
