//! The arguments of `octaflow diffuse`.

use super::run_args::{RunArgs, RunConfig, UpdateArgs, path, setting};
use crate::stencil::MOST_RINGS;
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Steps the heat equation through the open cells of a map, whose walls insulate.
///
/// Rows of --updates (cost, voxel) with the time t take effect after the step t and before the next: t counts steps from
/// --start. A cell that opens begins with 0; one that is blocked loses what it held. Without --dt each epoch takes 0.9 of
/// the greatest step that is stable in its map.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiffuseArgs {
    /// The values to start from: a table with `value` and x,y,z or lx,ly,lz (.csv, .parquet), or an array of voxels (.npy)
    #[arg(help_heading = "Diffusion", long, value_name = "FILE")]
    initial: PathBuf,

    /// How many steps to do
    #[arg(help_heading = "Diffusion", long, value_name = "N")]
    steps: u64,

    /// The time of a step [default: 0.9 of the greatest that is stable]
    #[arg(
        help_heading = "Diffusion",
        long,
        value_name = "T",
        allow_negative_numbers = true
    )]
    dt: Option<f64>,

    /// The unit of --dt: seconds, or (cell size / 2)² over the diffusivity
    #[arg(help_heading = "Diffusion", long, value_enum, default_value = "s")]
    dt_unit: DtUnit,

    /// The diffusivity in m²/s
    #[arg(
        help_heading = "Diffusion",
        long,
        value_name = "D",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    diffusivity: f64,

    /// Gives each cell --diffusivity times its cost in the map; a face takes the harmonic mean
    #[arg(help_heading = "Diffusion", long)]
    cost_diffusivity: bool,

    /// Rings of ghost cells around a block, and so steps between exchanges: 1 to 8
    #[arg(
        help_heading = "Diffusion",
        long,
        value_name = "K",
        default_value_t = 2
    )]
    rings: usize,

    /// The numbers of the field; results are doubles either way
    #[arg(help_heading = "Diffusion", long, value_enum, default_value = "f64")]
    precision: Precision,

    /// Adds `snapshots/`: the field after every M steps
    #[arg(help_heading = "Results", long, value_name = "M")]
    every: Option<u64>,

    /// Draws a picture as a .png: slices of the last values through the greatest of the first
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    picture: Option<PathBuf>,

    #[command(flatten)]
    updates: UpdateArgs,

    #[command(flatten)]
    pub run: RunArgs,
}

/// The unit of the time of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DtUnit {
    /// Seconds
    S,
    /// Half a cell size squared, over the diffusivity
    Lattice,
}

/// The numbers of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Precision {
    /// Doubles
    F64,
    /// Single precision: half the memory, twice the speed
    F32,
}

const EXAMPLES: &str = "Examples:
  octaflow diffuse --map rock.npy --initial hot.npy --steps 500 --picture heat.png --out heat
  octaflow diffuse --map cave.3dmap --cell-size 0.2 --initial spill.csv --steps 1000 --dt 0.001 --diffusivity 2 --every 100 --out spill
  octaflow diffuse --map rooms.bt --initial smoke.csv --steps 200 --dt 0.5 --dt-unit lattice --rings 4 -n 2 --out smoke
  octaflow diffuse --map rooms.bt --initial smoke.csv --steps 200 --updates doors.csv --out smoke";

/// A run of `octaflow diffuse`, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct DiffuseConfig {
    pub run: RunConfig,
    pub initial: PathBuf,
    pub steps: u64,
    pub dt: Option<f64>,
    pub dt_unit: DtUnit,
    pub diffusivity: f64,
    pub cost_diffusivity: bool,
    pub rings: usize,
    pub precision: Precision,
    pub every: Option<u64>,
}

impl DiffuseArgs {
    /// Checks what can be checked before the map is read.
    pub fn check(self) -> Result<DiffuseConfig> {
        let positive = |flag: &str, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::input(format!(
                "{flag} {value}: it should be a finite number above 0"
            )))
        };
        self.dt.map_or(Ok(()), |dt| positive("--dt", dt))?;
        positive("--diffusivity", self.diffusivity)?;
        if !(1..=MOST_RINGS).contains(&self.rings) {
            return Err(Error::input(format!(
                "--rings {}: it should be between 1 and {MOST_RINGS}",
                self.rings
            )));
        }
        if self.steps > i64::MAX as u64 {
            return Err(Error::input(format!(
                "--steps {}: it should be below 2^63",
                self.steps
            )));
        }
        if self.every == Some(0) {
            return Err(Error::input(
                "--every 0: it should be a number of steps above 0",
            ));
        }
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let own = vec![
            setting("--initial", path(Some(&self.initial))),
            setting("--steps", self.steps),
            setting("--dt", number(self.dt)),
            setting("--dt-unit", format!("{:?}", self.dt_unit).to_lowercase()),
            setting("--diffusivity", self.diffusivity),
            setting("--cost-diffusivity", self.cost_diffusivity),
            setting("--rings", self.rings),
            setting(
                "--precision",
                format!("{:?}", self.precision).to_lowercase(),
            ),
            setting(
                "--every",
                self.every.map_or_else(String::new, |m| m.to_string()),
            ),
        ];
        Ok(DiffuseConfig {
            run: self
                .run
                .check("diffuse", own, Some(self.updates), self.picture)?,
            initial: self.initial,
            steps: self.steps,
            dt: self.dt,
            dt_unit: self.dt_unit,
            diffusivity: self.diffusivity,
            cost_diffusivity: self.cost_diffusivity,
            rings: self.rings,
            precision: self.precision,
            every: self.every,
        })
    }
}
