//! Runs that are killed and go on: whatever happened, what is published in the end is what an undisturbed run publishes,
//! and before the end nothing is.

mod damage;
mod ingest;
mod readers;
mod support;

use octaflow::lake::delta::Log;
use std::time::Duration;
use support::{Dice, World, said};

const FIELD: &str =
    "field --map map.3dmap --source 1,1,1 --updates updates.csv --label-sources --next --quiet";
const ROUTE: &str =
    "route --map map.3dmap --queries queries.csv --updates route_updates.csv --smooth --quiet";
const DIFFUSE: &str = "diffuse --map map.3dmap --initial initial.csv --steps 40 --every 8 --quiet";

/// How many places where a run may be killed to go on by: 1, so that each is tried, if `OCTAFLOW_EVERY_KILL` is set.
pub(crate) fn stride(usual: usize) -> usize {
    std::env::var_os("OCTAFLOW_EVERY_KILL").map_or(usual, |_| 1)
}

/// Kills a run at every `stride`th place where it may be killed, has it go on, and compares with one that was not.
fn kill_everywhere(command: &str, every: u64, stride: usize) {
    let world = World::new();
    world.succeed(&format!("{command} -w 2 --out whole"));
    let whole = world.rows("whole");
    assert!(whole.values().all(|rows| !rows.is_empty()));

    let kept = format!("{command} -w 2 --checkpoint saved --checkpoint-every {every} --out out");
    let calls = world.count_calls(&kept);
    assert_eq!(world.rows("out"), whole, "checkpoints change nothing");
    assert!(calls > 30, "{calls} places to be killed at");
    for call in (1..=calls).step_by(stride) {
        world.remove("saved");
        world.remove("out");
        world.run_to_death(&kept, call);
        if world.has("out") {
            assert_eq!(
                world.rows("out"),
                whole,
                "what is published is whole: {call}"
            );
        }
        let workers = 1 + call % 3;
        if world.has("saved/run.json") {
            world.succeed(&format!(
                "resume saved --quiet -w {workers} --partition slab"
            ));
        } else {
            world.succeed(&kept);
        }
        assert_eq!(world.rows("out"), whole, "killed at {call} of {calls}");
        assert_eq!(
            world.files("saved").len(),
            2,
            "only the record and the lock are left"
        );
    }
}

#[test]
fn a_field_that_was_killed_anywhere_goes_on() {
    kill_everywhere(FIELD, 3, 1);
}

#[test]
fn routes_that_were_killed_go_on() {
    kill_everywhere(ROUTE, 4, stride(5));
}

#[test]
fn diffusion_that_was_killed_goes_on() {
    kill_everywhere(DIFFUSE, 11, stride(4));
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_its_end() {
    let world = World::new();
    world.succeed(&format!("{FIELD} -w 1 --out whole"));
    let kept = format!("{FIELD} -w 2 --checkpoint saved --checkpoint-every 1 --out out");
    world.run_to_death(&kept, 9);
    let mut times = 0;
    while !world.has("out") {
        times += 1;
        assert!(times < 200, "every start gets further");
        world.run_to_death("resume saved -w 2 --quiet", 24);
    }
    world.succeed("resume saved --quiet");
    assert_eq!(world.rows("out"), world.rows("whole"));
    assert!(times > 2);
}

#[test]
fn two_processes_that_are_killed_at_any_moment_go_on_as_one_or_two() {
    let world = World::new();
    world.succeed(&format!("{FIELD} -w 2 --out whole"));
    let whole = world.rows("whole");
    let mut dice = Dice(0xd1ce);
    for trial in 0..6 {
        world.remove("saved");
        world.remove("out");
        let kept = format!("{FIELD} -w 1 -n 2 --checkpoint saved --checkpoint-every 1 --out out");
        let mut child = world.command(&kept).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + dice.below(300)));
        let _ = child.kill();
        child.wait().unwrap();
        // The other process notices and ends; until then it may hold what it writes to.
        std::thread::sleep(Duration::from_millis(200));
        if world.has("saved/run.json") {
            world.succeed(&format!("resume saved --quiet -w 1 -n {}", 1 + trial % 2));
        } else {
            world.succeed(&kept);
        }
        assert_eq!(world.rows("out"), whole, "trial {trial}");
    }
}

