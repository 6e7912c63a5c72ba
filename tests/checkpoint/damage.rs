//! Checkpoints that are damaged, folders that are full or in use.

use super::FIELD;
use super::support::{World, said};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A world whose run was killed after some checkpoints, and what it should publish.
fn killed() -> World {
    let world = World::new();
    world.succeed(&format!("{FIELD} -w 2 --out whole"));
    let kept = format!("{FIELD} -w 2 --checkpoint saved --checkpoint-every 3 --out out");
    let mut call = world.count_calls(&kept);
    loop {
        world.remove("saved");
        world.remove("out");
        world.run_to_death(&kept, call);
        if !world.has("out") && world.has("saved/000003/manifest.json") {
            return world;
        }
        call -= 1;
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before_or_is_named() {
    let world = killed();
    let whole = world.rows("whole");
    damage_each_file(&world, 3, || assert_eq!(world.rows("out"), whole));
}

/// Damages each file of the checkpoints of a world, in so many ways: its run goes on and passes `check`, or names the damage.
pub fn damage_each_file(world: &World, ways: usize, check: impl Fn()) {
    copy(&world.path("saved"), &world.path("kept"));
    let files = world.files("kept");
    let (mut went_on, mut refused) = (0, 0);
    for (n, file) in files.iter().enumerate() {
        if file.file_name().unwrap() == "lock" {
            continue;
        }
        let draft = file.components().any(|c| {
            let name = c.as_os_str().to_string_lossy();
            name.ends_with(".draft")
        });
        let bytes = fs::read(file).unwrap();
        if draft || bytes.is_empty() {
            continue;
        }
        for damage in n..n + ways {
            let mut changed = bytes.clone();
            match damage % 3 {
                0 => changed[bytes.len() / 2] ^= 4,
                1 => changed.truncate(bytes.len() - 1),
                _ => *changed.last_mut().unwrap() ^= 0x80,
            }
            world.remove("saved");
            world.remove("out");
            copy(&world.path("kept"), &world.path("saved"));
            let place = file.strip_prefix(world.path("kept")).unwrap();
            fs::write(world.path("saved").join(place), changed).unwrap();
            let output = world.run("resume saved --quiet");
            if output.status.success() {
                check();
                went_on += 1;
            } else {
                assert_eq!(output.status.code(), Some(2), "{}", said(&output));
                assert_eq!(said(&output).trim().lines().count(), 1, "{}", said(&output));
                assert!(!world.has("out"));
                refused += 1;
            }
        }
    }
    assert!(
        went_on > 0 && refused > 0,
        "{went_on} went on, {refused} refused"
    );
}

#[test]
fn a_full_disk_is_told_of_and_leaves_what_was_committed() {
    let world = World::new();
    world.succeed(&format!("{FIELD} -w 1 --out whole"));
    let run = |limit: u64, arguments: &str| {
        // A file may not grow beyond so many blocks of 512 bytes: writing fails as on a disk that is full.
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_octaflow")])
            .args(arguments.split(' '))
            .current_dir(&world.folder)
            .output()
            .unwrap()
    };
    let kept = format!("{FIELD} -w 1 --checkpoint saved --checkpoint-every 2 --out out");
    let output = run(20, &kept);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(said(&output).trim().lines().count(), 1, "{}", said(&output));
    assert!(!world.has("out"));
    world.succeed("resume saved --quiet");
    assert_eq!(world.rows("out"), world.rows("whole"));
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let world = killed();
    let lock = fs::File::options()
        .append(true)
        .open(world.path("saved/lock"))
        .unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let output = world.run("resume saved --quiet");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("in use by another run"),
        "{}",
        said(&output)
    );
}
