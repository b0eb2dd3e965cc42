//! One connector: vehicles arrive, charge or discharge, and leave.

use super::outbox::{CommandStatus, Fault, Outbox, What};
use super::session::{Begin, Direction, Session};
use crate::device::Actions;
use crate::device::cadence::Cadence;
use crate::device::call::Call;
use crate::device::draws::Draws;
use crate::scenario::fleet::ChargerSpec;
use crate::time::Nanos;

/// From plug-in to the begin of charging, and from its end to plug-out, a random time in these bounds (seconds).
const AUTHORISATION_S: (f64, f64) = (2.0, 8.0);
const DEPARTURE_S: (f64, f64) = (5.0, 120.0);

/// What all connectors of a charger are told.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    pub spec: &'a ChargerSpec,
    /// Nothing is planned beyond the end of the run.
    pub horizon: Nanos,
    /// Where in the week the run begins: zero means Monday, 00:00.
    pub start_of_week_offset: Nanos,
}

/// One connector of a charger.
#[derive(Clone, Debug)]
pub struct Connector {
    /// 1-based, as the API counts.
    pub number: u8,
    pub occupancy: Occupancy,
    /// Telemetry ticks; they count only while a session is under way.
    pub telemetry: Cadence,
    pub sample: Option<Call>,
    pub poll: Poll,
    /// kWh over the connector's life.
    meter: f64,
    /// Sessions so far: numbers the records.
    sessions: u32,
    draws: Draws,
}

/// The long poll of a connector.
#[derive(Clone, Debug, Default)]
pub struct Poll {
    pub call: Option<Call>,
    /// Polls in a row that failed.
    pub failures: u8,
    /// The next poll goes out no sooner.
    pub not_before: Nanos,
}

/// What a connector is in the middle of.
#[derive(Clone, Debug)]
pub enum Occupancy {
    /// Until the next vehicle comes.
    Free {
        arrival: Nanos,
    },
    /// A vehicle is there; charging starts soon. A remote start reports its end with `command`.
    Plugged {
        start: Nanos,
        direction: Direction,
        command: Option<Box<str>>,
    },
    Active(Box<Session>),
    /// The session is over, the vehicle still there.
    Leaving {
        at: Nanos,
        faulted: bool,
    },
}

impl Connector {
    pub fn new(number: u8, spec: &ChargerSpec, mut draws: Draws) -> Self {
        Connector {
            number,
            occupancy: Occupancy::Free { arrival: Nanos::MAX },
            telemetry: Cadence::start(&spec.telemetry, Nanos::ZERO, draws.split()),
            sample: None,
            poll: Poll::default(),
            meter: draws.between(100.0, 50_000.0),
            sessions: 0,
            draws,
        }
    }

    /// Power is there: the first time, a share of connectors is found in the middle of a session.
    pub fn power_up(&mut self, at: Nanos, first: bool, around: Surroundings<'_>) {
        if first && self.draws.chance(around.spec.sessions.initially_busy) {
            let direction = self.draw_direction(around.spec);
            self.begin_session(at, true, direction, around.spec);
        } else {
            let arrival = self.next_arrival(at, around);
            self.occupancy = Occupancy::Free { arrival };
        }
    }

    /// Power is gone: what was going on is over.
    pub fn power_down(&mut self, at: Nanos, outbox: &mut Outbox, out: &mut Actions) {
        self.end_session(at, "power_loss", outbox, out);
        if let Occupancy::Plugged { command: Some(command_id), .. } = &mut self.occupancy {
            let what = What::CommandStatus {
                command_id: std::mem::take(command_id),
                status: CommandStatus::Failed,
                message: "Charger restarted",
            };
            outbox.push(at, self.number, what, out);
        }
        if !self.is_free() {
            outbox.push(at, self.number, What::PlugOut, out);
        }
        self.occupancy = Occupancy::Free { arrival: Nanos::MAX };
    }

    /// When something happens here by itself.
    pub fn next_change(&self) -> Nanos {
        match &self.occupancy {
            Occupancy::Free { arrival } => *arrival,
            Occupancy::Plugged { start, .. } => *start,
            Occupancy::Active(session) => session.ends,
            Occupancy::Leaving { at, .. } => *at,
        }
    }

