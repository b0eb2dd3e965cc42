//! `RateLimit-Policy: "burst";q=100;w=60` and `RateLimit: "burst";r=50;t=30`: draft-ietf-httpapi-ratelimit-headers -08 to
//! -11. Up to -10 `t` is the time until more is available, in -11 the time within which no more than `r` may be used: for
//! a client the same.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sfv::{BareItem, Item};

use super::dialect::Field;
use super::lint::Lint;
use super::number::whole_seconds;
use super::quota::{self, Name, Quota, Quotas, Unit};
use super::scan::Fields;
use super::structured;

const POLICY: &str = "ratelimit-policy";
const STATE: &str = "ratelimit";

pub fn read(fields: Fields<'_>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    if let Some(text) = fields.joined(POLICY) {
        for item in structured::list(POLICY, &text, lints) {
            let policy = policy(&item, &text, lints);
            add_policy(policy, quotas, lints);
        }
    }
    let stated = !quotas.is_empty();
    if let Some(text) = fields.joined(STATE) {
        for item in structured::list(STATE, &text, lints) {
            let state = state(&item, &text, lints);
            add_state(state, stated, quotas, lints);
        }
    }
}

fn policy(item: &Item, text: &str, lints: &mut Vec<Lint>) -> Quota {
    let name = structured::name(POLICY, "", &item.bare_item, lints);
    let limit = item.params.get("q").and_then(|value| structured::count(POLICY, "q", value, lints));
    if !item.params.contains_key("q") {
        lints.push(Lint::new("field/missing", POLICY, &name, "a policy without its quota q"));
    }
    Quota {
        policy: Some(name),
        partition: partition(POLICY, item, text, lints),
        unit: item.params.get("qu").map(|value| unit(value, lints)).unwrap_or_default(),
        limit,
        window: item.params.get("w").and_then(|value| structured::seconds(POLICY, "w", value, lints)),
        ..Quota::default()
    }
}

fn add_policy(policy: Quota, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    if quotas.iter().any(|known| is_same(known, &policy)) {
        let message = "a policy stated twice; the first is read";
        lints.push(Lint::new("policy/repeated", POLICY, &policy.policy.unwrap_or_default(), message));
        return;
    }
    quota::push(quotas, policy, POLICY, lints);
}

fn state(item: &Item, text: &str, lints: &mut Vec<Lint>) -> Quota {
    let name = structured::name(STATE, "", &item.bare_item, lints);
    let remaining = item.params.get("r").and_then(|value| structured::remaining(STATE, "r", value, lints));
    if !item.params.contains_key("r") {
        lints.push(Lint::new("field/missing", STATE, &name, "an item without its remaining quota r"));
    }
    Quota {
        policy: Some(name),
        partition: partition(STATE, item, text, lints),
        remaining,
        reset: item.params.get("t").and_then(|value| structured::seconds(STATE, "t", value, lints)),
        ..Quota::default()
    }
}

/// Completes the policy of the same name and partition, or else of the same name; `stated` says whether the response
/// states its policies at all.
fn add_state(state: Quota, stated: bool, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    let exact = quotas.iter().position(|known| is_same(known, &state));
    if let Some(known) = exact.map(|index| &mut quotas[index]) {
        if known.remaining.or(known.reset.map(|reset| reset.0)).is_some() {
            let message = "an item stated twice; the last is read";
            lints.push(Lint::new("policy/repeated", STATE, &state.policy.unwrap_or_default(), message));
        }
        (known.remaining, known.reset) = (state.remaining, state.reset);
        return;
    }
    let named = quotas.iter().find(|known| known.policy == state.policy && known.limit.is_some()).copied();
    if stated && named.is_none() {
        let message = "no policy of this name in RateLimit-Policy";
        lints.push(Lint::new("policy/unknown", STATE, &state.policy.unwrap_or_default(), message));
    }
    let known = named.unwrap_or_default();
    let quota = Quota { limit: known.limit, window: known.window, unit: known.unit, ..state };
    quota::push(quotas, quota, STATE, lints);
}

fn is_same(one: &Quota, other: &Quota) -> bool {
    (one.policy, one.partition) == (other.policy, other.partition)
}

/// A partition key, in the one form of base64 that its bytes have.
fn partition(field: &str, item: &Item, text: &str, lints: &mut Vec<Lint>) -> Option<Name> {
    let value = item.params.get("pk")?;
    let BareItem::ByteSequence(bytes) = value else {
        let message = "not written as a Byte Sequence, between colons; ignored";
        let found = structured::plain(value);
        lints.push(Lint::new("partition/not-bytes", &structured::place(field, "pk"), &found, message));
        return None;
    };
    let key = BASE64_STANDARD.encode(bytes);
    if !text.contains(&format!(":{key}:")) {
        let message = "its base64 has other bits or padding than its bytes need";
        lints.push(Lint::new("partition/padding", &structured::place(field, "pk"), text, message));
    }
    Some(quota::name(field, &key, lints))
}

fn unit(value: &BareItem, lints: &mut Vec<Lint>) -> Unit {
    let name = structured::name(POLICY, "qu", value, lints);
    match name.as_str() {
        // The field's text says `requests`, the registry in the same draft `request`.
        "requests" | "request" => Unit::Requests,
        "content-bytes" => Unit::ContentBytes,
        "concurrent-requests" => Unit::ConcurrentRequests,
        _ => {
            let message = "no unit that the draft defines";
            lints.push(Lint::new("unit/unknown", &structured::place(POLICY, "qu"), &name, message));
            Unit::Other
        }
    }
}

pub fn print(quotas: &[Quota]) -> Vec<Field> {
    let policies = quotas.iter().filter_map(print_policy).collect::<Vec<_>>().join(", ");
    let states = quotas.iter().filter_map(print_state).collect::<Vec<_>>().join(", ");
    [(POLICY, policies), (STATE, states)].into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn print_policy(quota: &Quota) -> Option<String> {
    let unit = match quota.unit {
        Unit::Requests => "",
        Unit::ContentBytes => ";qu=\"content-bytes\"",
        Unit::ConcurrentRequests => ";qu=\"concurrent-requests\"",
        Unit::Other => ";qu=\"other\"",
    };
    let limit = structured::integer(quota.limit?);
    let window = quota.window.map_or(String::new(), |window| format!(";w={}", whole_seconds(window)));
    Some(format!("{};q={limit}{unit}{window}{}", print_name(quota), print_partition(quota)))
}

fn print_state(quota: &Quota) -> Option<String> {
    let remaining = quota.remaining.map(|remaining| format!(";r={}", structured::integer(remaining)));
    let reset = quota.reset.map(|reset| format!(";t={}", whole_seconds(reset)));
    if remaining.is_none() && reset.is_none() {
        return None;
    }
    let parts = remaining.unwrap_or_default() + &reset.unwrap_or_default();
    Some(format!("{}{parts}{}", print_name(quota), print_partition(quota)))
}

fn print_name(quota: &Quota) -> String {
    structured::quoted(quota.policy.as_ref().map_or("default", |name| name.as_str()))
}

fn print_partition(quota: &Quota) -> String {
    quota.partition.map_or(String::new(), |key| format!(";pk=:{key}:"))
}
