//! What the tests share: a scratch folder, the program, the rows of its tables, and the plain geometry of the lattice.

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of its own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("octaflow-ingest-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the program with words separated by spaces.
pub fn octaflow(args: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_octaflow"))
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub fn succeed(args: &str) -> Output {
    let output = octaflow(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args}: {stderr}");
    output
}

/// Asserts exit status 2 and one sentence that names `mention`, within a short time.
pub fn refused(args: &str, mention: &str) {
    let output = octaflow(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args}: {stderr}");
    // Each process of -n says the same.
    let lines = stderr.trim_end().lines();
    let sentences: BTreeSet<&str> = lines
        .filter(|l| !l.ends_with("for the reason it gave"))
        .collect();
    assert_eq!(sentences.len(), 1, "{stderr}");
    assert!(
        stderr.contains(mention),
        "{stderr} should mention {mention}"
    );
}

/// The values of a row but those that say which cell it is: doubles by their bits.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Whole(i64),
    Double(f64),
    Null,
}

/// The rows of a table by lattice coordinates: column by column, those of the place left out.
pub type Rows = BTreeMap<[i32; 3], BTreeMap<String, Value>>;

/// Reads all parts in a folder; asserts that rows ascend by `cell` in each, and that `cell` names the place and level.
pub fn rows(folder: &str, lod: u8) -> Rows {
    let mut rows = Rows::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The log of the table.
            continue;
        }
        let file = std::fs::File::open(path).unwrap();
        let mut last = i64::MIN;
        for row in SerializedFileReader::new(file)
            .unwrap()
            .get_row_iter(None)
            .unwrap()
        {
            let row = row.unwrap();
            let mut values = BTreeMap::new();
            let mut place = [0; 3];
            for (name, field) in row.get_column_iter() {
                let value = match field {
                    Field::Long(v) => Value::Whole(*v),
                    Field::Int(v) => Value::Whole(i64::from(*v)),
                    Field::Byte(v) => Value::Whole(i64::from(*v)),
                    Field::Double(v) => Value::Double(*v),
                    Field::Null => Value::Null,
                    other => panic!("{name} is {other}"),
                };
                match (name.as_str(), &value) {
                    ("cell", Value::Whole(v)) => {
                        assert!(last < *v, "cells ascend");
                        last = *v;
                    }
                    ("lx", Value::Whole(v)) => place[0] = *v as i32,
                    ("ly", Value::Whole(v)) => place[1] = *v as i32,
                    ("lz", Value::Whole(v)) => place[2] = *v as i32,
                    _ => drop(values.insert(name.clone(), value)),
                }
            }
            assert_eq!(last as u64, key(place, lod));
            assert!(rows.insert(place, values).is_none(), "{place:?} comes once");
        }
    }
    rows
}

/// The key of a cell, bit by bit.
fn key([x, y, z]: [i32; 3], lod: u8) -> u64 {
    let spread = |c: i32| (0..16).fold(0u64, |bits, n| bits | (c as u64 >> n & 1) << (3 * n));
    0x8000 << 48 | u64::from(lod) << 48 | spread(x) | spread(y) << 1 | spread(z) << 2
}

pub fn cells(out: &str, lod: u8) -> Rows {
    rows(
        Path::new(out)
            .join(format!("cells/lod={lod}"))
            .to_str()
            .unwrap(),
        lod,
    )
}

pub fn tallies(out: &str) -> Rows {
    rows(Path::new(out).join("tallies").to_str().unwrap(), 15)
}

pub fn whole(row: &BTreeMap<String, Value>, name: &str) -> i64 {
    match row[name] {
        Value::Whole(v) => v,
        ref other => panic!("{name} is {other:?}"),
    }
}

pub fn double(row: &BTreeMap<String, Value>, name: &str) -> f64 {
    match row[name] {
        Value::Double(v) => v,
        ref other => panic!("{name} is {other:?}"),
    }
}

