//! Which check must find which defect, what a defect brings about besides, and what nobody can see from outside.

use super::matrix::Documents;
use crate::policy::reading::Reading;
use crate::scenario::target::Fault;
use crate::time::Nanos;

/// What the checks must make of a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these fails at the least.
    Caught(&'static [&'static str]),
    /// As above, but not each time: the reason why.
    AtTimes(&'static [&'static str], &'static str),
    /// None fails, or only what the defect brings about: the reason why.
    Invisible(&'static str),
}

const OVER: &str = "server.over-admission";
const FALSE: &str = "server.false-refusal";
const CONTRACT: &str = "server.refusal-contract";
const HINT: &str = "server.honest-hint";
const LATE: &str = "server.late-hint";
const SAME: &str = "server.same-hint";
const HEADERS: &str = "server.quota-headers";
const DRIFT: &str = "server.limit-drift";
const WINDOW: &str = "server.window-header";
const REMAINING: &str = "server.remaining";
const STEPS: &str = "server.remaining-steps";
const FULL: &str = "server.full-quota";
const RACE: &str = "server.race";
const EDGE: &str = "server.edge";
const LAPSE: &str = "server.lapse";
const REFUSED: &str = "server.refused-requests";
const FORWARDED: &str = "server.forwarded-address";
const OTHER: &str = "server.other-client";
const CONNECTION: &str = "server.other-connection";
const BEGIN: &str = "server.window-begin";

const UNNOTICED: &str = "counting refused requests changes no decision of it";
const NO_OTHER: &str = "there is no other limit that could drain";
const NO_STREAMS: &str = "it takes streams: `--request 'WS …'` opens them, and `run` checks what becomes of them";
const SAME_AS_TOLD: &str = "this is what the documents say";
const ANY_READING: &str = "the documents allow it: reported as undocumented";
const TOO_SHORT: &str = "a window so short is over before it is used up where answers take long";
const NEAR: &str = "the moment for all may be the true one, but for the rounding";
const AS_REFILLS: &str = "such a bucket lets as much through around its refills; what it is, identification tells";
const CLOCKS: &str = "in a window so short, clocks that differ explain anything";
const SEVERAL: &str = "of several limits, another may be the reason for a refusal; what it is, identification tells";
const FORGETS: &str = "a window so short forgets as much by itself, and is not watched";
const GROWS: &str = "waits that grow with every refusal may end the probe, as those before a ban do";
const UNITS: &str = "waits are told in whole seconds, of which the window has too few";

