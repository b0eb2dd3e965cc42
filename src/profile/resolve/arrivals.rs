//! When requests come.

use std::sync::Arc;

use crate::profile::document::arrivals::{ArrivalsDocument, WhoseDocument};
use crate::scenario::arrivals::{Arrivals, Shape, Whose};
use crate::scenario::fleet::CadenceSpec;
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Delay, Pace, read};
use crate::yaml::{Diagnosis, Located, Place, Source};

pub(super) fn arrivals(source: &Source, document: &Located<ArrivalsDocument>) -> Result<Arrivals, Diagnosis> {
    if document.shapes() != 1 {
        let title = if document.shapes() == 0 { "this does not say when" } else { "this says when in several ways" };
        return Err(Diagnosis::at(source, document.place, title).help(
            "write one of `every`, `constant`, `poisson`, `ramp`, `burst`, `times` and `times_file`, such as \
             `{every: 5s, jitter: 10%}` or `{poisson: {together: 20/s}}`",
        ));
    }
    if let (Some(jitter), None) = (document.jitter, document.every) {
        return Err(Diagnosis::at(source, jitter.place, "`jitter` belongs to `every`").help("leave it out here"));
    }
    if let Some(every) = document.every {
        let jitter = document.jitter.map_or(0.0, |jitter| jitter.value.0);
        let shape = Shape::Cadence(CadenceSpec { every: every.0, jitter });
        return Ok(Arrivals { shape, whose: Whose::Each });
    }
    shape(source, document)
}

fn shape(source: &Source, document: &ArrivalsDocument) -> Result<Arrivals, Diagnosis> {
    let some_rate = |place: Place, rates: &[Pace]| match rates.iter().any(|rate| rate.per_second > 0.0) {
        true => Ok(()),
        false => Err(Diagnosis::at(source, place, "at this rate nothing ever comes").help("write one above zero")),
    };
    if let Some(constant) = &document.constant {
        return whose(&constant.value, |rate| {
            some_rate(constant.place, &[*rate])?;
            Ok(Shape::Constant { per_second: rate.per_second })
        });
    }
    if let Some(poisson) = &document.poisson {
        return whose(&poisson.value, |rate| {
            some_rate(poisson.place, &[*rate])?;
            Ok(Shape::Poisson { per_second: rate.per_second })
        });
    }
    if let Some(ramp) = &document.ramp {
        return whose(&ramp.value, |given| {
            some_rate(ramp.place, &[given.from, given.to])?;
            let (from_per_second, to_per_second) = (given.from.per_second, given.to.per_second);
            Ok(Shape::Ramp { from_per_second, to_per_second, over: given.over.0 })
        });
    }
    if let Some(burst) = &document.burst {
        return whose(&burst.value, |given| Ok(Shape::Burst { size: given.of.0, every: given.every.0 }));
    }
    if let Some(times) = &document.times {
        return whose(&times.value, |list| {
            let listed = list.iter().map(|time| (time.value.0, time.place));
            in_order(source, listed, times.place).map(Shape::Times)
        });
    }
    match &document.times_file {
        Some(file) => whose(&file.value, |path| times_file(source, path).map(Shape::Times)),
        None => Err(Diagnosis::new("arrivals without a shape")),
    }
}

fn whose<T>(
    document: &WhoseDocument<T>,
    shape: impl FnOnce(&T) -> Result<Shape, Diagnosis>,
) -> Result<Arrivals, Diagnosis> {
    let (whose, given) = match document {
        WhoseDocument::Each(given) => (Whose::Each, given),
        WhoseDocument::Together(given) => (Whose::Together, given),
    };
    Ok(Arrivals { shape: shape(given)?, whose })
}

/// Times that do not go back.
fn in_order(
    source: &Source,
    times: impl Iterator<Item = (Nanos, Place)>,
    place: Place,
) -> Result<Arc<[Nanos]>, Diagnosis> {
    let mut list: Vec<Nanos> = Vec::new();
    for (time, place) in times {
        if let Some(before) = list.last().filter(|before| time < **before) {
            let title = format!("{time} comes after {before}, but is earlier");
            return Err(Diagnosis::at(source, place, title).help("list the times in their order"));
        }
        list.push(time);
    }
    if list.is_empty() {
        return Err(Diagnosis::at(source, place, "there are no times here").help("write at least one, such as `[0s]`"));
    }
    Ok(list.into())
}

fn times_file(source: &Source, path: &Located<String>) -> Result<Arc<[Nanos]>, Diagnosis> {
    let file = source.relative(&path.value);
    if !file.is_file() {
        return Err(Diagnosis::at(source, path.place, format!("there is no file `{}`", shown(&path.value)))
            .help("a path is seen from the profile's folder"));
    }
    let file = Source::read(&file)?;
    let lines = file.text().lines().enumerate();
    let mut times = Vec::new();
    for (index, line) in lines {
        let text = line.split(',').next().unwrap_or("").trim();
        let place = Place { line: index + 1, column: 1, bytes: text.len() };
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        // A plain number is in seconds.
        let with_unit = if text.ends_with(|c: char| c.is_ascii_digit()) { format!("{text}s") } else { text.to_owned() };
        match read::<Delay>(&with_unit) {
            Ok(Delay(time)) => times.push((time, place)),
            // A heading.
            Err(_) if times.is_empty() && index == 0 => {}
            Err(_) => {
                return Err(Diagnosis::at(&file, place, format!("`{}` is no time", shown(text)))
                    .help("write seconds since the start, such as `1.5`, one on each line"));
            }
        }
    }
    let whole = Place { line: 1, column: 1, bytes: 0 };
    in_order(&file, times.into_iter(), whole)
}
