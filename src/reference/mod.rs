//! The built-in reference server.
