//! The highest level of any key in each step of the timeline.

use crate::time::Nanos;

/// Merging takes the higher of both: the series belongs to the busiest key of each step.
#[derive(Clone, Debug)]
pub struct Series {
    step: Nanos,
    highest: Vec<u32>,
}

impl Series {
    pub fn new(step: Nanos) -> Self {
        Series { step: step.max(Nanos(1)), highest: Vec::new() }
    }

    pub fn step_of(&self, at: Nanos) -> usize {
        (at.0 / self.step.0) as usize
    }

    pub fn raise(&mut self, step: usize, level: u32) {
        if self.highest.len() <= step {
            self.highest.resize(step + 1, 0);
        }
        self.highest[step] = self.highest[step].max(level);
    }

    /// Fills the steps after `last` up to the one before `until` with what a key's use still was at their beginnings.
    /// Stops as soon as nothing is left of it.
    pub fn fill(&mut self, last: usize, until: usize, mut level: impl FnMut(Nanos) -> u32) {
        for step in last + 1..until {
            match level(self.step * step as u64) {
                0 => return,
                level => self.raise(step, level),
            }
        }
    }

    /// Fills all those steps, whatever is left in them: the use may rise again without a request.
    pub fn fill_all(&mut self, last: usize, until: usize, level: impl Fn(Nanos) -> u32) {
        (last + 1..until).for_each(|step| self.raise(step, level(self.step * step as u64)));
    }

    /// The beginnings of the first and the last step within a time that are not zero.
    pub fn span(&self, from: Nanos, until: Nanos) -> Option<(Nanos, Nanos)> {
        let steps = self.step_of(from) + 1..self.step_of(until).min(self.highest.len());
        let mut raised = steps.filter(|&step| self.highest[step] > 0).map(|step| self.step * step as u64);
        let first = raised.next()?;
        Some((first, raised.next_back().unwrap_or(first)))
    }

    pub fn merge(&mut self, other: &Series) {
        for (step, &level) in other.highest.iter().enumerate() {
            self.raise(step, level);
        }
    }

    /// One entry per step up to the end of the run.
    pub fn finish(mut self, ended: Nanos) -> Vec<u32> {
        let steps = ended.0.div_ceil(self.step.0) as usize;
        if self.highest.len() < steps {
            self.highest.resize(steps, 0);
        }
        self.highest
    }
}
