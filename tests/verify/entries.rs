//! What a log says of each file, held against the file: statistics, partition values, schema, checksums.

use super::{World, actions, faulty, write_actions};
use octaflow::lake::audit::verify;
use octaflow::lake::delta::{AddFile, Log};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The place of an action in a commit.
fn place(all: &[Value], kind: &str) -> usize {
    all.iter().position(|a| a.get(kind).is_some()).unwrap()
}

/// Changes the statistics of the first file of version 0.
fn change_stats(table: &Path, sound: &[Value], change: impl FnOnce(&mut Value)) {
    let mut all = sound.to_vec();
    let add = &mut all[place(sound, "add")]["add"];
    let mut stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
    change(&mut stats);
    add["stats"] = json!(stats.to_string());
    write_actions(table, 0, &all);
}

/// A table of plain cells and its first commit.
fn field(world: &World) -> (PathBuf, Vec<Value>) {
    world.succeed("field --map map.3dmap --source 1,1,1 --next --quiet -w 1 --out out");
    let table = world.path("out/field");
    let sound = actions(&table, 0);
    write_actions(&table, 0, &sound);
    verify(&table).unwrap();
    (table, sound)
}

const COMMIT: &str = "_delta_log/00000000000000000000.json";

#[test]
fn statistics_are_those_of_the_file() {
    let world = World::new();
    let (table, sound) = field(&world);
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 12] = [
        (|s| s["minValues"]["lx"] = json!(5), "minValues.lx is 5"),
        (|s| s["minValues"]["lx"] = json!(-5), "minValues.lx is -5"),
        (|s| s["maxValues"]["lx"] = json!(3), "maxValues.lx is 3"),
        (
            |s| s["maxValues"]["distance"] = json!(0.25),
            "maxValues.distance is 0.25",
        ),
        (|s| s["numRecords"] = json!(7), "numRecords is 7"),
        (|s| s["nullCount"]["lx"] = json!(99), "nullCount.lx is 99"),
        (|s| s["maxValues"]["more"] = json!(1), "maxValues.more is 1"),
        (
            |s| drop(s["maxValues"].as_object_mut().unwrap().remove("lx")),
            "maxValues.lx is nothing",
        ),
        (
            |s| drop(s.as_object_mut().unwrap().remove("minValues")),
            "minValues is nothing",
        ),
        (|s| s["tightBounds"] = json!(false), "tightBounds is false"),
        (|s| *s = json!({}), "is nothing"),
        (|s| *s = json!("{"), "is \"{\""),
    ];
    for (change, words) in changes {
        change_stats(&table, &sound, change);
        faulty(&table, &[COMMIT, "part-0000", words]);
        faulty(&world.path("out"), &[words]);
    }
    for stats in [Value::Null, json!("{"), json!("")] {
        let mut all = sound.clone();
        all[place(&sound, "add")]["add"]["stats"] = stats;
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT]);
    }
    write_actions(&table, 0, &sound);
    verify(&world.path("out")).unwrap();
}

#[test]
fn statistics_of_words_and_nulls_are_those_of_the_file() {
    let world = World::new();
    fs::write(
        world.path("queries.csv"),
        "query,sx,sy,sz,gx,gy,gz\n1,1,1,1,8,8,8\n2,1,1,1,2,2,2\n3,1,1,1,90,90,90\n",
    )
    .unwrap();
    world.succeed("route --map map.3dmap --queries queries.csv --quiet -w 1 --out out");
    let table = world.path("out/routes");
    verify(&table).unwrap();
    let sound = actions(&table, 0);
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 4] = [
        (
            |s| s["minValues"]["status"] = json!("gound"),
            "minValues.status is \"gound\"",
        ),
        (
            |s| s["maxValues"]["status"] = json!("a"),
            "maxValues.status is \"a\"",
        ),
        (|s| s["nullCount"]["cost"] = json!(0), "nullCount.cost is 0"),
        (
            |s| s["maxValues"]["cost"] = json!(1e9),
            "maxValues.cost is 1000000000",
        ),
    ];
    for (change, words) in changes {
        change_stats(&table, &sound, change);
        faulty(&table, &[COMMIT, "part-00000.parquet", words]);
    }
}

