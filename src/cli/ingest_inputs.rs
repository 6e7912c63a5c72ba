//! The inputs of `octaflow ingest`: what each of them is, and the reading of those that are read as a whole.

use super::ingest::IngestConfig;
use crate::brick::CellMap;
use crate::ingest::{Bounds, Closed, Facts, Scan, Sensor, Terrain};
use crate::lattice::Frame;
use crate::map::columns::survey;
use crate::map::input::extension;
use crate::map::{ReadOptions, Unknown, read_map, read_occupied, read_table};
use crate::points::{HeightOptions, PointFile, PointOptions, PointShare, Points, read_heights};
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The columns of a table of points that tell where each was seen from.
const SENSOR_COLUMNS: [&str; 3] = ["sx", "sy", "sz"];

/// The column of a table of cells that holds their costs.
const COST_COLUMN: &str = "cost";

/// The most attributes that are averaged.
const MOST_ATTRIBUTES: usize = 1000;

/// How many points are read at once.
const BATCH_POINTS: usize = 1 << 15;

/// What an input is.
#[derive(Debug)]
enum Kind {
    Points(PointInput),
    Terrain,
    Map,
}

/// A point cloud: which of its attributes are read, and what they are.
#[derive(Clone, Debug)]
struct PointInput {
    chosen: Vec<String>,
    attributes: Vec<Option<usize>>,
    sensor: Sensor,
    total: u64,
    stretches: u64,
}

/// What is read as a whole, by the first worker of a process that needs it.
#[derive(Debug)]
pub(super) enum Whole {
    Terrain(Terrain),
    /// A map, and what it says of cells that it does not leave open.
    Map(CellMap, Closed),
}

/// One input.
#[derive(Debug)]
pub(super) struct Input {
    pub path: PathBuf,
    kind: Kind,
    whole: Mutex<Option<Arc<Whole>>>,
}

/// All inputs, in order.
#[derive(Debug)]
pub(super) struct Inputs {
    pub list: Vec<Input>,
    /// The attributes that are averaged: those of the earlier result first.
    pub attributes: Vec<String>,
    /// Where points are, by the word of their headers.
    pub hinted: Bounds,
    config: IngestConfig,
    frame: Option<Frame>,
}

impl Inputs {
    /// Looks at the headers of all inputs.
    pub fn open(config: &IngestConfig, former: Option<&Facts>) -> Result<Inputs> {
        let mut inputs = Inputs {
            list: Vec::new(),
            attributes: former.map_or_else(Vec::new, |facts| facts.attributes.clone()),
            hinted: Bounds::NONE,
            config: config.clone(),
            frame: former
                .filter(|_| config.onto.is_some())
                .map(|facts| facts.frame),
        };
        let mut found = Vec::new();
        for (n, path) in config.inputs.iter().enumerate() {
            let kind = inputs.kind_of(n, path, &mut found)?;
            inputs.list.push(Input {
                path: path.clone(),
                kind,
                whole: Mutex::new(None),
            });
        }
        let asked = config.attributes.iter().flatten();
        if let Some(missing) = asked.into_iter().find(|name| !found.contains(name)) {
            return Err(Error::input(format!(
                "--attributes {missing}: no input has such an attribute; they have: {}",
                if found.is_empty() {
                    "none".to_owned()
                } else {
                    found.join(", ")
                }
            )));
        }
        let has_sensor = |input: &Input| matches!(&input.kind, Kind::Points(points) if points.sensor != Sensor::Unknown);
        if config.max_range_m.is_some() && !inputs.list.iter().any(has_sensor) {
            return Err(Error::input(
                "--max-range is measured from the sensor: give --sensor X,Y,Z or --sensors FILE too",
            ));
        }
        Ok(inputs)
    }

