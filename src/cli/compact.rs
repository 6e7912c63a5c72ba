//! `octaflow compact`: small files of tables merged into few.

use super::refused;
use super::summary::counted;
use crate::lake::{CompactOptions, Compacted, compact, tables_in};
use crate::{Error, Result};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Merges the small files of a Delta table into few large ones, each partition for itself
///
/// The table's folder is replaced whole, in one rename: a reader finds the former files and the former log, or the new
/// ones. Versions before then cannot be read any more, unless their files are kept with --keep; then read the folder
/// as a Delta table, for as plain Parquet it shows rows twice until a compaction without --keep.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  octaflow compact out/field --target-size 256MB\n  octaflow compact out --json   # every table of a result"
)]
pub(super) struct CompactArgs {
    /// A table (a folder with _delta_log), or a folder that holds tables, such as a result
    #[arg(value_name = "TABLE|DIR")]
    path: PathBuf,

    /// Files below this size are merged, into files of about this size
    #[arg(long, value_name = "SIZE", default_value = "128MB")]
    target_size: String,

    /// Leaves the files of former versions where they are, for reading as of those versions
    #[arg(long)]
    keep: bool,

    /// Prints what was done as JSON on stdout
    #[arg(long)]
    json: bool,

    /// Says nothing in words
    #[arg(long)]
    quiet: bool,
}

/// What was done to a table, as `--json` prints it.
#[derive(Serialize)]
struct Done {
    table: String,
    #[serde(flatten)]
    compacted: Compacted,
}

impl CompactArgs {
    /// Compacts the tables one after another.
    pub fn run(self) -> Result<()> {
        let options = CompactOptions {
            target_bytes: bytes(&self.target_size)?,
            keep: self.keep,
        };
        let mut done = Vec::new();
        for table in tables_in(&self.path)? {
            let compacted = compact(&table, &run_name(), &options, &mut |_| Ok(()))?;
            if !self.quiet {
                eprintln!("{}", words(&table, &compacted));
            }
            let table = table.display().to_string();
            done.push(Done { table, compacted });
        }
        if self.json {
            let text = serde_json::json!({"command": "compact", "tables": done});
            writeln!(std::io::stdout(), "{text}")
                .map_err(|e| refused("the summary could not be printed", &e))?;
        }
        Ok(())
    }
}

/// A name that no other run has: when it started, and its process.
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    format!("{nanos:x}-{}", std::process::id())
}

fn words(table: &Path, done: &Compacted) -> String {
    let table = table.display();
    if done.nothing_done() {
        return format!(
            "{table}: nothing to do, {} as before",
            counted(done.files as usize, "file")
        );
    }
    let mut words = format!("{table}: version {}", done.version);
    if done.merged > 0 {
        words += &format!(
            ", {} merged into {} ({})",
            counted(done.merged as usize, "file"),
            done.written,
            counted(done.rows as usize, "row")
        );
    }
    if done.dropped > 0 {
        let dropped = counted(done.dropped as usize, "file");
        words += &format!(", {dropped} of former versions removed");
    }
    format!(
        "{words}, {} bytes where {} were",
        done.bytes_after, done.bytes_before
    )
}

/// A size such as `128MB`, `1.5 GiB`, `4096`.
fn bytes(text: &str) -> Result<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => 0,
    };
    let bytes = number.parse::<f64>().map_or(0.0, |n| n * factor as f64);
    if (1.0..=1e15).contains(&bytes) {
        return Ok(bytes as u64);
    }
    Err(Error::input(format!(
        "--target-size {text:?} should be a size such as 128MB, 1.5GiB or 4096"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, size) in [
            ("128MB", 128_000_000),
            ("1.5 GiB", 3 << 29),
            ("4096", 4096),
            ("2kb", 2000),
        ] {
            assert_eq!(bytes(text).unwrap(), size);
        }
        for text in ["", "MB", "-1", "0", "1XB", "nan", "1e9", "9999999999GB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
