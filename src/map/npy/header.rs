//! The header of an array: a Python dictionary, of which only what NumPy itself writes is understood.

use super::element::Element;
use crate::map::input::{Bytes, shown};
use crate::{Error, Result};

/// The longest header: NumPy's own are below 200 bytes for arrays of numbers.
const LONGEST_BYTES: usize = 1 << 16;

/// What a header tells of an array of numbers.
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
}

/// Reads the magic, the version and the header.
///
/// # Errors
/// [`Error::Input`] unless they describe an array of numbers.
pub(super) fn read(bytes: &mut Bytes) -> Result<Header> {
    let file = bytes.name().to_owned();
    let wrong = |what: &str| Error::input(format!("{file}: {what}"));
    let mut magic = [0; 8];
    bytes.take_exact(&mut magic)?;
    if &magic[..6] != b"\x93NUMPY" {
        return Err(wrong(
            "it is no .npy file: it does not start with \\x93NUMPY",
        ));
    }
    let length = match magic[6] {
        1 => {
            let mut word = [0; 2];
            bytes.take_exact(&mut word)?;
            usize::from(u16::from_le_bytes(word))
        }
        2 | 3 => {
            let mut word = [0; 4];
            bytes.take_exact(&mut word)?;
            u32::from_le_bytes(word) as usize
        }
        version => {
            return Err(wrong(&format!(
                "version {version} of the format is unknown: it must be 1, 2 or 3"
            )));
        }
    };
    if length > LONGEST_BYTES {
        return Err(wrong(&format!(
            "its header of {length} bytes is longer than the {LONGEST_BYTES} that an array of numbers needs at most"
        )));
    }
    let mut text = vec![0; length];
    bytes.take_exact(&mut text)?;
    let dictionary = Dictionary::parse(&text)
        .ok_or_else(|| wrong(&format!("its header {} is malformed", shown(&text))))?;
    dictionary.header().map_err(|what| wrong(&what))
}

/// The three entries that matter.
#[derive(Default)]
struct Dictionary {
    descr: Option<Value>,
    fortran_order: Option<Value>,
    shape: Option<Value>,
}

/// A value of the dictionary.
#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    Bool(bool),
    Tuple(Vec<u64>),
    /// A list: the fields of a record.
    Record,
}

impl Dictionary {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { rest: text };
        let mut dictionary = Dictionary::default();
        cursor.expect(b'{')?;
        while !cursor.accept(b'}') {
            let key = cursor.text()?;
            cursor.expect(b':')?;
            let value = cursor.value()?;
            let record = value == Value::Record;
            let slot = match key.as_str() {
                "descr" => &mut dictionary.descr,
                "fortran_order" => &mut dictionary.fortran_order,
                "shape" => &mut dictionary.shape,
                _ => return None,
            };
            if slot.replace(value).is_some() {
                return None;
            }
            if record {
                // What a record's fields are does not matter: it is refused.
                return Some(dictionary);
            }
            if !cursor.accept(b',') {
                cursor.expect(b'}')?;
                break;
            }
        }
        cursor.skip_blanks();
        cursor.rest.is_empty().then_some(dictionary)
    }

    fn header(self) -> std::result::Result<Header, String> {
        let element = match self.descr {
            Some(Value::Text(descr)) => Element::of_descr(&descr).ok_or_else(|| {
                format!(
                    "elements of type {} are no numbers: they must be bool, integers, or floats of 2, 4 or 8 bytes",
                    shown(descr.as_bytes())
                )
            })?,
            Some(Value::Record) => {
                return Err("its elements are records: they must be numbers".into());
            }
            _ => return Err("its header must have a 'descr'".into()),
        };
        let Some(Value::Bool(fortran_order)) = self.fortran_order else {
            return Err("its header must have a 'fortran_order' of True or False".into());
        };
        let Some(Value::Tuple(shape)) = self.shape else {
            return Err("its header must have a 'shape'".into());
        };
        Ok(Header {
            element,
            fortran_order,
            shape,
        })
    }
}

/// What of a header is yet to be read.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.accept(byte).then_some(())
    }

    /// A text in single or double quotes, without escapes.
    fn text(&mut self) -> Option<String> {
        self.skip_blanks();
        let (&quote, rest) = self.rest.split_first()?;
        if quote != b'\'' && quote != b'"' {
            return None;
        }
        let end = rest.iter().position(|&b| b == quote)?;
        self.rest = &rest[end + 1..];
        String::from_utf8(rest[..end].to_vec()).ok()
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_blanks();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Some(Value::Bool(value));
            }
        }
        match self.rest.first()? {
            b'(' => self.tuple().map(Value::Tuple),
            b'[' => Some(Value::Record),
            _ => self.text().map(Value::Text),
        }
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')') {
            numbers.push(self.number()?);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Some(numbers)
    }

    fn number(&mut self) -> Option<u64> {
        self.skip_blanks();
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        // Python 2 wrote long integers with an L.
        self.accept(b'L');
        // Beyond 64 bits a size is as absurd as at their end.
        (digits > 0).then(|| {
            std::str::from_utf8(number)
                .ok()
                .and_then(|n| n.parse().ok())
                .unwrap_or(u64::MAX)
        })
    }
}
