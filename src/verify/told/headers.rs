//! Whether the headers are there, can be read, and tell what the documents say: `server.quota-headers`,
//! `server.class-header`, `server.limit-drift` and `server.window-header`.

use std::collections::BTreeMap;

use crate::device::Outcome;
use crate::policy::model::{Calendar, ClassId, Limit, Policy, Presence, QuotaHeaders, RateLimit};
use crate::policy::words::period_text;
use crate::record::{Exchange, Record};
use crate::scenario::Scenario;
use crate::signals::Dialect;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::exhibit::{Exhibit, Exhibits};
use crate::verify::words::unseen;
use crate::words::{count, part_of, plural};

/// So many different served limits of one class are told apart.
const MOST_LIMITS: usize = 16;

/// The limits on a rate that headers can tell of: a class's own and its parents', for nothing says which of them is told.
fn rates(policy: &Policy, class: ClassId) -> impl Iterator<Item = &RateLimit> {
    policy.drawn_on(class).flat_map(|id| &policy.class(id).limits).filter_map(|limit| match limit {
        Limit::Rate(limit) => Some(limit),
        Limit::Concurrent(_) | Limit::Cooldown(_) => None,
    })
}

/// Answers of limited requests, by whether their headers are there and sound.
#[derive(Clone, Debug, Default)]
pub struct Presences {
    looked_at: u64,
    missing: u64,
    broken: u64,
    /// Refusals without headers: whether they carry any is mostly left open.
    bare_refusals: u64,
    exhibits: Exhibits,
}

impl Presences {
    /// Takes an answer to a request of a class.
    pub fn done(&mut self, policy: &Policy, class: ClassId, record: &Record, exchange: Option<&Exchange>) {
        let Some(documented) = policy.quota_headers.as_ref() else { return };
        // Of what is limited in other ways, headers have nothing to tell.
        if rates(policy, class).next().is_none() {
            return;
        }
        match record.outcome {
            // A cache may have answered, which knows of no quota.
            Outcome::Served if record.is_unchanged() && !record.told.present => return,
            Outcome::Served => {}
            Outcome::Refused if record.told.present => {}
            Outcome::Refused => return self.bare_refusals += 1,
            // Other answers need none; what they say has to be sound.
            _ if record.told.breaches == 0 => return,
            _ => {}
        }
        self.looked_at += 1;
        let told = &record.told;
        if !told.present && documented.presence == Presence::Required {
            self.missing += 1;
            let why = || "no quota header, though its class is limited".to_owned();
            self.exhibits.show(|| Exhibit::done(record, exchange, why()));
        } else if told.breaches > 0 {
            self.broken += 1;
            let words = || exchange.map_or(String::new(), |exchange| exchange.header_breaches.join("; "));
            self.exhibits.show(|| Exhibit::done(record, exchange, words()));
        } else if told.present && documented.presence == Presence::Required {
            let is_named = policy.class(class).learned_as.is_some();
            let absent = absent(documented, is_named, record);
            if !absent.is_empty() {
                self.missing += 1;
                let why = || format!("without {}", absent.join(" and "));
                self.exhibits.show(|| Exhibit::done(record, exchange, why()));
            }
        }
    }

    pub fn merge(&mut self, other: Presences) {
        self.looked_at += other.looked_at;
        self.missing += other.missing;
        self.broken += other.broken;
        self.bare_refusals += other.bare_refusals;
        self.exhibits.merge(other.exhibits);
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        let (missing, broken) = (self.missing, self.broken);
        let answers = plural(self.looked_at, "answer");
        let of_answers = |part| part_of(part, self.looked_at, "answer");
        let (verdict, headline) = match (missing, broken) {
            _ if self.looked_at == 0 => (Verdict::NoData, "No limited request was answered".to_owned()),
            (0, 0) => (Verdict::Pass, format!("The quota headers are as documented in {answers}")),
            (missing, 0) => (Verdict::Fail, format!("{} lack quota headers", of_answers(missing))),
            (0, broken) => (Verdict::Fail, format!("{} have quota headers that cannot be right", of_answers(broken))),
            (missing, broken) => (
                Verdict::Fail,
                format!("{} lack quota headers, {} have wrong ones", of_answers(missing), count(broken)),
            ),
        };
        let remedy = "Send every documented header with every answer of a limited request, as whole numbers";
        let bare = match self.bare_refusals {
            0 => String::new(),
            refusals => format!(
                "{} carried none, which is not counted as wrong: the documents speak of answers in general.",
                plural(refusals, "refusal")
            ),
        };
        Finding {
            verdict,
            headline,
            explanation: bare,
            remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
            looked_at: self.looked_at,
            wrong: missing + broken,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.quota-headers", Party::Server, Severity::Breach, "")
        }
    }
}