    fn kind_of(&mut self, n: usize, path: &Path, found: &mut Vec<String>) -> Result<Kind> {
        let has_ends = self.config.terrain.top_m.is_some();
        let kind = match extension(path).as_str() {
            "hgt" | "tif" | "tiff" | "npz" => Kind::Terrain,
            "npy" if has_ends => Kind::Terrain,
            "bt" | "3dmap" | "npy" => Kind::Map,
            "csv" | "parquet" if path.is_file() && is_map(path)? => Kind::Map,
            _ => Kind::Points(self.points_of(n, path, found)?),
        };
        if matches!(kind, Kind::Terrain) && !has_ends {
            return Err(Error::input(format!(
                "{}: terrain fills heights from --bottom Z to --top Z: give both",
                path.display()
            )));
        }
        Ok(kind)
    }

    /// Looks at the header of a point cloud, and at which of its attributes are asked for.
    fn points_of(&mut self, n: usize, path: &Path, found: &mut Vec<String>) -> Result<PointInput> {
        let file = PointFile::open(path, &self.point_options(None))?;
        for corner in file.bounds_m().into_iter().flatten() {
            self.hinted.add(corner);
        }
        let names = file.attributes();
        let has = |name: &str| names.iter().any(|n| n == name);
        let has_sensor = SENSOR_COLUMNS.iter().all(|name| has(name));
        let is_sensor = |name: &String| has_sensor && SENSOR_COLUMNS.contains(&name.as_str());
        found.extend(
            names
                .iter()
                .filter(|name| !found.contains(name))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let is_asked = |name: &&String| match &self.config.attributes {
            Some(asked) => asked.contains(name),
            None => !is_sensor(name),
        };
        let mut chosen: Vec<String> = names.iter().filter(is_asked).cloned().collect();
        let mut attributes = Vec::new();
        for name in &chosen {
            let place = self.attributes.iter().position(|other| other == name);
            attributes.push(Some(place.unwrap_or(self.attributes.len())));
            if place.is_none() {
                self.attributes.push(name.clone());
            }
        }
        if self.attributes.len() > MOST_ATTRIBUTES {
            return Err(Error::input(format!(
                "{}: with it there are more than {MOST_ATTRIBUTES} attributes to average: name fewer with --attributes",
                path.display()
            )));
        }
        let total = file.total();
        let mut sensor = match self.config.sensors.get(n) {
            Some(&position_m) => Sensor::At(position_m),
            None => Sensor::Unknown,
        };
        if has_sensor {
            let columns = SENSOR_COLUMNS.map(|name| {
                let place = chosen.iter().position(|other| other == name);
                place.unwrap_or_else(|| {
                    chosen.push(name.to_owned());
                    attributes.push(None);
                    chosen.len() - 1
                })
            });
            sensor = Sensor::Columns(columns, self.config.unit_scale_m);
        }
        Ok(PointInput {
            chosen,
            attributes,
            sensor,
            total: total.unwrap_or(0),
            stretches: match self.config.run.checkpoint {
                Some(_) => stretches(path, total, sensor != Sensor::Unknown)?,
                None => 1,
            },
        })
    }

    fn point_options(&self, attributes: Option<Vec<String>>) -> PointOptions {
        PointOptions {
            scale_m: self.config.unit_scale_m,
            attributes,
            ..PointOptions::default()
        }
    }

    /// The frame, where it follows without a look at the points: that of the earlier result, of the flags, or of the
    /// first map.
    pub fn frame(&self) -> Result<Option<Frame>> {
        let (cell_size_m, origin_m) = (self.config.cell_size_m, self.config.origin_m);
        if self.frame.is_some() {
            return Ok(self.frame);
        }
        let first_map = self
            .list
            .iter()
            .find(|input| matches!(input.kind, Kind::Map));
        match (cell_size_m, origin_m, first_map) {
            (Some(cell_size_m), Some(origin_m), _) => Frame::new(origin_m, cell_size_m)
                .map(Some)
                .map_err(|e| Error::input(format!("--cell-size and --origin: {e}"))),
            (_, _, Some(input)) => match &*self.whole(input)? {
                Whole::Map(map, _) => Ok(Some(map.frame)),
                Whole::Terrain(_) => unreachable!("a map was read"),
            },
            (None, ..) => Err(Error::input(
                "no cell size is given: say with --cell-size M how far apart cells are to lie",
            )),
            _ => Ok(None),
        }
    }

    /// What a user should know who takes a table of points for one of cells: a sentence for each table whose costs are
    /// averaged though nobody has asked for that.
    pub fn notes(&self) -> Vec<String> {
        let of = |input: &Input| {
            let Kind::Points(points) = &input.kind else {
                return None;
            };
            let is_table = matches!(
                extension(&input.path).as_str(),
                "csv" | "parquet" | "json" | "ndjson" | "jsonl"
            );
            let has_costs = points.chosen.iter().any(|name| name == COST_COLUMN);
            (is_table && has_costs && self.config.attributes.is_none()).then(|| {
                format!(
                    "{}: a table with x,y,z is read as points, which block their cells, and its column \"{COST_COLUMN}\" \
                     as an attribute: if its rows are cells of a map, name them by lx,ly,lz",
                    input.path.display()
                )
            })
        };
        self.list.iter().filter_map(of).collect()
    }

    /// How many points all headers tell of.
    pub fn total(&self) -> u64 {
        let totals = self.list.iter().map(|input| match &input.kind {
            Kind::Points(points) => points.total,
            _ => 0,
        });
        totals.fold(0, u64::saturating_add)
    }

    /// Into how many stretches an input is cut, between which checkpoints may be taken: the same for any number of
    /// workers.
    pub fn stretches(&self, input: &Input) -> u64 {
        match &input.kind {
            Kind::Points(points) => points.stretches,
            _ => 1,
        }
    }

    /// Terrain or a map, read by the first worker that asks.
    pub fn whole(&self, input: &Input) -> Result<Arc<Whole>> {
        let mut whole = input.whole.lock().expect("no worker panics here");
        if let Some(whole) = &*whole {
            return Ok(whole.clone());
        }
        let read = match input.kind {
            Kind::Map => self.read_map(&input.path)?,
            _ => Whole::Terrain(self.read_terrain(&input.path)?),
        };
        Ok(whole.insert(Arc::new(read)).clone())
    }

    /// Forgets what was read as a whole.
    pub fn forget(&self, input: &Input) {
        input.whole.lock().expect("no worker panics here").take();
    }

    /// What a scan of points is counted by; `None` for other inputs.
    pub fn scan(&self, input: &Input, frame: Frame) -> Option<Scan> {
        let Kind::Points(points) = &input.kind else {
            return None;
        };
        Some(Scan {
            file: input.path.display().to_string(),
            frame,
            columns: points.chosen.clone(),
            attributes: points.attributes.clone(),
            sensor: points.sensor,
            max_range_m: self.config.max_range_m,
        })
    }

    /// Reads one worker's share of a stretch of a point cloud, batch by batch.
    pub fn read_points(
        &self,
        input: &Input,
        stretch: u64,
        [index, peers]: [usize; 2],
        mut each: impl FnMut(&Points) -> Result<()>,
    ) -> Result<()> {
        let Kind::Points(points) = &input.kind else {
            return Ok(());
        };
        // The shares of a stretch follow one another, and so do the stretches.
        let first = stretch as usize * peers;
        let shares = points.stretches as usize * peers;
        let chosen = points.chosen.clone();
        let mut share = self.share(&input.path, chosen, first + index, shares)?;
        let mut batch = Points::default();
        while share.next_batch(&mut batch, BATCH_POINTS)? {
            each(&batch)?;
        }
        Ok(())
    }

    fn share(
        &self,
        path: &Path,
        attributes: Vec<String>,
        index: usize,
        peers: usize,
    ) -> Result<PointShare> {
        PointFile::open(path, &self.point_options(Some(attributes)))?.share(index, peers)
    }

    /// The bounds of one worker's share of the points and their sensors, and of all terrain.
    pub fn bounds(&self, index: usize, peers: usize) -> Result<Bounds> {
        let mut bounds = Bounds::NONE;
        for input in &self.list {
            let points = match &input.kind {
                Kind::Points(points) => points,
                Kind::Map => continue,
                Kind::Terrain => {
                    if let Whole::Terrain(terrain) = &*self.whole(input)? {
                        bounds.merge(&terrain.bounds());
                    }
                    continue;
                }
            };
            let (names, scale_m) = match points.sensor {
                Sensor::Columns(_, scale_m) => {
                    (SENSOR_COLUMNS.map(str::to_owned).to_vec(), scale_m)
                }
                _ => (Vec::new(), 1.0),
            };
            if let Sensor::At(position_m) = points.sensor {
                bounds.add(position_m);
            }
            let mut share = self.share(&input.path, names, index, peers)?;
            let mut batch = Points::default();
            while share.next_batch(&mut batch, BATCH_POINTS)? {
                batch
                    .xyz
                    .iter()
                    .for_each(|&position_m| bounds.add(position_m));
                if let [x, y, z] = &batch.attributes[..] {
                    for ((x, y), z) in x.iter().zip(y).zip(z) {
                        bounds.add([x, y, z].map(|c| c * scale_m));
                    }
                }
            }
        }
        Ok(bounds)
    }

    fn read_map(&self, path: &Path) -> Result<Whole> {
        let extension = extension(path);
        let own_frame = extension == "bt";
        let known = self
            .frame
            .map(|frame| (frame.cell_size_m(), frame.origin_m()));
        let cell_size_m = known.map(|k| k.0).or(self.config.cell_size_m);
        let origin_m = known.map(|k| k.1).or(self.config.origin_m);
        let options = ReadOptions {
            unknown: self.config.unknown.unwrap_or(Unknown::Blocked),
            axes: self.config.axes,
            cell_size_m: cell_size_m.filter(|_| !own_frame),
            origin_m: origin_m.filter(|_| !own_frame),
            ..ReadOptions::default()
        };
        let closed = match extension.as_str() {
            "csv" | "parquet" => {
                let (map, blocked) = read_table(path, &options)?;
                return Ok(Whole::Map(map, Closed::Cells(blocked)));
            }
            "bt" => Closed::Voxels(read_occupied(path, &options)?),
            _ => Closed::Box,
        };
        Ok(Whole::Map(read_map(path, &options)?, closed))
    }

    fn read_terrain(&self, path: &Path) -> Result<Terrain> {
        let terrain = &self.config.terrain;
        let options = HeightOptions {
            spacing_m: terrain.spacing_m.map(|m| [m; 2]),
            scale_m: self.config.unit_scale_m,
            void: terrain.void,
            array: terrain.array.clone(),
            south_first: terrain.south_first,
            ..HeightOptions::default()
        };
        let (Some(bottom_m), Some(top_m)) = (terrain.bottom_m, terrain.top_m) else {
            unreachable!("terrain was refused without its ends");
        };
        Ok(Terrain {
            file: path.display().to_string(),
            heights: read_heights(path, &options)?,
            bottom_m,
            top_m,
        })
    }
}

/// Into how many stretches a file with so many points is cut: at least four, each of at most about a million points.
fn stretches(path: &Path, points: Option<u64>, seen: bool) -> Result<u64> {
    const FEWEST: u64 = 4;
    /// A table in which something is quoted cannot be cut, which only a look at all of it tells.
    const MOST_OF_CSV: u64 = 8;
    const MOST: u64 = 1 << 20;
    const POINTS: u64 = 1 << 20;
    /// Rays take so much more time.
    const POINTS_WITH_RAYS: u64 = 1 << 16;
    const BYTES: u64 = 1 << 25;
    let most_points = if seen { POINTS_WITH_RAYS } else { POINTS };
    let count = match points {
        Some(points) => points.div_ceil(most_points),
        None => crate::map::input::open(path)?.1.div_ceil(BYTES),
    };
    let most = if extension(path) == "csv" {
        MOST_OF_CSV
    } else {
        MOST
    };
    Ok(count.clamp(FEWEST, most))
}

/// True for a table of cells by lattice coordinates.
fn is_map(path: &Path) -> Result<bool> {
    let found = survey(path)?.numeric;
    Ok(["lx", "ly", "lz"]
        .iter()
        .all(|name| found.iter().any(|n| n == name)))
}
