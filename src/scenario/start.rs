//! When the devices of a group begin.

use crate::time::Nanos;

/// How the devices of a group start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Each starts at a random moment within this time after it has joined.
    pub spread: Nanos,
    /// None: all have joined from the beginning.
    pub growth: Option<Growth>,
}

/// A group that grows while it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// So many have joined from the beginning, the first ones.
    pub from: u32,
    /// The others join one after the other, evenly over this time.
    pub over: Nanos,
}

impl Start {
    /// When a device joins, by its number in a group of so many.
    pub fn joins(&self, index: u32, count: u32) -> Nanos {
        match self.growth {
            Some(Growth { from, over }) if index >= from => {
                over.scale(f64::from(index - from + 1) / f64::from(count.saturating_sub(from).max(1)))
            }
            _ => Nanos::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_there_and_the_others_join_evenly() {
        let day = Nanos::from_secs(86_400);
        let start = Start { spread: Nanos::ZERO, growth: Some(Growth { from: 2, over: day }) };
        let joins: Vec<u64> = (0..6).map(|index| start.joins(index, 6).as_secs() / 3_600).collect();
        assert_eq!(joins, [0, 0, 6, 12, 18, 24]);
        assert_eq!(Start::default().joins(5, 6), Nanos::ZERO);
    }
}
