//! `fleet.quota`: whether what the fleet asks for fits the documented limits, which class breaks first, and why.

use super::blame::Blame;
use super::class::{RefusalCounts, Usage};
use super::exhibit::Exhibits;
use super::guidance::Saving;
use super::hint::HintCounts;
use super::words::{reading_titles, unseen};
use crate::policy::model::ClassId;
use crate::policy::words::window_text;
use crate::scenario::Scenario;
use crate::summary::Safety;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{count, part_of, percent, plural};

/// What the finding on a class needs to know besides how its limits were used.
pub struct About<'a> {
    pub scenario: &'a Scenario,
    pub class: ClassId,
    /// Requests sent, by operation, and the class of each.
    pub operations: &'a [u64],
    pub class_of: &'a dyn Fn(usize) -> Option<ClassId>,
    /// What the recommendations would have saved, the largest first.
    pub savings: Vec<Saving>,
    pub refusals: RefusalCounts,
    pub hints: HintCounts,
    /// When this class passed a limit, if it was the first to do so.
    pub broke_first: Option<Nanos>,
}

/// Judges a class by the limit that came out worst, and says where its excess comes from.
pub fn finding(about: About<'_>, usages: Vec<Usage>) -> (Finding, Blame) {
    let subject = &about.scenario.policy.class(about.class).name;
    let blank = unseen("fleet.quota", Party::Fleet, Severity::Breach, subject);
    let Some(worst) = usages.into_iter().max_by(|a, b| weight(a).total_cmp(&weight(b))) else {
        return (Finding { headline: "The class has no limit on how much is asked".to_owned(), ..blank }, Blame::Fleet);
    };
    let quota = &worst.quota;
    if quota.safety == Safety::NoData {
        return (Finding { headline: format!("Nothing was asked of {}", quota.limit), ..blank }, Blame::Fleet);
    }
    let verdict = match quota.safety {
        Safety::Safe if quota.sure_headroom().is_some_and(|headroom| headroom < 0.0) => Verdict::Inconclusive,
        Safety::Safe => Verdict::Pass,
        // The server itself has settled which reading holds.
        Safety::DependsOnReading if about.is_settled(&worst) => Verdict::Fail,
        Safety::DependsOnReading | Safety::Unproven => Verdict::Inconclusive,
        Safety::Over => Verdict::Fail,
        Safety::NoData => Verdict::NoData,
    };
    let exceeded = matches!(quota.safety, Safety::DependsOnReading | Safety::Over);
    let remedy = if exceeded { about.remedy(&worst) } else { String::new() };
    let blame = about.blame(&worst);
    let finding = Finding {
        verdict,
        headline: about.headline(&worst),
        explanation: about.explanation(&worst),
        remedy,
        looked_at: quota.requests,
        wrong: quota.readings.first().map_or(0, |reading| reading.over),
        would_save: about.main_saving(&worst).filter(|_| exceeded).map(|saving| saving.requests),
        evidence: exhibits(exceeded, worst.exhibits, about.scenario),
        ..blank
    };
    (finding, blame)
}

fn exhibits(exceeded: bool, exhibits: Exhibits, scenario: &Scenario) -> Vec<crate::summary::finding::Evidence> {
    if exceeded { exhibits.into_evidence(scenario) } else { Vec::new() }
}

/// Orders limits by how badly they came out.
fn weight(usage: &Usage) -> f64 {
    let safety = match usage.quota.safety {
        Safety::NoData => 0.0,
        Safety::Safe => 1e12,
        Safety::Unproven => 2e12,
        Safety::DependsOnReading => 3e12,
        Safety::Over => 4e12,
    };
    safety - usage.quota.headroom.unwrap_or(0.0)
}

