//! One generator per device, a function of (seed, group, index): adding a group never shifts another's draws.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// xoshiro256++ seeded through SplitMix64; both are fixed, so a seed means the same in every version.
pub type DeviceRng = Xoshiro256PlusPlus;

/// The generator of one device of a group.
pub fn device_rng(seed: u64, group: &str, index: u32) -> DeviceRng {
    DeviceRng::seed_from_u64(stable_hash(seed, group, index))
}

/// A number in `0.0..1.0` fixed by its arguments: who is hit by an event that takes only a share of a group.
pub fn stable_share(seed: u64, label: &str, index: u32) -> f64 {
    (stable_hash(seed, label, index) >> 11) as f64 / (1u64 << 53) as f64
}

/// FNV-1a over the label, then a SplitMix64 finish so that neighbours differ in every bit.
fn stable_hash(seed: u64, label: &str, index: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in label.bytes().chain(index.to_le_bytes()).chain(seed.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn the_sequence_of_a_device_never_changes() {
        let mut rng = device_rng(7, "depot", 3);
        assert_eq!(rng.next_u64(), device_rng(7, "depot", 3).next_u64());
        assert_ne!(device_rng(7, "depot", 3).next_u64(), device_rng(7, "depot", 4).next_u64());
        assert_ne!(device_rng(7, "depot", 3).next_u64(), device_rng(8, "depot", 3).next_u64());
        assert_ne!(device_rng(7, "depot", 3).next_u64(), device_rng(7, "annex", 3).next_u64());
    }

    #[test]
    fn shares_spread_evenly() {
        let hit = (0..10_000).filter(|&index| stable_share(1, "blackout", index) < 0.3).count();
        assert!((2_800..3_200).contains(&hit), "{hit} of 10000");
    }
}
