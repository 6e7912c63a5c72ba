//! Results: what the files hold, and that they are published whole or not at all.

mod changes;
mod field;
mod readers;
mod stage;

use octaflow::brick::BrickId;
use octaflow::lake::{FieldColumns, FieldWriter, Written};
use octaflow::lattice::{Frame, UNREACHED};
use parquet::basic::{LogicalType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const ALL: FieldColumns = FieldColumns {
    source: true,
    next: true,
};
const CELL_SIZE_M: f64 = 0.05;

/// An empty folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "lake-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn frame() -> Frame {
    Frame::new([1.5, -2.0, 0.25], CELL_SIZE_M).unwrap()
}

fn settings() -> Vec<(String, String)> {
    vec![("unknown".into(), "blocked".into())]
}

/// The rows of a file, each as its columns in order.
fn read_rows(path: &Path) -> Vec<Vec<Field>> {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    file.get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .into_columns()
                .into_iter()
                .map(|(_, field)| field)
                .collect()
        })
        .collect()
}

fn schema(path: &Path) -> Vec<(String, Physical, Option<LogicalType>)> {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns().iter().map(|c| {
        assert_eq!(
            (c.max_def_level(), c.max_rep_level()),
            (0, 0),
            "no column is null or repeated"
        );
        (
            c.name().to_owned(),
            c.physical_type(),
            c.logical_type_ref().cloned(),
        )
    });
    columns.collect()
}

/// Ticks, sources and next steps of a brick, with some cells unreached.
fn brick_values(seed: u64) -> ([u32; 1024], [u32; 1024], [i8; 1024]) {
    let mix = |i: usize| (seed * 1024 + i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let ticks = std::array::from_fn(|i| match mix(i) % 4 {
        0 => UNREACHED,
        _ => (mix(i) % 5000) as u32 * 1351,
    });
    (
        ticks,
        std::array::from_fn(|i| (mix(i) % 7) as u32),
        std::array::from_fn(|i| (mix(i) % 15) as i8 - 1),
    )
}

fn write_field(path: &Path, bricks: &[BrickId], columns: FieldColumns) -> Written {
    let mut writer = FieldWriter::create(path, &frame(), columns, &settings()).unwrap();
    for &brick in bricks {
        let (ticks, source, next) = brick_values(brick.code());
        let (source, next) = (
            columns.source.then_some(&source),
            columns.next.then_some(&next),
        );
        writer.write_brick(brick, &ticks, source, next).unwrap();
    }
    writer.finish().unwrap()
}

fn some_bricks(count: u64) -> Vec<BrickId> {
    (0..count)
        .map(|i| BrickId::from_code(i * i * 100_003 % (1 << 36) / 2 + i).unwrap())
        .collect::<Vec<_>>()
        .sorted()
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl<T: Ord> Sorted for Vec<T> {
    fn sorted(mut self) -> Self {
        self.sort();
        self.dedup();
        self
    }
}