impl About<'_> {
    /// Whether refusals have shown that the server reads the limit strictly. Of a lower bound they show nothing.
    fn is_settled(&self, usage: &Usage) -> bool {
        self.refusals.settled > 0 && !usage.at_least
    }

    fn headline(&self, usage: &Usage) -> String {
        let quota = &usage.quota;
        let peak = peak_text(usage);
        match quota.safety {
            Safety::Over => {
                let cause = match (self.blame(usage), self.main_saving(usage)) {
                    (Blame::Server, _) => ": the server called for retries that it had no right to".to_owned(),
                    (Blame::Retries, _) => ": first attempts alone fit, the retries do not".to_owned(),
                    (Blame::Fleet, Some(saving)) => format!(": {}", lower_first(saving.cause)),
                    (Blame::Fleet, None) => String::new(),
                };
                format!(
                    "Over the limit: {peak} asked for, {} allowed ({}){cause}",
                    count(quota.allow.into()),
                    quota.limit
                )
            }
            Safety::DependsOnReading if usage.at_least => format!(
                "Asked for more than the provider grants for sure: {peak}, where it is at least {} ({})",
                count(quota.allow.into()),
                quota.limit
            ),
            Safety::DependsOnReading if self.is_settled(usage) => format!(
                "Over {} as {}, and the server reads it strictly: {} refused",
                quota.limit,
                reading_titles(usage.readings_over.iter().copied()),
                self.refusals.settled
            ),
            Safety::Unproven if usage.seen_for.is_none() => format!(
                "Within the limit so far, and not for good: {} are asked for on and on, {} allowed ({})",
                count(quota.lasting_rate.into()),
                count(quota.grant().rate.into()),
                quota.limit
            ),
            Safety::Unproven => format!(
                "Within the limit so far: {peak} of {} in {:.0} s of a {}",
                count(quota.allow.into()),
                usage.seen_for.unwrap_or_default().as_secs_f64().floor(),
                window_text(Nanos::from_secs_f64(quota.per_s.unwrap_or_default()), usage.calendar)
            ),
            Safety::DependsOnReading => format!(
                "Within {} only under some readings: over it as {}",
                quota.limit,
                reading_titles(usage.readings_over.iter().copied())
            ),
            Safety::Safe | Safety::NoData => {
                let headroom = percent(quota.headroom.unwrap_or(0.0));
                format!("Within {}: {peak} at the busiest moment, headroom {headroom}", quota.limit)
            }
        }
    }

    fn explanation(&self, usage: &Usage) -> String {
        let quota = &usage.quota;
        let mut sentences = Vec::new();
        if self.blame(usage) == Blame::Server {
            sentences.push(self.servers_doing());
        }
        if let Some(device) = &quota.busiest {
            let window = quota.per_s.map_or(String::new(), |_| " in one window".to_owned());
            let (peak, at) = (peak_text(usage), usage.peak.at);
            sentences.push(format!("{device} is the busiest: {peak}{window} at {:.1} s.", at.as_secs_f64()));
        }
        sentences.extend(self.operations_text(quota.requests));
        if usage.cost_is_told {
            let reserve =
                "Judged by what each request sets aside when it comes; what its answer gives back is not counted in.";
            sentences.push(reserve.to_owned());
        }
        sentences.extend(self.retries_text(usage));
        if let Some(reading) = quota.readings.first().filter(|reading| reading.over > 0) {
            let (over, requests) = (reading.over, plural(quota.requests, "request"));
            sentences.push(format!("{over} of {requests} went beyond the limit under the strictest reading."));
        }
        if let Some(at) = self.broke_first {
            sentences.push(format!("This class broke first, at {:.1} s.", at.as_secs_f64()));
        }
        if matches!(quota.safety, Safety::Safe | Safety::Unproven) {
            sentences.extend(self.held_back_text(usage));
        } else {
            let causes = self.savings.iter();
            sentences.extend(causes.map(|saving| format!("{}: {}.", saving.cause, plural(saving.requests, "request"))));
        }
        sentences.join(" ")
    }

    /// What kept the counts lower than the demand.
    fn held_back_text(&self, usage: &Usage) -> Option<String> {
        let (busy, refused) = (usage.quota.held_back, self.refusals.all());
        let not_made = format!("{} not made because the one before was still under way", plural(busy, "request"));
        let told_off = format!("{} refused", plural(refused, "request"));
        let held_back = match (busy, refused) {
            (0, 0) => return None,
            (_, 0) => not_made,
            (0, _) => told_off,
            _ => format!("{not_made}, {told_off}"),
        };
        Some(format!("The fleet might have asked for more: {held_back}."))
    }

    /// The operations that make up most of the class.
    fn operations_text(&self, requests: u64) -> Option<String> {
        let policy = &self.scenario.policy;
        let draws_on = |class: ClassId| policy.drawn_on(class).any(|drawn| drawn == self.class);
        let counted = self.scenario.operations.iter().zip(self.operations).enumerate();
        let mut used: Vec<(u64, String)> = counted
            .filter(|(index, (_, sent))| (self.class_of)(*index).is_some_and(draws_on) && **sent > 0)
            .map(|(_, ((_, operation), sent))| (*sent, operation.name()))
            .collect();
        used.sort_by(|a, b| b.cmp(a));
        let shown: Vec<String> = used.iter().take(3).map(|(sent, name)| format!("{name} {sent}")).collect();
        (!shown.is_empty()).then(|| format!("Of {}: {}.", plural(requests, "request"), shown.join(", ")))
    }

    /// The habit that explains most of the use: half of it, or all that went beyond the limit.
    fn main_saving(&self, usage: &Usage) -> Option<&Saving> {
        let over = usage.quota.readings.first().map_or(0, |reading| reading.over);
        let enough = |saving: &&Saving| 2 * saving.requests >= usage.quota.requests || saving.requests >= over.max(1);
        self.savings.first().filter(enough)
    }

    fn remedy(&self, usage: &Usage) -> String {
        match self.blame(usage) {
            Blame::Server => {
                let first = "First mend the server, whose answers called for retries: hints that hold, and no refusal before the limit is used up.";
                match usage.quota.first_attempts_peak {
                    Some(peak) if peak > usage.quota.allow => {
                        format!("{first} Then the fleet: {}", self.own_remedy(usage))
                    }
                    _ => format!("{first} The fleet's first attempts fit the limit."),
                }
            }
            Blame::Retries => format!(
                "Come back later and less often: first attempts alone fit. {}",
                self.savings_text(usage).join(" ")
            )
            .trim_end()
            .to_owned(),
            Blame::Fleet => self.own_remedy(usage),
        }
    }

    fn own_remedy(&self, usage: &Usage) -> String {
        let mut remedies = self.savings_text(usage);
        if self.main_saving(usage).is_none() {
            let retried = usage.quota.first_attempts_peak.filter(|_| usage.quota.retries > 0);
            let otherwise = match (usage.quota.per_s, retried) {
                (Some(_), Some(first_attempts)) => {
                    let held = held_by(usage, &first_attempts.to_string());
                    format!("Spread the requests or send fewer; the first attempts alone need {held} at least.")
                }
                (Some(_), None) => match usage.quota.bucket.filter(|bucket| bucket.rate < usage.quota.lasting_rate) {
                    Some(_) => format!(
                        "Send fewer requests; if they go on, a rate of {} is the least that lasts.",
                        count(usage.quota.lasting_rate.into())
                    ),
                    None => format!(
                        "Spread the requests or send fewer; {} would have held them all.",
                        held_by(usage, &peak_text(usage))
                    ),
                },
                // What was refused let go of its place at once.
                (None, _) => {
                    format!("Hold fewer at the same time; a limit of {} is the least they need.", peak_text(usage))
                }
            };
            remedies.push(otherwise);
        }
        remedies.join(" ")
    }

    fn savings_text(&self, usage: &Usage) -> Vec<String> {
        let requests = usage.quota.requests;
        let remedies = self.savings.iter();
        remedies
            .map(|saving| format!("{}: saves {}.", saving.remedy, part_of(saving.requests, requests, "request")))
            .collect()
    }
}

