//! The chunked transfer coding (RFC 9112, section 7.1), decoded as the bytes come.

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunked {
    /// In a chunk's size line; `digits` of the size were read.
    Size {
        size: u64,
        digits: u8,
    },
    /// After the size: extensions, up to the end of the line.
    Extension {
        size: u64,
    },
    /// In a chunk's data.
    Data {
        left: u64,
    },
    /// After a chunk's data: the line must end.
    DataEnd,
    /// After the last chunk, in a trailer line of so many bytes.
    Trailer {
        length: u16,
    },
    End,
}

/// What came is no chunked coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadChunk;

/// 15 digits hold a size that fits in 60 bits.
const MOST_DIGITS: u8 = 15;

impl Chunked {
    pub const START: Chunked = Chunked::Size { size: 0, digits: 0 };

    /// Reads from the front of `bytes` and adds decoded data to `body`; what is left in `bytes` lies behind the body's
    /// end.
    pub fn decode(&mut self, bytes: &mut &[u8], body: &mut Vec<u8>) -> Result<(), BadChunk> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *self = match *self {
                Chunked::End => return Ok(()),
                Chunked::Data { left } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, rest) = bytes.split_at(count);
                    body.extend_from_slice(data);
                    *bytes = rest;
                    match left - count as u64 {
                        0 => *self = Chunked::DataEnd,
                        left => *self = Chunked::Data { left },
                    }
                    continue;
                }
                state => state.step(byte)?,
            };
            *bytes = rest;
        }
        Ok(())
    }

    /// One byte of the framing. Lines may end in a bare line feed, as most clients allow.
    fn step(self, byte: u8) -> Result<Chunked, BadChunk> {
        match (self, byte) {
            (Chunked::Size { size, digits }, b'\n') if digits > 0 => Ok(after_size(size)),
            (Chunked::Size { size, digits }, b'\r' | b';' | b' ' | b'\t') if digits > 0 => {
                Ok(Chunked::Extension { size })
            }
            (Chunked::Size { size, digits }, digit) => {
                let value = (digit as char).to_digit(16).filter(|_| digits < MOST_DIGITS).ok_or(BadChunk)?;
                Ok(Chunked::Size { size: size * 16 + u64::from(value), digits: digits + 1 })
            }
            (Chunked::Extension { size }, b'\n') => Ok(after_size(size)),
            (Chunked::Extension { size }, _) => Ok(Chunked::Extension { size }),
            (Chunked::DataEnd, b'\r') => Ok(Chunked::DataEnd),
            (Chunked::DataEnd, b'\n') => Ok(Chunked::START),
            (Chunked::DataEnd, _) => Err(BadChunk),
            (Chunked::Trailer { length: 0 }, b'\n') => Ok(Chunked::End),
            (Chunked::Trailer { .. }, b'\n') => Ok(Chunked::Trailer { length: 0 }),
            (Chunked::Trailer { length }, b'\r') => Ok(Chunked::Trailer { length }),
            (Chunked::Trailer { length }, _) => Ok(Chunked::Trailer { length: length.saturating_add(1) }),
            (state @ (Chunked::Data { .. } | Chunked::End), _) => Ok(state),
        }
    }
}

fn after_size(size: u64) -> Chunked {
    match size {
        0 => Chunked::Trailer { length: 0 },
        left => Chunked::Data { left },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<(Chunked, Vec<u8>, usize), BadChunk> {
        let (mut state, mut body, mut behind) = (Chunked::START, Vec::new(), 0);
        for mut piece in pieces.iter().copied() {
            state.decode(&mut piece, &mut body)?;
            behind += piece.len();
        }
        Ok((state, body, behind))
    }

    #[test]
    fn extensions_and_trailers_are_passed_over_and_what_follows_is_left() {
        let text = b"5;name=\"v\"\r\nhello\r\n0\r\nExpires: never\r\n\r\nHTTP/1.1";
        assert_eq!(decode(&[text]), Ok((Chunked::End, b"hello".to_vec(), 8)));
    }

    #[test]
    fn what_is_no_chunk_is_told_apart_from_what_is_not_whole() {
        for text in ["\r\n", "x\r\n", "-1\r\n", "5\r\nhelloX", "fffffffffffffffff\r\n"] {
            assert_eq!(decode(&[text.as_bytes()]), Err(BadChunk), "{text:?}");
        }
        assert_ne!(decode(&[b"5\r\nhello\r\n"]).unwrap().0, Chunked::End);
        assert_ne!(decode(&[b"0\r\n"]).unwrap().0, Chunked::End);
    }

    proptest! {
        #[test]
        fn a_body_survives_any_chunking_and_any_cuts(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(1..9usize, 1..200),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let (mut pieces, mut rest) = (Vec::new(), text.as_slice());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            prop_assert_eq!(decode(&pieces), Ok((Chunked::End, chunks.concat(), 0)));
        }
    }
}
