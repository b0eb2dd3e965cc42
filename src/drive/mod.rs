//! Drivers: they feed devices their events and write the record stream. [`virtual_time`] simulates, [`live`] sends.

pub mod live;
pub mod virtual_time;
