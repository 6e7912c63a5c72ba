//! LAS and LAZ against bytes written here from the specification, and against files of laspy.

use crate::las_files::{OFFSET, SCALE, Shape, las_bytes, laz_bytes, some_points};
use crate::map_support::Scratch;
use crate::shared::{names, read, rows, try_read};
use octaflow::points::{PointFile, PointOptions};
use std::path::Path;

fn shapes() -> impl Iterator<Item = Shape> {
    (0..=4).flat_map(|minor| {
        let greatest = [1, 1, 3, 5, 10][usize::from(minor)];
        (0..=greatest).map(move |format| Shape {
            minor,
            format,
            extra_bytes: usize::from(format % 3),
        })
    })
}

#[test]
fn every_version_and_point_format_is_read() {
    let scratch = Scratch::new();
    for shape in shapes() {
        let points = some_points(shape, 50);
        // What the header says decides, not the name.
        for name in ["a.las", "A.LAZ"] {
            let path = scratch.write(name, las_bytes(shape, &points));
            let (found, all) = read(&path, &PointOptions::default());
            assert_eq!(found, shape.names(), "{shape:?}");
            let wanted: Vec<_> = points.iter().map(|p| shape.row(p)).collect();
            assert_eq!(rows(&all), wanted, "{shape:?}");
        }
    }
}

#[test]
fn chunks_of_any_size_are_decompressed() {
    let scratch = Scratch::new();
    for shape in shapes().filter(|shape| shape.minor >= 2) {
        let points = some_points(shape, 60);
        let wanted: Vec<_> = points.iter().map(|p| shape.row(p)).collect();
        for chunk in [Some(1), Some(7), Some(60), Some(1000), None] {
            let path = scratch.write("a.laz", laz_bytes(shape, &points, chunk));
            let (found, all) = read(&path, &PointOptions::default());
            assert_eq!(found, shape.names(), "{shape:?}");
            assert_eq!(rows(&all), wanted, "{shape:?} in chunks of {chunk:?}");
        }
    }
}

#[test]
fn attributes_and_scale_are_as_asked_for() {
    let scratch = Scratch::new();
    let shape = Shape {
        minor: 4,
        format: 7,
        extra_bytes: 0,
    };
    let points = some_points(shape, 30);
    let options = PointOptions {
        scale_m: 0.5,
        attributes: Some(names("blue intensity")),
        ..Default::default()
    };
    for bytes in [
        las_bytes(shape, &points),
        laz_bytes(shape, &points, Some(8)),
    ] {
        let path = scratch.write("a.laz", bytes);
        let (found, all) = read(&path, &options);
        assert_eq!(found, names("blue intensity"));
        for (n, point) in points.iter().enumerate() {
            let row = shape.row(point);
            assert_eq!(all.xyz[n], [0, 1, 2].map(|a| 0.5 * row[a]));
            assert_eq!(all.attributes[0][n], f64::from(point.colour[2]));
            assert_eq!(all.attributes[1][n], f64::from(point.intensity));
        }
        let file = PointFile::open(&path, &options).unwrap();
        assert_eq!(file.total(), Some(30));
        let [least, greatest] = file.bounds_m().unwrap();
        assert_eq!(least[0], 0.5 * (f64::from(i32::MIN) * SCALE[0] + OFFSET[0]));
        assert_eq!(
            greatest[1],
            0.5 * (f64::from(i32::MAX) * SCALE[1] + OFFSET[1])
        );
    }
    let options = PointOptions {
        attributes: Some(names("nir")),
        ..Default::default()
    };
    let path = scratch.write("a.las", las_bytes(shape, &points));
    let text = try_read(&path, &options, 1, 9).unwrap_err().to_string();
    assert!(
        text.contains("\"nir\"") && text.contains("intensity"),
        "{text}"
    );
}

#[test]
fn no_points_are_no_error() {
    let scratch = Scratch::new();
    let shape = Shape {
        minor: 2,
        format: 3,
        extra_bytes: 0,
    };
    for bytes in [las_bytes(shape, &[]), laz_bytes(shape, &[], Some(10))] {
        let path = scratch.write("a.las", bytes);
        assert!(read(&path, &PointOptions::default()).1.is_empty());
    }
}

/// Every 120th point of PDAL's `4_6_crop.las`, cut out and compressed by laspy 2 with lazrs; the values are laspy's.
#[test]
fn files_of_other_programs_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/points");
    let of = |name: &str| read(&folder.join(name), &PointOptions::default());
    let (found, las) = of("crop.las");
    assert_eq!(found.len(), 7);
    assert_eq!(las.len(), 199);
    let rows = rows(&las);
    assert_eq!(rows[0], FIRST);
    assert_eq!(rows[198], LAST);
    for name in ["crop.laz", "crop7.laz"] {
        assert_eq!(of(name), (found.clone(), las.clone()), "{name}");
    }
}

const FIRST: [f64; 10] = [
    1639798.46,
    1454500.25,
    7091.26,
    2.0,
    2.0,
    2.0,
    81616201.91035877,
    0.0,
    0.0,
    0.0,
];
const LAST: [f64; 10] = [
    1639600.69,
    1454691.5,
    7112.46,
    18.0,
    1.0,
    1.0,
    81616203.32095377,
    0.0,
    0.0,
    0.0,
];
