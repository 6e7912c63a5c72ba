//! Files that mean harm, or none: each fault is an error that names it, and memory stays bounded.

use crate::las_files::{Shape, las_bytes, laz_bytes, some_points};
use crate::map_support::{Scratch, npy_bytes};
use crate::shared::try_read;
use crate::{heights, pcd};
use octaflow::Error;
use octaflow::points::{HeightOptions, PointOptions, read_heights};
use std::path::Path;

const MEMORY_BYTES: u64 = 16 << 20;

fn refused(path: &Path, words: &[&str]) {
    let error = if path
        .extension()
        .is_some_and(|e| e == "npy" || e == "npz" || e == "tif" || e == "hgt")
    {
        let options = HeightOptions {
            memory_bytes: Some(MEMORY_BYTES),
            ..Default::default()
        };
        read_heights(path, &options).map(|_| ())
    } else {
        let options = PointOptions {
            memory_bytes: Some(MEMORY_BYTES),
            ..Default::default()
        };
        try_read(path, &options, 2, 1000).map(|_| ())
    }
    .expect_err(&path.display().to_string());
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "{text}");
    assert!(!text.contains('\n'), "{text}");
    for word in words {
        assert!(text.contains(word), "{text} should name {word}");
    }
}

fn patched(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn each_fault_of_lidar_is_named() {
    let scratch = Scratch::new();
    let shape = Shape {
        minor: 4,
        format: 7,
        extra_bytes: 0,
    };
    let points = some_points(shape, 20);
    let (las, laz) = (
        las_bytes(shape, &points),
        laz_bytes(shape, &points, Some(6)),
    );
    let many = (1u64 << 60).to_le_bytes();
    let files: Vec<(Vec<u8>, &[&str])> = vec![
        (b"LASX".to_vec(), &["truncated"]),
        (patched(las.clone(), 0, b"LAZF"), &["LAZF"]),
        (patched(las.clone(), 25, &[5]), &["1.5"]),
        (patched(las.clone(), 104, &[11]), &["11"]),
        (patched(las.clone(), 105, &[35]), &["35", "36"]),
        (patched(las.clone(), 247, &many), &["truncated or damaged"]),
        (
            patched(las.clone(), 247, &[0xff; 8]),
            &["truncated or damaged"],
        ),
        (patched(las.clone(), 96, &[0xff; 4]), &["header"]),
        (
            patched(las.clone(), 131, &f64::NAN.to_le_bytes()),
            &["scale"],
        ),
        (patched(las.clone(), 131, &[0; 8]), &["scale"]),
        (
            patched(las.clone(), 131, &1e300f64.to_le_bytes()),
            &["scale"],
        ),
        (patched(las, 104, &[0x87]), &["compressed"]),
        (patched(laz.clone(), 247, &many), &["points that it claims"]),
        (patched(laz.clone(), 247, &[21]), &["points that it claims"]),
        (patched(laz.clone(), 104, &[0x86]), &["compression"]),
        (laz[..laz.len() - 40].to_vec(), &["chunks"]),
    ];
    for (bytes, words) in files {
        refused(&scratch.write("a.las", bytes), words);
    }
    // The sizes of a chunk's layers, far beyond the chunk.
    let start = u32::from_le_bytes(laz[96..100].try_into().unwrap()) as usize + 8;
    let bytes = patched(laz, start + 36 + 4, &[0xff; 8]);
    refused(&scratch.write("a.laz", bytes), &["layers"]);
}

#[test]
fn each_fault_of_polygon_files_is_named() {
    let scratch = Scratch::new();
    let vertex = "property float x\nproperty float y\nproperty float z\n";
    let file = |format: &str, head: &str, body: &str| {
        format!("ply\nformat {format} 1.0\n{head}end_header\n{body}")
    };
    let (text, binary) = ("ascii", "binary_little_endian");
    let plain = format!("element vertex 2\n{vertex}");
    let files: Vec<(String, &[&str])> = vec![
        ("plx\n".into(), &["line 1", "\"plx\""]),
        ("ply\nformat ascii 1.0\n".into(), &["end_header"]),
        (file("utf8", &plain, ""), &["line 2", "utf8"]),
        (file(text, "element face 1\n", ""), &["\"vertex\""]),
        (file(text, "element vertex x\n", ""), &["line 3"]),
        (file(text, "property float x\n", ""), &["line 3"]),
        (
            file(text, "element vertex 1\nproperty float128 x\n", ""),
            &["float128"],
        ),
        (
            file(text, "element vertex 1\nproperty list float int x\n", ""),
            &["line 4"],
        ),
        (
            file(text, "element vertex 1\nproperty float x\n", ""),
            &["\"y\""],
        ),
        (
            file(text, &format!("{plain}property float x\n"), ""),
            &["two properties", "\"x\""],
        ),
        (file(text, &plain, "1 2 3\n"), &["truncated"]),
        (file(text, &plain, "1 2 3\n4 5\n"), &["line 9", "fewer"]),
        (file(text, &plain, "1 2 3 4\n"), &["line 8", "more"]),
        (file(text, &plain, "1 2 x\n"), &["line 8", "\"x\""]),
        (file(text, &plain, "1 2 3\n1 nan 3\n"), &["vertex 2", "NaN"]),
        (file(binary, &plain, "123456789"), &["truncated"]),
        (
            file(
                binary,
                &format!("element vertex 999999999999999999\n{vertex}"),
                "1",
            ),
            &["truncated"],
        ),
        (
            file(
                binary,
                &format!("element a 999999999999999999\nproperty list int int b\n{plain}"),
                "\x01\0\0\0\0\0\0\0\x01\0",
            ),
            &["truncated", "\"a\""].as_slice().get(1..).unwrap(),
        ),
        (
            file(
                binary,
                &format!("element vertex 2\nproperty list char int b\n{vertex}"),
                "\u{7f}\0\0\0\0\0\0\0\x01\0",
            ),
            &["truncated"],
        ),
        (
            file(text, &format!("comment {}\n", "long ".repeat(300_000)), ""),
            &["line 3", "longer"],
        ),
    ];
    for (text, words) in files {
        refused(&scratch.write("a.ply", text), words);
    }
}

#[test]
fn each_fault_of_pcd_files_is_named() {
    let scratch = Scratch::new();
    let file = |fields: &str, sizes: &str, types: &str, rest: &str| {
        format!("FIELDS {fields}\nSIZE {sizes}\nTYPE {types}\n{rest}")
    };
    let plain = |rest: &str| file("x y z", "4 4 4", "F F F", rest);
    let files: Vec<(String, &[&str])> = vec![
        ("VERSION 0.7\n".into(), &["DATA"]),
        ("hello\n".into(), &["line 1", "hello"]),
        ("DATA ascii\n".into(), &["FIELDS"]),
        (plain("DATA ascii\n"), &["POINTS"]),
        (plain("POINTS -1\nDATA ascii\n"), &["POINTS", "-1"]),
        (
            plain("POINTS 3\nWIDTH 2\nHEIGHT 2\nDATA ascii\n"),
            &["WIDTH", "3"],
        ),
        (
            plain("POINTS 2\nPOINTS 2\nDATA ascii\n"),
            &["line 5", "twice"],
        ),
        (
            plain("POINTS 2\nDATA zip\n"),
            &["line 5", "binary_compressed"],
        ),
        (plain("POINTS 2\nDATA ascii\n1 2 3\n"), &["truncated"]),
        (
            plain("POINTS 2\nDATA ascii\n1 2 3 4\n"),
            &["line 6", "more"],
        ),
        (
            plain("POINTS 999999999999999999\nDATA binary\n1"),
            &["truncated"],
        ),
        (plain("POINTS 2\nDATA binary_compressed\n1"), &["truncated"]),
        (
            plain("POINTS 2\nDATA binary_compressed\n\x01\0\0\0\x18\0\0\0\x01"),
            &["damaged"],
        ),
        (
            plain("POINTS 2\nDATA binary_compressed\n\x01\0\0\0\x19\0\0\0\x01"),
            &["25 bytes", "2 points"],
        ),
        (
            file("x y z", "4 4", "F F F", "POINTS 1\nDATA ascii\n"),
            &["SIZE"],
        ),
        (
            file("x y z", "4 4 3", "F F F", "POINTS 1\nDATA ascii\n"),
            &["\"z\"", "3"],
        ),
        (
            file("x y w", "4 4 4", "F F F", "POINTS 1\nDATA ascii\n"),
            &["\"z\""],
        ),
        (
            plain("COUNT 1 1 99999999999\nPOINTS 1\nDATA ascii\n"),
            &["COUNT"],
        ),
        (
            file(
                "x y z a a",
                "4 4 4 1 1",
                "F F F U U",
                "POINTS 1\nDATA ascii\n",
            ),
            &["two fields", "\"a\""],
        ),
    ];
    for (text, words) in files {
        refused(&scratch.write("a.pcd", text), words);
    }
    // Four thousand million bytes in three.
    let at = pcd::compressed()
        .windows(5)
        .position(|w| w == b"DATA ")
        .unwrap();
    let mut bomb = pcd::compressed()[..at].to_vec();
    let text = String::from_utf8(bomb)
        .unwrap()
        .replace("POINTS 6", "POINTS 90000000");
    let text = text.replace("WIDTH 3", "WIDTH 45000000");
    bomb = format!("{text}DATA binary_compressed\n").into_bytes();
    bomb.extend([[3, 0, 0, 0], (90_000_000u32 * 41).to_le_bytes()].concat());
    bomb.extend([0xff, 0xff, 0]);
    refused(&scratch.write("a.pcd", bomb), &["claims"]);
}

#[test]
fn each_fault_of_heights_is_named() {
    let scratch = Scratch::new();
    let npy = |shape: &str, elements: &[u8]| npy_bytes("<f8", false, shape, elements);
    let huge = npy("(40000, 40000)", &[0; 8]);
    for (name, bytes, words) in [
        ("N40W074.hgt", vec![0; 1000], vec!["1000 bytes", "2884802"]),
        ("a.hgt", heights::hgt_bytes(), vec!["N40W074"]),
        ("a.npy", npy("(2, 2, 2)", &[0; 64]), vec!["3 axes"]),
        ("a.npy", npy("(0, 2)", &[]), vec!["no height"]),
        ("a.npy", huge.clone(), vec!["says"]),
        (
            "a.npy",
            npy("(1, 1)", &f64::INFINITY.to_le_bytes()),
            vec!["[0, 0]", "inf"],
        ),
        (
            "a.npy",
            npy("(1, 1)", &1e300f64.to_le_bytes()),
            vec!["[0, 0]"],
        ),
        ("a.npz", b"PK".to_vec(), vec!["truncated"]),
        ("a.npz", heights::zip_bytes(&[], false), vec!["0 arrays"]),
        (
            "a.npz",
            heights::zip_bytes(&[("a.npy", b"x")], false),
            vec!["0 arrays"],
        ),
        (
            "a.npz",
            heights::zip_bytes(&[("elevation.npy", &huge)], true),
            vec!["says"],
        ),
        ("a.tif", b"II".to_vec(), vec!["GeoTIFF"]),
        (
            "a.tif",
            heights::tiff_bytes(0, 3, &[], vec![]),
            vec!["GeoTIFF"],
        ),
        (
            "a.tif",
            heights::tiff_bytes(20_000, 20_000, &[], vec![]),
            vec!["20000 × 20000"],
        ),
        (
            "a.tif",
            heights::tiff_bytes(2, 3, &[1, 2], vec![(42113, 2, 4, b"ab\0\0".to_vec())]),
            vec!["GDAL_NODATA"],
        ),
        (
            "a.tif",
            heights::tiff_bytes(2, 3, &[0; 6], vec![(277, 3, 1, vec![3, 0])]),
            vec!["a.tif"],
        ),
    ] {
        refused(&scratch.write(name, bytes), &words);
    }
    // An array that a small file could hold deflated, but the memory not.
    let zeros = vec![0; 20 << 20];
    let plane = npy_bytes("|u1", false, "(5120, 4096)", &zeros);
    let path = scratch.write("a.npz", heights::zip_bytes(&[("a.npy", &plane)], true));
    refused(&path, &["memory"]);
}

#[test]
fn what_is_no_file_is_refused() {
    let scratch = Scratch::new();
    refused(&scratch.path("none.las"), &["no such file"]);
    refused(&scratch.write("a.xyz", "1 2 3\n"), &[".las", ".csv"]);
    std::fs::create_dir_all(scratch.path("d.ply")).unwrap();
    refused(&scratch.path("d.ply"), &["regular file"]);
    let options = PointOptions {
        scale_m: 0.0,
        ..Default::default()
    };
    let path = scratch.write("a.csv", "x,y,z\n1,2,3\n");
    let error = try_read(&path, &options, 1, 1).unwrap_err().to_string();
    assert!(error.contains("scale"), "{error}");
}
