//! Commands on their way to chargers, and what became of them.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::{Code, Problem};
use super::fleet::ChargerId;
use crate::time::{Anchor, Nanos};

/// A command that no charger acknowledges within this time has failed.
pub const EXPIRES_AFTER: Nanos = Nanos::from_secs(300);
/// A command that was handed out and not acknowledged is handed out again after this time, in case the answer was lost.
pub const AGAIN_AFTER: Nanos = Nanos::from_secs(60);
/// How many commands may wait for one charger.
const MOST_WAITING: usize = 16;
/// How many commands are remembered; the oldest are forgotten first.
const MOST_REMEMBERED: usize = 65_536;

/// A command's number, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandId(u64);

/// All commands.
#[derive(Default)]
pub struct Commands {
    /// Numbered from `first` on.
    remembered: VecDeque<Command>,
    first: u64,
    /// By charger: what it has not acknowledged, oldest first.
    waiting: HashMap<ChargerId, Vec<CommandId>>,
}

struct Command {
    charger: ChargerId,
    /// None: for the charger as a whole.
    connector: Option<u8>,
    word: &'static str,
    params: Map<String, Value>,
    created: Nanos,
    updated: Nanos,
    handed_out: Option<Nanos>,
    status: Status,
    result: Option<Value>,
}

/// A command's state, as operators see it. It is the charger's word that moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not acknowledged by the charger.
    Queued,
    Accepted,
    Completed,
    Failed,
}

/// What a charger reports. Operators see a rejected command as failed.
pub struct Report<'a> {
    /// `accepted`, `rejected`, `completed` or `failed`.
    pub status: &'a str,
    pub message: Option<&'a str>,
    pub details: Option<Map<String, Value>>,
}

/// A command as a charger gets it.
#[derive(Serialize)]
pub struct PendingView<'a> {
    command_id: String,
    command: &'static str,
    params: &'a Map<String, Value>,
    expiry: String,
}

/// A command as an operator sees it.
#[derive(Serialize)]
pub struct CommandView<'a> {
    command_id: String,
    status: Status,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
}

impl CommandId {
    pub fn text(self) -> String {
        format!("cmd_{}", self.0)
    }

    fn parse(text: &str) -> Option<CommandId> {
        text.strip_prefix("cmd_")?.parse().ok().map(CommandId)
    }
}

impl Commands {
    /// Lets a command wait for its charger. Its params tell the connector. Error: 4001 where too many wait already.
    pub fn queue(
        &mut self,
        now: Nanos,
        charger: ChargerId,
        connector: Option<u8>,
        word: &'static str,
        mut params: Map<String, Value>,
    ) -> Result<CommandId, Problem> {
        self.drop_settled(now, charger);
        let waiting = self.waiting.entry(charger).or_default();
        if waiting.len() >= MOST_WAITING {
            return Err(Problem::new(Code::Conflict, "Too many commands wait for this charger"));
        }
        let id = CommandId(self.first + self.remembered.len() as u64);
        waiting.push(id);
        if let Some(connector) = connector {
            params.insert("connector_id".to_owned(), connector.into());
        }
        self.remembered.push_back(Command {
            charger,
            connector,
            word,
            params,
            created: now,
            updated: now,
            handed_out: None,
            status: Status::Queued,
            result: None,
        });
        if self.remembered.len() > MOST_REMEMBERED {
            self.remembered.pop_front();
            self.first += 1;
        }
        Ok(id)
    }

    /// Hands out, oldest first and at most `most`, what waits for a charger: for one connector (and for the charger as a
    /// whole), or for all of them. What was handed out lately is left out.
    pub fn hand_out(&mut self, now: Nanos, charger: ChargerId, connector: Option<u8>, most: usize) -> Vec<CommandId> {
        self.drop_settled(now, charger);
        let Some(waiting) = self.waiting.get(&charger) else { return Vec::new() };
        let mut handed = Vec::new();
        for &id in waiting {
            let Some(command) = Self::find_in(&mut self.remembered, self.first, id) else { continue };
            let fits = connector.is_none() || command.connector.is_none() || command.connector == connector;
            let due = command.handed_out.is_none_or(|at| now >= at.saturating_add(AGAIN_AFTER));
            if fits && due && handed.len() < most {
                command.handed_out = Some(now);
                handed.push(id);
            }
        }
        handed
    }

