//! The probe's own requests in turns with such that differ in one thing: whether those get in while its own are refused.

use super::Scene;
use crate::probe::conformance::terms::Terms;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Evidence, Verdict};
use crate::time::Nanos;

pub struct Turns<'a> {
    /// From the first refusal of one of the probe's own on.
    turns: Vec<&'a Witness>,
    /// How many of the probe's own were let in, before as well.
    own_admitted: usize,
    /// So much quota can have run in meanwhile, at twice the documented rate: chance lets no more in.
    by_chance: usize,
    /// Whether the documents say how much runs in.
    is_exact: bool,
    longest: Nanos,
    is_varied: fn(&Witness) -> bool,
}

impl<'a> Turns<'a> {
    /// None where nothing that differs was sent after one of the probe's own was refused.
    pub fn of(scene: &Scene<'a>, step: Step) -> Option<Turns<'a>> {
        let is_varied: fn(&Witness) -> bool = match step {
            Step::Reconnect => |witness| witness.guise == Guise::Reconnected,
            _ => |witness| !witness.guise.is_own(),
        };
        let all = scene.step(Trial::WhileRefused, |other| other == step);
        let refused = all.iter().position(|witness| !is_varied(witness) && witness.is_refused())?;
        let span = all.last()?.done.saturating_sub(all.first()?.sent).as_secs_f64();
        let runs_in = |terms: Terms| 2.0 * span * f64::from(terms.at_once) / terms.fills.as_secs_f64();
        let turns = Turns {
            turns: all[refused..].to_vec(),
            own_admitted: all.iter().filter(|witness| !is_varied(witness) && witness.is_admitted()).count(),
            by_chance: 1 + scene.terms.map_or(0, |terms| runs_in(terms) as usize),
            is_exact: scene.case.most_within(Nanos::ZERO).is_some(),
            longest: all.iter().map(|witness| witness.done.saturating_sub(witness.sent)).max()?,
            is_varied,
        };
        (turns.count() > 0).then_some(turns)
    }

    fn varied(&self) -> impl Iterator<Item = &'a Witness> {
        self.turns.iter().copied().filter(|witness| (self.is_varied)(witness))
    }

    pub fn count(&self) -> usize {
        self.varied().count()
    }

    fn admitted(&self) -> usize {
        self.varied().filter(|witness| witness.is_admitted()).count()
    }

    /// Whether they get in where the probe's own do not: at least so many of them, and more than had run in. A server with a
    /// rhythm of its own, or a window that ends meanwhile, lets as many of the probe's own in.
    pub fn verdict(&self, least: usize) -> Verdict {
        let admitted = self.admitted();
        if self.varied().all(Witness::is_refused) {
            Verdict::Pass
        } else if self.is_exact && admitted >= least && admitted > self.by_chance + self.own_admitted {
            Verdict::Fail
        } else {
            Verdict::Inconclusive
        }
    }

    /// What became of them: `2 of 3 new connections`, and why that settles nothing where it does not.
    pub fn in_words(&self, what: &str) -> String {
        let (count, admitted) = (self.count(), self.admitted());
        let unanswered = self.varied().filter(|it| !it.is_admitted() && !it.is_refused()).count();
        let mut words = format!("{admitted} of {count} {what}");
        if unanswered > 0 {
            words += &format!(", {unanswered} of them got no answer that says anything");
        } else if admitted == count && self.by_chance > 1 {
            words += &format!(
                ", though answers took so long (up to {}) that as much quota may have run in meanwhile: probe from nearer to \
                 the server, or a request with a longer window",
                self.longest.roughly()
            );
        }
        words
    }

