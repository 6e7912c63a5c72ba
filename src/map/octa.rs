//! `.octa`: the containers of octaindex3d 0.5.9, versions 1 and 2, as streams of frames and as maps.
//!
//! octaindex3d names no extension, and says nothing of what a frame holds. As a map, every frame is a list of Index64
//! of eight bytes each, big-endian as all numbers of the container, or little-endian if the first frame says so:
//! each is an open cell of cost 1.0. All are of one level, tier and frame of reference; coordinates count units of
//! that level, and `--cell-size` and `--origin` say where they lie.

mod codec;
mod sha256;
mod stream;

pub(crate) use stream::{Stream, codec_name};

use super::ReadOptions;
use super::table::Cells;
use crate::brick::CellMap;
use crate::lattice::{Header, Index64, UNIT_COST};
use crate::{Error, Result};
use std::path::Path;

/// Reads the cells of a stream.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    let file = path.display().to_string();
    let stream = Stream::open(path)?;
    let mut cells = Cells::new(options.budget(path));
    let mut order = None;
    let mut header: Option<Header> = None;
    stream.for_each(|frame, bytes| {
        let wrong = |at: usize, what: String| {
            Error::input(format!("{file}: frame {frame}, identifier {at}: {what}"))
        };
        let (ids, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            let length = bytes.len();
            return Err(Error::input(format!(
                "{file}: frame {frame} has {length} bytes: as a map it must be a list of Index64 of 8 bytes each"
            )));
        }
        if ids.is_empty() {
            return Ok(());
        }
        let order = *order.get_or_insert_with(|| Order::of(ids));
        for (at, &bytes) in ids.iter().enumerate() {
            let id = Index64::try_from(order.number(bytes)).map_err(|e| wrong(at, e.to_string()))?;
            let wanted = *header.get_or_insert(id.header());
            if id.header() != wanted {
                let what = format!("{:?} is not {wanted:?}, as of those before: a map has one level", id.header());
                return Err(wrong(at, what));
            }
            cells.define(id.cell(), UNIT_COST)?;
        }
        if let Some(progress) = options.progress {
            progress(stream.frames()[frame].end(), stream.bytes());
        }
        Ok(())
    })?;
    cells.into_map(&file, options.frame()?)
}

/// In which order the bytes of identifiers stand.
#[derive(Clone, Copy)]
enum Order {
    Big,
    Little,
}

impl Order {
    /// Little-endian if these are identifiers in that order and not in the other.
    fn of(ids: &[[u8; 8]]) -> Self {
        let all = |order: Order| {
            ids.iter()
                .all(|&id| Index64::try_from(order.number(id)).is_ok())
        };
        match all(Order::Little) && !all(Order::Big) {
            true => Order::Little,
            false => Order::Big,
        }
    }

    fn number(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Big => u64::from_be_bytes(bytes),
            Order::Little => u64::from_le_bytes(bytes),
        }
    }
}
