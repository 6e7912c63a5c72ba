//! Ingests that are killed and go on: between inputs, in the middle of one, onto an earlier result, in its place.

use super::stride;
use super::support::{Dice, World, said};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Two scans and a map between them, with a table of changes; each scan is cut into four stretches.
const SCANS: &str = "ingest a.csv map.3dmap b.csv --sensor 9,9,9 --max-range 9 --lods 14,13 --min-points 2 \
                     --changes changes.csv --changes-lod 14 --quiet";

/// A scan onto the result of another.
const ONTO: &str = "ingest b.csv c.csv --sensor 2,3,9 --changes changes.csv --quiet --onto";

/// What a run publishes: the rows of its tables, and its table of changes.
type Published = (BTreeMap<String, Vec<String>>, String);

fn published(world: &World, out: &str) -> Published {
    let changes = fs::read_to_string(world.path("changes.csv")).unwrap();
    (world.rows(out), changes)
}

/// A world with scans, and the result `first` of one.
fn scans() -> World {
    let world = World::new();
    for (seed, name) in [(1, "a.csv"), (2, "b.csv"), (3, "c.csv")] {
        world.write(name, &scan(seed));
    }
    world.succeed(
        "ingest a.csv --cell-size 1 --origin -4,-4,-4 --sensor 9,9,9 --unknown open --lods 14 --quiet --out first",
    );
    world
}

/// Points in a box with a heat each, now and then unknown.
fn scan(seed: u64) -> String {
    let mut dice = Dice(0x5ca1_ab1e + seed);
    let mut text = "x,y,z,heat\n".to_owned();
    for _ in 0..400 {
        let [x, y, z] = [(); 3].map(|()| dice.below(1700) as f64 / 100.0 + 0.5);
        match dice.below(9) {
            0 => text += &format!("{x},{y},{z},\n"),
            _ => text += &format!("{x},{y},{z},{}\n", dice.below(1000) as f64 / 7.0),
        }
    }
    text
}

/// Nothing but the record and the lock is left of checkpoints, and no draft beside the table of changes.
fn check_tidy(world: &World) {
    assert_eq!(world.files("saved").len(), 2);
    let names = fs::read_dir(&world.folder).unwrap().flatten();
    let drafts = names.filter(|e| e.file_name().to_string_lossy().starts_with(".changes"));
    assert_eq!(drafts.count(), 0);
}

#[test]
fn an_ingest_that_was_killed_goes_on() {
    let world = scans();
    world.succeed(&format!("{SCANS} -w 2 --out whole"));
    let whole = published(&world, "whole");
    assert!(whole.0.values().all(|rows| rows.len() > 100) && whole.1.lines().count() > 100);
    let kept = format!("{SCANS} -w 2 --checkpoint saved --checkpoint-every 1 --out out");
    let calls = world.count_calls(&kept);
    assert_eq!(
        published(&world, "out"),
        whole,
        "checkpoints change nothing"
    );
    check_tidy(&world);
    assert!(calls > 80, "{calls} places to be killed at");
    for call in (1..=calls)
        .step_by(stride(12))
        .chain([calls - 3, calls - 2, calls - 1, calls])
    {
        for name in ["saved", "out"] {
            world.remove(name);
        }
        let _ = fs::remove_file(world.path("changes.csv"));
        world.run_to_death(&kept, call);
        let workers = 1 + call % 3;
        if world.has("saved/run.json") {
            world.succeed(&format!(
                "resume saved --quiet -w {workers} --partition slab"
            ));
        } else {
            world.succeed(&kept);
        }
        assert_eq!(
            published(&world, "out"),
            whole,
            "killed at {call} of {calls}"
        );
        check_tidy(&world);
    }
}

