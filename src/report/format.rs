//! Numbers as a person reads them: with a unit, without exponents, no longer than they need to be.

use crate::words::significant;
pub use crate::words::{count, percent, plural, seconds};

/// Three significant digits at most, `k`, `M` and `G` for thousands: `0`, `0.05`, `12.5`, `1.5k`, `2M`.
pub fn compact(value: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    for (size, unit) in UNITS {
        // 999.6 would round up to 1000: it belongs to the next unit already.
        if value.abs() >= size * 0.9995 {
            return format!("{}{unit}", significant(value / size));
        }
    }
    significant(value)
}

/// A latency given in milliseconds: `250 µs`, `12.3 ms`, `1.25 s`, `2.5 min`.
pub fn millis(ms: f64) -> String {
    match ms {
        _ if !ms.is_finite() => "n/a".to_owned(),
        0.0 => "0 ms".to_owned(),
        _ if ms < 0.9995 => format!("{} µs", significant(ms * 1e3)),
        _ if ms < 999.5 => format!("{} ms", significant(ms)),
        _ if ms < 120_000.0 => format!("{} s", significant(ms / 1e3)),
        _ => format!("{} min", significant(ms / 60_000.0)),
    }
}

/// A moment of the run, to the millisecond: `12.345 s`, from two minutes on `2:05.500` or `12:00:00.000`.
pub fn moment(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "n/a".to_owned();
    }
    if seconds < 120.0 {
        return format!("{seconds:.3} s");
    }
    let millis = (seconds * 1e3).round() as u64;
    let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
    let (whole, fraction) = (rest / 1000, rest % 1000);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{whole:02}.{fraction:03}")
    } else {
        format!("{minutes}:{whole:02}.{fraction:03}")
    }
}

/// `14.7 KiB`, `512 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", significant(value), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn large_and_small_numbers_have_no_exponent() {
        let cases =
            [(0.0, "0"), (0.05, "0.05"), (12.54, "12.5"), (999.9, "1k"), (1500.0, "1.5k"), (2e6, "2M"), (3e10, "30G")];
        for (value, text) in cases {
            assert_eq!(compact(value), text);
        }
    }

    #[test]
    fn latencies_take_the_unit_that_fits() {
        let cases = [
            (0.0, "0 ms"),
            (0.25, "250 µs"),
            (0.9999, "1 ms"),
            (12.345, "12.3 ms"),
            (999.7, "1 s"),
            (1250.0, "1.25 s"),
            (150_000.0, "2.5 min"),
        ];
        for (ms, text) in cases {
            assert_eq!(millis(ms), text);
        }
    }

    #[test]
    fn times_read_as_a_clock_would_show_them() {
        assert_eq!(seconds(0.25), "0.25 s");
        assert_eq!(seconds(61.3), "61.3 s");
        assert_eq!(seconds(300.0), "5 min");
        assert_eq!(seconds(11_520.0), "3 h 12 min");
        assert_eq!(moment(12.3451), "12.345 s");
        assert_eq!(moment(125.5), "2:05.500");
        assert_eq!(moment(43_200.0), "12:00:00.000");
    }

    #[test]
    fn bytes_take_binary_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(15_053), "14.7 KiB");
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes(1_048_575), "1 MiB");
    }

    proptest! {
        #[test]
        fn no_number_is_shown_with_an_exponent(value in prop::num::f64::ANY) {
            for text in [compact(value), percent(value), millis(value), seconds(value)] {
                prop_assert!(!text.contains("e+") && !text.contains("e-") && !text.contains("inf"), "{text}");
            }
        }
    }
}
