//! What a response says about the quota: refused, overloaded, and when to come back.

use super::model::{ClassId, HintPlace, HintSource, HintUnit, Policy, Presence, Refusal};
use crate::time::Nanos;

/// The parts of a response that carry signals.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// What a response says about the quota.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// By status or by the body's code.
    pub refused: bool,
    pub overloaded: bool,
    pub hint: Hint,
    pub told: Told,
    /// Where a refusal breaks the documented contract, in words; empty when it keeps it.
    pub breaches: Vec<String>,
}

/// The hint of a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    #[default]
    Absent,
    /// Wait this long.
    Wait(Nanos),
    /// There is one, but it is no non-negative integer in the documented unit.
    Malformed,
}

impl Hint {
    pub fn wait(self) -> Option<Nanos> {
        match self {
            Hint::Wait(wait) => Some(wait),
            Hint::Absent | Hint::Malformed => None,
        }
    }
}

/// What the quota headers of one answer say. Small, as every record carries one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether there was any quota header at all.
    pub present: bool,
    /// The class that they name, if it is one of the policy's.
    pub class: Option<ClassId>,
    pub limit: Option<u32>,
    /// What is left, the request itself counted.
    pub remaining: Option<u32>,
    /// The length of the window.
    pub window: Option<Nanos>,
    /// The time until it is reset, from the answer on.
    pub reset: Option<Nanos>,
    /// How many ways the headers break their dialect; [`Signal::breaches`] has the words.
    pub breaches: u8,
}

/// A hint beyond this is taken for a unit error (milliseconds or an epoch) and not obeyed.
const LONGEST_HINT: Nanos = Nanos::from_secs(86_400);

/// Reads the signals of a response: lenient in what counts as a refusal, strict in what keeps the contract.
pub fn read(policy: &Policy, response: ResponseView<'_>) -> Signal {
    let refusal = &policy.refusal;
    // A served request's body can be large and holds no signal, unless the provider refuses inside a success.
    let may_refuse = response.status >= 400 || forms(refusal).any(|form| form.status < 400);
    let body: Option<serde_json::Value> = may_refuse.then(|| serde_json::from_slice(response.body).ok()).flatten();
    let code = |pointer: &str| body.as_ref().and_then(|body| body.pointer(pointer)).cloned();
    let has_code = |code_of: &(String, i64)| code(&code_of.0).and_then(|value| value.as_i64()) == Some(code_of.1);

    let Some(form) = form_of(refusal, response.status, has_code) else {
        return Signal { overloaded: response.status == policy.overload.status, ..Signal::default() };
    };
    let mut breaches = Vec::new();
    if response.status != form.status {
        breaches.push(format!("status {} instead of {}", response.status, form.status));
    }
    if let Some(expected) = form.body_code
        && !has_code(expected)
    {
        let found = code(&expected.0).map_or("nothing".to_owned(), |value| value.to_string());
        breaches.push(format!("body {} is {found} instead of {}", expected.0, expected.1));
    }
    let hint = match &refusal.retry_after {
        None => Hint::Absent,
        Some(source) => read_hint(source, response, body.as_ref(), &mut breaches),
    };
    Signal { refused: true, overloaded: false, hint, told: Told::default(), breaches }
}

/// A way to refuse: a status, and the code that goes with it.
#[derive(Clone, Copy)]
struct Form<'a> {
    status: u16,
    body_code: Option<&'a (String, i64)>,
}

fn forms(refusal: &Refusal) -> impl Iterator<Item = Form<'_>> + Clone {
    let main = Form { status: refusal.status, body_code: refusal.body_code.as_ref() };
    let others =
        refusal.other_forms.iter().map(|form| Form { status: form.status, body_code: form.body_code.as_ref() });
    std::iter::once(main).chain(others)
}

/// The form that a response is meant to have: one that it has in full, else one whose code it has, else one whose
/// status it has, if that is an error's. None: it is no refusal.
fn form_of(refusal: &Refusal, status: u16, has_code: impl Fn(&(String, i64)) -> bool) -> Option<Form<'_>> {
    let code = |form: &Form<'_>| form.body_code.is_some_and(&has_code);
    let full = |form: &Form<'_>| form.status == status && (form.body_code.is_none() || code(form));
    let error = |form: &Form<'_>| form.status == status && status >= 400;
    forms(refusal).find(full).or_else(|| forms(refusal).find(code)).or_else(|| forms(refusal).find(error))
}

fn read_hint(
    source: &HintSource,
    response: ResponseView<'_>,
    body: Option<&serde_json::Value>,
    breaches: &mut Vec<String>,
) -> Hint {
    let (place, text) = match &source.place {
        HintPlace::Body(pointer) => {
            (format!("body {pointer}"), body.and_then(|body| body.pointer(pointer)).map(|value| value.to_string()))
        }
        HintPlace::Header(name) => {
            let header = response.headers.iter().find(|(header, _)| header == name);
            (format!("header {name}"), header.map(|(_, value)| value.clone()))
        }
    };
    let Some(text) = text else {
        if source.presence == Presence::Required {
            breaches.push(format!("{place} is missing"));
        }
        return Hint::Absent;
    };
    let wait = text.trim().parse::<u64>().ok().and_then(|count| match source.unit {
        HintUnit::Seconds => count.checked_mul(1_000_000_000),
        HintUnit::Milliseconds => count.checked_mul(1_000_000),
    });
    match wait.map(Nanos) {
        Some(wait) if wait <= LONGEST_HINT => Hint::Wait(wait),
        Some(_) => {
            breaches.push(format!("{place} is {text}: longer than a day, probably another unit"));
            Hint::Malformed
        }
        None => {
            let mut shown: String = text.chars().take(40).collect();
            shown.retain(|c| !c.is_control());
            breaches.push(format!("{place} is {shown}: not a non-negative integer"));
            Hint::Malformed
        }
    }
}