    /// Takes a charger's word on a command. Saying the same again is fine. Errors: 3001 for a command that is not the
    /// charger's, 4001 for another word after the final one.
    pub fn report(&mut self, now: Nanos, charger: ChargerId, id: &str, report: Report<'_>) -> Result<(), Problem> {
        let command = CommandId::parse(id)
            .and_then(|id| Self::find_in(&mut self.remembered, self.first, id))
            .filter(|command| command.charger == charger)
            .ok_or_else(|| Problem::not_found("Command"))?;
        let status = match report.status {
            "accepted" => Status::Accepted,
            "completed" => Status::Completed,
            _ => Status::Failed,
        };
        command.expire(now);
        match command.status {
            earlier if earlier == status => return Ok(()),
            Status::Completed | Status::Failed => {
                return Err(Problem::new(Code::Conflict, "This command has already ended"));
            }
            Status::Queued | Status::Accepted => {}
        }
        command.status = status;
        command.updated = now;
        command.result = result_of(&report, status);
        self.drop_settled(now, charger);
        Ok(())
    }

    /// A command as a charger gets it.
    pub fn pending_view(&self, anchor: Anchor, id: CommandId) -> Option<PendingView<'_>> {
        let command = self.remembered.get(id.0.checked_sub(self.first)? as usize)?;
        let expiry = anchor.iso(command.created.saturating_add(EXPIRES_AFTER));
        Some(PendingView { command_id: id.text(), command: command.word, params: &command.params, expiry })
    }

    /// A command as an operator sees it. Error: 3001.
    pub fn view(&mut self, now: Nanos, anchor: Anchor, id: &str) -> Result<CommandView<'_>, Problem> {
        let command = CommandId::parse(id)
            .and_then(|id| Self::find_in(&mut self.remembered, self.first, id))
            .ok_or_else(|| Problem::not_found("Command"))?;
        command.expire(now);
        Ok(CommandView {
            command_id: id.to_owned(),
            status: command.status,
            created_at: anchor.iso(command.created),
            updated_at: anchor.iso(command.updated),
            result: command.result.as_ref(),
        })
    }

    /// Forgets what need not be handed out any more: acknowledged, expired or no longer remembered.
    fn drop_settled(&mut self, now: Nanos, charger: ChargerId) {
        let Some(waiting) = self.waiting.get_mut(&charger) else { return };
        waiting.retain(|&id| {
            Self::find_in(&mut self.remembered, self.first, id).is_some_and(|command| {
                command.expire(now);
                command.status == Status::Queued
            })
        });
        if waiting.is_empty() {
            self.waiting.remove(&charger);
        }
    }

    fn find_in(remembered: &mut VecDeque<Command>, first: u64, id: CommandId) -> Option<&mut Command> {
        remembered.get_mut(id.0.checked_sub(first)? as usize)
    }
}

impl Command {
    fn expire(&mut self, now: Nanos) {
        let end = self.created.saturating_add(EXPIRES_AFTER);
        if self.status == Status::Queued && now >= end {
            self.status = Status::Failed;
            self.updated = end;
            self.result = Some(json!({ "reason": "expired" }));
        }
    }
}

