//! The arguments that all dataflow commands share: the map, updates, results, workers and processes.

use super::checkpoint_args::{CheckpointArgs, CheckpointConfig};
use super::cluster::{Cluster, ClusterArgs};
use super::hive::{HiveArgs, HiveConfig};
use super::resume::Resumption;
use crate::lake::Stage;
use crate::lake::delta::AsOf;
use crate::lattice::Header;
use crate::map::{Axes, Unknown, parse_position};
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// See the module's description.
#[derive(Args, Clone, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    map: MapArgs,

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
    hive: HiveArgs,

    #[command(flatten)]
    checkpoints: CheckpointArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// What the run goes on from.
    #[arg(skip)]
    resumes: Option<Resumption>,
}

/// The flags that tell of changes of the map.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct UpdateArgs {
    /// A table of updates, in epochs by `time`: .csv, .parquet or newline-delimited .json; - reads CSV from stdin
    #[arg(help_heading = "Updates", long, value_name = "FILE")]
    updates: Option<PathBuf>,

    /// The time of the first solve (or of the values to start from), below all times of --updates
    #[arg(
        help_heading = "Updates",
        long,
        value_name = "T",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    start: i64,
}

/// What all dataflow commands have been told, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct RunConfig {
    pub command: &'static str,
    pub map: MapConfig,
    pub updates: Option<PathBuf>,
    pub start: i64,
    pub picture: Option<PathBuf>,
    pub out: PathBuf,
    pub json: bool,
    pub quiet: bool,
    pub hive: HiveConfig,
    pub cluster: Cluster,
    pub checkpoint: Option<CheckpointConfig>,
    /// True if the run goes on from its newest checkpoint.
    pub resumes: bool,
    /// What all processes must agree on, and what the files are told of.
    pub settings: Vec<(String, String)>,
}

impl RunArgs {
    /// Has the run go on from its checkpoints.
    pub fn resume(&mut self, resumption: Resumption) {
        let args = &resumption.args;
        self.cluster = args.cluster.clone();
        self.json |= args.json;
        self.quiet |= args.quiet;
        self.resumes = Some(resumption);
    }

    /// Has the run go on from its checkpoints with the partition that it was started with, which its results tell of.
    pub fn resume_as_divided(&mut self, resumption: Resumption) {
        let partition = self.cluster.partition();
        self.resume(resumption);
        self.cluster.divide_by(partition);
    }

    /// Checks the arguments; `own` are the command's own settings, without updates and a picture where it has none.
    pub fn check(
        self,
        command: &'static str,
        own: Vec<(String, String)>,
        updates: Option<UpdateArgs>,
        picture: Option<PathBuf>,
    ) -> Result<RunConfig> {
        let settings = self.settings(command, own, updates.as_ref(), picture.as_deref());
        let UpdateArgs { updates, start } = updates.unwrap_or_default();
        let hive = self.hive.check()?;
        let cluster = self.cluster.check()?;
        let map = self.map.check()?;
        let resumes = self.resumes.is_some();
        let mut checkpoint = self.checkpoints.check(&self.out, resumes)?;
        if let (Some(config), Some(resumption)) = (&mut checkpoint, self.resumes) {
            config.folder = resumption.folder;
            config.every = resumption.every.unwrap_or(config.every);
        }
        if let Some(picture) = &picture {
            check_picture(picture, &self.out)?;
        }
        Stage::check_target(&self.out)?;
        let inputs = settings.iter().filter(|(flag, path)| {
            INPUT_FLAGS.contains(&flag.as_str()) && !path.is_empty() && path != "-"
        });
        for (flag, input) in inputs {
            check_apart(&self.out, flag, Path::new(input))?;
        }
        Ok(RunConfig {
            command,
            map,
            updates,
            start,
            picture,
            out: self.out,
            json: self.json,
            quiet: self.quiet,
            hive,
            cluster,
            checkpoint,
            resumes,
            settings,
        })
    }

