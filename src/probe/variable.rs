//! Texts in which `env:NAME` stands for a variable of the environment, so that secrets are in no command and no report.

/// A part of such a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Text(&'a str),
    /// A variable's name.
    Variable(&'a str),
}

const MARK: &str = "env:";

/// Takes a text apart. A mark stands at the begin of a word, and its name ends with what no name holds.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find(MARK) {
        let begin = at + found;
        let name = begin + MARK.len();
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = text[name..].find(|c: char| !is_of_name(c)).unwrap_or(text.len() - name);
        let begins_word = !text[..begin].ends_with(is_of_name);
        let is_name = length > 0 && !text[name..].starts_with(|c: char| c.is_ascii_digit());
        at = name + length;
        if begins_word && is_name {
            if from < begin {
                parts.push(Part::Text(&text[from..begin]));
            }
            parts.push(Part::Variable(&text[name..at]));
            from = at;
        }
    }
    if from < text.len() {
        parts.push(Part::Text(&text[from..]));
    }
    parts
}

/// The text with its variables' values. Errors: the name of a variable that has none.
pub fn filled<'a>(text: &'a str, value: &impl Fn(&str) -> Option<String>) -> Result<String, &'a str> {
    let part = |part: Part<'a>| match part {
        Part::Text(text) => Ok(text.to_owned()),
        Part::Variable(name) => value(name).filter(|value| !value.is_empty()).ok_or(name),
    };
    parts(text).into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_ends_where_its_name_does() {
        assert_eq!(parts("Bearer env:TOKEN"), [Part::Text("Bearer "), Part::Variable("TOKEN")]);
        let json = r#"{"secret":"env:A_1","x":"env:B"}"#;
        let expected = [
            Part::Text(r#"{"secret":""#),
            Part::Variable("A_1"),
            Part::Text(r#"","x":""#),
            Part::Variable("B"),
            Part::Text(r#""}"#),
        ];
        assert_eq!(parts(json), expected);
        for plain in ["", "seven:UP", "env:", "env:1x", "env: A"] {
            assert!(parts(plain).iter().all(|part| matches!(part, Part::Text(_))), "{plain}");
        }
    }

    #[test]
    fn what_is_not_in_the_environment_is_named() {
        let value = |name: &str| (name == "A").then(|| "1".to_owned());
        assert_eq!(filled("x=env:A&y=2", &value), Ok("x=1&y=2".to_owned()));
        assert_eq!(filled("x=env:B", &value), Err("B"));
    }
}
