//! HTTP/1.1 without sockets (RFC 9112): writes requests, parses responses as their bytes come.

use super::chunked::Chunked;
use super::endpoint::Endpoint;
use super::link::{KEPT_BUFFER, Trouble};
use crate::device::{Failure, HttpRequest};

/// Longest status line and headers of an answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// Most headers of an answer.
const MOST_HEADERS: usize = 100;

/// Replaces what is in `wire` by the request.
pub fn write_request(http: &HttpRequest, endpoint: &Endpoint, wire: &mut Vec<u8>) {
    wire.clear();
    for part in [http.method, " ", &endpoint.prefix, &http.path, " HTTP/1.1\r\nhost: ", &endpoint.authority, "\r\n"] {
        wire.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &http.headers {
        for part in [name, ": ", value, "\r\n"] {
            wire.extend_from_slice(part.as_bytes());
        }
    }
    if let Some(content_type) = http.content_type.filter(|_| !http.body.is_empty()) {
        for part in ["content-type: ", content_type.name(), "\r\n"] {
            wire.extend_from_slice(part.as_bytes());
        }
    }
    if !http.body.is_empty() || matches!(http.method, "POST" | "PUT" | "PATCH") {
        wire.extend_from_slice(format!("content-length: {}\r\n", http.body.len()).as_bytes());
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(&http.body);
}

/// Parses one response. Feed it until it says that the response is whole.
#[derive(Debug)]
pub struct ResponseParser {
    /// Status line and headers, once they are whole; until then all that came.
    head: Vec<u8>,
    status: u16,
    framing: Framing,
    /// Whether the connection can serve another request.
    keep_alive: bool,
    /// Whether any byte came.
    begun: bool,
    bodyless: bool,
    max_body: usize,
}

/// What ends a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// The head is not whole yet.
    Head,
    Length {
        left: u64,
    },
    Chunked(Chunked),
    /// The connection's end.
    Close,
    /// The head: what follows is another protocol's, and is passed on as the body.
    Upgrade,
}

impl ResponseParser {
    pub fn new(max_body: usize) -> Self {
        ResponseParser {
            head: Vec::new(),
            status: 0,
            framing: Framing::Head,
            keep_alive: false,
            begun: false,
            bodyless: false,
            max_body,
        }
    }

    /// Makes it ready for the response to a request of this method.
    pub fn reset(&mut self, method: &str) {
        self.head.clear();
        self.head.shrink_to(KEPT_BUFFER);
        self.status = 0;
        self.framing = Framing::Head;
        self.keep_alive = false;
        self.begun = false;
        self.bodyless = method == "HEAD";
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whether any byte of the response came.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Takes the bytes that came next, adding those of the body to `body`. True when the response is whole.
    pub fn feed(&mut self, mut bytes: &[u8], body: &mut Vec<u8>) -> Result<bool, Trouble> {
        self.begun |= !bytes.is_empty();
        if self.framing != Framing::Head {
            return self.feed_body(&mut bytes, body);
        }
        self.head.extend_from_slice(bytes);
        loop {
            let Some(length) = self.parse_head()? else { return Ok(false) };
            // An interim response (1xx) announces nothing that matters here; the final one follows it.
            if (100..200).contains(&self.status) && self.status != 101 {
                self.head.drain(..length);
                self.framing = Framing::Head;
                continue;
            }
            let rest = self.head.split_off(length);
            return self.feed_body(&mut rest.as_slice(), body);
        }
    }

    /// The connection ended. Ok where that ends the response as well.
    pub fn finish(&mut self) -> Result<(), Trouble> {
        let detail = match self.framing {
            Framing::Close | Framing::Upgrade => return Ok(()),
            _ if !self.begun => "the connection was closed without an answer",
            Framing::Head => "the connection was closed within the headers of the answer",
            Framing::Length { .. } | Framing::Chunked(_) => "the connection was closed within the body of the answer",
        };
        Err(Trouble::new(Failure::Reset, detail))
    }

    /// Headers of a response whose head is whole, their names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        // It was parsed before; there is nothing to go wrong.
        let _ = response.parse(&self.head);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pair = |header: &httparse::Header<'_>| (header.name.to_ascii_lowercase(), text(header.value));
        response.headers.iter().map(pair).collect()
    }

    /// Reads the head, if it is whole, and returns its length.
    fn parse_head(&mut self) -> Result<Option<usize>, Trouble> {
        let mut headers = [const { std::mem::MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let length = match config.parse_response_with_uninit_headers(&mut response, &self.head, &mut headers) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.head.len() > LONGEST_HEAD => {
                return Err(Trouble::new(Failure::TooLarge, format!("headers beyond {LONGEST_HEAD} bytes")));
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(Trouble::new(Failure::Garbage, error)),
        };
        self.status = response.code.unwrap_or(0);
        let fields = Fields::read(response.headers)?;
        self.keep_alive = match response.version {
            Some(1) => !fields.close,
            _ => fields.keep_alive && !fields.close,
        };
        self.framing = if self.status == 101 {
            Framing::Upgrade
        } else if self.bodyless || matches!(self.status, 204 | 304) {
            Framing::Length { left: 0 }
        } else if fields.chunked {
            Framing::Chunked(Chunked::START)
        } else {
            match fields.length {
                Some(left) if !fields.transfer_encoded => Framing::Length { left },
                _ => Framing::Close,
            }
        };
        if matches!(self.framing, Framing::Close | Framing::Upgrade) {
            self.keep_alive = false;
        }
        Ok(Some(length))
    }

    fn feed_body(&mut self, bytes: &mut &[u8], body: &mut Vec<u8>) -> Result<bool, Trouble> {
        let whole = match &mut self.framing {
            Framing::Head => false,
            Framing::Length { left } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (data, rest) = bytes.split_at(count);
                body.extend_from_slice(data);
                *bytes = rest;
                *left -= count as u64;
                *left == 0
            }
            Framing::Chunked(chunked) => {
                chunked
                    .decode(bytes, body)
                    .map_err(|_bad| Trouble::new(Failure::Garbage, "the body is no chunked coding"))?;
                *chunked == Chunked::End
            }
            Framing::Close | Framing::Upgrade => {
                body.extend_from_slice(std::mem::take(bytes));
                self.framing == Framing::Upgrade
            }
        };
        let announced = match self.framing {
            Framing::Length { left } => left,
            _ => 0,
        };
        // What follows an upgrade is no body, and no more than one read.
        let bounded = self.framing != Framing::Upgrade;
        if bounded && body.len() as u64 + announced > self.max_body as u64 {
            return Err(Trouble::new(Failure::TooLarge, format!("a body beyond {} bytes", self.max_body)));
        }
        if whole && !bytes.is_empty() {
            // Whoever speaks unasked cannot be trusted with the next request.
            self.keep_alive = false;
        }
        Ok(whole)
    }
}

/// The header fields that frame a message.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    transfer_encoded: bool,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, Trouble> {
        let garbage = |detail: &str| Trouble::new(Failure::Garbage, detail);
        let mut fields = Fields::default();
        for header in headers {
            let value = std::str::from_utf8(header.value).unwrap_or("");
            let mut tokens = value.split(',').map(str::trim);
            if header.name.eq_ignore_ascii_case("content-length") {
                for token in tokens {
                    let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
                    let length = token.parse().ok().filter(|_| digits);
                    let length = length.ok_or_else(|| garbage("Content-Length is no number"))?;
                    if fields.length.is_some_and(|other| other != length) {
                        return Err(garbage("two different Content-Lengths"));
                    }
                    fields.length = Some(length);
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                fields.transfer_encoded = true;
                fields.chunked = tokens.next_back().is_some_and(|last| last.eq_ignore_ascii_case("chunked"));
            } else if header.name.eq_ignore_ascii_case("connection") {
                for token in tokens {
                    fields.close |= token.eq_ignore_ascii_case("close");
                    fields.keep_alive |= token.eq_ignore_ascii_case("keep-alive");
                }
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1000;

    /// Status, body, and whether the connection lives on; fed in pieces of so many bytes.
    fn parse(method: &str, text: &[u8], piece: usize, closed: bool) -> Result<Option<(u16, Vec<u8>, bool)>, Failure> {
        let mut parser = ResponseParser::new(MAX);
        parser.reset(method);
        let mut body = Vec::new();
        let mut pieces = text.chunks(piece).peekable();
        while let Some(bytes) = pieces.next() {
            if parser.feed(bytes, &mut body).map_err(|trouble| trouble.failure)? {
                let alive = parser.keep_alive() && pieces.peek().is_none();
                return Ok(Some((parser.status(), body, alive)));
            }
        }
        if !closed {
            return Ok(None);
        }
        parser.finish().map_err(|trouble| trouble.failure)?;
        Ok(Some((parser.status(), body, parser.keep_alive())))
    }

    #[test]
    fn each_way_to_frame_a_body_is_understood_however_the_bytes_are_cut() {
        let cases: [(&str, &str, u16, &str, bool); 12] = [
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true),
            ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true),
            ("GET", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", false),
            ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", false),
            ("GET", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", true),
            ("GET", "HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", false),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
            ("GET", "HTTP/1.1 101 Up\r\nupgrade: x\r\n\r\n", 101, "", false),
            ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 200, "", true),
            (
                "POST",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n",
                429,
                "",
                true,
            ),
            ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nhi", 200, "hi", true),
            ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 unasked", 200, "hi", false),
        ];
        for (method, text, status, body, alive) in cases {
            for piece in 1..=text.len() {
                let parsed = parse(method, text.as_bytes(), piece, true);
                assert_eq!(parsed, Ok(Some((status, body.as_bytes().to_vec(), alive))), "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_a_reset_and_what_is_no_http_is_garbage() {
        let cases = [
            ("", Failure::Reset),
            ("HTTP/1.1 200", Failure::Reset),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", Failure::Reset),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Failure::Reset),
            ("SSH-2.0-OpenSSH_9.6\r\n", Failure::Garbage),
            ("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", Failure::Garbage),
            ("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello", Failure::Garbage),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", Failure::Garbage),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello", Failure::Garbage),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", Failure::TooLarge),
        ];
        for (text, failure) in cases {
            assert_eq!(parse("GET", text.as_bytes(), usize::MAX, true), Err(failure), "{text:?}");
        }
        for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n800\r\n"] {
            let endless = [head.as_bytes(), &[b'x'; MAX + 1]].concat();
            assert_eq!(parse("GET", &endless, 100, false), Err(Failure::TooLarge), "{head:?}");
        }
        let endless_head = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(LONGEST_HEAD));
        assert_eq!(parse("GET", endless_head.as_bytes(), 4096, false), Err(Failure::TooLarge));
    }

    #[test]
    fn what_follows_an_upgrade_is_passed_on_whatever_its_size() {
        let mut parser = ResponseParser::new(MAX);
        parser.reset("GET");
        let (mut body, frames) = (Vec::new(), [7; MAX + 1]);
        let text = [b"HTTP/1.1 101 Up\r\n\r\n".as_slice(), &frames].concat();
        assert_eq!(parser.feed(&text, &mut body), Ok(true));
        assert_eq!(body, frames);
    }

    #[test]
    fn requests_carry_what_the_driver_adds() {
        let endpoint = Endpoint::resolve("http://[::1]:81/base/", false).unwrap();
        let mut http = HttpRequest { method: "POST", path: "/v1/x?a=b".into(), ..HttpRequest::default() };
        http.headers.push(("authorization".into(), "Bearer t".into()));
        http.body.extend_from_slice(b"{}");
        let mut wire = b"left over".to_vec();
        write_request(&http, &endpoint, &mut wire);
        let expected = "POST /base/v1/x?a=b HTTP/1.1\r\nhost: [::1]:81\r\nauthorization: Bearer t\r\n\
                        content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(wire.clone()).unwrap(), expected);
        http.clear();
        http.path.push_str("/y");
        write_request(&http, &endpoint, &mut wire);
        assert_eq!(wire, b"GET /base/y HTTP/1.1\r\nhost: [::1]:81\r\n\r\n");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), head in 0..3usize) {
            let heads = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"];
            let text = [heads[head].as_bytes(), &bytes].concat();
            let _ = parse("GET", &text, 7, true);
        }
    }
}
