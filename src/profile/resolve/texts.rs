//! Names and addresses that become part of a request: what could break one is refused.

use crate::profile::document::client::Texts;
use crate::scenario::template::Template;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Source};

use super::template::Names;

/// Headers that the harness itself writes.
const OWN_HEADERS: [&str; 7] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "expect"];

/// The template of a path, checked.
pub(super) fn path(names: &Names<'_>, path: &Located<String>) -> Result<Template, Diagnosis> {
    check_path(names.source, path)?;
    names.template(path)
}

/// A path from the root of the API: visible ASCII, without a query.
pub(super) fn check_path(source: &Source, path: &Located<String>) -> Result<(), Diagnosis> {
    let wrong = |title: String, help: &str| Err(Diagnosis::at(source, path.place, title).help(help));
    let text = path.value.as_str();
    if text.contains("://") {
        return wrong(
            format!("`{}` is a whole address", shown(text)),
            "write the path alone, such as `/v2/orders`; the host is the target's",
        );
    }
    if !text.starts_with('/') {
        return wrong(format!("`{}` does not begin with `/`", shown(text)), "write a path such as `/v2/orders`");
    }
    // What stands in a hole is no part of the path.
    let outside: String = text.split('{').map(|part| part.rsplit('}').next().unwrap_or(part)).collect();
    if outside.contains(['?', '#']) {
        return wrong(
            "a query does not belong into the path".to_owned(),
            "write it beside the path, such as `query: {limit: 100}`",
        );
    }
    if let Some(odd) = outside.chars().find(|c| !c.is_ascii_graphic()) {
        let title = format!("`{}` cannot stand in a path", odd.escape_debug());
        return wrong(title, "write it percent-encoded, such as `%20` for a space");
    }
    Ok(())
}

/// Query parameters or fields of a form.
pub(super) fn parameters(names: &Names<'_>, texts: &Texts) -> Result<Vec<(Box<str>, Template)>, Diagnosis> {
    texts.iter().map(|(name, text)| Ok((name.value.as_str().into(), names.template(text)?))).collect()
}

/// Headers, their names checked.
pub(super) fn headers(names: &Names<'_>, texts: &Texts) -> Result<Vec<(Box<str>, Template)>, Diagnosis> {
    texts
        .iter()
        .map(|(name, text)| {
            check_header(names.source, name)?;
            Ok((name.value.as_str().into(), names.header(text)?))
        })
        .collect()
}

/// A header's name: a token (RFC 9110, section 5.6.2), and none that the harness writes itself.
pub(super) fn check_header(source: &Source, name: &Located<String>) -> Result<(), Diagnosis> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.value.is_empty() || !name.value.chars().all(is_token) {
        let title = format!("`{}` is no name of a header", shown(&name.value));
        return Err(Diagnosis::at(source, name.place, title).help("write one such as `Accept` or `X-Request-Id`"));
    }
    let lower = name.value.to_ascii_lowercase();
    if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
        let title = format!("the header `{}` is written by the harness itself", shown(&name.value));
        return Err(Diagnosis::at(source, name.place, title).help("leave it out"));
    }
    if lower == "authorization" {
        return Err(Diagnosis::at(source, name.place, "credentials do not stand in a profile")
            .help("use `auth`, such as `auth: {bearer: {env: API_TOKEN}}`"));
    }
    Ok(())
}

pub(super) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
