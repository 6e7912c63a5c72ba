//! What must hold of an answer, whatever was read.

use crate::files::with_file;
use octaflow::brick::{BrickId, CellMap};
use octaflow::lattice::{Cell, Frame};
use octaflow::map::{
    Allow, Epoch, ReadOptions, UpdateKind, UpdateReader, read_map, read_positions,
};
use octaflow::{Error, Result};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// The memory that a map may take here: enough for every small file, too little for any trick.
pub const MEMORY_BYTES: u64 = 16 << 20;

/// The most characters that a message of one sentence has.
const LONGEST_MESSAGE: usize = 1000;

/// Asserts that a message is one printable line.
pub fn hold_message(text: &str) {
    assert!(!text.is_empty());
    assert!(!text.contains(char::is_control), "not one line: {text:?}");
    let length = text.chars().count();
    assert!(length <= LONGEST_MESSAGE, "{length} characters: {text}");
}

/// Asserts that an error is the input's fault, said in one printable line.
pub fn hold_error(error: &Error) {
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "not the input's: {text}");
    hold_message(&text);
}

/// Asserts what the engine trusts a map to be.
fn hold_map(map: &CellMap) {
    let ascending = map.bricks.windows(2).all(|pair| pair[0].0 < pair[1].0);
    assert!(ascending, "bricks do not ascend");
    let mut open = 0;
    for (brick, costs) in &map.bricks {
        let here = costs.iter().filter(|&&cost| cost > 0).count() as u64;
        assert!(here > 0, "brick {:?} has no open cell", brick.xyz());
        open += here;
    }
    assert_eq!(open, map.open);
    assert!(open > 0 && open <= map.cells, "{open} of {}", map.cells);
}

/// Reads a map, and holds the answer; gives the map if it is one.
pub fn map(path: &Path, options: ReadOptions) -> Option<CellMap> {
    let options = ReadOptions {
        memory_bytes: Some(MEMORY_BYTES),
        ..options
    };
    match read_map(path, &options) {
        Ok(map) => {
            hold_map(&map);
            Some(map)
        }
        Err(error) => {
            hold_error(&error);
            None
        }
    }
}

/// Reads positions, and holds the answer.
pub fn positions(path: &Path) {
    match read_positions(path) {
        Ok(positions) => assert!(positions.iter().flatten().all(|c| c.is_finite())),
        Err(error) => hold_error(&error),
    }
}

/// Whole epochs, and the message of the error that ended them.
pub type Updates = (Vec<Epoch>, Option<String>);

/// Reads updates, and holds the answer.
pub fn updates(reader: Result<UpdateReader>, start: i64) -> Updates {
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => {
            hold_error(&error);
            return (Vec::new(), Some(error.to_string()));
        }
    };
    let (mut epochs, mut time, mut row) = (Vec::new(), start, 0);
    while let Some(next) = reader.next() {
        let epoch = match next {
            Ok(epoch) => epoch,
            Err(error) => {
                hold_error(&error);
                assert!(reader.next().is_none(), "an epoch follows an error");
                return (epochs, Some(error.to_string()));
            }
        };
        assert!(epoch.time > time, "times do not ascend");
        time = epoch.time;
        assert!(!epoch.updates.is_empty(), "an empty epoch");
        for update in &epoch.updates {
            assert!(update.row > row, "rows do not ascend");
            row = update.row;
            hold_update(&update.kind);
        }
        epochs.push(epoch);
    }
    assert!(reader.next().is_none(), "an epoch follows the end");
    (epochs, None)
}

fn hold_update(kind: &UpdateKind) {
    let hold = |cell: &Cell| assert!(BrickId::locate(*cell).is_some(), "{cell} is out of range");
    match kind {
        UpdateKind::Voxel { cell, .. } => {
            hold(cell);
            assert!(cell.x() % 2 == 0, "voxel {cell} is odd");
        }
        UpdateKind::Cost { cell, .. }
        | UpdateKind::SourceAdd { cell }
        | UpdateKind::SourceRemove { cell } => hold(cell),
        UpdateKind::QueryAdd { start, goal, .. } => {
            hold(start);
            hold(goal);
        }
        UpdateKind::QueryRemove { .. } => {}
    }
}

/// Where updates and tables in metres are placed: small positions lie in range, half of all others do not.
const ORIGIN_M: [f64; 3] = [-8.0, -2.0, -0.5];
const CELL_SIZE_M: f64 = 0.5;

/// The frame that updates are read in.
pub fn frame() -> Frame {
    Frame::new(ORIGIN_M, CELL_SIZE_M).expect("a sound frame")
}

/// Reads a table in every way that its extension allows, and holds the answers.
pub fn tables(extension: &str, bytes: &[u8]) {
    with_file(extension, bytes, |path| {
        if extension != "json" {
            map(path, ReadOptions::default());
            let placed = ReadOptions {
                cell_size_m: Some(CELL_SIZE_M),
                origin_m: Some(ORIGIN_M),
                ..ReadOptions::default()
            };
            map(path, placed);
        }
        positions(path);
        for allow in [Allow::Sources, Allow::Queries] {
            let read = updates(UpdateReader::open(path, &frame(), 0, allow), 0);
            if extension == "csv" {
                hold_stream(&path.display().to_string(), bytes, allow, &read);
            }
        }
    });
}

/// Asserts that CSV that comes byte by byte is read as it is from a file.
fn hold_stream(name: &str, bytes: &[u8], allow: Allow, read: &Updates) {
    let stream = Box::new(Drip(bytes.to_vec().into()));
    let streamed = updates(UpdateReader::from_csv(name, stream, &frame(), 0, allow), 0);
    assert_eq!(&streamed, read, "a stream is read otherwise than a file");
}

/// A stream that gives one byte at a time.
struct Drip(std::collections::VecDeque<u8>);

impl Read for Drip {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match (out.first_mut(), self.0.pop_front()) {
            (Some(first), Some(byte)) => {
                *first = byte;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

/// Bricks all over the range, the corners among them.
pub fn some_bricks() -> BTreeSet<BrickId> {
    let mut bricks = BTreeSet::new();
    for code in (0..BrickId::BITS).map(|bit| 1u64 << bit) {
        for code in [code - 1, code, (code << 1) - 1] {
            bricks.extend(BrickId::from_code(code));
        }
    }
    bricks
}
