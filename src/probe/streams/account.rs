//! A survey as an account: every handshake, and which of them prove what.

use super::found::{compared, title};
use super::survey::{Fate, Survey};
use crate::probe::account::{Account, FORMAT, Proof, Setting, Told};
use crate::probe::outcome::Outcome;

impl Account {
    /// Of streams. The handshakes stand in the order in which they were sent.
    pub fn of_streams(setting: Setting, survey: &Survey, outcome: Outcome) -> Account {
        let exchanges = survey.streams().iter().map(|stream| Told::of(&stream.witness, None)).collect();
        let mut account = Account { format: FORMAT, setting, outcome, exchanges, left: Vec::new(), proofs: Vec::new() };
        for attempt in survey.attempts() {
            let title = title(survey, attempt.question);
            for at in attempt.base.iter().chain(&attempt.extra) {
                let told = &mut account.exchanges[*at];
                told.trial = Some(title.clone());
                if let Fate::Ended { after, code } = survey.fate(attempt, *at) {
                    let code = code.map(|code| format!(" with code {code}")).unwrap_or_default();
                    told.seen += &format!("; closed by the server {after} after the last was opened{code}");
                }
            }
            let (Some(from), Some(decisive)) = (attempt.base.first(), attempt.extra) else { continue };
            let proof = |about: String, measured: String| {
                let claim = format!("The handshakes in their order: {measured}");
                Proof { about, claim, from: *from, decisive, client: None }
            };
            account.proofs.extend(compared(survey, attempt).into_iter().map(|it| proof(it.what, it.measured)));
        }
        account
    }

    /// Whether what it tells of are handshakes and not requests.
    pub fn is_of_streams(&self) -> bool {
        self.setting.method == "WS"
    }
}