    /// Plays everything that has happened by `now`, each thing at its own time.
    pub fn advance(&mut self, now: Nanos, around: Surroundings<'_>, outbox: &mut Outbox, out: &mut Actions) {
        loop {
            let at = self.next_change();
            if at > now || at == Nanos::MAX {
                return;
            }
            match &mut self.occupancy {
                Occupancy::Free { .. } => {
                    let direction = self.draw_direction(around.spec);
                    self.plug_in(at, direction, None, outbox, out);
                }
                Occupancy::Plugged { direction, command, .. } => {
                    let (direction, command) = (*direction, command.take());
                    let remote = command.is_some();
                    self.begin_session(at, false, direction, around.spec);
                    outbox.push(at, self.number, What::Start { remote }, out);
                    if let Some(command_id) = command {
                        let (status, message) = (CommandStatus::Completed, "Session started");
                        outbox.push(at, self.number, What::CommandStatus { command_id, status, message }, out);
                    }
                }
                Occupancy::Active(session) => {
                    let reason = if session.faulty { "fault" } else { "completed" };
                    self.end_session(at, reason, outbox, out);
                }
                Occupancy::Leaving { .. } => {
                    outbox.push(at, self.number, What::PlugOut, out);
                    let arrival = self.next_arrival(at, around);
                    self.occupancy = Occupancy::Free { arrival };
                }
            }
        }
    }

    pub fn is_free(&self) -> bool {
        matches!(self.occupancy, Occupancy::Free { .. })
    }

