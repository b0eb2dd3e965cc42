//! The exchanges between two requests, put together to what a person can read and send again.

use crate::probe::account::{Account, AnswerTold, AskTold, Proof, Setting, Told};
use crate::probe::variable::{Part, parts};
use crate::report::format;

/// Requests of one client that left together, or one right after the other.
pub struct Group<'a> {
    pub told: Vec<&'a Told>,
    pub decides: bool,
}

/// Requests that leave within so many seconds of each other are one step.
const TOGETHER_S: f64 = 0.02;
/// The most steps that are shown, the last ones.
pub const MOST: usize = 40;

/// The steps of a proof, and how many before them are left out.
pub fn groups<'a>(account: &'a Account, proof: &Proof) -> (Vec<Group<'a>>, usize) {
    let last = account.exchanges.get(proof.decisive).map_or(0.0, |told| told.sent_s + TOGETHER_S);
    let mut groups: Vec<Group<'_>> = Vec::new();
    let sequence = account.exchanges.iter().enumerate().skip(proof.from);
    let of_client = |told: &Told| proof.client.is_none_or(|client| told.client == client);
    for (at, told) in sequence.filter(|(_, told)| of_client(told) && told.sent_s <= last) {
        let decides = at == proof.decisive;
        match groups.last_mut() {
            Some(group) if group.goes_on_with(told) => {
                group.told.push(told);
                group.decides |= decides;
            }
            _ => groups.push(Group { told: vec![told], decides }),
        }
    }
    let left_out = groups.len().saturating_sub(MOST);
    (groups.split_off(left_out), left_out)
}

impl Group<'_> {
    fn goes_on_with(&self, told: &Told) -> bool {
        let alike = |last: &&Told| last.is_like(told);
        self.told.last().copied().filter(alike).is_some_and(|last| told.sent_s - last.sent_s < TOGETHER_S)
    }

    fn sender(&self) -> Sender {
        let first = self.told.first();
        let beside = first.and_then(|told| told.beside);
        beside.map_or(Sender::Client(first.map_or(0, |told| told.client)), Sender::Beside)
    }

    /// The request, where it is not the probe's own.
    pub fn beside<'a>(&self, account: &'a Account) -> Option<&'a AskTold> {
        account.setting.besides.get(usize::from(self.told.first()?.beside?))
    }

    /// A header that these requests have besides their client's.
    pub fn header(&self) -> Option<&str> {
        self.told.first()?.header.as_deref()
    }

    /// Whether each went over a connection of its own.
    pub fn is_reconnected(&self) -> bool {
        self.told.first().is_some_and(|told| told.reconnected)
    }

    /// Whether that takes the place of one of the client's own.
    fn replaces(&self, own: &str) -> bool {
        let name = |header: &str| header.split(':').next().map(|name| name.trim().to_lowercase());
        self.header().is_some_and(|header| name(header) == name(own))
    }

    pub fn sent_s(&self) -> f64 {
        self.told.first().map_or(0.0, |told| told.sent_s)
    }

    fn done_s(&self) -> f64 {
        self.told.iter().map(|told| told.done_s).fold(0.0, f64::max)
    }

    /// What came back: `5 admitted, 3 refused (told to wait 2 s)`.
    pub fn came_back(&self) -> String {
        let kinds = [
            (AnswerTold::Admitted, "admitted"),
            (AnswerTold::Refused, "refused"),
            (AnswerTold::Barred, "not let in (401 or 403)"),
            (AnswerTold::Lost, "without an answer that says anything"),
        ];
        let counted = kinds.iter().filter_map(|(kind, word)| {
            let count = self.told.iter().filter(|told| told.answer == *kind).count();
            (count > 0).then(|| {
                format!("{count} {word}{}", if *kind == AnswerTold::Refused { self.hint() } else { String::new() })
            })
        });
        counted.collect::<Vec<_>>().join(", ")
    }

    fn hint(&self) -> String {
        let hints = || self.told.iter().filter_map(|told| told.hint_s);
        match (hints().reduce(f64::min), hints().reduce(f64::max)) {
            (Some(least), Some(most)) if least == most => format!(" (told to wait {})", format::seconds(least)),
            (Some(least), Some(most)) => {
                format!(" (told to wait {} to {})", format::seconds(least), format::seconds(most))
            }
            _ => String::new(),
        }
    }
}

