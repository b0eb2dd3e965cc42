//! Names and values of a URL's query, or of a form.

/// In their order, escapes undone; a name without `=` has an empty value.
pub fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    })
}

/// Undoes the escapes of a query; what is no escape stays as it is.
fn percent_decoded(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high * 16 + low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_stay() {
        for (raw, plain) in
            [("a%2Cb", "a,b"), ("a+b", "a b"), ("100%", "100%"), ("%zz", "%zz"), ("%4", "%4"), ("%+1", "% 1")]
        {
            assert_eq!(percent_decoded(raw), plain);
        }
    }

    #[test]
    fn pairs_come_in_order_and_need_no_value() {
        let found: Vec<_> = pairs("a=1&&b&c=x%3Dy&a=2").collect();
        let expected = [("a", "1"), ("b", ""), ("c", "x=y"), ("a", "2")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
