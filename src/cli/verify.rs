//! `octaflow verify`: whether a file or a folder is sound.

use super::summary::counted;
use crate::Result;
use crate::lake::audit;
use clap::Args;
use std::path::PathBuf;

/// Checks a file or a folder whole: every checksum, that cells are cells, that rows come in order, that values are what
/// their columns promise, that the log of a table says of its files what they hold.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    /// The file or folder: a container, a Parquet file, a table or a whole result, a map, a container of octaindex3d
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Prints what was found sound as JSON on stdout
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  octaflow verify DIR
  octaflow verify DIR/field/part-00000.parquet
  octaflow verify --json bricks.arrow

Sound: a line on stdout, exit status 0; lines under it tell what was passed over or is not octaflow's. Otherwise the first fault is named in one sentence, exit status 2.";

impl VerifyArgs {
    /// Checks the path.
    pub fn run(self) -> Result<()> {
        let sound = audit::verify(&self.path)?;
        let path = self.path.display().to_string();
        let notes = sound.notes.iter().map(|note| format!("\n  {note}"));
        let notes: String = notes.collect();
        let text = match self.json {
            true => serde_json::json!({
                "path": path, "sound": true, "files": sound.files, "rows": sound.rows, "bytes": sound.bytes,
                "plain_files": sound.plain_files, "notes": sound.notes,
            })
            .to_string(),
            false => format!(
                "{path}: sound, {}, {}{notes}",
                counted(sound.files as usize, "file"),
                counted(sound.rows as usize, "row"),
            ),
        };
        super::print(&text)
    }
}
