//! `octaflow ghost` as a program: its summary, and that it is the same for all workers.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ghost-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn ghost(flags: &[&str], out: &PathBuf) -> Output {
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/Simple.3dmap");
    let mut command = Command::new(env!("CARGO_BIN_EXE_octaflow"));
    command.args(["ghost", "--map", map, "--json"]).args(flags);
    command.arg("--out").arg(out).output().unwrap()
}

fn total(parts: &Value, figure: &str) -> u64 {
    let parts = parts.as_array().unwrap().iter();
    parts.map(|part| part[figure].as_u64().unwrap()).sum()
}

#[test]
fn the_summary_adds_up_and_does_not_depend_on_the_workers() {
    let mut summaries = Vec::new();
    for workers in ["1", "3"] {
        let out = folder(workers);
        let flags = [
            "--parts",
            "5",
            "--rings",
            "2",
            "--owned",
            "--compare",
            "-w",
            workers,
        ];
        let ran = ghost(&flags, &out);
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        for table in ["ghosts", "owned"] {
            assert!(out.join(table).join("part-00000.parquet").is_file());
        }
        let summary: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let parts = &summary["parts"];
        assert_eq!(
            total(parts, "owned"),
            summary["map"]["open"].as_u64().unwrap()
        );
        assert_eq!(total(parts, "ghosts"), summary["reached"].as_u64().unwrap());
        assert_eq!(total(parts, "ghosts"), total(parts, "mirrors"));
        let compare = summary["compare"].as_array().unwrap();
        assert_eq!(compare.len(), 6);
        assert_eq!(compare[0]["partition"], "hash");
        assert_eq!(&compare[0]["parts"], parts);
        summaries.push([parts.clone(), summary["compare"].clone()]);
        std::fs::remove_dir_all(out).unwrap();
    }
    assert_eq!(summaries[0], summaries[1]);
}

#[test]
fn what_cannot_be_is_refused_in_one_sentence() {
    let out = folder("refused");
    for flags in [
        ["--parts", "0", "--rings", "1"],
        ["--parts", "1048577", "--rings", "1"],
        ["--parts", "2", "--rings", "61"],
    ] {
        let ran = ghost(&flags, &out);
        let message = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(
            (ran.status.code(), message.lines().count()),
            (Some(2), 1),
            "{message}"
        );
        let flag = if flags[3] == "61" {
            "--rings"
        } else {
            "--parts"
        };
        assert!(message.contains(flag), "{message}");
        assert!(!out.exists());
    }
}
