//! `octaflow verify` and `octaflow inspect` on whole results, held against what happens to them: bits that flip, commits
//! that vanish, other programs that write them again, runs that are killed.

mod entries;
mod flips;
mod logs;
mod others;
mod saved;

use octaflow::Error;
use octaflow::lake::audit::verify;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that vanishes with the test, with a map, updates and points.
struct World(PathBuf);

impl World {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-verify-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut map = "voxel 9 9 9\n".to_owned();
        for (y, z) in (0..9).flat_map(|y| (0..9).map(move |z| (y, z))) {
            if (y, z) != (3, 4) {
                map += &format!("5 {y} {z}\n");
            }
        }
        fs::write(folder.join("map.3dmap"), map).unwrap();
        let mut updates = "time,kind,x,y,z,cost\n".to_owned();
        for time in 1..7 {
            updates += &format!("{time},voxel,{time},7,7,{}\n", time % 2);
        }
        fs::write(folder.join("updates.csv"), updates).unwrap();
        let mut points = "x,y,z\n".to_owned();
        for i in 0..40 {
            points += &format!("{},{},{}\n", i % 7, i * 3 % 11, i % 5);
        }
        fs::write(folder.join("points.csv"), points).unwrap();
        World(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_octaflow"));
        command.args(line.split(' ')).current_dir(&self.0);
        command
    }

    /// Runs the program, which must end well, and gives what it said.
    fn succeed(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the program says as JSON.
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.succeed(line)).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Asserts that a fault is found, and that it is told with these words.
fn faulty(path: &Path, words: &[&str]) {
    let error = verify(path).expect_err(&format!("{words:?}"));
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "{text}");
    for word in words {
        assert!(text.contains(word), "{text} should tell of {word}");
    }
}

/// Changes the only place in a file where `from` stands.
fn edit(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(path).unwrap();
    let at = bytes
        .windows(from.len())
        .rposition(|w| w == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{} holds no {from}", path.display()));
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    fs::write(path, bytes).unwrap();
}

/// The actions of a table's commit.
fn actions(table: &Path, version: u64) -> Vec<Value> {
    let commit = table.join(format!("_delta_log/{version:020}.json"));
    let text = fs::read_to_string(commit).unwrap();
    text.lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// Writes a table's commit anew.
fn write_actions(table: &Path, version: u64, actions: &[Value]) {
    let commit = table.join(format!("_delta_log/{version:020}.json"));
    let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
    fs::write(commit, lines.join("\n")).unwrap();
}
