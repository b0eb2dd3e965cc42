//! Profiles: the YAML in which experiments are written, and their way into a [`crate::scenario::Scenario`].
