//! Wording that every layer shares: counts and shares as a person reads them.

/// `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A thing and how many there are: `1 request`, `1,200 requests`.
pub fn plural(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// What goes with one thing, or with as many.
pub fn either<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// `72`, or `at least 72` where more may have come than was counted.
pub fn counted(number: u32, at_least: bool) -> String {
    format!("{}{}", if at_least { "at least " } else { "" }, count(number.into()))
}

/// Some of many: `11 of 1,200 requests`.
pub fn part_of(part: u64, whole: u64, thing: &str) -> String {
    format!("{} of {}", count(part), plural(whole, thing))
}

/// A share: `0%`, `0.02%`, `12.5%`, `-40%`. What is not zero never reads as zero, what is not all never as all.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return "n/a".to_owned();
    }
    if percent != 0.0 && percent.abs() < 0.01 {
        return if percent > 0.0 { "<0.01%" } else { ">-0.01%" }.to_owned();
    }
    if (99.95..100.0).contains(&percent) {
        return ">99.9%".to_owned();
    }
    if percent.abs() >= 1000.0 {
        let sign = if percent < 0.0 { "-" } else { "" };
        return format!("{sign}{}%", count(percent.abs().round() as u64));
    }
    let decimals = if percent.abs() < 1.0 { 2 } else { 1 };
    format!("{}%", trimmed(format!("{percent:.decimals$}")))
}

/// Reads a share as the command line has it: `5%` or `0.05`.
pub fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().map(|percent: f64| percent / 100.0),
        None => text.parse().ok(),
    }
}

/// A share as the command line has it, not rounded as for people: `12.345%`.
pub fn exactly(share: f64) -> String {
    format!("{}%", trimmed(format!("{:.9}", share * 100.0)))
}

/// A part as a share of the whole, as [`percent`] writes it; zero of nothing.
pub fn percent_of(part: u64, whole: u64) -> String {
    percent(part as f64 / whole.max(1) as f64)
}

/// A number without zeros at the end of its fraction.
pub fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    let short = number.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A length of time given in seconds: `0.25 s`, `61.3 s`, `5 min`, `3 h 12 min`.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "n/a".to_owned();
    }
    if seconds < 120.0 {
        return format!("{} s", significant(seconds));
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    let parts: Vec<String> = [(hours, "h"), (minutes, "min"), (rest, "s")]
        .into_iter()
        .filter(|&(value, _)| value > 0)
        .map(|(value, unit)| format!("{value} {unit}"))
        .collect();
    parts.join(" ")
}

/// Three significant digits, whole numbers whole, no trailing zeros.
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "n/a".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (2 - magnitude).clamp(0, 6) as usize;
    trimmed(format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_in_threes() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (100_000, "100,000")];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn a_share_that_is_not_zero_never_reads_as_zero_and_one_below_all_never_as_all() {
        let cases = [
            (0.0, "0%"),
            (0.000_000_1, "<0.01%"),
            (-0.000_000_1, ">-0.01%"),
            (0.0012, "0.12%"),
            (0.125, "12.5%"),
            (-0.4, "-40%"),
            (0.999_99, ">99.9%"),
            (1.0, "100%"),
            (799.0, "79,900%"),
            (-10.0, "-1,000%"),
            (f64::NAN, "n/a"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }
}
