//! What the tests share: a scripted device, an observer that keeps everything, servers made of a closure.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use quotaproof::device::{
    Actions, Answer, Body, Cause, Detail, Device, Disconnect, Event, Flow, HttpRequest, Lane, Note, Outcome, Request,
    ServedAnswer,
};
use quotaproof::drive::live::{Control, LiveEnd, LiveOptions, run};
use quotaproof::policy::model::{Code, HintPlace, HintSource, HintUnit, Policy, Presence, Refusal};
use quotaproof::record::{Exchange, Observation, Observer, Record, Sent, StreamEnding};
use quotaproof::scenario::target::{Network, ServerSpec, Target};
use quotaproof::scenario::{DeviceId, Identities, OperationId, Operations, Scenario};
use quotaproof::time::{Anchor, Nanos};

pub use crate::server::{ok, read_request, server};

pub const fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

/// What a scripted device does at one wake-up, or after one answer.
#[derive(Clone, Default)]
pub struct Step {
    /// At this time, or as soon as the request before is answered.
    pub at: Option<Nanos>,
    pub requests: Vec<Request>,
    pub disconnect: Vec<Disconnect>,
}

/// A request of a device's script.
pub fn request(flow: u32, lane: Lane) -> Request {
    Request {
        operation: OperationId(0),
        flow: Flow(flow),
        attempt: 1,
        due: Nanos::ZERO,
        cause: Cause::Schedule,
        lane,
        detail: Detail::None,
        timeout: Nanos::from_secs(10),
        held: false,
    }
}

/// One request after the other, each when the one before is answered.
pub fn in_turn(requests: impl IntoIterator<Item = Request>) -> Vec<Step> {
    requests.into_iter().map(|request| Step { requests: vec![request], ..Step::default() }).collect()
}

pub fn at(time: Nanos, requests: impl IntoIterator<Item = Request>) -> Step {
    Step { at: Some(time), requests: requests.into_iter().collect(), disconnect: Vec::new() }
}

/// Plays a script; keeps what it was told.
pub struct Scripted {
    steps: std::vec::IntoIter<Step>,
    waiting: Option<Step>,
    heard: Heard,
    unanswered: usize,
    /// Stopped when the script is over and answered, so that no test waits for a run's planned end.
    control: Option<Control>,
}

/// What a device was told, in words.
pub type Heard = Arc<Mutex<Vec<String>>>;

impl Scripted {
    pub fn new(steps: Vec<Step>, heard: Heard, control: Option<Control>) -> Self {
        let mut steps = steps.into_iter();
        Scripted { waiting: steps.next(), steps, heard, unanswered: 0, control }
    }

    fn advance(&mut self, now: Nanos, answered: bool, out: &mut Actions) {
        let ready = |step: &mut Step| step.at.map_or(answered || now == Nanos::ZERO, |at| at <= now);
        while let Some(step) = self.waiting.take_if(ready) {
            self.unanswered += step.requests.len();
            out.requests.extend(step.requests);
            out.disconnect.extend(step.disconnect);
            self.waiting = self.steps.next();
            // An answer brings on one step that waits for it.
            if self.waiting.as_ref().is_some_and(|next| next.at.is_none()) {
                break;
            }
        }
        out.wake = self.waiting.as_ref().and_then(|step| step.at);
    }
}

impl Device for Scripted {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        let mut first = false;
        let words = match &event {
            Event::Wake => {
                first = self.heard.lock().unwrap().is_empty();
                format!("wake at {}", now.0)
            }
            Event::Answered { request, answer: Answer { outcome, body, .. } } => {
                format!("{} {outcome:?} {body:?}", request.flow.0)
            }
            Event::StreamClosed { flow } => format!("{} closed", flow.0),
            Event::Disturbed(what) => format!("{what:?}"),
        };
        self.heard.lock().unwrap().push(words);
        let answered = first || matches!(event, Event::Answered { .. } | Event::StreamClosed { .. });
        self.unanswered -= usize::from(matches!(event, Event::Answered { .. }));
        self.advance(now, answered, out);
        if self.waiting.is_none()
            && self.unanswered == 0
            && let Some(control) = &self.control
        {
            control.stop();
        }
    }

    fn render(&self, _now: Nanos, request: &Request, _anchor: Anchor, http: &mut HttpRequest) {
        http.method = if request.lane == Lane::Stream { "GET" } else { "POST" };
        http.path.push_str(&format!("/flow/{}", request.flow.0));
        http.headers.push(("authorization".into(), "Bearer hunter2".to_owned()));
        if request.lane != Lane::Stream {
            http.body.extend_from_slice(b"{\"x\":1}");
        }
    }

    fn interpret(&self, _request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        let text = String::from_utf8_lossy(answer.body);
        (text != "nonsense").then(|| Body::CommandQueued { command_id: text.into() })
    }
}

