//! `octaflow diffuse --updates` against a plain model that shares no code with it, however the run is divided, stopped
//! and fed; and what `octaflow ingest --changes` tells, followed by every command that takes updates.

mod model;
mod refusals;
mod scans;
mod support;

use model::{Model, Physics};
use std::io::Write;
use std::process::Stdio;
use support::*;

/// Runs a world with other divisions, and holds every result against the model and the first.
fn agrees(seed: u64, physics: Physics, flags: &str, divisions: &[&str]) {
    let world = World::random(seed);
    let steps = 14;
    let mut model = world.model.clone();
    let after = model.run(&physics, steps, &world.rows);
    let mut first = None;
    for (n, division) in divisions.iter().enumerate() {
        let out = format!("out{n}");
        world.succeed(&format!(
            "{DIFFUSE} --steps {steps} --every 5 {flags} {division} --out {out}"
        ));
        let (state, snapshots) = (world.values(&out, "state"), world.values(&out, "snapshots"));
        let last: Values = model.values.iter().map(|(&c, &v)| ((-1, c), v)).collect();
        assert_close(&state, &last, &format!("seed {seed}, {division}"));
        let five = [5, 10].into_iter();
        let told: Values = five
            .flat_map(|s| after[s].iter().map(move |(&c, &v)| ((s as i64, c), v)))
            .collect();
        assert_close(&snapshots, &told, &format!("seed {seed}, {division}"));
        assert_tallied(&world.summary(&out), &model, &after[0]);
        let bits = (bits(&state), bits(&snapshots));
        assert!(
            *first.get_or_insert_with(|| bits.clone()) == bits,
            "seed {seed}: other bits with {division}"
        );
    }
}

fn assert_tallied(
    summary: &serde_json::Value,
    model: &Model,
    first: &std::collections::BTreeMap<[i32; 3], f64>,
) {
    let changes = &summary["changes"];
    assert_eq!(changes["opened"], model.opened);
    assert_eq!(changes["blocked"], model.blocked);
    let close = |told: &serde_json::Value, expected: f64| {
        let told = told.as_f64().unwrap();
        assert!((told - expected).abs() < 1e-9, "{told}, not {expected}");
    };
    close(&changes["lost"], model.lost);
    close(&changes["time_lattice"], model.time);
    let total: f64 = first.values().sum();
    close(&summary["total"]["first"], total);
    close(&summary["total"]["last"], total - model.lost);
    assert_eq!(summary["reached"], model.values.len());
}

const PLAIN: Physics = Physics {
    by_cost: false,
    dt: None,
};

const BY_COST: Physics = Physics {
    by_cost: true,
    dt: None,
};

#[test]
fn the_map_changes_as_in_the_model_with_any_workers_rings_and_partition() {
    for (seed, rings) in [(1, 8), (2, 2), (3, 4)] {
        let divisions = [
            "-w 1 --rings 1",
            "-w 2 --rings 3 --partition hilbert",
            &format!("-w 3 --rings {rings} --partition slab"),
        ];
        agrees(seed, PLAIN, "", &divisions);
    }
}

#[test]
fn costs_become_diffusivities_and_the_step_follows_them() {
    for seed in 11..13 {
        let divisions = ["-w 1 --rings 2", "-w 3 --rings 1 --partition morton"];
        agrees(seed, BY_COST, "--cost-diffusivity", &divisions);
    }
}

#[test]
fn a_given_step_stays() {
    let dt = Some(0.001);
    let physics = Physics { dt, ..BY_COST };
    let flags = "--cost-diffusivity --dt 0.001 --dt-unit lattice";
    agrees(21, physics, flags, &["-w 2"]);
}

#[test]
fn two_processes_change_their_maps_alike() {
    for (seed, partition) in [(31, "hilbert"), (32, "hash"), (33, "slab")] {
        let two = format!("-n 2 -w 2 --partition {partition}");
        agrees(seed, PLAIN, "", &["-w 1", &two]);
    }
    agrees(
        34,
        BY_COST,
        "--cost-diffusivity",
        &["-w 1", "-n 2 -w 1 --partition octant"],
    );
}

