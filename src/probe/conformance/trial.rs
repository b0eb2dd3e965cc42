//! The trials: what is sent to find out whether a promise is kept, as steps.

use super::terms::{Means, Terms};
use crate::time::Nanos;

/// One thing to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trial {
    ComeBackAsTold,
    WhileRefused,
    AllTogether,
    HammerWhileRefused,
    AroundAnEdge,
    TwoAtDifferentTimes,
    /// The limit that is met next, where there are several.
    NextLimit,
    /// What is asked besides, while the client is refused.
    Besides,
    /// Whether one of those, by its place, uses up the client's quota.
    TakenBy(u8),
    Watch,
}

/// A part of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nobody sends until all quota is there again.
    Rest,
    Pause(Nanos),
    /// One after the other, until one is refused.
    Fill(usize),
    /// One at a time, so that it is over one connection, until one is refused.
    UseUp,
    /// So many at the same moment.
    Together(u32),
    Ask,
    /// In a steady pace that the tightest limit allows, until one is refused.
    Pace,
    /// So many of one of the requests beside the probe's own, by its place.
    Beside(u8, u32),
    /// As long as the last refusal said, then one.
    Obey,
    /// At parts of the wait that was told, until one is admitted.
    Poll,
    /// In turns with requests from addresses that are made up.
    Forge,
    /// In turns with requests over connections of their own.
    Reconnect,
    /// In turns with the second client.
    Other,
    /// Many more while the wait lasts that was told.
    Hammer,
    /// When the trial's first refusal said, one.
    AsFirstTold,
    /// So long before the next whole multiple of the window on the clock, or after it.
    Before(Nanos),
    After(Nanos),
    /// One at a time in a steady rhythm, and until refused where one is admitted.
    Watch,
}

/// How often [`Step::Poll`] and [`Step::Other`] ask.
pub const PARTS: u32 = 12;
pub const POLLS: u32 = 15;
pub const TURNS: u32 = 3;
/// Which of the requests of [`Step::Forge`] and [`Step::Reconnect`] are not the probe's own: in no rhythm that
/// a server might have of its own.
pub const VARIED: [bool; 8] = [false, true, false, false, true, false, true, false];
/// Of the told wait, so much is used to hammer.
pub const HAMMERED: f64 = 0.8;
/// A watch lasts a few windows, but no longer than this; a longer window is watched once.
const WATCHED_WINDOWS: u64 = 4;
const LONGEST_WATCH: Nanos = Nanos::from_secs(40);
/// Of shorter windows, a lapse hardly differs from an edge.
pub const SHORTEST_WATCHED: Nanos = Nanos::from_secs(2);
const SHORTEST_WATCH: Nanos = Nanos::from_secs(21);
const WATCH_EVERY: Nanos = Nanos::from_millis(500);
/// More are not sent of what fails or is nobody's.
const MOST_PART: u32 = 16;
/// More do not go out at the same moment.
const MOST_TOGETHER: u32 = 256;

impl Trial {
    /// Those of the probe's own request, the most telling first.
    pub const OWN: [Trial; 6] = [
        Trial::ComeBackAsTold,
        Trial::WhileRefused,
        Trial::AllTogether,
        Trial::HammerWhileRefused,
        Trial::AroundAnEdge,
        Trial::TwoAtDifferentTimes,
    ];

    /// All that there are means for. How far the limit reaches costs little and tells much, so it is asked early.
    pub fn all(means: Means) -> impl Iterator<Item = Trial> {
        let besides = (means.besides > 0).then_some(Trial::Besides);
        let taken = (0..means.besides).map(Trial::TakenBy);
        let (first, later) = Trial::OWN.split_at(2);
        let own = first.iter().copied().chain(besides).chain(later.iter().copied());
        let own = own.filter(move |trial| means.second || *trial != Trial::TwoAtDifferentTimes);
        own.chain([Trial::NextLimit]).chain(taken).chain([Trial::Watch])
    }

    /// The request beside the probe's own that it is about, by its place.
    pub fn of(self) -> Option<u8> {
        match self {
            Trial::TakenBy(nth) => Some(nth),
            _ => None,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Trial::ComeBackAsTold => "use all up, wait as told, ask again",
            Trial::WhileRefused => {
                "while refused: ask from made-up addresses, over new connections and as the other client, then find out when \
                 it ends"
            }
            Trial::AllTogether => "send twice what is allowed at the same moment",
            Trial::HammerWhileRefused => "go on asking while refused, then ask when the first refusal said",
            Trial::AroundAnEdge => "use all up before the edge of a window and after it",
            Trial::TwoAtDifferentTimes => "have two clients refused at different times",
            Trial::NextLimit => "stay below the first limit until another refuses",
            Trial::Besides => "ask for other things before and while refused",
            Trial::TakenBy(_) => "ask for it many times, then see what is left",
            Trial::Watch => "keep asking for a while after all is used up",
        }
    }

