//! `.pcd`: the Point Cloud Library's format, version 0.7 and its forerunners.
//!
//! A header of text names fields with their sizes, types and counts; then come the points: as text, as binary
//! records (little-endian), or as binary columns compressed by LZF. A point with a coordinate that is not finite was
//! not measured, and is no point here.

mod columns;
mod header;
mod lzf;

use super::lines::{Lines, Word, Written};
use super::records::{Blocks, Decoded, Decoder, Kind, NotFinite, Number, Stored, check_length};
use super::{Batches, Format, PointOptions};
use crate::map::input::{self, Share, shown};
use crate::map::limit::{Budget, available_memory_bytes};
use crate::{Error, Result};
use columns::Columns;
use header::{Encoding, Field, Header};
use rustc_hash::FxHashSet;
use std::path::{Path, PathBuf};

/// A PCD file.
pub(super) struct Pcd {
    path: PathBuf,
    header: Header,
    names: Vec<String>,
    memory_bytes: u64,
}

impl Pcd {
    pub(super) fn open(path: &Path, options: &PointOptions) -> Result<Self> {
        let file = path.display().to_string();
        let header = Header::read(path)?;
        for name in ["x", "y", "z"] {
            let mut found = header.fields.iter().filter(|f| f.name == name);
            if found.next().is_none_or(|f| f.count != 1) || found.next().is_some() {
                return Err(Error::input(format!(
                    "{file}: its points must have one field \"{name}\" of one number"
                )));
            }
        }
        let names: Vec<String> = places(&header.fields)
            .1
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        let mut seen = FxHashSet::default();
        if let Some(double) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::input(format!(
                "{file}: its points have two fields {}; each must have a name of its own",
                shown(double.as_bytes())
            )));
        }
        if header.encoding == Encoding::Binary {
            let file_bytes = input::open(path)?.1;
            let record_bytes = header.record_bytes();
            check_length(&file, header.bytes, header.points, record_bytes, file_bytes)?;
        }
        let memory_bytes = options.memory_bytes.unwrap_or_else(available_memory_bytes);
        Ok(Pcd {
            path: path.to_owned(),
            header,
            names,
            memory_bytes,
        })
    }

    /// The records of a text, and the fields as they lie in these.
    fn text(&self) -> Result<(Written, Vec<Field>)> {
        let lines = Lines::open_at(&self.path, self.header.bytes, self.header.lines)?;
        let mut words = Vec::new();
        for field in &self.header.fields {
            let word = Word {
                kind: field.kind,
                kept: true,
                list: false,
                packed: field.is_packed_colour(),
            };
            words.extend((0..field.count).map(|_| word));
        }
        let written = Written::new(lines, words, self.header.points);
        let fields = self.header.fields.iter().map(|field| Field {
            kind: match field.kind {
                Kind::F32 if !field.is_packed_colour() => Kind::F64,
                kind => kind,
            },
            ..field.clone()
        });
        Ok((written, fields.collect()))
    }
}

impl Format for Pcd {
    fn attributes(&self) -> &[String] {
        &self.names
    }

    fn total(&self) -> Option<u64> {
        Some(self.header.points)
    }

    fn share(self: Box<Self>, share: Share, chosen: &[usize]) -> Result<Box<dyn Batches>> {
        let header = &self.header;
        if header.encoding != Encoding::Binary && share.index > 0 {
            return Ok(Box::new(super::Nothing));
        }
        let file = self.path.display().to_string();
        let (blocks, fields): (Box<dyn Blocks>, _) = match header.encoding {
            Encoding::Text => {
                let (written, fields) = self.text()?;
                (Box::new(written), fields)
            }
            Encoding::Binary => {
                let range = share.of(header.points);
                let stored = Stored::open(&self.path, header.bytes, header.record_bytes(), range)?;
                (Box::new(stored), header.fields.clone())
            }
            Encoding::Compressed => {
                let budget = Budget::new(file.clone(), self.memory_bytes);
                let columns = Columns::open(&self.path, header, budget)?;
                (Box::new(columns), header.fields.clone())
            }
        };
        let (position, attributes) = places(&fields);
        let mut decoder = Decoder {
            file,
            record_bytes: fields.iter().map(Field::bytes).sum(),
            position,
            steps: None,
            attributes: attributes.into_iter().map(|(_, number)| number).collect(),
            not_finite: NotFinite::Dropped,
        };
        decoder.choose(chosen);
        Ok(Box::new(Decoded { blocks, decoder }))
    }
}

/// Where x, y and z and the attributes lie in a record of such fields. A packed colour is three or four attributes, a
/// field of several numbers as many, called `name[0]` and so on; a field called `_` fills a gap.
fn places(fields: &[Field]) -> ([Number; 3], Vec<(String, Number)>) {
    let mut position = [Number::little(0, Kind::U8); 3];
    let mut attributes = Vec::new();
    let mut at = 0;
    for field in fields {
        if let Some(axis) = ["x", "y", "z"].iter().position(|n| *n == field.name) {
            position[axis] = Number::little(at, field.kind);
        } else if field.is_packed_colour() {
            let channels = ["blue", "green", "red", "alpha"].into_iter().enumerate();
            let number =
                |(n, name): (usize, &str)| (name.to_owned(), Number::little(at + n, Kind::U8));
            let mut channels: Vec<_> = channels.map(number).collect();
            // Stored from the lowest byte up; named in the usual order.
            channels[..3].reverse();
            channels.truncate(field.name.len());
            attributes.extend(channels);
        } else if field.name != "_" {
            for n in 0..field.count {
                let name = match field.count {
                    1 => field.name.clone(),
                    _ => format!("{}[{n}]", field.name),
                };
                let number = Number::little(at + n * field.kind.bytes(), field.kind);
                attributes.push((name, number));
            }
        }
        at += field.bytes();
    }
    (position, attributes)
}
