//! The exchanges between two requests, put together to what a person can read and send again.

use crate::probe::account::{Account, AnswerTold, Proof, Told};
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
        let alike = |last: &&Told| (last.client, &last.header) == (told.client, &told.header);
        self.told.last().copied().filter(alike).is_some_and(|last| told.sent_s - last.sent_s < TOGETHER_S)
    }

    fn client(&self) -> usize {
        self.told.first().map_or(0, |told| told.client)
    }

    /// A header that these requests have besides their client's.
    pub fn header(&self) -> Option<&str> {
        self.told.first()?.header.as_deref()
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
    let url = quoted(&format!("{}{}", account.setting.target.trim_end_matches('/'), account.setting.path));
    let method = match account.setting.method.as_str() {
        "GET" => String::new(),
        method => format!(" -X {method}"),
    };
    let mut script = String::new();
    for (client, headers) in account.setting.clients.iter().enumerate() {
        if groups.iter().any(|group| group.client() == client) {
            let headers: String = headers.iter().map(|header| format!(" -H {}", quoted(header))).collect();
            script += &format!(
                "{}() {{\n  for _ in $(seq \"$1\"); do\n    curl -s -o /dev/null -w '%{{http_code}} ' --max-time 120{method}{headers} \
                 \"${{@:2}}\" \\\n      {url} &\n  done; wait; echo\n}}\n",
                name(client)
            );
        }
    }
    let mut done = None;
    for group in &groups {
        if let Some(pause) = done.map(|done| group.sent_s() - done).filter(|pause| *pause >= 0.005) {
            script += &format!("sleep {pause:.3}\n");
        }
        let mark = if group.decides { "  <- this decides" } else { "" };
        let header = group.header().map(|header| format!(" -H {}", quoted(header))).unwrap_or_default();
        let step = format!("{} {}{header}", name(group.client()), group.told.len());
        script += &format!("{step:<10} # {}{mark}\n", group.came_back());
        done = Some(group.done_s());
    }
    script
}

/// What the function is called that sends for a client.
fn name(client: usize) -> &'static str {
    if client == 0 { "first" } else { "second" }
}

/// In double quotes, in which a variable stands for each word `env:NAME`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            quoted.push(' ');
        }
        match word.strip_prefix("env:").filter(|name| is_variable(name)) {
            Some(name) => quoted += &format!("${name}"),
            None => word.chars().for_each(|c| {
                if matches!(c, '"' | '$' | '`' | '\\') {
                    quoted.push('\\');
                }
                quoted.push(c);
            }),
        }
    }
    quoted + "\""
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
