//! The arguments of `octaflow ingest`.

use super::checkpoint_args::CheckpointArgs;
use super::cluster::ClusterArgs;
use super::hive::HiveConfig;
use super::resume::Resumption;
use super::run_args::{AxesArg, MapConfig, RunConfig, UnknownArg, check_apart, path, setting};
use crate::lake::Stage;
use crate::lattice::Header;
use crate::map::{Axes, Unknown, parse_position, read_positions};
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// Makes cells of point clouds, terrain and maps: points counted, space found free, attributes averaged, at one or more
/// levels of detail.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct IngestArgs {
    /// What to read, in order: points (.las, .laz, .ply, .pcd, .csv, .parquet, .json), terrain (.hgt, .tif, .npz, .npy) or maps (.bt, .3dmap, .npy, tables with lx,ly,lz)
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    /// The spacing of cells in metres; a map that comes first, or --onto, brings its own
    #[arg(
        help_heading = "Cells",
        long,
        value_name = "M",
        allow_negative_numbers = true
    )]
    cell_size: Option<f64>,

    /// Where cell 0,0,0 lies in metres [default: a brick before the least of all inputs]
    #[arg(
        help_heading = "Cells",
        long,
        value_name = "X,Y,Z",
        allow_hyphen_values = true
    )]
    origin: Option<String>,

    /// The fewest points that block a cell [default: 1]
    #[arg(
        help_heading = "Cells",
        long,
        value_name = "N",
        allow_negative_numbers = true
    )]
    min_points: Option<u64>,

    /// What cells are that nothing is known of: open makes those in the box of the points open [default: blocked]
    #[arg(help_heading = "Cells", long, value_enum)]
    unknown: Option<UnknownArg>,

    /// Adds to what an earlier ingest left in a folder
    #[arg(help_heading = "Cells", long, value_name = "DIR")]
    onto: Option<PathBuf>,

    /// Metres a unit of the inputs' coordinates and heights: 0.3048 for feet
    #[arg(
        help_heading = "Points",
        long,
        value_name = "S",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    unit_scale: f64,

    /// The attributes to average, by name; none for none [default: all]
    #[arg(
        help_heading = "Points",
        long,
        value_name = "NAMES",
        value_delimiter = ','
    )]
    attributes: Option<Vec<String>>,

    /// Where the points were seen from, in metres: space between is free; once, or once for each INPUT
    #[arg(
        help_heading = "Points",
        long,
        value_name = "X,Y,Z",
        allow_hyphen_values = true
    )]
    sensor: Vec<String>,

    /// A table with columns x,y,z: a row with the sensor's position for each INPUT
    #[arg(
        help_heading = "Points",
        long,
        value_name = "FILE",
        conflicts_with = "sensor"
    )]
    sensors: Option<PathBuf>,

    /// Points farther from the sensor than this are not counted, and their rays end there
    #[arg(
        help_heading = "Points",
        long,
        value_name = "M",
        allow_negative_numbers = true
    )]
    max_range: Option<f64>,

    /// The least height of cells that terrain fills
    #[arg(
        help_heading = "Terrain",
        long,
        value_name = "Z",
        allow_negative_numbers = true
    )]
    bottom: Option<f64>,

    /// The greatest height of cells that terrain fills
    #[arg(
        help_heading = "Terrain",
        long,
        value_name = "Z",
        allow_negative_numbers = true
    )]
    top: Option<f64>,

    /// How far heights lie apart in metres, where the file does not tell [default: 1]
    #[arg(
        help_heading = "Terrain",
        long,
        value_name = "M",
        allow_negative_numbers = true
    )]
    spacing: Option<f64>,

    /// The height that means that there is none, where the file does not tell
    #[arg(
        help_heading = "Terrain",
        long,
        value_name = "Z",
        allow_negative_numbers = true
    )]
    void: Option<f64>,

    /// Which array of an .npz file holds the heights
    #[arg(help_heading = "Terrain", long, value_name = "NAME")]
    array: Option<String>,

    /// The first row of an array is the southernmost
    #[arg(help_heading = "Terrain", long)]
    south_first: bool,

    /// What the indices of an .npy map run along
    #[arg(help_heading = "Maps", long, value_enum, default_value = "xyz")]
    axes: AxesArg,

    /// The levels of detail to write; 15, the finest, always is
    #[arg(help_heading = "Results", long, value_name = "L,…", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(0..=15))]
    lods: Option<Vec<u8>>,

    /// Writes the cells whose cost changed, an epoch an INPUT, as a table of updates: .csv, .parquet, or - for CSV on stdout
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    changes: Option<PathBuf>,

    /// The level of detail of --changes
    #[arg(help_heading = "Results", long, value_name = "L", default_value_t = Header::CELL.lod, value_parser = clap::value_parser!(u8).range(0..=15))]
    changes_lod: u8,

    /// Where the results go: a folder that is absent, empty, or a former result, which is replaced whole
    #[arg(help_heading = "Results", long, value_name = "DIR")]
    out: PathBuf,

    /// Prints the summary as JSON on stdout
    #[arg(help_heading = "Results", long)]
    json: bool,

    /// No progress bars and no summary in words
    #[arg(help_heading = "Results", long)]
    quiet: bool,

    #[command(flatten)]
    checkpoints: CheckpointArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// What the run goes on from.
    #[arg(skip)]
    resumes: Option<Resumption>,
}