/// A limit that holds so many. The peak of a bucket is the size that it takes at its rate.
fn held_by(usage: &Usage, most: &str) -> String {
    if usage.quota.bucket.is_some() { format!("a bucket of {most} at this rate") } else { format!("a limit of {most}") }
}

fn peak_text(usage: &Usage) -> String {
    let at_least = usage.quota.readings.first().is_some_and(|reading| reading.at_least);
    let unit = if usage.in_points { " points" } else { "" };
    format!("{}{}{unit}", count(u64::from(usage.peak.count)), if at_least { " or more" } else { "" })
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::policy::model::{Algorithm, Limit, RateLimit};
    use crate::policy::reading::Reading;

    /// `times` in milliseconds, all by one client, about one resource.
    fn queries(times: impl IntoIterator<Item = u64>) -> Outcomes {
        let mut script = Script::default();
        times.into_iter().for_each(|at| {
            script.ask(Ask::new(0, DEVICE, at).about(1));
        });
        script.verify(scenario(policy(), 2))
    }

    #[test]
    fn polling_beyond_the_limit_fails_and_names_the_cause_and_the_remedy() {
        let outcomes = queries((0..30).map(|index| index * 1_000));
        let quota = outcomes.quota("queries");
        assert_eq!(quota.safety, Safety::Over);
        assert_eq!(quota.readings.iter().map(|reading| reading.peak).collect::<Vec<_>>(), [10, 19, 10, 10]);
        assert_eq!(quota.readings[0].peak_at_s, 9.0);
        assert_eq!(quota.headroom, Some(-1.5));
        assert_eq!((quota.busiest.as_deref(), quota.keys), (Some("clients/0"), 1));

        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!((finding.verdict, finding.wrong, finding.would_save), (Verdict::Fail, 26, Some(29)));
        assert!(finding.headline.ends_with("live state is polled"), "{}", finding.headline);
        assert_eq!(finding.remedy, "Open one stream instead: saves 29 of 30 requests.");
        assert!(finding.explanation.contains("broke first, at 4.0 s"), "{}", finding.explanation);
        assert!(finding.explanation.contains("GET /devices/{device_id} 30"), "{}", finding.explanation);
        assert_eq!((finding.evidence.len(), finding.evidence[0].at_s), (5, 4.0));
        assert_eq!(finding.evidence[0].received, "200", "the answer is filled in when it comes");
    }

    #[test]
    fn a_burst_across_a_windows_edge_depends_on_the_reading() {
        let outcomes = queries([9_000, 9_100, 9_200, 10_100, 10_200, 10_300]);
        assert_eq!(outcomes.quota("queries").safety, Safety::DependsOnReading);
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert!(finding.headline.contains(Reading::Rolling.title()), "{}", finding.headline);
        assert!(!finding.headline.contains(Reading::FixedAligned.title()), "{}", finding.headline);
    }

    #[test]
    fn what_fits_passes_with_its_headroom_and_nothing_is_no_data() {
        let outcomes = queries([0, 5_000, 10_000]);
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Pass);
        assert!(finding.headline.ends_with("headroom 50%"), "{}", finding.headline);
        assert_eq!(outcomes.finding("fleet.quota", "charger").verdict, Verdict::NoData);
        assert_eq!(outcomes.quota("charger").safety, Safety::NoData);
        assert!(outcomes.quota("charger").readings.is_empty());
    }

    #[test]
    fn a_bucket_that_is_used_up_later_proves_no_headroom() {
        let asked = |every_ms: u64| {
            let mut script = Script::default();
            (0..60_000 / every_ms).for_each(|number| {
                script.ask(Ask::new(0, DEVICE, number * every_ms));
            });
            let limit =
                RateLimit { burst: Some(100), ..rate(10, Nanos::from_secs(10), "client_id", Algorithm::TokenBucket) };
            let mut policy = policy();
            let queries = policy.classes.iter_mut().find(|class| class.name == "queries").unwrap();
            queries.limits = vec![Limit::Rate(limit)];
            let outcomes = script.verify(scenario(policy, 1));
            let quota = outcomes.quota("queries");
            (quota.safety, outcomes.finding("fleet.quota", "queries").clone())
        };
        assert_eq!(asked(1_000).0, Safety::Safe);
        let (safety, finding) = asked(500);
        assert_eq!((safety, finding.verdict), (Safety::Unproven, Verdict::Inconclusive));
        let told = "Within the limit so far, and not for good: 20 are asked for on and on, 10 allowed (";
        assert!(finding.headline.starts_with(told), "{}", finding.headline);
    }

    #[test]
    fn a_run_shorter_than_the_window_proves_no_headroom_but_an_excess() {
        let shortly = |count: u64| {
            let mut script = Script::default();
            (0..count).for_each(|number| {
                script.ask(Ask::new(0, DEVICE, 52_000 + number * 100));
            });
            script.verify(scenario(policy(), 1))
        };
        let outcomes = shortly(3);
        let quota = outcomes.quota("queries");
        assert_eq!((quota.safety, quota.headroom), (Safety::Unproven, None));
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(finding.headline, "Within the limit so far: 3 of 4 in 8 s of a 10s window");
        assert_eq!(shortly(30).finding("fleet.quota", "queries").verdict, Verdict::Fail);
        let a_whole_window = queries([50_000]);
        assert_eq!(a_whole_window.finding("fleet.quota", "queries").verdict, Verdict::Pass);
    }

    #[test]
    fn a_server_that_refuses_settles_which_reading_holds() {
        let mut script = Script::default();
        [9_000, 9_100, 9_200, 10_100].into_iter().for_each(|at| {
            script.ask(Ask::new(0, DEVICE, at));
        });
        script.ask(Ask::new(0, DEVICE, 10_200).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.quota("queries").safety, Safety::DependsOnReading);
        let finding = outcomes.finding("fleet.quota", "queries");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.headline.ends_with("the server reads it strictly: 1 refused"), "{}", finding.headline);
    }

    #[test]
    fn what_a_slow_server_held_back_leaves_the_verdict_open() {
        let dropping = |dropped: u64| {
            let mut script = Script::default();
            (0..100).for_each(|number| {
                script.ask(Ask::new(number as u32, DEVICE, number * 100));
            });
            (0..dropped).for_each(|number| script.drop_busy(0, DEVICE, number));
            script.verify(scenario(policy(), 100)).finding("fleet.quota", "queries").clone()
        };
        let explained = |finding: &Finding| finding.explanation.contains("not made because the one before");
        let finding = dropping(0);
        assert!(finding.verdict == Verdict::Pass && !explained(&finding), "{finding:?}");
        let finding = dropping(1);
        assert!(finding.verdict == Verdict::Pass && explained(&finding), "{finding:?}");
        let finding = dropping(2);
        assert!(finding.verdict == Verdict::Inconclusive && explained(&finding), "{finding:?}");
    }

    #[test]
    fn requests_held_back_are_counted_in_for_what_is_sure() {
        let holding_back = |dropped: u64| {
            let mut script = Script::default();
            (0..100).for_each(|number| {
                script.ask(Ask::new(number as u32, DEVICE, number * 100));
            });
            [300, 600].into_iter().for_each(|at| {
                script.ask(Ask::new(0, DEVICE, at));
            });
            (0..dropped).for_each(|number| script.drop_busy(0, DEVICE, 700 + number));
            script.verify(scenario(policy(), 100))
        };
        let sure = |outcomes: &Outcomes| outcomes.quota("queries").sure_headroom();
        assert_eq!(sure(&holding_back(0)), Some(0.25));
        let one = holding_back(1);
        assert_eq!((one.quota("queries").headroom, sure(&one)), (Some(0.25), Some(0.0)));
        assert_eq!(one.finding("fleet.quota", "queries").verdict, Verdict::Pass);
        assert_eq!(sure(&holding_back(2)), Some(f64::NEG_INFINITY), "more than one in a hundred");
    }

    #[test]
    fn a_limit_that_one_request_held_back_would_have_passed_is_not_shown_to_be_kept() {
        let mut script = Script::default();
        (1..100).for_each(|number| {
            script.ask(Ask::new(number, DEVICE, u64::from(number) * 100));
        });
        (0..4).for_each(|number| {
            script.ask(Ask::new(0, DEVICE, number * 10));
        });
        script.drop_busy(0, DEVICE, 50);
        let outcomes = script.verify(scenario(policy(), 100));
        assert_eq!(outcomes.quota("queries").safety, Safety::Safe);
        assert_eq!(outcomes.finding("fleet.quota", "queries").verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_habit_that_explains_little_of_the_excess_is_not_its_cause() {
        let mut script = Script::default();
        (0..10).for_each(|number| {
            script.ask(Ask::new(0, DEVICE, u64::from(number) * 10).about(number));
        });
        script.ask(Ask::new(0, DEVICE, 200).about(1));
        let outcomes = script.verify(scenario(policy(), 1));
        let finding = outcomes.finding("fleet.quota", "queries");
        assert!(finding.headline.ends_with("(4 per 10s for each client_id)"), "{}", finding.headline);
        assert!(finding.remedy.contains("saves 1 of 11 requests. Spread the requests"), "{}", finding.remedy);
    }

    #[test]
    fn of_a_bucket_the_remedy_is_a_larger_one_or_a_rate_that_lasts() {
        // Four in ten seconds, three at once; about the limit of `queries`.
        let remedy = |every: u64, times: u64| {
            let mut policy = policy();
            let class = policy.classes.iter_mut().find(|class| class.name == "queries").unwrap();
            let limit = rate(4, Nanos::from_secs(10), "client_id", Algorithm::TokenBucket);
            class.limits = vec![Limit::Rate(RateLimit { burst: Some(3), ..limit })];
            policy.guidance.prefer_stream = None;
            let mut script = Script::default();
            (0..times).for_each(|number| {
                script.ask(Ask::new(0, DEVICE, number * every).about(number as u32));
            });
            script.verify(scenario(policy, 1)).finding("fleet.quota", "queries").remedy.clone()
        };
        assert!(remedy(1, 7).contains("a bucket of 7 at this rate would have held them all"), "{}", remedy(1, 7));
        // One a second for a minute.
        assert!(remedy(1_000, 60).contains("a rate of 10 is the least that lasts"), "{}", remedy(1_000, 60));
    }

    #[test]
    fn a_steps_use_is_the_highest_in_it_even_if_that_was_at_its_beginning() {
        let series = queries([0, 100, 200, 10_500]).quota("queries").series.clone();
        assert_eq!(series[8..12], [3, 3, 2, 1]);
    }

    #[test]
    fn the_series_goes_on_between_requests_until_the_window_has_passed() {
        let series = queries([500, 600, 3_500]).quota("queries").series.clone();
        assert_eq!(series.len(), 60);
        assert_eq!(series[..15], [2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 1, 1, 1, 0]);
    }

    #[test]
    fn a_count_beyond_what_is_kept_says_at_least() {
        let whole = queries(0..40);
        let reading = &whole.quota("queries").readings[0];
        assert!(!reading.at_least && reading.peak == 40, "{reading:?}");
        let outcomes = queries((0..5_000).map(|index| index / 5));
        let reading = &outcomes.quota("queries").readings[0];
        assert!(reading.at_least && reading.peak >= 4_096, "{reading:?}");
        assert!(outcomes.finding("fleet.quota", "queries").headline.contains("or more"));
    }
}
