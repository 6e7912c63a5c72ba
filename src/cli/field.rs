//! The arguments of `octaflow field`.

use super::cluster::{Cluster, ClusterArgs};
use crate::lake::Stage;
use crate::map::{Axes, Unknown, parse_position, read_positions};
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Computes the exact distance of every open cell of a map from its nearest source, and keeps it exact while the
/// map changes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct FieldArgs {
    #[command(flatten)]
    map: MapArgs,

    /// A source in metres; may be given several times
    #[arg(
        help_heading = "Sources and updates",
        long,
        value_name = "X,Y,Z",
        allow_hyphen_values = true
    )]
    source: Vec<String>,

    /// A table of more sources: .csv or .parquet with the columns x, y, z
    #[arg(help_heading = "Sources and updates", long, value_name = "FILE")]
    sources: Option<PathBuf>,

    /// A table of updates, in epochs by `time`: .csv, .parquet or newline-delimited .json; - reads CSV from stdin
    #[arg(help_heading = "Sources and updates", long, value_name = "FILE")]
    updates: Option<PathBuf>,

    /// The time of the first solve, below all times of --updates
    #[arg(
        help_heading = "Sources and updates",
        long,
        value_name = "T",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    start: i64,

    /// Adds the column `source`: the index of the source that each cell is nearest to
    #[arg(help_heading = "Results", long)]
    label_sources: bool,

    /// Adds the column `next`: which of the 14 neighbours to step to
    #[arg(help_heading = "Results", long)]
    next: bool,

    /// Draws three slices through the first source as a .png
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    picture: Option<PathBuf>,

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
    cluster: ClusterArgs,
}

const EXAMPLES: &str = "Examples:
  octaflow field --map building.bt --source 1.5,2,0.4 --out field
  octaflow field --map cave.3dmap --cell-size 0.2 --source 3,4,5 9,9,1 --label-sources --picture cave.png --out field
  octaflow field --map rooms.bt --sources doors.csv --updates scans.parquet -w 2 --out field
  octaflow field --map town.parquet --source 0,0,0 -n 2 --out field";

/// The flags that say what map to read and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Map")]
pub(super) struct MapArgs {
    /// The map: .bt (OctoMap), .3dmap (MovingAI), .npy, or a table of cells as .csv or .parquet
    #[arg(long, value_name = "PATH")]
    map: PathBuf,

    /// What the voxels are that an OctoMap never saw
    #[arg(long, value_enum, default_value = "blocked")]
    unknown: UnknownArg,

    /// What the indices of an .npy array run along
    #[arg(long, value_enum, default_value = "xyz")]
    axes: AxesArg,

    /// The edge of a voxel in metres, for formats that do not tell it [default: 1]
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    cell_size: Option<f64>,

    /// Where cell 0,0,0 lies in metres, for formats that do not tell it [default: 0,0,0]
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true)]
    origin: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnknownArg {
    Blocked,
    Open,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AxesArg {
    Xyz,
    Zyx,
}

/// What map to read and how, checked.
#[derive(Clone, Debug)]
pub(super) struct MapConfig {
    pub path: PathBuf,
    pub unknown: Unknown,
    pub axes: Axes,
    pub cell_size_m: Option<f64>,
    pub origin_m: Option<[f64; 3]>,
}

/// A run of `octaflow field`, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct FieldConfig {
    pub map: MapConfig,
    /// Positions in metres and how messages call them: flags first, then the rows of the table.
    pub sources: Vec<([f64; 3], String)>,
    pub updates: Option<PathBuf>,
    pub start: i64,
    pub label_sources: bool,
    pub next: bool,
    pub picture: Option<PathBuf>,
    pub out: PathBuf,
    pub json: bool,
    pub quiet: bool,
    pub cluster: Cluster,
    /// What all processes must agree on, and what the files are told of.
    pub settings: Vec<(String, String)>,
}

impl MapArgs {
    fn check(self) -> Result<MapConfig> {
        let origin_m = match &self.origin {
            None => None,
            Some(text) => {
                Some(parse_position(text).map_err(|e| Error::input(format!("--origin: {e}")))?)
            }
        };
        Ok(MapConfig {
            path: self.map,
            unknown: match self.unknown {
                UnknownArg::Blocked => Unknown::Blocked,
                UnknownArg::Open => Unknown::Open,
            },
            axes: match self.axes {
                AxesArg::Xyz => Axes::Xyz,
                AxesArg::Zyx => Axes::Zyx,
            },
            cell_size_m: self.cell_size,
            origin_m,
        })
    }
}

impl FieldArgs {
    /// Checks what can be checked before the map is read.
    pub fn check(self) -> Result<FieldConfig> {
        let settings = self.settings();
        let cluster = self.cluster.check()?;
        let map = self.map.check()?;
        let mut sources = Vec::new();
        for text in &self.source {
            let position =
                parse_position(text).map_err(|e| Error::input(format!("--source: {e}")))?;
            sources.push((position, format!("--source {text}")));
        }
        if let Some(path) = &self.sources {
            for (row, position) in read_positions(path)?.into_iter().enumerate() {
                sources.push((position, format!("{} row {}", path.display(), row + 1)));
            }
        }
        if sources.is_empty() {
            return Err(Error::input(
                "no source is given: name one with --source X,Y,Z or a table of them with --sources FILE",
            ));
        }
        if let Some(picture) = &self.picture {
            check_picture(picture, &self.out)?;
        }
        Stage::check_target(&self.out)?;
        Ok(FieldConfig {
            map,
            sources,
            updates: self.updates,
            start: self.start,
            label_sources: self.label_sources,
            next: self.next,
            picture: self.picture,
            out: self.out,
            json: self.json,
            quiet: self.quiet,
            cluster,
            settings,
        })
    }

    fn settings(&self) -> Vec<(String, String)> {
        let setting = |name: &str, value: String| (name.to_owned(), value);
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or_else(String::new, |p| p.display().to_string())
        };
        vec![
            setting("command", "field".into()),
            setting("--map", self.map.map.display().to_string()),
            setting(
                "--unknown",
                format!("{:?}", self.map.unknown).to_lowercase(),
            ),
            setting("--axes", format!("{:?}", self.map.axes).to_lowercase()),
            setting(
                "--cell-size",
                self.map
                    .cell_size
                    .map_or_else(String::new, |c| c.to_string()),
            ),
            setting("--origin", self.map.origin.clone().unwrap_or_default()),
            setting("--source", self.source.join(" ")),
            setting("--sources", path(&self.sources)),
            setting("--updates", path(&self.updates)),
            setting("--start", self.start.to_string()),
            setting("--label-sources", self.label_sources.to_string()),
            setting("--next", self.next.to_string()),
            setting("--picture", path(&self.picture)),
            setting("--partition", self.cluster.partition_name().into()),
            setting("--out", self.out.display().to_string()),
        ]
    }
}

fn check_picture(picture: &Path, out: &Path) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::input(format!(
            "--picture {} {why}",
            picture.display()
        )))
    };
    if !picture
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    {
        return refuse("should be a file whose name ends in .png");
    }
    if picture.is_dir() {
        return refuse("is a folder; it should be a file");
    }
    let parent = match picture.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if picture.starts_with(out) {
        return refuse("lies inside --out, which holds nothing but results; put it beside");
    }
    if !parent.is_dir() {
        return refuse("lies in a folder that does not exist; create it first");
    }
    Ok(())
}
