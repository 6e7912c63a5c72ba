//! Folders of checkpoints that a killed run has left.

use super::{World, edit, faulty};
use octaflow::lake::audit::{inspect, verify};
use std::fs;
use std::path::{Path, PathBuf};

/// A world whose run was killed while it wrote a checkpoint, with two whole ones before that have saved rows.
fn killed() -> World {
    let world = World::new();
    let line = "field --map map.3dmap --source 1,1,1 --updates updates.csv --checkpoint ck --checkpoint-every 1 \
                --quiet --out out";
    let mut counting = world.command(line);
    let counted = counting
        .env("OCTAFLOW_COUNT_POINTS", world.path("calls"))
        .status();
    assert!(counted.unwrap().success());
    let calls: u64 = fs::read_to_string(world.path("calls"))
        .unwrap()
        .parse()
        .unwrap();
    for call in (0..calls).rev() {
        let _ = fs::remove_dir_all(world.path("ck"));
        let _ = fs::remove_dir_all(world.path("out"));
        let mut command = world.command(line);
        let died = command
            .env("OCTAFLOW_DIE_AT", call.to_string())
            .output()
            .unwrap();
        let there = |name: &str| world.path("ck").join(name).exists();
        if !died.status.success() && there("000004.draft") && there("000003/manifest.json") {
            assert!(there("000003/cells"), "rows were saved");
            return world;
        }
    }
    panic!("no call of {calls} left a draft");
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

#[test]
fn checkpoints_are_sound_told_and_their_damage_is_found() {
    let world = killed();
    let ck = world.path("ck");
    let sound = verify(&ck).unwrap();
    assert!(
        sound
            .notes
            .iter()
            .any(|note| note.contains("000004.draft: passed over"))
    );
    verify(&world.path("ck/000003")).unwrap();
    verify(&world.path("ck/000003/cells")).unwrap();
    let names = fs::read_dir(&ck).unwrap().flatten().map(|e| e.file_name());
    let drafts = names
        .filter(|n| n.to_string_lossy().ends_with(".draft"))
        .count();
    let told = inspect(&ck).unwrap();
    let saved = told.saved.unwrap();
    assert_eq!(
        (told.kind, saved.command.as_str()),
        ("checkpoints", "field")
    );
    assert_eq!(
        (saved.checkpoints, saved.complete, saved.drafts),
        (vec![3, 2], false, drafts as u64)
    );
    let words = world.succeed("inspect ck");
    assert!(words.contains("to go on from checkpoint 3"), "{words}");
    let json = world.json("verify --json ck");
    assert_eq!(json["files"], sound.files);

    // Every file that counts is checked to its last bit.
    let mut all = Vec::new();
    files(&ck, &mut all);
    let mut checked = 0;
    for path in all {
        let name = path.display().to_string();
        let bytes = fs::read(&path).unwrap();
        if name.contains(".draft") || name.ends_with("lock") || bytes.is_empty() {
            continue;
        }
        for at in [0, bytes.len() / 3, bytes.len() - 1] {
            let mut hurt = bytes.clone();
            hurt[at] ^= 2;
            fs::write(&path, &hurt).unwrap();
            faulty(&ck, &[path.file_name().unwrap().to_str().unwrap()]);
        }
        fs::remove_file(&path).unwrap();
        if !name.ends_with("manifest.json") && !name.ends_with("run.json") {
            faulty(&ck, &[path.file_name().unwrap().to_str().unwrap()]);
        }
        fs::write(&path, &bytes).unwrap();
        checked += 1;
    }
    assert!(
        checked as u64 == sound.files,
        "{checked} of {}",
        sound.files
    );
    verify(&ck).unwrap();
    edit(&world.path("ck/run.json"), "--source", "--sourcf");
    assert!(inspect(&ck).is_err());
}
