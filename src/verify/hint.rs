//! What a refusal told the client, and what became of it: `client.obeys-hint` and `server.honest-hint`.
//!
//! A hint is broken only if the client waited as told and was refused again while nothing else of the same budget was
//! under way from before the first refusal to after the second. With company the promise may have been kept and used up
//! by another request, which proves nothing. A hint that is longer than needed is not judged.

use std::collections::HashMap;

use super::exhibit::{Exhibit, Exhibits};
use crate::device::{Flow, Outcome};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::DeviceId;
use crate::time::Nanos;

/// Flows that wait for their next attempt; more are not followed.
const MOST_FLOWS: usize = 1 << 16;

/// Record times may differ from the ones that a device saw by less than this; hints count whole milliseconds or seconds.
const TOLERANCE: Nanos = Nanos::from_millis(1);

/// The hints that are being waited for, and how those before were taken.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    told: HashMap<(DeviceId, Flow), Told>,
    pub obeyed: u64,
    pub ignored: u64,
    pub ignored_exhibits: Exhibits,
    pub kept: u64,
    pub broken: u64,
    pub broken_exhibits: Exhibits,
    /// Refused again, with company.
    pub contested: u64,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    done: Nanos,
    wait: Nanos,
    /// Whether the budget was this flow's alone so far.
    alone: bool,
    /// The turn of the latest request of the flow.
    turn: u64,
    /// Whether its next attempt is on its way and left as told.
    obeyed: bool,
}

impl Hints {
    /// Takes an attempt; `quiet` says whether its budget was left alone since the turn it is given.
    pub fn sent(&mut self, at: Nanos, sent: &Sent, turn: u64, quiet: impl FnOnce(u64) -> bool) {
        if sent.attempt == 1 {
            return;
        }
        let Some(told) = self.told.get_mut(&(sent.device, sent.flow)) else {
            return;
        };
        told.obeyed = at + TOLERANCE >= told.done + told.wait;
        told.alone = told.alone && quiet(told.turn);
        told.turn = turn;
        if told.obeyed {
            self.obeyed += 1;
        } else {
            self.ignored += 1;
            let why = format!("told to wait {}, came after {}", told.wait, at.saturating_sub(told.done));
            self.ignored_exhibits.show(|| Exhibit::sent(at, sent, why));
        }
    }

    /// Takes an answer; `alone` says whether its budget was used by nothing else since the turn it is given.
    pub fn done(&mut self, record: &Record, exchange: Option<&Exchange>, turn: u64, alone: impl Fn(u64) -> bool) {
        self.ignored_exhibits.answered(record, exchange);
        let flow = (record.device, record.flow);
        if let Some(told) = self.told.remove(&flow).filter(|told| told.obeyed) {
            match record.outcome {
                Outcome::Served => self.kept += 1,
                Outcome::Refused if told.alone && alone(told.turn) => {
                    self.broken += 1;
                    let why =
                        format!("refused again although it waited the {} it was told, with no company", told.wait);
                    self.broken_exhibits.show(|| Exhibit::done(record, exchange, why));
                }
                Outcome::Refused => self.contested += 1,
                _ => {}
            }
        }
        if record.outcome == Outcome::Refused
            && let Some(wait) = record.hint.wait()
            && self.told.len() < MOST_FLOWS
        {
            self.told.insert(flow, Told { done: record.done, wait, alone: alone(turn), turn, obeyed: false });
        }
    }

    /// The flow has ended; nothing more comes of it.
    pub fn finished(&mut self, device: DeviceId, flow: Flow) {
        self.told.remove(&(device, flow));
    }

    pub fn merge(&mut self, other: Hints) {
        self.told.extend(other.told);
        self.obeyed += other.obeyed;
        self.ignored += other.ignored;
        self.ignored_exhibits.merge(other.ignored_exhibits);
        self.kept += other.kept;
        self.broken += other.broken;
        self.broken_exhibits.merge(other.broken_exhibits);
        self.contested += other.contested;
    }
}
