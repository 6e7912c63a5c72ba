//! `octaflow inspect` and `octaflow verify`: that results are told and found sound, and that faults are found and named.

use octaflow::brick::BrickId;
use octaflow::lake::audit::{Description, inspect, verify};
use octaflow::lake::{Column, FieldColumns, FieldWriter, Packing, TableWriter, Values};
use octaflow::lattice::{Cell, Frame, Index64};
use octaflow::map::{ReadOptions, read_map};
use octaflow::{Error, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-inspect-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn octaflow(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_octaflow"))
        .args(line.split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn succeed(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Asserts that a fault is found, and that it is told with these words.
fn faulty(path: &Path, words: &[&str]) {
    let error = verify(path).expect_err(&format!("{words:?}"));
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "{text}");
    for word in words {
        assert!(text.contains(word), "{text} should tell of {word}");
    }
}

/// A room of 20³ voxels with a wall that has a door.
fn room(folder: &Path) {
    let mut text = "voxel 20 20 20\n".to_owned();
    for (y, z) in (0..20).flat_map(|y| (0..20).map(move |z| (y, z))) {
        if (y, z) != (3, 4) {
            text += &format!("10 {y} {z}\n");
        }
    }
    fs::write(folder.join("room.3dmap"), text).unwrap();
    let updates = "time,kind,x,y,z,cost\n1,voxel,10,8,8,1\n2,voxel,10,8,8,0\n2,voxel,3,3,3,2\n";
    fs::write(folder.join("updates.csv"), updates).unwrap();
    fs::write(folder.join("initial.csv"), "x,y,z,value\n2,2,2,5\n").unwrap();
}

#[test]
fn every_result_is_told_and_sound() {
    let scratch = Scratch::new();
    let folder = scratch.0.as_path();
    room(folder);
    for (line, tables) in [
        (
            "field --map room.3dmap --source 1,1,1 --updates updates.csv --label-sources --next -w 2",
            &["field", "field_changes"][..],
        ),
        (
            "route --map room.3dmap --query 1,1,1,18,18,18 1,1,1,2,3,4 --updates updates.csv --smooth --smooth-cells -w 2",
            &["route_cells", "routes", "routes_changes", "smooth_cells"],
        ),
        (
            "ghost --map room.3dmap --parts 3 --rings 2 --owned -w 2",
            &["ghosts", "owned"],
        ),
        (
            "diffuse --map room.3dmap --initial initial.csv --steps 4 --every 2 -w 2",
            &["snapshots", "state"],
        ),
    ] {
        let command = line.split(' ').next().unwrap();
        succeed(&octaflow(
            folder,
            &format!("{line} --quiet --out {command}"),
        ));
        let told = succeed(&octaflow(folder, &format!("inspect --json {command}")));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (&told["kind"], &told["summary"]["command"]),
            (&"folder".into(), &command.into())
        );
        let names: Vec<&str> = told["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["table"].as_str().unwrap())
            .collect();
        assert_eq!(names, tables);
        let mut rows = 0;
        for part in told["parts"].as_array().unwrap() {
            rows += held_against_footers(folder, part);
        }
        let words = succeed(&octaflow(folder, &format!("inspect {command}")));
        for table in tables {
            assert!(words.contains(&format!("the table {table}")), "{words}");
        }
        let line = succeed(&octaflow(folder, &format!("verify {command}")));
        let sound: serde_json::Value = serde_json::from_str(&succeed(&octaflow(
            folder,
            &format!("verify --json {command}"),
        )))
        .unwrap();
        assert_eq!(
            (&sound["sound"], &sound["rows"]),
            (&true.into(), &rows.into())
        );
        assert!(
            line.starts_with(&format!("{command}: sound, ")) && line.ends_with(" rows\n"),
            "{line}"
        );
        for table in tables {
            succeed(&octaflow(folder, &format!("verify {command}/{table}")));
        }
    }
    let map = inspect(&folder.join("room.3dmap")).unwrap();
    assert_eq!((map.kind, map.cells), ("map", Some(8000 + 19 * 19 * 19)));
    assert_eq!(
        verify(&folder.join("room.3dmap")).unwrap().rows,
        map.cells.unwrap()
    );
}

/// Checks the description of a table against its files, and tells its rows.
fn held_against_footers(folder: &Path, part: &serde_json::Value) -> u64 {
    let dir = folder.join(part["path"].as_str().unwrap());
    let (mut rows, mut bytes, mut files) = (0, 0, 0);
    let mut lx: Option<[i32; 2]> = None;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The log of the table.
            continue;
        }
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        rows += file.metadata().file_metadata().num_rows() as u64;
        bytes += fs::metadata(&path).unwrap().len();
        files += 1;
        for row in file.get_row_iter(None).unwrap() {
            for (name, value) in row.unwrap().get_column_iter() {
                if let (true, parquet::record::Field::Int(x)) = (name == "lx", value) {
                    let [least, most] = lx.get_or_insert([*x; 2]);
                    (*least, *most) = ((*least).min(*x), (*most).max(*x));
                }
            }
        }
    }
    assert_eq!(
        (&part["rows"], &part["bytes"], &part["files"]),
        (&rows.into(), &bytes.into(), &files.into())
    );
    if let Some([least, most]) = lx {
        let lattice = &part["extent"]["lattice"];
        assert_eq!(
            (&lattice[0][0], &lattice[1][0]),
            (&least.into(), &most.into())
        );
        assert_eq!(part["extent"]["metres"][1][0], f64::from(most) / 2.0);
    }
    rows
}

fn frame() -> Frame {
    Frame::new([1.0, 2.0, 3.0], 0.5).unwrap()
}

/// A file as `field/` has it, of two bricks.
fn small_field(path: &Path, first: u64) {
    let mut writer = FieldWriter::create(path, &frame(), FieldColumns::default(), &[]).unwrap();
    for brick in [first, first + 1] {
        let ticks = std::array::from_fn(|i| (i as u32 * 7 + brick as u32) % 90 * 1560);
        writer
            .write_brick(BrickId::from_code(brick).unwrap(), &ticks, None, None)
            .unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn every_flipped_bit_of_a_page_is_found() {
    let scratch = Scratch::new();
    let path = scratch.join("part-00000.parquet");
    small_field(&path, 0);
    let bytes = fs::read(&path).unwrap();
    let metadata = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let mut seen = 0;
    for column in metadata.metadata().row_group(0).columns() {
        let (start, length) = column.byte_range();
        for at in start..start + length {
            // Every bit of the first header, a bit of every byte.
            let bits = if at < start + 40 {
                0..8
            } else {
                at % 8..at % 8 + 1
            };
            for bit in bits {
                file.write_all_at(&[bytes[at as usize] ^ 1 << bit], at)
                    .unwrap();
                match verify(&path) {
                    Err(Error::Input(text)) => {
                        assert!(text.contains("part-00000.parquet"), "{text}")
                    }
                    other => panic!("byte {at}, bit {bit}: {other:?}"),
                }
                seen += 1;
            }
            file.write_all_at(&bytes[at as usize..][..1], at).unwrap();
        }
    }
    assert!(seen * 4 > bytes.len(), "{seen} of {}", bytes.len());
    verify(&path).unwrap();
}

#[test]
fn damaged_footers_and_truncations_are_answers() {
    let scratch = Scratch::new();
    let path = scratch.join("part-00000.parquet");
    small_field(&path, 0);
    let bytes = fs::read(&path).unwrap();
    let footer = bytes.len()
        - 8
        - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let answered = |result: Result<()>, at: usize| match result {
        Ok(()) | Err(Error::Input(_)) => {}
        Err(other) => panic!("byte {at}: {other}"),
    };
    for at in footer..bytes.len() {
        for value in [0xff, bytes[at] ^ 1 << (at % 7)] {
            let mut hurt = bytes.clone();
            hurt[at] = value;
            fs::write(&path, &hurt).unwrap();
            answered(verify(&path).map(drop), at);
            answered(inspect(&path).map(drop), at);
        }
    }
    for length in (0..bytes.len()).step_by(23) {
        fs::write(&path, &bytes[..length]).unwrap();
        faulty(&path, &["part-00000.parquet"]);
        assert!(inspect(&path).is_err());
    }
}

#[test]
fn an_index_of_pages_that_lies_is_found() {
    let scratch = Scratch::new();
    let path = scratch.join("part-00000.parquet");
    small_field(&path, 0);
    let bytes = fs::read(&path).unwrap();
    let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    for column in file.metadata().row_group(0).columns() {
        let start = column.offset_index_offset().unwrap() as usize;
        for at in start..start + column.offset_index_length().unwrap() as usize {
            let mut hurt = bytes.clone();
            hurt[at] ^= 1 << (at % 8);
            fs::write(&path, &hurt).unwrap();
            assert!(
                verify(&path).is_err(),
                "byte {} of {:02x?}",
                at - start,
                &bytes[start..start + column.offset_index_length().unwrap() as usize]
            );
        }
    }
}

/// The columns `cell, lx, ly, lz, distance, next` of rows that a test may spoil.
#[derive(Clone)]
struct Rows {
    cell: Vec<i64>,
    lattice: [Vec<i32>; 3],
    distance: Vec<f64>,
    next: Vec<i32>,
}

impl Rows {
    /// Sound rows of cells (2i, 0, 0).
    fn sound(count: i32) -> Self {
        let cells = || (0..count).map(|i| Cell::new(2 * i, 0, 0).unwrap());
        Rows {
            cell: cells()
                .map(|cell| Index64::of_cell(cell).unwrap().as_i64())
                .collect(),
            lattice: [
                cells().map(|c| c.xyz()[0]).collect(),
                vec![0; count as usize],
                vec![0; count as usize],
            ],
            distance: (0..count).map(f64::from).collect(),
            next: (0..count).map(|i| i % 15 - 1).collect(),
        }
    }

    fn write(&self, path: &Path, group_rows: usize) {
        let columns = [
            Column::new("cell", Packing::Int64Delta),
            Column::new("lx", Packing::Int32Delta),
            Column::new("ly", Packing::Int32Delta),
            Column::new("lz", Packing::Int32Delta),
            Column::new("distance", Packing::DoubleDictionary),
            Column::new("next", Packing::Int8Dictionary),
        ];
        let mut table = TableWriter::create(path, &columns, &[0], &frame(), &[]).unwrap();
        for start in (0..self.cell.len()).step_by(group_rows) {
            let end = (start + group_rows).min(self.cell.len());
            let [x, y, z] = self
                .lattice
                .each_ref()
                .map(|axis| Values::Int32(&axis[start..end]));
            table
                .write_group(&[
                    Values::Int64(&self.cell[start..end]),
                    x,
                    y,
                    z,
                    Values::Double(&self.distance[start..end]),
                    Values::Int32(&self.next[start..end]),
                ])
                .unwrap();
        }
        table.finish().unwrap();
    }
}

#[test]
fn rows_that_are_wrong_are_named() {
    let scratch = Scratch::new();
    let path = scratch.join("part-00000.parquet");
    let sound = Rows::sound(100);
    sound.write(&path, 40);
    assert_eq!(verify(&path).unwrap().rows, 100);

    type Spoil = fn(&mut Rows);
    let spoils: [(Spoil, &[&str]); 12] = [
        (
            |rows| rows.cell.swap(41, 42),
            &["row group 1, row 41", "cell is"],
        ),
        (|rows| rows.cell[7] += 8, &["row 7", "Index64 of"]),
        (|rows| rows.cell[99] = 5, &["row 99", "Index64 of"]),
        (
            |rows| rows.lattice[1][50] = 1,
            &["row group 1, row 50", "all even or all odd"],
        ),
        (
            |rows| rows.lattice[2][0] = -2,
            &["row 0", "lz is -2", "0…65535"],
        ),
        (|rows| rows.lattice[0][9] = 65536, &["row 9", "lx is 65536"]),
        (
            |rows| rows.distance[80] = -0.5,
            &["row group 2, row 80", "distance is -0.5"],
        ),
        (
            |rows| rows.distance[81] = f64::NAN,
            &["row 81", "distance is NaN"],
        ),
        (
            |rows| rows.distance[82] = f64::INFINITY,
            &["row 82", "distance is inf"],
        ),
        (
            |rows| rows.next[60] = 14,
            &["row 60", "next is 14", "-1…13"],
        ),
        (|rows| rows.next[61] = -2, &["row 61", "next is -2"]),
        (
            |rows| {
                rows.cell.swap(10, 11);
                rows.lattice[0].swap(10, 11);
            },
            &["row 11", "less than in the row before"],
        ),
    ];
    for (spoil, words) in spoils {
        let mut rows = sound.clone();
        spoil(&mut rows);
        rows.write(&path, 40);
        faulty(&path, words);
    }
    for (from, to, words) in [
        (20, 21, &["row 21", "is that of the row before"][..]),
        (79, 80, &["row group 2", "does not come behind"]),
    ] {
        let mut rows = sound.clone();
        rows.cell[to] = rows.cell[from];
        rows.lattice[0][to] = rows.lattice[0][from];
        rows.write(&path, 40);
        faulty(&path, words);
    }
}

#[test]
fn rows_in_two_files_and_files_that_differ_are_named() {
    let scratch = Scratch::new();
    let field = scratch.join("field");
    fs::create_dir(&field).unwrap();
    small_field(&field.join("part-00000.parquet"), 0);
    small_field(&field.join("part-00001.parquet"), 4);
    assert_eq!(verify(&field).unwrap().rows, 4 * 1024);
    small_field(&field.join("part-00001.parquet"), 1);
    faulty(&field, &["part-0000", "a row belongs in one file"]);

    // Rows of two times may be alike but for the time, which is in the name of the folder.
    let times = ["time=1", "time=2"].map(|name| scratch.join("field_changes/diff=1").join(name));
    for time in &times {
        fs::create_dir_all(time).unwrap();
        small_field(&time.join("part-00000.parquet"), 0);
    }
    assert_eq!(
        verify(&scratch.join("field_changes")).unwrap().rows,
        4 * 1024
    );
    small_field(&times[1].join("part-00001.parquet"), 1);
    faulty(
        &scratch.join("field_changes"),
        &["time=2", "a row belongs in one file"],
    );
    fs::remove_dir_all(scratch.join("field_changes")).unwrap();

    Rows::sound(10).write(&field.join("part-00001.parquet"), 10);
    faulty(&field, &["part-00001", "columns are not those of"]);
    fs::remove_file(field.join("part-00001.parquet")).unwrap();
    fs::rename(&field, scratch.join("ghosts")).unwrap();
    faulty(&scratch.join("ghosts"), &["not those of the table ghosts"]);
}

#[test]
fn a_log_is_held_against_the_files() {
    let scratch = Scratch::new();
    let field = scratch.join("field");
    fs::create_dir_all(field.join("_delta_log")).unwrap();
    fs::create_dir(field.join("time=1 ü")).unwrap();
    let parts = [
        "part-00000.parquet",
        "part-00001.parquet",
        "time=1 ü/part-00002.parquet",
    ];
    for (at, part) in parts.iter().enumerate() {
        small_field(&field.join(part), 4 * at as u64);
    }
    let size = |part: &str| fs::metadata(field.join(part)).unwrap().len();
    let add = |part: &str, name: &str| {
        format!(
            "{{\"add\":{{\"path\":\"{name}\",\"size\":{},\"modificationTime\":0}}}}\n",
            size(part)
        )
    };
    let log = |version: u64| field.join(format!("_delta_log/{version:020}.json"));
    fs::write(
        log(0),
        format!(
            "{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n{{\"metaData\":{{\"id\":\"x\",\
             \"format\":{{\"provider\":\"parquet\"}},\"schemaString\":\"\"}}}}\n{}{}",
            add(parts[0], parts[0]),
            add(parts[1], parts[1])
        ),
    )
    .unwrap();
    let remove = format!("{{\"remove\":{{\"path\":\"{}\"}}}}\n", parts[1]);
    fs::write(
        log(1),
        remove + &add(parts[2], "time=1%20%C3%BC/part-00002.parquet"),
    )
    .unwrap();
    let told: Description = inspect(&field).unwrap();
    assert_eq!(
        (told.version, told.files, told.rows),
        (Some(1), 2, Some(4096))
    );
    assert_eq!(verify(&field).unwrap().files, 2);

    fs::write(log(2), add(parts[0], "../outside.parquet")).unwrap();
    faulty(&field, &["leaves the folder"]);
    fs::write(log(2), add(parts[0], "part-00009.parquet")).unwrap();
    faulty(&field, &["part-00009.parquet", "is missing", "version 2"]);
    fs::write(
        log(2),
        add(parts[0], parts[0]).replace("size\":", "size\":1"),
    )
    .unwrap();
    faulty(&field, &["part-00000.parquet", "should have the 1"]);
    fs::write(log(2), "{\"add\":{\n").unwrap();
    faulty(
        &field,
        &["00000000000000000002.json", "line 1", "one action"],
    );
    fs::write(log(2), "").unwrap();
    faulty(&field, &["00000000000000000002.json holds no action"]);
    assert!(inspect(&field).is_err());
    fs::remove_file(log(2)).unwrap();
    verify(&field).unwrap();

    // What no commit names is none of the table's, unless readers of tables pass over it.
    fs::write(field.join("notes.txt"), "mine").unwrap();
    small_field(&field.join(".part-00007.parquet"), 40);
    small_field(&field.join("_staged.parquet"), 40);
    verify(&field).unwrap();
    small_field(&field.join("part-00007.parquet"), 40);
    faulty(&field, &["part-00007.parquet", "no commit", "version is 1"]);
    fs::remove_file(field.join("part-00007.parquet")).unwrap();
    let newest = fs::read(log(1)).unwrap();
    fs::remove_file(log(1)).unwrap();
    faulty(&field, &["part-00002.parquet", "no commit", "version is 0"]);

    fs::write(log(2), &newest).unwrap();
    for refused in [
        verify(&field).map(drop),
        inspect(&field).map(drop),
        read_map(&field, &ReadOptions::default()).map(drop),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("version 1 is missing"), "{text}");
    }
    fs::remove_file(log(2)).unwrap();
    fs::rename(log(0), log(1)).unwrap();
    faulty(&field, &["version 0 is missing"]);
}

#[test]
fn what_is_nothing_of_ours_is_refused() {
    let scratch = Scratch::new();
    faulty(&scratch.0, &["nothing that octaflow knows"]);
    faulty(&scratch.join("missing"), &["no such file"]);
    fs::write(scratch.join("text"), "hello").unwrap();
    faulty(&scratch.join("text"), &["nothing that octaflow knows"]);
    let output = octaflow(&scratch.0, "verify text");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    assert_eq!(octaflow(&scratch.0, "inspect text").status.code(), Some(2));
}
