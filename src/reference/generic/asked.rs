//! What a request's query asks of the server.

use crate::reference::query;
use crate::time::Nanos;

/// Longest time for which an answer is held back.
const LONGEST_WAIT: Nanos = Nanos::from_secs(60);
const USUAL_SIZE: usize = 50;
const LARGEST_SIZE: usize = 100;

/// What is asked for; a value out of range asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub page: Option<Page>,
    /// An error to answer with.
    pub status: Option<u16>,
    pub cost: Option<u32>,
    /// How long to hold the answer back.
    pub wait: Option<Nanos>,
}

/// A part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Rows before it.
    pub from: usize,
    pub size: usize,
    /// Whether the next one is asked for by cursor, not by number.
    pub by_cursor: bool,
}

impl Asked {
    pub fn of(query: &str) -> Asked {
        let mut asked = Asked::default();
        let (mut number, mut cursor, mut size) = (None, None, USUAL_SIZE);
        for (name, value) in query::pairs(query) {
            match name.as_str() {
                "page" => number = value.parse().ok().filter(|&number: &usize| number >= 1),
                "cursor" => cursor = if value.is_empty() { Some(0) } else { value.parse().ok() },
                "size" => size = value.parse().ok().filter(|size| (1..=LARGEST_SIZE).contains(size)).unwrap_or(size),
                "status" => asked.status = value.parse().ok().filter(|status| (400..600).contains(status)),
                "cost" => asked.cost = value.parse().ok(),
                "wait" => {
                    let wait = value.parse().ok().filter(|&secs: &u64| secs >= 1);
                    asked.wait = wait.map(|secs| Nanos::from_secs(secs.min(LONGEST_WAIT.as_secs())));
                }
                _ => {}
            }
        }
        asked.page = match (cursor, number) {
            (Some(from), _) => Some(Page { from, size, by_cursor: true }),
            (None, Some(number)) => Some(Page { from: (number - 1).saturating_mul(size), size, by_cursor: false }),
            (None, None) => None,
        };
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_asks_for_what_it_names_and_else_for_nothing() {
        assert_eq!(Asked::of("status=active&wait=soon&page=0&cost=-1&q=x"), Asked::default());
        let asked = Asked::of("status=409&wait=5&cost=7&page=3&size=20");
        let page = Page { from: 40, size: 20, by_cursor: false };
        let expected = Asked { page: Some(page), status: Some(409), cost: Some(7), wait: Some(Nanos::from_secs(5)) };
        assert_eq!(asked, expected);
        assert_eq!(Asked::of("cursor=").page, Some(Page { from: 0, size: 50, by_cursor: true }));
        assert_eq!(Asked::of("cursor=100&size=101").page, Some(Page { from: 100, size: 50, by_cursor: true }));
    }

    #[test]
    fn nothing_that_is_asked_for_grows_beyond_its_bound() {
        assert_eq!(Asked::of("wait=99999999999").wait, Some(LONGEST_WAIT));
        assert_eq!(Asked::of("status=200").status, None);
        let far = Asked::of(&format!("page={}&size=100", usize::MAX)).page.unwrap();
        assert_eq!(far.from, usize::MAX);
    }
}