    /// What it consists of. Where quota is used up twice, it is at different places of windows on the clock: no edge of them
    /// explains both.
    pub fn steps(self, terms: &Terms, means: Means) -> Vec<Step> {
        let (near, half) = (terms.near(), Nanos(terms.window.0 / 2));
        match self {
            Trial::ComeBackAsTold => vec![Step::Rest, Step::Before(half), Step::Fill(0), Step::Obey],
            Trial::WhileRefused => {
                let other = means.second.then_some(Step::Other);
                let turns = [Step::Fill(0), Step::Forge].into_iter().chain(other);
                turns.chain([Step::UseUp, Step::Reconnect, Step::Poll]).collect()
            }
            Trial::AllTogether => vec![Step::Rest, Step::Together(terms.together())],
            Trial::HammerWhileRefused => {
                vec![Step::Rest, Step::Before(Nanos(half.0 / 2)), Step::Fill(0), Step::Hammer, Step::AsFirstTold]
            }
            Trial::AroundAnEdge => vec![
                Step::Rest,
                Step::After(Nanos(near.0 / 4)),
                Step::Ask,
                Step::Before(near),
                Step::Fill(0),
                Step::After(near),
                Step::Fill(0),
            ],
            Trial::TwoAtDifferentTimes => {
                vec![Step::Rest, Step::Fill(0), Step::Pause(Nanos(terms.window.0 / 3)), Step::Fill(1)]
            }
            Trial::NextLimit => vec![Step::Rest, Step::Pace],
            Trial::Besides => {
                let each = |nth| Step::Beside(nth, 1);
                let first = std::iter::once(Step::Rest).chain((0..means.besides).map(each));
                // What has run in meanwhile is used up before each.
                first.chain((0..means.besides).flat_map(|nth| [Step::Fill(0), each(nth), Step::Ask])).collect()
            }
            Trial::TakenBy(nth) => vec![Step::Rest, Step::Beside(nth, terms.part()), Step::Fill(0)],
            Trial::Watch => vec![Step::Fill(0), Step::Watch],
        }
    }

    /// About how many requests it takes and how long, on a server that keeps to its documents.
    pub fn cost(self, terms: &Terms, means: Means) -> (u32, Nanos) {
        if self == Trial::Besides {
            // All is used up once, and hardly more than refused after that.
            let (fill, time) = Step::Fill(0).cost(terms);
            return (fill + 4 * u32::from(means.besides), terms.recovers.saturating_add(time));
        }
        let costs = self.steps(terms, means).into_iter().map(|step| step.cost(terms));
        costs.fold((0, Nanos::ZERO), |(requests, time), (more, longer)| (requests + more, time.saturating_add(longer)))
    }
}

impl Terms {
    /// How near to an edge is near: requests and clocks must be surely on one side of it.
    fn near(&self) -> Nanos {
        Nanos(self.window.0 / 10)
    }

    /// So many in a steady pace meet the next limit, with some to spare.
    pub fn paced(&self) -> u32 {
        self.others.map_or(0, |others| others.saturating_add(others / 8).saturating_add(4))
    }

    /// So many that it shows whether they were counted: half of what may come.
    pub fn part(&self) -> u32 {
        (self.at_once / 2).clamp(1, MOST_PART)
    }

    fn together(&self) -> u32 {
        (self.at_once * 2).saturating_add((self.at_once / 2).max(8)).min(MOST_TOGETHER)
    }

    /// How many are sent until one is refused, at most.
    pub fn most_to_fill(&self) -> u32 {
        self.at_once.saturating_mul(2).saturating_add(8)
    }

    /// So many refused requests would use up all that runs in while a client waits, if they counted, where so many come at
    /// once.
    pub fn uses_up(&self, at_once: u32, told: Nanos) -> u32 {
        let share = told.as_secs_f64() / self.fills.as_secs_f64().max(1e-9);
        (f64::from(at_once) * share.min(1.0)).ceil() as u32
    }

    /// How often is hammered while refused: so often that all of the limit would be used up, if that counted, or as it takes
    /// to use up another limit. What was served tells where more comes at once than is documented.
    pub fn hammers(&self, served: u32, told: Nanos) -> u32 {
        let own = self.uses_up(self.at_once.max(served), told) + 3;
        own.max(self.others.map_or(0, |other| other.saturating_sub(self.at_once) + 1))
    }

    pub fn watch_lasts(&self) -> Nanos {
        (self.window * WATCHED_WINDOWS).min(LONGEST_WATCH).max(self.window).max(SHORTEST_WATCH)
    }

    /// Slower where windows are long, so that it takes no more than some.
    pub fn watch_every(&self) -> Nanos {
        WATCH_EVERY.max(Nanos(self.window.0 / 60))
    }
}

impl Step {
    fn cost(self, terms: &Terms) -> (u32, Nanos) {
        match self {
            Step::Rest => (0, terms.recovers),
            Step::Pause(length) => (0, length),
            Step::Fill(_) => (terms.at_once + 1, Nanos(terms.window.0 / 10)),
            // All was used up before.
            Step::UseUp => (2, Nanos::ZERO),
            Step::Together(count) => (count, Nanos::ZERO),
            Step::Ask => (1, Nanos::ZERO),
            Step::Beside(_, count) => (count, Nanos::ZERO),
            Step::Pace => (terms.paced(), terms.pace.unwrap_or_default() * u64::from(terms.paced())),
            Step::Obey | Step::AsFirstTold => (1, terms.window),
            Step::Poll => (POLLS, terms.window + Nanos(terms.window.0 / 2)),
            Step::Forge | Step::Reconnect => (VARIED.len() as u32, Nanos::ZERO),
            Step::Other => (TURNS, Nanos::ZERO),
            Step::Hammer => (terms.hammers(terms.at_once, terms.window), Nanos::ZERO),
            Step::Before(_) | Step::After(_) => (0, terms.window),
            Step::Watch => {
                let polls = (terms.watch_lasts().0 / terms.watch_every().0) as u32;
                let windows = (terms.watch_lasts().0 / terms.window.0.max(1)) as u32;
                (polls + (windows + 1) * (terms.at_once + 1), terms.watch_lasts())
            }
        }
    }
}
