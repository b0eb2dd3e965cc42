//! `client.cadence`: what the provider expects at a fixed pace comes at that pace.

use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use super::words::unseen;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{DeviceId, Disturbance, GroupId, Operation, OperationId, Scenario, ScheduledEvent};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{part_of, percent_of};

/// A gap may be off by this share of the pace: schedules have jitter.
const TOLERANCE: f64 = 0.25;

/// And this share of all gaps may be off altogether: sessions end, connections are lost.
const ACCEPTABLE: f64 = 0.05;

/// Fewer gaps of an operation say nothing about its pace.
const FEWEST_GAPS: u64 = 10;

/// The gaps between first attempts, per device, operation and resource (a connector).
#[derive(Clone, Debug)]
pub struct Cadences {
    /// By operation.
    paces: Vec<Option<Nanos>>,
    latest: Keyed<(DeviceId, OperationId, u32), Option<Nanos>>,
    /// By operation.
    counts: Vec<Gaps>,
    exhibits: Exhibits,
    interruptions: Vec<Interruption>,
}

/// A time in which an event of the profile keeps some of a group from their pace.
#[derive(Clone, Copy, Debug)]
struct Interruption {
    group: GroupId,
    from: Nanos,
    until: Nanos,
}

/// Longest time that a charger is taken to need for a restart after new firmware.
const RESTART: Nanos = Nanos::from_secs(120);

impl Interruption {
    fn of(event: &ScheduledEvent) -> Option<Self> {
        let lasting = match event.what {
            Disturbance::Blackout { outage, back_within } => outage.saturating_add(back_within),
            Disturbance::ColdStart { within } => within,
            Disturbance::FirmwareRollout { within, download, .. } => {
                within.saturating_add(download).saturating_add(RESTART)
            }
            Disturbance::TokenExpiry | Disturbance::SessionSurge { .. } | Disturbance::ControlBurst { .. } => {
                return None;
            }
        };
        Some(Interruption { group: event.group, from: event.at, until: event.at.saturating_add(lasting) })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    seen: u64,
    off: u64,
}

impl Cadences {
    pub fn new(scenario: &Scenario) -> Self {
        let advice = &scenario.policy.guidance.cadences;
        let pace = |operation: &Operation| {
            let fits = advice.iter().find(|advice| advice.request.matches(&operation.method, &operation.path));
            fits.map(|advice| advice.every)
        };
        let paces: Vec<_> = scenario.operations.iter().map(|(_, operation)| pace(operation)).collect();
        let counts = vec![Gaps::default(); paces.len()];
        let interruptions = scenario.events.iter().filter_map(Interruption::of).collect();
        Cadences { paces, latest: Keyed::default(), counts, exhibits: Exhibits::default(), interruptions }
    }

    pub fn sent(&mut self, scenario: &Scenario, at: Nanos, sent: &Sent) {
        let operation = usize::from(sent.operation.0);
        let Some(every) = self.paces[operation].filter(|_| sent.attempt == 1) else {
            return;
        };
        let place = (sent.device, sent.operation, sent.detail.resource());
        let Some(before) = self.latest.entry(place, |_| false).replace(at) else {
            return;
        };
        if self.was_interrupted(scenario, sent.device, before, at) {
            return;
        }
        let gap = at.saturating_sub(before);
        self.counts[operation].seen += 1;
        if gap.0.abs_diff(every.0) as f64 > TOLERANCE * every.0 as f64 {
            self.counts[operation].off += 1;
            self.exhibits.show(|| Exhibit::sent(at, sent, format!("{gap} after the one before, {every} expected")));
        }
    }

    /// Whether an event, and not the client, set the gap.
    fn was_interrupted(&self, scenario: &Scenario, device: DeviceId, before: Nanos, at: Nanos) -> bool {
        let touches = |event: &&Interruption| event.from <= at && before <= event.until;
        let mut events = self.interruptions.iter().filter(touches);
        events.any(|event| scenario.groups[event.group.index()].index_of(device).is_some())
    }

    pub fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        self.exhibits.answered(record, exchange);
    }

    /// Nothing more comes of the devices so far.
    pub fn through(&mut self) {
        self.latest.clear();
    }