pub fn expected(fault: Fault, documents: &Documents) -> Expected {
    use Expected::{AtTimes, Caught, Invisible};
    let reading = documents.reading;
    let fixed = matches!(reading, Reading::FixedAligned | Reading::FixedFirstHit);
    let short = documents.limits[0].1 < Nanos::from_secs(4);
    let single = documents.limits.len() == 1;
    let bucket = matches!(reading, Reading::TokenBucket | Reading::LeakyBucket);
    let windows = fixed || matches!(reading, Reading::RollingCounter | Reading::IntervalRefill) || !documents.stated;
    match fault {
        Fault::AdmitsTooMuch if short && windows => AtTimes(&[OVER, FULL], TOO_SHORT),
        Fault::AdmitsTooMuch => Caught(&[OVER, FULL]),
        Fault::RefusesTooEarly => Caught(&[FALSE]),
        Fault::HintTooShort | Fault::HintZero => Caught(&[HINT]),
        Fault::HintWrongUnit | Fault::HintFraction | Fault::HintNegative | Fault::HintMissing => Caught(&[CONTRACT]),
        Fault::WrongRefusalBody | Fault::WrongRefusalStatus => Caught(&[CONTRACT]),
        Fault::HintWholeWindow | Fault::HintSameMoment if short => Invisible(UNITS),
        Fault::HintWholeWindow => Caught(&[LATE]),
        Fault::HintSameMoment => AtTimes(&[LATE, SAME], NEAR),
        Fault::KeyedByForwardedHeader if short => AtTimes(&[FORWARDED], TOO_SHORT),
        Fault::KeyedByAddress if short => AtTimes(&[OTHER], TOO_SHORT),
        Fault::KeyedByConnection if short => AtTimes(&[CONNECTION], TOO_SHORT),
        Fault::KeyedByAddress => Caught(&[OTHER]),
        Fault::KeyedByConnection => Caught(&[CONNECTION]),
        Fault::KeyedByForwardedHeader => Caught(&[FORWARDED]),
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest if !documents.stated => Invisible(ANY_READING),
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest if reading == Reading::IntervalRefill => {
            Invisible(AS_REFILLS)
        }
        Fault::DoubleAtTheEdge if reading == Reading::FixedAligned => Invisible(SAME_AS_TOLD),
        Fault::WindowFromFirstRequest if reading == Reading::FixedFirstHit => Invisible(SAME_AS_TOLD),
        Fault::DoubleAtTheEdge if fixed && short => AtTimes(&[BEGIN], TOO_SHORT),
        Fault::WindowFromFirstRequest if fixed && short => Invisible(CLOCKS),
        Fault::WindowFromFirstRequest if fixed && !single => Invisible(SEVERAL),
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest if fixed => Caught(&[BEGIN]),
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest if short => AtTimes(&[OVER, EDGE], TOO_SHORT),
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest => Caught(&[OVER, EDGE]),
        Fault::CountsLate => Caught(&[OVER, FULL, RACE]),
        Fault::ClockSkew => Caught(&[OVER, LAPSE, LATE]),
        Fault::ForgetsOnRestart if short => Invisible(FORGETS),
        Fault::StoreFailsOpen if short => AtTimes(&[OVER, FULL, RACE], FORGETS),
        Fault::StoreFailsOpen | Fault::ForgetsOnRestart => Caught(&[OVER, LAPSE, LATE]),
        Fault::RefusalsCharged if (fixed || reading == Reading::IntervalRefill) && single => Invisible(UNNOTICED),
        Fault::DrainsWhileRefusing if single => Invisible(NO_OTHER),
        Fault::RefusalsCharged if bucket && (short || !single) => AtTimes(&[REFUSED, FALSE], GROWS),
        Fault::RefusalsCharged | Fault::DrainsWhileRefusing => Caught(&[REFUSED, FALSE]),
        Fault::StreamsUnlimited | Fault::StreamsSilent | Fault::StreamsCut => Invisible(NO_STREAMS),
        Fault::HeadersMissing | Fault::RemainingNegative => Caught(&[HEADERS]),
        Fault::RemainingStuck | Fault::RemainingOffByOne | Fault::RemainingJumps => Caught(&[STEPS]),
        Fault::LimitDrift => Caught(&[DRIFT]),
        Fault::WindowWrong => Caught(&[WINDOW]),
    }
}

/// What a defect breaks besides, and rightly so.
pub fn besides(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::AdmitsTooMuch => &[DRIFT, REMAINING],
        Fault::RefusesTooEarly => &[DRIFT],
        // The dialect has rules on how a hint and a reset go together.
        Fault::HintTooShort | Fault::HintZero => &[HEADERS],
        // Longer than the window, where what is counted is an estimate.
        Fault::HintWholeWindow => &[HINT, HEADERS],
        Fault::HintSameMoment => &[LATE, SAME],
        // A number of milliseconds that is taken for seconds may be believed.
        Fault::HintWrongUnit | Fault::HintFraction => &[LATE],
        // Of connections, many at the same moment have a quota each, and what remains is that of the one that is used.
        Fault::KeyedByConnection => &[FALSE, OTHER, REMAINING, STEPS, OVER],
        Fault::KeyedByAddress | Fault::KeyedByForwardedHeader => &[FALSE, OTHER, REMAINING, STEPS, OVER],
        Fault::DoubleAtTheEdge | Fault::WindowFromFirstRequest => &[FALSE, REMAINING, OVER, EDGE],
        // What is counted late is refused late, and told too late.
        Fault::CountsLate => &[FALSE, HINT, REMAINING, STEPS, EDGE, BEGIN],
        Fault::ClockSkew => &[REMAINING, RACE, EDGE, HINT, STEPS, BEGIN, FULL],
        Fault::StoreFailsOpen | Fault::ForgetsOnRestart => {
            &[OVER, LAPSE, LATE, REMAINING, RACE, EDGE, STEPS, BEGIN, FULL, SAME]
        }
        Fault::RefusalsCharged | Fault::DrainsWhileRefusing => &[FALSE],
        Fault::RemainingStuck | Fault::RemainingOffByOne | Fault::RemainingJumps => &[REMAINING],
        _ => &[],
    }
}
