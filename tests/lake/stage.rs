//! That results are published whole or not at all.

use crate::*;
use octaflow::Error;
use octaflow::lake::{Stage, WrittenFile, part_name};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The only file of `written` as a file of the result.
fn in_result(written: &Written, worker: usize) -> WrittenFile {
    WrittenFile {
        path: format!("field/{}", part_name(worker)),
        ..written.files[0].clone()
    }
}

/// Publishes a result whose field has `bricks` bricks.
fn publish(dir: &Path, run: &str, bricks: u64) -> octaflow::Result<()> {
    let mut stage = Stage::open(dir, run, 0)?;
    let folder = stage.folder("field")?;
    let written = write_field(
        &folder.join(part_name(0)),
        &some_bricks(bricks),
        FieldColumns::default(),
    );
    stage.verify(&[in_result(&written, 0)])?;
    stage.publish(&format!("{{\"reached\": {}}}", written.rows))
}

#[test]
fn a_result_appears_whole_whatever_the_target_is_called() {
    let scratch = Scratch::new();
    let deep = scratch.join("new/parents/out");
    let link = scratch.join("link");
    fs::create_dir(scratch.join("real")).unwrap();
    symlink("real", &link).unwrap();
    let slashed = PathBuf::from(format!("{}/", scratch.join("slashed").display()));
    let dotted = scratch.join("real/../dotted/.");
    for (i, dir) in [&deep, &link, &slashed, &dotted, &deep]
        .into_iter()
        .enumerate()
    {
        Stage::check_target(dir).unwrap();
        publish(dir, &format!("run-{i}"), 3).unwrap();
        let summary = fs::read_to_string(dir.join("summary.json")).unwrap();
        assert!(
            summary.starts_with("{\"octaflow\":\"") && summary.contains("\"reached\""),
            "{summary}"
        );
        assert!(!read_rows(&dir.join("field/part-00000.parquet")).is_empty());
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        scratch.names(),
        ["dotted", "link", "new", "real", "slashed"]
    );
    assert_eq!(
        fs::read_dir(scratch.join("new/parents")).unwrap().count(),
        1
    );
}

#[test]
fn a_failed_run_leaves_the_target_as_it_was() {
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    publish(&dir, "first", 2).unwrap();
    let before = fs::read(dir.join("field/part-00000.parquet")).unwrap();

    let stage = Stage::open(&dir, "dropped", 0).unwrap();
    write_field(
        &stage.folder("field").unwrap().join(part_name(0)),
        &some_bricks(9),
        ALL,
    );
    drop(stage);
    let stage = Stage::open(&dir, "no-object", 0).unwrap();
    assert!(matches!(stage.publish("[]"), Err(Error::Input(_))));
    let mut stage = Stage::open(&dir, "missing-part", 0).unwrap();
    let missing = WrittenFile {
        path: "field/part-00001.parquet".to_owned(),
        bytes: 9,
        crc32: 0,
    };
    assert!(matches!(stage.verify(&[missing]), Err(Error::Machine(_))));
    drop(stage);
    let stage = Stage::open(&dir, "foreign", 0).unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    assert!(matches!(stage.publish("{}"), Err(Error::Input(m)) if m.contains("notes.txt")));

    assert_eq!(
        fs::read(dir.join("field/part-00000.parquet")).unwrap(),
        before
    );
    assert_eq!(scratch.names(), ["out"]);
    let nested = scratch.join("a/b/c");
    drop(Stage::open(&nested, "unpublished", 0).unwrap());
    assert_eq!(scratch.names(), ["out"]);
}

#[test]
fn other_content_is_refused_and_named() {
    let scratch = Scratch::new();
    let refused = |dir: &Path, names: &str| match Stage::check_target(dir) {
        Err(Error::Input(m)) => assert!(m.contains(names), "{m}"),
        other => panic!("{other:?}"),
    };
    let foreign = scratch.join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "").unwrap();
    refused(&foreign, "thesis.tex");

    let result = scratch.join("result");
    publish(&result, "first", 1).unwrap();
    Stage::check_target(&result).unwrap();
    fs::write(result.join("field/my-own.parquet"), "").unwrap();
    refused(&result, "my-own.parquet");
    fs::remove_file(result.join("field/my-own.parquet")).unwrap();
    fs::write(
        result.join("summary.json"),
        "{\"made by\": \"another program\"}",
    )
    .unwrap();
    refused(&result, "summary.json");

    let file = scratch.join("file");
    fs::write(&file, "").unwrap();
    refused(&file, "is a file");
    refused(&file.join("below"), "is a file");
    refused(&scratch.join("absent/.."), "name of a folder");
    symlink("nowhere", scratch.join("dangling")).unwrap();
    refused(&scratch.join("dangling"), "link to nothing");
    refused(Path::new("/"), "root of a file system");
    refused(Path::new("/proc"), "root of a file system");
    assert!(matches!(
        Stage::open(&scratch.join("x"), "a/b", 0),
        Err(Error::Input(_))
    ));
}

