//! Charging records on their way from chargers to the operators that harvest them.

use crate::time::Nanos;

/// How many records chargers uploaded in each second of the run.
#[derive(Clone, Debug, Default)]
pub struct Uploads(Vec<u32>);

impl Uploads {
    pub fn add(&mut self, at: Nanos) {
        let second = second(at);
        if self.0.len() <= second {
            self.0.resize(second + 1, 0);
        }
        self.0[second] += 1;
    }

    pub fn merge(&mut self, other: &Uploads) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// What has come by each second.
    pub fn into_archive(mut self) -> Archive {
        let mut total = 0u32;
        for count in &mut self.0 {
            total = total.saturating_add(*count);
            *count = total;
        }
        Archive(self.0)
    }
}

/// The records that devices of other cells have uploaded: a harvest finds those of all whole seconds before it.
#[derive(Clone, Debug, Default)]
pub struct Archive(Vec<u32>);

impl Archive {
    pub fn count(&self, at: Nanos) -> u32 {
        let Some(before) = second(at).checked_sub(1) else { return 0 };
        self.0.get(before).or(self.0.last()).copied().unwrap_or(0)
    }
}

fn second(at: Nanos) -> usize {
    (at.0 / 1_000_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harvest_finds_what_came_in_the_seconds_before() {
        let mut uploads = Uploads::default();
        let mut others = Uploads::default();
        [100, 1_900, 1_950].into_iter().for_each(|millis| uploads.add(Nanos::from_millis(millis)));
        others.add(Nanos::from_millis(3_000));
        uploads.merge(&others);
        let archive = uploads.into_archive();
        let found = [0, 999, 1_000, 1_999, 2_000, 3_500, 4_000, 9_000].map(|ms| archive.count(Nanos::from_millis(ms)));
        assert_eq!(found, [0, 0, 1, 1, 3, 3, 4, 4]);
        assert_eq!(Archive::default().count(Nanos::from_secs(5)), 0);
    }
}
