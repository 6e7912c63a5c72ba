//! Bits that flip in a log.

use super::World;
use octaflow::lake::audit::verify;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The JSON of a commit's lines and of the statistics and schemas in them; `None` if it is none.
fn content(bytes: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).ok()?;
            for (kind, member) in [("add", "stats"), ("metaData", "schemaString")] {
                if let Some(text) = line.get_mut(kind).and_then(|a| a.get_mut(member)) {
                    *text = serde_json::from_str(text.as_str()?).ok()?;
                }
            }
            Some(line)
        })
        .collect()
}

/// Flips bits at some `places` of a commit: each is a fault, unless the commit says what it said. How many are.
fn flip(table: &Path, commit: &Path, places: impl Iterator<Item = usize>) -> usize {
    let whole = fs::read(commit).unwrap();
    let sound = content(&whole).unwrap();
    let mut faults = 0;
    for (at, bit) in places.flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut hurt = whole.clone();
        hurt[at] ^= 1 << bit;
        if content(&hurt).as_ref() == Some(&sound) {
            continue;
        }
        fs::write(commit, &hurt).unwrap();
        let shown =
            String::from_utf8_lossy(&hurt[at.saturating_sub(30)..(at + 10).min(hurt.len())])
                .into_owned();
        let error = verify(table).expect_err(&format!("byte {at}, bit {bit}: {shown}"));
        assert!(matches!(error, octaflow::Error::Input(_)), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        faults += 1;
    }
    fs::write(commit, &whole).unwrap();
    verify(table).unwrap();
    faults
}

#[test]
fn every_flipped_bit_of_statistics_is_found() {
    let world = World::new();
    world.succeed("field --map map.3dmap --source 1,1,1 --quiet -w 1 --out out");
    let table = world.path("out/field");
    let commit = table.join("_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&commit).unwrap();
    let start = text.find("\"stats\"").unwrap();
    let length = text[start..].find('}').unwrap();
    let end = start + text[start..].find("}\"").unwrap();
    assert!(length > 20 && end > start + 100);
    assert!(flip(&table, &commit, start..end) > 2000);
}

#[test]
fn flipped_bits_of_schemas_tags_and_partitions_are_found() {
    let world = World::new();
    world.succeed("ingest points.csv --cell-size 1 --lods 15,14 -w 1 --quiet --out out");
    let table = world.path("out/cells");
    let commit = table.join("_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&commit).unwrap();
    for (from, to) in [
        ("\"schemaString\"", "}\""),
        ("\"tags\"", "}"),
        ("\"partitionValues\"", "}"),
        ("\"partitionColumns\"", "]"),
    ] {
        let start = text.find(from).unwrap();
        let length = text[start..].find(to).unwrap();
        assert!(flip(&table, &commit, (start..start + length).step_by(3)) > 30);
    }
}
