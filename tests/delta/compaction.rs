//! That a compaction changes files and never rows, whenever it is stopped.

use crate::*;
use octaflow::lake::delta::{self, AddFile, AsOf, Commit, Log, NewTable};
use octaflow::lake::{
    Column, CompactOptions, Compacted, Packing, Step, TableWriter, Values, compact, tables_in,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, RowAccessor};
use std::fs::{self, File};
use std::process::Command;

const TARGET: CompactOptions = CompactOptions {
    target_bytes: 100_000,
    keep: false,
};

const STEPS: [Step; 6] = [
    Step::Merged,
    Step::Linked,
    Step::Committed,
    Step::Synced,
    Step::Exchanged,
    Step::Removed,
];

/// A table of `parts` files in `folder` of the table, whose bricks interleave.
fn table(table: &Path, folder: &str, parts: u64) {
    for part in 0..parts {
        let path = table.join(format!("{folder}part-{part:05}.parquet"));
        write_part(&path, (0..5).map(|i| i * parts + part));
    }
}

fn created(path: &Path) {
    let new = NewTable {
        run: "b2",
        name: "field",
    };
    delta::create(path, &new).unwrap();
}

fn run(table: &Path, run: &str, options: CompactOptions) -> Compacted {
    compact(table, run, &options, &mut |_| Ok(())).unwrap()
}

fn cells(path: &Path) -> Vec<i64> {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = file.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_long(0).unwrap()).collect()
}

/// Every row of every Parquet file in a folder, sorted: what a reader of plain Parquet sees.
fn plain_rows(table: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for path in delta::data_files(table).unwrap() {
        let file = SerializedFileReader::new(File::open(table.join(path)).unwrap()).unwrap();
        for row in file.get_row_iter(None).unwrap() {
            let columns = row.unwrap().into_columns();
            let values: Vec<Field> = columns.into_iter().map(|(_, field)| field).collect();
            rows.push(format!("{values:?}"));
        }
    }
    rows.sort();
    rows
}

/// The rows of the files that the log says are alive.
fn live_rows(table: &Path) -> u64 {
    let log = Log::read(table, None).unwrap();
    assert_eq!(log.present_files().unwrap().len(), log.files().len());
    log.rows().unwrap()
}

#[test]
fn small_files_become_few_sorted_ones_without_overlap() {
    let scratch = Scratch::new();
    let path = scratch.join("field");
    table(&path, "", 70);
    created(&path);
    let before = plain_rows(&path);
    let done = run(&path, "c1", TARGET);
    assert_eq!((done.version, done.merged), (1, 70));
    assert_eq!(done.rows, before.len() as u64);
    assert!(done.written > 1 && done.written < 10, "{done:?}");
    assert!(plain_rows(&path) == before, "the rows are the same");
    assert_eq!(live_rows(&path), done.rows);
    let log = Log::read(&path, None).unwrap();
    let mut last = i64::MIN;
    for (i, file) in log.files().enumerate() {
        assert!(!file.data_change);
        let cells = cells(&path.join(&file.path));
        assert!(cells.is_sorted() && last < cells[0], "{}", file.path);
        last = *cells.last().unwrap();
        assert!(file.size >= TARGET.target_bytes || i + 1 == log.files().len());
        let reader = SerializedFileReader::new(File::open(path.join(&file.path)).unwrap()).unwrap();
        let footer = reader.metadata();
        assert!(footer.row_group(0).sorting_columns().is_some());
        let pairs = footer.file_metadata().key_value_metadata().unwrap();
        assert!(pairs.iter().any(|p| p.key == "octaflow.frame.origin_m"));
    }
    crate::readers::check(&path, 1);
    let again = run(&path, "c2", TARGET);
    assert!(again.nothing_done() && again.version == 1, "{again:?}");
    assert!(
        refusal(
            Log::read(&path, Some(AsOf::Version(0)))
                .unwrap()
                .present_files()
        )
        .contains("is gone")
    );
    assert_eq!(fs::read_dir(scratch.join(".")).unwrap().count(), 1);
}

