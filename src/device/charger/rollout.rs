//! A firmware rollout on one charger: download with progress reports, installation, restart.

use super::outbox::{FirmwareStatus, What};
use crate::time::Nanos;

/// How long the installation takes before the charger restarts.
pub const INSTALL: Nanos = Nanos::from_secs(10);
/// How long the restart takes.
pub const RESTART: Nanos = Nanos::from_secs(5);

/// One rollout under way.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub version: Box<str>,
    /// The command that asked for it; an event asks without one.
    pub command: Option<Box<str>>,
    starts: Nanos,
    download: Nanos,
    report_every: Nanos,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The next progress report.
    Downloading {
        report: Nanos,
    },
    Installing {
        until: Nanos,
    },
    Restarting,
}

/// What a rollout wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Report(What),
    Restart,
}

impl Rollout {
    /// `report_every` is at least a nanosecond.
    pub fn new(version: &str, starts: Nanos, download: Nanos, report_every: Nanos) -> Self {
        let stage = Stage::Downloading { report: starts };
        Rollout { version: version.into(), command: None, starts, download, report_every, stage }
    }

    /// When it goes on.
    pub fn next(&self) -> Nanos {
        match self.stage {
            Stage::Downloading { report } => report,
            Stage::Installing { until } => until,
            Stage::Restarting => Nanos::MAX,
        }
    }

    /// The next step, to be called at or after [`Rollout::next`].
    pub fn step(&mut self) -> Step {
        let downloaded = self.starts.saturating_add(self.download);
        match self.stage {
            Stage::Downloading { report } if report < downloaded => {
                let progress = ((report - self.starts).0 as f64 / self.download.0 as f64 * 100.0) as u8;
                self.stage = Stage::Downloading { report: (report + self.report_every).min(downloaded) };
                Step::Report(self.status(FirmwareStatus::Downloading, progress))
            }
            Stage::Downloading { .. } => {
                self.stage = Stage::Installing { until: downloaded.saturating_add(INSTALL) };
                Step::Report(self.status(FirmwareStatus::Upgrading, 100))
            }
            Stage::Installing { .. } | Stage::Restarting => {
                self.stage = Stage::Restarting;
                Step::Restart
            }
        }
    }

    /// Whether it waits for the charger to come up with the new version.
    pub fn is_restarting(&self) -> bool {
        self.stage == Stage::Restarting
    }

    pub fn status(&self, status: FirmwareStatus, progress: u8) -> What {
        What::Firmware { version: self.version.clone(), status, progress }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_reported_until_all_is_there_then_it_installs_and_restarts() {
        let starts = Nanos::from_secs(100);
        let mut rollout = Rollout::new("3.1.0", starts, Nanos::from_secs(25), Nanos::from_secs(10));
        let mut told = Vec::new();
        while rollout.next() != Nanos::MAX {
            let at = rollout.next().as_secs() - 100;
            match rollout.step() {
                Step::Report(What::Firmware { status, progress, .. }) => told.push((at, Some(status), progress)),
                Step::Report(other) => panic!("{other:?}"),
                Step::Restart => told.push((at, None, 0)),
            }
        }
        let downloading = Some(FirmwareStatus::Downloading);
        let expected = [
            (0, downloading, 0),
            (10, downloading, 40),
            (20, downloading, 80),
            (25, Some(FirmwareStatus::Upgrading), 100),
            (35, None, 0),
        ];
        assert_eq!(told, expected);
    }
}
