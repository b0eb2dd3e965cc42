//! A policy that says everything the language can say.

use super::load;
use super::model::Policy;
use crate::yaml::Source;

pub const EVERYTHING: &str = r#"
name: everything
title: An API that has it all
source: https://example.com/limits
scopes: {installation: an app's installation, room: "a room: by its number"}
classes:
  reads:
    title: Reads
    requests: [GET /*, "GET /v1/vehicles/{vehicle_id}"]
    limits:
      - {allow: 5000, per: 1h, scope: user, free: [304, 5xx]}
      - {allow: 10, per: 1s, burst: 15, scope: user, algorithm: leaky_bucket}
      - {allow: 500, per: month, scope: [account, installation]}
      - {allow: 70, per: day, scope: endpoint, algorithm: fixed_aligned, counts_refused: yes}
  vehicle:
    requests: ["POST /v1/vehicles/{vehicle_id}", "GET /v1/vehicles/{vehicle_id}/charge"]
    overlaps: [reads]
    limits:
      - {allow: 2, per: 1m, burst: 120, scope: vehicle_id, algorithm: token_bucket, counts_refused: no}
      - {concurrent: 25, lasting: 20s, scope: [user, vehicle_id]}
      - {cooldown: [30s, 30s, 120s], after: [409, 5xx], scope: [user, vehicle_id]}
      - {allow: 10000, per: 10m, scope: address, counts: [401, 403, 429], penalty: {lasts: 60m, blocks: unspecified}}
  light:
    learned_as: Light
    limits:
      - {allow: 50, per: 1500ms, scope: room, at_least: true, penalty: {lasts: 60s, stated: false}}
      - {concurrent: 3, scope: address}
      - {allow: 40, per: 1m, scope: address, enforcement: best_effort}
  graphql:
    requests: [POST /graphql, WS /graphql]
    learned_as: GraphQL
    limits:
      - {allow: 1000, per: 1s, burst: 2000, scope: client_id, algorithm: interval_refill,
         cost: {reserve: 50, charged: {body: /extensions/cost/actual}}}
      - {allow: 9, per: 1s, scope: device_set, algorithm: rolling_counter, cost: {reserve: 2, charged: {header: X-Cost}}}
      - {allow: 9, per: 1s, scope: device_id, algorithm: fixed_first_hit, cost: 3}
  points:
    of: [reads, vehicle]
    limits:
      - {allow: 900, per: 1m, scope: user, cost: {vehicle: 5, reads: 2}, algorithm: rolling,
         penalty: {lasts: 5m, extends: true, blocks: everything}}
  whole:
    of: [points, graphql]
    limits: [{concurrent: 100, scope: user}]
refusal:
  status: 403
  body: {code: 5001}
  also: [{status: 429}, {status: 200, body: {/error/status: -2004}}]
  retry_after: {header: Retry-After, unit: ms, presence: required}
overload: {status: 529, retries: 1}
quota_headers: {dialect: x-rate-limit, reset: epoch, presence: required, absent: unlimited}
guidance:
  cadence: [{request: POST /graphql, every: 5s}]
  page_size: {requests: [GET /v1/pages], full: 100, time_filter: true}
  prefer_stream: {instead_of: "GET /v1/vehicles/{vehicle_id}", stream: WS /graphql, polling_below: 1m}
  cacheable: [{request: GET /v1/pages, keep: 5m}]
  token_reuse: {requests: [POST /token], lifetime: 24h, renew_before: 0s}
  backoff: {initial: 1s, max: 30s, jitter: 12.5%, attempts: 6}
more_limits: true
silences: ["How: nobody knows.", {about: [algorithm, window-begin], text: "'tis not said"}, {about: [other-requests], requests: [GET /x/*], text: nor what these cost}]
lost: [The moon's phase counts.]
"#;

pub fn everything() -> Policy {
    load(&Source::built_in("everything.yaml", EVERYTHING)).unwrap_or_else(|error| panic!("{error}"))
}