    pub fn session(&self) -> Option<&Session> {
        match &self.occupancy {
            Occupancy::Active(session) => Some(session),
            _ => None,
        }
    }

    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.occupancy {
            Occupancy::Active(session) => Some(session),
            _ => None,
        }
    }

    /// A vehicle comes at `at`, sooner than it would have by itself.
    pub fn summon(&mut self, at: Nanos) {
        if let Occupancy::Free { arrival } = &mut self.occupancy {
            *arrival = at.min(*arrival);
        }
    }

    /// A vehicle connects; `command` is the remote start that asked for it.
    pub fn plug_in(
        &mut self,
        at: Nanos,
        direction: Direction,
        command: Option<Box<str>>,
        outbox: &mut Outbox,
        out: &mut Actions,
    ) {
        outbox.push(at, self.number, What::PlugIn, out);
        let start = at + Nanos::from_secs_f64(self.draws.between(AUTHORISATION_S.0, AUTHORISATION_S.1));
        self.occupancy = Occupancy::Plugged { start, direction, command };
    }

    /// Ends the session under way, if there is one: its last reading, what happened, and its record.
    pub fn end_session(&mut self, at: Nanos, reason: &'static str, outbox: &mut Outbox, out: &mut Actions) {
        let Occupancy::Active(session) = &self.occupancy else { return };
        let receipt = session.receipt(at);
        let direction = session.direction;
        let faulted = reason == "fault";
        let reading = session.reading(at);
        outbox.push(at, self.number, What::LastReading { reading, faulted }, out);
        if faulted {
            let fault = Fault::of(direction, self.draws.pick(Fault::OF_SESSIONS.len() as u32));
            outbox.push(at, self.number, What::Fault(fault), out);
        }
        outbox.push(at, self.number, What::Stop { reason }, out);
        self.meter = receipt.meter_end;
        let record = What::Record { number: self.sessions, receipt: Box::new(receipt) };
        outbox.push(at, self.number, record, out);
        let stay = Nanos::from_secs_f64(self.draws.between(DEPARTURE_S.0, DEPARTURE_S.1));
        self.occupancy = Occupancy::Leaving { at: at + stay, faulted };
    }

    fn begin_session(&mut self, at: Nanos, under_way: bool, direction: Direction, spec: &ChargerSpec) {
        self.sessions += 1;
        let begin = Begin { at, under_way, direction, meter: self.meter };
        self.occupancy =
            Occupancy::Active(Box::new(Session::begin(begin, &spec.model, &spec.sessions, &mut self.draws)));
        self.telemetry.restart(&spec.telemetry, at);
    }

    fn draw_direction(&mut self, spec: &ChargerSpec) -> Direction {
        if self.draws.chance(spec.sessions.discharging) { Direction::Discharging } else { Direction::Charging }
    }

    /// The next arrival of a Poisson process whose rate follows the hours of the day and the days of the week: candidates
    /// come at the highest rate, and each is kept with the probability that its hour's rate bears to that (thinning).
    fn next_arrival(&mut self, from: Nanos, around: Surroundings<'_>) -> Nanos {
        const HOUR: u64 = 3_600_000_000_000;
        let spec = &around.spec.sessions;
        let highest_of = |weights: &[f64]| weights.iter().copied().fold(0.0, f64::max);
        let highest = highest_of(&spec.shape) * highest_of(&spec.week);
        let per_hour = spec.arrivals_per_hour * highest;
        if per_hour <= 0.0 {
            return Nanos::MAX;
        }
        let mut at = from;
        loop {
            at = at.saturating_add(Nanos((self.draws.exponential() / per_hour * HOUR as f64) as u64 + 1));
            if at > around.horizon {
                return Nanos::MAX;
            }
            let hour = (at.saturating_add(around.start_of_week_offset).0 / HOUR) as usize;
            if self.draws.chance(spec.shape[hour % 24] * spec.week[hour / 24 % 7] / highest) {
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::charger::tests_support::spec;

    fn around(spec: &ChargerSpec, days: u64) -> Surroundings<'_> {
        let horizon = Nanos::from_secs(days * 86_400);
        Surroundings { spec, horizon, start_of_week_offset: Nanos::from_secs(6 * 3600) }
    }

    #[test]
    fn arrivals_follow_the_hours_of_the_day() {
        let mut spec = spec();
        spec.sessions.arrivals_per_hour = 2.0;
        spec.sessions.shape = [0.0; 24];
        spec.sessions.shape[8] = 18.0;
        spec.sessions.shape[20] = 6.0;
        let around = around(&spec, 1000);
        let mut connector = Connector::new(1, &spec, Draws::seeded(3));
        let mut by_hour = [0u32; 24];
        let mut at = Nanos::ZERO;
        loop {
            at = connector.next_arrival(at, around);
            if at == Nanos::MAX {
                break;
            }
            by_hour[((at.as_secs() / 3600 + 6) % 24) as usize] += 1;
        }
        // 2 per hour over the day: 48 a day, three quarters of them at eight.
        assert!((35_000..37_000).contains(&by_hour[8]), "{by_hour:?}");
        assert!((11_400..12_600).contains(&by_hour[20]), "{by_hour:?}");
        assert_eq!(by_hour[8] + by_hour[20], by_hour.iter().sum::<u32>());
    }

    #[test]
    fn arrivals_follow_the_days_of_the_week() {
        let mut spec = spec();
        spec.sessions.arrivals_per_hour = 1.0;
        spec.sessions.week = [1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0];
        let around = around(&spec, 7_000);
        let mut connector = Connector::new(1, &spec, Draws::seeded(5));
        let mut by_day = [0u32; 7];
        let mut at = connector.next_arrival(Nanos::ZERO, around);
        while at < Nanos::MAX {
            // The run begins at six on a Monday.
            by_day[((at.as_secs() / 3600 + 6) / 24 % 7) as usize] += 1;
            at = connector.next_arrival(at, around);
        }
        assert!(by_day[..5].iter().all(|count| (32_900..34_300).contains(count)), "{by_day:?}");
        assert_eq!(by_day[5..], [0, 0]);
    }

    #[test]
    fn a_session_is_told_from_plug_in_to_plug_out_in_order() {
        let mut spec = spec();
        spec.sessions.arrivals_per_hour = 1.0;
        let around = around(&spec, 10);
        let (mut outbox, mut out) = (Outbox::default(), Actions::default());
        let mut connector = Connector::new(1, &spec, Draws::seeded(4));
        connector.power_up(Nanos::ZERO, false, around);
        let mut told = Vec::new();
        while told.len() < 6 {
            connector.advance(connector.next_change(), around, &mut outbox, &mut out);
            while let Some(item) = outbox.first() {
                told.push(std::mem::discriminant(&item.what));
                outbox.pop(Nanos::ZERO);
            }
        }
        let receipt = Box::new(Session::receipt(
            &Session::begin(
                Begin { at: Nanos::ZERO, under_way: false, direction: Direction::Charging, meter: 0.0 },
                &spec.model,
                &spec.sessions,
                &mut Draws::seeded(1),
            ),
            Nanos::ZERO,
        ));
        let reading = super::super::session::Reading { power_kw: 0.0, energy_kwh: 0.0, soc: 0 };
        let expected = [
            What::PlugIn,
            What::Start { remote: false },
            What::LastReading { reading, faulted: false },
            What::Stop { reason: "completed" },
            What::Record { number: 1, receipt },
            What::PlugOut,
        ];
        assert_eq!(told, expected.iter().map(std::mem::discriminant).collect::<Vec<_>>());
    }
}
