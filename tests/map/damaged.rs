//! Files cut at every byte and changed at random: a reader always answers, and never panics.
//!
//! A longer search: `OCTAFLOW_FUZZ=100 cargo test --test map damaged`.

use crate::map_support::{self, bt_bytes, npy_bytes, some_voxels};
use crate::parquet_files::{cell_columns, parquet_bytes, parquet_bytes_with};
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use octaflow::lattice::Frame;
use octaflow::map::{Allow, ReadOptions, Unknown, UpdateReader, read_map, read_positions};
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::path::Path;
use std::sync::Arc;

/// Enough for every small file, too little for any trick.
const MEMORY_BYTES: u64 = 16 << 20;

fn options() -> ReadOptions<'static> {
    ReadOptions {
        memory_bytes: Some(MEMORY_BYTES),
        ..Default::default()
    }
}

/// Reads a file in every way that its name allows; what counts is that there is an answer.
fn read_in_every_way(path: &Path) {
    let _ = read_map(path, &options());
    let open = ReadOptions {
        unknown: Unknown::Open,
        ..options()
    };
    let _ = read_map(path, &open);
}

fn read_updates(path: &Path) {
    let _ = read_positions(path);
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    for allow in [Allow::Sources, Allow::Queries] {
        if let Ok(updates) = UpdateReader::open(path, &frame, 0, allow) {
            for epoch in updates {
                let _ = epoch;
            }
        }
    }
}

/// As the shared one; cut at every byte.
fn torment(name: &str, bytes: &[u8], rounds: usize, read: fn(&Path)) {
    map_support::torment(name, bytes, 1, rounds, read);
}

fn update_columns() -> Vec<(&'static str, ArrayRef)> {
    let kinds = ["cost", "voxel", "source+", "source-"];
    let number =
        || -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..40).map(f64::from))) };
    vec![
        ("time", Arc::new(Int64Array::from_iter_values(1..41))),
        (
            "kind",
            Arc::new(StringArray::from_iter_values((0..40).map(|n| kinds[n % 4]))),
        ),
        ("x", number()),
        ("y", number()),
        ("z", number()),
        ("cost", number()),
    ]
}

#[test]
fn damaged_octrees_are_answered() {
    torment(
        "a.bt",
        &bt_bytes(&some_voxels(), 0.1),
        6000,
        read_in_every_way,
    );
}

#[test]
fn damaged_benchmark_maps_are_answered() {
    let bytes = b"voxel 9 8 7\n1 2 3\n1 2 4\n8 7 6\n";
    torment("a.3dmap", bytes, 3000, read_in_every_way);
}

#[test]
fn damaged_arrays_are_answered() {
    let bytes = npy_bytes("<f4", false, "(2, 2, 2)", &[0; 32]);
    torment("a.npy", &bytes, 3000, read_in_every_way);
}

#[test]
fn damaged_text_tables_are_answered() {
    let cells = b"lx,ly,lz,cost\n0,0,0,1\n1,1,1,2.5\n\"2\",2,2,0\n";
    torment("a.csv", cells, 3000, read_in_every_way);
    let updates = b"time,kind,x,y,z,cost\n1,cost,0,0,0,1\n2,voxel,1,1,1,2.5\n3,source+,1,1,1,\n";
    torment("a.csv", updates, 2000, read_updates);
    let rows = b"{\"time\":1,\"kind\":\"cost\",\"x\":0,\"y\":1e0,\"z\":0,\"cost\":1}\n";
    torment("a.json", rows, 2000, read_updates);
}

#[test]
fn damaged_parquet_tables_are_answered() {
    let zstd = Compression::ZSTD(Default::default());
    let gzip = Compression::GZIP(Default::default());
    let v2 = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false)
        .build();
    for bytes in [
        parquet_bytes(cell_columns(), Compression::UNCOMPRESSED),
        parquet_bytes(cell_columns(), zstd),
        parquet_bytes_with(cell_columns(), v2.clone()),
    ] {
        torment("a.parquet", &bytes, 1000, read_in_every_way);
    }
    for bytes in [
        parquet_bytes(update_columns(), Compression::UNCOMPRESSED),
        parquet_bytes(update_columns(), Compression::SNAPPY),
        parquet_bytes(update_columns(), Compression::LZ4_RAW),
        parquet_bytes(update_columns(), gzip),
        parquet_bytes_with(update_columns(), v2),
    ] {
        torment("a.parquet", &bytes, 500, read_updates);
    }
}
