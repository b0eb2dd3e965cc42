//! Puts a run's [`crate::summary::Summary`] together from what was measured and verified.
