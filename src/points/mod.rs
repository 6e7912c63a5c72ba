//! Points and terrain: readers of point clouds and of fields of heights.
//!
//! ```text
//! .las .laz ──────────── header ─┐
//! .ply .pcd ──────────── header ─┼─ PointFile ─ share ─ PointShare ─ batches of Points
//! .csv .parquet .ndjson ─ survey ─┘
//!
//! .hgt .tif .npy .npz ─ Heights
//! ```
//!
//! A point cloud is read in batches, each of bounded size, and several readers may share one file. What a header
//! claims is held against the file's length; nothing is allocated by its word alone.

mod heights;
mod las;
mod lines;
mod pcd;
mod ply;
mod records;
mod table;

pub use heights::{HeightOptions, Heights, read_heights};

use crate::map::input::{Share, extension};
use crate::{Error, Result};
use std::path::Path;

/// The most bytes that a batch of points takes, unless a single point has more attributes than that.
const BATCH_BYTES: usize = 16 << 20;

/// Points, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Positions in metres in the file's own frame; finite.
    pub xyz: Vec<[f64; 3]>,
    /// For each of [`PointFile::attributes`] its values, one a point; NaN where a table has none.
    pub attributes: Vec<Vec<f64>>,
}

impl Points {
    /// How many points there are.
    pub fn len(&self) -> usize {
        self.xyz.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.xyz.is_empty()
    }

    /// Takes all points away and leaves as many columns as there are attributes.
    fn reset(&mut self, attributes: usize) {
        self.xyz.clear();
        self.attributes.resize_with(attributes, Vec::new);
        self.attributes.iter_mut().for_each(Vec::clear);
    }
}

/// How a point cloud is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct PointOptions {
    /// Metres a unit of the file's coordinates: 1 by default, 0.3048 for international feet.
    pub scale_m: f64,
    /// The attributes to read, in this order; `None` is all that the file has. In a table, a column that is named
    /// here must hold numbers; of the others those are attributes whose first values are numbers.
    pub attributes: Option<Vec<String>>,
    /// How much memory a file may take that has to be decompressed as a whole; `None` is what the machine has
    /// available.
    pub memory_bytes: Option<u64>,
}

impl Default for PointOptions {
    fn default() -> Self {
        PointOptions {
            scale_m: 1.0,
            attributes: None,
            memory_bytes: None,
        }
    }
}

/// A file of one format, its header read and checked.
trait Format: Send {
    /// The names of all attributes, in the file's order.
    fn attributes(&self) -> &[String];

    /// How many points the header tells of.
    fn total(&self) -> Option<u64>;

    /// The least and the greatest coordinates that the header tells, in units of the file.
    fn bounds(&self) -> Option<[[f64; 3]; 2]> {
        None
    }

    /// A reader of one share, which gives the attributes `chosen`, by their place among all.
    fn share(self: Box<Self>, share: Share, chosen: &[usize]) -> Result<Box<dyn Batches>>;
}

/// A reader of points in units of the file.
trait Batches: Send {
    /// Adds at least one and at most `at_most` points to `points`, which has a column for each chosen attribute;
    /// false, and adds none, at the end.
    fn next_batch(&mut self, points: &mut Points, at_most: usize) -> Result<bool>;
}

/// The share of one who has nothing to read, because the format cannot be cut.
struct Nothing;

impl Batches for Nothing {
    fn next_batch(&mut self, _: &mut Points, _: usize) -> Result<bool> {
        Ok(false)
    }
}

/// A point cloud whose header was read and checked.
pub struct PointFile {
    file: String,
    format: Box<dyn Format>,
    scale_m: f64,
    /// The places of the attributes asked for, and their names.
    chosen: Vec<usize>,
    names: Vec<String>,
}

impl PointFile {
    /// Opens a point cloud by the extension of its name: `.las`, `.laz`, `.ply`, `.pcd`, `.csv`, `.parquet`,
    /// `.json`, `.ndjson` or `.jsonl`.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is not what its extension says, has no attribute that is asked for, or the scale
    /// is not positive and finite; [`Error::Machine`] if reading fails.
    pub fn open(path: &Path, options: &PointOptions) -> Result<PointFile> {
        let file = path.display().to_string();
        if !(options.scale_m > 0.0 && options.scale_m.is_finite()) {
            return Err(Error::input(format!(
                "{file}: {} metres a unit cannot be its scale: it must be a positive number",
                options.scale_m
            )));
        }
        let metadata =
            std::fs::metadata(path).map_err(|e| crate::map::input::read_error(&file, &e))?;
        if !metadata.is_file() {
            return Err(Error::input(format!(
                "{file}: it is no regular file: points are read from one, because several workers share it"
            )));
        }
        let asked = options.attributes.as_deref();
        check_asked(&file, asked.unwrap_or_default())?;
        let format: Box<dyn Format> = match extension(path).as_str() {
            "las" | "laz" => Box::new(las::Las::open(path, options)?),
            "ply" => Box::new(ply::Ply::open(path)?),
            "pcd" => Box::new(pcd::Pcd::open(path, options)?),
            "csv" | "parquet" | "json" | "ndjson" | "jsonl" => {
                Box::new(table::Table::open(path, asked)?)
            }
            _ => {
                let right = "the name of a point cloud must end in .las, .laz, .ply, .pcd, .csv, .parquet, .ndjson \
                             or .json";
                return Err(crate::map::input::misnamed(path, right));
            }
        };
        let chosen = choose(&file, format.attributes(), asked)?;
        let names = chosen.iter().map(|&n| format.attributes()[n].clone());
        Ok(PointFile {
            names: names.collect(),
            file,
            chosen,
            format,
            scale_m: options.scale_m,
        })
    }

