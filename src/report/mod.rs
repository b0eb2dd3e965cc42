//! Reports: every output is a pure function of a [`crate::summary::Summary`].
