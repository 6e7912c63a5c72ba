//! Lines of a text file, and records of numbers written in them.

use super::records::{Blocks, Kind, Number, block_records, ended};
use crate::map::input::{self, read_error, shown};
use crate::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The most bytes that a line may take.
const LONGEST_LINE_BYTES: u64 = 1 << 20;

/// The lines of a file, one after the other.
pub(super) struct Lines {
    name: String,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    taken_bytes: u64,
}

impl Lines {
    /// The lines from the start of a file on.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Lines {
            name: path.display().to_string(),
            reader: BufReader::with_capacity(1 << 17, input::open(path)?.0),
            line: Vec::new(),
            number: 0,
            taken_bytes: 0,
        })
    }

    /// The lines from byte `start` on, the first of which is number `number` + 1.
    pub(super) fn open_at(path: &Path, start: u64, number: u64) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        lines
            .reader
            .seek(SeekFrom::Start(start))
            .map_err(|e| read_error(&lines.name, &e))?;
        (lines.number, lines.taken_bytes) = (number, start);
        Ok(lines)
    }

    /// Reads the next line; false at the end of the file.
    ///
    /// # Errors
    /// [`Error::Input`] if it is too long.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        let n = (&mut self.reader)
            .take(LONGEST_LINE_BYTES)
            .read_until(b'\n', &mut self.line)
            .map_err(|e| read_error(&self.name, &e))?;
        self.number += 1;
        self.taken_bytes += n as u64;
        if n as u64 == LONGEST_LINE_BYTES && self.line.last() != Some(&b'\n') {
            return Err(self.wrong(&format!(
                "it must not be longer than {LONGEST_LINE_BYTES} bytes"
            )));
        }
        Ok(n > 0)
    }

    /// Reads on to the next line that is not blank; false at the end of the file.
    pub(super) fn advance_to_words(&mut self) -> Result<bool> {
        loop {
            if !self.advance()? {
                return Ok(false);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The line at hand without the blanks around it.
    pub(super) fn line(&self) -> &[u8] {
        self.line.trim_ascii()
    }

    /// The words of the line at hand.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
    }

    /// How many lines and bytes were read.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.number, self.taken_bytes)
    }

    /// The error that the line at hand is wrong in the way `what` says.
    #[cold]
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::input(format!("{}, line {}: {what}", self.name, self.number))
    }
}

/// A number of a line of text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// Whether it is kept in the record.
    pub(super) kept: bool,
    /// Whether it is a list: how many numbers follow, then these, of which none is kept.
    pub(super) list: bool,
    /// Whether a float stays one of 32 bits, because its bits mean something else.
    pub(super) packed: bool,
}

impl Word {
    /// How it is stored in a record. Floats are doubles there: a text may have more digits than the type that it
    /// names.
    fn stored(self) -> Kind {
        match self.kind {
            Kind::F32 if !self.packed => Kind::F64,
            kind => kind,
        }
    }
}

/// Records whose numbers are written as text, one record a line.
pub(super) struct Written {
    lines: Lines,
    words: Vec<Word>,
    record_bytes: usize,
    next: u64,
    records: u64,
    buffer: Vec<u8>,
}

impl Written {
    /// The `records` records in the lines to come.
    pub(super) fn new(lines: Lines, words: Vec<Word>, records: u64) -> Self {
        let kept = words.iter().filter(|word| word.kept);
        Written {
            record_bytes: kept.map(|word| word.stored().bytes()).sum(),
            lines,
            words,
            next: 0,
            records,
            buffer: Vec::new(),
        }
    }

    /// How long a record is, and for each word where it is kept in it.
    pub(super) fn layout(&self) -> (usize, Vec<Option<Number>>) {
        let mut at = 0;
        let place = |word: &Word| {
            word.kept.then(|| {
                let number = Number::little(at, word.stored());
                at += word.stored().bytes();
                number
            })
        };
        let places = self.words.iter().map(place).collect();
        (self.record_bytes, places)
    }

    fn read_record(&mut self) -> Result<()> {
        if !self.lines.advance_to_words()? {
            return Err(ended(&self.lines.name, self.records));
        }
        let mut words = self.lines.words();
        for word in &self.words {
            let text = words.next().ok_or_else(|| self.few())?;
            if word.list {
                let length = integer(text)
                    .and_then(|n| usize::try_from(n).ok())
                    .ok_or_else(|| self.no_number(text, Kind::U32))?;
                for _ in 0..length {
                    words.next().ok_or_else(|| self.few())?;
                }
            } else if word.kept {
                store(text, word.stored(), &mut self.buffer)
                    .ok_or_else(|| self.no_number(text, word.kind))?;
            }
        }
        match words.next() {
            None => Ok(()),
            Some(_) => Err(self
                .lines
                .wrong("the line has more values than the header names")),
        }
    }

    #[cold]
    fn few(&self) -> Error {
        self.lines
            .wrong("the line has fewer values than the header names")
    }

    #[cold]
    fn no_number(&self, text: &[u8], kind: Kind) -> Error {
        let what = match kind {
            Kind::F32 | Kind::F64 => "a number".to_owned(),
            Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 => {
                format!("a whole number of {} bits", 8 * kind.bytes())
            }
            _ => format!("a whole number of {} bits, not negative", 8 * kind.bytes()),
        };
        self.lines.wrong(&format!("{} must be {what}", shown(text)))
    }
}

impl Blocks for Written {
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>> {
        let first = self.next;
        let n = block_records(self.record_bytes, at_most, self.records - first);
        if n == 0 {
            return Ok(None);
        }
        self.buffer.clear();
        for _ in 0..n {
            self.read_record()?;
        }
        self.next += n as u64;
        Ok(Some((first, &self.buffer)))
    }
}

/// A whole number, which may be written with a fraction of zeros.
fn integer(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        (float.fract() == 0.0 && float.abs() < 2f64.powi(53)).then_some(float as i128)
    })
}

/// Adds the number that a text stands for to a record; `None` if it is no such number.
fn store(text: &[u8], kind: Kind, out: &mut Vec<u8>) -> Option<()> {
    macro_rules! whole {
        ($number:ty) => {
            out.extend_from_slice(&<$number>::try_from(integer(text)?).ok()?.to_le_bytes())
        };
    }
    let float = || std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    match kind {
        Kind::I8 => whole!(i8),
        Kind::U8 | Kind::Bits(_) => whole!(u8),
        Kind::I16 => whole!(i16),
        Kind::U16 => whole!(u16),
        Kind::I32 => whole!(i32),
        Kind::U32 => whole!(u32),
        Kind::I64 => whole!(i64),
        Kind::U64 => whole!(u64),
        Kind::F32 => {
            let value: f32 = std::str::from_utf8(text).ok()?.parse().ok()?;
            out.extend_from_slice(&value.to_le_bytes());
        }
        Kind::F64 => out.extend_from_slice(&float()?.to_le_bytes()),
    }
    Some(())
}