    /// The names of the attributes that are read beside x, y and z: those asked for, or all in the file's order.
    pub fn attributes(&self) -> &[String] {
        &self.names
    }

    /// How many points there are, where the header tells. `.pcd` files count points that are not valid, which no
    /// batch has.
    pub fn total(&self) -> Option<u64> {
        self.format.total()
    }

    /// The least and the greatest coordinates in metres, where the header tells: a hint, which points may belie.
    pub fn bounds_m(&self) -> Option<[[f64; 3]; 2]> {
        let bounds = self.format.bounds()?;
        Some(bounds.map(|corner| corner.map(|c| c * self.scale_m)))
    }

    /// The share of one of `peers` readers: their shares are disjoint, and together they are the file, in its order.
    /// Where the format cannot be cut, share 0 has all.
    ///
    /// # Errors
    /// [`Error::Input`] if the file has no such layout as its header says; [`Error::Machine`] if reading fails.
    ///
    /// # Panics
    /// Unless `index` is less than `peers`.
    pub fn share(self, index: usize, peers: usize) -> Result<PointShare> {
        assert!(index < peers, "share {index} of {peers} shares");
        let batches = self.format.share(Share { index, peers }, &self.chosen)?;
        let point_bytes = size_of::<[f64; 3]>() + size_of::<f64>() * self.chosen.len();
        Ok(PointShare {
            file: self.file,
            batches,
            scale_m: self.scale_m,
            attributes: self.chosen.len(),
            most: (BATCH_BYTES / point_bytes).max(1),
            ended: false,
        })
    }
}

/// Asserts that no attribute is asked for twice.
fn check_asked(file: &str, asked: &[String]) -> Result<()> {
    let double = (1..asked.len()).find(|&n| asked[..n].contains(&asked[n]));
    match double {
        None => Ok(()),
        Some(n) => Err(Error::input(format!(
            "{file}: the attribute {} is asked for twice: it can be read once",
            crate::map::input::shown(asked[n].as_bytes())
        ))),
    }
}

/// Finds the attributes asked for among those that there are.
fn choose(file: &str, all: &[String], asked: Option<&[String]>) -> Result<Vec<usize>> {
    let Some(asked) = asked else {
        return Ok((0..all.len()).collect());
    };
    let place = |name: &String| {
        all.iter().position(|other| other == name).ok_or_else(|| {
            let known = crate::map::input::told(&all.join(", "));
            let name = crate::map::input::shown(name.as_bytes());
            Error::input(format!(
                "{file}: it has no attribute {name}: it must be one of those it has ({known})"
            ))
        })
    };
    asked.iter().map(place).collect()
}

/// One reader's share of a point cloud.
pub struct PointShare {
    file: String,
    batches: Box<dyn Batches>,
    scale_m: f64,
    attributes: usize,
    /// The most points of a batch, whatever is asked for.
    most: usize,
    ended: bool,
}

impl PointShare {
    /// Clears `points` and fills it with the next points: at least one, at most `at_most` (0 counts as 1), and never
    /// more than 16 MiB of them. False, and no point, at the end of the share.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is malformed or a coordinate is not finite; [`Error::Machine`] if reading fails.
    /// After an error the share has ended.
    pub fn next_batch(&mut self, points: &mut Points, at_most: usize) -> Result<bool> {
        points.reset(self.attributes);
        if self.ended {
            return Ok(false);
        }
        let result = self
            .batches
            .next_batch(points, at_most.clamp(1, self.most))
            .and_then(|more| self.rescale(points).map(|()| more));
        if !matches!(result, Ok(true)) {
            self.ended = true;
            points.reset(self.attributes);
        }
        result
    }

    /// Makes metres of units of the file.
    fn rescale(&self, points: &mut Points) -> Result<()> {
        if self.scale_m == 1.0 {
            return Ok(());
        }
        let mut finite = true;
        for c in points.xyz.as_flattened_mut() {
            *c *= self.scale_m;
            finite &= c.is_finite();
        }
        if finite {
            return Ok(());
        }
        Err(Error::input(format!(
            "{}: a coordinate is not finite in metres: the scale of {} metres a unit is too large",
            self.file, self.scale_m
        )))
    }
}