/// What the documents promise and an answer whose headers are sound does not tell. `is_named`: the documents call the class by
/// a name in headers. A name that they do not know is a breach of its own, so here none was sent.
fn absent(documented: &QuotaHeaders, is_named: bool, record: &Record) -> Vec<&'static str> {
    let told = &record.told;
    let no_length = documented.dialect == Dialect::XRateLimit && told.window.is_none();
    // Only a reset that is documented can stand in for a window.
    let or_reset = documented.reset.is_some();
    let fields = [
        (is_named && told.class.is_none(), "the name of its class"),
        (told.limit.is_none(), "a limit"),
        (told.remaining.is_none(), "what remains"),
        (no_length && !or_reset, "a window"),
        (no_length && or_reset && told.reset.is_none(), "a window or a reset"),
    ];
    fields.into_iter().filter(|(absent, _)| *absent).map(|(_, what)| what).collect()
}

/// Whether answers name the class that their request belongs to.
#[derive(Clone, Debug, Default)]
pub struct ClassNames {
    looked_at: u64,
    wrong: u64,
    exhibits: Exhibits,
}

impl ClassNames {
    /// Takes an answer; `class` is what the policy, the profile or the first answer said.
    pub fn done(&mut self, policy: &Policy, class: Option<ClassId>, record: &Record, exchange: Option<&Exchange>) {
        let Some(told) = record.told.class else { return };
        self.looked_at += 1;
        if class != Some(told) {
            self.wrong += 1;
            let name = |class: ClassId| policy.class(class).name.as_str();
            let expected = class.map_or("no class, as an answer without headers said", name);
            let why = || format!("says {}, before it was {expected}", name(told));
            self.exhibits.show(|| Exhibit::done(record, exchange, why()));
        }
    }

    pub fn merge(&mut self, other: ClassNames) {
        self.looked_at += other.looked_at;
        self.wrong += other.wrong;
        self.exhibits.merge(other.exhibits);
    }

    /// Only where the classes have names in headers.
    pub fn finding(self, scenario: &Scenario) -> Option<Finding> {
        scenario.policy.classes.iter().any(|class| class.learned_as.is_some()).then(|| {
            let answers = plural(self.looked_at, "answer");
            let (verdict, headline) = match self.wrong {
                _ if self.looked_at == 0 => (Verdict::NoData, "No answer named its class".to_owned()),
                0 => (Verdict::Pass, format!("{answers} named the class that was expected")),
                wrong => (
                    Verdict::Fail,
                    format!("{} named another class than expected", part_of(wrong, self.looked_at, "answer")),
                ),
            };
            let remedy = "Keep each request in one class, or correct the profile's `classes` where they are mapped";
            Finding {
                verdict,
                headline,
                explanation: match verdict {
                    Verdict::Fail => "What counts against which limit is then not known to a client.".to_owned(),
                    _ => String::new(),
                },
                remedy: if self.wrong > 0 { remedy.to_owned() } else { String::new() },
                looked_at: self.looked_at,
                wrong: self.wrong,
                evidence: self.exhibits.into_evidence(scenario),
                ..unseen("server.class-header", Party::Server, Severity::Breach, "")
            }
        })
    }
}

/// The limits that one class's answers have told.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    served: BTreeMap<u32, u64>,
    exhibits: Exhibits,
}

impl Drift {
    pub fn done(&mut self, policy: &Policy, class: ClassId, record: &Record) {
        let Some(limit) = record.told.limit else { return };
        if self.served.len() < MOST_LIMITS || self.served.contains_key(&limit) {
            *self.served.entry(limit).or_default() += 1;
        }
        if !rates(policy, class).any(|rate| rate.is_told_as(limit)) {
            let why = || format!("says a limit of {limit}, documented: {}", documented(policy, class));
            self.exhibits.show(|| Exhibit::done(record, None, why()));
        }
    }

    pub fn merge(&mut self, other: Drift) {
        for (limit, count) in other.served {
            *self.served.entry(limit).or_default() += count;
        }
        self.exhibits.merge(other.exhibits);
    }

