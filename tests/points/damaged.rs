//! Files cut at every byte and changed at random: a reader always answers, in one sentence, and never panics.
//!
//! A longer search: `OCTAFLOW_FUZZ=100 cargo test --test points damaged`.

use crate::las_files::{Shape, las_bytes, laz_bytes, some_points};
use crate::map_support;
use crate::shared::try_read;
use crate::{heights, pcd, ply, tables};
use octaflow::points::{HeightOptions, PointOptions, read_heights};
use octaflow::{Error, Result};
use std::path::Path;

/// Enough for every small file, too little for any trick.
const MEMORY_BYTES: u64 = 16 << 20;

fn hold<T>(answer: Result<T>) {
    if let Err(error) = answer {
        let text = error.to_string();
        assert!(matches!(error, Error::Input(_)), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() < 1000, "{text}");
    }
}

fn read_points(path: &Path) {
    let options = PointOptions {
        memory_bytes: Some(MEMORY_BYTES),
        ..Default::default()
    };
    hold(try_read(path, &options, 1, 1 << 14));
    hold(try_read(path, &options, 3, 5));
}

fn read_terrain(path: &Path) {
    let options = HeightOptions {
        memory_bytes: Some(MEMORY_BYTES),
        ..Default::default()
    };
    hold(read_heights(path, &options));
}

/// As the shared one; a long file is cut two thousand times.
fn torment(name: &str, bytes: &[u8], rounds: usize, read: fn(&Path)) {
    map_support::torment(name, bytes, 1 + bytes.len() / 2000, rounds, read);
}

#[test]
fn damaged_lidar_is_answered() {
    for (minor, format) in [(2, 3), (4, 10)] {
        let shape = Shape {
            minor,
            format,
            extra_bytes: 2,
        };
        let points = some_points(shape, 9);
        torment("a.las", &las_bytes(shape, &points), 300, read_points);
        for chunk in [Some(4), None] {
            let bytes = laz_bytes(shape, &points, chunk);
            torment("a.laz", &bytes, 60, read_points);
        }
    }
}

#[test]
fn damaged_polygon_files_are_answered() {
    for bytes in ply::samples() {
        torment("a.ply", &bytes, 1000, read_points);
    }
    torment("a.ply", &ply::listed(false), 1000, read_points);
}

#[test]
fn damaged_pcd_files_are_answered() {
    for bytes in [pcd::binary(), pcd::compressed(), pcd::text()] {
        torment("a.pcd", &bytes, 2000, read_points);
    }
}

#[test]
fn damaged_tables_are_answered() {
    let csv = b"x,y,z,i\n1,2,3,4\n5,6,7,\n\"8\",9,1,2\n";
    torment("a.csv", csv, 2000, read_points);
    let json = b"{\"x\":1,\"y\":2e0,\"z\":3,\"i\":null}\n{\"x\":1,\"y\":2,\"z\":3,\"i\":8}\n";
    torment("a.json", json, 2000, read_points);
    torment("a.parquet", &tables::parquet_sample(), 100, read_points);
}

#[test]
fn damaged_heights_are_answered() {
    torment("a.npy", &heights::npy_sample(), 1000, read_terrain);
    torment("a.tif", &heights::tiff_sample(), 4000, read_terrain);
    for deflated in [false, true] {
        let bytes = heights::zip_bytes(&[("a.npy", &heights::npy_sample())], deflated);
        torment("a.npz", &bytes, 1500, read_terrain);
    }
}
