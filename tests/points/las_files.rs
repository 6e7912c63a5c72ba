//! LAS and LAZ files, byte by byte from the specification.

use laz::laszip::{LasZipCompressor, LazVlr, LazVlrBuilder};
use laz::{LazItemRecordBuilder, laszip::LazItem};
use std::io::Cursor;

/// A point as the tests think of it: stored coordinates and attributes.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub stored: [i32; 3],
    pub intensity: u16,
    pub return_number: u8,
    pub class: u8,
    pub gps_time: f64,
    pub colour: [u16; 3],
}

/// What a file is to be.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub minor: u8,
    pub format: u8,
    pub extra_bytes: usize,
}

pub const SCALE: [f64; 3] = [0.01, 0.5, 1e-3];
pub const OFFSET: [f64; 3] = [1000.0, -7.0, 0.25];

impl Shape {
    pub fn has_time(self) -> bool {
        !matches!(self.format, 0 | 2)
    }

    pub fn has_colour(self) -> bool {
        matches!(self.format, 2 | 3 | 5 | 7 | 8 | 10)
    }

    pub fn names(self) -> Vec<String> {
        let mut names = vec!["intensity", "return_number", "classification"];
        names.extend(self.has_time().then_some("gps_time"));
        if self.has_colour() {
            names.extend(["red", "green", "blue"]);
        }
        names.into_iter().map(str::to_owned).collect()
    }

    /// The row that a reader is to make of a point.
    pub fn row(self, point: &Point) -> Vec<f64> {
        let mut row: Vec<f64> = (0..3)
            .map(|a| f64::from(point.stored[a]) * SCALE[a] + OFFSET[a])
            .collect();
        row.extend([
            f64::from(point.intensity),
            f64::from(point.return_number),
            f64::from(point.class),
        ]);
        row.extend(self.has_time().then_some(point.gps_time));
        if self.has_colour() {
            row.extend(point.colour.map(f64::from));
        }
        row
    }

    fn record(self, point: &Point) -> Vec<u8> {
        let mut raw = Vec::new();
        for c in point.stored {
            raw.extend(c.to_le_bytes());
        }
        raw.extend(point.intensity.to_le_bytes());
        if self.format < 6 {
            // The other bits of these bytes are other things, all set.
            raw.extend([point.return_number | 0xf8, point.class | 0xe0]);
            raw.extend([5, 6, 7, 8]);
        } else {
            raw.extend([point.return_number | 0xf0, 0xff, point.class, 9]);
            raw.extend([5, 6, 7, 8]);
        }
        if self.has_time() {
            raw.extend(point.gps_time.to_le_bytes());
        }
        if self.has_colour() {
            for c in point.colour {
                raw.extend(c.to_le_bytes());
            }
        }
        if matches!(self.format, 8 | 10) {
            raw.extend([1, 2]);
        }
        if matches!(self.format, 4 | 5 | 9 | 10) {
            raw.extend([3; 29]);
        }
        raw.extend((0..self.extra_bytes).map(|n| n as u8));
        raw
    }
}

/// Points that differ in everything.
pub fn some_points(shape: Shape, count: usize) -> Vec<Point> {
    let mut random = crate::map_support::Random(3);
    let modern = shape.format >= 6;
    (0..count)
        .map(|n| Point {
            stored: match n {
                0 => [i32::MIN, i32::MAX, -1],
                _ => [n as i32 * 3, -(n as i32), random.next() as i32 >> 16],
            },
            intensity: random.next() as u16,
            return_number: random.below(if modern { 16 } else { 8 }) as u8,
            class: random.below(if modern { 256 } else { 32 }) as u8,
            gps_time: n as f64 * 0.25 - 3.0,
            colour: [random.next() as u16, n as u16, 65_535],
        })
        .collect()
}

fn header(shape: Shape, record_bytes: usize, points: &[Point], vlrs: &[u8]) -> Vec<u8> {
    let length: usize = match shape.minor {
        4 => 375,
        3 => 235,
        _ => 227,
    };
    let mut raw = vec![0; length];
    raw[..4].copy_from_slice(b"LASF");
    (raw[24], raw[25]) = (1, shape.minor);
    raw[94..96].copy_from_slice(&(length as u16).to_le_bytes());
    raw[96..100].copy_from_slice(&((length + vlrs.len()) as u32).to_le_bytes());
    raw[100] = u8::from(!vlrs.is_empty());
    raw[104] = shape.format;
    raw[105..107].copy_from_slice(&(record_bytes as u16).to_le_bytes());
    if shape.minor == 4 {
        raw[247..255].copy_from_slice(&(points.len() as u64).to_le_bytes());
    } else {
        raw[107..111].copy_from_slice(&(points.len() as u32).to_le_bytes());
    }
    for axis in 0..3 {
        let mut put = |at: usize, value: f64| {
            raw[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        let all = points.iter().map(|p| p.stored[axis]);
        let metres = |c: Option<i32>| f64::from(c.unwrap_or(0)) * SCALE[axis] + OFFSET[axis];
        put(131 + 8 * axis, SCALE[axis]);
        put(155 + 8 * axis, OFFSET[axis]);
        put(179 + 16 * axis, metres(all.clone().max()));
        put(187 + 16 * axis, metres(all.min()));
    }
    raw.extend(vlrs);
    raw
}

/// A `.las` file.
pub fn las_bytes(shape: Shape, points: &[Point]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = points.iter().map(|p| shape.record(p)).collect();
    let record_bytes = shape.record(&some_points(shape, 1)[0]).len();
    let mut raw = header(shape, record_bytes, points, &[]);
    raw.extend(records.concat());
    raw
}

/// A `.laz` file in chunks of so many points, or in chunks of 1, 2, 3… points.
pub fn laz_bytes(shape: Shape, points: &[Point], chunk: Option<u32>) -> Vec<u8> {
    let extra = shape.extra_bytes as u16;
    let items: Vec<LazItem> =
        LazItemRecordBuilder::default_for_point_format_id(shape.format, extra).unwrap();
    let builder = LazVlrBuilder::new(items);
    let vlr: LazVlr = match chunk {
        Some(points) => builder.with_fixed_chunk_size(points).build(),
        None => builder.with_variable_chunk_size().build(),
    };
    let mut payload = Vec::new();
    vlr.write_to(&mut payload).unwrap();
    let mut vlrs = vec![0; 54];
    vlrs[2..16].copy_from_slice(b"laszip encoded");
    vlrs[18..20].copy_from_slice(&22204u16.to_le_bytes());
    vlrs[20..22].copy_from_slice(&(payload.len() as u16).to_le_bytes());
    vlrs.extend(payload);
    let record_bytes = vlr.items_size() as usize;
    let mut start = header(shape, record_bytes, points, &vlrs);
    start[104] |= 0x80;
    let mut out = Cursor::new(Vec::new());
    out.set_position(start.len() as u64);
    let mut compressor = LasZipCompressor::new(&mut out, vlr).unwrap();
    let (mut size, mut left) = (1, 1);
    for point in points {
        if chunk.is_none() && left == 0 {
            compressor.finish_current_chunk().unwrap();
            size += 1;
            left = size;
        }
        left -= 1;
        compressor.compress_one(&shape.record(point)).unwrap();
    }
    compressor.done().unwrap();
    drop(compressor);
    let mut raw = out.into_inner();
    raw[..start.len()].copy_from_slice(&start);
    raw
}