    /// From the first that was let in on, each beside what the probe's own got; or the first of them.
    pub fn evidence(&self, scene: &Scene<'_>) -> Vec<Evidence> {
        let told = |witness: &&Witness| {
            let why = match (witness.is_admitted(), !(self.is_varied)(witness)) {
                (true, _) => "admitted",
                (false, true) => "refused right behind it",
                (false, false) if witness.is_refused() => "refused as before",
                (false, false) => "says nothing",
            };
            scene.evidence(witness, why)
        };
        let let_in = self.turns.iter().position(|witness| (self.is_varied)(witness) && witness.is_admitted());
        let from = let_in.or_else(|| self.turns.iter().position(|witness| (self.is_varied)(witness)));
        self.turns[from.unwrap_or_default()..].iter().take(4).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::policy::signals::Signal;
    use crate::probe::conformance::checks::{connection, forwarded};
    use crate::probe::conformance::tests::case;
    use crate::probe::conformance::transcript::Transcript;
    use crate::probe::conformance::trial::VARIED;
    use crate::summary::finding::Finding;

    /// What comes of a server of ten a second that lets these in, if each answer takes so many milliseconds.
    fn transcript(step: Step, guise: Guise, took: u64, lets_in: impl Fn(usize, bool) -> bool) -> Transcript {
        let mut transcript = Transcript::default();
        for (nth, is_varied) in VARIED.into_iter().enumerate() {
            let sent = Nanos::from_millis(nth as u64 * took);
            let is_let_in = lets_in(nth, is_varied);
            let witness = Witness {
                client: 0,
                guise: if is_varied { guise } else { Guise::Own },
                sent,
                done: sent + Nanos::from_millis(took),
                status: if is_let_in { 200 } else { 429 },
                claimed: None,
                signal: Signal { refused: !is_let_in, ..Signal::default() },
                seen: String::new(),
            };
            transcript.add(Some((Trial::WhileRefused, step)), &[witness]);
        }
        transcript
    }

    fn judged(step: Step, transcript: &Transcript) -> Finding {
        let case = case(&[(10, Nanos::from_secs(1))], Reading::Rolling);
        let check = if step == Step::Forge { forwarded::check } else { connection::check };
        check(&Scene::new(&case, transcript))
    }

    fn forged(took: u64, lets_in: impl Fn(usize, bool) -> bool) -> Finding {
        judged(Step::Forge, &transcript(Step::Forge, Guise::Forwarded(1), took, lets_in))
    }

    fn reconnected(lets_in: impl Fn(usize, bool) -> bool) -> Verdict {
        judged(Step::Reconnect, &transcript(Step::Reconnect, Guise::Reconnected, 5, lets_in)).verdict
    }

    #[test]
    fn what_took_too_long_to_prove_anything_says_so_and_what_would() {
        assert_eq!(forged(5, |_, is_varied| is_varied).verdict, Verdict::Fail);
        let slow = forged(80, |_, is_varied| is_varied);
        assert_eq!(slow.verdict, Verdict::Inconclusive);
        assert!(slow.headline.contains("(up to 80ms)") && slow.headline.contains("probe from nearer"), "{slow:#?}");
    }

    #[test]
    fn chance_explains_one_and_a_rhythm_what_it_lets_in_of_the_probe_s_own() {
        assert_eq!(reconnected(|_, _| false), Verdict::Pass);
        assert_eq!(reconnected(|nth, _| nth == 4), Verdict::Inconclusive);
        assert_eq!(reconnected(|nth, _| nth % 2 == 0), Verdict::Inconclusive);
        assert_eq!(reconnected(|nth, _| nth > 0), Verdict::Inconclusive);
        // Three come back at a time.
        assert_eq!(reconnected(|nth, _| (4..=6).contains(&nth)), Verdict::Inconclusive);
    }

    #[test]
    fn of_several_nodes_some_connections_lead_to_the_same() {
        assert_eq!(reconnected(|nth, is_varied| is_varied && nth > 1), Verdict::Fail);
        assert_eq!(forged(5, |nth, is_varied| is_varied && nth > 1).verdict, Verdict::Inconclusive);
    }

    /// With something else about the witnesses.
    fn but(transcript: &Transcript, mut change: impl FnMut(&mut Witness)) -> Transcript {
        let mut changed = Transcript::default();
        for entry in transcript.entries() {
            let mut witness = entry.witness.clone();
            change(&mut witness);
            changed.add(entry.purpose, &[witness]);
        }
        changed
    }

    #[test]
    fn what_has_no_answer_was_not_refused() {
        let refused = transcript(Step::Reconnect, Guise::Reconnected, 5, |_, _| false);
        let lose = |witness: &mut Witness| {
            if witness.guise == Guise::Reconnected {
                (witness.status, witness.signal.refused) = (0, false);
            }
        };
        let lost = judged(Step::Reconnect, &but(&refused, lose));
        assert_eq!((judged(Step::Reconnect, &refused).verdict, lost.verdict), (Verdict::Pass, Verdict::Inconclusive));
        assert!(lost.headline.contains("0 of 3 new connections, 3 of them got no answer"), "{lost:#?}");
    }

    #[test]
    fn where_no_connection_is_kept_there_is_no_other() {
        let refused = transcript(Step::Reconnect, Guise::Reconnected, 5, |_, _| false);
        let found = judged(Step::Reconnect, &but(&refused, |witness| witness.guise = Guise::Reconnected));
        assert_eq!(found.verdict, Verdict::NoData);
        assert!(found.headline.contains("keeps no connection"), "{found:#?}");
        // A made-up address is one all the same.
        let forged = transcript(Step::Forge, Guise::Forwarded(1), 5, |_, is_varied| is_varied);
        let anew = |witness: &mut Witness| {
            if witness.guise == Guise::Own {
                witness.guise = Guise::Reconnected;
            }
        };
        assert_eq!(judged(Step::Forge, &but(&forged, anew)).verdict, Verdict::Fail);
    }

    #[test]
    fn where_none_of_the_probe_s_own_is_refused_nothing_was_tried() {
        assert_eq!(reconnected(|_, is_varied| !is_varied), Verdict::NoData);
    }
}
