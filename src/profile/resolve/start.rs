//! When the devices of a group begin.

use super::groups::Groups;
use crate::profile::document::client::ClientsDocument;
use crate::profile::document::fleet::{GroupDocument, GrowthDocument};
use crate::scenario::arrivals::{Arrivals, Whose};
use crate::scenario::start::{Growth, Start};
use crate::time::Nanos;
use crate::yaml::quantity::Delay;
use crate::yaml::{Diagnosis, Source};

/// How the devices of a group of `count` start.
pub(super) fn start(
    source: &Source,
    spread: Delay,
    growth: Option<GrowthDocument>,
    count: u32,
) -> Result<Start, Diagnosis> {
    if let Some(growth) = growth.filter(|growth| growth.from.value.0 > count) {
        let title = format!("the group has {count} devices in the end, and would begin with {}", growth.from.value.0);
        return Err(Diagnosis::at(source, growth.from.place, title).help("`count` is how many they are in the end"));
    }
    let growth = growth.map(|growth| Growth { from: growth.from.value.0, over: growth.over.0 });
    Ok(Start { spread: spread.0, growth })
}

/// A group that still grows at the end was never played as large as it is said to be.
pub(super) fn check_ends(groups: &Groups<'_>, duration: Nanos) -> Result<(), Diagnosis> {
    for (name, document) in groups.iter() {
        let growth = match document {
            GroupDocument::Chargers(chargers) => chargers.start.growth,
            GroupDocument::Operators(operators) => operators.start.growth,
            GroupDocument::Clients(clients) => clients.start.growth,
        };
        if let Some(growth) = growth.filter(|growth| growth.over.0 > duration) {
            let title = format!("`{name}` grows for {}, and the run ends after {duration}", growth.over.0);
            let help = format!("let it grow within the run, or write `duration: {}`", growth.over.0);
            return Err(Diagnosis::at(groups.source, growth.from.place, title).help(help));
        }
    }
    Ok(())
}

/// What a group deals out among its clients does not grow with them.
pub(super) fn check_growth<'a>(
    source: &Source,
    document: &ClientsDocument,
    mut arrivals: impl Iterator<Item = &'a Arrivals>,
) -> Result<(), Diagnosis> {
    let Some(growth) = document.start.growth else { return Ok(()) };
    if arrivals.all(|arrivals| arrivals.whose == Whose::Each) {
        return Ok(());
    }
    let title = "the group deals these arrivals out among its clients (`together`): they do not grow with it";
    let help = "write the arrivals of one client, such as `{poisson: {each: 2/m}}`, or a `ramp` of the group's";
    Err(Diagnosis::at(source, growth.from.place, title).help(help))
}
