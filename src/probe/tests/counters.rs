//! Rolling windows that are estimated in the ways that servers really do it: rounded down, from a client's own requests,
//! with refused requests counted.

use super::world::{Server, World};
use crate::limiter::{Limiter, Rate, RollingCounter, RollingCounterFirstHit, Rounding, Steady};
use crate::probe::candidates::Documented;
use crate::probe::family::{Family, Shape};
use crate::probe::prober::{Brief, Prober};
use crate::time::Nanos;

const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(2) };

fn both(make: impl Fn() -> Box<dyn Limiter + Send>) -> Vec<Box<dyn Limiter + Send>> {
    vec![make(), make()]
}

fn from_requests() -> Box<dyn Limiter + Send> {
    Box::new(Steady::new(RollingCounterFirstHit::new(RATE, Rounding::Down)))
}

fn on_the_clock() -> Box<dyn Limiter + Send> {
    Box::new(Steady::new(RollingCounter::rounded(RATE, World::anchor(), Rounding::Down)))
}

fn probed(server: Server, seed: u64) -> Prober {
    let brief = Brief {
        documented: vec![Documented::Rate { allow: RATE.allow, per: RATE.per, burst: None }],
        requests: 600,
        within: Nanos::from_secs(90),
        second: true,
        anchor: World::anchor(),
    };
    World::new(server, seed).probe(brief)
}

/// The shape is found, with all its numbers, for most seeds; and never another one.
fn is_found(shape: impl Into<Shape>, rounding: Rounding, server: impl Fn() -> Server) {
    const SEEDS: u64 = 4;
    let shape = shape.into();
    let mut found = 0;
    for seed in 0..SEEDS {
        let prober = probed(server(), seed);
        let Some(settled) = prober.belief().settled(0.99) else { continue };
        assert_eq!(settled.shape, shape, "seed {seed}");
        for hypothesis in prober.belief().of(shape) {
            let terms = hypothesis.terms;
            assert_eq!(
                (terms.limit, terms.window.low, terms.rounding),
                (RATE.allow, RATE.per, rounding),
                "seed {seed}"
            );
        }
        found += 1;
    }
    assert!(found + 1 >= SEEDS, "{found} of {SEEDS}");
}

#[test]
fn an_estimate_that_rounds_down_is_found() {
    is_found(Family::RollingCounter, Rounding::Down, || Server::Rate(both(on_the_clock)));
}

#[test]
fn an_estimate_from_requests_is_found() {
    is_found(Family::RollingCounterFirstHit, Rounding::Down, || Server::Rate(both(from_requests)));
}

#[test]
fn an_estimate_from_requests_that_charges_refused_ones_is_found() {
    let shape = Shape { charges_refused: true, ..Family::RollingCounterFirstHit.into() };
    is_found(shape, Rounding::Down, || Server::Charging(both(from_requests)));
}
