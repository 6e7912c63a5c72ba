//! Brick containers: what they hold, that other programs read it, and that no damage goes unseen.

mod damage;
mod readers;
mod rows;

use octaflow::brick::BrickId;
use octaflow::lake::container::{
    ContainerMeta, ContainerWriter, ContainerWritten, FieldType, FieldValues,
};
use octaflow::lattice::Frame;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const FIELDS: [(&str, FieldType); 4] = [
    ("cost", FieldType::U16),
    ("ticks", FieldType::U32),
    ("warm", FieldType::F32),
    ("state", FieldType::F64),
];

/// A path in a folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-container-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn meta() -> ContainerMeta {
    ContainerMeta {
        frame: Frame::new([1.5, -2.0, 0.1], 0.05).unwrap(),
        plan: "hilbert".to_owned(),
        epoch: -3,
        settings: vec![
            ("map".to_owned(), "a \"b\" ü".to_owned()),
            ("unknown".to_owned(), "blocked".to_owned()),
        ],
    }
}

/// Ascending bricks, far apart.
fn bricks(count: u64) -> Vec<BrickId> {
    let code = |i| BrickId::from_code(i * 123_457_891 % (1 << 36) / 64 * 64 + i % 64).unwrap();
    let mut bricks: Vec<BrickId> = (0..count).map(code).collect();
    bricks.sort();
    bricks.dedup();
    bricks
}

/// The values of a brick, other ones for every brick and place.
struct Values {
    cost: Vec<u16>,
    ticks: Vec<u32>,
    warm: Vec<f32>,
    state: Vec<f64>,
}

impl Values {
    fn of(brick: BrickId) -> Self {
        let mix = |i: u64| (brick.code() * 1024 + i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let all = || (0..1024).map(mix);
        Values {
            cost: all().map(|m| (m >> 48) as u16).collect(),
            ticks: all().map(|m| (m >> 32) as u32).collect(),
            warm: all().map(|m| (m >> 40) as f32 / 3.0).collect(),
            state: all().map(|m| m as f64 / 7.0).collect(),
        }
    }

    fn lists(&self) -> [FieldValues<'_>; 4] {
        [
            FieldValues::U16(&self.cost),
            FieldValues::U32(&self.ticks),
            FieldValues::F32(&self.warm),
            FieldValues::F64(&self.state),
        ]
    }
}

fn write(path: &Path, bricks: &[BrickId], fields: usize) -> ContainerWritten {
    let mut writer = ContainerWriter::create(path, &meta(), &FIELDS[..fields]).unwrap();
    for &brick in bricks {
        writer
            .push(brick, &Values::of(brick).lists()[..fields])
            .unwrap();
    }
    writer.finish().unwrap()
}
