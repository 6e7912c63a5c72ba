//! Random worlds whose maps change, the program, and what it published.

use crate::model::{Model, Place, Row};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

pub const DIFFUSE: &str =
    "diffuse --map map.csv --initial initial.csv --updates updates.csv --quiet";

/// Values by step (-1 where there is none) and cell.
pub type Values = BTreeMap<(i64, Place), f64>;

/// A folder of its own, removed in the end, with a map, values and updates.
pub struct World {
    folder: PathBuf,
    pub model: Model,
    pub rows: Vec<Row>,
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// Stored costs that the worlds are made of; the first blocks.
const COSTS: [u32; 5] = [0, 256, 128, 700, 4000];

impl World {
    fn new(model: Model, rows: Vec<Row>) -> World {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-diffuse-updates-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let world = World {
            folder,
            model,
            rows,
        };
        let mut map = "lx,ly,lz,cost\n".to_owned();
        for ([x, y, z], cost) in &world.model.costs {
            map += &format!("{x},{y},{z},{}\n", f64::from(*cost) / 256.0);
        }
        let mut initial = "lx,ly,lz,value\n".to_owned();
        for ([x, y, z], value) in &world.model.values {
            initial += &format!("{x},{y},{z},{value}\n");
        }
        let mut updates = "time,kind,x,y,z,cost\n".to_owned();
        for row in &world.rows {
            updates += &line(row);
        }
        world.write("map.csv", &map);
        world.write("initial.csv", &initial);
        world.write("updates.csv", &updates);
        world
    }

    /// Cells of both parities about the border of eight blocks, and changes there, near them and far away.
    pub fn random(seed: u64) -> World {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        // A block is 64 lattice units wide.
        let corner = 64 * (1 + dice.below(3) as i32);
        let near = |dice: &mut Dice, parity: i32| -> Place {
            [(); 3].map(|()| corner - 8 + 2 * dice.below(8) as i32 + parity)
        };
        let mut model = Model::default();
        for n in 0..700 {
            let cell = near(&mut dice, n % 2);
            model.costs.insert(cell, COSTS[1 + dice.below(4) as usize]);
        }
        for &cell in model.costs.keys() {
            let value = dice.below(1 << 16) as f64 / 1024.0 - 16.0;
            model.values.insert(cell, value);
        }
        let mut rows = Vec::new();
        for time in [1, 2, 4, 5, 9, 10, 14] {
            for _ in 0..3 + dice.below(30) {
                let voxel = dice.below(3) > 0;
                let parity = if voxel { 0 } else { dice.below(2) as i32 };
                let mut cell = near(&mut dice, parity);
                if dice.below(40) == 0 {
                    // Beyond every block of the map; beside one, or nowhere near.
                    let far = [62, 64, 70, 1024][dice.below(4) as usize];
                    cell[dice.below(3) as usize] += far;
                }
                let cost = COSTS[dice.below(5) as usize];
                rows.push(Row {
                    time,
                    voxel,
                    cell,
                    cost,
                });
            }
        }
        World::new(model, rows)
    }

    /// Three voxels in a row, the first with the value 8, and no updates.
    pub fn small() -> World {
        let mut model = Model::default();
        for x in 0..3 {
            model.costs.insert([2 * x, 0, 0], 256);
            model.values.insert([2 * x, 0, 0], 0.0);
        }
        model.values.insert([0, 0, 0], 8.0);
        World::new(model, Vec::new())
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn remove(&self, name: &str) {
        let _ = fs::remove_dir_all(self.path(name));
    }

    /// The program with arguments that are parted by spaces, started in the world's folder.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_octaflow"));
        command
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must end well.
    pub fn succeed(&self, arguments: &str) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", said(&output));
        output
    }

    /// Runs the program to its call number `call` of a place where it may be killed.
    pub fn run_to_death(&self, arguments: &str, call: u64) {
        let mut command = self.command(arguments);
        let output = command.env("OCTAFLOW_DIE_AT", call.to_string()).output();
        let output = output.unwrap();
        assert!(output.status.code() != Some(2), "{}", said(&output));
    }

    /// How many such calls a run makes.
    pub fn count_calls(&self, arguments: &str) -> u64 {
        let counter = self.path("calls");
        let mut command = self.command(arguments);
        let output = command.env("OCTAFLOW_COUNT_POINTS", &counter).output();
        assert!(output.unwrap().status.success());
        fs::read_to_string(counter).unwrap().parse().unwrap()
    }

    pub fn summary(&self, out: &str) -> serde_json::Value {
        let text = fs::read(self.path(out).join("summary.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The values of a table.
    pub fn values(&self, out: &str, table: &str) -> Values {
        self.column(out, table, "value")
    }

    /// A column of doubles of a table.
    pub fn column(&self, out: &str, table: &str, column: &str) -> Values {
        let mut values = Values::new();
        collect(&self.path(out).join(table), column, &mut values);
        values
    }

    /// The values of both tables, as bits.
    pub fn tables(&self, out: &str) -> [BTreeMap<(i64, Place), u64>; 2] {
        ["state", "snapshots"].map(|table| bits(&self.values(out, table)))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn line(row: &Row) -> String {
    let [x, y, z] = row.cell.map(|c| f64::from(c) / 2.0);
    let kind = if row.voxel { "voxel" } else { "cost" };
    let cost = f64::from(row.cost) / 256.0;
    format!("{},{kind},{x},{y},{z},{cost}\n", row.time)
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn bits(values: &Values) -> BTreeMap<(i64, Place), u64> {
    values.iter().map(|(&c, v)| (c, v.to_bits())).collect()
}

pub fn assert_close(found: &Values, expected: &Values, what: &str) {
    let places = |values: &Values| values.keys().copied().collect::<Vec<_>>();
    assert!(places(found) == places(expected), "{what}: other cells");
    for (place, value) in found {
        let other = expected[place];
        assert!(
            (value - other).abs() < 1e-10,
            "{what}: {value} in {place:?}, not {other}"
        );
    }
}

fn collect(folder: &Path, column: &str, values: &mut Values) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "_delta_log" {
            collect(&path, column, values);
        }
        if path.extension().is_none_or(|e| e != "parquet") {
            continue;
        }
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let (mut step, mut cell, mut value) = (-1, [0; 3], f64::NAN);
            for (name, field) in row.unwrap().get_column_iter() {
                match (name.as_str(), field) {
                    ("step", Field::Long(v)) => step = *v,
                    ("lx", Field::Int(v)) => cell[0] = *v,
                    ("ly", Field::Int(v)) => cell[1] = *v,
                    ("lz", Field::Int(v)) => cell[2] = *v,
                    (name, Field::Double(v)) if name == column => value = *v,
                    _ => {}
                }
            }
            assert!(values.insert((step, cell), value).is_none(), "twice");
        }
    }
}
