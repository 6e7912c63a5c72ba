//! Heights, from bytes written here.

use crate::map_support::{Scratch, npy_bytes};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use octaflow::points::{HeightOptions, Heights, read_heights};
use std::io::Write;
use std::path::Path;

fn read(path: &Path) -> Heights {
    read_heights(path, &HeightOptions::default()).unwrap()
}

/// A tile of three arc seconds: the height is the row from the north and a fraction of the column.
pub fn hgt_bytes() -> Vec<u8> {
    let mut raw = Vec::new();
    for row in 0..1201i16 {
        for column in 0..1201i16 {
            let void = row == 2 && column == 3;
            let height = if void { i16::MIN } else { row - column };
            raw.extend(height.to_be_bytes());
        }
    }
    raw
}

#[test]
fn tiles_are_turned_and_scaled() {
    let scratch = Scratch::new();
    let heights = read(&scratch.write("S31E018.hgt", hgt_bytes()));
    assert_eq!((heights.rows, heights.columns), (1201, 1201));
    assert_eq!(heights.heights_m[0], 1200.0);
    assert_eq!(heights.heights_m[1200], 0.0);
    assert_eq!(heights.heights_m[1200 * 1201], 0.0);
    let voids: Vec<usize> = (0..1201 * 1201)
        .filter(|&n| heights.heights_m[n].is_nan())
        .collect();
    assert_eq!(voids, [1198 * 1201 + 3]);
    // Published lengths of a degree at 30°: 96,486 m and 110,852 m; the tile's centre is at 30.5° south.
    let [dx, dy] = heights.spacing_m;
    assert!((dx * 1200.0 - 96_000.0).abs() < 50.0, "{dx}");
    assert!((dy * 1200.0 - 110_861.0).abs() < 10.0, "{dy}");
    assert_eq!(heights.origin_m, [0.0; 2]);
    assert_eq!(heights.position_m(2, 1), [dx, 2.0 * dy]);

    let options = HeightOptions {
        spacing_m: Some([90.0, 80.0]),
        ..Default::default()
    };
    let path = scratch.write("tile.hgt", hgt_bytes());
    assert_eq!(
        read_heights(&path, &options).unwrap().spacing_m,
        [90.0, 80.0]
    );
    assert!(read_heights(&path, &HeightOptions::default()).is_err());
}

/// Two rows of three: the northern 1 2 3, the southern 4 5 NaN.
fn npy(descr: &str, fortran: bool, elements: &[u8]) -> Vec<u8> {
    npy_bytes(descr, fortran, "(2, 3)", elements)
}

