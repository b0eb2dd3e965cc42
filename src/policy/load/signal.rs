//! What answers say about the quota, from its document.

use indexmap::IndexMap;

use crate::policy::document::*;
use crate::policy::model::*;

use crate::signals::{Dialect, ResetKind};
use crate::yaml::{Diagnosis, Located, Place, Shaped, Source};

pub(super) fn refusal(source: &Source, refusal: RefusalDocument) -> Result<Refusal, Diagnosis> {
    let form = form(source, &refusal.status, refusal.body)?;
    let mut other_forms: Vec<RefusalForm> = Vec::new();
    for other in refusal.also {
        let place = other.status.place;
        let other = self::form(source, &other.status, other.body)?;
        if other == form || other_forms.contains(&other) {
            return Err(
                Diagnosis::at(source, place, "this form of a refusal stands here twice").help("drop one of the two")
            );
        }
        other_forms.push(other);
    }
    let retry_after = refusal.retry_after.map(|hint| hint_source(source, hint)).transpose()?;
    Ok(Refusal { status: form.status, body_code: form.body_code, other_forms, retry_after })
}

fn form(
    source: &Source,
    status: &Located<crate::yaml::quantity::Whole<100, 599>>,
    body: Option<Located<IndexMap<String, Code>>>,
) -> Result<RefusalForm, Diagnosis> {
    let form =
        RefusalForm { status: status.0 as u16, body_code: body.map(|body| body_code(source, body)).transpose()? };
    if form.status < 400 && form.body_code.is_none() {
        let title = format!("a status of {} alone tells no refusal", form.status);
        return Err(Diagnosis::at(source, status.place, title)
            .help("say which field of the body does, such as `body: {status_code: 2004}`"));
    }
    Ok(form)
}

fn body_code(source: &Source, body: Located<IndexMap<String, Code>>) -> Result<(String, Code), Diagnosis> {
    let place = body.place;
    let mut fields = body.value.into_iter();
    match (fields.next(), fields.next()) {
        (Some((pointer, code)), None) if pointer.starts_with('/') => Ok((pointer, code)),
        (Some((field, code)), None) => Ok((format!("/{field}"), code)),
        _ => Err(Diagnosis::at(source, place, "exactly one field of the body tells a refusal")
            .help("write it with its value, such as `{code: 5001}`")),
    }
}

fn hint_source(source: &Source, hint: Located<Shaped<HintDocument>>) -> Result<HintSource, Diagnosis> {
    let hint = Located { value: hint.value.0, place: hint.place };
    let help = "write `body: /details/retry_after_seconds` or `header: retry-after`";
    let pointer = hint.value.body.map(|pointer| pointer.value.0);
    let place = place(source, hint.place, pointer, hint.value.header, "the hint", help)?;
    Ok(HintSource { place, unit: hint.value.unit, presence: hint.value.presence })
}

/// Where an answer tells what a request cost.
pub(super) fn charged(source: &Source, at: Place, charged: &PointerPlace) -> Result<HintPlace, Diagnosis> {
    let pointer = charged.body.as_ref().map(|pointer| pointer.value.0.clone());
    let header = charged.header.as_ref().map(|header| header.value.clone());
    place(source, at, pointer, header, "the cost", "write `body: /cost` or `header: x-cost`")
}

fn place(
    source: &Source,
    at: Place,
    body: Option<String>,
    header: Option<String>,
    what: &str,
    help: &str,
) -> Result<HintPlace, Diagnosis> {
    match (body, header) {
        (Some(pointer), None) => Ok(HintPlace::Body(pointer)),
        (None, Some(header)) => Ok(HintPlace::Header(header.to_lowercase())),
        _ => Err(Diagnosis::at(source, at, format!("{what} stands either in the body or in a header")).help(help)),
    }
}

pub(super) fn quota_headers(source: &Source, headers: QuotaHeadersDocument) -> Result<QuotaHeaders, Diagnosis> {
    let open = matches!(headers.dialect, Dialect::XRateLimit | Dialect::XRatelimit);
    if let Some(reset) = &headers.reset
        && !open
        && reset.value != ResetKind::SecondsLeft
    {
        return Err(Diagnosis::at(source, reset.place, "this dialect's reset is always the seconds that are left")
            .help("drop `reset`, or name another dialect"));
    }
    Ok(QuotaHeaders {
        dialect: headers.dialect,
        reset: headers.reset.map(|reset| reset.value),
        presence: headers.presence,
        absent_means_unlimited: headers.absent == AbsentDocument::Unlimited,
    })
}
