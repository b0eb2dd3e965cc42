//! The exit codes, documented in the README: scripts depend on them.

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Every gate and check passed.
    Pass,
    /// A gate or a check failed.
    Fail,
    /// The profile, the policy or the command line is wrong.
    Usage,
    /// The target could never be reached.
    Unreachable,
    /// The run proves nothing: the harness was late, or there was no data.
    Invalid,
    /// A defect of quotaproof itself.
    Internal,
    /// Stopped by the user; the report covers what ran.
    Interrupted,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Fail => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Invalid => 4,
            Exit::Internal => 70,
            Exit::Interrupted => 130,
        }
    }
}
