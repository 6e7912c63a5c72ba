//! Files of every format, changed at random: each reader answers in time and in memory that the file justifies, and what
//! it refuses it refuses in one sentence. No reader panics.
//!
//! A longer search: `OCTAFLOW_FUZZ_SECONDS=600 cargo test --test mutated`, with `OCTAFLOW_FUZZ=las,ply` for some formats
//! and `OCTAFLOW_FUZZ_SEED=7` for other changes. What fails is kept in `octaflow-mutated` in the folder for temporary files.

#[path = "../map_support/mod.rs"]
mod map_support;
mod memory;
mod mutate;
mod readers;
mod seeds;

use map_support::Scratch;
use mutate::{Random, mutate};
use seeds::{Lake, Seeds};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a reader may hold whatever the file is, and for each of its bytes.
const HELD_BYTES: usize = 64 << 20;
const HELD_A_BYTE: usize = 64;

/// The longest that a file may take.
const LONGEST: Duration = Duration::from_secs(5);

/// After so long a hang is told of, and the test ends.
const HANG: Duration = Duration::from_secs(60);

/// A format: where a changed file is put, and what is read then.
struct Target {
    name: &'static str,
    seeds: Seeds,
    file: PathBuf,
    /// The file, or the folder that it lies in.
    path: PathBuf,
    read: fn(&Path),
    /// Makes a checksum right again.
    seal: fn(Vec<u8>) -> Vec<u8>,
}

/// The case that is being read, for whoever finds it hanging.
static CURRENT: Mutex<Option<(Instant, &str, Vec<u8>)>> = Mutex::new(None);

fn as_is(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// Writes the checksum of the second line into the first, as manifests of checkpoints have it.
fn sealed(bytes: Vec<u8>) -> Vec<u8> {
    let mut lines = bytes.split(|&b| b == b'\n');
    let (_, Some(body)) = (lines.next(), lines.next()) else {
        return bytes;
    };
    let crc = crc32fast::hash(body);
    let head = format!("{{\"crc32\":\"{crc:08x}\",\"sealed\":\n");
    [head.as_bytes(), body, b"\n}\n"].concat()
}

fn targets(scratch: &Scratch) -> Vec<Target> {
    let single = |name: &'static str, extension: &str, seeds: Seeds, read: fn(&Path)| {
        let file = scratch.path(&format!("{name}.{extension}"));
        Target {
            name,
            seeds,
            path: file.clone(),
            file,
            read,
            seal: as_is,
        }
    };
    let lake = Lake::in_folder(scratch);
    let bricks = [&lake.saved, &lake.heat].map(|f| seeds::files(f, ".arrow"));
    let tables = [&lake.cells, &lake.changes].map(|f| seeds::files(f, ".parquet"));
    let mut targets = vec![
        single(
            "container",
            "arrow",
            seeds::contents(&bricks.concat()),
            readers::container,
        ),
        single("octa", "octa", seeds::octa(), readers::stream),
        single("las", "las", seeds::las("las"), readers::points),
        single("laz", "laz", seeds::las("laz"), readers::points),
        single("ply", "ply", seeds::ply(), readers::points),
        single("pcd", "pcd", seeds::pcd(), readers::points),
        single("csv", "csv", seeds::csv(), readers::table),
        single("ndjson", "ndjson", seeds::ndjson(), readers::table),
        single(
            "parquet",
            "parquet",
            seeds::contents(&tables.concat()),
            readers::table,
        ),
        single("bt", "bt", seeds::bt(), readers::map),
        single("movingai", "3dmap", seeds::movingai(), readers::map),
        single("npy", "npy", seeds::npy(), readers::array),
        single("scenes", "3dscen", seeds::scenes(), readers::queries),
    ];
    let mut inside = |name, folder: &PathBuf, file: PathBuf, seeds, read, seal| {
        targets.push(Target {
            name,
            seeds,
            file,
            path: folder.clone(),
            read,
            seal,
        });
    };
    for folder in [&lake.cells, &lake.changes] {
        let log = seeds::files(folder, ".json");
        let first = log[0].clone();
        inside(
            "delta",
            folder,
            first,
            seeds::contents(&log),
            readers::delta,
            as_is,
        );
    }
    for folder in [&lake.saved, &lake.heat] {
        let manifests: Vec<PathBuf> = seeds::files(folder, ".json");
        let newest = manifests
            .iter()
            .rfind(|p| !p.ends_with("run.json"))
            .unwrap()
            .clone();
        let run = folder.join("run.json");
        for (name, file) in [("manifest", newest), ("record", run)] {
            let seeds = seeds::contents(std::slice::from_ref(&file));
            let read = readers::checkpoints;
            inside(name, folder, file, seeds, read, sealed);
        }
    }
    targets
}

