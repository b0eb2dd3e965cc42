//! What a response says about quotas, in every dialect that servers speak: read, held against its rules, and written.
//!
//! Reading is lenient and linting is strict: whatever can be used is used, whatever breaks the dialect's rules is a
//! [`Lint`], and a value that makes no sense is reported and not obeyed. Nothing here knows a provider's contract, reads
//! a clock or panics on any input.
//!
//! - [`read`] takes the headers of a response in a [`Format`]; [`detect`] tells which dialects they speak; [`print()`] is
//!   its inverse, for servers. One file per dialect: `ietf_03` (drafts -00 to -04, and Envoy), `ietf_06` (-05 and -06),
//!   `ietf_07`, `ietf_10` (-08 to -11), `x_ratelimit` (both spellings) and `kong`.
//! - [`retry_after()`] reads that header in both its forms, [`body`] what stands in a body.

pub mod body;
mod dialect;
mod ietf_03;
mod ietf_06;
mod ietf_07;
mod ietf_10;
mod kong;
mod lint;
mod moment;
mod number;
mod quota;
mod reset;
mod response;
mod retry_after;
mod scan;
mod structured;
mod unnamed;
mod x_ratelimit;

#[cfg(test)]
mod tests;

pub use dialect::{Dialect, Field, Format, Reading, detect, print, read};
pub use lint::Lint;
pub use moment::{http_date, parse_http_date};
pub use quota::{MOST_QUOTAS, Name, Quota, Quotas, Unit};
pub use reset::ResetKind;
pub use retry_after::{Hint, LONGEST_WAIT, Receipt, print_wait, retry_after, wait_in};
