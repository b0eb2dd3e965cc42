//! The probe's own requests in turns with such that differ in one thing: whether those get in while its own are refused.

use super::Scene;
use crate::probe::conformance::terms::Terms;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Evidence, Verdict};
use crate::time::Nanos;

pub struct Turns<'a> {
    /// Those that differ, once one of the probe's own was refused.
    varied: Vec<&'a Witness>,
    /// How many of the probe's own were let in.
    own_admitted: usize,
    /// So much quota can have run in meanwhile, at twice the documented rate: chance lets no more in.
    by_chance: usize,
    longest: Nanos,
}

impl<'a> Turns<'a> {
    /// None where nothing that differs was sent after one of the probe's own was refused.
    pub fn of(scene: &Scene<'a>, step: Step) -> Option<Turns<'a>> {
        let is_own = |witness: &Witness| witness.guise == Guise::Own;
        let all = scene.step(Trial::WhileRefused, |other| other == step);
        let refused = all.iter().position(|witness| is_own(witness) && witness.is_refused())?;
        let varied: Vec<&Witness> = all[refused..].iter().copied().filter(|witness| !is_own(witness)).collect();
        let span = all.last()?.done.saturating_sub(all.first()?.sent).as_secs_f64();
        let runs_in = |terms: Terms| 2.0 * span * f64::from(terms.at_once) / terms.window.as_secs_f64();
        (!varied.is_empty()).then_some(Turns {
            own_admitted: all.iter().filter(|witness| is_own(witness) && witness.is_admitted()).count(),
            by_chance: 1 + scene.terms.map_or(0, |terms| runs_in(terms) as usize),
            longest: all.iter().map(|witness| witness.done.saturating_sub(witness.sent)).max()?,
            varied,
        })
    }

    pub fn count(&self) -> usize {
        self.varied.len()
    }

    pub fn admitted(&self) -> usize {
        self.varied.iter().filter(|witness| witness.is_admitted()).count()
    }

    /// Whether they get in where the probe's own do not: at least so many of them, and more than can have run in. A server with a
    /// rhythm of its own would let as many of the probe's own in.
    pub fn verdict(&self, least: usize) -> Verdict {
        let is_proven = self.admitted() >= least && self.admitted() > self.by_chance;
        match self.admitted() {
            0 => Verdict::Pass,
            _ if is_proven && self.own_admitted <= self.by_chance => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }

    /// Why it may be chance, and what would settle it; empty where it was quick enough.
    pub fn too_slow(&self) -> String {
        if self.by_chance == 1 || self.admitted() == 0 {
            return String::new();
        }
        format!(
            ", though answers took so long (up to {}) that as much quota may have run in meanwhile: probe from nearer to the \
             server, or a request with a longer window",
            self.longest.roughly()
        )
    }

    pub fn evidence(&self, scene: &Scene<'_>, refused: &str) -> Vec<Evidence> {
        let told =
            |witness: &&Witness| scene.evidence(witness, if witness.is_admitted() { "admitted" } else { refused });
        // What was let in proves most.
        let told_of = |is_let_in: bool| self.varied.iter().filter(move |it| it.is_admitted() == is_let_in).map(told);
        told_of(true).chain(told_of(false)).take(3).collect()
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

    /// What is said of a server of ten a second that lets these in, if each answer takes so many milliseconds.
    fn said(step: Step, guise: Guise, took: u64, lets_in: impl Fn(usize, bool) -> bool) -> Finding {
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
        let case = case(&[(10, Nanos::from_secs(1))], Reading::Rolling);
        let check = if step == Step::Forge { forwarded::check } else { connection::check };
        check(&Scene::new(&case, &transcript))
    }

    fn forged(took: u64, lets_in: impl Fn(usize, bool) -> bool) -> Finding {
        said(Step::Forge, Guise::Forwarded(1), took, lets_in)
    }

    fn reconnected(lets_in: impl Fn(usize, bool) -> bool) -> Verdict {
        said(Step::Reconnect, Guise::Reconnected, 5, lets_in).verdict
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
    }

    #[test]
    fn of_several_nodes_some_connections_lead_to_the_same() {
        assert_eq!(reconnected(|nth, is_varied| is_varied && nth > 1), Verdict::Fail);
        assert_eq!(forged(5, |nth, is_varied| is_varied && nth > 1).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn where_none_of_the_probe_s_own_is_refused_nothing_was_tried() {
        assert_eq!(reconnected(|_, is_varied| !is_varied), Verdict::NoData);
    }
}
