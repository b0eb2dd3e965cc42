//! Verification: what happened held against what the provider documents. Pure functions of the record stream.