#[test]
fn a_run_that_was_killed_goes_on_in_the_changed_map() {
    for flags in ["", "--cost-diffusivity"] {
        let world = World::random(41);
        let command = format!("{DIFFUSE} --steps 14 --every 4 {flags}");
        world.succeed(&format!("{command} -w 2 --out whole"));
        let kept = format!("{command} -w 2 --checkpoint saved --checkpoint-every 3 --out out");
        let calls = world.count_calls(&kept);
        assert!(calls > 10, "{calls} places to be killed at");
        assert!(world.tables("out") == world.tables("whole"));
        for call in (1..=calls).step_by(9) {
            world.remove("saved");
            world.remove("out");
            world.run_to_death(&kept, call);
            if !world.has("saved/run.json") {
                continue;
            }
            let workers = 1 + call % 3;
            world.succeed(&format!("resume saved --quiet -w {workers}"));
            assert!(world.tables("out") == world.tables("whole"), "call {call}");
            let (whole, out) = (world.summary("whole"), world.summary("out"));
            assert_eq!(out["changes"], whole["changes"], "call {call}");
            assert_eq!(out["total"], whole["total"], "call {call}");
            assert_eq!(out["epochs"], whole["epochs"], "call {call}");
        }
    }
}

#[test]
fn a_stream_is_followed_and_its_checkpoints_are_taken_up() {
    let world = World::random(51);
    world.succeed(&format!("{DIFFUSE} --steps 14 --every 4 --out whole"));
    let text = std::fs::read(world.path("updates.csv")).unwrap();
    let command = "diffuse --map map.csv --initial initial.csv --updates - --quiet --steps 14 --every 4 \
                   --checkpoint saved --checkpoint-every 2 --out out";
    let feed = |arguments: &str, die: Option<&str>| {
        let mut command = world.command(arguments);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        command.envs(die.map(|call| ("OCTAFLOW_DIE_AT", call)));
        let mut child = command.spawn().unwrap();
        // The program may be gone before it has read all.
        let _ = child.stdin.take().unwrap().write_all(&text);
        child.wait_with_output().unwrap()
    };
    feed(command, Some("30"));
    assert!(world.has("saved/run.json"));
    let output = feed("resume saved --quiet -w 1", None);
    assert!(output.status.success(), "{}", said(&output));
    assert!(world.tables("out") == world.tables("whole"));
}

#[test]
fn the_last_step_may_be_followed_by_changes_and_nothing_need_be_left() {
    let world = World::small();
    // A map of four cells of which all are blocked in the end.
    world.write(
        "all.ndjson.json",
        concat!(
            r#"{"time":-2,"kind":"cost","x":0.5,"y":0.5,"z":0.5,"cost":2.0}"#,
            "\n",
            r#"{"time":0,"kind":"voxel","x":0,"y":0,"z":0,"cost":0}"#,
            "\n",
            r#"{"time":0,"kind":"voxel","x":1,"y":0,"z":0,"cost":0}"#,
            "\n",
            r#"{"time":0,"kind":"voxel","x":2,"y":0,"z":0,"cost":0}"#,
            "\n",
        ),
    );
    let run = "diffuse --map map.csv --initial initial.csv --steps 3 --quiet --json --start -3 \
               --updates all.ndjson.json --every 3 --picture picture.png --out out";
    let output = world.succeed(run);
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["reached"], 0);
    assert_eq!(
        (&summary["least"], &summary["greatest"]),
        (&0.0.into(), &0.0.into())
    );
    assert_eq!(summary["total"]["last"], 0.0);
    assert_eq!(summary["changes"]["opened"], 1);
    assert_eq!(summary["changes"]["blocked"], 4);
    assert_eq!(summary["epochs"], 2);
    let lost = summary["changes"]["lost"].as_f64().unwrap();
    assert!((lost - 8.0).abs() < 1e-12, "{lost}");
    // What a snapshot shows of a step is what its changes find.
    assert_eq!(world.values("out", "snapshots").len(), 4);
    assert!(world.values("out", "state").is_empty());
    assert!(world.has("picture.png"));
    let words = world.run(&run.replace("--quiet --json", ""));
    let words = said(&words);
    assert!(
        words.contains(
            "Changed the map in 2 epochs on the way: 1 cell opened, 4 blocked, which took 8.000000 of the sum with them."
        ),
        "{words}"
    );
}
