//! `.las` and `.laz`: lidar points as the ASPRS LAS specification 1.4 R15 and its forerunners lay them out.
//!
//! The header, variable-length records, then the point records; all numbers little-endian. In `.laz` the records
//! are compressed in chunks. What tells the two apart is the header, not the file's name.

mod header;
mod laz;

use super::records::{Decoded, Decoder, Kind, NotFinite, Number, Stored, check_length};
use super::{Batches, Format, PointOptions};
use crate::map::input::{self, Share};
use crate::map::limit::{Budget, available_memory_bytes};
use crate::{Error, Result};
use header::Header;
use std::path::{Path, PathBuf};

/// A LAS or LAZ file.
pub(super) struct Las {
    path: PathBuf,
    header: Header,
    names: Vec<String>,
    decoder: Decoder,
    chunks: Option<laz::Chunks>,
}

impl Las {
    pub(super) fn open(path: &Path, options: &PointOptions) -> Result<Self> {
        let name = path.display().to_string();
        let (mut file, file_bytes) = input::open(path)?;
        let header = Header::read(&name, &mut file, file_bytes)?;
        let chunks = if header.compressed {
            let limit = options.memory_bytes.unwrap_or_else(available_memory_bytes);
            let budget = Budget::new(name.clone(), limit);
            Some(laz::Chunks::read(
                &name, &mut file, file_bytes, &header, budget,
            )?)
        } else {
            check_length(
                &name,
                header.data_start,
                header.points,
                header.record_bytes,
                file_bytes,
            )?;
            None
        };
        let (names, attributes) = attributes(header.format).into_iter().unzip();
        let decoder = Decoder {
            file: name,
            record_bytes: header.record_bytes,
            position: [0, 4, 8].map(|at| Number::little(at, Kind::I32)),
            steps: Some(header.steps),
            attributes,
            not_finite: NotFinite::Refused("point"),
        };
        Ok(Las {
            path: path.to_owned(),
            header,
            names,
            decoder,
            chunks,
        })
    }
}

impl Format for Las {
    fn attributes(&self) -> &[String] {
        &self.names
    }

    fn total(&self) -> Option<u64> {
        Some(self.header.points)
    }

    fn bounds(&self) -> Option<[[f64; 3]; 2]> {
        self.header.bounds
    }

    fn share(mut self: Box<Self>, share: Share, chosen: &[usize]) -> Result<Box<dyn Batches>> {
        self.decoder.choose(chosen);
        let header = &self.header;
        let blocks: Box<dyn super::records::Blocks> = match self.chunks {
            Some(chunks) => {
                let names: Vec<&str> = chosen.iter().map(|&n| self.names[n].as_str()).collect();
                Box::new(chunks.share(&self.path, share, &names)?)
            }
            None => Box::new(Stored::open(
                &self.path,
                header.data_start,
                header.record_bytes,
                share.of(header.points),
            )?),
        };
        Ok(Box::new(Decoded {
            blocks,
            decoder: self.decoder,
        }))
    }
}

/// The attributes of a point format, and where they stand in its records.
fn attributes(format: u8) -> Vec<(String, Number)> {
    let (returns, class) = match format {
        0..=5 => (Kind::Bits(0b111), Number::little(15, Kind::Bits(0b1_1111))),
        _ => (Kind::Bits(0b1111), Number::little(16, Kind::U8)),
    };
    let gps_time = match format {
        1 | 3 | 4 | 5 => Some(20),
        6.. => Some(22),
        _ => None,
    };
    let colour = match format {
        2 => Some(20),
        3 | 5 => Some(28),
        7 | 8 | 10 => Some(30),
        _ => None,
    };
    let mut found = vec![
        ("intensity", Number::little(12, Kind::U16)),
        ("return_number", Number::little(14, returns)),
        ("classification", class),
    ];
    found.extend(gps_time.map(|at| ("gps_time", Number::little(at, Kind::F64))));
    if let Some(at) = colour {
        for (n, name) in ["red", "green", "blue"].into_iter().enumerate() {
            found.push((name, Number::little(at + 2 * n, Kind::U16)));
        }
    }
    let owned = found.into_iter();
    owned.map(|(name, at)| (name.to_owned(), at)).collect()
}

/// The error for a file that is no sound LAS file.
fn damaged(file: &str, what: &str) -> Error {
    Error::input(format!("{file}: it is no sound LAS file: {what}"))
}
