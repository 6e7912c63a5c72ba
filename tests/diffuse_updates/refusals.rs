//! Updates that cannot be followed: a file leaves nothing, a stream what came before.

use crate::model::{Model, Physics};
use crate::support::*;
use std::io::Write;
use std::process::{Output, Stdio};

/// Runs with updates from a file, which must be refused with words that hold `mention`, and leave nothing.
fn refused(world: &World, updates: &str, flags: &str, mention: &str) {
    world.write("bad.csv", updates);
    let output = world.run(&format!(
        "diffuse --map map.csv --initial initial.csv --updates bad.csv --quiet {flags} --out refused"
    ));
    let words = said(&output);
    assert_eq!(output.status.code(), Some(2), "{words}");
    // Each process says the same.
    let first = words.lines().next().unwrap();
    assert!(words.lines().all(|line| line == first), "{words}");
    assert!(words.contains(mention), "{words}, not {mention}");
    assert!(!world.has("refused"), "{mention}");
}

#[test]
fn a_bad_row_of_a_file_leaves_nothing() {
    let world = World::small();
    let bad = |rows: &str, mention: &str| {
        let text = format!("time,kind,x,y,z,cost\n{rows}");
        refused(&world, &text, "--steps 5 -w 2", mention);
    };
    bad(
        "0,voxel,1,0,0,0\n",
        "bad.csv, row 1: time 0 must be greater than --start (0)",
    );
    bad(
        "2,voxel,1,0,0,0\n6,voxel,1,0,0,1\n",
        "bad.csv, row 2: time 6 lies beyond the last step, that of time 5",
    );
    bad(
        "9223372036854775807,voxel,1,0,0,0\n",
        "row 1: time 9223372036854775807 lies beyond the last step",
    );
    bad(
        "3,voxel,1,0,0,0\n2,voxel,1,0,0,0\n",
        "row 2: time 2 comes after 3",
    );
    bad(
        "1,source+,1,0,0,\n",
        "row 1: kind \"source+\" is unknown to this command: it must be cost or voxel",
    );
    bad("1,query-,1,0,0,\n", "row 1: kind \"query-\" is unknown");
    bad("1,voxel,1,0,0,-1\n", "row 1");
    bad("1,cost,nan,0,0,1\n", "row 1");
    bad("1,cost,-9,0,0,1\n", "row 1");
    bad("1,cost,0,0,0,70000\n", "row 1");
    refused(&world, "time,kind,x,y\n", "--steps 5", "bad.csv");
    let far = "time,kind,x,y,z,cost\n1,voxel,1,0,0,0\n";
    refused(
        &world,
        far,
        "--steps 5 --start 1",
        "must be greater than --start (1)",
    );
    let low = "--steps 5 --start -9223372036854775808";
    refused(&world, far, low, "row 1: time 1 lies beyond the last step");
}

fn stream(world: &World, flags: &str, updates: &str) -> Output {
    let arguments = format!(
        "diffuse --map map.csv --initial initial.csv --updates - --quiet {flags} --out out"
    );
    let mut command = world.command(&arguments);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(updates.as_bytes());
    child.wait_with_output().unwrap()
}

/// The published state is that of a model after some steps and the changes then.
fn stands(world: &World, physics: &Physics, steps: i64) {
    let mut model: Model = world.model.clone();
    model.run(physics, steps, &world.rows);
    let expected: Values = model.values.iter().map(|(&c, &v)| ((-1, c), v)).collect();
    assert_close(&world.values("out", "state"), &expected, "the state");
    let summary = world.summary("out");
    assert_eq!(summary["steps"], steps);
    let lost = summary["changes"]["lost"].as_f64().unwrap();
    assert!((lost - model.lost).abs() < 1e-9);
}

#[test]
fn a_bad_row_of_a_stream_leaves_the_epochs_before_it() {
    let plain = Physics {
        by_cost: false,
        dt: None,
    };
    for (seed, flags) in [(61, "-w 2"), (62, "-w 1 -n 2")] {
        let world = World::random(seed);
        let good: String = world.rows.iter().filter(|r| r.time < 9).map(line).collect();
        let head = "time,kind,x,y,z,cost\n";
        // An epoch may not be whole before a row whose time cannot be read.
        for (bad, last, epochs) in [
            ("9,voxel,1,1,1,cheap\n", 5, 4),
            ("90,voxel,1,1,1,1\n", 5, 4),
            ("nine\n", 4, 3),
        ] {
            let updates = format!("{head}{good}{bad}");
            let output = stream(&world, &format!("--steps 14 {flags}"), &updates);
            let words = said(&output);
            assert_eq!(output.status.code(), Some(2), "{words}");
            assert!(words.contains("standard input, "), "{words}");
            stands(&world, &plain, last);
            assert_eq!(world.summary("out")["epochs"], epochs);
        }
        let output = stream(
            &world,
            &format!("--steps 14 {flags}"),
            "time,kind,x,y,z,cost\nbad\n",
        );
        assert_eq!(output.status.code(), Some(2));
        stands(&world, &plain, 0);
    }
}

#[test]
fn a_step_that_an_epoch_makes_unstable_is_refused_with_its_time() {
    let dt = "--cost-diffusivity --dt 0.02 --dt-unit lattice --steps 14";
    for flags in ["-w 3", "-w 1 -n 2"] {
        let mut world = World::random(71);
        // Among costs to 16 it is stable, in a knot of costs of 255 no more.
        let knot = [[2, 0, 0], [1, 1, 1], [0, 0, 0], [-1, 1, 1], [1, -1, 1]];
        let corner = *world.model.costs.keys().next().unwrap();
        let base = corner.map(|c| c / 2 * 2 + 4);
        let mut updates = "time,kind,x,y,z,cost\n".to_owned();
        world.rows.retain(|r| r.time <= 4);
        updates.extend(world.rows.iter().map(line));
        for (n, knot) in knot.into_iter().enumerate() {
            let place: [i32; 3] = std::array::from_fn(|a| base[a] + knot[a]);
            let [x, y, z] = place.map(|c| f64::from(c) / 2.0);
            updates += &format!("9,cost,{x},{y},{z},{}\n", 255 - n);
        }
        // Cells that are blocked in the same epoch have what they held again.
        for (&[x, y, z], _) in world.model.costs.iter().take(40) {
            let [x, y, z] = [x, y, z].map(|c| f64::from(c) / 2.0);
            updates += &format!("9,cost,{x},{y},{z},0\n");
        }
        updates += "9,voxel,900,900,900,1\n";
        let mention = "is not stable in the map of time 9: it should be at most";
        refused(&world, &updates, &format!("{dt} {flags}"), mention);
        let output = stream(&world, &format!("{dt} {flags}"), &updates);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(mention), "{}", said(&output));
        let physics = Physics {
            by_cost: true,
            dt: Some(0.02),
        };
        let mut model = world.model.clone();
        model.run(&physics, 9, &world.rows);
        let expected: Values = model.values.iter().map(|(&c, &v)| ((-1, c), v)).collect();
        assert_close(&world.values("out", "state"), &expected, "the state");
        assert_eq!(world.summary("out")["steps"], 9);
        assert_eq!(world.summary("out")["epochs"], 3);
    }
}
