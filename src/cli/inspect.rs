//! `octaflow inspect`: what is in a file or a folder.

use super::inspect_words::in_words;
use crate::Result;
use crate::lake::audit;
use clap::Args;
use std::path::PathBuf;

/// Tells what is in a file or a folder: a container, a Parquet file, a table or a whole result, a map, or a container of
/// octaindex3d.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct InspectArgs {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Tells it as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  octaflow inspect DIR
  octaflow inspect DIR/field
  octaflow inspect --json bricks.arrow

Only headers and footers are read, but a map (.bt, .3dmap, .npy, .csv) is read whole, as octaflow field would read it
without further flags. Exit status 2 tells that a header or footer is damaged; octaflow verify looks at all of it.";

impl InspectArgs {
    /// Describes the path.
    pub fn run(self) -> Result<()> {
        let description = audit::inspect(&self.path)?;
        let text = match self.json {
            true => serde_json::to_string(&description).expect("names and numbers make JSON"),
            false => in_words(&description),
        };
        super::print(text.trim_end())
    }
}
