//! `server.stream-delivery`: what the streams that were opened brought, and how they ended.
//!
//! The documents promise a frame for each device in each interval of a few seconds, and leave open whether idle devices
//! have any. So a stream that stays silent for [`SILENCE`] is the server's failure only where its chargers reported for as
//! long without a pause that they charge. And a stream names its devices by ids that are made up as the reference server
//! mints them: another platform is blamed only where some stream brought a frame, so that it knows such ids. The documents
//! say nothing about a server that ends a stream: that is told and not judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answers::MADE_UP_IDS;
use super::exhibit::{Exhibit, Exhibits};
use super::series::Series;
use super::service;
use super::words::unseen;
use crate::device::operator::sets::{DeviceSet, device_sets};
use crate::device::{Detail, Flow, Outcome};
use crate::record::{Record, StreamEnding};
use crate::scenario::target::Target;
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::tellus::TellusOp;
use crate::time::Nanos;
use crate::words::plural;

/// A stream without a frame for so long is silent: the documents say "every few seconds".
pub const SILENCE: Nanos = Nanos::from_secs(30);

/// What chargers report is noted in steps of this length at most, however long the run: they report every few seconds.
const STEP: Nanos = Nanos::from_secs(5);

/// Reports that are further apart than this do not tell of charging between them.
const PAUSE: Nanos = Nanos::from_secs(10);

#[derive(Clone, Debug)]
pub struct Deliveries {
    /// The handshakes of streams, by operation.
    streams: Vec<bool>,
    telemetry: Option<OperationId>,
    /// Whether the server may know none of the devices that the streams are about.
    is_remote: bool,
    of_device: Spans,
    /// By the number of the set, from 1.
    watched: Vec<Watched>,
    open: HashMap<(DeviceId, Flow), Record>,
    opened: u64,
    frames: u64,
    delivered: u64,
    /// Each took one stream of one device [`SILENCE`] of the run.
    silent: Vec<Silent>,
    /// How the server ended streams.
    ended: BTreeMap<StreamEnding, u64>,
    ended_exhibits: Exhibits,
}

/// Chargers that streams are about: the steps in which they told of charging.
#[derive(Clone, Debug)]
struct Watched {
    charging: Series,
}

/// Which sets a device is in.
#[derive(Clone, Debug)]
struct Spans {
    /// Where sets begin or end, in order, and the sets that hold from there on.
    edges: Vec<(u32, Vec<usize>)>,
}

impl Spans {
    fn new(sets: &[DeviceSet]) -> Self {
        let ends = |set: &DeviceSet| set.first.0 + set.devices;
        let edges: BTreeSet<u32> = sets.iter().flat_map(|set| [set.first.0, ends(set)]).collect();
        let mut edges: Vec<(u32, Vec<usize>)> = edges.into_iter().map(|edge| (edge, Vec::new())).collect();
        for (index, set) in sets.iter().enumerate() {
            let from = edges.partition_point(|&(edge, _)| edge < set.first.0);
            let inside = edges[from..].iter_mut().take_while(|(edge, _)| *edge < ends(set));
            inside.for_each(|(_, holding)| holding.push(index));
        }
        Spans { edges }
    }

    fn of(&self, device: DeviceId) -> &[usize] {
        let after = self.edges.partition_point(|&(edge, _)| edge <= device.0);
        after.checked_sub(1).map_or(&[], |index| &self.edges[index].1)
    }
}

#[derive(Clone, Debug)]
struct Silent {
    set: u32,
    from: Nanos,
    until: Nanos,
    exhibit: Exhibit,
}

impl Deliveries {
    /// `step` is the length of a step of the timeline.
    pub fn new(scenario: &Scenario, step: Nanos) -> Self {
        let sets: Vec<DeviceSet> = device_sets(scenario).into_iter().collect();
        let watched = |_| Watched { charging: Series::new(step.min(STEP)) };
        Deliveries {
            streams: scenario.operations.iter().map(|(_, operation)| operation.method == "WS").collect(),
            telemetry: service::find(scenario, TellusOp::Telemetry),
            is_remote: matches!(scenario.target, Target::Remote(_)),
            of_device: Spans::new(&sets),
            watched: sets.iter().map(watched).collect(),
            open: HashMap::new(),
            opened: 0,
            frames: 0,
            delivered: 0,
            silent: Vec::new(),
            ended: BTreeMap::new(),
            ended_exhibits: Exhibits::default(),
        }
    }

