//! The header of a LAS file, of any version from 1.0 to 1.4.

use super::damaged;
use crate::Result;
use crate::map::input::{read_error, shown};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

/// The header's least length: that of the versions 1.0 to 1.2.
const LEAST_BYTES: usize = 227;

/// The header's length in version 1.4.
const BYTES_1_4: usize = 375;

/// How long the records of each point format are at least.
const RECORD_BYTES: [usize; 11] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];

/// What a header tells.
pub(super) struct Header {
    pub(super) format: u8,
    pub(super) compressed: bool,
    pub(super) record_bytes: usize,
    pub(super) points: u64,
    /// Where the point records begin.
    pub(super) data_start: u64,
    pub(super) steps: [(f64, f64); 3],
    pub(super) bounds: Option<[[f64; 3]; 2]>,
    /// The payload of the record that LAZ describes its compression in.
    pub(super) laszip: Option<Vec<u8>>,
}

impl Header {
    /// Reads the header at the start of `file`, and the variable-length records of a LAZ file.
    pub(super) fn read(name: &str, file: &mut File, file_bytes: u64) -> Result<Self> {
        let mut raw = [0; BYTES_1_4];
        read_at(name, file, 0, &mut raw[..LEAST_BYTES])?;
        if &raw[..4] != b"LASF" {
            let start = shown(&raw[..4]);
            return Err(damaged(name, &format!("it starts with {start}, not LASF")));
        }
        let version = (raw[24], raw[25]);
        if !matches!(version, (1, 0..=4)) {
            let what = format!(
                "its version is {}.{}, and must be 1.0 to 1.4",
                version.0, version.1
            );
            return Err(damaged(name, &what));
        }
        if version == (1, 4) {
            read_at(name, file, LEAST_BYTES as u64, &mut raw[LEAST_BYTES..])?;
        }
        let header = Header::parse(name, &raw, version, file_bytes)?;
        if !header.compressed {
            return Ok(header);
        }
        let laszip = find_laszip(name, file, &raw, header.data_start)?;
        Ok(Header { laszip, ..header })
    }

    fn parse(
        name: &str,
        raw: &[u8; BYTES_1_4],
        version: (u8, u8),
        file_bytes: u64,
    ) -> Result<Self> {
        // LAZ marks the format's byte with its highest bit; the next one was another marking once.
        let (format, compressed) = (raw[104] & 0x3f, raw[104] & 0xc0 != 0);
        let record_bytes = usize::from(u16_at(raw, 105));
        let least = *RECORD_BYTES.get(usize::from(format)).ok_or_else(|| {
            let byte = raw[104];
            let what = format!("its point format {format} (byte {byte}) is none of 0…10");
            damaged(name, &what)
        })?;
        if record_bytes < least {
            let what = format!(
                "its records have {record_bytes} bytes; point format {format} needs {least} at least"
            );
            return Err(damaged(name, &what));
        }
        let (header_bytes, data_start) = (u64::from(u16_at(raw, 94)), u64::from(u32_at(raw, 96)));
        let least = if version == (1, 4) {
            BYTES_1_4
        } else {
            LEAST_BYTES
        } as u64;
        if header_bytes < least || data_start < header_bytes || data_start > file_bytes {
            let what = format!(
                "its header of {header_bytes} bytes and its points at byte {data_start} do not suit a file of \
                 {file_bytes} bytes"
            );
            return Err(damaged(name, &what));
        }
        let legacy = u64::from(u32_at(raw, 107));
        let points = match (version, u64_at(raw, 247)) {
            ((1, 4), count) if count > 0 => count,
            _ => legacy,
        };
        Ok(Header {
            format,
            compressed,
            record_bytes,
            points,
            data_start,
            steps: steps(name, raw)?,
            bounds: bounds(raw),
            laszip: None,
        })
    }
}

/// The scale and the offset of each axis, such that no stored coordinate becomes infinite.
fn steps(name: &str, raw: &[u8]) -> Result<[(f64, f64); 3]> {
    let steps = [0, 1, 2].map(|axis| (f64_at(raw, 131 + 8 * axis), f64_at(raw, 155 + 8 * axis)));
    let sound = |(scale, offset): (f64, f64)| {
        let farthest = scale.abs() * f64::from(i32::MIN).abs() + offset.abs();
        scale != 0.0 && farthest.is_finite()
    };
    match steps.into_iter().find(|&step| !sound(step)) {
        None => Ok(steps),
        Some((scale, offset)) => Err(damaged(
            name,
            &format!(
                "its scale {scale:e} and offset {offset:e} of an axis give no coordinates: they must be finite, \
                 and the scale not 0"
            ),
        )),
    }
}

/// The box that the header tells, unless it is none.
fn bounds(raw: &[u8]) -> Option<[[f64; 3]; 2]> {
    let least = [0, 1, 2].map(|axis| f64_at(raw, 187 + 16 * axis));
    let greatest = [0, 1, 2].map(|axis| f64_at(raw, 179 + 16 * axis));
    let sound = |(a, b): (&f64, &f64)| a.is_finite() && b.is_finite() && a <= b;
    let all = least.iter().zip(&greatest).all(sound);
    all.then_some([least, greatest])
}

/// Looks through the variable-length records for the one of LAZ.
fn find_laszip(
    name: &str,
    file: &mut File,
    raw: &[u8],
    data_start: u64,
) -> Result<Option<Vec<u8>>> {
    let mut at = u64::from(u16_at(raw, 94));
    for _ in 0..u32_at(raw, 100) {
        let mut head = [0; 54];
        if at + head.len() as u64 > data_start {
            break;
        }
        read_at(name, file, at, &mut head)?;
        let length = u16_at(&head, 20);
        at += head.len() as u64;
        if head[2..].starts_with(b"laszip encoded") && u16_at(&head, 18) == 22204 {
            let mut payload = vec![0; usize::from(length)];
            read_at(name, file, at, &mut payload)?;
            return Ok(Some(payload));
        }
        at += u64::from(length);
    }
    Ok(None)
}

/// Fills `out` from byte `at` on.
pub(super) fn read_at(name: &str, file: &mut File, at: u64, out: &mut [u8]) -> Result<()> {
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(out))
        .map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => damaged(
                name,
                &format!(
                    "it ends before byte {}: it is truncated",
                    at + out.len() as u64
                ),
            ),
            _ => read_error(name, &e),
        })
}

fn bytes_at<const N: usize>(raw: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&raw[at..at + N]);
    bytes
}

fn u16_at(raw: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(raw, at))
}

pub(super) fn u32_at(raw: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(raw, at))
}

pub(super) fn u64_at(raw: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(raw, at))
}

fn f64_at(raw: &[u8], at: usize) -> f64 {
    f64::from_le_bytes(bytes_at(raw, at))
}