const EXAMPLES: &str = "Examples:
  octaflow ingest examples/data/geb079.bt --lods 15,14,13 --out building
  octaflow ingest town.laz --cell-size 0.5 --lods 15,14,13 --out town
  octaflow ingest scan1.ply scan2.ply --cell-size 0.1 --sensor 0,0,1.2 --sensor 4,0,1.2 --max-range 30 --out rooms
  octaflow ingest valley.hgt --cell-size 30 --bottom 0 --top 2000 --out valley
  octaflow ingest city/*.laz --cell-size 0.25 --checkpoint saved --checkpoint-every 5m --out city   (if killed: octaflow resume saved)
  octaflow ingest scan3.ply --onto rooms --sensor 8,0,1.2 --changes - --out rooms2 | octaflow field --map rooms --updates - --source 1,1,1 --out field";

/// A run of `octaflow ingest`, checked as far as that can be done without reading the inputs.
#[derive(Clone, Debug)]
pub(super) struct IngestConfig {
    pub run: RunConfig,
    pub inputs: Vec<PathBuf>,
    pub cell_size_m: Option<f64>,
    pub origin_m: Option<[f64; 3]>,
    pub min_points: Option<u64>,
    pub unknown: Option<Unknown>,
    pub onto: Option<PathBuf>,
    pub unit_scale_m: f64,
    /// The attributes asked for; `None` for all.
    pub attributes: Option<Vec<String>>,
    /// The sensor of each input, if they have any.
    pub sensors: Vec<[f64; 3]>,
    pub max_range_m: Option<f64>,
    pub terrain: TerrainConfig,
    pub axes: Axes,
    /// The levels asked for.
    pub lods: Option<Vec<u8>>,
    pub changes: Option<PathBuf>,
    pub changes_lod: u8,
}

/// How terrain is read.
#[derive(Clone, Debug)]
pub(super) struct TerrainConfig {
    pub bottom_m: Option<f64>,
    pub top_m: Option<f64>,
    pub spacing_m: Option<f64>,
    pub void: Option<f64>,
    pub array: Option<String>,
    pub south_first: bool,
}

impl IngestArgs {
    /// Has the run go on from its checkpoints.
    pub fn resume(&mut self, resumption: Resumption) {
        let args = &resumption.args;
        self.cluster = args.cluster.clone();
        self.json |= args.json;
        self.quiet |= args.quiet;
        self.resumes = Some(resumption);
    }

    /// Checks what can be checked before the inputs are read.
    pub fn check(self) -> Result<IngestConfig> {
        let settings = self.settings();
        check_numbers(&self)?;
        let origin_m = (self.origin.as_deref())
            .map(|text| parse_position(text).map_err(|e| Error::input(format!("--origin: {e}"))))
            .transpose()?;
        if let (Some(onto), true) = (&self.onto, self.cell_size.is_some() || origin_m.is_some()) {
            return Err(Error::input(format!(
                "--cell-size and --origin cannot be given with --onto {}, which brings its own frame",
                onto.display()
            )));
        }
        let sensors = self.positions_of_sensors()?;
        if let Some(changes) = &self.changes {
            let folders = [
                ("--out", Some(self.out.as_path())),
                ("--checkpoint", self.checkpoints.folder()),
            ];
            check_changes(changes, folders, self.json)?;
        }
        let cluster = self.cluster.check()?;
        let resumes = self.resumes.is_some();
        let mut checkpoint = self.checkpoints.check(&self.out, resumes)?;
        if let (Some(config), Some(resumption)) = (&mut checkpoint, self.resumes) {
            config.folder = resumption.folder;
            config.every = resumption.every.unwrap_or(config.every);
        }
        Stage::check_target(&self.out)?;
        for input in &self.inputs {
            check_apart(&self.out, "the input", input)?;
            if let Some(changes) = &self.changes
                && matches!((changes.canonicalize(), input.canonicalize()), (Ok(a), Ok(b)) if a == b)
            {
                return Err(Error::input(format!(
                    "--changes {} would replace an input: give another file",
                    changes.display()
                )));
            }
        }
        let run = RunConfig {
            command: "ingest",
            map: MapConfig {
                path: self.inputs[0].clone(),
                unknown: Unknown::Blocked,
                axes: Axes::Xyz,
                cell_size_m: None,
                origin_m: None,
                as_of: None,
                lod: Header::CELL.lod,
            },
            updates: None,
            start: 0,
            picture: None,
            out: self.out,
            json: self.json,
            quiet: self.quiet,
            cluster,
            hive: HiveConfig::default(),
            checkpoint,
            resumes,
            settings,
        };
        let named = |names: Vec<String>| names.into_iter().filter(|n| n != "none").collect();
        Ok(IngestConfig {
            run,
            inputs: self.inputs,
            cell_size_m: self.cell_size,
            origin_m,
            min_points: self.min_points,
            unknown: self.unknown.map(UnknownArg::unknown),
            onto: self.onto,
            unit_scale_m: self.unit_scale,
            attributes: self.attributes.map(named),
            sensors,
            max_range_m: self.max_range,
            terrain: TerrainConfig {
                bottom_m: self.bottom,
                top_m: self.top,
                spacing_m: self.spacing,
                void: self.void,
                array: self.array,
                south_first: self.south_first,
            },
            axes: self.axes.axes(),
            lods: self.lods,
            changes: self.changes,
            changes_lod: self.changes_lod,
        })
    }

    /// What all processes must agree on, and what the files are told of.
    fn settings(&self) -> Vec<(String, String)> {
        fn text<T: std::fmt::Display>(value: &Option<T>) -> String {
            value.as_ref().map_or_else(String::new, T::to_string)
        }
        let inputs: Vec<String> = self
            .inputs
            .iter()
            .map(|p| p.display().to_string())
            .collect();
        let lods: Vec<String> = self.lods.iter().flatten().map(u8::to_string).collect();
        let unknown = self.unknown.map(|u| format!("{u:?}").to_lowercase());
        vec![
            setting("command", "ingest"),
            setting("inputs", inputs.join(" ")),
            setting("--cell-size", text(&self.cell_size)),
            setting("--origin", text(&self.origin)),
            setting("--min-points", text(&self.min_points)),
            setting("--unknown", text(&unknown)),
            setting("--onto", path(self.onto.as_deref())),
            setting("--unit-scale", self.unit_scale),
            setting(
                "--attributes",
                self.attributes
                    .as_ref()
                    .map_or_else(String::new, |a| a.join(",")),
            ),
            setting("--sensor", self.sensor.join(" ")),
            setting("--sensors", path(self.sensors.as_deref())),
            setting("--max-range", text(&self.max_range)),
            setting("--bottom", text(&self.bottom)),
            setting("--top", text(&self.top)),
            setting("--spacing", text(&self.spacing)),
            setting("--void", text(&self.void)),
            setting("--array", text(&self.array)),
            setting("--south-first", self.south_first),
            setting("--axes", format!("{:?}", self.axes).to_lowercase()),
            setting("--lods", lods.join(",")),
            setting("--changes", path(self.changes.as_deref())),
            setting("--changes-lod", self.changes_lod),
            setting("--partition", self.cluster.partition_name()),
            setting("--out", self.out.display()),
            setting("--checkpoint", path(self.checkpoints.folder())),
        ]
    }

    /// The sensor of each input; none if nobody says.
    fn positions_of_sensors(&self) -> Result<Vec<[f64; 3]>> {
        let flags = self.sensor.iter();
        let mut positions = flags
            .map(|text| parse_position(text).map_err(|e| Error::input(format!("--sensor: {e}"))))
            .collect::<Result<Vec<_>>>()?;
        if let Some(path) = &self.sensors {
            positions = read_positions(path)?;
        }
        let inputs = self.inputs.len();
        match positions.len() {
            1 if self.sensors.is_none() => Ok(vec![positions[0]; inputs]),
            0 if self.sensors.is_none() => Ok(positions),
            n if n == inputs => Ok(positions),
            n => Err(Error::input(format!(
                "{n} positions of sensors for {inputs} inputs: give one for each INPUT, or a single --sensor"
            ))),
        }
    }
}

/// Refuses numbers that mean nothing.
fn check_numbers(args: &IngestArgs) -> Result<()> {
    let positive = [
        ("--cell-size", args.cell_size),
        ("--unit-scale", Some(args.unit_scale)),
        ("--max-range", args.max_range),
        ("--spacing", args.spacing),
    ];
    for (flag, value) in positive {
        if let Some(value) = value.filter(|v| !(v.is_finite() && *v > 0.0)) {
            return Err(Error::input(format!(
                "{flag} {value}: it should be a finite number above 0"
            )));
        }
    }
    for (flag, value) in [("--bottom", args.bottom), ("--top", args.top)] {
        if let Some(value) = value.filter(|v| !v.is_finite()) {
            return Err(Error::input(format!(
                "{flag} {value}: it should be a finite number"
            )));
        }
    }
    if args.min_points == Some(0) {
        return Err(Error::input("--min-points 0: it should be at least 1"));
    }
    match (args.bottom, args.top) {
        (Some(bottom), Some(top)) if bottom > top => Err(Error::input(format!(
            "--bottom {bottom} lies above --top {top}: it should lie below"
        ))),
        (Some(_), None) | (None, Some(_)) => Err(Error::input(
            "--bottom and --top are the two ends of the heights that terrain fills: give both",
        )),
        _ => Ok(()),
    }
}

fn check_changes(changes: &Path, folders: [(&str, Option<&Path>); 2], json: bool) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::input(format!(
            "--changes {} {why}",
            changes.display()
        )))
    };
    if changes.as_os_str() == "-" {
        return if json {
            refuse("prints to stdout, and so does --json: give a file for one of them")
        } else {
            Ok(())
        };
    }
    let extension = changes
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    if !matches!(extension.as_deref(), Some("csv" | "parquet")) {
        return refuse("should be a file whose name ends in .csv or .parquet, or - for stdout");
    }
    if changes.is_dir() {
        return refuse("is a folder; it should be a file");
    }
    let inside = folders
        .iter()
        .find(|(_, folder)| folder.is_some_and(|f| changes.starts_with(f)));
    if let Some((flag, _)) = inside {
        return refuse(&format!(
            "lies inside {flag}, which holds nothing but its own; put it beside"
        ));
    }
    match changes.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            refuse("lies in a folder that does not exist; create it first")
        }
        _ => Ok(()),
    }
}
