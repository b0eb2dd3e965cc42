//! Gates: thresholds on a run's figures. One metric table both validates and evaluates them.

pub mod evaluate;
pub mod metric;

pub use evaluate::{evaluate, left_to_a_run};
pub use metric::{METRICS, Metric, Unit, metric};