fn floats(values: [f32; 6]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub fn npy_sample() -> Vec<u8> {
    npy("<f4", false, &floats([1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN]))
}

fn hold_sample(heights: &Heights) {
    assert_eq!((heights.rows, heights.columns), (2, 3));
    assert_eq!(heights.heights_m[..2], [4.0, 5.0]);
    assert!(heights.heights_m[2].is_nan());
    assert_eq!(heights.heights_m[3..], [1.0, 2.0, 3.0]);
    assert_eq!((heights.spacing_m, heights.origin_m), ([1.0; 2], [0.0; 2]));
}

#[test]
fn arrays_are_read() {
    let scratch = Scratch::new();
    hold_sample(&read(&scratch.write("a.npy", npy_sample())));
    let columns = floats([1.0, 4.0, 2.0, 5.0, 3.0, f32::NAN]);
    hold_sample(&read(&scratch.write("a.npy", npy("<f4", true, &columns))));
    let bytes: Vec<u8> = [1i16, 2, 3, 4, 5, -9]
        .iter()
        .flat_map(|h| h.to_be_bytes())
        .collect();
    let path = scratch.write("a.npy", npy(">i2", false, &bytes));
    let options = HeightOptions {
        void: Some(-9.0),
        ..Default::default()
    };
    hold_sample(&read_heights(&path, &options).unwrap());
    let options = HeightOptions {
        south_first: true,
        scale_m: 0.5,
        spacing_m: Some([2.0, 3.0]),
        ..Default::default()
    };
    let heights = read_heights(&path, &options).unwrap();
    assert_eq!(heights.heights_m, [0.5, 1.0, 1.5, 2.0, 2.5, -4.5]);
    assert_eq!(heights.spacing_m, [2.0, 3.0]);
}

/// A ZIP archive, as PKWARE's APPNOTE 6.3 describes it.
pub fn zip_bytes(files: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut raw, mut directory) = (Vec::new(), Vec::new());
    for (name, whole) in files {
        let packed = if deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(whole).unwrap();
            encoder.finish().unwrap()
        } else {
            whole.to_vec()
        };
        let start = raw.len() as u32;
        let mut head = Vec::new();
        head.extend(
            [20u16, 0, if deflated { 8 } else { 0 }, 0, 0]
                .map(u16::to_le_bytes)
                .concat(),
        );
        head.extend(crc32fast::hash(whole).to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend((whole.len() as u32).to_le_bytes());
        head.extend((name.len() as u16).to_le_bytes());
        raw.extend(b"PK\x03\x04");
        raw.extend(&head);
        raw.extend([3, 0]);
        raw.extend(name.as_bytes());
        raw.extend([9, 9, 9]);
        raw.extend(packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&head);
        directory.extend([0; 12]);
        directory.extend(0u16.to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = raw.len() as u32;
    raw.extend(&directory);
    raw.extend(b"PK\x05\x06\0\0\0\0");
    raw.extend([(files.len() as u16).to_le_bytes(); 2].concat());
    raw.extend((directory.len() as u32).to_le_bytes());
    raw.extend(start.to_le_bytes());
    raw.extend([2, 0, b'h', b'i']);
    raw
}

#[test]
fn archives_give_the_array_that_is_meant() {
    let scratch = Scratch::new();
    let (sample, other) = (npy_sample(), npy("<f4", false, &floats([9.0; 6])));
    let line = npy_bytes("<f4", false, "(6,)", &floats([9.0; 6]));
    for deflated in [false, true] {
        let only = zip_bytes(&[("a.npy", &line), ("b.npy", &sample)], deflated);
        hold_sample(&read(&scratch.write("a.npz", only)));
        let usual = zip_bytes(&[("a.npy", &other), ("elevation.npy", &sample)], deflated);
        hold_sample(&read(&scratch.write("a.npz", usual)));
        let several = zip_bytes(&[("a.npy", &other), ("b.npy", &sample)], deflated);
        let path = scratch.write("a.npz", several);
        let error = read_heights(&path, &HeightOptions::default()).unwrap_err();
        assert!(error.to_string().contains("2 arrays"), "{error}");
        let options = HeightOptions {
            array: Some("b".into()),
            ..Default::default()
        };
        hold_sample(&read_heights(&path, &options).unwrap());
        let mut damaged = zip_bytes(&[("a.npy", &sample)], deflated);
        let at = damaged.iter().position(|&b| b == b'{').unwrap_or(50);
        damaged[if deflated { at } else { at + 140 }] ^= 4;
        let path = scratch.write("a.npz", damaged);
        assert!(read_heights(&path, &HeightOptions::default()).is_err());
    }
}

/// A tag of a TIFF: its number, its type, how many values it has, and their bytes.
type Tag = (u16, u16, u32, Vec<u8>);

fn shorts(tag: u16, values: &[u16]) -> Tag {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    (tag, 3, values.len() as u32, bytes)
}

fn doubles(tag: u16, values: &[f64]) -> Tag {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    (tag, 12, values.len() as u32, bytes)
}

/// A little-endian TIFF of 16-bit integers in strips of two rows.
pub fn tiff_bytes(columns: u16, rows: u16, heights: &[i16], mut tags: Vec<Tag>) -> Vec<u8> {
    let strips = rows.div_ceil(2);
    let strip_bytes = |n: u16| 2 * columns * (rows - 2 * n).min(2);
    let mut raw = b"II*\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for n in 0..strips {
        offsets.push(8 + n * 4 * columns);
    }
    raw.extend(heights.iter().flat_map(|h| h.to_le_bytes()));
    let lengths: Vec<u16> = (0..strips).map(strip_bytes).collect();
    tags.extend([
        shorts(256, &[columns]),
        shorts(257, &[rows]),
        shorts(258, &[16]),
        shorts(259, &[1]),
        shorts(262, &[1]),
        shorts(273, &offsets),
        shorts(277, &[1]),
        shorts(278, &[2]),
        shorts(279, &lengths),
        shorts(339, &[2]),
    ]);
    tags.sort_by_key(|tag| tag.0);
    let mut entries = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, count, bytes) in tags {
        entries.extend(tag.to_le_bytes());
        entries.extend(kind.to_le_bytes());
        entries.extend(count.to_le_bytes());
        let mut value = bytes.clone();
        if bytes.len() > 4 {
            value = (raw.len() as u32).to_le_bytes().to_vec();
            raw.extend(bytes);
        }
        value.resize(4, 0);
        entries.extend(value);
    }
    let start = raw.len() as u32;
    raw[4..8].copy_from_slice(&start.to_le_bytes());
    raw.extend(entries);
    raw.extend([0; 4]);
    raw
}

