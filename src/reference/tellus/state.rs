//! What the platform knows, shared by both of its surfaces.

use serde_json::{Map, Value};

use super::admission::Place;
use super::answer::{Problem, done, success};
use super::commands::{CommandId, Commands};
use super::fleet::{ChargerId, Fleet, MOST_CONNECTORS};
use super::polls::{Held, Polls};
use super::records::Records;
use crate::reference::http::HttpOut;
use crate::reference::platform::Ticket;
use crate::time::{Anchor, Nanos};

/// Everything but tokens and quotas.
pub struct State {
    pub anchor: Anchor,
    pub fleet: Fleet,
    pub commands: Commands,
    pub records: Records,
    pub polls: Polls,
    /// Group controls given so far.
    pub controls: u64,
    /// Answers to held polls that nobody has fetched yet.
    pub answers: Vec<PollAnswer>,
}

/// The answer to a held poll.
pub struct PollAnswer {
    pub ticket: Ticket,
    pub place: Option<Place>,
    pub answer: HttpOut,
}

impl State {
    pub fn new(anchor: Anchor) -> State {
        State {
            anchor,
            fleet: Fleet::default(),
            commands: Commands::default(),
            records: Records::default(),
            polls: Polls::default(),
            controls: 0,
            answers: Vec::new(),
        }
    }

    /// Gives a command its way to the charger: at once if a poll is held for it. Error: 4001 where too many wait.
    pub fn command(
        &mut self,
        now: Nanos,
        charger: ChargerId,
        connector: Option<u8>,
        word: &'static str,
        params: Map<String, Value>,
    ) -> Result<CommandId, Problem> {
        let id = self.commands.queue(now, charger, connector, word, params)?;
        let addressed = connector.map_or(1..=MOST_CONNECTORS, |connector| connector..=connector);
        if let Some(connector) = self.polls.first_held(charger, addressed)
            && let Some(answer) = self.next_command(now, charger, connector)
            && let Some(held) = self.polls.take(charger, connector)
        {
            self.answer_poll(held, answer);
        }
        Ok(id)
    }

    /// The next command for a connector, handed out and enveloped.
    pub fn next_command(&mut self, now: Nanos, charger: ChargerId, connector: u8) -> Option<HttpOut> {
        let id = *self.commands.hand_out(now, charger, Some(connector), 1).first()?;
        self.commands.pending_view(self.anchor, id).map(success)
    }

    /// Answers the polls whose time is over: there was no command.
    pub fn end_polls(&mut self, now: Nanos) {
        while let Some(held) = self.polls.ended(now) {
            self.answer_poll(held, done());
        }
    }

    pub fn answer_poll(&mut self, held: Held, answer: HttpOut) {
        self.answers.push(PollAnswer { ticket: held.ticket, place: held.place, answer });
    }
}