    pub fn done(&mut self, scenario: &Scenario, record: &Record) {
        if record.outcome != Outcome::Served {
            return;
        }
        if Some(record.operation) == self.telemetry {
            self.charges(record);
        } else if self.streams[usize::from(record.operation.0)] {
            self.opened += 1;
            let mut opening = *record;
            // What a script's stream is about is no set of chargers.
            if !scenario.group_of(record.device).kind.speaks_tellus() {
                opening.detail = Detail::None;
            }
            self.open.insert((record.device, record.flow), opening);
        }
    }

    /// Chargers send telemetry while they charge or discharge, and only then.
    fn charges(&mut self, record: &Record) {
        for &set in self.of_device.of(record.device) {
            let charging = &mut self.watched[set].charging;
            charging.raise(charging.step_of(record.done), 1);
        }
    }

    pub fn closed(&mut self, at: Nanos, stream: (DeviceId, Flow), frames: u64, ending: StreamEnding) {
        let Some(opening) = self.open.remove(&stream) else { return };
        let lasted = at.saturating_sub(opening.done);
        self.frames += frames;
        let why = || format!("{} after {lasted} and {}", ending.in_words(), plural(frames, "frame"));
        if frames > 0 {
            self.delivered += 1;
        } else if lasted >= SILENCE {
            let exhibit = Exhibit::done(&opening, None, why());
            self.silent.push(Silent { set: opening.detail.resource(), from: opening.done, until: at, exhibit });
        }
        if ending != StreamEnding::Device {
            *self.ended.entry(ending).or_default() += 1;
            self.ended_exhibits.show(|| Exhibit::done(&opening, None, why()));
        }
    }

    pub fn merge(&mut self, other: Deliveries) {
        for (mine, theirs) in self.watched.iter_mut().zip(&other.watched) {
            mine.charging.merge(&theirs.charging);
        }
        self.open.extend(other.open);
        self.opened += other.opened;
        self.frames += other.frames;
        self.delivered += other.delivered;
        self.silent.extend(other.silent);
        for (ending, count) in other.ended {
            *self.ended.entry(ending).or_default() += count;
        }
        self.ended_exhibits.merge(other.ended_exhibits);
    }

    pub fn finding(mut self, scenario: &Scenario) -> Finding {
        self.silent.sort_by_key(|silent| silent.from);
        let (owed, unclear): (Vec<Silent>, Vec<Silent>) =
            std::mem::take(&mut self.silent).into_iter().partition(|silent| self.charged_during(silent));
        let is_doubtful = self.is_remote && self.delivered == 0;
        let (verdict, headline) = match owed.len() as u64 {
            0 => self.otherwise(unclear.len() as u64),
            owed if is_doubtful => (Verdict::Inconclusive, silence(owed)),
            owed => (Verdict::Fail, silence(owed)),
        };
        let remedy = match verdict {
            Verdict::Fail => "Send a frame for each charging device every few seconds while its stream is open",
            _ => "",
        };
        let explanation = match self.opened {
            0 => String::new(),
            opened => format!("{} opened, {}.", plural(opened, "stream"), plural(self.frames, "frame")),
        };
        let explanation = match !owed.is_empty() && is_doubtful {
            true => format!("{explanation} {MADE_UP_IDS}"),
            false => explanation,
        };
        let looked_at = self.delivered + (owed.len() + unclear.len()) as u64;
        let wrong = owed.len() as u64;
        let mut evidence = Exhibits::default();
        for silent in owed.into_iter().chain(unclear) {
            evidence.show(|| silent.exhibit);
        }
        evidence.merge(self.ended_exhibits);
        Finding {
            verdict,
            headline,
            explanation,
            remedy: remedy.to_owned(),
            looked_at,
            wrong,
            evidence: evidence.into_evidence(scenario),
            ..unseen("server.stream-delivery", Party::Server, Severity::Breach, "")
        }
    }