/// Reads a changed file; says what is wrong with how that went.
fn attempt(target: &Target, bytes: &[u8]) -> Result<(), String> {
    let _ = fs::remove_file(&target.file);
    fs::write(&target.file, bytes).unwrap();
    let begun = Instant::now();
    *CURRENT.lock().unwrap() = Some((begun, target.name, bytes.to_vec()));
    let mut outcome = Ok(());
    let held = memory::most_held(|| {
        outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(&target.path)));
    });
    let took = begun.elapsed();
    *CURRENT.lock().unwrap() = None;
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
        return Err(format!("a panic: {}", text.unwrap_or_default()));
    }
    if held > HELD_BYTES + HELD_A_BYTE * bytes.len() {
        return Err(format!("{held} bytes held for a file of {}", bytes.len()));
    }
    if took > LONGEST {
        return Err(format!("{took:?} for a file of {} bytes", bytes.len()));
    }
    Ok(())
}

/// Keeps a file that has failed.
fn keep(name: &str, number: usize, bytes: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join("octaflow-mutated");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}-{number}"));
    fs::write(&path, bytes).unwrap();
    path
}

/// Ends the test when one file takes too long.
fn watch() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let current = CURRENT.lock().unwrap();
            if let Some((since, name, bytes)) = &*current
                && since.elapsed() > HANG
            {
                eprintln!("{name} hangs: {}", keep(name, 0, bytes).display());
                std::process::exit(101);
            }
        }
    });
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

#[test]
fn no_change_of_a_file_upsets_its_reader() {
    /// How many changed files of each format are tried, and how long all take at most.
    const TRIES: usize = 400;
    const SECONDS: u64 = 10;
    let scratch = Scratch::new();
    let chosen = std::env::var("OCTAFLOW_FUZZ").unwrap_or_default();
    let mut targets = targets(&scratch);
    targets.retain(|t| chosen.is_empty() || chosen.split(',').any(|name| name == t.name));
    let (seconds, tries) = match number("OCTAFLOW_FUZZ_SECONDS") {
        Some(seconds) => (seconds, usize::MAX),
        None => (SECONDS, TRIES),
    };
    let share = Duration::from_secs(seconds) / targets.len() as u32;
    watch();
    // What readers do is told of in the end.
    std::panic::set_hook(Box::new(|panic| {
        if CURRENT.try_lock().is_ok_and(|current| current.is_none()) {
            eprintln!("{panic}");
        }
    }));
    let mut faults: Vec<String> = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let mut random = Random(number("OCTAFLOW_FUZZ_SEED").unwrap_or(1) << 8 | at as u64);
        let sound = fs::read(&target.file).ok();
        let (begun, mut tried, mut found) = (Instant::now(), 0, Vec::new());
        for seed in &target.seeds {
            if let Err(fault) = attempt(target, seed) {
                faults.push(format!("{}, unchanged: {fault}", target.name));
            }
        }
        while tried < tries && begun.elapsed() < share && found.len() < 5 {
            tried += 1;
            let mut any = || &target.seeds[random.below(target.seeds.len() as u64) as usize];
            let (seed, other) = (any(), any());
            let bytes = (target.seal)(mutate(seed, other, &mut random));
            if let Err(fault) = attempt(target, &bytes)
                && !found.contains(&fault)
            {
                let kept = keep(target.name, faults.len() + found.len(), &bytes);
                faults.push(format!("{}: {fault}: {}", target.name, kept.display()));
                found.push(fault);
            }
        }
        println!("{}: {tried} files", target.name);
        if let Some(sound) = sound {
            fs::write(&target.file, sound).unwrap();
        }
    }
    let _ = std::panic::take_hook();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