/// Shell commands that send the same again, with what came back as comments. What came from the environment is a variable
/// there too.
pub fn curl(account: &Account, proof: &Proof) -> String {
    let (groups, _) = groups(account, proof);
    let mut script = String::new();
    let mut varied: Vec<(Sender, Vec<String>)> = Vec::new();
    for (sender, mut ask) in senders(&account.setting) {
        let of_sender = || groups.iter().filter(|group| group.sender() == sender);
        if of_sender().next().is_some() {
            let is_replaced = |own: &mut String| of_sender().any(|group| group.replaces(own));
            varied.push((sender, ask.headers.extract_if(.., is_replaced).collect()));
            script += &function(&sender.name(), &account.setting.target, &ask);
        }
    }
    if groups.iter().any(Group::is_reconnected) {
        script += "# Each request here goes over a connection of its own: where each has a quota of its own, all of them get in.\n";
    }
    let mut done = None;
    for group in &groups {
        if let Some(pause) = done.map(|done| group.sent_s() - done).filter(|pause| *pause >= 0.005) {
            script += &format!("sleep {pause:.3}\n");
        }
        let mark = if group.decides { "  <- this decides" } else { "" };
        // A header that some requests replace is no part of the function: each is told its own.
        let own = varied.iter().filter(|(sender, _)| *sender == group.sender()).flat_map(|(_, headers)| headers);
        let own = own.map(String::as_str).filter(|own| !group.replaces(own));
        let headers: String = own.chain(group.header()).map(|header| format!(" -H {}", quoted(header))).collect();
        let step = format!("{} {}{headers}", group.sender().name(), group.told.len());
        script += &format!("{step:<10} # {}{mark}\n", group.came_back());
        done = Some(group.done_s());
    }
    script
}

/// Who sends a group, or what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Client(usize),
    Beside(u8),
}

impl Sender {
    /// What its shell function is called.
    fn name(self) -> String {
        match self {
            Sender::Client(0) => "first".to_owned(),
            Sender::Client(_) => "second".to_owned(),
            Sender::Beside(nth) => format!("other{}", nth + 1),
        }
    }
}

/// Every sender with its request.
fn senders(setting: &Setting) -> Vec<(Sender, AskTold)> {
    let clients = setting.clients.iter().enumerate().map(|(client, headers)| {
        let body = setting.bodies.get(client).cloned().unwrap_or_default();
        let (method, path, headers) = (setting.method.clone(), setting.path.clone(), headers.clone());
        (Sender::Client(client), AskTold { method, path, headers, body })
    });
    let besides = (0..).zip(&setting.besides).map(|(nth, ask)| (Sender::Beside(nth), ask.clone()));
    clients.chain(besides).collect()
}

/// A shell function that sends a request so many times at once.
fn function(name: &str, target: &str, ask: &AskTold) -> String {
    let url = quoted(&format!("{}{}", target.trim_end_matches('/'), ask.path));
    let method = match ask.method.as_str() {
        "GET" => String::new(),
        method => format!(" -X {method}"),
    };
    let has_type = ask.headers.iter().any(|header| header.to_lowercase().starts_with("content-type:"));
    let is_json = ask.body.trim_start().starts_with(['{', '[']);
    let json = if is_json && !has_type { " -H \"Content-Type: application/json\"" } else { "" };
    let body = if ask.body.is_empty() { String::new() } else { format!("{json} --data-raw {}", quoted(&ask.body)) };
    let headers: String = ask.headers.iter().map(|header| format!(" -H {}", quoted(header))).collect();
    if ask.method == "WS" {
        return format!(
            "{name}() {{\n  for _ in $(seq \"$1\"); do\n    curl -s -N -i --max-time 10{HANDSHAKE}{headers} \"${{@:2}}\" \\\n      {url} | \
             head -n 1 &\n  done; sleep 0.2\n}}\n"
        );
    }
    format!(
        "{name}() {{\n  for _ in $(seq \"$1\"); do\n    curl -sS -D - -o /dev/null --max-time 120{method}{headers}{body} \
         \"${{@:2}}\" \\\n      {url} | {QUOTA_HEADERS} &\n  done; wait\n}}\n"
    )
}

/// Of an answer's head the status and what speaks of quotas, in a line.
const QUOTA_HEADERS: &str = "tr -d '\\r' | grep -iE '^(HTTP/|retry-after[^:]*:|[^:]*rate-?limit)' | paste -sd ' ' -";

/// The handshake of a WebSocket (RFC 6455). Its answer is shown at once, and the stream stays open until its time is over.
const HANDSHAKE: &str = " --http1.1 -H \"Connection: Upgrade\" -H \"Upgrade: websocket\" -H \"Sec-WebSocket-Version: 13\" \
                         -H \"Sec-WebSocket-Key: $(openssl rand -base64 16)\"";

/// In double quotes, in which a variable stands for each `env:NAME`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for part in parts(text) {
        match part {
            Part::Variable(name) => quoted += &format!("${{{name}}}"),
            Part::Text(text) => text.chars().for_each(|c| {
                if matches!(c, '"' | '$' | '`' | '\\') {
                    quoted.push('\\');
                }
                quoted.push(c);
            }),
        }
    }
    quoted + "\""
}