fn keys(pairs: &[(u16, u16)]) -> Tag {
    let mut words = vec![1, 1, 0, pairs.len() as u16];
    for &(key, value) in pairs {
        words.extend([key, 0, 1, value]);
    }
    shorts(34735, &words)
}

pub fn tiff_sample() -> Vec<u8> {
    tiff_bytes(
        2,
        3,
        &[1, 2, 3, 4, -99, 6],
        vec![
            doubles(33550, &[10.0, 20.0, 0.0]),
            doubles(33922, &[0.0, 0.0, 0.0, 500.0, 900.0, 0.0]),
            keys(&[(1024, 1), (1025, 1), (3076, 9001)]),
            (42113, 2, 4, b"-99\0".to_vec()),
        ],
    )
}

#[test]
fn geotiffs_are_placed() {
    let scratch = Scratch::new();
    let heights = read(&scratch.write("a.tif", tiff_sample()));
    assert_eq!((heights.rows, heights.columns), (3, 2));
    assert!(heights.heights_m[0].is_nan());
    assert_eq!(heights.heights_m[1..], [6.0, 3.0, 4.0, 1.0, 2.0]);
    assert_eq!(heights.spacing_m, [10.0, 20.0]);
    // A pixel of an area is at its centre: half a pixel in from the corner.
    assert_eq!(heights.origin_m, [505.0, 850.0]);

    let tie = doubles(33922, &[1.0, 1.0, 0.0, 8.0, 60.0, 0.0]);
    let degrees = vec![
        doubles(33550, &[0.5, 0.25, 0.0]),
        tie.clone(),
        keys(&[(1024, 2), (1025, 2)]),
    ];
    let heights = read(&scratch.write("a.tiff", tiff_bytes(2, 3, &[0; 6], degrees)));
    // Published lengths of a degree at 60°: 55,800 m and 111,412 m.
    let [dx, dy] = heights.spacing_m;
    assert!((dx - 27_900.0).abs() < 1.0 && (dy - 27_853.0).abs() < 1.0);
    assert_eq!(heights.origin_m, [0.0; 2]);

    let feet = vec![
        doubles(33550, &[10.0, 10.0, 0.0]),
        tie,
        keys(&[(1024, 1), (1025, 2), (3076, 9002), (4099, 9002)]),
    ];
    let heights = read(&scratch.write("a.tif", tiff_bytes(2, 3, &[10; 6], feet)));
    assert_eq!(heights.spacing_m, [3.048; 2]);
    assert_eq!(heights.heights_m[0], 3.048);
    assert_eq!(heights.origin_m, [-2.0 * 0.3048, 50.0 * 0.3048]);

    let matrix = doubles(
        34264,
        &[
            3.0, 0.0, 0.0, 7.0, 0.0, -2.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,
        ],
    );
    let placed = vec![matrix, keys(&[(1025, 2)])];
    let heights = read(&scratch.write("a.tif", tiff_bytes(2, 3, &[0; 6], placed)));
    assert_eq!(heights.spacing_m, [3.0, 2.0]);
    assert_eq!(heights.origin_m, [7.0, 5.0]);
}
