//! Hive folders and file sizes: where rows go, and that readers find them.

use crate::*;
use octaflow::lake::delta::{self, Log, NewTable};
use octaflow::lake::{Hive, Part, Written};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

fn write_divided(part: &Part, codes: impl IntoIterator<Item = u64>) -> Written {
    fs::create_dir_all(part.path.parent().unwrap()).unwrap();
    let frame = Frame::new([1.0, 2.0, 3.0], 0.5).unwrap();
    let columns = FieldColumns::default();
    let mut writer = FieldWriter::create(part, &frame, columns, &[]).unwrap();
    for code in codes {
        let ticks: [u32; BRICK_CELLS] = std::array::from_fn(|i| match i % 3 {
            0 => UNREACHED,
            _ => (code as u32 + 1) * 1000 + i as u32,
        });
        let brick = BrickId::from_code(code).unwrap();
        writer.write_brick(brick, &ticks, None, None).unwrap();
    }
    writer.finish().unwrap()
}

/// The cells of every file of a table, by path.
fn cells(table: &Path) -> BTreeMap<String, Vec<i64>> {
    let files = delta::data_files(table).unwrap().into_iter();
    files
        .map(|path| {
            let file = SerializedFileReader::new(File::open(table.join(&path)).unwrap()).unwrap();
            let rows = file.get_row_iter(None).unwrap();
            let cells = rows.map(|row| row.unwrap().get_long(0).unwrap()).collect();
            (path, cells)
        })
        .collect()
}

#[test]
fn rows_go_to_the_folder_of_their_key_whoever_writes_them() {
    let scratch = Scratch::new();
    let flat = scratch.join("flat");
    write_part(&flat.join("part-00000.parquet"), 0..40);
    let table = scratch.join("field");
    // 36 bits name a brick, 31 of them 32 bricks.
    let hive = Hive {
        lod: true,
        key_bits: Some(31),
    };
    let part = |worker: usize| Part {
        hive,
        ..Part::from(&table.join(octaflow::lake::part_name(worker)))
    };
    let mut rows = 0;
    for worker in 0..2 {
        let mine = (0..40).filter(|code| code % 2 == worker as u64);
        let written = write_divided(&part(worker), mine);
        rows += written.rows;
        let on_disk = written.files.iter().map(|file| {
            let bytes = fs::read(table.join(&file.path)).unwrap();
            assert_eq!(bytes.len() as u64, file.bytes);
            assert_eq!(crc32fast::hash(&bytes), file.crc32);
            file.bytes
        });
        assert_eq!(on_disk.sum::<u64>(), written.bytes);
    }
    let divided = cells(&table);
    let paths: Vec<_> = divided.keys().map(String::as_str).collect();
    let expected = [
        "lod=15/key=0/part-00000.parquet",
        "lod=15/key=0/part-00001.parquet",
        "lod=15/key=1/part-00000.parquet",
        "lod=15/key=1/part-00001.parquet",
    ];
    assert_eq!(paths, expected);
    for (path, cells) in &divided {
        let key = path.contains("key=1") as i64;
        assert!(cells.is_sorted() && cells.iter().all(|cell| cell >> 17 & 0x7fff_ffff == key));
    }
    let mut all: Vec<i64> = divided.into_values().flatten().collect();
    all.sort_unstable();
    assert!(all == cells(&flat)["part-00000.parquet"] && rows == all.len() as u64);
    let new = NewTable {
        run: "h1",
        name: "field",
    };
    delta::create(&table, &new).unwrap();
    let log = Log::read(&table, None).unwrap();
    assert_eq!(log.metadata().partition_columns, ["lod", "key"]);
    assert_eq!(log.rows(), Some(rows));
}

#[test]
fn a_part_without_rows_shows_the_schema_and_a_long_one_is_split() {
    let scratch = Scratch::new();
    let hive = Hive {
        lod: true,
        key_bits: Some(6),
    };
    for worker in 0..2 {
        let path = scratch
            .join("empty")
            .join(octaflow::lake::part_name(worker));
        let part = Part {
            hive,
            ..Part::from(&path)
        };
        let written = write_divided(&part, []);
        assert_eq!(written.files.len(), 1 - worker);
    }
    assert_eq!(
        cells(&scratch.join("empty"))
            .into_keys()
            .collect::<Vec<_>>(),
        ["lod=15/key=0/part-00000.parquet"]
    );
    let long = scratch.join("long");
    let part = Part {
        file_bytes: 1000,
        ..Part::from(&long.join("part-00003.parquet"))
    };
    let written = write_divided(&part, 0..400);
    let files = cells(&long);
    let names = [
        "part-00003-0001.parquet",
        "part-00003-0002.parquet",
        "part-00003.parquet",
    ];
    assert_eq!(files.keys().collect::<Vec<_>>(), names);
    assert_eq!(written.rows, 400 * 682);
    let ends = |name: &str| (files[name][0], *files[name].last().unwrap());
    assert!(ends(names[2]).1 < ends(names[0]).0 && ends(names[0]).1 < ends(names[1]).0);
}

