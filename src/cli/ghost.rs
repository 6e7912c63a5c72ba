//! The arguments of `octaflow ghost`.

use super::run_args::{RunArgs, RunConfig, setting};
use crate::ghost::Rings;
use crate::partition::Plan;
use crate::{Error, Result};
use clap::Args;
use clap::builder::RangedU64ValueParser;

/// Finds the cells of others that each part of a map must hold beyond its own, and tells what a partition costs: cells, ghosts,
/// neighbours and bytes of each part.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct GhostArgs {
    /// How many parts the map is divided into; --partition says how
    #[arg(help_heading = "Ghosts", long, value_name = "N",
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=Plan::MAX_PARTS as u64))]
    parts: u32,

    /// How many steps to one of the 14 neighbours the ghosts of a part reach, 0 to 60
    #[arg(help_heading = "Ghosts", long, value_name = "K",
          value_parser = RangedU64ValueParser::<u32>::new().range(0..=u64::from(Rings::MAX)))]
    rings: u32,

    /// Writes the table `owned` too: the part of every open cell
    #[arg(help_heading = "Ghosts", long)]
    owned: bool,

    /// Tells in the summary what every partition would cost
    #[arg(help_heading = "Ghosts", long)]
    compare: bool,

    #[command(flatten)]
    pub run: RunArgs,
}

/// How many parts are compared at most: a summary lists all parts of six plans.
const MAX_COMPARED: u32 = 1 << 16;

const EXAMPLES: &str = "Examples:
  octaflow ghost --map examples/data/geb079.bt --parts 8 --rings 1 --out ghosts
  octaflow ghost --map cave.3dmap --parts 64 --rings 2 --partition hilbert --owned --out ghosts
  octaflow ghost --map town.parquet --parts 16 --rings 4 --compare --json --out ghosts";

/// A run of `octaflow ghost`, checked as far as that can be done without reading the map.
#[derive(Clone, Debug)]
pub(super) struct GhostConfig {
    pub run: RunConfig,
    pub parts: usize,
    pub rings: Rings,
    pub owned: bool,
    pub compare: bool,
}

impl GhostArgs {
    /// Checks what can be checked before the map is read.
    pub fn check(self) -> Result<GhostConfig> {
        if self.compare && self.parts > MAX_COMPARED {
            return Err(Error::input(format!(
                "--compare with --parts {}: the figures of at most {MAX_COMPARED} parts are compared; leave --compare out",
                self.parts
            )));
        }
        let own = vec![
            setting("--parts", self.parts),
            setting("--rings", self.rings),
            setting("--owned", self.owned),
            setting("--compare", self.compare),
        ];
        Ok(GhostConfig {
            run: self.run.check("ghost", own, None, None)?,
            parts: self.parts as usize,
            rings: Rings::new(self.rings).expect("the flag's range"),
            owned: self.owned,
            compare: self.compare,
        })
    }
}