#[test]
fn other_updates_than_those_that_were_followed_are_refused() {
    let world = World::new();
    world.succeed(&format!("{FIELD} --out whole"));
    let text = std::fs::read_to_string(world.path("updates.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let kept = format!("{FIELD} --checkpoint saved --checkpoint-every 2 --out out");
    let calls = world.count_calls(&kept);
    world.remove("saved");
    world.remove("out");
    world.run_to_death(&kept, calls * 2 / 3);
    let mut other = lines.clone();
    other.remove(1);
    for changed in [&lines[..1], &lines[..2], &other[..]] {
        world.write("updates.csv", &(changed.join("\n") + "\n"));
        let output = world.run("resume saved --quiet");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(
            said(&output).contains("not those that the run had followed"),
            "{}",
            said(&output)
        );
        assert!(!world.has("out"), "nothing is published");
    }
    world.write("updates.csv", &text);
    world.succeed("resume saved --quiet");
    assert_eq!(world.rows("out"), world.rows("whole"));
}

#[test]
fn a_ghost_run_keeps_its_parts() {
    let world = World::new();
    let ghost = "ghost --map map.3dmap --parts 5 --rings 2 --partition hilbert --quiet";
    world.succeed(&format!("{ghost} --out whole"));
    let kept = format!("{ghost} --checkpoint saved --out out");
    let calls = world.count_calls(&kept);
    let unfinished = (1..=calls).any(|call| {
        world.remove("saved");
        world.remove("out");
        world.run_to_death(&kept, call);
        world.has("saved/run.json") && !world.has("out")
    });
    assert!(unfinished, "{calls} places to be killed at");
    world.succeed("resume saved --quiet --partition slab -w 3");
    assert_eq!(world.rows("out"), world.rows("whole"));
}

/// The rows of a table of changes up to a time.
fn up_to(rows: &[String], time: i64) -> Vec<String> {
    let earlier = |row: &&String| time_of(row) <= time;
    rows.iter().filter(earlier).cloned().collect()
}

fn time_of(row: &str) -> i64 {
    let time = row.split_whitespace().find_map(|c| c.strip_prefix("time="));
    time.unwrap().parse().unwrap()
}

#[test]
fn a_stream_is_published_as_it_goes_on_and_may_come_again_from_the_start() {
    let world = World::new();
    world.succeed(&format!("{FIELD} -w 2 --out whole"));
    let whole = world.rows("whole");
    let piped = FIELD.replace("updates.csv", "-");
    let kept = format!("{piped} -w 2 --checkpoint saved --checkpoint-every 2 --out out");
    let updates = || std::fs::File::open(world.path("updates.csv")).unwrap();
    let mut times = Vec::new();
    for call in (2..).step_by(stride(5)) {
        world.remove("saved");
        world.remove("out");
        let mut command = world.command(&kept);
        command.env("OCTAFLOW_DIE_AT", call.to_string());
        if command.stdin(updates()).status().unwrap().success() {
            break;
        }
        if world.has("out") {
            let rows = &world.rows("out")["field_changes"];
            let time = rows.iter().map(|row| time_of(row)).max().unwrap();
            assert_eq!(
                *rows,
                up_to(&whole["field_changes"], time),
                "whole epochs: {call}"
            );
            let log = Log::read(&world.path("out/field_changes"), None).unwrap();
            assert_eq!(log.rows(), Some(rows.len() as u64));
            times.push(time);
        }
        let arguments = match world.has("saved/run.json") {
            true => "resume saved --quiet",
            false => kept.as_str(),
        };
        let mut command = world.command(arguments);
        assert!(
            command.stdin(updates()).status().unwrap().success(),
            "{call}"
        );
        assert_eq!(world.rows("out"), whole, "killed at {call}");
        let log = Log::read(&world.path("out/field_changes"), None).unwrap();
        assert_eq!(log.rows(), Some(whole["field_changes"].len() as u64));
        assert_eq!(log.present_files().unwrap().len(), log.files().count());
    }
    times.dedup();
    assert!(
        times.is_sorted() && times.len() > 5,
        "published at {times:?}"
    );
}

#[test]
fn a_stream_that_is_refused_or_has_a_bad_row_can_be_given_again() {
    let rows_of = |world: &World, name| std::fs::read_to_string(world.path(name)).unwrap();
    for (command, table) in [
        (FIELD.to_owned(), "updates.csv"),
        (ROUTE.to_owned(), "route_updates.csv"),
        (format!("{DIFFUSE} --updates steps.csv"), "steps.csv"),
    ] {
        let world = World::new();
        let steps: String = (1..40)
            .map(|t| format!("{t},cost,3,3,3,{}\n", t % 2))
            .collect();
        world.write("steps.csv", &format!("time,kind,x,y,z,cost\n{steps}"));
        world.succeed(&format!("{command} --out whole"));
        let text = rows_of(&world, table);
        let lines: Vec<&str> = text.lines().collect();
        let piped = command.replace(table, "-");
        let kept = format!("{piped} -w 2 --checkpoint saved --checkpoint-every 2 --out out");
        let run = |arguments: &str, lines: &[&str], die_at: Option<u64>| {
            world.write("stream.csv", &(lines.join("\n") + "\n"));
            let mut command = world.command(arguments);
            command.stdin(std::fs::File::open(world.path("stream.csv")).unwrap());
            if let Some(call) = die_at {
                command.env("OCTAFLOW_DIE_AT", call.to_string());
            }
            command.output().unwrap()
        };
        run(&kept, &lines, Some(60));
        assert!(world.has("saved/run.json"), "{command}");
        let mut other = lines.clone();
        other.remove(1);
        for refused in [&other[..], &lines[..2]] {
            let output = run("resume saved --quiet", refused, None);
            assert_eq!(output.status.code(), Some(2), "{}", said(&output));
            assert!(said(&output).contains("not those that the run had followed"));
        }
        let time = |line: &str| line.split(',').next().map(str::to_owned);
        let last = time(lines[lines.len() - 1]);
        let earlier = lines.iter().copied().filter(|line| time(line) != last);
        let wrong: Vec<&str> = earlier.chain(["1000,nonsense,1,1,1,1"]).collect();
        let output = run("resume saved --quiet", &wrong, None);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(world.has("out"), "the epochs before are published");
        let output = run("resume saved --quiet", &lines, None);
        assert!(output.status.success(), "{command}: {}", said(&output));
        assert_eq!(world.rows("out"), world.rows("whole"), "{command}");
    }
}

#[test]
fn ghosts_are_found_again() {
    let world = World::new();
    let ghost = "ghost --map map.3dmap --parts 3 --rings 2 --owned --quiet";
    world.succeed(&format!("{ghost} --out whole"));
    world.succeed(&format!("{ghost} --checkpoint saved --out out"));
    assert_eq!(world.rows("out"), world.rows("whole"));
}

#[test]
fn a_run_that_is_complete_or_not_there_is_told_of() {
    let world = World::new();
    world.succeed(&format!("{FIELD} --checkpoint saved --out out"));
    let output = world.run("resume saved");
    assert!(output.status.success());
    assert!(said(&output).contains("complete"), "{}", said(&output));
    for (arguments, told) in [
        ("resume nowhere".to_owned(), "nowhere"),
        ("resume out".to_owned(), "holds no checkpoints"),
        (
            format!("{FIELD} --checkpoint out/inner --out out"),
            "one in the other",
        ),
        (
            format!("{FIELD} --checkpoint . --out out"),
            "one in the other",
        ),
        (
            format!("{FIELD} --checkpoint map.3dmap --out out"),
            "is a file",
        ),
        (
            format!("{FIELD} --checkpoint out --out other"),
            "none of octaflow's checkpoints",
        ),
        (
            format!("{FIELD} --checkpoint new --checkpoint-every 0 --out out"),
            "above 0",
        ),
        (
            format!("{FIELD} --checkpoint-every 3 --out out"),
            "--checkpoint",
        ),
    ] {
        let output = world.run(&arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(told),
            "{arguments}: {}",
            said(&output)
        );
    }
    // A complete run gives way to the next one, an unfinished one does not.
    let kept = format!("{FIELD} --checkpoint saved --checkpoint-every 1 --out out");
    world.run_to_death(&kept, 40);
    let output = world.run(&kept);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("octaflow resume"),
        "{}",
        said(&output)
    );
}