#[test]
fn partition_values_are_those_of_the_folders_and_the_rows() {
    let world = World::new();
    world.succeed("ingest points.csv --cell-size 1 --lods 15,14 -w 2 --quiet --out out");
    let table = world.path("out/cells");
    let sound = actions(&table, 0);
    let is_fine = |a: &Value| {
        a["add"]["path"]
            .as_str()
            .is_some_and(|p| p.starts_with("lod=15"))
    };
    let at = sound.iter().position(is_fine).unwrap();
    for (values, words) in [
        (json!({"lod": "14"}), "lod is \"14\""),
        (json!({"lod": null}), "lod is \"null\""),
        (json!({}), "no value of the partition column"),
        (json!({"lnd": "15"}), "no value of the partition column"),
        (json!({"lod": "15", "key": "1"}), "no partition column"),
    ] {
        let mut all = sound.clone();
        all[at]["add"]["partitionValues"] = values;
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT, "lod=15/part-0000", words]);
    }
    let mut all = sound.clone();
    let metadata = place(&sound, "metaData");
    all[metadata]["metaData"]["partitionColumns"] = json!(["lnd"]);
    write_actions(&table, 0, &all);
    faulty(&table, &[COMMIT, "partition column", "lnd"]);
    write_actions(&table, 0, &sound);
    verify(&table).unwrap();
}

#[test]
fn the_schema_is_that_of_the_files() {
    let world = World::new();
    let (table, sound) = field(&world);
    let at = place(&sound, "metaData");
    let schema = sound[at]["metaData"]["schemaString"].as_str().unwrap();
    for (from, to, words) in [
        ("double", "dpuble", "\"dpuble\", which the format lacks"),
        ("\"integer\"", "\"long\"", "fields[1].type is \"long\""),
        ("\"lx\"", "\"mx\"", "fields[1].name is \"mx\""),
        ("false", "true", "nullable is true"),
        ("nullable", "oullable", "malformed"),
        ("metadata", "metadatb", "metadat"),
        ("struct", "strucu", "type is \"strucu\""),
        ("{", "[", "malformed"),
    ] {
        let mut all = sound.clone();
        all[at]["metaData"]["schemaString"] = json!(schema.replacen(from, to, 1));
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT, words]);
    }
}

#[test]
fn files_that_octaflow_adds_have_a_checksum() {
    let world = World::new();
    let (table, sound) = field(&world);
    let at = place(&sound, "add");
    for tags in [
        json!({}),
        Value::Null,
        json!({"octaflow.crc33": sound[at]["add"]["tags"]["octaflow.crc32"]}),
    ] {
        let mut all = sound.clone();
        all[at]["add"]["tags"] = tags;
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT, "part-0000", "tells no CRC-32"]);
    }
    let mut all = sound.clone();
    all[at]["add"].as_object_mut().unwrap().remove("tags");
    write_actions(&table, 0, &all);
    faulty(&table, &["tells no CRC-32"]);
}

#[test]
fn commits_of_octaflow_are_as_it_writes_them() {
    let world = World::new();
    let (table, sound) = field(&world);
    for (kind, member, value) in [
        ("commitInfo", "timestamp", json!(12)),
        ("commitInfo", "engineInfo", json!("nctaflow/0.1.0")),
        (
            "metaData",
            "id",
            json!("00000000-0000-8000-8000-000000000000"),
        ),
        ("metaData", "name", json!("gield")),
        ("protocol", "minReaderVersion", json!(0)),
        ("txn", "appId", json!("octaflow-1")),
        ("txn", "lastUpdated", json!(12)),
        ("add", "dataChanfe", json!(true)),
    ] {
        let mut all = sound.clone();
        all[place(&sound, kind)][kind][member] = value;
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT, "octaflow writes", "line"]);
    }
    // An action that nobody knows is one that is missing.
    let mut all = sound.clone();
    let at = place(&sound, "txn");
    all[at] = json!({"uxn": sound[at]["txn"]});
    write_actions(&table, 0, &all);
    faulty(&table, &[COMMIT, "octaflow writes"]);
    let at = place(&sound, "metaData");
    for (key, words) in [("version", "0.1.x"), ("setting.out", "elsewhere")] {
        let mut all = sound.clone();
        all[at]["metaData"]["configuration"][format!("octaflow.{key}")] = json!(words);
        write_actions(&table, 0, &all);
        faulty(&table, &[COMMIT, key, words]);
    }
}

