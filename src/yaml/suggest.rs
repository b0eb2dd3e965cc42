//! "Did you mean": the nearest of some allowed words.

/// The allowed word that is most like `given`, if one is alike enough to be meant.
pub fn nearest<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    let given = given.to_lowercase().replace('-', "_");
    let scored = allowed.into_iter().map(|word| {
        let plain = word.to_lowercase().replace('-', "_");
        (strsim::jaro_winkler(&given, &plain).max(strsim::normalized_damerau_levenshtein(&given, &plain)), word)
    });
    scored.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

/// What to do about a word that is not among the allowed ones: the nearest, and all of them.
pub fn advice<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all: Vec<String> = allowed.clone().into_iter().map(|word| format!("`{word}`")).collect();
    let all = if all.is_empty() { "none is allowed here".to_owned() } else { format!("allowed: {}", all.join(", ")) };
    match nearest(given, allowed) {
        Some(word) => format!("did you mean `{word}`? {all}"),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_word_and_nonsense_finds_none() {
        let words = ["heartbeat", "telemetry", "sessions"];
        assert_eq!(nearest("hartbeat", words), Some("heartbeat"));
        assert_eq!(nearest("Telemetry", words), Some("telemetry"));
        assert_eq!(nearest("session", words), Some("sessions"));
        assert_eq!(nearest("quux", words), None);
        assert_eq!(nearest("hint", words), None);
    }

    #[test]
    fn advice_lists_everything_that_is_allowed() {
        assert_eq!(advice("sesions", ["sessions", "start"]), "did you mean `sessions`? allowed: `sessions`, `start`");
        assert_eq!(advice("x", []), "none is allowed here");
    }
}
