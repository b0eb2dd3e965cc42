//! Charging records: the newest are kept, queried page by page, and added up over time.

use std::collections::{BTreeMap, HashSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::{Page, PageRequest};
use super::fleet::{ChargerId, iso};

/// How many records are kept; the oldest are forgotten first.
const MOST_RECORDS: usize = 50_000;

/// One charging session.
#[derive(Clone, Debug)]
pub struct Record {
    pub record_id: String,
    pub charger: ChargerId,
    pub connector: u8,
    pub start: Timestamp,
    pub end: Timestamp,
    /// kWh.
    pub energy: f64,
    /// kW.
    pub max_power: f64,
    /// kW.
    pub avg_power: f64,
    /// kWh.
    pub meter_start: f64,
    /// kWh.
    pub meter_end: f64,
    /// Negative where the grid paid.
    pub cost: Option<f64>,
    pub vehicle_info: Option<Map<String, Value>>,
}

/// All records, in the order they came.
#[derive(Default)]
pub struct Records {
    kept: VecDeque<Record>,
    ids: HashSet<(ChargerId, String)>,
}

/// Which records are asked for: those that end at or after `from` and before `until`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordFilter {
    pub charger: Option<ChargerId>,
    pub connector: Option<u8>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl RecordFilter {
    fn fits(&self, record: &Record) -> bool {
        self.charger.is_none_or(|charger| record.charger == charger)
            && self.connector.is_none_or(|connector| record.connector == connector)
            && self.from.is_none_or(|from| record.end >= from)
            && self.until.is_none_or(|until| record.end < until)
    }
}

/// Length of the steps in which energy is added up; in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    Hour,
    Day,
    Month,
}

impl Granularity {
    fn label(self, at: Timestamp) -> String {
        let format = match self {
            Granularity::Hour => "%Y-%m-%dT%H:00:00Z",
            Granularity::Day => "%Y-%m-%d",
            Granularity::Month => "%Y-%m",
        };
        at.strftime(format).to_string()
    }
}

impl Records {
    /// Keeps a record. One that is already there changes nothing: a charger repeats itself when an answer got lost.
    pub fn add(&mut self, record: Record) {
        if !self.ids.insert((record.charger, record.record_id.clone())) {
            return;
        }
        self.kept.push_back(record);
        if self.kept.len() > MOST_RECORDS
            && let Some(oldest) = self.kept.pop_front()
        {
            self.ids.remove(&(oldest.charger, oldest.record_id));
        }
    }

    /// One page of the records that fit, in the order they came.
    pub fn page(&self, filter: RecordFilter, request: PageRequest) -> Page<&Record> {
        request.of(self.kept.iter().filter(|record| filter.fits(record)))
    }

    /// Energy of the sessions that fit, in the step in which each ended; steps without any are left out.
    pub fn energy(
        &self,
        filter: RecordFilter,
        granularity: Granularity,
        counts: impl Fn(ChargerId) -> bool,
    ) -> (Vec<EnergyStep>, EnergyTotal) {
        let mut steps: BTreeMap<String, Sums> = BTreeMap::new();
        let mut total = Sums::default();
        for record in self.kept.iter().filter(|record| filter.fits(record) && counts(record.charger)) {
            steps.entry(granularity.label(record.end)).or_default().add(record);
            total.add(record);
        }
        let step = |(time, sums): (String, Sums)| EnergyStep {
            time,
            charge_energy: sums.charged,
            discharge_energy: sums.discharged,
            max_power: sums.max_power,
            avg_power: if sums.hours > 0.0 { (sums.charged + sums.discharged) / sums.hours } else { 0.0 },
        };
        let series = steps.into_iter().map(step).collect();
        let (charge_energy, discharge_energy) = (total.charged, total.discharged);
        (series, EnergyTotal { charge_energy, discharge_energy, max_power: total.max_power })
    }
}

#[derive(Default)]
struct Sums {
    charged: f64,
    discharged: f64,
    max_power: f64,
    hours: f64,
}

impl Sums {
    fn add(&mut self, record: &Record) {
        // The documents give no other sign of a session that fed the grid.
        let discharged = record.energy < 0.0 || record.cost.is_some_and(|cost| cost < 0.0);
        *(if discharged { &mut self.discharged } else { &mut self.charged }) += record.energy.abs();
        self.max_power = self.max_power.max(record.max_power.abs());
        self.hours += record.end.duration_since(record.start).as_secs_f64().max(0.0) / 3600.0;
    }
}

#[derive(Serialize)]
pub struct EnergyStep {
    time: String,
    charge_energy: f64,
    discharge_energy: f64,
    max_power: f64,
    avg_power: f64,
}

