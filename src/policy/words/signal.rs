//! What answers say, in words.

use crate::policy::model::*;

use crate::signals::{Dialect, ResetKind};

/// How a refusal looks.
pub fn refusal_text(refusal: &Refusal) -> String {
    let mut text = form_text(refusal.status, &refusal.body_code);
    for form in &refusal.other_forms {
        text.push_str(&format!("; or {}", form_text(form.status, &form.body_code)));
    }
    match &refusal.retry_after {
        Some(hint) if hint.presence == Presence::Never => text.push_str("; never a hint when to come back"),
        None => text.push_str("; a hint when to come back is not promised"),
        Some(hint) => {
            let presence = match hint.presence {
                Presence::Required => "always says",
                Presence::Optional | Presence::Never => "may say",
            };
            let unit = match hint.unit {
                HintUnit::Seconds => "seconds",
                HintUnit::Milliseconds => "milliseconds",
            };
            text.push_str(&format!("; it {presence} {} how many {unit} to wait", place_text(&hint.place)));
        }
    }
    text
}

fn form_text(status: u16, body_code: &Option<(String, Code)>) -> String {
    match body_code {
        Some((pointer, code)) => format!("status {status}, {code} at {pointer} of the body"),
        None => format!("status {status}"),
    }
}

pub(super) fn place_text(place: &HintPlace) -> String {
    match place {
        HintPlace::Body(pointer) => format!("at {pointer} of the body"),
        HintPlace::Header(name) => format!("in the header {name}"),
    }
}

/// How an overloaded server answers.
pub fn overload_text(overload: &Overload) -> String {
    match overload.retries {
        None => format!("status {}", overload.status),
        Some(0) => format!("status {}; not to be tried again", overload.status),
        Some(1) => format!("status {}; to be tried again once at most", overload.status),
        Some(retries) => format!("status {}; to be tried again {retries} times at most", overload.status),
    }
}

/// What quota headers answers carry.
pub fn quota_headers_text(headers: &QuotaHeaders) -> String {
    let dialect = serde_json::to_value(headers.dialect).ok();
    let dialect = dialect.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
    let presence = match headers.presence {
        Presence::Required => "every limited answer carries them",
        Presence::Optional => "an answer may carry them",
        Presence::Never => "no answer carries them",
    };
    let reset = match headers.reset {
        None if headers.dialect == Dialect::XRatelimit => "; what a reset holds is not said",
        None => "",
        Some(ResetKind::SecondsLeft) => "; the reset is the seconds that are left",
        Some(ResetKind::Epoch) => "; the reset is the time in seconds since 1970",
        Some(ResetKind::HttpDate) => "; the reset is an HTTP date",
        Some(ResetKind::Iso8601) => "; the reset is a time as in ISO 8601",
    };
    let absent = if headers.absent_means_unlimited { "; without them a request is not limited" } else { "" };
    format!("in the dialect {dialect}; {presence}{reset}{absent}")
}