/// Everything that was observed, and when.
#[derive(Default, Debug)]
pub struct Log {
    pub records: Vec<(Record, Option<Exchange>)>,
    pub sent: Vec<(Nanos, Sent)>,
    pub late: Vec<Nanos>,
    pub closed: Vec<(DeviceId, Flow, u64, StreamEnding)>,
    pub notes: Vec<Note>,
    last: Nanos,
}

impl Observer for Log {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        assert!(at >= self.last, "observations come in the order of their time");
        self.last = at;
        match observation {
            Observation::Sent(sent) => self.sent.push((at, sent)),
            Observation::Classified { .. } => {}
            Observation::Done { record, exchange } => {
                assert!(record.due <= record.sent.unwrap_or(record.due), "never early: {record:?}");
                assert!(record.sent.unwrap_or(record.due) <= record.done, "{record:?}");
                self.records.push((*record, exchange.cloned()));
            }
            Observation::StreamClosed { device, flow, frames, ending, .. } => {
                self.closed.push((device, flow, frames, ending));
            }
            Observation::Noted { note, .. } => self.notes.push(note),
            Observation::Late { by } => self.late.push(by),
            Observation::Through { .. } => {}
        }
    }
}

impl Log {
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.records.iter().map(|(record, _)| record.outcome).collect()
    }
}

/// Plays one device's script to its end.
pub fn play(url: &str, steps: Vec<Step>) -> (LiveEnd<Log>, Vec<String>) {
    play_to_end(&scenario(Nanos::from_secs(60)), options(url), steps)
}

/// Plays one device's script to its end, or to that of the scenario.
pub fn play_to_end(scenario: &Scenario, options: LiveOptions, steps: Vec<Step>) -> (LiveEnd<Log>, Vec<String>) {
    let control = Some(options.control.clone());
    play_with(scenario, options, steps, control)
}

/// Plays one device's script and then waits for the scenario's end.
pub fn play_on(scenario: &Scenario, options: LiveOptions, steps: Vec<Step>) -> (LiveEnd<Log>, Vec<String>) {
    play_with(scenario, options, steps, None)
}

fn play_with(
    scenario: &Scenario,
    options: LiveOptions,
    steps: Vec<Step>,
    control: Option<Control>,
) -> (LiveEnd<Log>, Vec<String>) {
    let heard = Heard::default();
    let device = |_| Scripted::new(steps.clone(), heard.clone(), control.clone());
    let end = run(scenario, &options, vec![vec![DeviceId(0)]], device, |_| Log::default()).unwrap();
    let heard = heard.lock().unwrap().clone();
    (end, heard)
}

pub fn options(url: &str) -> LiveOptions {
    LiveOptions { drain: ms(300), max_body: 10_000, ..LiveOptions::new(url) }
}

pub fn scenario(duration: Nanos) -> Scenario {
    let retry_after = HintSource {
        place: HintPlace::Body("/details/retry_after_seconds".into()),
        unit: HintUnit::Seconds,
        presence: Presence::Optional,
    };
    let refusal = Refusal {
        body_code: Some(("/code".into(), Code::Number(5001))),
        retry_after: Some(retry_after),
        ..Refusal::default()
    };
    let policy = Policy { name: "test".into(), title: "test".into(), refusal, ..Policy::default() };
    Scenario {
        name: "test".into(),
        description: None,
        profile_hash: String::new(),
        seed: 1,
        duration,
        start_of_week_offset: Nanos::ZERO,
        operations: Operations::classified(&policy, [("POST", "/flow/{flow}")]),
        policy,
        target: Target::Embedded(ServerSpec::default()),
        groups: Vec::new(),
        identities: Identities::default(),
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

/// Answers every request of a connection the same way.
pub fn answer_all(mut stream: impl Read + Write, answer: &str) {
    while read_request(&mut stream).is_some() {
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