#[test]
fn kept_files_stay_for_older_versions_and_go_with_the_next_compaction() {
    let scratch = Scratch::new();
    let path = scratch.join("field");
    table(&path, "", 3);
    created(&path);
    let keep = CompactOptions {
        keep: true,
        ..TARGET
    };
    let done = run(&path, "c1", keep);
    assert_eq!(
        (done.merged, done.dropped, done.files),
        (3, 0, done.written)
    );
    let first = Log::read(&path, Some(AsOf::Version(0))).unwrap();
    assert_eq!(first.present_files().unwrap().len(), 3);
    assert!(run(&path, "c2", keep).nothing_done());
    let done = run(&path, "c3", TARGET);
    assert_eq!((done.version, done.merged, done.dropped), (1, 0, 3));
    assert!(refusal(first.present_files()).contains("is gone"));
    assert_eq!(plain_rows(&path).len() as u64, live_rows(&path));
}

#[test]
fn partitions_are_merged_each_for_itself_and_found_in_a_result() {
    let scratch = Scratch::new();
    let path = scratch.join("out/field");
    table(&path, "lod=15/key=00/", 2);
    table(&path, "lod=15/key=01/", 3);
    table(&path, "lod=14/key=00/", 1);
    created(&path);
    assert_eq!(
        tables_in(&scratch.join("out")).unwrap(),
        std::slice::from_ref(&path)
    );
    assert!(refusal(tables_in(&path.join("lod=15"))).contains("holds none"));
    let before = plain_rows(&path);
    let done = run(&path, "c1", TARGET);
    assert_eq!((done.merged, done.written, done.files), (5, 2, 3));
    assert!(plain_rows(&path) == before);
    let log = Log::read(&path, None).unwrap();
    for file in log.files() {
        let key = file.partition_values["key"].clone().unwrap();
        assert!(file.path.contains(&format!("key=0{key}/")), "{}", file.path);
    }
}

#[test]
fn an_unsorted_a_damaged_and_a_missing_file_are_named_and_nothing_changes() {
    let scratch = Scratch::new();
    let path = scratch.join("field");
    table(&path, "", 3);
    created(&path);
    let part = path.join("part-00001.parquet");
    let mut bytes = fs::read(&part).unwrap();
    bytes[300] ^= 0x10;
    fs::write(&part, &bytes).unwrap();
    let failed = compact(&path, "c1", &TARGET, &mut |_| Ok(()));
    assert!(refusal(failed).contains("part-00001.parquet"));
    let unsorted = [Column::new("cell", Packing::Int64Delta)];
    for number in 0..2 {
        let path = scratch.join(&format!("unsorted/part-{number:05}.parquet"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let frame = Frame::new([0.0; 3], 1.0).unwrap();
        let mut writer = TableWriter::create(&path, &unsorted, &[0], &frame, &[]).unwrap();
        writer.write_group(&[Values::Int64(&[3, 1, 2])]).unwrap();
        writer.finish().unwrap();
    }
    created(&scratch.join("unsorted"));
    let failed = compact(&scratch.join("unsorted"), "c3", &TARGET, &mut |_| Ok(()));
    assert!(refusal(failed).contains("not in the order"));
    fs::remove_dir_all(scratch.join("unsorted")).unwrap();

    fs::remove_file(&part).unwrap();
    let failed = compact(&path, "c2", &TARGET, &mut |_| Ok(()));
    assert!(refusal(failed).contains("part-00001.parquet is gone"));
    assert_eq!(Log::read(&path, None).unwrap().version(), 0);
    assert_eq!(fs::read_dir(scratch.join(".")).unwrap().count(), 1);
}

#[test]
fn a_commit_of_another_writer_meanwhile_is_not_lost() {
    let scratch = Scratch::new();
    for (i, step) in STEPS[..4].iter().enumerate() {
        let path = scratch.join(&format!("field{i}"));
        table(&path, "", 3);
        created(&path);
        let failed = compact(&path, "c1", &TARGET, &mut |done| {
            if done == *step {
                write_part(&path.join("part-00007.parquet"), [500]);
                let add = vec![AddFile::of_file(&path, "part-00007.parquet").unwrap()];
                let other = Commit {
                    operation: "WRITE",
                    add,
                    ..Commit::default()
                };
                assert!(delta::commit(&path, 1, &other).unwrap());
            }
            Ok(())
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("another program"), "{message}");
        assert_eq!(Log::read(&path, None).unwrap().files().len(), 4);
        assert_eq!(live_rows(&path), 16 * 682);
        assert_eq!(run(&path, "c2", TARGET).version, 2);
        assert_eq!(plain_rows(&path).len(), 16 * 682);
    }
}

/// Kills a process of its own after each step, by way of the ignored test below.
#[test]
fn a_compaction_killed_after_any_step_leaves_a_whole_table() {
    let scratch = Scratch::new();
    for (i, step) in STEPS.iter().enumerate() {
        let path = scratch.join(&format!("out/field{i}"));
        table(&path, "", 5);
        created(&path);
        let before = plain_rows(&path);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "compaction::a_compaction_that_dies"])
            .env("OCTAFLOW_DELTA_TABLE", &path)
            .env("OCTAFLOW_DELTA_STEP", i.to_string())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success());
        assert!(plain_rows(&path) == before, "plain rows after {step:?}");
        assert_eq!(live_rows(&path), before.len() as u64, "{step:?}");
        let done = run(&path, "after", TARGET);
        assert_eq!(done.version, 1);
        assert_eq!(done.nothing_done(), i >= 4, "{step:?}");
        assert!(
            plain_rows(&path) == before,
            "plain rows after {step:?} and another run"
        );
        assert_eq!(live_rows(&path), before.len() as u64);
        let beside = fs::read_dir(scratch.join("out")).unwrap().count();
        assert_eq!(beside, i + 1, "nothing is left beside the tables");
    }
}