fn octaflow(args: &[&str]) -> (bool, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_octaflow"))
        .args(args)
        .output()
        .unwrap();
    let told = [out.stdout, out.stderr].concat();
    (
        out.status.success(),
        String::from_utf8_lossy(&told).into_owned(),
    )
}

/// A map of even and odd cells in a box, and a change of it.
fn write_map(scratch: &Scratch) -> (String, String) {
    let mut map = "lx,ly,lz\n".to_owned();
    for i in 0..40 * 40 * 40 {
        let [x, y, z] = [i % 40, i / 40 % 40, i / 1600];
        if (x & 1, x & 1) == (y & 1, z & 1) {
            map += &format!("{x},{y},{z}\n");
        }
    }
    let (path, updates) = (scratch.join("map.csv"), scratch.join("updates.csv"));
    fs::write(&path, map).unwrap();
    fs::write(
        &updates,
        "time,kind,x,y,z,cost\n3,cost,1,1,1,0\n7,cost,2,2,2,3\n",
    )
    .unwrap();
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (text(path), text(updates))
}

#[test]
fn the_commands_write_compact_and_replace_divided_tables() {
    let scratch = Scratch::new();
    let (map, updates) = write_map(&scratch);
    let out = scratch.join("out");
    let dir = out.to_str().unwrap();
    let run = |more: &[&str]| {
        let args = [
            "field",
            "--map",
            &map,
            "--cell-size",
            "0.5",
            "--source",
            "0,0,0",
        ];
        let common = ["-w", "2", "--quiet", "--out", dir];
        let (ok, told) = octaflow(&[&args, more, &common[..]].concat());
        assert!(ok, "{told}");
    };
    run(&[]);
    let table = out.join("field");
    assert_eq!(Log::read(&table, None).unwrap().files().len(), 2);
    let flat: Vec<i64> = cells(&table).into_values().flatten().collect();
    crate::readers::check(&table, 0);

    let hive = ["--hive", "key,lod,time", "--key-bits", "31"];
    run(&[&hive[..], &["--updates", &updates]].concat());
    let log = Log::read(&table, None).unwrap();
    assert_eq!(log.metadata().partition_columns, ["time", "lod", "key"]);
    assert!(
        log.files()
            .all(|f| f.path.starts_with("time=7/lod=15/key="))
    );
    let keys: Vec<_> = log
        .files()
        .map(|f| f.partition_values["key"].clone())
        .collect();
    assert_eq!(keys.len(), 4, "a file a worker in each of two folders");
    let mut divided: Vec<i64> = cells(&table).into_values().flatten().collect();
    divided.sort_unstable();
    assert!(divided.is_sorted() && divided.len() + 1 == flat.len());
    let changes = Log::read(&out.join("field_changes"), None).unwrap();
    assert_eq!(changes.metadata().partition_columns, ["lod", "key"]);
    crate::readers::check(&table, 0);

    let (ok, told) = octaflow(&["compact", dir, "--json", "--quiet"]);
    assert!(ok, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["tables"][0]["table"], table.to_str().unwrap());
    let after = Log::read(&table, None).unwrap();
    assert!(after.files().len() < log.files().len() && after.version() == 1);
    crate::readers::check(&table, 1);
    let (ok, told) = octaflow(&["compact", dir]);
    assert!(ok && told.contains("nothing to do"), "{told}");

    // The table of a field is a table of cells, and a compacted result is still one of octaflow's.
    let again = scratch.join("again");
    let args = [
        "field",
        "--map",
        table.to_str().unwrap(),
        "--source",
        "0,0,0",
        "--quiet",
    ];
    for (as_of, fine) in [("1", true), ("0", false), ("2", false), ("soon", false)] {
        let (ok, told) = octaflow(
            &[
                &args[..],
                &["--as-of", as_of, "--out", again.to_str().unwrap()],
            ]
            .concat(),
        );
        assert_eq!(ok, fine, "--as-of {as_of}: {told}");
    }
    fs::create_dir_all(out.join(".field.octaflow-dead/result")).unwrap();
    run(&["--hive", "lod"]);
    assert_eq!(
        fs::read_dir(&table).unwrap().count(),
        2,
        "lod=15 and the log"
    );

    for (flags, word) in [
        (&["--hive", "key"][..], "--key-bits"),
        (&["--key-bits", "3"], "--hive key"),
        (&["--hive", "key", "--key-bits", "49"], "at most 48"),
        (&["--hive", "owner"], "owner"),
    ] {
        let args = ["field", "--map", &map, "--source", "0,0,0", "--out", dir];
        let (ok, told) = octaflow(&[&args[..], flags].concat());
        assert!(!ok && told.contains(word), "{told}");
    }
    let (ok, told) = octaflow(&["compact", "/nowhere/at/all"]);
    assert!(!ok && told.contains("no such folder"), "{told}");
}
