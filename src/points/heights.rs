//! Terrain: heights on a grid.

mod geotiff;
mod hgt;
mod npz;

use crate::map::input::{Bytes, extension, misnamed};
use crate::map::limit::{Budget, available_memory_bytes};
use crate::map::npy::Plane;
use crate::{Error, Result};
use std::path::Path;

/// Heights on a grid whose rows run from west to east and follow one another from south to north.
#[derive(Clone, Debug, PartialEq)]
pub struct Heights {
    /// How many rows there are.
    pub rows: usize,
    /// How many heights a row has.
    pub columns: usize,
    /// How far two neighbours lie apart along x and along y, in metres.
    pub spacing_m: [f64; 2],
    /// The x and the y of the first height of the first row, in metres.
    pub origin_m: [f64; 2],
    /// The heights in metres, row by row, the row of the least y first; NaN where there is none.
    pub heights_m: Vec<f32>,
}

impl Heights {
    /// The x and y in metres of the height in a column of a row.
    pub fn position_m(&self, row: usize, column: usize) -> [f64; 2] {
        [
            self.origin_m[0] + self.spacing_m[0] * column as f64,
            self.origin_m[1] + self.spacing_m[1] * row as f64,
        ]
    }
}

/// How heights are to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct HeightOptions {
    /// How far two neighbours lie apart along x and y in metres; `None` is what the file tells, or 1.
    pub spacing_m: Option<[f64; 2]>,
    /// Metres a unit of the file's heights: 1 by default.
    pub scale_m: f64,
    /// A height, as it stands in the file, that means that there is none; beside those that the format marks so.
    pub void: Option<f64>,
    /// The array of a `.npz` file; `None` is `elevation`, or the only one of two axes.
    pub array: Option<String>,
    /// Whether the first row of an array is the southernmost; usually it is the northernmost.
    pub south_first: bool,
    /// How much memory the heights may take; `None` is what the machine has available.
    pub memory_bytes: Option<u64>,
}

impl Default for HeightOptions {
    fn default() -> Self {
        HeightOptions {
            spacing_m: None,
            scale_m: 1.0,
            void: None,
            array: None,
            south_first: false,
            memory_bytes: None,
        }
    }
}

impl HeightOptions {
    fn budget(&self, file: &str) -> Budget {
        let limit = self.memory_bytes.unwrap_or_else(available_memory_bytes);
        Budget::new(file.to_owned(), limit)
    }

    fn check(&self, file: &str) -> Result<()> {
        let given = self.spacing_m.iter().flatten().chain([&self.scale_m]);
        match given.copied().find(|&n| !(n > 0.0 && n.is_finite())) {
            None => Ok(()),
            Some(n) => Err(Error::input(format!(
                "{file}: {n} metres cannot be the spacing or the unit of its heights: it must be a positive number"
            ))),
        }
    }
}

/// A grid as a file has it, before the options are minded.
struct Grid {
    rows: usize,
    columns: usize,
    /// What the file tells of the spacing, in metres.
    spacing_m: Option<[f64; 2]>,
    /// The position of the southernmost row's first height.
    origin_m: [f64; 2],
    /// Metres a unit of the heights.
    unit_m: f64,
    /// In units of the file; NaN for a void.
    heights: Vec<f32>,
    north_first: bool,
}

/// Reads heights from a `.hgt`, GeoTIFF (`.tif`, `.tiff`), `.npy` or `.npz` file.
///
/// - `.hgt` is a tile of the Shuttle Radar Topography Mission, of one or three arc seconds, named by the degree at
///   its south-west corner. Its origin is (0, 0); an arc second is as many metres as at the tile's centre.
/// - A GeoTIFF has one band. Its spacing and origin are those of its pixel scale and tie point; where these are
///   degrees they are treated like those of `.hgt`.
/// - `.npy` and `.npz` are arrays of NumPy with two axes: rows from north to south, and columns.
///
/// A degree has the length that it has on the ellipsoid WGS 84 at latitude φ: with a = 6,378,137 m, e² =
/// 0.00669437999014 and w = 1 − e² sin² φ it is π/180 · a (1 − e²) / w^1.5 along a meridian and
/// π/180 · a cos φ / w^0.5 along a parallel.
///
/// # Errors
/// [`Error::Input`] if the file is not what its extension says, has no height, or does not fit into memory;
/// [`Error::Machine`] if reading fails.
pub fn read_heights(path: &Path, options: &HeightOptions) -> Result<Heights> {
    let file = path.display().to_string();
    options.check(&file)?;
    let grid = match extension(path).as_str() {
        "hgt" => hgt::read(path, options)?,
        "tif" | "tiff" => geotiff::read(path, options)?,
        "npy" => of_array(
            &mut Bytes::open(path, None)?,
            options,
            options.budget(&file),
        )?,
        "npz" => npz::read(path, options)?,
        _ => {
            let right = "the name of a file of heights must end in .hgt, .tif, .tiff, .npy or .npz";
            return Err(misnamed(path, right));
        }
    };
    if grid.heights.is_empty() {
        return Err(Error::input(format!("{file}: it has no height")));
    }
    settle(&file, grid, options)
}

