//! Charts: drawn by plotters as SVG that takes its colours from the page, each with a legend and a data table.

pub mod axis;
pub mod figure;
pub mod ink;
pub mod over_time;
pub mod percentile;
pub mod plot;
pub mod thin;

pub use figure::{Body, Drawing, Figure, LegendEntry, Table};
