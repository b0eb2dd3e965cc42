//! Plays a fleet over several threads, with a result that does not depend on how many they are.
//!
//! Cells are dealt to a fixed number of hands, each with an observer of its own. Threads take the hands in turn, and what
//! the hands observed is merged in their order, as soon as those before are.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cells::Cells;
use super::engine::Engine;
use super::network::Weather;
use super::sites::Site;
use super::traces::{Archive, Traces};
use super::{End, Progress, play_cells};
use crate::device::fleet::Fleet;
use crate::record::Observer;
use crate::scenario::{DeviceId, Scenario};

/// Enough for the threads of any machine to have something to do to the end, and few enough for observers of megabytes.
const HANDS: usize = 64;

/// Plays the scenario's whole fleet over so many threads. `make` makes an observer, `merge` takes one over into another.
pub fn run_on<O: Observer + Send>(
    scenario: &Scenario,
    threads: usize,
    progress: &Progress,
    make: impl Fn() -> O + Sync,
    merge: impl Fn(&mut O, O) + Sync,
) -> (O, End) {
    let cells = Cells::of(scenario);
    let (fleet, weather) = (Fleet::new(scenario), Weather::of(&scenario.network));
    let stage = Stage { scenario, fleet, weather, threads, progress, make: &make, merge: &merge };
    let none = Archive::default();
    let (whole, first, traces) = stage.play(&cells.first, &none, make());
    let archive = traces.into_archive(|charger| Site::of(scenario, charger));
    let (whole, last, _) = stage.play(&cells.readers, &archive, whole);
    (whole, first.and(last))
}

/// What all threads need.
struct Stage<'a, M, F> {
    scenario: &'a Scenario,
    fleet: Fleet,
    weather: Weather,
    threads: usize,
    progress: &'a Progress,
    make: &'a M,
    merge: &'a F,
}

/// What was played so far.
struct Played<O> {
    whole: O,
    end: End,
    traces: Traces,
    /// How many hands are merged.
    merged: usize,
    /// Those that wait for one before them.
    waiting: BTreeMap<usize, O>,
}

impl<M, F> Stage<'_, M, F> {
    fn play<O>(&self, cells: &[Vec<DeviceId>], archive: &Archive, whole: O) -> (O, End, Traces)
    where
        O: Observer + Send,
        M: Fn() -> O + Sync,
        F: Fn(&mut O, O) + Sync,
    {
        let hands = HANDS.min(cells.len());
        let (end, traces) = (End::default(), Traces::default());
        let played = Mutex::new(Played { whole, end, traces, merged: 0, waiting: BTreeMap::new() });
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let hand = next.fetch_add(1, Ordering::Relaxed);
                if hand >= hands {
                    return;
                }
                let mut observer = (self.make)();
                let (end, traces) = self.play_hand(cells.iter().skip(hand).step_by(hands), archive, &mut observer);
                let mut played = played.lock().expect("no thread has panicked");
                played.end = std::mem::take(&mut played.end).and(end);
                played.traces.merge(traces);
                played.waiting.insert(hand, observer);
                self.merge_ready(&mut played);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(hands) {
                scope.spawn(work);
            }
            work();
        });
        let played = played.into_inner().expect("no thread has panicked");
        (played.whole, played.end, played.traces)
    }

    fn play_hand<'c, O: Observer>(
        &self,
        cells: impl Iterator<Item = &'c Vec<DeviceId>>,
        archive: &Archive,
        observer: &mut O,
    ) -> (End, Traces) {
        let mut engine = Engine::new(self.scenario, &self.weather, archive, self.progress, observer);
        let end = play_cells(&mut engine, &self.fleet, cells);
        (end, engine.into_traces())
    }

    fn merge_ready<O>(&self, played: &mut Played<O>)
    where
        F: Fn(&mut O, O),
    {
        while let Some(observer) = played.waiting.remove(&played.merged) {
            (self.merge)(&mut played.whole, observer);
            played.merged += 1;
        }
    }
}