/// The grid of an array.
fn of_array(bytes: &mut Bytes, options: &HeightOptions, mut budget: Budget) -> Result<Grid> {
    let plane = Plane::read(bytes, &mut budget)?;
    Ok(Grid {
        rows: plane.rows,
        columns: plane.columns,
        spacing_m: None,
        origin_m: [0.0; 2],
        unit_m: 1.0,
        heights: plane.values,
        north_first: !options.south_first,
    })
}

/// Turns the rows, marks the voids, and makes metres of units.
fn settle(file: &str, grid: Grid, options: &HeightOptions) -> Result<Heights> {
    let mut heights = grid.heights;
    if let Some(void) = options.void {
        let void = void as f32;
        let voids = heights.iter_mut().filter(|height| **height == void);
        voids.for_each(|height| *height = f32::NAN);
    }
    if grid.north_first {
        let (mut south, mut north) = (0, grid.rows - 1);
        while south < north {
            let (first, second) = heights.split_at_mut(north * grid.columns);
            let row = south * grid.columns;
            first[row..row + grid.columns].swap_with_slice(&mut second[..grid.columns]);
            (south, north) = (south + 1, north - 1);
        }
    }
    let unit_m = (grid.unit_m * options.scale_m) as f32;
    if unit_m != 1.0 {
        heights.iter_mut().for_each(|height| *height *= unit_m);
    }
    if let Some(height) = heights.iter().find(|height| height.is_infinite()) {
        return Err(Error::input(format!(
            "{file}: a height is {height} metres: it must be finite, or NaN where there is none"
        )));
    }
    Ok(Heights {
        rows: grid.rows,
        columns: grid.columns,
        spacing_m: options.spacing_m.or(grid.spacing_m).unwrap_or([1.0; 2]),
        origin_m: grid.origin_m,
        heights_m: heights,
    })
}

/// How many metres a degree along a parallel and along a meridian is on the ellipsoid WGS 84, at a latitude in
/// degrees.
fn degree_m(latitude: f64) -> [f64; 2] {
    const EQUATOR_M: f64 = 6_378_137.0;
    const ECCENTRICITY_SQUARED: f64 = 0.006_694_379_990_14;
    let (sin, cos) = latitude.to_radians().sin_cos();
    let w = 1.0 - ECCENTRICITY_SQUARED * sin * sin;
    let meridian_m = EQUATOR_M * (1.0 - ECCENTRICITY_SQUARED) / w.powf(1.5);
    let parallel_m = EQUATOR_M * cos / w.sqrt();
    [parallel_m, meridian_m].map(f64::to_radians)
}

#[cfg(test)]
mod tests {
    use super::degree_m;

    /// From the tables of the lengths of a degree on WGS 84.
    #[test]
    fn a_degree_has_its_published_length() {
        for (latitude, parallel_m, meridian_m) in [
            (0.0, 111_320.0, 110_574.0),
            (45.0, 78_847.0, 111_132.0),
            (60.0, 55_800.0, 111_412.0),
            (-75.0, 28_902.0, 111_618.0),
        ] {
            let [x, y] = degree_m(latitude);
            assert!((x - parallel_m).abs() < 1.0, "{latitude}: {x}");
            assert!((y - meridian_m).abs() < 1.0, "{latitude}: {y}");
        }
    }
}
