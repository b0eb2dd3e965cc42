//! How much later operations were served because they had been refused.

use std::collections::HashMap;

use crate::device::{Flow, Note, Outcome};
use crate::record::Observation;
use crate::scenario::{DeviceId, OperationId};
use crate::time::Nanos;

/// The share of operations whose delay is told.
const QUANTILE: f64 = 0.99;

/// Follows operations from their first refusal until they are served.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// When each operation that has been refused was first due.
    refused: HashMap<(DeviceId, Flow), Nanos>,
    /// By the operation's number.
    by_operation: Vec<Served>,
}

/// Operations of one kind that were served.
#[derive(Clone, Debug, Default)]
struct Served {
    all: u64,
    /// From when each that had been refused was due to when the attempt that was served was sent.
    late: Vec<Nanos>,
}

impl Delays {
    pub fn observe(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::Done { record, .. } => {
                let call = (record.device, record.flow);
                match record.outcome {
                    Outcome::Refused => {
                        self.refused.entry(call).or_insert(record.due);
                    }
                    Outcome::Served => {
                        // Most plays see no refusal, and none of their requests is looked up.
                        let due = if self.refused.is_empty() { None } else { self.refused.remove(&call) };
                        let late = due.map(|due| record.sent.unwrap_or(record.done).saturating_sub(due));
                        let served = self.served(record.operation);
                        served.all += 1;
                        served.late.extend(late);
                    }
                    _ => {}
                }
            }
            Observation::Noted { device, note: Note::Finished { flow, served: false, .. } } => {
                // It is never served: that is told by the refusals.
                self.refused.remove(&(*device, *flow));
            }
            _ => {}
        }
    }

    fn served(&mut self, operation: OperationId) -> &mut Served {
        let index = usize::from(operation.0);
        if index >= self.by_operation.len() {
            self.by_operation.resize_with(index + 1, Served::default);
        }
        &mut self.by_operation[index]
    }

    /// Takes over what another shard saw: devices are in one shard each.
    pub fn merge(&mut self, other: Delays) {
        self.refused.extend(other.refused);
        for (operation, served) in other.by_operation.into_iter().enumerate() {
            let own = self.served(OperationId(operation as u16));
            own.all += served.all;
            own.late.extend(served.late);
        }
    }

    /// The delay that 99% of an operation's kind kept to, of the kind that was delayed most.
    pub fn worst(&self) -> Nanos {
        self.by_operation.iter().map(Served::at_quantile).max().unwrap_or_default()
    }
}

impl Served {
    fn at_quantile(&self) -> Nanos {
        let rank = (QUANTILE * self.all as f64).ceil() as u64;
        let prompt = self.all - self.late.len() as u64;
        let mut late = self.late.clone();
        late.sort_unstable();
        match rank.checked_sub(prompt + 1) {
            None => Nanos::ZERO,
            Some(place) => late.get(place as usize).copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::testing::{SITES, record};

    /// Operation number `flow`, due and sent at the given seconds.
    fn done(flow: u32, due: u64, sent: u64, outcome: Outcome) -> Record {
        let sent_at = Nanos::from_secs(sent);
        let template = record(SITES, sent_at, Nanos::from_millis(1), outcome);
        Record { flow: Flow(flow), due: Nanos::from_secs(due), sent: Some(sent_at), ..template }
    }

    fn delays(records: &[Record]) -> Delays {
        let mut delays = Delays::default();
        records.iter().for_each(|record| delays.observe(&Observation::Done { record, exchange: None }));
        delays
    }

    #[test]
    fn a_delay_runs_from_the_first_due_time_to_the_attempt_that_was_served() {
        let refused_twice =
            [done(1, 10, 10, Outcome::Refused), done(1, 11, 11, Outcome::Refused), done(1, 13, 13, Outcome::Served)];
        assert_eq!(delays(&refused_twice).worst(), Nanos::from_secs(3));
        assert_eq!(delays(&[done(1, 10, 12, Outcome::Served)]).worst(), Nanos::ZERO, "late, but never refused");
        assert_eq!(delays(&refused_twice[..2]).worst(), Nanos::ZERO, "never served");
    }

    #[test]
    fn one_in_a_hundred_does_not_count_and_two_do() {
        let with_late = |late: u32| {
            let prompt = (0..100 - late).map(|flow| done(flow, 1, 1, Outcome::Served));
            let late = (100 - late..100)
                .flat_map(|flow| [done(flow, 1, 1, Outcome::Refused), done(flow, 9, 9, Outcome::Served)]);
            delays(&prompt.chain(late).collect::<Vec<_>>()).worst()
        };
        assert_eq!((with_late(1), with_late(2)), (Nanos::ZERO, Nanos::from_secs(8)));
    }

    #[test]
    fn shards_merge_into_the_whole() {
        let mut whole = delays(&[done(1, 1, 1, Outcome::Served)]);
        whole.merge(delays(&[done(2, 1, 1, Outcome::Refused), done(2, 5, 5, Outcome::Served)]));
        assert_eq!(whole.worst(), Nanos::from_secs(4));
    }
}
