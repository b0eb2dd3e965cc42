//! What the documents leave unsaid, answered by what was measured; or why it stays open.
//!
//! A policy names the [topics](Topic) of each of its silences. Every topic has one answer here, from one of three sources:
//! the limiter that was found, what the answers said, and what other requests got. What no probe can see says so.

mod of_answers;
mod of_limiter;
mod of_others;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conformance::{Case, Reach, Transcript};
use super::outcome::Measured;
use super::witness::{Guise, Witness};
use crate::policy::silence::{Silence, Topic};
use crate::summary::finding::Finding;

/// One silence of the documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsaid {
    /// The sentence in the policy.
    pub text: String,
    /// One for each topic.
    pub answers: Vec<Answered>,
}

/// What a probe has to say of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    pub topic: Topic,
    /// As measured on this server, promised by nobody.
    pub measured: Option<String>,
    /// Why nothing was measured.
    pub open: Option<String>,
}

/// What was measured, or why nothing was.
pub type Answer = Result<String, String>;

/// All that there is to answer from.
pub struct Seen<'a> {
    pub case: &'a Case,
    pub transcript: &'a Transcript,
    pub measured: Option<&'a Measured>,
    pub reach: &'a Reach<'a>,
    pub checks: &'a [Finding],
}

impl<'a> Seen<'a> {
    /// What became of the probe's own requests.
    pub fn own(&self) -> impl Iterator<Item = &'a Witness> + use<'a> {
        let all = self.transcript.entries().iter().map(|entry| &entry.witness);
        all.filter(|witness| !matches!(witness.guise, Guise::Beside(_)))
    }

    pub fn check(&self, id: &str) -> Option<&'a Finding> {
        self.checks.iter().find(|check| check.check == id)
    }

    fn answer(&self, silence: &Silence, topic: Topic) -> Answer {
        match topic {
            Topic::Algorithm => of_limiter::algorithm(self),
            Topic::WindowBegin => of_limiter::window_begin(self),
            Topic::Burst => of_limiter::burst(self),
            Topic::Refused => of_limiter::refused(self),
            Topic::Penalty => of_limiter::penalty(self),
            Topic::Concurrency => of_limiter::concurrency(self),
            Topic::OtherLimits => of_limiter::other_limits(self),
            Topic::Hints => of_answers::hints(self),
            Topic::QuotaHeaders => of_answers::quota_headers(self),
            Topic::LimitTold => of_answers::limit_told(self),
            Topic::WindowTold => of_answers::window_told(self),
            Topic::Remaining => of_answers::remaining(self),
            Topic::Names => of_answers::names(self),
            Topic::Overload => of_answers::overload(self),
            Topic::Endpoints => of_others::endpoints(self),
            Topic::OtherRequests => of_others::other_requests(self, silence),
            Topic::Classes => of_others::classes(self),
            Topic::Failed => of_others::failed(self),
            Topic::Unauthenticated => of_others::unauthenticated(self),
            Topic::Client => of_others::client(self),
            Topic::StreamHandshake => of_others::stream_handshake(self),
            Topic::StreamSet | Topic::StreamExcess => {
                Err("it takes streams: name one, as in --request 'WS /stream'".to_owned())
            }
            Topic::Timing => Err(TIMING.to_owned()),
            Topic::Deployments => Err(DEPLOYMENTS.to_owned()),
            Topic::ClientRules => Err(CLIENT_RULES.to_owned()),
        }
    }
}

const TIMING: &str =
    "it takes a request that is answered long after it came, and one of those that change nothing is not known";
const DEPLOYMENTS: &str = "another deployment is another server: probe that one too";
const CLIENT_RULES: &str = "it is for clients to decide: no server shows it";
const UNKNOWN: &str = "the policy names no topic of it that a probe could measure";

/// What the documents leave unsaid, with what was measured of it.
pub fn answered(seen: &Seen<'_>) -> Vec<Unsaid> {
    seen.case.policy.silences.iter().map(|silence| unsaid(silence, |topic| seen.answer(silence, topic))).collect()
}

/// One silence, answered topic by topic.
pub fn unsaid(silence: &Silence, answer: impl Fn(Topic) -> Answer) -> Unsaid {
    let answers = silence.about.iter().map(|topic| {
        let answer = answer(*topic);
        Answered { topic: *topic, measured: answer.clone().ok(), open: answer.err() }
    });
    Unsaid { text: silence.text.clone(), answers: answers.collect() }
}

/// One answer as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// False where it says why nothing was measured.
    pub is_measured: bool,
    pub text: &'a str,
}

impl Unsaid {
    /// All answers, each once; where it is about nothing that a probe knows, that.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for answer in &self.answers {
            let line = match (&answer.measured, &answer.open) {
                (Some(text), _) => Line { is_measured: true, text },
                (None, Some(text)) => Line { is_measured: false, text },
                (None, None) => continue,
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.extend(self.answers.is_empty().then_some(Line { is_measured: false, text: UNKNOWN }));
        lines
    }
}

/// Silences that have the same answers, in one: those are then told once.
pub struct Group<'a> {
    pub texts: Vec<&'a str>,
    pub lines: Vec<Line<'a>>,
}

pub fn grouped(silences: &[Unsaid]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for silence in silences {
        let lines = silence.lines();
        match groups.iter_mut().find(|group| group.lines == lines) {
            Some(group) => group.texts.push(&silence.text),
            None => groups.push(Group { texts: vec![&silence.text], lines }),
        }
    }
    groups
}
