//! Gates as the profile states them; [`crate::gate`] evaluates them.

/// A threshold on one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    pub metric: MetricQuery,
    pub bound: Bound,
    /// In the metric's base unit: a ratio `0.0..=1.0`, or seconds, or a count.
    pub threshold: f64,
    /// As written in the profile, for people.
    pub text: String,
}

/// Which figure of a run: a metric's name and what narrows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    /// A name from the metric table of [`crate::gate`].
    pub metric: String,
    /// None: over all classes.
    pub class: Option<String>,
    /// `0.0..=1.0`, for latencies.
    pub quantile: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    AtMost,
    AtLeast,
}