#[test]
fn an_ingest_onto_a_result_goes_on_and_reads_it_again() {
    let world = scans();
    world.succeed(&format!("{ONTO} first -w 2 --out whole"));
    let whole = published(&world, "whole");
    let kept = format!("{ONTO} first -w 2 --checkpoint saved --checkpoint-every 2 --out out");
    let calls = world.count_calls(&kept);
    for call in (4..=calls).step_by(stride(19)) {
        world.remove("saved");
        world.remove("out");
        world.run_to_death(&kept, call);
        world.succeed(&format!("resume saved --quiet -w {}", 1 + call % 2));
        assert_eq!(
            published(&world, "out"),
            whole,
            "killed at {call} of {calls}"
        );
    }
    // In place of the result that it adds to.
    world.succeed("ingest a.csv --cell-size 1 --origin -4,-4,-4 --sensor 9,9,9 --unknown open --lods 14 --quiet --out own");
    let kept = format!("{ONTO} own -w 2 --checkpoint saved --checkpoint-every 1h --out own");
    let copied = world.path("kept");
    super::damage::copy(&world.path("own"), &copied);
    let mut last = u64::MAX;
    while last > 4 {
        world.remove("saved");
        world.remove("own");
        super::damage::copy(&copied, &world.path("own"));
        if last == u64::MAX {
            last = world.count_calls(&kept);
            assert_eq!(published(&world, "own"), whole);
            continue;
        }
        world.run_to_death(&kept, last);
        world.succeed("resume saved --quiet -w 1");
        assert_eq!(published(&world, "own"), whole, "killed at {last}");
        last = last.saturating_sub(9);
    }
}

#[test]
fn two_processes_of_an_ingest_that_are_killed_at_any_moment_go_on() {
    let world = scans();
    world.succeed(&format!("{SCANS} -w 1 --out whole"));
    let whole = published(&world, "whole");
    let mut dice = Dice(0xd0d0);
    for trial in 0..4 {
        world.remove("saved");
        world.remove("out");
        let kept = format!("{SCANS} -w 1 -n 2 --checkpoint saved --checkpoint-every 1 --out out");
        let mut child = world.command(&kept).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(30 + dice.below(300)));
        let _ = child.kill();
        child.wait().unwrap();
        // The other process notices and ends; until then it may hold what it writes to.
        std::thread::sleep(Duration::from_millis(200));
        if world.has("saved/run.json") {
            world.succeed(&format!("resume saved --quiet -w 1 -n {}", 1 + trial % 2));
        } else {
            world.succeed(&kept);
        }
        assert_eq!(published(&world, "out"), whole, "trial {trial}");
    }
}

/// A world whose ingest was killed in the middle of its second scan, at `saved`.
fn killed() -> World {
    let world = scans();
    world.succeed(&format!("{SCANS} -w 2 --out whole"));
    let kept = format!("{SCANS} -w 2 --checkpoint saved --checkpoint-every 2 --out out");
    let mut call = world.count_calls(&kept);
    loop {
        world.remove("saved");
        world.remove("out");
        world.run_to_death(&kept, call);
        if !world.has("out") && world.has("saved/000003/manifest.json") {
            return world;
        }
        call -= 5;
    }
}

#[test]
fn a_damaged_checkpoint_of_an_ingest_gives_way_or_is_named() {
    let world = killed();
    let whole = published(&world, "whole");
    super::damage::damage_each_file(&world, 1, || {
        assert_eq!(published(&world, "out"), whole);
    });
}

#[test]
fn an_ingest_whose_inputs_are_others_does_not_go_on() {
    let world = killed();
    let whole = published(&world, "whole");
    let text = fs::read_to_string(world.path("a.csv")).unwrap();
    let turned = text.replacen("heat\n", "heat\n1,1,1,1\n", 1);
    for changed in [&text[..text.len() - 1], &turned, ""] {
        fs::write(world.path("a.csv"), changed).unwrap();
        let output = world.run("resume saved --quiet");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let told = said(&output);
        assert!(
            told.contains("a.csv: the input is not what it was"),
            "{told}"
        );
        assert_eq!(told.trim().lines().count(), 1, "{told}");
    }
    fs::write(world.path("a.csv"), text).unwrap();
    // A new consumer of the changes is told of them from the first on.
    let output = world.run("resume saved --json --checkpoint-every 1");
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"points\":"));
    assert_eq!(published(&world, "out"), whole);
    let output = world.run("resume saved");
    assert!(said(&output).contains("complete"), "{}", said(&output));
}

#[test]
fn changes_that_are_printed_come_again_from_the_first() {
    let world = scans();
    let printed = SCANS.replace("changes.csv", "-");
    let whole = world.run(&format!("{printed} --out whole"));
    let kept = format!("{printed} -w 2 --checkpoint saved --checkpoint-every 3 --out out");
    let calls = world.count_calls(&kept);
    world.remove("saved");
    world.remove("out");
    world.run_to_death(&kept, calls / 2);
    let output = world.run("resume saved --quiet -w 1");
    assert!(output.status.success(), "{}", said(&output));
    assert!(output.stdout.len() > 1000 && output.stdout == whole.stdout);
}