    fn settings(
        &self,
        command: &str,
        own: Vec<(String, String)>,
        updates: Option<&UpdateArgs>,
        picture: Option<&Path>,
    ) -> Vec<(String, String)> {
        let map = &self.map;
        let number = |value: Option<f64>| value.map_or_else(String::new, |c| c.to_string());
        let mut settings = vec![
            setting("command", command),
            setting("--map", map.map.display()),
            setting("--as-of", map.as_of.clone().unwrap_or_default()),
            setting("--unknown", format!("{:?}", map.unknown).to_lowercase()),
            setting("--axes", format!("{:?}", map.axes).to_lowercase()),
            setting("--cell-size", number(map.cell_size)),
            setting("--origin", map.origin.clone().unwrap_or_default()),
            setting("--lod", map.lod),
        ];
        settings.extend(own);
        if let Some(UpdateArgs { updates, start }) = updates {
            settings.push(setting("--updates", path(updates.as_deref())));
            settings.push(setting("--start", start));
        }
        settings.extend([setting("--picture", path(picture))]);
        settings.extend(self.hive.settings());
        settings.extend([
            setting("--partition", self.cluster.partition_name()),
            setting("--out", self.out.display()),
            setting("--checkpoint", path(self.checkpoints.folder())),
        ]);
        settings
    }
}

/// The flags that name files or folders that a run reads.
const INPUT_FLAGS: [&str; 5] = ["--map", "--updates", "--sources", "--queries", "--initial"];

/// Checks that results would not replace what they are computed from, nor lie among it. Links are followed.
pub(super) fn check_apart(out: &Path, flag: &str, input: &Path) -> Result<()> {
    let Ok(input_is) = input.canonicalize() else {
        return Ok(());
    };
    // What is to be created lies in the nearest folder that is there.
    let there = out
        .ancestors()
        .find(|p| p.exists() || p.as_os_str().is_empty());
    let there = there.unwrap_or(out);
    let rest = out.strip_prefix(there).unwrap_or(Path::new(""));
    let there = if there.as_os_str().is_empty() {
        Path::new(".")
    } else {
        there
    };
    let Ok(there) = there.canonicalize() else {
        return Ok(());
    };
    let out_is = if rest.as_os_str().is_empty() {
        there
    } else {
        there.join(rest)
    };
    let (out, input) = (out.display(), input.display());
    if input_is.starts_with(&out_is) {
        return Err(Error::input(format!(
            "--out {out} would replace {flag} {input}, which the run reads: give another folder"
        )));
    }
    if out_is.starts_with(&input_is) {
        return Err(Error::input(format!(
            "--out {out} lies inside {flag} {input}, which the run reads: give a folder beside it"
        )));
    }
    Ok(())
}

/// A setting as files and other processes are told of it.
pub(super) fn setting(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// A path in a setting.
pub(super) fn path(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |p| p.display().to_string())
}

/// The flags that say what map to read and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Map")]
pub(super) struct MapArgs {
    /// The map: .bt (OctoMap), .3dmap (MovingAI), .npy, .octa (octaindex3d), a table of cells as .csv, .parquet or a
    /// folder (a Delta table, or Parquet files), or a folder that ingest wrote
    #[arg(long, value_name = "PATH")]
    map: PathBuf,

    /// The version of a map that is a Delta table, or a time such as 2026-11-22T09:30:00Z [default: the newest]
    #[arg(long, value_name = "VERSION|TIME")]
    as_of: Option<String>,

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

    /// The level of detail: 15 is the map's own, each level below it has cells of twice the size
    #[arg(
        long,
        value_name = "L",
        default_value_t = Header::CELL.lod,
        value_parser = clap::value_parser!(u8).range(0..=15),
        allow_negative_numbers = true
    )]
    lod: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum UnknownArg {
    Blocked,
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AxesArg {
    Xyz,
    Zyx,
}

impl UnknownArg {
    pub fn unknown(self) -> Unknown {
        match self {
            UnknownArg::Blocked => Unknown::Blocked,
            UnknownArg::Open => Unknown::Open,
        }
    }
}

impl AxesArg {
    pub fn axes(self) -> Axes {
        match self {
            AxesArg::Xyz => Axes::Xyz,
            AxesArg::Zyx => Axes::Zyx,
        }
    }
}

/// What map to read and how, checked.
#[derive(Clone, Debug)]
pub(super) struct MapConfig {
    pub path: PathBuf,
    pub as_of: Option<AsOf>,
    pub unknown: Unknown,
    pub axes: Axes,
    pub cell_size_m: Option<f64>,
    pub origin_m: Option<[f64; 3]>,
    /// The level of detail to compute on, 0…15.
    pub lod: u8,
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
            as_of: self.as_of.as_deref().map(str::parse).transpose()?,
            unknown: self.unknown.unknown(),
            axes: self.axes.axes(),
            cell_size_m: self.cell_size,
            origin_m,
            lod: self.lod,
        })
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
