//! What the limiter that was found answers.

use super::{Answer, Seen};
use crate::probe::family::Family;
use crate::probe::outcome::Measured;
use crate::time::Nanos;

const NOT_SETTLED: &str = "what limiter it is was not settled";

fn measured<'a>(seen: &Seen<'a>) -> Result<&'a Measured, String> {
    seen.measured.ok_or_else(|| NOT_SETTLED.to_owned())
}

/// The limiter, where no penalty hides it.
fn plain<'a>(seen: &Seen<'a>) -> Result<&'a Measured, String> {
    let measured = measured(seen)?;
    match measured.family_is_settled {
        true => Ok(measured),
        false => Err("a penalty hides what is behind it".to_owned()),
    }
}

pub fn algorithm(seen: &Seen<'_>) -> Answer {
    plain(seen).map(|measured| format!("{}: {}", measured.shape.title(), measured.text()))
}

pub fn window_begin(seen: &Seen<'_>) -> Answer {
    let measured = plain(seen)?;
    Ok(match (measured.shape.family, measured.off_the_clock_s) {
        (_, Some((low, high))) => {
            format!("windows begin {low:.3} s to {high:.3} s after whole multiples of their length on the clock")
        }
        (family, None) if family.has_phase() => {
            return Err("how long a window is was not settled, and so not where it begins".to_owned());
        }
        (Family::FixedFirstHit | Family::RollingCounterFirstHit, _) => {
            "a window begins with a client's request".to_owned()
        }
        (Family::IntervalRefill, _) => "intervals begin with a client's request".to_owned(),
        (Family::Concurrency, _) => "there is no window".to_owned(),
        (Family::Bucket | Family::LeakyQueue, _) => "no window begins anywhere: quota runs in all the time".to_owned(),
        _ => "no window begins anywhere: it counts over any span of its length".to_owned(),
    })
}

pub fn burst(seen: &Seen<'_>) -> Answer {
    let (low, high) = measured(seen)?.limit;
    Ok(if low == high { format!("{low} at once") } else { format!("{low} to {high} at once") })
}

pub fn refused(seen: &Seen<'_>) -> Answer {
    let measured = plain(seen)?;
    if measured.shape.charges_refused {
        return Ok("they use up quota".to_owned());
    }
    let hidden = matches!(measured.shape.family, Family::FixedAligned | Family::FixedFirstHit | Family::IntervalRefill);
    Ok(if hidden || measured.penalty_s.is_some() {
        "they make no difference that can be seen"
    } else {
        "they use up none"
    }
    .to_owned())
}

pub fn penalty(seen: &Seen<'_>) -> Answer {
    let measured = measured(seen)?;
    Ok(match measured.penalty_s {
        None => "none: who was refused is let in as soon as quota is there".to_owned(),
        Some(_) => format!("{}: {}", measured.shape.title(), measured.text()),
    })
}

pub fn concurrency(seen: &Seen<'_>) -> Answer {
    if let Some(measured) = seen.measured.filter(|measured| measured.shape.family == Family::Concurrency) {
        return Ok(measured.text());
    }
    let volleys = seen.transcript.entries().chunk_by(|one, other| one.volley == other.volley);
    let admitted = volleys.map(|volley| volley.iter().filter(|entry| entry.witness.is_admitted()).count());
    match admitted.max().unwrap_or_default() {
        0 | 1 => Err("of requests that went out at the same time, no two were let in".to_owned()),
        most => Ok(format!("none met: of requests that went out at the same time, up to {most} were let in")),
    }
}

pub fn other_limits(seen: &Seen<'_>) -> Answer {
    let own = || seen.own().filter(|witness| witness.is_admitted());
    let (Some(first), Some(last)) = (own().map(|it| it.sent).min(), own().map(|it| it.sent).max()) else {
        return Err("nothing was let in".to_owned());
    };
    let span = last.saturating_sub(first);
    let span = Nanos(span.0 - span.0 % Nanos::from_millis(100).0);
    Ok(format!(
        "none met that let fewer in than {} within {span}; one on more, or over longer, is not excluded",
        own().count()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::probe::conformance::tests::case;
    use crate::probe::conformance::{Reach, Transcript};
    use crate::probe::family::Shape;

    #[test]
    fn windows_on_the_clock_of_an_open_length_are_not_said_to_begin_nowhere() {
        let case = case(&[(10, Nanos::from_secs(10))], Reading::FixedAligned);
        let transcript = Transcript::default();
        let reach = Reach::of(&case, &transcript);
        let measured = Measured {
            shape: Shape { family: Family::FixedAligned, charges_refused: false, penalty: None },
            family_is_settled: true,
            limit: (10, 10),
            window_s: Some((1.0, 86_400.0)),
            penalty_s: None,
            refill: None,
            off_the_clock_s: None,
        };
        let seen = Seen { case: &case, transcript: &transcript, measured: Some(&measured), reach: &reach, checks: &[] };
        assert!(window_begin(&seen).is_err_and(|open| open.contains("not settled")));
    }
}
