//! PCD files, written here byte by byte.

use crate::map_support::Scratch;
use crate::shared::{names, read, rows};
use octaflow::points::{PointFile, PointOptions};

fn header(data: &str) -> Vec<u8> {
    format!(
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x _ y z rgb label normal t\nSIZE 4 1 4 8 4 2 4 8\nTYPE F U F F F U F I\n\
         COUNT 1 3 1 1 1 1 2 1\nWIDTH 3\nHEIGHT 2\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 6\nDATA {data}\n"
    )
    .into_bytes()
}

/// The columns of the six points, of which the second and the fifth were not measured.
fn columns() -> Vec<Vec<Vec<u8>>> {
    let nan = f32::NAN;
    let floats = |values: [f32; 6]| values.map(|v| v.to_le_bytes().to_vec()).to_vec();
    vec![
        floats([0.5, nan, 2.0, 3.0, 4.0, -5.0]),
        vec![vec![7; 3]; 6],
        floats([1.0; 6]),
        [1.0, 2.0, 3.0, 4.0, f64::INFINITY, 6.5]
            .map(|v| v.to_le_bytes().to_vec())
            .to_vec(),
        vec![vec![0x33, 0x22, 0x11, 0]; 6],
        (0..6u16)
            .map(|n| (n * 10_000).to_le_bytes().to_vec())
            .collect(),
        (0..6u8)
            .map(|n| [f32::from(n).to_le_bytes(), 0.25f32.to_le_bytes()].concat())
            .collect(),
        (0..6i64)
            .map(|n| (-n << 40).to_le_bytes().to_vec())
            .collect(),
    ]
}

fn wanted() -> Vec<Vec<f64>> {
    [(0, 0.5, 1.0), (2, 2.0, 3.0), (3, 3.0, 4.0), (5, -5.0, 6.5)]
        .map(|(n, x, z)| {
            let n = f64::from(n);
            let t = -n * 2f64.powi(40);
            vec![x, 1.0, z, 17.0, 34.0, 51.0, n * 10_000.0, n, 0.25, t]
        })
        .to_vec()
}

pub fn binary() -> Vec<u8> {
    let columns = columns();
    let records = (0..6).flat_map(|n| columns.iter().flat_map(move |c| c[n].clone()));
    header("binary").into_iter().chain(records).collect()
}

/// The zeros and sevens of the columns make copies, everything else literals.
pub fn compressed() -> Vec<u8> {
    let whole: Vec<u8> = columns().concat().concat();
    let mut packed = Vec::new();
    let mut at = 0;
    while at < whole.len() {
        let same = whole[at..].iter().take_while(|&&b| b == whole[at]).count();
        if same >= 4 {
            // One literal, then a copy of it from a byte before.
            packed.extend([0, whole[at]]);
            let copy = (same - 1).min(264);
            match copy - 2 {
                short @ ..7 => packed.extend([(short as u8) << 5, 0]),
                long => packed.extend([7 << 5, (long - 7) as u8, 0]),
            }
            at += 1 + copy;
        } else {
            packed.extend([0, whole[at]]);
            at += 1;
        }
    }
    let mut raw = header("binary_compressed");
    raw.extend((packed.len() as u32).to_le_bytes());
    raw.extend((whole.len() as u32).to_le_bytes());
    raw.extend(packed);
    raw
}

pub fn text() -> Vec<u8> {
    let colour = f32::from_bits(0x0011_2233);
    let mut raw = header("ascii");
    for (n, (x, z)) in [
        ("0.5", "1"),
        ("nan", "2"),
        ("2", "3"),
        ("3", "4.0"),
        ("4", "inf"),
        ("-5", "6.5"),
    ]
    .into_iter()
    .enumerate()
    {
        let (label, t) = (n * 10_000, -(n as i64) << 40);
        raw.extend(format!("{x} 7 7 7 1 {z} {colour:e} {label} {n} 0.25 {t}\n").into_bytes());
    }
    raw
}

#[test]
fn every_encoding_gives_the_same_points() {
    let scratch = Scratch::new();
    for bytes in [binary(), compressed(), text()] {
        let path = scratch.write("a.pcd", bytes);
        let (found, all) = read(&path, &PointOptions::default());
        assert_eq!(found, names("red green blue label normal[0] normal[1] t"));
        assert_eq!(rows(&all), wanted());
        let file = PointFile::open(&path, &PointOptions::default()).unwrap();
        assert_eq!(file.total(), Some(6));
    }
}

#[test]
fn older_headers_are_understood() {
    let scratch = Scratch::new();
    let text = "COLUMNS x y z rgba\nSIZE 4 4 4 4\nTYPE F F F U\nWIDTH 2\nHEIGHT 1\nDATA ascii\n\
        1 2 3 4278190337\n4 5 6 16777216\n";
    let (found, all) = read(&scratch.write("a.pcd", text), &PointOptions::default());
    assert_eq!(found, names("red green blue alpha"));
    assert_eq!(
        rows(&all),
        [
            [1.0, 2.0, 3.0, 0.0, 1.0, 1.0, 255.0],
            [4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 1.0]
        ]
    );
}