#[test]
fn summaries_name_a_command() {
    let world = World::new();
    world.succeed("field --map map.3dmap --source 1,1,1 --quiet --out out");
    let out = world.path("out");
    let path = out.join("summary.json");
    let sound = fs::read_to_string(&path).unwrap();
    for (from, to, words) in [
        ("\"field\"", "\"gield\"", "command is \"gield\""),
        ("\"octaflow\"", "\"nctaflow\"", "which version"),
        ("{", "[", "not the JSON of a summary"),
    ] {
        fs::write(&path, sound.replacen(from, to, 1)).unwrap();
        faulty(&out, &["summary.json", words]);
    }
}

/// What another program may do to the log of a table of octaflow's.
#[test]
fn what_other_programs_may_say_is_sound() {
    let world = World::new();
    let (table, sound) = field(&world);
    let at = place(&sound, "add");
    let path = &sound[at]["add"]["path"];
    let stats: Value = serde_json::from_str(sound[at]["add"]["stats"].as_str().unwrap()).unwrap();
    // It adds the same file anew, with what it knows of it.
    let commit = |add: Value| {
        let mut again = sound[at].clone();
        again["add"]["dataChange"] = json!(false);
        again["add"]["tags"] = Value::Null;
        let members = add.as_object().unwrap().clone();
        again["add"].as_object_mut().unwrap().extend(members);
        let info = json!({"commitInfo": {"timestamp": 0, "engineInfo": "delta-rs:1", "more": [1]}});
        write_actions(&table, 1, &[info, json!({"cdc": {"path": "x"}}), again]);
    };
    let with = |member: &str, column: &str, value: Value| {
        let mut stats = stats.clone();
        stats[member][column] = value;
        stats
    };
    let mut wide = with("minValues", "lx", json!(-3));
    wide["tightBounds"] = json!(false);
    let mut few = stats.clone();
    few["minValues"] = json!({"distance": stats["minValues"]["distance"]});
    few.as_object_mut().unwrap().remove("maxValues");
    for told in [
        json!({}),
        json!({"numRecords": stats["numRecords"]}),
        few,
        wide,
        stats.clone(),
    ] {
        commit(json!({"stats": told.to_string()}));
        verify(&table).unwrap();
    }
    commit(json!({"stats": null, "baseRowId": 7, "clusteringProvider": "z"}));
    verify(&table).unwrap();
    for (told, words) in [
        (with("minValues", "lx", json!(5)), "minValues.lx is 5"),
        (with("minValues", "lx", json!(-3)), "minValues.lx is -3"),
        (
            with("maxValues", "distance", json!(0.1)),
            "maxValues.distance is 0.1",
        ),
        (with("nullCount", "lx", json!(99)), "nullCount.lx is 99"),
        (json!({"numRecords": 7}), "numRecords is 7"),
    ] {
        commit(json!({"stats": told.to_string()}));
        faulty(
            &table,
            &["00000000000000000001.json", path.as_str().unwrap(), words],
        );
    }
    commit(json!({"stats": "{"}));
    faulty(&table, &["00000000000000000001.json", "no JSON"]);
    let log = Log::read(&table, None).unwrap();
    assert_eq!(
        log.files().filter_map(AddFile::crc32).count() + 1,
        log.files().len()
    );
}
