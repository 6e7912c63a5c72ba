//! Logs that nobody should trust.

use crate::*;
use octaflow::lake::delta::{AsOf, Log};
use std::fs;

const PROTOCOL: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;
const METADATA: &str = r#"{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{}}}"#;

fn add(path: &str, more: &str) -> String {
    format!(
        r#"{{"add":{{"path":"{path}","partitionValues":{{}},"size":1,"modificationTime":0,"dataChange":true{more}}}}}"#
    )
}

/// A table whose versions are the texts given.
fn table(scratch: &Scratch, versions: &[String]) -> PathBuf {
    let table = scratch.join("table");
    let log = table.join("_delta_log");
    let _ = fs::remove_dir_all(&table);
    fs::create_dir_all(&log).unwrap();
    for (version, text) in versions.iter().enumerate() {
        fs::write(log.join(format!("{version:020}.json")), text).unwrap();
    }
    table
}

fn start(more: &str) -> String {
    format!("{PROTOCOL}\n{METADATA}\n{more}\n")
}

#[test]
fn paths_that_leave_the_table_are_refused() {
    let scratch = Scratch::new();
    for path in [
        "../../x",
        "/etc/passwd",
        "s3://bucket/x",
        "file:///etc/passwd",
        "a/%2e%2e/../x",
        "%2Fetc",
        "a//b",
    ] {
        for action in [
            add(path, ""),
            format!(r#"{{"remove":{{"path":"{path}"}}}}"#),
        ] {
            let table = table(&scratch, &[start(&action)]);
            let message = refusal(Log::read(&table, None));
            assert!(
                message.contains("00000000000000000000.json line 3"),
                "{message}"
            );
            assert!(message.contains("inside the table's folder"), "{message}");
        }
    }
}

#[test]
fn damaged_logs_are_refused_by_file_and_line() {
    let scratch = Scratch::new();
    let whole = start(&add("a.parquet", ""));
    let deep = format!("{{\"other\":{}", "[".repeat(100_000));
    for (text, word) in [
        (whole[..whole.len() - 4].to_owned(), "line 3"),
        (start("nonsense"), "line 3"),
        (start("[1,2]"), "line 3"),
        (start(r#"{"add":7}"#), "line 3"),
        (start(&deep), "line 3"),
        (start(&add("a", "").replace(":1,", ":-1,")), "line 3"),
        (start(&"x".repeat(2000)), "line 3"),
        (format!("{METADATA}\n"), "protocol"),
        (format!("{PROTOCOL}\n"), "metaData"),
        (String::new(), "holds no action"),
        ("\n \n".to_owned(), "holds no action"),
    ] {
        let table = table(&scratch, &[text]);
        let message = refusal(Log::read(&table, None));
        assert!(message.contains(word) && message.len() < 600, "{message}");
    }
    let table = table(&scratch, &[start("")]);
    fs::write(
        table.join("_delta_log/00000000000000000000.json"),
        [0xff, 0xfe, b'\n', 0],
    )
    .unwrap();
    refusal(Log::read(&table, None));
}

#[test]
fn gaps_and_absent_logs_are_told() {
    let scratch = Scratch::new();
    let folder = scratch.join("plain");
    fs::create_dir_all(&folder).unwrap();
    assert!(refusal(Log::read(&folder, None)).contains("no Delta table"));
    fs::create_dir_all(folder.join("_delta_log")).unwrap();
    assert!(refusal(Log::read(&folder, None)).contains("no version"));
    let told = r#"{"commitInfo":{}}"#;
    let table = table(&scratch, &[start(""), told.to_owned(), told.to_owned()]);
    fs::remove_file(table.join("_delta_log/00000000000000000001.json")).unwrap();
    assert!(refusal(Log::read(&table, None)).contains("version 1 is missing"));
    assert_eq!(
        Log::read(&table, Some(AsOf::Version(0))).unwrap().version(),
        0
    );
    // A version that no i64 holds is no version.
    fs::write(table.join("_delta_log/99999999999999999999.json"), "").unwrap();
    fs::write(table.join("_delta_log/00000000000000000001.json"), told).unwrap();
    assert_eq!(Log::read(&table, None).unwrap().version(), 2);
    fs::write(table.join("_delta_log/09000000000000000000.json"), "").unwrap();
    assert!(refusal(Log::read(&table, None)).contains("missing"));
}

#[test]
fn what_is_not_read_is_named() {
    let scratch = Scratch::new();
    let marked = r#","deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1,"sizeInBytes":1,"cardinality":1}"#;
    let features = |f: &str| {
        format!(
            r#"{{"protocol":{{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["{f}"],"writerFeatures":["{f}"]}}}}"#
        )
    };
    for (text, word) in [
        (start(&add("a.parquet", marked)), "deletion vector"),
        (start(&features("typeWidening")), "typeWidening"),
        (
            start(r#"{"protocol":{"minReaderVersion":4,"minWriterVersion":8}}"#),
            "version 4",
        ),
        (
            start(&METADATA.replace(
                r#""configuration":{}"#,
                r#""configuration":{"delta.columnMapping.mode":"name"}"#,
            )),
            "columnMapping",
        ),
        (start(&METADATA.replace("parquet", "orc")), "orc"),
    ] {
        let table = table(&scratch, &[text]);
        let message = refusal(Log::read(&table, None));
        assert!(message.contains(word), "{message}");
    }
    // Features without use are no obstacle to reading, but to writing.
    let table = table(&scratch, &[start(&features("deletionVectors"))]);
    let log = Log::read(&table, None).unwrap();
    assert!(refusal(log.check_writable()).contains("deletionVectors"));
}

#[test]
fn a_gap_of_eternity_is_found_at_once() {
    let scratch = Scratch::new();
    let table = table(&scratch, &[start("")]);
    fs::write(table.join("_delta_log/09223372036854775807.json"), "").unwrap();
    assert!(refusal(Log::read(&table, None)).contains("missing"));
}

#[test]
fn a_log_cut_or_changed_anywhere_is_read_or_refused() {
    let scratch = Scratch::new();
    let whole = start(&[add("k=1/a%20b.parquet", ""), add("b.parquet", "")].join("\n"));
    let bytes = whole.as_bytes();
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        for text in [&bytes[..at], &flipped] {
            let table = table(&scratch, &[String::new()]);
            fs::write(table.join("_delta_log/00000000000000000000.json"), text).unwrap();
            if let Err(error) = Log::read(&table, None) {
                assert!(matches!(error, octaflow::Error::Input(_)), "{error}");
            }
        }
    }
}
