//! Quantities as people write them: `30s`, `2/h`, `10%`, `7.4kW`. Each says in its error what was found and what is
//! expected.

mod number;
mod time;
mod word;

#[cfg(test)]
mod tests;

pub use number::{Number, Percent, Power, Quantile, Voltage, Whole};
pub use time::{Delay, Interval, Length, Pace, Rate, TimeOfDay};
pub use word::{Name, Pointer, Quantity, quantity_impls, read};
