//! PLY files, written here byte by byte.

use crate::map_support::Scratch;
use crate::shared::{names, read, rows};
use octaflow::points::PointOptions;

const HEADER: &str = "comment made by hand\nelement camera 2\nproperty float fx\nproperty uchar n\n\
    element note 2\nproperty list uchar char text\nproperty short k\n\
    element vertex 3\nproperty uchar red\nproperty double y\nproperty int16 h\nproperty float x\nproperty uint id\n\
    property double z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

/// What every encoding of the same file is to give.
fn wanted() -> Vec<Vec<f64>> {
    vec![
        vec![0.5, 1e300, 3.0, 255.0, -2.0, 4_000_000_000.0],
        vec![-1.5, 0.1, 4.0, 0.0, 300.0, 0.0],
        vec![2.0, -7.0, -5.25, 7.0, -32768.0, 1.0],
    ]
}

fn binary(big_endian: bool) -> Vec<u8> {
    let order = if big_endian { "big" } else { "little" };
    let mut raw = format!("ply\nformat binary_{order}_endian 1.0\n{HEADER}").into_bytes();
    let mut put = |bytes: &[u8]| match big_endian {
        true => raw.extend(bytes.iter().rev()),
        false => raw.extend(bytes),
    };
    for n in 0..2u8 {
        put(&1.5f32.to_le_bytes());
        put(&[n]);
    }
    for length in [0u8, 5] {
        put(&[length]);
        (0..length).for_each(|n| put(&[n]));
        put(&9i16.to_le_bytes());
    }
    for row in wanted() {
        put(&[row[3] as u8]);
        put(&row[1].to_le_bytes());
        put(&(row[4] as i16).to_le_bytes());
        put(&(row[0] as f32).to_le_bytes());
        put(&(row[5] as u32).to_le_bytes());
        put(&row[2].to_le_bytes());
    }
    put(&[3]);
    (0..3i32).for_each(|n| put(&n.to_le_bytes()));
    raw
}

pub fn samples() -> Vec<Vec<u8>> {
    let lines = "1.5 0\n1.5 1\n0 9\n5 0 1 2 3 4 9\n255 1e300 -2 0.5 4000000000 3\n\n0 0.1 300 -1.5 0 4\n\
        7 -7 -32768 2 1.0 -5.25\n3 0 1 2\n";
    let text = format!("ply\nformat ascii 1.0\n{HEADER}{lines}");
    vec![
        binary(false),
        binary(true),
        text.replace('\n', "\r\n").into_bytes(),
        text.into_bytes(),
    ]
}

#[test]
fn every_encoding_gives_the_same_points() {
    let scratch = Scratch::new();
    for bytes in samples() {
        let path = scratch.write("a.ply", bytes);
        let (found, all) = read(&path, &PointOptions::default());
        assert_eq!(found, names("red h id"));
        assert_eq!(rows(&all), wanted());
    }
}

pub fn listed(big_endian: bool) -> Vec<u8> {
    let order = if big_endian { "big" } else { "little" };
    let mut raw = format!(
        "ply\nformat binary_{order}_endian 1.0\nelement vertex 40\nproperty list ushort double l\nproperty float x\n\
         property float y\nproperty list char uchar m\nproperty float z\nproperty char c\nend_header\n"
    )
    .into_bytes();
    let mut put = |bytes: &[u8]| match big_endian {
        true => raw.extend(bytes.iter().rev()),
        false => raw.extend(bytes),
    };
    for n in 0..40u16 {
        put(&(n % 4).to_le_bytes());
        (0..n % 4).for_each(|_| put(&[0xff; 8]));
        put(&f32::from(n).to_le_bytes());
        put(&0.5f32.to_le_bytes());
        put(&[(n % 3) as u8]);
        (0..n % 3).for_each(|_| put(&[9]));
        put(&(-2.0f32).to_le_bytes());
        put(&[n.wrapping_neg() as u8]);
    }
    raw
}

#[test]
fn lists_of_vertices_are_skipped() {
    let scratch = Scratch::new();
    for big_endian in [false, true] {
        let path = scratch.write("a.ply", listed(big_endian));
        let (found, all) = read(&path, &PointOptions::default());
        assert_eq!(found, names("c"));
        let row = |n: u8| vec![f64::from(n), 0.5, -2.0, -f64::from(n)];
        assert_eq!(rows(&all), (0..40).map(row).collect::<Vec<_>>());
    }
}

#[test]
fn text_keeps_digits_that_its_type_would_lose() {
    let scratch = Scratch::new();
    let text = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n\
        end_header\n3512345.678 5412345.125 1\n";
    let (_, all) = read(&scratch.write("a.ply", text), &PointOptions::default());
    assert_eq!(all.xyz, [[3_512_345.678, 5_412_345.125, 1.0]]);
}
