//! Files held against what their table's log says of them.

use super::{World, actions, edit, faulty, write_actions};
use octaflow::lake::audit::{inspect, verify};
use octaflow::lake::delta::Log;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The CRC-32 that the log says of every file, held against the file; tells how many files there are.
fn check_tags(table: &Path) -> usize {
    let log = Log::read(table, None).unwrap();
    for file in log.files() {
        let bytes = fs::read(table.join(&file.path)).unwrap();
        let right = format!("{:08x}", crc32fast::hash(&bytes));
        let told = file.tags.get("octaflow.crc32").cloned().flatten();
        assert_eq!(told, Some(right), "{}", file.path);
        assert_eq!(file.size, bytes.len() as u64);
    }
    log.files().len()
}

#[test]
fn every_writer_of_logs_tells_checksums() {
    let world = World::new();
    let field = "field --map map.3dmap --source 1,1,1 --quiet";
    world.succeed(&format!("{field} --updates updates.csv -w 2 --out plain"));
    world.succeed(&format!(
        "{field} --updates updates.csv --hive time,lod,key --key-bits 40 -w 2 --out hive"
    ));
    world.succeed("ingest points.csv --cell-size 1 --lods 15,14 -w 2 --quiet --out cells");
    for table in [
        "plain/field",
        "plain/field_changes",
        "hive/field",
        "hive/field_changes",
        "cells/cells",
        "cells/tallies",
    ] {
        assert!(check_tags(&world.path(table)) > 0);
    }
    let table = world.path("hive/field");
    let before = check_tags(&table);
    world.succeed("compact hive --quiet");
    assert!(check_tags(&table) < before);
    for result in ["plain", "hive", "cells"] {
        verify(&world.path(result)).unwrap();
    }
    // What a run publishes on its way, and what it ends with.
    let text = fs::read(world.path("updates.csv")).unwrap();
    let line = format!("{field} --updates - --checkpoint ck --checkpoint-every 1 --out live");
    let mut run = world.command(&line);
    let mut run = run.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut run.stdin.take().unwrap(), &text).unwrap();
    assert!(run.wait().unwrap().success());
    let live = world.path("live/field_changes");
    assert!(check_tags(&live) > 1 && Log::read(&live, None).unwrap().version() > 0);
    verify(&world.path("live")).unwrap();
}

#[test]
fn every_flipped_bit_behind_the_pages_is_found() {
    let world = World::new();
    world.succeed("field --map map.3dmap --source 1,1,1 --quiet --out out");
    let table = world.path("out/field");
    let path = table.join("part-00000.parquet");
    let bytes = fs::read(&path).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let start = bytes.len() - 8 - footer;
    for at in (0..4).chain(start..bytes.len()) {
        let mut hurt = bytes.clone();
        hurt[at] ^= 1 << (at % 8);
        fs::write(&path, &hurt).unwrap();
        let text = verify(&table).expect_err(&format!("byte {at}")).to_string();
        assert!(text.contains("part-00000.parquet"), "{text}");
        if at < 4 {
            // Alone or in its table.
            faulty(&path, &["PAR1"]);
        }
        if at % 16 == 0 {
            assert!(verify(&path).is_err(), "byte {at}, the file alone");
        }
    }
    fs::write(&path, &bytes).unwrap();
    verify(&table).unwrap();
    verify(&path).unwrap();
}

/// Makes version 0 of a table one that another program wrote, without checksums and transactions.
fn untag(table: &Path) {
    let mut all = actions(table, 0);
    all[0]["commitInfo"]["engineInfo"] = json!("delta-rs:1.6.2");
    all.retain(|action| action.get("txn").is_none());
    for action in &mut all {
        if let Some(add) = action.get_mut("add").and_then(Value::as_object_mut) {
            add.remove("tags").unwrap();
        }
    }
    write_actions(table, 0, &all);
}

