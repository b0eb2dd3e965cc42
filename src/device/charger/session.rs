//! The physics of one charging session, in closed form: every quantity at every moment follows from the same curve.
//!
//! Power is constant while the battery has room, and falls in proportion to the room that is left once that gets scarce
//! (charging: above 80 % SOC; discharging: the last tenth above the 20 % floor). Energy is the integral of that power,
//! and the state of charge follows from energy and battery size, so telemetry and the final record agree by construction.

use crate::device::draws::Draws;
use crate::scenario::fleet::{ChargerModel, SessionSpec};
use crate::time::Nanos;

/// Charging tapers over the last fifth of the battery.
const TAPER_CHARGING: f64 = 0.2;
/// Vehicles stop giving at this state of charge, and give less over the last tenth above it.
const DISCHARGE_FLOOR: f64 = 0.2;
const TAPER_DISCHARGING: f64 = 0.1;
/// Cars take this share of what a connector offers at most.
const VEHICLE_SHARE: (f64, f64) = (0.6, 1.0);
/// Battery sizes, kWh.
const BATTERY_KWH: (f64, f64) = (40.0, 100.0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Charging,
    Discharging,
}

/// A vehicle being charged, or giving energy back.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub direction: Direction,
    /// When the harness saw it begin.
    pub started: Nanos,
    /// How long it had been going on by then: sessions under way when the device boots began before the run did.
    pub head_start: Nanos,
    /// When it ends by itself.
    pub ends: Nanos,
    /// Whether it ends in a fault.
    pub faulty: bool,
    battery_kwh: f64,
    soc_start: f64,
    /// The connector's meter when it began, kWh with three decimals.
    meter_start: f64,
    /// What vehicle and connector can do, kW.
    full_power: f64,
    /// Highest power so far, kW.
    peak: f64,
    leg: Leg,
}

/// A stretch of a session under one power limit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    /// Since the session's true begin.
    from: Nanos,
    energy_before: f64,
    /// Power while there is room, kW.
    power: f64,
    /// Energy that still fits at the leg's begin, kWh.
    room: f64,
    /// Room below which power tapers, kWh.
    taper: f64,
}

/// What a connector measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Negative while discharging.
    pub power_kw: f64,
    /// Moved so far in this session, in either direction, kWh with three decimals.
    pub energy_kwh: f64,
    /// Percent.
    pub soc: u8,
}

/// The account of an ended session. `energy_kwh` is `meter_end - meter_start`, all with three decimals.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub direction: Direction,
    pub started: Nanos,
    pub head_start: Nanos,
    pub ended: Nanos,
    pub energy_kwh: f64,
    pub max_power_kw: f64,
    pub avg_power_kw: f64,
    pub meter_start: f64,
    pub meter_end: f64,
    pub soc_start: u8,
    pub soc_end: u8,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Begin {
    pub at: Nanos,
    /// Whether it has been under way for a random part of its length.
    pub under_way: bool,
    pub direction: Direction,
    /// The connector's meter, kWh.
    pub meter: f64,
}

impl Session {
    /// Draws vehicle, length and fault.
    pub fn begin(begin: Begin, model: &ChargerModel, spec: &SessionSpec, draws: &mut Draws) -> Self {
        let length = draws.log_normal(spec.duration);
        let head_start = if begin.under_way { draws.within(length) } else { Nanos::ZERO };
        let battery_kwh = draws.between(BATTERY_KWH.0, BATTERY_KWH.1);
        let soc_start = match begin.direction {
            Direction::Charging => draws.between(0.1, 0.6),
            Direction::Discharging => draws.between(0.6, 0.95),
        };
        let full_power = model.max_power_kw * draws.between(VEHICLE_SHARE.0, VEHICLE_SHARE.1);
        let faulty = draws.chance(spec.faults);
        let (room, taper) = match begin.direction {
            Direction::Charging => (1.0 - soc_start, TAPER_CHARGING),
            Direction::Discharging => (soc_start - DISCHARGE_FLOOR, TAPER_DISCHARGING),
        };
        let leg = Leg {
            from: Nanos::ZERO,
            energy_before: 0.0,
            power: full_power,
            room: room * battery_kwh,
            taper: taper * battery_kwh,
        };
        Session {
            direction: begin.direction,
            started: begin.at,
            head_start,
            ends: begin.at.saturating_add(length - head_start),
            faulty,
            battery_kwh,
            soc_start,
            meter_start: three_decimals(begin.meter),
            full_power,
            peak: leg.power_at(Nanos::ZERO),
            leg,
        }
    }

