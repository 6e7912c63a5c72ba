//! That other programs read the tables of octaflow, and octaflow theirs.

use crate::*;
use octaflow::lake::delta::{self, AddFile, AsOf, Commit, Log, NewTable};
use serde_json::Value;
use std::process::Command;

/// Runs the script with `OCTAFLOW_PYTHON`, a Python with deltalake and some of duckdb, polars and pyarrow; `None` if
/// that names no Python.
fn python(args: &[&str]) -> Option<String> {
    let Ok(python) = std::env::var("OCTAFLOW_PYTHON") else {
        eprintln!("skipped: OCTAFLOW_PYTHON names no Python");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/delta/readers.py");
    let out = Command::new(python)
        .arg(script)
        .args(args)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{complaint}");
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Asserts that every reader finds the same in all versions of a table from `oldest` on.
pub(crate) fn check(table: &Path, oldest: u64) {
    let (table, oldest) = (table.to_str().unwrap(), oldest.to_string());
    let readers = python(&["check", table, "0.5", &oldest]);
    eprintln!("read by {}", readers.unwrap_or_default());
}

#[test]
fn all_versions_are_read_alike() {
    let scratch = Scratch::new();
    for folders in ["", "lod=15/key=07/"] {
        let table = scratch.join(&format!("field{}", folders.len()));
        let part = |number: u64| format!("{folders}part-{number:05}.parquet");
        write_part(&table.join(part(0)), 0..130);
        write_part(&table.join(part(1)), [200, 201]);
        write_part(&table.join(part(2)), []);
        if folders.is_empty() {
            write_part(&table.join("part-00000.parquet"), []);
        }
        let new = NewTable {
            run: "a1",
            name: "field",
        };
        delta::create(&table, &new).unwrap();
        check(&table, 0);
        write_part(&table.join(part(3)), [300]);
        let second = Commit {
            operation: "WRITE",
            add: vec![AddFile::of_file(&table, &part(3)).unwrap()],
            remove: vec![part(1)],
            txn: Some(("octaflow-a1".to_owned(), 1)),
            metadata: None,
        };
        assert!(delta::commit(&table, 1, &second).unwrap());
        // As plain Parquet the folder is read only where no file waits to be removed.
        std::fs::rename(table.join(part(1)), scratch.join("aside")).unwrap();
        check(&table, 1);
        std::fs::rename(scratch.join("aside"), table.join(part(1))).unwrap();
    }
}

#[test]
fn tables_of_another_writer_are_read() {
    let scratch = Scratch::new();
    let Some(made) = python(&["make", scratch.join(".").to_str().unwrap()]) else {
        return;
    };
    let made: serde_json::Map<String, Value> = serde_json::from_str(&made).unwrap();
    for (name, versions) in &made {
        let table = scratch.join(name);
        let versions = versions.as_object().unwrap();
        for (version, held) in versions {
            let number = version.parse().unwrap();
            let log = Log::read(&table, Some(AsOf::Version(number))).unwrap();
            let schema = log.metadata().schema().unwrap();
            assert_eq!(schema.fields.len(), 3);
            assert_eq!(log.files().len() as u64, held["files"], "{name} {version}");
            assert_eq!(log.rows(), held["rows"].as_u64(), "{name} {version}");
            assert_eq!(log.bytes(), held["bytes"], "{name} {version}");
            let columns = serde_json::to_value(&log.metadata().partition_columns).unwrap();
            assert_eq!(columns, held["partitions"]);
            // The other writer keeps the files of old versions.
            assert_eq!(log.present_files().unwrap().len(), log.files().len());
            if let Some(ms) = held.get("time_ms").and_then(Value::as_i64) {
                let then = Log::read(&table, Some(AsOf::TimeMs(ms))).unwrap();
                assert_eq!(then.version(), number, "{name} at {ms}");
            }
        }
        let newest = Log::read(&table, None).unwrap();
        // Its rows are none of octaflow's, and its log may start at a checkpoint.
        let sound = octaflow::lake::audit::verify(&table).unwrap();
        assert_eq!(sound.files, newest.files().len() as u64);
        assert_eq!(sound.plain_files, sound.files);
        assert!(versions.contains_key(&newest.version().to_string()));
        newest.check_writable().unwrap();
    }
    damage(&scratch.join("checkpointed"));
    let old = Log::read(&scratch.join("checkpointed"), Some(AsOf::Version(1)));
    assert!(refusal(old).contains("starts at version 3"));
}

/// Changes a checkpoint bit by bit: it is read, or refused as unusable.
fn damage(table: &Path) {
    let path = table.join("_delta_log/00000000000000000003.checkpoint.parquet");
    let whole = std::fs::read(&path).unwrap();
    for i in 0..400 {
        let at = i * whole.len() / 400;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (i % 8);
        std::fs::write(&path, &bytes).unwrap();
        if let Err(error) = Log::read(table, None) {
            assert!(
                matches!(error, octaflow::Error::Input(_)),
                "byte {at}: {error}"
            );
        }
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(refusal(Log::read(table, None)).contains("checkpoint"));
    }
    std::fs::write(&path, whole).unwrap();
}