#[test]
fn files_and_log_agree_on_frame_lattice_and_settings() {
    let world = World::new();
    world.succeed("ingest points.csv --cell-size 1 --lods 15,14 -w 2 --quiet --out out");
    let table = world.path("out/cells");
    let part = table.join("lod=15/part-00001.parquet");
    let whole = fs::read(&part).unwrap();
    edit(
        &part,
        "octaflow.frame.cell_size_m\u{18}\u{1}1",
        "octaflow.frame.cell_size_m\u{18}\u{1}3",
    );
    faulty(&table, &["part-00001.parquet", "cell_size_m"]);
    faulty(&part, &["part-00001.parquet", "CRC-32", "restore"]);
    untag(&table);
    for (from, to, word) in [
        (
            "octaflow.frame.cell_size_m\u{18}\u{1}1",
            "octaflow.frame.cell_size_m\u{18}\u{1}3",
            "cell_size_m",
        ),
        (
            "octaflow.lattice.version\u{18}\u{1}1",
            "octaflow.lattice.version\u{18}\u{1}2",
            "lattice.version",
        ),
        (
            "octaflow.setting.inputs",
            "octaflow.setting.inputz",
            "setting.input",
        ),
        (
            "octaflow.frame.lod\u{18}\u{2}15",
            "octaflow.frame.lod\u{18}\u{2}14",
            "level",
        ),
    ] {
        fs::write(&part, &whole).unwrap();
        verify(&table).unwrap();
        edit(&part, from, to);
        faulty(&table, &["part-00001.parquet", word]);
    }
    fs::write(&part, &whole).unwrap();

    // The log itself, in what it has and in what it lacks.
    let told = actions(&table, 0);
    let at = told
        .iter()
        .position(|a| a.get("metaData").is_some())
        .unwrap();
    for (key, value) in [
        ("octaflow.frame.cell_size_m", json!("7")),
        ("octaflow.frame.origin_m", json!("0,0,1")),
        ("octaflow.setting.inputs", Value::Null),
        ("octaflow.setting.more", json!("x")),
    ] {
        let mut changed = told.clone();
        let configuration = changed[at]["metaData"]["configuration"]
            .as_object_mut()
            .unwrap();
        match value {
            Value::Null => drop(configuration.remove(key).unwrap()),
            value => drop(configuration.insert(key.to_owned(), value)),
        }
        write_actions(&table, 0, &changed);
        faulty(&table, &["metaData", key]);
    }
    // Not what other programs keep there.
    let mut changed = told;
    changed[at]["metaData"]["configuration"]["delta.appendOnly"] = json!("false");
    write_actions(&table, 0, &changed);
    verify(&table).unwrap();
}

#[test]
fn levels_are_told_apart() {
    let world = World::new();
    world.succeed("ingest points.csv --cell-size 0.5 --lods 15,14,13 --quiet --out out");
    let told = inspect(&world.path("out/cells")).unwrap();
    assert_eq!(
        (told.table, told.frame, told.cells),
        (Some("cells"), None, None)
    );
    let levels: Vec<_> = told
        .parts
        .iter()
        .map(|p| (p.lod.unwrap(), p.frame.unwrap().cell_size_m))
        .collect();
    assert_eq!(levels, [(15, 0.5), (14, 1.0), (13, 2.0)]);
    assert_eq!(told.rows, told.parts.iter().map(|p| p.rows).sum());
    for part in &told.parts {
        assert!(part.path.ends_with(&format!("lod={}", part.lod.unwrap())));
        let [low, high] = part.extent.unwrap().metres.unwrap();
        let size = part.frame.unwrap().cell_size_m;
        // The points lie in 0…6, 0…10 and 0…4.
        for (axis, most) in [6.0, 10.0, 4.0].into_iter().enumerate() {
            assert!(low[axis].abs() <= size && (high[axis] - most).abs() <= size);
        }
    }
    let words = world.succeed("inspect out/cells");
    assert!(
        words.contains("cells 2 m apart (level of detail 13)"),
        "{words}"
    );
}