    /// What there is to say where no stream was silent that should not have been.
    fn otherwise(&self, unclear: u64) -> (Verdict, String) {
        let by_server: u64 = self.ended.values().sum();
        let streams = |count| plural(count, "stream");
        if unclear > 0 {
            let headline = "brought nothing for 30s and longer, with too little charging to tell why";
            (Verdict::Inconclusive, format!("{} {headline}", streams(unclear)))
        } else if by_server > 0 {
            let kinds = self.ended.iter().map(|(ending, count)| format!("{} {count}", ending.in_words()));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            (Verdict::Undocumented, format!("The server ended {by_server} of {}: {kinds}", streams(self.opened)))
        } else if self.delivered > 0 {
            (Verdict::Pass, format!("{} open until the fleet closed them, with frames", streams(self.delivered)))
        } else if self.opened > 0 {
            (Verdict::NoData, format!("No stream was open for {SILENCE}, and none brought a frame"))
        } else {
            (Verdict::NoData, "No stream was opened".to_owned())
        }
    }

    /// Whether the stream's chargers told for as long as [`SILENCE`] without a pause that they charge, while it was open.
    fn charged_during(&self, silent: &Silent) -> bool {
        let watched = (silent.set as usize).checked_sub(1).and_then(|index| self.watched.get(index));
        // Above, as a time between the beginnings of two steps is up to a step longer than the one between two reports.
        watched.is_some_and(|watched| watched.charged_for(silent.from, silent.until) > SILENCE)
    }
}

impl Watched {
    /// The longest time without a pause in which chargers told that they charge, by the beginnings of the steps.
    fn charged_for(&self, from: Nanos, until: Nanos) -> Nanos {
        let next_after = |at: Nanos| self.charging.span(at, until).map(|(first, _)| first);
        let (mut since, mut last, mut longest) = (Nanos::ZERO, Nanos::ZERO, Nanos::ZERO);
        for at in std::iter::successors(next_after(from), |&at| next_after(at)) {
            if last == Nanos::ZERO || at.saturating_sub(last) > PAUSE {
                since = at;
            }
            last = at;
            longest = longest.max(at.saturating_sub(since));
        }
        longest
    }
}