    pub fn reading(&self, at: Nanos) -> Reading {
        let age = self.age(at);
        let power = self.leg.power_at(age);
        let energy = self.leg.energy_at(age);
        let sign = if self.direction == Direction::Discharging { -1.0 } else { 1.0 };
        Reading { power_kw: sign * power, energy_kwh: three_decimals(energy), soc: self.soc(energy) }
    }

    /// Limits the power from `at` on, in percent of what the connector can do.
    pub fn limit_power(&mut self, at: Nanos, percent: u8, model: &ChargerModel) {
        let age = self.age(at).max(self.leg.from);
        let energy = self.leg.energy_at(age);
        let limit = model.max_power_kw * f64::from(percent.min(100)) / 100.0;
        let room = self.leg.room - (energy - self.leg.energy_before);
        let power = self.full_power.min(limit);
        self.leg = Leg { from: age, energy_before: energy, power, room, taper: self.leg.taper };
        self.peak = self.peak.max(self.leg.power_at(age));
    }

    pub fn receipt(&self, ended: Nanos) -> Receipt {
        let Reading { energy_kwh, soc, .. } = self.reading(ended);
        let hours = self.age(ended).as_secs_f64() / 3600.0;
        let avg_power_kw = if hours > 0.0 { three_decimals(energy_kwh / hours) } else { 0.0 };
        Receipt {
            direction: self.direction,
            started: self.started,
            head_start: self.head_start,
            ended,
            energy_kwh,
            // Of a session of seconds, rounding could lift the average above the peak.
            max_power_kw: three_decimals(self.peak).max(avg_power_kw),
            avg_power_kw,
            meter_start: self.meter_start,
            meter_end: three_decimals(self.meter_start + energy_kwh),
            soc_start: percent(self.soc_start),
            soc_end: soc,
        }
    }

    /// Time since the session's true begin.
    fn age(&self, at: Nanos) -> Nanos {
        at.saturating_sub(self.started) + self.head_start
    }

    fn soc(&self, energy: f64) -> u8 {
        let moved = energy / self.battery_kwh;
        percent(match self.direction {
            Direction::Charging => self.soc_start + moved,
            Direction::Discharging => self.soc_start - moved,
        })
    }
}

impl Leg {
    /// Hours into the leg; a moment before it counts as its begin.
    fn hours(&self, age: Nanos) -> f64 {
        age.saturating_sub(self.from).as_secs_f64() / 3600.0
    }

    /// Hours until the taper begins.
    fn steady_hours(&self) -> f64 {
        if self.power > 0.0 { ((self.room - self.taper) / self.power).max(0.0) } else { f64::INFINITY }
    }

    fn energy_at(&self, age: Nanos) -> f64 {
        let (hours, steady) = (self.hours(age), self.steady_hours());
        if hours <= steady {
            return self.energy_before + self.power * hours;
        }
        // Power in proportion to the room left makes the room decay exponentially.
        let room = self.room.min(self.taper);
        let tapered = room * (1.0 - (-(hours - steady) * self.power / self.taper).exp());
        self.energy_before + self.power * steady + tapered
    }

    fn power_at(&self, age: Nanos) -> f64 {
        let left = self.room - (self.energy_at(age) - self.energy_before);
        self.power * (left / self.taper).clamp(0.0, 1.0)
    }
}

fn percent(share: f64) -> u8 {
    (share * 100.0).round().clamp(0.0, 100.0) as u8
}