#[test]
#[ignore = "dies on purpose"]
fn a_compaction_that_dies() {
    let Ok(table) = std::env::var("OCTAFLOW_DELTA_TABLE") else {
        return;
    };
    let step: usize = std::env::var("OCTAFLOW_DELTA_STEP")
        .unwrap()
        .parse()
        .unwrap();
    let _ = compact(Path::new(&table), "dead", &TARGET, &mut |done| {
        if done == STEPS[step] {
            std::process::abort();
        }
        Ok(())
    });
}

/// A reader of plain Parquet that lists, then opens: what it finds whole is every row once, before and after.
#[test]
fn a_polling_reader_finds_every_row_once() {
    let scratch = Scratch::new();
    let path = scratch.join("field");
    table(&path, "", 6);
    created(&path);
    let expected = 30 * 682;
    let count = |path: &Path| -> Option<usize> {
        let files = delta::data_files(path).ok()?;
        let opened: Option<Vec<File>> = files
            .iter()
            .map(|f| File::open(path.join(f)).ok())
            .collect();
        let rows = opened?.into_iter().map(|file| {
            let reader = SerializedFileReader::new(file).unwrap();
            reader.metadata().file_metadata().num_rows() as usize
        });
        Some(rows.sum())
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| {
            let mut seen = 0;
            while !stop.load(Ordering::Relaxed) || seen == 0 {
                if let Some(rows) = count(&path) {
                    assert_eq!(rows, expected);
                    seen += 1;
                }
                // Between listing the log and reading it, the folders may change places.
                if let Ok(log) = Log::read(&path, None) {
                    assert_eq!(log.rows(), Some(expected as u64));
                }
            }
        });
        for (i, target_bytes) in [20_000, 60_000, 1_000_000].into_iter().enumerate() {
            let options = CompactOptions {
                target_bytes,
                keep: false,
            };
            run(&path, &format!("p{i}"), options);
        }
        stop.store(true, Ordering::Relaxed);
        poll.join().unwrap();
    });
    assert_eq!(count(&path), Some(expected));
}
