//! `.ply`: the Stanford polygon format, of which the element `vertex` is read.
//!
//! A header of text names elements and their properties, scalars or lists; then the elements follow one another, as
//! text or as binary numbers of either byte order.

mod header;
mod lists;

use super::lines::{Lines, Word, Written};
use super::records::{Blocks, Decoded, Decoder, Kind, NotFinite, Number, Stored, check_length};
use super::{Batches, Format};
use crate::map::input::{self, Share};
use crate::{Error, Result};
use header::{Element, Encoding, Header};
use lists::{Listed, skip_elements};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A PLY file.
pub(super) struct Ply {
    path: PathBuf,
    header: Header,
    /// The names of all attributes, and their places among the vertex's properties.
    names: Vec<String>,
    properties: Vec<usize>,
    /// The places of x, y and z among the vertex's properties.
    position: [usize; 3],
}

impl Ply {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let header = Header::read(path)?;
        let vertex = header.vertex();
        let mut position = [0; 3];
        for (place, name) in position.iter_mut().zip(["x", "y", "z"]) {
            let found = vertex.properties.iter().position(|p| p.name == name);
            *place = found
                .filter(|&n| vertex.properties[n].list.is_none())
                .ok_or_else(|| {
                    Error::input(format!(
                        "{file}: its vertices must have a property \"{name}\", a number"
                    ))
                })?;
        }
        let scalars = vertex.properties.iter().enumerate();
        let (names, properties) = scalars
            .filter(|(n, property)| property.list.is_none() && !position.contains(n))
            .map(|(n, property)| (property.name.clone(), n))
            .unzip();
        let ply = Ply {
            path: path.to_owned(),
            names,
            properties,
            position,
            header,
        };
        if ply.fixed() {
            let start = ply.binary_start()?;
            let record_bytes = ply.header.vertex().scalar_bytes();
            let file_bytes = input::open(path)?.1;
            check_length(
                &file,
                start,
                ply.header.vertex().count,
                record_bytes,
                file_bytes,
            )?;
        }
        Ok(ply)
    }

    /// Whether the vertices are binary records that are all alike.
    fn fixed(&self) -> bool {
        self.header.encoding != Encoding::Text && !self.header.vertex().has_lists()
    }

    fn big_endian(&self) -> bool {
        self.header.encoding == Encoding::BigEndian
    }

    /// Where the vertices of a binary file begin.
    fn binary_start(&self) -> Result<u64> {
        let mut reader = BufReader::new(input::open(&self.path)?.0);
        let file = self.path.display().to_string();
        let before = &self.header.elements[..self.header.vertex];
        skip_elements(
            &file,
            &mut reader,
            self.header.bytes,
            before,
            self.big_endian(),
        )
    }

    /// The records of a text file.
    fn text(&self) -> Result<Vertices> {
        let mut lines = Lines::open_at(&self.path, self.header.bytes, self.header.lines)?;
        for element in &self.header.elements[..self.header.vertex] {
            // An element without properties is a blank line, if it is one at all.
            let count = if element.properties.is_empty() {
                0
            } else {
                element.count
            };
            for _ in 0..count {
                if !lines.advance_to_words()? {
                    let what = format!("the file ends before its element \"{}\"", element.name);
                    return Err(lines.wrong(&what));
                }
            }
        }
        let words = self.header.vertex().properties.iter().map(|property| Word {
            kind: property.kind,
            kept: property.list.is_none(),
            list: property.list.is_some(),
            packed: false,
        });
        let written = Written::new(lines, words.collect(), self.header.vertex().count);
        let (record_bytes, places) = written.layout();
        Ok(Vertices {
            blocks: Box::new(written),
            record_bytes,
            places,
        })
    }

    /// The records of a share.
    fn vertices(&self, share: Share) -> Result<Vertices> {
        if self.header.encoding == Encoding::Text {
            return self.text();
        }
        let vertex = self.header.vertex();
        let (record_bytes, places) = (vertex.scalar_bytes(), places(vertex, self.big_endian()));
        let start = self.binary_start()?;
        let blocks: Box<dyn Blocks> = if vertex.has_lists() {
            let properties = vertex.properties.clone();
            Box::new(Listed::open(
                &self.path,
                start,
                properties,
                vertex.count,
                self.big_endian(),
            )?)
        } else {
            let range = share.of(vertex.count);
            Box::new(Stored::open(&self.path, start, record_bytes, range)?)
        };
        Ok(Vertices {
            blocks,
            record_bytes,
            places,
        })
    }
}

/// The vertices as records of their scalars.
struct Vertices {
    blocks: Box<dyn Blocks>,
    record_bytes: usize,
    /// For each property its place in a record; lists have none.
    places: Vec<Option<Number>>,
}

/// For each property its place in a record of the scalars alone.
fn places(vertex: &Element, big_endian: bool) -> Vec<Option<Number>> {
    let mut at = 0;
    let place = |property: &header::Property| {
        property.list.is_none().then(|| {
            let kind = property.kind;
            at += kind.bytes();
            Number {
                at: at - kind.bytes(),
                kind,
                big_endian,
            }
        })
    };
    vertex.properties.iter().map(place).collect()
}

impl Format for Ply {
    fn attributes(&self) -> &[String] {
        &self.names
    }

    fn total(&self) -> Option<u64> {
        Some(self.header.vertex().count)
    }

    fn share(self: Box<Self>, share: Share, chosen: &[usize]) -> Result<Box<dyn Batches>> {
        if !self.fixed() && share.index > 0 {
            return Ok(Box::new(super::Nothing));
        }
        let Vertices {
            blocks,
            record_bytes,
            places,
        } = self.vertices(share)?;
        let number = |property: usize| places[property].expect("a scalar has its place");
        let mut decoder = Decoder {
            file: self.path.display().to_string(),
            record_bytes,
            position: self.position.map(number),
            steps: None,
            attributes: self.properties.iter().map(|&n| number(n)).collect(),
            not_finite: NotFinite::Refused("vertex"),
        };
        decoder.choose(chosen);
        Ok(Box::new(Decoded { blocks, decoder }))
    }
}

/// The type that a PLY header names.
fn kind_of(word: &[u8]) -> Option<Kind> {
    Some(match word {
        b"char" | b"int8" => Kind::I8,
        b"uchar" | b"uint8" => Kind::U8,
        b"short" | b"int16" => Kind::I16,
        b"ushort" | b"uint16" => Kind::U16,
        b"int" | b"int32" => Kind::I32,
        b"uint" | b"uint32" => Kind::U32,
        b"float" | b"float32" => Kind::F32,
        b"double" | b"float64" => Kind::F64,
        // Not of the format, but some writers have them.
        b"int64" | b"long" => Kind::I64,
        b"uint64" | b"ulong" => Kind::U64,
        _ => return None,
    })
}
