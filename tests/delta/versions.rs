//! What a log says of its versions.

use crate::*;
use octaflow::lake::delta::{self, AddFile, AsOf, Commit, FileStats, Log, NewTable};
use std::fs;
use std::sync::Barrier;

const NEW: NewTable = NewTable {
    run: "0123",
    name: "field",
};

/// A table of two parts.
fn table(scratch: &Scratch) -> PathBuf {
    let table = scratch.join("field");
    write_part(&table.join("part-00000.parquet"), [0, 1]);
    write_part(&table.join("part-00001.parquet"), [5]);
    delta::create(&table, &NEW).unwrap();
    table
}

#[test]
fn version_0_tells_files_schema_statistics_and_settings() {
    let scratch = Scratch::new();
    let table = table(&scratch);
    let log = Log::read(&table, None).unwrap();
    assert_eq!(
        (log.version(), log.transaction("octaflow-0123")),
        (0, Some(0))
    );
    assert_eq!(log.transaction("other"), None);
    let schema = log.metadata().schema().unwrap();
    let columns: Vec<_> = (schema.fields.iter())
        .map(|f| (f.name.as_str(), f.type_name(), f.nullable))
        .collect();
    let expected = [
        ("cell", "long"),
        ("lx", "integer"),
        ("ly", "integer"),
        ("lz", "integer"),
        ("distance", "double"),
    ];
    assert_eq!(columns, expected.map(|(name, kind)| (name, kind, false)));
    let paths: Vec<_> = log.files().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["part-00000.parquet", "part-00001.parquet"]);
    let file = log.file("part-00001.parquet").unwrap();
    assert_eq!(
        file.size,
        fs::metadata(table.join(&file.path)).unwrap().len()
    );
    let stats = FileStats::parse(file.stats.as_ref().unwrap()).unwrap();
    assert_eq!(stats.num_records, 682);
    // Brick 5 lies at (16, 0, 16); the least of its ticks is that of place 1.
    assert_eq!(stats.min_values["distance"], 6001.0 * 0.5 / 3120.0);
    assert_eq!(
        (&stats.min_values["lx"], &stats.max_values["ly"]),
        (&16.into(), &15.into())
    );
    assert_eq!(stats.null_count["cell"], 0);
    assert_eq!(log.rows(), Some(3 * 682));
    let configuration = &log.metadata().configuration;
    assert_eq!(configuration["octaflow.frame.origin_m"], "1,2,3");
    assert_eq!(configuration["octaflow.setting.command"], "field");
    assert_eq!(log.metadata().id.len(), 36);
    assert_eq!(log.present_files().unwrap().len(), 2);
    assert!(refusal(delta::create(&table, &NEW)).contains("created once"));
}

#[test]
fn later_versions_add_remove_and_are_read_as_of_then() {
    let scratch = Scratch::new();
    let table = table(&scratch);
    write_part(&table.join("part-00002.parquet"), [9]);
    let second = Commit {
        operation: "WRITE",
        add: vec![AddFile::of_file(&table, "part-00002.parquet").unwrap()],
        remove: vec!["part-00000.parquet".to_owned()],
        txn: Some(("octaflow-0123".to_owned(), 1)),
        metadata: None,
    };
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert!(delta::commit(&table, 1, &second).unwrap());
    assert!(!delta::commit(&table, 1, &second).unwrap());
    assert!(!delta::commit(&table, 0, &second).unwrap());
    assert!(refusal(delta::commit(&table, 3, &second)).contains("version 2 should be there"));

    let log = Log::read(&table, None).unwrap();
    let paths: Vec<_> = log.files().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["part-00001.parquet", "part-00002.parquet"]);
    assert_eq!(
        (log.version(), log.transaction("octaflow-0123")),
        (1, Some(1))
    );
    let first = Log::read(&table, Some(AsOf::Version(0))).unwrap();
    assert_eq!(first.present_files().unwrap().len(), 2);
    for (ms, version) in [
        (log.time_ms(), 1),
        (log.time_ms() - 1, 0),
        (first.time_ms(), 0),
        (i64::MAX - 1, 1),
    ] {
        let then = Log::read(&table, Some(AsOf::TimeMs(ms))).unwrap();
        assert_eq!(then.version(), version);
    }
    let before = Log::read(&table, Some(AsOf::TimeMs(first.time_ms() - 1)));
    assert!(refusal(before).contains("no version of that time"));
    let after = Log::read(&table, Some(AsOf::Version(2)));
    assert!(refusal(after).contains("its newest is 1"));
    fs::remove_file(table.join("part-00000.parquet")).unwrap();
    assert!(refusal(first.present_files()).contains("is gone"));
    assert_eq!(log.present_files().unwrap().len(), 2);
}

#[test]
fn of_racing_writers_exactly_one_wins_each_version() {
    let scratch = Scratch::new();
    let table = table(&scratch);
    const WRITERS: usize = 4;
    const VERSIONS: u64 = 12;
    let barrier = Barrier::new(WRITERS);
    let won: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (table, barrier) = (&table, &barrier);
                scope.spawn(move || {
                    (1..=VERSIONS)
                        .filter(|&version| {
                            let mine = Commit {
                                operation: "WRITE",
                                txn: Some((format!("writer-{writer}"), version as i64)),
                                ..Commit::default()
                            };
                            barrier.wait();
                            delta::commit(table, version, &mine).unwrap()
                        })
                        .collect()
                })
            })
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let mut all: Vec<u64> = won.iter().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (1..=VERSIONS).collect::<Vec<_>>());
    let log = Log::read(&table, None).unwrap();
    for (writer, versions) in won.iter().enumerate() {
        let newest = versions.last().map(|&v| v as i64);
        assert_eq!(log.transaction(&format!("writer-{writer}")), newest);
    }
    let names = fs::read_dir(table.join("_delta_log")).unwrap();
    assert_eq!(names.count() as u64, VERSIONS + 1, "nothing staged is left");
}

#[test]
fn a_table_without_rows_and_hive_folders_are_tables() {
    let scratch = Scratch::new();
    let empty = scratch.join("empty");
    write_part(&empty.join("part-00000.parquet"), []);
    delta::create(&empty, &NEW).unwrap();
    assert_eq!(Log::read(&empty, None).unwrap().rows(), Some(0));

    let hive = scratch.join("hive");
    write_part(&hive.join("lod=15/key=02/part-00000.parquet"), [0]);
    write_part(&hive.join("lod=15/key=10/part-00000.parquet"), [1]);
    delta::create(&hive, &NEW).unwrap();
    let log = Log::read(&hive, None).unwrap();
    assert_eq!(log.metadata().partition_columns, ["lod", "key"]);
    let keys: Vec<_> = log
        .files()
        .map(|f| f.partition_values["key"].clone().unwrap())
        .collect();
    assert_eq!(keys, ["2", "10"]);
    write_part(&hive.join("part-00000.parquet"), [3]);
    fs::remove_dir_all(hive.join("_delta_log")).unwrap();
    assert!(refusal(delta::create(&hive, &NEW)).contains("the same hive folders"));
    assert!(refusal(delta::create(&scratch.join("."), &NEW)).contains("differ"));
}
