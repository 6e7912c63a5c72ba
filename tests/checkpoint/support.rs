//! A small world, the program, and what it published.

use parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of its own, removed in the end, with a map, updates and whatever else the commands take.
pub struct World {
    pub folder: PathBuf,
}

/// The number of voxels along an axis.
const SIDE: u64 = 18;

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

impl World {
    pub fn new() -> World {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-checkpoint-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let world = World { folder };
        world.write("map.3dmap", &map());
        world.write("updates.csv", &updates(false));
        world.write("queries.csv", &queries());
        world.write("route_updates.csv", &updates(true));
        world.write(
            "initial.csv",
            "x,y,z,value\n1,1,1,100\n16,16,16,7\n9,3,5,0.25\n",
        );
        world
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
        command.args(arguments.split(' ')).current_dir(&self.folder);
        command
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must end well.
    pub fn succeed(&self, arguments: &str) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", said(&output));
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

    /// Every row of a result, by table: text of all columns but those that tell of the run alone, sorted.
    pub fn rows(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let mut tables = BTreeMap::new();
        for table in fs::read_dir(self.path(name)).unwrap().flatten() {
            if table.path().is_dir() {
                let mut rows = Vec::new();
                collect(&table.path(), &mut rows);
                rows.sort();
                tables.insert(table.file_name().into_string().unwrap(), rows);
            }
        }
        tables
    }

    /// Every file under a folder.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn collect(folder: &Path, rows: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "_delta_log" {
            collect(&path, rows);
        }
        if path.extension().is_some_and(|e| e == "parquet") {
            let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                let row = row.unwrap();
                let columns = row.get_column_iter();
                let told = columns.filter(|(name, _)| *name != "brick_visits" && *name != "micros");
                rows.push(
                    told.map(|(name, value)| format!("{name}={value} "))
                        .collect(),
                );
            }
        }
    }
}

/// A box with a fifth of its voxels blocked, its corners open.
fn map() -> String {
    let mut dice = Dice(0x5eed);
    let mut text = format!("voxel {SIDE} {SIDE} {SIDE}\n");
    for _ in 0..SIDE * SIDE * SIDE / 5 {
        let [x, y, z] = [(); 3].map(|()| dice.below(SIDE));
        let kept = [[1, 1, 1], [16, 16, 16], [9, 3, 5]];
        if !kept.contains(&[x, y, z]) {
            text += &format!("{x} {y} {z}\n");
        }
    }
    text
}

fn updates(routes: bool) -> String {
    let mut dice = Dice(0xbeef);
    let mut text = "time,kind,x,y,z,cost".to_owned();
    text += if routes { ",query,gx,gy,gz\n" } else { "\n" };
    let end = if routes { ",,,,\n" } else { "\n" };
    for time in 1..=12 {
        for _ in 0..6 {
            let [x, y, z] = [(); 3].map(|()| dice.below(SIDE));
            let cost = ["0", "1", "2.5"][dice.below(3) as usize];
            text += &format!("{time},voxel,{x},{y},{z},{cost}{end}");
        }
        match (routes, time % 4) {
            (false, 0) => text += &format!("{time},source-,16,16,16,\n"),
            (false, 2) => {
                text += &format!("{time},voxel,16,16,16,1\n{time},source+,16,16,16,\n");
            }
            (true, 1) => text += &format!("{time},query+,1,1,1,,{},9,3,5\n", 100 + time),
            (true, 3) => text += &format!("{time},query-,,,,,{},,,\n", 98 + time),
            _ => {}
        }
    }
    text
}

fn queries() -> String {
    let mut dice = Dice(0xcafe);
    let mut text = "query,sx,sy,sz,gx,gy,gz\n".to_owned();
    for query in 0..12 {
        let [a, b, c, d, e, f] = [(); 6].map(|()| dice.below(SIDE));
        text += &format!("{query},{a},{b},{c},{d},{e},{f}\n");
    }
    text
}
