//! The `Link` header (RFC 8288), as far as paging needs it.

/// A field that is no list of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Where the first link with the relation `next` leads, of all fields of an answer. None: there is no such link.
pub fn next<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, Malformed> {
    for field in fields {
        let mut rest = field;
        while let Some(link) = take_link(&mut rest)? {
            if link.is_next() {
                return Ok(Some(link.target));
            }
        }
    }
    Ok(None)
}

struct Link<'a> {
    target: &'a str,
    relations: Option<&'a str>,
    /// It is about another page than the one that was asked for.
    is_anchored: bool,
}

impl Link<'_> {
    fn is_next(&self) -> bool {
        let mut relations = self.relations.unwrap_or_default().split_ascii_whitespace();
        !self.is_anchored && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
    }
}

/// Takes the next of a list of links off its text; None at the end.
fn take_link<'a>(rest: &mut &'a str) -> Result<Option<Link<'a>>, Malformed> {
    *rest = rest.trim_start_matches([' ', '\t', ',']);
    if rest.is_empty() {
        return Ok(None);
    }
    let (target, behind) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(Malformed)?;
    *rest = behind;
    let mut link = Link { target, relations: None, is_anchored: false };
    while let Some((name, value)) = take_parameter(rest)? {
        if name.eq_ignore_ascii_case("rel") {
            // Of several, the first counts.
            link.relations.get_or_insert(value);
        }
        link.is_anchored |= name.eq_ignore_ascii_case("anchor");
    }
    Ok(Some(link))
}

/// Takes the next parameter of a link off its text; None at the end of the link.
fn take_parameter<'a>(rest: &mut &'a str) -> Result<Option<(&'a str, &'a str)>, Malformed> {
    let text = rest.trim_start_matches(BLANKS);
    if text.is_empty() || text.starts_with(',') {
        *rest = text;
        return Ok(None);
    }
    let text = text.strip_prefix(';').ok_or(Malformed)?.trim_start_matches(BLANKS);
    let (name, text) = text.split_at(text.find(|c| BLANKS.contains(&c) || "=;,".contains(c)).unwrap_or(text.len()));
    let text = text.trim_start_matches(BLANKS);
    let (value, text) = match text.strip_prefix('=').map(|text| text.trim_start_matches(BLANKS)) {
        None => ("", text),
        Some(text) => match text.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => text.split_at(text.find(|c| BLANKS.contains(&c) || ";,".contains(c)).unwrap_or(text.len())),
        },
    };
    *rest = text;
    Ok(Some((name, value)))
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What stands before the closing quote, and what behind it. Escapes are left as they are: no relation needs one.
fn quoted(text: &str) -> Result<(&str, &str), Malformed> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| (&text[..end], &text[end + 1..])).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(field: &str) -> Result<Option<&str>, Malformed> {
        next(std::iter::once(field))
    }

    #[test]
    fn the_next_page_is_found_among_other_links_however_they_are_written() {
        for field in [
            "</a?page=2>; rel=\"next\"",
            "</a?page=1>; rel=prev, </a?page=2>; rel=next",
            "</a?page=9>;rel=\"last\";title=\"a, <b>; rel=next\" , </a?page=2>\t;\tREL = \"start NEXT\";;",
            "</b>; anchor=\"/other\"; rel=next, </a?page=2>; rel=next; rel=prev",
            "</b>; rel=prev; rel=next,,</a?page=2>; title=\"\\\"\"; rel=next, </c>; rel=next",
        ] {
            assert_eq!(found(field), Ok(Some("/a?page=2")), "{field}");
        }
        assert_eq!(next(["</a>; rel=prev", "<?page=2>; rel=next"].into_iter()), Ok(Some("?page=2")));
    }

    #[test]
    fn no_link_is_no_page_and_no_list_of_links_is_said_so() {
        for field in ["", " , ", "</a>", "</a>; rel=nextpage", "</a>; rel", "</a>; title=next"] {
            assert_eq!(found(field), Ok(None), "{field}");
        }
        for field in ["/a; rel=next", "</a; rel=next", "</a> rel=next", "</a>; rel=\"next", "</a>; rel=\"prev\"x"] {
            assert_eq!(found(field), Err(Malformed), "{field}");
        }
    }

    proptest! {
        #[test]
        fn no_field_makes_it_panic(field in r#"(\PC|[<>;,"= \\]|rel|next){0,40}"#) {
            let _ = found(&field);
        }

        #[test]
        fn what_is_written_is_read(target in "[!-;=?-~]{1,20}", other in "[a-z]{1,8}", title in "[ -!#-\\[\\]-~]{0,12}") {
            let field = format!("</x>; rel={other}x; title=\"{title}\", <{target}>; title=\"{title}\"; rel=\"{other} next\"");
            prop_assert_eq!(found(&field), Ok(Some(target.as_str())));
        }
    }
}
