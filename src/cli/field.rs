//! The arguments of `octaflow field`.

use super::run_args::{RunArgs, RunConfig, UpdateArgs, path, setting};
use crate::map::{parse_position, read_positions};
use crate::{Error, Result};
use clap::Args;
use std::path::PathBuf;

/// Computes the exact distance of every open cell of a map from its nearest source, and keeps it exact while the
/// map changes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct FieldArgs {
    /// A source in metres; may be given several times
    #[arg(
        help_heading = "Sources",
        long,
        value_name = "X,Y,Z",
        allow_hyphen_values = true
    )]
    source: Vec<String>,

    /// A table of more sources: .csv or .parquet with the columns x, y, z
    #[arg(help_heading = "Sources", long, value_name = "FILE")]
    sources: Option<PathBuf>,

    /// Adds the column `source`: the index of the source that each cell is nearest to
    #[arg(help_heading = "Results", long)]
    label_sources: bool,

    /// Adds the column `next`: which of the 14 neighbours to step to
    #[arg(help_heading = "Results", long)]
    next: bool,

    /// Draws a picture as a .png: slices of the field through the first source that stands at the end
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    picture: Option<PathBuf>,

    #[command(flatten)]
    updates: UpdateArgs,

    #[command(flatten)]
    pub run: RunArgs,
}

const EXAMPLES: &str = "Examples:
  octaflow field --map examples/data/geb079.bt --source 13.16,-0.04,1.24 --picture field.png --out field
  octaflow field --map cave.3dmap --cell-size 0.2 --source 3,4,5 9,9,1 --label-sources --picture cave.png --out field
  octaflow field --map rooms.bt --sources doors.csv --updates scans.parquet -w 2 --out field
  octaflow field --map town.parquet --source 0,0,0 -n 2 --out field";

/// A run of `octaflow field`, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct FieldConfig {
    pub run: RunConfig,
    /// Positions in metres and how messages call them: flags first, then the rows of the table.
    pub sources: Vec<([f64; 3], String)>,
    pub label_sources: bool,
    pub next: bool,
}

impl FieldArgs {
    /// Checks what can be checked before the map is read.
    pub fn check(self) -> Result<FieldConfig> {
        let own = vec![
            setting("--source", self.source.join(" ")),
            setting("--sources", path(self.sources.as_deref())),
            setting("--label-sources", self.label_sources),
            setting("--next", self.next),
        ];
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
        let run = self
            .run
            .check("field", own, Some(self.updates), self.picture)?;
        // Updates may bring them.
        if sources.is_empty() && run.updates.is_none() {
            let what = match &self.sources {
                Some(path) => format!("--sources {}: it has no row", path.display()),
                None => "no source is given".to_owned(),
            };
            return Err(Error::input(format!(
                "{what}: name one with --source X,Y,Z, or a table of them with --sources FILE"
            )));
        }
        Ok(FieldConfig {
            run,
            sources,
            label_sources: self.label_sources,
            next: self.next,
        })
    }
}
