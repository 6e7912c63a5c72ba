//! Tables as Delta tables: what their logs say, that versions are atomic, and that hostile logs are refused.

mod compaction;
mod hive;
mod hostile;
mod maps;
mod readers;
mod versions;

use octaflow::brick::{BRICK_CELLS, BrickId};
use octaflow::lake::{FieldColumns, FieldWriter};
use octaflow::lattice::{Frame, UNREACHED};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-delta-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a part of a field, the bricks of the codes given, and tells how many rows it has.
fn write_part(path: &Path, codes: impl IntoIterator<Item = u64>) -> u64 {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let frame = Frame::new([1.0, 2.0, 3.0], 0.5).unwrap();
    let settings = [("command".to_owned(), "field".to_owned())];
    let columns = FieldColumns::default();
    let mut writer = FieldWriter::create(path, &frame, columns, &settings).unwrap();
    for code in codes {
        let ticks: [u32; BRICK_CELLS] = std::array::from_fn(|i| match i % 3 {
            0 => UNREACHED,
            _ => (code as u32 + 1) * 1000 + i as u32,
        });
        let brick = BrickId::from_code(code).unwrap();
        writer.write_brick(brick, &ticks, None, None).unwrap();
    }
    writer.finish().unwrap().rows
}

/// The message of the error that must be one of unusable input.
fn refusal<T: std::fmt::Debug>(result: octaflow::Result<T>) -> String {
    match result {
        Err(octaflow::Error::Input(message)) => message,
        other => panic!("not refused: {other:?}"),
    }
}
