//! `.hgt`: tiles of the Shuttle Radar Topography Mission.
//!
//! Big-endian 16-bit integers, the northernmost row first; −32768 is a void. The file's length tells whether the
//! samples lie one or three arc seconds apart, its name where the tile lies.

use super::{Grid, HeightOptions, degree_m};
use crate::map::input::Bytes;
use crate::{Error, Result};
use std::path::Path;

/// The height that stands for none.
const VOID: i16 = i16::MIN;

/// Samples along each side of a tile, by their distance in arc seconds.
const SIDES: [(u64, f64); 2] = [(3601, 1.0), (1201, 3.0)];

/// Reads a tile.
pub(super) fn read(path: &Path, options: &HeightOptions) -> Result<Grid> {
    let mut bytes = Bytes::open(path, None)?;
    let file = bytes.name().to_owned();
    let length = bytes.total_bytes();
    let (side, seconds) = SIDES
        .into_iter()
        .find(|(side, _)| 2 * side * side == length)
        .ok_or_else(|| {
            Error::input(format!(
                "{file}: it has {length} bytes: an .hgt tile has 25934402 (3601 × 3601 heights) or 2884802 (1201 × \
                 1201)"
            ))
        })?;
    let spacing_m = match (options.spacing_m, south_edge(path)) {
        (Some(_), _) => None,
        (None, Some(south)) => Some(degree_m(south + 0.5).map(|m| m * seconds / 3600.0)),
        (None, None) => {
            return Err(Error::input(format!(
                "{file}: the name of an .hgt tile must begin with its south-west corner, such as N40W074, or the \
                 spacing of its heights must be given"
            )));
        }
    };
    options
        .budget(&file)
        .charge(side * side, size_of::<f32>() as u64)?;
    let mut heights = Vec::with_capacity((side * side) as usize);
    let mut row = vec![0; 2 * side as usize];
    for _ in 0..side {
        bytes.take_exact(&mut row)?;
        let (words, _) = row.as_chunks::<2>();
        heights.extend(words.iter().map(|word| match i16::from_be_bytes(*word) {
            VOID => f32::NAN,
            height => f32::from(height),
        }));
    }
    Ok(Grid {
        rows: side as usize,
        columns: side as usize,
        spacing_m,
        origin_m: [0.0; 2],
        unit_m: 1.0,
        heights,
        north_first: true,
    })
}

/// The latitude of a tile's southern edge, from its name: `N40W074` and what may follow.
fn south_edge(path: &Path) -> Option<f64> {
    let name = path.file_name()?.to_str()?.to_ascii_uppercase();
    let name = name.as_bytes();
    let digits = |part: &[u8]| -> Option<u16> {
        let all = part.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(part).ok().filter(|_| all)?.parse().ok()
    };
    let degrees = digits(name.get(1..3)?).filter(|&d| d <= 90)?;
    let longitude = digits(name.get(4..7)?).filter(|&d| d <= 180)?;
    let west_or_east = matches!(name[3], b'W' | b'E') && longitude <= 180;
    match name[0] {
        b'N' if west_or_east && degrees < 90 => Some(f64::from(degrees)),
        b'S' if west_or_east => Some(-f64::from(degrees)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::south_edge;

    #[test]
    fn the_name_tells_the_latitude() {
        for (name, south) in [
            ("N40W074.hgt", Some(40.0)),
            ("a/s07e110.SRTMGL1.hgt", Some(-7.0)),
            ("N00E006.hgt", Some(0.0)),
            ("N90E006.hgt", None),
            ("N4W074.hgt", None),
            ("N+0W074.hgt", None),
            ("X40W074.hgt", None),
            ("N40W274.hgt", None),
            ("tile.hgt", None),
            (".hgt", None),
        ] {
            assert_eq!(south_edge(name.as_ref()), south, "{name}");
        }
    }
}