    pub fn merge(&mut self, other: Cadences) {
        self.latest.merge(other.latest);
        self.exhibits.merge(other.exhibits);
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.seen += theirs.seen;
            mine.off += theirs.off;
        }
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        let blank = unseen("client.cadence", Party::Client, Severity::Advice, "");
        let all: u64 = self.counts.iter().map(|gaps| gaps.seen).sum();
        let judged = self.counts.iter().filter(|gaps| gaps.seen >= FEWEST_GAPS);
        let (seen, off) = judged.fold((0, 0), |(seen, off), gaps| (seen + gaps.seen, off + gaps.off));
        if all == 0 {
            return Finding { headline: "Nothing with an expected cadence came twice".to_owned(), ..blank };
        }
        if seen == 0 {
            let headline =
                format!("Too few gaps to tell a pace: {all}, where {FEWEST_GAPS} of an operation are needed");
            return Finding { headline, ..blank };
        }
        let with_counts = || scenario.operations.iter().zip(&self.counts).filter(|(_, gaps)| gaps.seen >= FEWEST_GAPS);
        let is_bad = |gaps: &Gaps| gaps.off as f64 > ACCEPTABLE * gaps.seen as f64;
        let bad: Vec<String> =
            with_counts().filter(|(_, gaps)| is_bad(gaps)).map(|((_, operation), _)| operation.name()).collect();
        let lines = with_counts().map(|((id, operation), gaps)| {
            let every = self.paces[usize::from(id.0)].unwrap_or_default();
            let off = part_of(gaps.off, gaps.seen, "gap");
            format!("{}, every {every}: {off} off by more than 25%.", operation.name())
        });
        let explanation = lines.collect::<Vec<_>>().join(" ");
        let failed = !bad.is_empty();
        Finding {
            verdict: if failed { Verdict::Fail } else { Verdict::Pass },
            headline: if failed {
                format!("The expected cadence is not kept by {}", bad.join(", "))
            } else {
                format!("The expected cadence is kept ({} of the gaps off)", percent_of(off, seen))
            },
            explanation,
            remedy: if failed { "Send at the expected pace, with jitter around it".to_owned() } else { String::new() },
            looked_at: seen,
            wrong: off,
            evidence: if failed { self.exhibits.into_evidence(scenario) } else { Vec::new() },
            ..blank
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::device::Flow;

    fn heartbeats(times: &[u64]) -> Script {
        let mut script = Script::default();
        times.iter().for_each(|at| {
            script.ask(Ask::new(0, HEARTBEAT, *at));
        });
        script
    }

    fn finding(script: &Script) -> Finding {
        script.verify(scenario(policy(), 2)).finding("client.cadence", "").clone()
    }

    #[test]
    fn a_quarter_off_is_jitter_and_more_is_not() {
        let ending = |last_gap: u64| {
            let paced = (0..10).map(|number| number * 30_000);
            finding(&heartbeats(&paced.chain([270_000 + last_gap]).collect::<Vec<_>>()))
        };
        assert_eq!(ending(22_500).verdict, Verdict::Pass);
        let failed = ending(22_400);
        assert_eq!((failed.verdict, failed.looked_at, failed.wrong), (Verdict::Fail, 10, 1));
        assert_eq!(failed.evidence[0].why, "22.4s after the one before, 30s expected");
        assert_eq!(finding(&heartbeats(&[0])).verdict, Verdict::NoData);
    }

    #[test]
    fn a_few_gaps_tell_no_pace() {
        let gaps = |count: u64| finding(&heartbeats(&(0..=count).map(|number| number * 5_000).collect::<Vec<_>>()));
        assert_eq!(gaps(9).verdict, Verdict::NoData);
        assert_eq!(gaps(10).verdict, Verdict::Fail);
    }

    #[test]
    fn devices_connectors_and_retries_do_not_mix() {
        let mut script = heartbeats(&(0..=10).map(|number| number * 30_000).collect::<Vec<_>>());
        script.ask(Ask::new(1, HEARTBEAT, 15_000));
        script.ask(Ask::new(0, HEARTBEAT, 16_000).about(2));
        script.ask(Ask::new(0, HEARTBEAT, 1_000).retry(Flow(1), 2));
        let finding = finding(&script);
        assert_eq!((finding.verdict, finding.looked_at), (Verdict::Pass, 10));
    }
}