/// The costs of a table.
pub fn costs(rows: &Rows) -> BTreeMap<[i32; 3], f64> {
    rows.iter()
        .map(|(&cell, row)| (cell, double(row, "cost")))
        .collect()
}

/// The open ones.
pub fn open(rows: &Rows) -> BTreeSet<[i32; 3]> {
    let costs = costs(rows).into_iter();
    costs
        .filter(|(_, cost)| *cost > 0.0)
        .map(|(cell, _)| cell)
        .collect()
}

/// The lattice point nearest to a place in lattice units, by a look at all that could be; even before odd, then the least.
pub fn nearest(u: [f64; 3]) -> [i32; 3] {
    let mut best: Option<(f64, i32, [i32; 3])> = None;
    let base = u.map(|c| c.floor() as i32);
    for n in 0..64 {
        let cell = [
            base[0] + n % 4 - 1,
            base[1] + n / 4 % 4 - 1,
            base[2] + n / 16 - 1,
        ];
        let odd = cell[0].rem_euclid(2);
        if cell.iter().any(|c| c.rem_euclid(2) != odd) {
            continue;
        }
        let square: f64 = (0..3).map(|a| (u[a] - f64::from(cell[a])).powi(2)).sum();
        let better = best.is_none_or(|b| (square, odd, cell) < b);
        if better {
            best = Some((square, odd, cell));
        }
    }
    best.unwrap().2
}

/// The rows of the level above, by the rule: at least four of eight children open, at their mean; points added up.
pub fn coarser(below: &Rows) -> BTreeMap<[i32; 3], (f64, i64)> {
    // 2p, 2p less each axial unit, and 2p + (1, ±1, ±1).
    const CHILDREN: [[i32; 3]; 8] = [
        [0, 0, 0],
        [-2, 0, 0],
        [0, -2, 0],
        [0, 0, -2],
        [1, 1, 1],
        [1, 1, -1],
        [1, -1, 1],
        [1, -1, -1],
    ];
    let mut parents: BTreeMap<[i32; 3], Vec<[i32; 3]>> = BTreeMap::new();
    for &cell in below.keys() {
        let of = |c: [i32; 3]| {
            let p: Vec<i32> = (0..3).map(|a| (cell[a] - c[a]).rem_euclid(2)).collect();
            let p0: [i32; 3] = std::array::from_fn(|a| (cell[a] - c[a]).div_euclid(2));
            let alike = p0.iter().all(|v| (v - p0[0]).rem_euclid(2) == 0);
            (p == [0, 0, 0] && alike).then_some(p0)
        };
        let found: Vec<[i32; 3]> = CHILDREN.into_iter().filter_map(of).collect();
        assert_eq!(found.len(), 1, "{cell:?} has one parent");
        parents.entry(found[0]).or_default().push(cell);
    }
    let of = |children: &Vec<[i32; 3]>| {
        let stored = children
            .iter()
            .map(|c| (double(&below[c], "cost") * 256.0) as u64);
        let open: Vec<u64> = stored.filter(|&c| c > 0).collect();
        let points = children.iter().map(|c| whole(&below[c], "points")).sum();
        let mean = open.iter().sum::<u64>() as f64 / open.len().max(1) as f64;
        let cost = if open.len() >= 4 {
            (mean + 0.5).floor() / 256.0
        } else {
            0.0
        };
        (cost, points)
    };
    parents
        .iter()
        .map(|(&parent, children)| (parent, of(children)))
        .collect()
}

/// Asserts that a level is what the rule makes of the level below it.
pub fn check_level(below: &Rows, above: &Rows) {
    let found: BTreeMap<[i32; 3], (f64, i64)> = above
        .iter()
        .map(|(&cell, row)| (cell, (double(row, "cost"), whole(row, "points"))))
        .collect();
    assert_eq!(found, coarser(below));
}

/// A sequence of numbers that look random.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number from 0 to below 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, least: f64, greatest: f64) -> f64 {
        least + (greatest - least) * self.next()
    }
}
