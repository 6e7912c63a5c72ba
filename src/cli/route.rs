//! The arguments of `octaflow route`.

use super::run_args::{RunArgs, RunConfig, UpdateArgs, path, setting};
use crate::map::parse_position;
use crate::search::Mode;
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Finds shortest routes between pairs of cells, thousands at once, and keeps them right while the map and the queries
/// change.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct RouteArgs {
    /// A query, from a start to a goal, in metres; may be given several times
    #[arg(
        help_heading = "Queries",
        long,
        value_name = "SX,SY,SZ,GX,GY,GZ",
        allow_hyphen_values = true
    )]
    query: Vec<String>,

    /// A table of more queries: .csv or .parquet with query, sx, sy, sz, gx, gy, gz, or the problems of a .3dscen
    #[arg(help_heading = "Queries", long, value_name = "FILE")]
    queries: Option<PathBuf>,

    /// How good routes are to be: proven optimal, or at most 1.05 times the optimum and found sooner, unless many queries share an end
    #[arg(help_heading = "Queries", long, value_enum, default_value = "exact")]
    mode: ModeArg,

    /// Pulls routes tight to any-angle lines and adds their length as the column `smooth_length`
    #[arg(help_heading = "Results", long)]
    smooth: bool,

    /// Adds the table `smooth_cells/`: the cells in which those lines begin, bend and end
    #[arg(help_heading = "Results", long)]
    smooth_cells: bool,

    /// Draws a picture as a .png: routes, pulled tight with --smooth, over views of the map as it stands at the end
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    picture: Option<PathBuf>,

    #[command(flatten)]
    updates: UpdateArgs,

    #[command(flatten)]
    pub run: RunArgs,
}

const EXAMPLES: &str = "Examples:
  octaflow route --map examples/data/geb079.bt --query 13.16,-0.04,1.24,1,1,1 --smooth --picture routes.png --out routes
  octaflow route --map examples/data/Complex.3dmap --queries examples/data/Complex.3dmap.3dscen -w 2 --out routes
  octaflow route --map cave.3dmap --cell-size 0.2 --queries robots.csv --updates scans.csv --out routes
  octaflow route --map town.parquet --queries trips.parquet --mode corridor -n 2 --out routes";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArg {
    Exact,
    Corridor,
}

/// A run of `octaflow route`, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct RouteConfig {
    pub run: RunConfig,
    /// Starts and goals in metres, and how messages call them; their ids are their places.
    pub flags: Vec<([f64; 3], [f64; 3], String)>,
    pub queries: Option<PathBuf>,
    pub mode: Mode,
    pub smooth: bool,
    pub smooth_cells: bool,
}

impl RouteArgs {
    /// Checks what can be checked before the map is read.
    pub fn check(self) -> Result<RouteConfig> {
        let own = vec![
            setting("--query", self.query.join(" ")),
            setting("--queries", path(self.queries.as_deref())),
            setting("--mode", format!("{:?}", self.mode).to_lowercase()),
            setting("--smooth", self.smooth),
            setting("--smooth-cells", self.smooth_cells),
        ];
        if self.smooth_cells && !self.smooth {
            return Err(Error::input(
                "--smooth-cells tells of the lines that --smooth makes: give both, or neither",
            ));
        }
        let flags: Vec<_> = self
            .query
            .iter()
            .map(|q| parse_query(q))
            .collect::<Result<_>>()?;
        let run = self
            .run
            .check("route", own, Some(self.updates), self.picture)?;
        if flags.is_empty() && self.queries.is_none() && run.updates.is_none() {
            return Err(Error::input(
                "no query is given: name one with --query SX,SY,SZ,GX,GY,GZ or a table of them with --queries FILE",
            ));
        }
        Ok(RouteConfig {
            run,
            flags,
            queries: self.queries,
            mode: match self.mode {
                ModeArg::Exact => Mode::Exact,
                ModeArg::Corridor => Mode::Corridor,
            },
            smooth: self.smooth,
            smooth_cells: self.smooth_cells,
        })
    }
}

fn parse_query(text: &str) -> Result<([f64; 3], [f64; 3], String)> {
    let third = text.match_indices(',').nth(2).map(|(at, _)| at);
    let ends = third.map(|at| (parse_position(&text[..at]), parse_position(&text[at + 1..])));
    match ends {
        Some((Ok(start), Ok(goal))) => Ok((start, goal, format!("--query {text}"))),
        _ => Err(Error::input(format!(
            "--query {text}: it must be six finite numbers SX,SY,SZ,GX,GY,GZ"
        ))),
    }
}
