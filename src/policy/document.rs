//! The policy as it is written in YAML, and its way into [`super::model::Policy`].