    /// Less than documented breaks a promise; more does not, but one of the two figures is wrong. None for a class whose
    /// rate the documents do not limit.
    pub fn finding(self, scenario: &Scenario, class: ClassId) -> Option<Finding> {
        let policy = &scenario.policy;
        rates(policy, class).next()?;
        let is_documented = |limit: &u32| rates(policy, class).any(|rate| rate.is_told_as(*limit));
        let looked_at: u64 = self.served.values().sum();
        let others: Vec<u32> = self.served.keys().copied().filter(|limit| !is_documented(limit)).collect();
        let wrong: u64 = others.iter().map(|limit| self.served[limit]).sum();
        let promised = rates(policy, class).map(|rate| rate.allow).min().unwrap_or(0);
        let documented = documented(policy, class);
        let (verdict, headline) = match (others.as_slice(), self.served.len()) {
            (_, 0) => (Verdict::NoData, "No answer told a limit".to_owned()),
            ([], 1) => (Verdict::Pass, format!("The limit that is served is the documented {documented}")),
            ([], _) => (Verdict::Pass, format!("The limits that are served are documented: {documented}")),
            ([other], 1) => (Verdict::Fail, format!("The documents say {documented}, the server says {other}")),
            _ => {
                let served: Vec<String> = self
                    .served
                    .iter()
                    .map(|(limit, count)| format!("{limit} ({})", plural(*count, "answer")))
                    .collect();
                (Verdict::Fail, format!("The documents say {documented}, the server says {}", served.join(", ")))
            }
        };
        let less = others.iter().any(|limit| *limit < promised);
        let remedy = "Ask the provider which figure holds; until then keep to the lower one";
        Some(Finding {
            verdict,
            headline,
            explanation: match verdict {
                Verdict::Fail => "Everything else in this report is held against the documented limit.".to_owned(),
                _ => String::new(),
            },
            remedy: if verdict == Verdict::Fail { remedy.to_owned() } else { String::new() },
            looked_at,
            wrong,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen(
                "server.limit-drift",
                Party::Server,
                if less { Severity::Breach } else { Severity::Advice },
                &policy.class(class).name,
            )
        })
    }
}

fn documented(policy: &Policy, class: ClassId) -> String {
    let limits: Vec<String> = rates(policy, class).map(|rate| rate.allow.to_string()).collect();
    limits.join(" and ")
}

/// Whether a window may be called so long: months differ by up to three days from the shortest, and headers count whole
/// seconds.
fn is_length(rate: &RateLimit, window: Nanos) -> bool {
    let differs = if rate.calendar == Some(Calendar::Month) { Nanos::from_secs(3 * 86_400) } else { Nanos::ZERO };
    (rate.per..=rate.per.up_to_secs().saturating_add(differs)).contains(&window)
}

/// The window lengths that answers have told.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    looked_at: u64,
    wrong: u64,
    /// The longest and shortest of those that are not as documented.
    others: Option<(Nanos, Nanos)>,
    exhibits: Exhibits,
}

impl Windows {
    pub fn done(&mut self, policy: &Policy, class: ClassId, record: &Record) {
        let Some(window) = record.told.window else { return };
        // Without a documented window there is nothing to hold it against.
        if rates(policy, class).next().is_none() {
            return;
        }
        self.looked_at += 1;
        if !rates(policy, class).any(|rate| is_length(rate, window)) {
            self.wrong += 1;
            let (low, high) = self.others.unwrap_or((window, window));
            self.others = Some((low.min(window), high.max(window)));
            let lengths: Vec<String> = rates(policy, class).map(|rate| period_text(rate.per, rate.calendar)).collect();
            let why = || format!("says a window of {window}, documented: {}", lengths.join(" and "));
            self.exhibits.show(|| Exhibit::done(record, None, why()));
        }
    }

    pub fn merge(&mut self, other: Windows) {
        self.looked_at += other.looked_at;
        self.wrong += other.wrong;
        self.others = match (self.others, other.others) {
            (Some((low, high)), Some((lower, higher))) => Some((low.min(lower), high.max(higher))),
            (one, another) => one.or(another),
        };
        self.exhibits.merge(other.exhibits);
    }

    /// Only where the dialect tells a window's length.
    pub fn finding(self, scenario: &Scenario) -> Option<Finding> {
        let tells = self.looked_at > 0
            || scenario.policy.quota_headers.as_ref().is_some_and(|told| told.dialect == Dialect::XRateLimit);
        tells.then(|| {
            let answers = plural(self.looked_at, "answer");
            let wrong = || part_of(self.wrong, self.looked_at, "answer");
            let (verdict, headline) = match self.others {
                _ if self.looked_at == 0 => (Verdict::NoData, "No answer told a window".to_owned()),
                None => (Verdict::Pass, format!("The window is as documented in {answers}")),
                Some((one, other)) if one == other => {
                    (Verdict::Fail, format!("{} tell a window of {one}, which is not documented", wrong()))
                }
                Some((low, high)) => {
                    (Verdict::Fail, format!("{} tell windows from {low} to {high}: it reads as a time left", wrong()))
                }
            };
            let remedy = "Tell the documented length; a time that is left belongs in a header of its own";
            Finding {
                verdict,
                headline,
                remedy: if self.wrong > 0 { remedy.to_owned() } else { String::new() },
                looked_at: self.looked_at,
                wrong: self.wrong,
                evidence: self.exhibits.into_evidence(scenario),
                ..unseen("server.window-header", Party::Server, Severity::Breach, "")
            }
        })
    }
}
