use proptest::prelude::*;

use super::*;
use crate::time::Nanos;

#[test]
fn quantities_mean_what_they_say() {
    assert_eq!(read::<Length>("45m"), Ok(Length(Nanos::from_secs(2_700))));
    assert_eq!(read::<Length>("1.5h"), Ok(Length(Nanos::from_secs(5_400))));
    assert_eq!(read::<Length>("250 ms"), Ok(Length(Nanos::from_millis(250))));
    assert_eq!(read::<Delay>("0s"), Ok(Delay(Nanos::ZERO)));
    assert_eq!(read::<Rate>("2/h"), Ok(Rate { per_hour: 2.0 }));
    assert_eq!(read::<Rate>("48/d"), Ok(Rate { per_hour: 2.0 }));
    assert_eq!(read::<Percent>("10%"), Ok(Percent(0.1)));
    assert_eq!(read::<Quantile>("p99.9").map(|q| (q.0 * 1e6).round()), Ok(999_000.0));
    assert_eq!(read::<Whole<1, 9>>("9"), Ok(Whole(9)));
    assert_eq!(read::<Power>("7.4kW"), Ok(Power(7.4)));
    assert_eq!(read::<Voltage>("230V"), Ok(Voltage(230.0)));
}

#[test]
fn each_error_says_what_was_found_and_what_is_expected() {
    fn wrong<Q: Quantity + std::fmt::Debug>(text: &str) -> String {
        read::<Q>(text).unwrap_err().split('\n').next().unwrap().to_owned()
    }
    assert_eq!(wrong::<Length>("30"), "`30` has no unit");
    assert_eq!(wrong::<Length>("30 parsecs"), "`parsecs` is no unit of time");
    assert_eq!(wrong::<Length>("soon"), "`soon` is no length of time");
    assert_eq!(wrong::<Length>("0s"), "`0s` is no time at all");
    assert_eq!(wrong::<Length>("-3s"), "`-3` is negative");
    assert_eq!(wrong::<Length>("99999999999999999999d"), "`99999999999999999999d` is longer than a year");
    assert_eq!(wrong::<Interval>("0ms"), "an interval of `0ms` would be a flood");
    assert_eq!(wrong::<Interval>("10us"), "an interval of `10us` would be a flood");
    assert_eq!(wrong::<Rate>("2/s"), "`2/s` is more than one a second");
    assert_eq!(wrong::<Rate>("2"), "`2` does not say per what");
    assert_eq!(wrong::<Rate>("2/week"), "`week` is no unit of time");
    assert_eq!(wrong::<Percent>("0.5"), "`0.5` has no `%`");
    assert_eq!(wrong::<Percent>("101%"), "`101%` is more than all of it");
    assert_eq!(wrong::<Quantile>("p100"), "`p100` is out of range");
    assert_eq!(wrong::<Whole<1, 9>>("0"), "`0` is out of range; 1 to 9 is allowed here");
    assert_eq!(wrong::<Whole<1, 9>>("-2"), "`-2` is out of range; 1 to 9 is allowed here");
    assert_eq!(wrong::<Whole<1, 9>>("1.5"), "`1.5` is no whole number; 1 to 9 is allowed here");
    assert_eq!(wrong::<Power>("7"), "`7` has no unit");
    assert_eq!(wrong::<Power>("7W"), "`W` is not the unit `kW`");
    assert_eq!(wrong::<Name>("a/b"), "`a/b` cannot be a name");
}

proptest! {
    #[test]
    fn no_text_makes_a_quantity_panic(text in r"\PC{0,12}|-?[0-9]{0,30}\.?[0-9]{0,9} ?(us|ms|s|m|h|d|kW|V|%|/h)?") {
        let _ = (read::<Length>(&text), read::<Delay>(&text), read::<Interval>(&text), read::<Rate>(&text));
        let _ = (read::<Percent>(&text), read::<Quantile>(&text), read::<Whole<1, 100>>(&text));
        let _ = (read::<Power>(&text), read::<Voltage>(&text), read::<Number>(&text), read::<Name>(&text));
    }

    #[test]
    fn a_length_reads_back_as_it_is_displayed(millis in 1u64..100_000_000) {
        let length = Length(Nanos::from_millis(millis));
        prop_assert_eq!(read::<Length>(&length.0.to_string()), Ok(length));
    }

    /// Editors know the pattern only. Rounding moves the last of many decimals over the edge: few of them are tried.
    #[test]
    fn the_schema_of_an_interval_rejects_floods_as_reading_does(text in "0{0,2}[0-9]{1,5}(\\.[0-9]{1,3})?(us|ms|s)") {
        let schema = serde_json::to_value(Interval::schema()).unwrap();
        let pattern = regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap();
        prop_assert_eq!(pattern.is_match(&text), read::<Interval>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn a_share_is_never_more_than_all(text in "[0-9]{1,4}(\\.[0-9]{1,3})?%") {
        if let Ok(Percent(share)) = read(&text) {
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }
}
