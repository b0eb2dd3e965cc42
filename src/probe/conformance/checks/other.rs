//! `server.other-client`: a client that has sent nothing is admitted while another credential from the same address has used
//! all of its own quota up, where the documents keep a quota for each.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.other-client";

/// Whether all of its quota was there.
fn has_rested(scene: &Scene<'_>, witness: &Witness) -> bool {
    let own = scene.transcript.entries().iter().map(|entry| &entry.witness).filter(|it| it.client == witness.client);
    let last = own.filter(|it| it.sent < witness.sent).map(|it| it.done).max();
    let recovers = scene.terms.map_or(Nanos::MAX, |terms| terms.recovers);
    last.is_none_or(|last| last.saturating_add(recovers) <= witness.sent)
}

/// The first client's refusal and what the second one, which had all of its quota, got right behind it; or why that shows
/// nothing.
fn asked<'a>(scene: &Scene<'a>) -> Result<(&'a Witness, &'a Witness), &'static str> {
    let turns = scene.step(Trial::WhileRefused, |step| step == Step::Other);
    let first = turns.windows(3).find(|three| three[1].client == 1);
    let three = first.and_then(|three| <[_; 3]>::try_from(three).ok());
    let [before, other, after] = three.ok_or("The second client was not tried")?;
    if !(before.is_refused() && after.is_refused()) || !(other.is_admitted() || other.is_refused()) {
        return Err("The first client was not refused long enough to try");
    }
    match has_rested(scene, other) {
        true => Ok((before, other)),
        false => Err("The second client had sent something shortly before"),
    }
}

/// Whether both clients draw on one quota, where that was seen.
pub fn is_shared(scene: &Scene<'_>) -> Option<bool> {
    asked(scene).ok().map(|(_, other)| other.is_refused())
}

pub fn check(scene: &Scene<'_>) -> Finding {
    if !scene.case.second {
        return nothing(ID, "It takes a second client");
    }
    let (before, other) = match asked(scene) {
        Ok(asked) => asked,
        Err(why) => return nothing(ID, why),
    };
    let evidence = vec![scene.evidence(before, "refused"), scene.evidence(other, "asks for the first time")];
    let (verdict, headline) = match (scene.case.is_apart(), other.is_refused()) {
        (Some(true), false) => (Verdict::Pass, "Admitted while another client had used all of its own up"),
        (Some(true), true) => (Verdict::Fail, "Refused at its first request, for what another client had used up"),
        (Some(false), true) => (Verdict::Pass, "Shares its quota with the other client, as documented"),
        (Some(false), false) => {
            (Verdict::Inconclusive, "Admitted though the documents have it share its quota with the other client")
        }
        (None, _) => (Verdict::Undocumented, "The limits differ in whom they count: see what the second client got"),
    };
    finding(ID, verdict, headline, evidence)
        .with_remedy("Key the limit as documented, not by the address that requests come from")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::policy::signals::Signal;
    use crate::probe::conformance::tests::case;
    use crate::probe::conformance::transcript::Transcript;
    use crate::probe::witness::Guise;

    fn asked(client: usize, at: u64, refused: bool) -> Witness {
        let (sent, done) = (Nanos::from_millis(at), Nanos::from_millis(at + 5));
        let signal = Signal { refused, ..Signal::default() };
        let status = if refused { 429 } else { 200 };
        Witness { client, guise: Guise::Own, sent, done, status, claimed: None, signal, seen: String::new() }
    }

    /// The second client is refused between two refusals of the first, having sent something so long before, in milliseconds.
    fn verdict(before: Option<u64>) -> Verdict {
        let case = case(&[(10, Nanos::from_secs(10))], Reading::Rolling);
        let mut transcript = Transcript::default();
        if let Some(before) = before {
            transcript.add(None, &[asked(1, 60_000 - before, false)]);
        }
        for client in [0, 1, 0] {
            transcript.add(Some((Trial::WhileRefused, Step::Other)), &[asked(client, 60_000, true)]);
        }
        check(&Scene::new(&case, &transcript)).verdict
    }

    #[test]
    fn nobody_is_accused_where_the_other_client_may_have_used_its_own_quota_up() {
        assert_eq!(verdict(None), Verdict::Fail);
        assert_eq!(verdict(Some(11_000)), Verdict::Fail);
        assert_eq!(verdict(Some(2_000)), Verdict::NoData);
    }
}
