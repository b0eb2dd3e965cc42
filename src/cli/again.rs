//! The command that does the same again, written as a shell takes it.

use std::borrow::Cow;
use std::fmt::Display;

/// A command line that grows word by word.
pub struct Again(String);

impl Again {
    pub fn of(verb: &str) -> Self {
        Again(format!("quotaproof {verb}"))
    }

    pub fn word(&mut self, word: impl Display) -> &mut Self {
        self.0.push(' ');
        self.0.push_str(&quoted(&word.to_string()));
        self
    }

    pub fn option(&mut self, option: &str, value: impl Display) -> &mut Self {
        self.word(option).word(value)
    }

    /// The option where it is given.
    pub fn given(&mut self, option: &str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.option(option, value),
            None => self,
        }
    }

    pub fn line(&self) -> String {
        self.0.clone()
    }
}

/// In single quotes where a shell would read anything else than the word itself.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,%@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_the_words_that_were_given() {
        let words = [
            "sp ace/two.yaml",
            "it's",
            "$HOME",
            "`id`",
            "~/a",
            "a*b?",
            "{1..3}",
            "a;b&c|d",
            "",
            "\"",
            "a\\b",
            "#x",
            "über",
            "a\nb",
        ];
        let mut again = Again::of("plan");
        for word in words {
            again.word(word);
        }
        let line = again.line();
        let arguments = line.strip_prefix("quotaproof plan ").unwrap();
        let output = Command::new("sh").arg("-c").arg(format!("printf '%s\\0' {arguments}")).output().unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), words, "{line}");
    }

    #[test]
    fn plain_words_stand_as_they_are() {
        let mut again = Again::of("plan");
        again.word("profiles/a.yaml").option("--sweep", "fleet.depot.chargers.count=1..5:log/3");
        again.given("--headroom", Some("12.5%")).given("--delay", None::<&str>);
        let line = "quotaproof plan profiles/a.yaml --sweep fleet.depot.chargers.count=1..5:log/3 --headroom 12.5%";
        assert_eq!(again.line(), line);
    }
}
