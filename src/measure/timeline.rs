//! Counts over time, in a bounded number of equal steps.

use crate::summary::{ClassTimeline, Timeline};
use crate::time::Nanos;

/// The planned run takes at most so many steps.
pub const MOST_STEPS: u64 = 600;
/// Steps after the planned end, for answers that come late; the last one takes all that is later still.
const STEPS_AFTER: u64 = 30;

/// Lengths that read well on an axis, in seconds.
const LENGTHS: [u64; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

/// The length of a step for a run of that length: a second for up to ten minutes, then the next that reads well. Whoever
/// keeps figures over time uses it, so that all of them share one axis.
pub fn step_for(duration: Nanos) -> Nanos {
    let fits = |length: &u64| Nanos::from_secs(*length).0.saturating_mul(MOST_STEPS) >= duration.0;
    let hours = || duration.0.div_ceil(MOST_STEPS * Nanos::from_secs(3_600).0) * 3_600;
    Nanos::from_secs(LENGTHS.into_iter().find(fits).unwrap_or_else(hours))
}

/// What is counted in each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Sent,
    Served,
    Refused,
    Overloaded,
    /// Other statuses and failures.
    Failed,
}

const LINES: usize = 5;

/// Counts of every class in every step.
#[derive(Clone, Debug)]
pub struct TimelineCounts {
    step: Nanos,
    steps: usize,
    /// Class by class, `steps` cells each.
    cells: Vec<[u32; LINES]>,
    /// Highest lateness in each step.
    late: Vec<Nanos>,
}

impl TimelineCounts {
    pub fn new(duration: Nanos, classes: usize) -> Self {
        let step = step_for(duration);
        let steps = (duration.0.div_ceil(step.0) + STEPS_AFTER) as usize;
        TimelineCounts { step, steps, cells: vec![[0; LINES]; classes * steps], late: vec![Nanos::ZERO; steps] }
    }

    pub fn count(&mut self, at: Nanos, class: usize, line: Line) {
        let cell = class * self.steps + self.index(at);
        self.cells[cell][line as usize] += 1;
    }

    pub fn late(&mut self, at: Nanos, by: Nanos) {
        let index = self.index(at);
        self.late[index] = self.late[index].max(by);
    }

    /// With the counts of another shard of the same run.
    pub fn merge(&mut self, other: &TimelineCounts) {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            cell.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
        for (late, other) in self.late.iter_mut().zip(&other.late) {
            *late = (*late).max(*other);
        }
    }

    /// From the beginning to the end of the run, or to the last thing that was counted if that is later. `classes` are
    /// their names.
    pub fn timeline(&self, ended: Nanos, classes: &[String]) -> Timeline {
        let steps = self.steps_until(ended);
        let class = |(name, cells): (&String, &[[u32; LINES]])| {
            let line = |line: Line| cells[..steps].iter().map(|cell| cell[line as usize]).collect();
            ClassTimeline {
                class: name.clone(),
                sent: line(Line::Sent),
                served: line(Line::Served),
                refused: line(Line::Refused),
                overloaded: line(Line::Overloaded),
                failed: line(Line::Failed),
            }
        };
        Timeline {
            step_s: self.step.as_secs_f64(),
            steps,
            classes: classes.iter().zip(self.cells.chunks(self.steps)).map(class).collect(),
            late_ms: self.late[..steps].iter().map(|late| late.as_millis_f64()).collect(),
        }
    }

    fn index(&self, at: Nanos) -> usize {
        ((at.0 / self.step.0) as usize).min(self.steps - 1)
    }

    fn steps_until(&self, ended: Nanos) -> usize {
        let begun = (ended.0.div_ceil(self.step.0) as usize).min(self.steps);
        let counted = |step: &usize| self.cells.iter().skip(*step).step_by(self.steps).any(|cell| *cell != [0; LINES]);
        let last = (begun..self.steps).rev().find(counted);
        last.map_or(begun, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Vec<String> {
        ["queries", "tokens"].map(str::to_owned).to_vec()
    }

    #[test]
    fn steps_are_a_second_up_to_ten_minutes_and_never_more_than_the_bound() {
        assert_eq!(step_for(Nanos::from_secs(1)), Nanos::from_secs(1));
        assert_eq!(step_for(Nanos::from_secs(600)), Nanos::from_secs(1));
        assert_eq!(step_for(Nanos::from_secs(601)), Nanos::from_secs(2));
        assert_eq!(step_for(Nanos::from_secs(86_400)), Nanos::from_secs(300));
        for days in [1, 7, 30, 365, 36_500] {
            let duration = Nanos::from_secs(days * 86_400);
            assert!(duration.0.div_ceil(step_for(duration).0) <= MOST_STEPS, "{days} days");
        }
    }

    #[test]
    fn a_timeline_covers_the_run_and_what_was_answered_after_it() {
        let mut counts = TimelineCounts::new(Nanos::from_secs(3), 2);
        counts.count(Nanos::from_millis(500), 0, Line::Sent);
        counts.late(Nanos::from_millis(1_200), Nanos::from_millis(4));
        counts.late(Nanos::from_millis(1_300), Nanos::from_millis(2));
        let timeline = counts.timeline(Nanos::from_millis(2_400), &names());
        assert_eq!((timeline.steps, timeline.step_s), (3, 1.0));
        assert_eq!(timeline.classes[0].sent, [1, 0, 0]);
        assert_eq!(timeline.classes[1].sent, [0, 0, 0]);
        assert_eq!(timeline.late_ms, [0.0, 4.0, 0.0]);

        counts.count(Nanos::from_millis(4_100), 1, Line::Failed);
        let timeline = counts.timeline(Nanos::from_millis(2_400), &names());
        assert_eq!(timeline.classes[1].failed, [0, 0, 0, 0, 1]);
    }

    #[test]
    fn memory_does_not_grow_with_what_comes_after_the_end() {
        let mut counts = TimelineCounts::new(Nanos::from_secs(3), 1);
        counts.count(Nanos::MAX, 0, Line::Served);
        let timeline = counts.timeline(Nanos::MAX, &names());
        assert_eq!(timeline.steps, 33);
        assert_eq!(timeline.classes[0].served.last(), Some(&1));
    }

    proptest! {
        #[test]
        fn coarser_steps_keep_every_count(millis in prop::collection::vec(0..600_000u64, 0..200)) {
            let timeline = |duration: u64| {
                let mut counts = TimelineCounts::new(Nanos::from_secs(duration), 1);
                millis.iter().for_each(|&at| counts.count(Nanos::from_millis(at), 0, Line::Served));
                counts.timeline(Nanos::from_secs(600), &names()[..1]).classes[0].served.clone()
            };
            let fine = timeline(600);
            let coarse = timeline(3_000);
            prop_assert_eq!((fine.len(), coarse.len()), (600, 120));
            let sums: Vec<u32> = fine.chunks(5).map(|step| step.iter().sum()).collect();
            prop_assert_eq!(sums, coarse);
        }
    }
}