/// The charger's details; of a failure also its reason.
fn result_of(report: &Report<'_>, status: Status) -> Option<Value> {
    let mut result = report.details.clone().unwrap_or_default();
    if status == Status::Failed {
        let reason = report.message.unwrap_or(report.status);
        result.entry("reason").or_insert_with(|| reason.into());
    }
    (!result.is_empty()).then_some(Value::Object(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARGER: ChargerId = ChargerId(3);
    const ANCHOR: Anchor = Anchor { unix_nanos: 0 };

    fn secs(secs: u64) -> Nanos {
        Nanos::from_secs(secs)
    }

    fn queue(commands: &mut Commands, at: u64, connector: Option<u8>) -> CommandId {
        commands.queue(secs(at), CHARGER, connector, "start_charging", Map::new()).unwrap()
    }

    fn report(commands: &mut Commands, at: u64, id: CommandId, status: &str) -> Result<(), Problem> {
        commands.report(secs(at), CHARGER, &id.text(), Report { status, message: None, details: None })
    }

    fn status(commands: &mut Commands, at: u64, id: CommandId) -> Status {
        commands.view(secs(at), ANCHOR, &id.text()).ok().unwrap().status
    }

    #[test]
    fn a_command_is_handed_out_once_and_again_only_after_a_minute_without_a_word() {
        let mut commands = Commands::default();
        let id = queue(&mut commands, 0, Some(1));
        assert_eq!(commands.hand_out(secs(1), CHARGER, None, 9), [id]);
        assert_eq!(commands.hand_out(secs(60), CHARGER, None, 9), []);
        assert_eq!(commands.hand_out(secs(61), CHARGER, None, 9), [id]);
        report(&mut commands, 62, id, "accepted").unwrap();
        assert_eq!(commands.hand_out(secs(200), CHARGER, None, 9), []);
    }

    #[test]
    fn a_poll_gets_what_is_for_its_connector_or_for_the_whole_charger() {
        let mut commands = Commands::default();
        let second = queue(&mut commands, 0, Some(2));
        let whole = queue(&mut commands, 0, None);
        assert_eq!(commands.hand_out(secs(1), CHARGER, Some(1), 1), [whole]);
        assert_eq!(commands.hand_out(secs(1), CHARGER, Some(1), 1), []);
        assert_eq!(commands.hand_out(secs(1), ChargerId(4), None, 9), []);
        assert_eq!(commands.hand_out(secs(1), CHARGER, Some(2), 1), [second]);
    }

    #[test]
    fn what_is_never_acknowledged_fails_when_it_expires() {
        let mut commands = Commands::default();
        let id = queue(&mut commands, 0, Some(1));
        assert_eq!(status(&mut commands, 299, id), Status::Queued);
        assert_eq!(commands.hand_out(secs(300), CHARGER, None, 9), []);
        assert_eq!(status(&mut commands, 300, id), Status::Failed);
        assert_eq!(report(&mut commands, 301, id, "completed").unwrap_err().code, Code::Conflict);
    }

    #[test]
    fn the_chargers_word_moves_a_command_and_its_last_word_stays() {
        let mut commands = Commands::default();
        let (done, refused) = (queue(&mut commands, 0, Some(1)), queue(&mut commands, 0, Some(1)));
        report(&mut commands, 1, done, "accepted").unwrap();
        assert_eq!(status(&mut commands, 1, done), Status::Accepted);
        report(&mut commands, 2, done, "completed").unwrap();
        report(&mut commands, 3, done, "completed").unwrap();
        assert_eq!(report(&mut commands, 3, done, "failed").unwrap_err().code, Code::Conflict);
        assert_eq!(status(&mut commands, 3, done), Status::Completed);
        report(&mut commands, 1, refused, "rejected").unwrap();
        assert_eq!(status(&mut commands, 3, refused), Status::Failed);
        let other = Report { status: "completed", message: None, details: None };
        assert_eq!(commands.report(secs(1), ChargerId(9), &done.text(), other).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn neither_one_charger_nor_all_of_them_can_fill_the_memory() {
        let mut commands = Commands::default();
        for _ in 0..MOST_WAITING {
            queue(&mut commands, 0, None);
        }
        let full = commands.queue(secs(0), CHARGER, None, "start_charging", Map::new());
        assert_eq!(full.unwrap_err().code, Code::Conflict);
        for charger in 0..MOST_REMEMBERED as u32 {
            commands.queue(secs(1), ChargerId(100 + charger), None, "start_charging", Map::new()).unwrap();
        }
        assert_eq!(commands.remembered.len(), MOST_REMEMBERED);
        assert_eq!(commands.hand_out(secs(2), CHARGER, None, 99), [], "forgotten with the oldest");
        assert!(commands.view(secs(2), ANCHOR, "cmd_0").is_err());
    }
}
