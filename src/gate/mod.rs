//! Gates: one metric table both validates and evaluates them.
