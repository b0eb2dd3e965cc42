//! The fuzzer's seeds, replayed: each as it is, and cut, doubled and changed in ways that every run repeats.

use std::fs;

#[path = "fuzz/exercise.rs"]
mod exercise;

fn seeds() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir("tests/fuzz/seeds").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn seeds_hold_what_the_fuzzer_asks() {
    let seeds = seeds();
    assert!(seeds.len() >= 20, "tests/fuzz/seeds holds the samples");
    seeds.iter().for_each(|seed| exercise::signals(seed));
}

#[test]
fn seeds_cut_short_hold_it_too() {
    for seed in seeds() {
        (0..seed.len()).for_each(|end| exercise::signals(&seed[..end]));
    }
}

#[test]
fn seeds_with_one_byte_changed_hold_it_too() {
    const TELLING: &[u8] = b"0-.,;:=\"'\\ \n\x00\x7f\xff9aZ(?@%";
    for (index, seed) in seeds().into_iter().enumerate() {
        for place in (index % 3..seed.len()).step_by(3) {
            let mut changed = seed.clone();
            changed[place] = TELLING[(place + index) % TELLING.len()];
            exercise::signals(&changed);
        }
    }
}