#[test]
fn stages_of_dead_runs_go_and_those_of_live_runs_stay() {
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    let live = Stage::open(&dir, "live", 1).unwrap();
    drop(Stage::open(&dir, "dead", 1).unwrap());
    let neighbour = Stage::open(&scratch.join("out.octaflow-x"), "dead", 1).unwrap();
    drop(neighbour);
    assert_eq!(
        scratch.names(),
        [
            ".out.octaflow-dead",
            ".out.octaflow-live",
            ".out.octaflow-x.octaflow-dead"
        ]
    );
    fs::create_dir(scratch.join(".out.octaflow-elsewhere")).unwrap();
    fs::write(
        scratch.join(".out.octaflow-elsewhere/host-another machine"),
        "",
    )
    .unwrap();

    publish(&dir, "next", 1).unwrap();
    let kept = [
        ".out.octaflow-elsewhere",
        ".out.octaflow-live",
        ".out.octaflow-x.octaflow-dead",
        "out",
    ];
    assert_eq!(scratch.names(), kept);
    live.folder("field").unwrap();
}

#[test]
fn processes_of_a_run_share_a_stage_and_process_0_publishes() {
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    let stages: Vec<_> = (0..3)
        .map(|p| Stage::open(&dir, "run", p).unwrap())
        .collect();
    let mut files = Vec::new();
    for (worker, stage) in stages.iter().enumerate() {
        let path = stage.folder("field").unwrap().join(part_name(worker));
        files.push(in_result(&write_field(&path, &some_bricks(2), ALL), worker));
    }
    let mut stages = stages.into_iter();
    let mut lead = stages.next().unwrap();
    stages.for_each(drop);
    lead.verify(&files).unwrap();
    lead.publish("{}").unwrap();
    let log = octaflow::lake::delta::Log::read(&dir.join("field"), None).unwrap();
    assert_eq!(
        (log.files().len(), log.transaction("octaflow-run")),
        (3, Some(0))
    );
    assert_eq!(log.present_files().unwrap().len(), 3);
    assert_eq!(scratch.names(), ["out"]);
}

#[test]
fn a_polling_reader_always_finds_a_whole_result() {
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    publish(&dir, "run-0", 1).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut sizes = std::collections::BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let part = dir.join("field/part-00000.parquet");
                let file = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
                sizes.insert(file.metadata().file_metadata().num_rows());
                assert!(dir.join("summary.json").exists());
            }
            sizes
        });
        for run in 1..60 {
            publish(&dir, &format!("run-{run}"), run % 5 + 1).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let sizes = reader.join().unwrap();
        assert!(!sizes.is_empty() && !sizes.contains(&0));
    });
}

/// Not a test of its own: what the next test starts and kills.
#[test]
#[ignore = "runs until it is killed"]
fn a_run_that_never_ends() {
    let Some(dir) = std::env::var_os("OCTAFLOW_TEST_DIR").map(PathBuf::from) else {
        return;
    };
    let stage = Stage::open(&dir, "killed", 0).unwrap();
    let folder = stage.folder("field").unwrap();
    let mut writer = FieldWriter::create(&folder.join(part_name(0)), &frame(), ALL, &[]).unwrap();
    for brick in some_bricks(200) {
        let (ticks, source, next) = brick_values(brick.code());
        writer
            .write_brick(brick, &ticks, Some(&source), Some(&next))
            .unwrap();
    }
    fs::write(dir.with_file_name("half-way"), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_run_leaves_the_target_as_it_was_and_the_next_run_cleans_up() {
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    publish(&dir, "first", 2).unwrap();
    let before = fs::read(dir.join("field/part-00000.parquet")).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stage::a_run_that_never_ends", "--ignored"])
        .env("OCTAFLOW_TEST_DIR", &dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !scratch.join("half-way").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(Stage::open(&dir, "meanwhile", 0).unwrap());
    assert!(
        scratch.join(".out.octaflow-killed/result/field").exists(),
        "it lives"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        fs::read(dir.join("field/part-00000.parquet")).unwrap(),
        before
    );
    drop(Stage::open(&dir, "after", 0).unwrap());
    assert_eq!(scratch.names(), ["half-way", "out"]);
}