/// As it is written: what is added up must be what is shown.
fn three_decimals(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::fleet::LogNormal;

    const MODEL_POWER: f64 = 22.0;

    fn model() -> ChargerModel {
        ChargerModel { name: "TP-AC22".into(), max_power_kw: MODEL_POWER, voltage: 230.0, phases: 3 }
    }

    fn session(seed: u64, direction: Direction) -> Session {
        let spec = SessionSpec {
            arrivals_per_hour: 1.0,
            shape: [1.0; 24],
            week: [1.0; 7],
            duration: LogNormal { median: Nanos::from_secs(3600), p95: Nanos::from_secs(4 * 3600) },
            discharging: 0.0,
            faults: 0.0,
            initially_busy: 0.0,
        };
        let begin = Begin { at: Nanos::from_secs(60), under_way: seed.is_multiple_of(2), direction, meter: 1234.5678 };
        Session::begin(begin, &model(), &spec, &mut Draws::seeded(seed))
    }

    fn either() -> impl Strategy<Value = Direction> {
        prop_oneof![Just(Direction::Charging), Just(Direction::Discharging)]
    }

    /// The power curve integrated step by step, as a meter would.
    fn integrate(session: &Session, from: Nanos, to: Nanos) -> f64 {
        const STEPS: u64 = 4_000;
        let step = Nanos((to - from).0 / STEPS);
        let hours = step.as_secs_f64() / 3600.0;
        let middle = |index: u64| from + step * index + Nanos(step.0 / 2);
        (0..STEPS).map(|index| session.reading(middle(index)).power_kw.abs() * hours).sum()
    }

    proptest! {
        #[test]
        fn energy_is_the_integral_of_power(
            seed: u64, direction in either(), minutes in 10..600u64, limit in 0..=100u8, limit_at in 0.0..1.0f64,
        ) {
            let mut session = session(seed, direction);
            let begin = session.started;
            let end = begin + Nanos::from_secs(60 * minutes);
            let middle = begin + (end - begin).scale(limit_at);
            let before = session.reading(begin).energy_kwh;
            let first = integrate(&session, begin, middle);
            session.limit_power(middle, limit, &model());
            let second = integrate(&session, middle, end);
            let metered = session.reading(end).energy_kwh - before;
            prop_assert!((metered - first - second).abs() < 0.01, "{metered} against {}", first + second);
        }

        #[test]
        fn soc_follows_energy_and_battery_and_stays_in_bounds(seed: u64, direction in either(), minutes in 0..3000u64) {
            let session = session(seed, direction);
            let reading = session.reading(session.started + Nanos::from_secs(60 * minutes));
            let moved = reading.energy_kwh / session.battery_kwh;
            let expected = match direction {
                Direction::Charging => session.soc_start + moved,
                Direction::Discharging => session.soc_start - moved,
            };
            prop_assert!((f64::from(reading.soc) - 100.0 * expected).abs() <= 0.51);
            prop_assert!(reading.soc <= 100 && (direction == Direction::Charging || reading.soc >= 20));
            prop_assert!(reading.power_kw.abs() <= MODEL_POWER);
            prop_assert_eq!(reading.power_kw <= 0.0, direction == Direction::Discharging || reading.power_kw == 0.0);
        }

        #[test]
        fn the_record_agrees_with_the_last_reading_and_with_itself(
            seed: u64, direction in either(), seconds in 0..20_000u64, limit in 0..=100u8,
        ) {
            let mut session = session(seed, direction);
            session.limit_power(session.started + Nanos::from_secs(seconds / 2), limit, &model());
            let end = session.started + Nanos::from_secs(seconds);
            let receipt = session.receipt(end);
            prop_assert_eq!(receipt.energy_kwh, session.reading(end).energy_kwh);
            prop_assert!((receipt.meter_end - receipt.meter_start - receipt.energy_kwh).abs() < 1e-6);
            let hours = (end - receipt.started + receipt.head_start).as_secs_f64() / 3600.0;
            prop_assert!((receipt.avg_power_kw * hours - receipt.energy_kwh).abs() <= 0.0006 * hours + 1e-9);
            prop_assert!(receipt.max_power_kw >= receipt.avg_power_kw);
            prop_assert!(receipt.max_power_kw <= MODEL_POWER + 0.001 || hours < 0.01);
        }
    }

    #[test]
    fn power_tapers_above_eighty_percent_and_not_below() {
        let session = session(1, Direction::Charging);
        let start = session.reading(session.started).power_kw;
        let mut tapered = 0;
        for minute in 0..2_000 {
            let reading = session.reading(session.started + Nanos::from_secs(60 * minute));
            match reading.soc {
                0..=79 => assert_eq!(reading.power_kw, start),
                82..=100 => {
                    assert!(reading.power_kw < start);
                    tapered += 1;
                }
                _ => {}
            }
        }
        assert!(tapered > 100);
    }
}