#[derive(Serialize)]
pub struct EnergyTotal {
    charge_energy: f64,
    discharge_energy: f64,
    max_power: f64,
}

/// A record as operators see it.
#[derive(Serialize)]
pub struct RecordView<'a> {
    record_id: &'a str,
    device_id: &'a str,
    connector_id: u8,
    start_time: String,
    end_time: String,
    energy: f64,
    max_power: f64,
    avg_power: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    meter_start: f64,
    meter_end: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_info: Option<&'a Map<String, Value>>,
}

impl Record {
    pub fn view<'a>(&'a self, device_id: &'a str) -> RecordView<'a> {
        RecordView {
            record_id: &self.record_id,
            device_id,
            connector_id: self.connector,
            start_time: iso(self.start),
            end_time: iso(self.end),
            energy: self.energy,
            max_power: self.max_power,
            avg_power: self.avg_power,
            cost: self.cost,
            meter_start: self.meter_start,
            meter_end: self.meter_end,
            vehicle_info: self.vehicle_info.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, charger: u32, end: &str, energy: f64) -> Record {
        let end: Timestamp = end.parse().unwrap();
        Record {
            record_id: format!("rec_{number}"),
            charger: ChargerId(charger),
            connector: 1,
            start: end - jiff::SignedDuration::from_hours(2),
            end,
            energy,
            max_power: 7.0,
            avg_power: 5.0,
            meter_start: 0.0,
            meter_end: energy,
            cost: None,
            vehicle_info: None,
        }
    }

    const FIRST_PAGE: PageRequest = PageRequest { page: 1, size: 100 };

    #[test]
    fn the_time_filter_takes_its_begin_and_leaves_its_end() {
        let mut records = Records::default();
        for (number, end) in ["2025-03-15T10:00:00Z", "2025-03-15T11:00:00Z"].into_iter().enumerate() {
            records.add(record(number, 1, end, 1.0));
        }
        let total = |from: &str, until: &str| {
            let time = |text: &str| Some(text.parse().unwrap());
            let filter = RecordFilter { from: time(from), until: time(until), ..RecordFilter::default() };
            records.page(filter, FIRST_PAGE).total
        };
        assert_eq!(total("2025-03-15T10:00:00Z", "2025-03-15T11:00:00Z"), 1);
        assert_eq!(total("2025-03-15T10:00:01Z", "2025-03-15T11:00:00Z"), 0);
        assert_eq!(total("2025-03-15T10:00:00Z", "2025-03-15T11:00:01Z"), 2);
    }

    #[test]
    fn a_repeated_upload_counts_once_and_two_chargers_may_use_one_id() {
        let mut records = Records::default();
        for charger in [1, 1, 2] {
            records.add(record(0, charger, "2025-03-15T10:00:00Z", 1.0));
        }
        assert_eq!(records.page(RecordFilter::default(), FIRST_PAGE).total, 2);
    }

    #[test]
    fn the_oldest_records_make_room() {
        let mut records = Records::default();
        for number in 0..MOST_RECORDS + 3 {
            records.add(record(number, 1, "2025-03-15T10:00:00Z", 1.0));
        }
        let page = records.page(RecordFilter::default(), PageRequest { page: 1, size: 1 });
        assert_eq!((page.total, page.items[0].record_id.as_str()), (MOST_RECORDS, "rec_3"));
        assert_eq!(records.ids.len(), MOST_RECORDS);
    }

    #[test]
    fn energy_adds_up_by_the_step_in_which_a_session_ended() {
        let mut records = Records::default();
        for (number, (end, energy)) in
            [("2025-03-15T10:10:00Z", 10.0), ("2025-03-15T10:50:00Z", 6.0), ("2025-03-15T11:00:00Z", -3.0)]
                .into_iter()
                .enumerate()
        {
            records.add(record(number, number as u32, end, energy));
        }
        let (series, total) = records.energy(RecordFilter::default(), Granularity::Hour, |_| true);
        let rows: Vec<_> = series.iter().map(|step| (step.time.as_str(), step.charge_energy, step.avg_power)).collect();
        assert_eq!(rows, [("2025-03-15T10:00:00Z", 16.0, 4.0), ("2025-03-15T11:00:00Z", 0.0, 1.5)]);
        assert_eq!((total.charge_energy, total.discharge_energy, total.max_power), (16.0, 3.0, 7.0));
        let (series, total) = records.energy(RecordFilter::default(), Granularity::Month, |charger| charger.0 == 1);
        assert_eq!((series.len(), series[0].time.as_str(), total.charge_energy), (1, "2025-03", 6.0));
    }
}
