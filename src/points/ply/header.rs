//! The header of a PLY file: elements and their properties.

use super::kind_of;
use crate::map::input::shown;
use crate::points::lines::Lines;
use crate::points::records::Kind;
use crate::{Error, Result};
use rustc_hash::FxHashSet;
use std::path::Path;

/// The most bytes of a header: splats have sixty properties, each on a line.
const LONGEST_BYTES: u64 = 1 << 20;

/// How the elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Text,
    LittleEndian,
    BigEndian,
}

/// A property of an element.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: String,
    /// The type of the number, or of a list's numbers.
    pub(super) kind: Kind,
    /// The type of a list's length.
    pub(super) list: Option<Kind>,
}

/// A kind of things of which the file has some.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) properties: Vec<Property>,
}

impl Element {
    pub(super) fn has_lists(&self) -> bool {
        self.properties.iter().any(|p| p.list.is_some())
    }

    /// How many bytes the scalars of one take.
    pub(super) fn scalar_bytes(&self) -> usize {
        let scalars = self.properties.iter().filter(|p| p.list.is_none());
        scalars.map(|p| p.kind.bytes()).sum()
    }
}

/// What a header tells.
pub(super) struct Header {
    pub(super) encoding: Encoding,
    pub(super) elements: Vec<Element>,
    /// Which of the elements are the vertices.
    pub(super) vertex: usize,
    /// How many lines and bytes the header takes.
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

impl Header {
    /// Reads a header, up to the line `end_header`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let mut lines = Lines::open(path)?;
        if !lines.advance()? || lines.line() != b"ply" {
            let first = shown(lines.line());
            return Err(lines.wrong(&format!("it is {first}; a PLY file begins with \"ply\"")));
        }
        let (mut encoding, mut elements) = (None, Vec::new());
        loop {
            if !lines.advance()? || lines.position().1 > LONGEST_BYTES {
                return Err(lines.wrong("the header must end in a line \"end_header\""));
            }
            if lines.line() == b"end_header" {
                break;
            }
            read_line(&lines, &mut encoding, &mut elements)?;
        }
        let encoding = encoding.ok_or_else(|| {
            Error::input(format!("{file}: its header must have a line \"format\""))
        })?;
        let vertex = elements
            .iter()
            .position(|element| element.name == "vertex")
            .ok_or_else(|| Error::input(format!("{file}: it must have an element \"vertex\"")))?;
        check_names(&file, &elements[vertex])?;
        let (lines, bytes) = lines.position();
        Ok(Header {
            encoding,
            elements,
            vertex,
            lines,
            bytes,
        })
    }

    pub(super) fn vertex(&self) -> &Element {
        &self.elements[self.vertex]
    }
}

/// Takes one line of the header.
fn read_line(
    lines: &Lines,
    encoding: &mut Option<Encoding>,
    elements: &mut Vec<Element>,
) -> Result<()> {
    let words: Vec<&[u8]> = lines.words().collect();
    match words[..] {
        [] | [b"comment" | b"obj_info", ..] => {}
        [b"format", name, b"1.0"] if encoding.is_none() => {
            *encoding = Some(match name {
                b"ascii" => Encoding::Text,
                b"binary_little_endian" => Encoding::LittleEndian,
                b"binary_big_endian" => Encoding::BigEndian,
                _ => return Err(malformed(lines)),
            });
        }
        [b"element", name, count] => {
            let count = std::str::from_utf8(count).ok().and_then(|n| n.parse().ok());
            elements.push(Element {
                name: String::from_utf8_lossy(name).into_owned(),
                count: count.ok_or_else(|| malformed(lines))?,
                properties: Vec::new(),
            });
        }
        [b"property", ref rest @ ..] => {
            let (list, kind, name) = match *rest {
                [kind, name] => (None, kind_of(kind), name),
                [b"list", length, kind, name] => (kind_of(length), kind_of(kind), name),
                _ => return Err(malformed(lines)),
            };
            // A list's length is a whole number of a known type.
            let sound = rest.len() == 2 || !matches!(list, None | Some(Kind::F32 | Kind::F64));
            let (Some(kind), Some(element), true) = (kind, elements.last_mut(), sound) else {
                return Err(malformed(lines));
            };
            element.properties.push(Property {
                name: String::from_utf8_lossy(name).into_owned(),
                kind,
                list,
            });
        }
        _ => return Err(malformed(lines)),
    }
    Ok(())
}

#[cold]
fn malformed(lines: &Lines) -> Error {
    let line = shown(lines.line());
    lines.wrong(&format!(
        "{line} is no line of a PLY header: it must be a format (ascii, binary_little_endian or binary_big_endian \
         1.0), a comment, an element with its count, or a property with its type"
    ))
}

/// Asserts that no two properties have one name.
fn check_names(file: &str, vertex: &Element) -> Result<()> {
    let mut seen = FxHashSet::default();
    let double = vertex.properties.iter().find(|p| !seen.insert(&p.name));
    match double {
        None => Ok(()),
        Some(property) => Err(Error::input(format!(
            "{file}: its vertices have two properties {}; each must have a name of its own",
            shown(property.name.as_bytes())
        ))),
    }
}
