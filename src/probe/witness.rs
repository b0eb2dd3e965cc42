//! A request that a probe sent, and all that its answer says: what experiments and checks are made of.

use super::exchange::{Answer, Exchange, Volley};
use crate::policy::model::Policy;
use crate::policy::signals::{self, ResponseView, Signal};
use crate::time::Nanos;

/// Requests that go out at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Which of the clients sends: 0 for the first.
    pub client: usize,
    pub guise: Guise,
    pub count: u32,
}

impl From<Volley> for Parcel {
    fn from(volley: Volley) -> Parcel {
        Parcel { client: volley.client, guise: Guise::Own, count: volley.count }
    }
}

/// How a request differs from the probe's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guise {
    /// In nothing.
    Own,
    /// It says that a proxy forwarded it from an address that is nobody's.
    Forwarded(u8),
    /// It is another request: one of those [beside](super::beside) it, by its place.
    Beside(u8),
    /// In nothing that is sent; it goes over a new connection.
    Reconnected,
}

impl Guise {
    /// Whether it is the probe's own request, over whatever connection: documents know of no other limits for it.
    pub fn is_own(self) -> bool {
        matches!(self, Guise::Own | Guise::Reconnected)
    }

    /// The header that tells an address. The addresses are kept for documentation (RFC 5737).
    pub fn header(self) -> Option<(&'static str, String)> {
        match self {
            Guise::Own | Guise::Reconnected | Guise::Beside(_) => None,
            Guise::Forwarded(number) => Some(("x-forwarded-for", format!("203.0.113.{number}"))),
        }
    }
}

/// The status of a WebSocket handshake that was accepted.
pub const SWITCHED: u16 = 101;

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    pub client: usize,
    pub guise: Guise,
    pub sent: Nanos,
    pub done: Nanos,
    /// 0 without an answer.
    pub status: u16,
    /// The wait that the header of a refusal, or of another error of the client's, claims; even one that nobody believes.
    pub claimed: Option<Nanos>,
    pub signal: Signal,
    /// The status and the headers that speak of quotas, for evidence.
    pub seen: String,
}

impl Witness {
    /// Of an answer.
    pub fn of(parcel: Parcel, sent: Nanos, done: Nanos, policy: &Policy, response: ResponseView<'_>) -> Witness {
        let Parcel { client, guise, .. } = parcel;
        let signal = signals::read(policy, response);
        let may_refuse = signal.refused || (400..500).contains(&response.status);
        let claimed = may_refuse.then(|| signal.hint.wait().or_else(|| claimed(response))).flatten();
        Witness { client, guise, sent, done, status: response.status, claimed, signal, seen: seen(response) }
    }

    /// Of a request that had no answer.
    pub fn lost(parcel: Parcel, sent: Nanos, done: Nanos) -> Witness {
        let Parcel { client, guise, .. } = parcel;
        let (signal, seen) = (Signal::default(), "no answer".to_owned());
        Witness { client, guise, sent, done, status: 0, claimed: None, signal, seen }
    }

    /// What it means for the quota.
    pub fn answer(&self) -> Answer {
        match self.status {
            _ if self.signal.refused => Answer::Refused,
            // Not let in, to be paid for, or barred by law.
            401 | 402 | 403 | 451 => Answer::Barred,
            status if status == 0 || self.signal.overloaded || status >= 500 => Answer::Lost,
            // What a redirect leads to was not asked for.
            300..=399 => Answer::Lost,
            _ => Answer::Admitted,
        }
    }

    pub fn exchange(&self) -> Exchange {
        Exchange { client: self.client, sent: self.sent, done: self.done, answer: self.answer() }
    }

    pub fn is_admitted(&self) -> bool {
        self.answer() == Answer::Admitted
    }

    /// Whether it was served as well: what a limit is held against, since errors may be free.
    pub fn is_served(&self) -> bool {
        self.is_admitted() && (self.status == SWITCHED || (200..300).contains(&self.status))
    }

    pub fn is_refused(&self) -> bool {
        self.signal.refused
    }

    /// The wait that a refusal names.
    pub fn told(&self) -> Option<Nanos> {
        self.is_refused().then(|| self.signal.hint.wait()).flatten()
    }
}

/// Whole seconds, however many.
fn claimed(response: ResponseView<'_>) -> Option<Nanos> {
    let (_, value) = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse().ok().map(|seconds: u32| Nanos::from_secs(seconds.into()))
}

fn seen(response: ResponseView<'_>) -> String {
    let speaks = |name: &str| name == "retry-after" || name.contains("ratelimit") || name.contains("rate-limit");
    let headers = response.headers.iter().filter(|(name, _)| speaks(&name.to_lowercase()));
    headers.fold(response.status.to_string(), |seen, (name, value)| format!("{seen}; {name}: {value}"))
}
