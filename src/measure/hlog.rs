//! `latency.hlog`: every latency histogram in the interval log format (1.3, V2 compressed), which the standard
//! HdrHistogram tools open.
//!
//! One interval covers the whole run. Its tag is `class/outcome/due` or `class/outcome/sent`. Values are nanoseconds, and
//! `Interval_Max` milliseconds, as those tools assume when they are not told otherwise.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};

use super::class::Ending;
use super::latency::LatencyHistogram;
use super::observer::Measure;
use crate::time::{Anchor, Nanos};

const FORMAT: &str = "[Histogram log format version 1.3]";
const COLUMNS: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;
const NANOS_PER_MILLI: f64 = 1e6;

/// Writes the log of a run that began at `anchor` and took until `ended`.
pub fn write(measure: &Measure, anchor: Anchor, ended: Nanos, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let began = UNIX_EPOCH + Duration::from_nanos(anchor.unix_nanos);
    IntervalLogWriterBuilder::new()
        .add_comment(FORMAT)
        // Both, because readers disagree on what an interval's time counts from when there is only one.
        .with_start_time(began)
        .with_base_time(began)
        .begin_log_with(out, &mut serializer)?;
    writeln!(out, "{COLUMNS}")?;

    // The crate's writer knows no line of columns: the intervals are a second log right behind it.
    let mut log =
        IntervalLogWriterBuilder::new().with_max_value_divisor(NANOS_PER_MILLI).begin_log_with(out, &mut serializer)?;
    for (tag, histogram) in tagged(measure) {
        log.write_histogram(histogram.histogram(), Duration::ZERO, ended.into(), Tag::new(&tag)).map_err(|error| {
            match error {
                IntervalLogWriterError::IoError(error) => error,
                IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
            }
        })?;
    }
    Ok(())
}

/// The histograms that hold anything.
fn tagged(measure: &Measure) -> impl Iterator<Item = (String, LatencyHistogram)> {
    let classes = measure.class_names().iter().zip(measure.classes());
    let endings = classes.flat_map(|(name, class)| {
        Ending::ALL.into_iter().filter_map(move |ending| Some((name, ending, class.latency(ending)?)))
    });
    let histograms = endings.flat_map(|(name, ending, pair)| {
        let tag = |start| format!("{}/{}/{start}", tag_safe(name), ending.name());
        [(tag("due"), pair.from_due()), (tag("sent"), pair.from_sent())]
    });
    histograms.filter(|(_, histogram)| histogram.count() > 0)
}

/// The format separates fields by commas and knows no quoting.
fn tag_safe(name: &str) -> String {
    name.replace([',', ' ', '\r', '\n'], "_")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::device::Outcome;
    use crate::testing::{SITES, TOKEN, play, record, scenario};

    const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_250_000_000 };

    fn log(measure: &Measure) -> String {
        let mut bytes = Vec::new();
        write(measure, ANCHOR, Nanos::from_millis(60_500), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn measured() -> Measure {
        let mut measure = Measure::new(&scenario(1));
        for millis in [10, 20, 30] {
            play(&mut measure, &record(SITES, Nanos::from_secs(1), Nanos::from_millis(millis), Outcome::Served));
        }
        let unsent = record(TOKEN, Nanos::from_secs(1), Nanos::from_millis(5), Outcome::Refused);
        play(&mut measure, &crate::record::Record { sent: None, ..unsent });
        measure
    }

    fn decoded(encoded: &str) -> Histogram<u64> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn the_header_is_the_one_that_the_standard_tools_expect() {
        let log = log(&measured());
        let header: Vec<&str> = log.lines().take_while(|line| !line.starts_with("Tag=")).collect();
        assert_eq!(
            header,
            [
                "#[Histogram log format version 1.3]",
                "#[StartTime: 1773570600.250 (seconds since epoch)]",
                "#[BaseTime: 1773570600.250 (seconds since epoch)]",
                r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#,
                "#[MaxValueDivisor: 1000000.000]",
            ]
        );
        let interval = log.lines().find(|line| line.starts_with("Tag=queries/served/due,0.000,60.500,30."));
        assert!(interval.is_some_and(|line| line.contains(",HISTFAAAA")), "compressed V2: {log}");
    }

    #[test]
    fn the_log_reads_back_as_the_histograms_it_was_written_from() {
        let log = log(&measured());
        let entries: Vec<LogEntry> = IntervalLogIterator::new(log.as_bytes()).map(Result::unwrap).collect();
        let intervals = entries.iter().filter_map(|entry| match entry {
            LogEntry::Interval(interval) => Some(interval),
            _ => None,
        });
        let found: Vec<(String, Histogram<u64>)> = intervals
            .map(|interval| (interval.tag().unwrap().to_string(), decoded(interval.encoded_histogram())))
            .collect();
        let tags: Vec<&str> = found.iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(tags, ["queries/served/due", "queries/served/sent", "tokens/failed/due"]);
        let served = &found[0].1;
        assert_eq!(served.len(), 3);
        assert!(served.equivalent(served.max(), 30_000_000), "nanoseconds: {}", served.max());
    }

    #[test]
    fn a_run_without_requests_has_a_log_without_intervals() {
        let log = log(&Measure::new(&scenario(1)));
        assert!(IntervalLogIterator::new(log.as_bytes()).all(|entry| !matches!(entry, Ok(LogEntry::Interval(_)))));
        assert!(!log.contains("Tag="));
    }

    #[test]
    fn a_name_that_the_format_cannot_hold_is_made_to_fit() {
        let mut scenario = scenario(1);
        scenario.policy.classes[0].name = "all queries, v1".into();
        let mut measure = Measure::new(&scenario);
        play(&mut measure, &record(SITES, Nanos::ZERO, Nanos::from_millis(1), Outcome::Served));
        assert!(log(&measure).contains("Tag=all_queries__v1/served/due,"));
    }
}