fn silence(streams: u64) -> String {
    let headline = "brought nothing while their chargers reported for 30s and longer that they charge";
    format!("{} {headline}", plural(streams, "stream"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::scenario::fleet::{Ask as Asking, CadenceSpec, Question};
    use crate::scenario::target::RemoteSpec;
    use crate::scenario::{GroupId, GroupKind, Scenario};

    #[test]
    fn a_device_is_in_each_set_that_holds_it() {
        let set = |first, devices| DeviceSet { group: GroupId(0), first: DeviceId(first), devices };
        let sets = [set(0, 5), set(5, 5), set(3, 4), set(20, 1)];
        let spans = Spans::new(&sets);
        for device in 0..25 {
            let naive = (0..sets.len()).filter(|&index| {
                let set = &sets[index];
                (set.first.0..set.first.0 + set.devices).contains(&device)
            });
            assert_eq!(spans.of(DeviceId(device)), naive.collect::<Vec<_>>(), "device {device}");
        }
    }

    /// Clients that watch the first `devices` of their own group.
    fn watching(devices: u32) -> Scenario {
        let mut scenario = scenario(policy(), 4);
        let GroupKind::Operators(spec) = &mut scenario.groups[0].kind else { panic!("a group of operators") };
        let cadence = CadenceSpec { every: Nanos::from_secs(10), jitter: 0.0 };
        spec.asks =
            vec![Asking { what: Question::Stream { group: GroupId(0), devices, per_connection: u32::MAX }, cadence }];
        scenario
    }

    /// A stream from 1 s on that is closed at a second, with telemetry of device 1 at these seconds.
    fn stream(closed: u64, frames: u64, ending: StreamEnding, telemetry: &[u64], devices: u32) -> Finding {
        let mut script = Script::default();
        let flow = script.ask(Ask::new(0, STREAM, 1_000).about(1));
        for second in telemetry {
            script.ask(Ask::new(1, TELEMETRY, second * 1_000));
        }
        script.end_stream(0, flow, closed * 1_000, frames, ending);
        script.verify(watching(devices)).finding("server.stream-delivery", "").clone()
    }

    const DEVICE: StreamEnding = StreamEnding::Device;

    #[test]
    fn silence_fails_where_chargers_charged_all_the_while() {
        let charging: Vec<u64> = (2..60).step_by(5).collect();
        let finding = stream(55, 0, DEVICE, &charging, 2);
        assert_eq!((finding.verdict, finding.wrong, finding.looked_at), (Verdict::Fail, 1, 1));
        assert!(finding.evidence[0].why.starts_with("closed by the device after 53"), "{:?}", finding.evidence);
        assert!(!finding.remedy.is_empty());
    }

    #[test]
    fn silence_proves_nothing_where_nobody_it_watches_charged_for_long_enough() {
        let charging: Vec<u64> = (2..60).step_by(5).collect();
        assert_eq!(stream(55, 0, DEVICE, &[], 2).verdict, Verdict::Inconclusive);
        assert_eq!(stream(55, 0, DEVICE, &[2, 7, 12, 30], 2).verdict, Verdict::Inconclusive);
        assert_eq!(stream(55, 0, DEVICE, &[2, 7, 12, 38, 43, 48], 2).verdict, Verdict::Inconclusive, "a pause");
        assert_eq!(stream(55, 0, DEVICE, &charging, 1).verdict, Verdict::Inconclusive, "another charger's");
    }

    #[test]
    fn another_platform_may_not_know_the_devices_unless_it_sent_a_frame() {
        let silent = |frames_before: u64| {
            let mut script = Script::default();
            let first = script.ask(Ask::new(0, STREAM, 100).about(1));
            script.end_stream(0, first, 900, frames_before, DEVICE);
            let second = script.ask(Ask::new(0, STREAM, 1_000).about(1));
            (2..60).step_by(5).for_each(|second| {
                script.ask(Ask::new(1, TELEMETRY, second * 1_000));
            });
            script.end_stream(0, second, 55_000, 0, DEVICE);
            let remote = RemoteSpec { url: "http://127.0.0.1:1".into(), authorized: false, ca_file: None };
            let scenario = Scenario { target: Target::Remote(remote), ..watching(2) };
            script.verify(scenario).finding("server.stream-delivery", "").clone()
        };
        let finding = silent(0);
        assert_eq!((finding.verdict, finding.wrong, &*finding.remedy), (Verdict::Inconclusive, 1, ""));
        assert!(finding.explanation.contains(MADE_UP_IDS), "{finding:?}");
        assert_eq!(silent(1).verdict, Verdict::Fail);
    }

    #[test]
    fn a_stream_that_is_over_soon_is_no_silence_and_no_pass() {
        let charging: Vec<u64> = (2..60).step_by(5).collect();
        assert_eq!(stream(30, 0, DEVICE, &charging, 2).verdict, Verdict::NoData);
        assert_eq!(stream(3, 1, DEVICE, &charging, 2).verdict, Verdict::Pass);
    }

    #[test]
    fn a_server_that_ends_streams_is_told_by_kind_and_not_judged() {
        let finding = stream(12, 2, StreamEnding::Server { code: Some(1001) }, &[], 2);
        assert_eq!(finding.verdict, Verdict::Undocumented);
        assert_eq!(finding.headline, "The server ended 1 of 1 stream: closed with code 1001 1");
        assert!(finding.evidence[0].why.ends_with("and 2 frames"), "{:?}", finding.evidence);
        let finding = stream(12, 2, StreamEnding::Lost, &[], 2);
        assert_eq!(finding.headline, "The server ended 1 of 1 stream: connection lost 1");
    }

    #[test]
    fn chargers_and_clients_may_be_in_different_shards() {
        let mut script = Script::default();
        let flow = script.ask(Ask::new(0, STREAM, 1_000).about(1));
        (2..60).step_by(5).for_each(|second| {
            script.ask(Ask::new(1, TELEMETRY, second * 1_000));
        });
        script.close(0, flow, 55_000);
        let (mut clients, mut chargers) = (verifier(watching(2)), verifier(watching(2)));
        script.play(&mut clients, |device| device.0 == 0);
        script.play(&mut chargers, |device| device.0 == 1);
        clients.merge(chargers);
        let outcomes = Outcomes(clients.finish(Nanos::from_secs(60)));
        assert_eq!(outcomes.finding("server.stream-delivery", "").verdict, Verdict::Fail);
    }
}
