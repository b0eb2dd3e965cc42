//! Measurement: histograms, counts and the timeline, from the record stream.
