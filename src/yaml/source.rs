//! The text of a policy or profile, read within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::diagnosis::Diagnosis;
use super::located::Place;

/// The longest file that is read, in bytes. A fleet of thousands fits in a few kilobytes.
pub const MAX_BYTES: u64 = 256 * 1024;

/// A text and where it comes from. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// The folder that relative paths inside the text start from; None for a built-in text.
    folder: Option<PathBuf>,
}

/// A line of a text, and a place as a range of its bytes.
pub(super) struct Line<'a> {
    pub text: &'a str,
    pub number: usize,
    pub mark: Range<usize>,
}

impl Source {
    /// A text that is compiled in or made by a test.
    pub fn built_in(name: &str, text: &str) -> Self {
        Source { name: name.into(), text: text.into(), folder: None }
    }

    /// Reads a file: UTF-8, not empty, at most [`MAX_BYTES`].
    pub fn read(path: &Path) -> Result<Self, Diagnosis> {
        let name = path.display().to_string();
        let bytes = read_bounded(path).map_err(|problem| problem.diagnosis(&name))?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&name, error.as_bytes(), error.utf8_error()))?;
        let folder = Some(path.parent().unwrap_or(Path::new("")).to_owned());
        Ok(Source { name: name.into(), text: text.into(), folder })
    }

    /// Another text in the place of this one.
    pub fn replaced(&self, text: &str) -> Self {
        Source { text: text.into(), ..self.clone() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text, in hexadecimal.
    pub fn hash(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A path inside the text, seen from the text's folder.
    pub fn relative(&self, path: &str) -> PathBuf {
        self.folder.as_deref().unwrap_or(Path::new("")).join(path)
    }

    /// Where `part` first stands at or behind a place on its line; the place itself if it does not stand there.
    pub fn narrowed(&self, place: Place, part: &str) -> Place {
        let line = self.line(place);
        match line.text[line.mark.start..].find(part).filter(|_| !part.is_empty()) {
            Some(at) => Place {
                column: place.column + line.text[line.mark.start..line.mark.start + at].chars().count(),
                bytes: part.len(),
                ..place
            },
            None => place,
        }
    }

    /// The line that a place is on.
    pub(super) fn line(&self, place: Place) -> Line<'_> {
        let number = place.line.max(1);
        let text = self.text.lines().nth(number - 1).unwrap_or("");
        let start = text.char_indices().nth(place.column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        let mut end = start.saturating_add(place.bytes).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Line { text, number, mark: start..end }
    }
}

/// Why a file cannot be had.
enum ReadProblem {
    TooLarge(u64),
    Directory,
    Empty,
    Io(io::Error),
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, ReadProblem> {
    let file = File::open(path).map_err(ReadProblem::Io)?;
    let metadata = file.metadata().map_err(ReadProblem::Io)?;
    if metadata.is_dir() {
        return Err(ReadProblem::Directory);
    }
    let mut bytes = Vec::new();
    // What is no regular file tells no length: the bound holds while reading.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(ReadProblem::Io)?;
    match bytes.len() as u64 {
        0 => Err(ReadProblem::Empty),
        read if read > MAX_BYTES => Err(ReadProblem::TooLarge(metadata.len().max(read))),
        _ => Ok(bytes),
    }
}

impl ReadProblem {
    fn diagnosis(self, name: &str) -> Diagnosis {
        match self {
            ReadProblem::TooLarge(bytes) => {
                Diagnosis::new(format!("{name} is {bytes} bytes long; at most {MAX_BYTES} are read"))
                    .help("describe like devices as one group with a `count` instead of one by one")
            }
            ReadProblem::Directory => {
                Diagnosis::new(format!("{name} is a directory")).help("name a file in it, such as `profile.yaml`")
            }
            ReadProblem::Empty => empty(name),
            ReadProblem::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Diagnosis::new(format!("{name} does not exist")).help("check the spelling and the current directory")
            }
            ReadProblem::Io(error) => Diagnosis::new(format!("{name} cannot be read: {error}")),
        }
    }
}

/// A file with nothing in it.
pub(super) fn empty(name: &str) -> Diagnosis {
    Diagnosis::new(format!("{name} is empty")).help("name another file, or fill this one in")
}

fn not_utf8(name: &str, bytes: &[u8], error: std::str::Utf8Error) -> Diagnosis {
    let offset = error.valid_up_to();
    let line = 1 + bytes[..offset].iter().filter(|&&byte| byte == b'\n').count();
    let found = bytes[offset];
    Diagnosis::new(format!("{name} is not UTF-8: byte 0x{found:02x} at offset {offset} (line {line})"))
        .help("save the file as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        std::fs::write(&path, bytes).unwrap();
        let diagnosis = Source::read(&path).unwrap_err().to_string();
        diagnosis.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_huge_file_is_refused_with_both_sizes() {
        insta::assert_snapshot!(refused(&vec![b'#'; 300_000]), @r"
        error: p.yaml is 300000 bytes long; at most 262144 are read
        help: describe like devices as one group with a `count` instead of one by one
        ");
    }

    #[test]
    fn a_file_that_is_not_utf8_is_refused_with_the_byte() {
        insta::assert_snapshot!(refused(b"name: a\ntitle: \xff\xfe\n"), @r"
        error: p.yaml is not UTF-8: byte 0xff at offset 15 (line 2)
        help: save the file as UTF-8
        ");
    }

    #[test]
    fn an_empty_file_is_refused() {
        insta::assert_snapshot!(refused(b""), @r"
        error: p.yaml is empty
        help: name another file, or fill this one in
        ");
    }

    #[test]
    fn a_directory_and_a_missing_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Source::read(folder.path()).unwrap_err().title().ends_with("is a directory"));
        assert!(Source::read(&folder.path().join("no.yaml")).unwrap_err().title().ends_with("does not exist"));
    }

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let source = Source::built_in("x", "abc");
        assert_eq!(source.hash(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_place_anywhere_has_a_line() {
        let source = Source::built_in("x", "äb\ncd\n");
        for line in 0..6 {
            for column in 0..6 {
                for bytes in 0..6 {
                    let found = source.line(Place { line, column, bytes });
                    assert!(found.text.get(found.mark.clone()).is_some(), "{line}:{column}+{bytes}");
                }
            }
        }
    }
}
