//! Folders of cells as maps.

use crate::*;
use octaflow::lake::delta::{self, AddFile, AsOf, Commit, NewTable};
use octaflow::lake::{Column, Packing, TableWriter, Values};
use octaflow::map::{ReadOptions, read_map};
use std::fs;

/// Writes a part of a table of even cells at x, all of one cost.
fn write_cells(path: &Path, xs: &[i32], cost: f64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let frame = Frame::new([5.0, 6.0, 7.0], 0.25).unwrap();
    let columns = [
        Column::new("lx", Packing::Int32Delta),
        Column::new("ly", Packing::Int32Delta),
        Column::new("lz", Packing::Int32Delta),
        Column::new("cost", Packing::DoubleDictionary),
    ];
    let mut writer = TableWriter::create(path, &columns, &[0], &frame, &[]).unwrap();
    let zero = vec![0; xs.len()];
    let costs = vec![cost; xs.len()];
    let [x, y, z] = [xs, &zero, &zero].map(Values::Int32);
    writer
        .write_group(&[x, y, z, Values::Double(&costs)])
        .unwrap();
    writer.finish().unwrap();
}

fn open_cells(folder: &Path, as_of: Option<AsOf>) -> u64 {
    let options = ReadOptions {
        as_of,
        ..ReadOptions::default()
    };
    read_map(folder, &options).unwrap().open
}

#[test]
fn a_folder_of_parquet_files_is_one_table() {
    let scratch = Scratch::new();
    let folder = scratch.join("cells");
    write_cells(&folder.join("part-00000.parquet"), &[0, 2, 4], 1.0);
    write_cells(&folder.join("key=1/part-00000.parquet"), &[4, 6], 1.0);
    let map = read_map(&folder, &ReadOptions::default()).unwrap();
    assert_eq!((map.cells, map.frame.cell_size_m()), (4, 1.0));
    let versioned = ReadOptions {
        as_of: Some(AsOf::Version(0)),
        ..ReadOptions::default()
    };
    assert!(refusal(read_map(&folder, &versioned).map(|_| ())).contains("no Delta table"));
    let file = folder.join("part-00000.parquet");
    assert!(refusal(read_map(&file, &versioned).map(|_| ())).contains("--as-of"));
    // Files must agree on a cell.
    write_cells(&folder.join("part-00001.parquet"), &[0], 2.0);
    let message = refusal(read_map(&folder, &ReadOptions::default()).map(|_| ()));
    assert!(
        message.contains("part-00001.parquet") && message.contains("one cost"),
        "{message}"
    );
    let empty = scratch.join("empty");
    fs::create_dir_all(&empty).unwrap();
    let message = refusal(read_map(&empty, &ReadOptions::default()).map(|_| ()));
    assert!(message.contains("no Parquet file"), "{message}");
}

#[test]
fn a_delta_table_is_read_by_its_log_as_of_any_version() {
    let scratch = Scratch::new();
    let folder = scratch.join("out/cells");
    write_cells(&folder.join("part-00000.parquet"), &[0, 2, 4], 1.0);
    let new = NewTable {
        run: "d4",
        name: "cells",
    };
    delta::create(&folder, &new).unwrap();
    write_cells(&folder.join("part-00001.parquet"), &[0, 2], 3.0);
    // What the log does not know is not in the table.
    assert_eq!(open_cells(&folder, None), 3);
    let second = Commit {
        operation: "WRITE",
        add: vec![AddFile::of_file(&folder, "part-00001.parquet").unwrap()],
        remove: vec!["part-00000.parquet".to_owned()],
        ..Commit::default()
    };
    assert!(delta::commit(&folder, 1, &second).unwrap());
    assert_eq!(open_cells(&folder, None), 2);
    assert_eq!(open_cells(&folder, Some(AsOf::Version(0))), 3);
    let map = read_map(&folder, &ReadOptions::default()).unwrap();
    assert_eq!(
        (map.frame.origin_m(), map.frame.cell_size_m()),
        ([5.0, 6.0, 7.0], 0.25)
    );
    let told = ReadOptions {
        cell_size_m: Some(2.0),
        ..ReadOptions::default()
    };
    let map = read_map(&folder, &told).unwrap();
    assert_eq!(
        (map.frame.origin_m(), map.frame.cell_size_m()),
        ([5.0, 6.0, 7.0], 2.0)
    );
    let message = refusal(read_map(&scratch.join("out"), &ReadOptions::default()).map(|_| ()));
    assert!(
        message.contains("holds a table: ") && message.contains("should be named"),
        "{message}"
    );

    let levels = scratch.join("levels");
    write_cells(&levels.join("lod=15/part-00000.parquet"), &[0], 1.0);
    write_cells(&levels.join("lod=14/part-00000.parquet"), &[0], 1.0);
    delta::create(&levels, &new).unwrap();
    let message = refusal(read_map(&levels, &ReadOptions::default()).map(|_| ()));
    assert!(message.contains("levels of detail 14, 15"), "{message}");
}
