//! The cells whose cost changed, as a table of updates that other commands follow.

use super::refused;
use crate::dataflows::Time;
use crate::lake::{Column, Packing, Part, TableWriter, Values};
use crate::lattice::{Cell, Frame, UNIT_COST};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes rows `time,kind,x,y,z,cost` with kind `cost`, an epoch at a time and within it by cell.
///
/// On standard output an epoch is printed when it is whole; a file appears when the results do, or not at all.
pub(super) struct ChangeTable {
    frame: Frame,
    to: To,
}

enum To {
    Stdout,
    Csv(Draft, BufWriter<File>),
    Parquet(Draft, Box<TableWriter>),
}

/// A file that is renamed when it is whole, and removed if that never comes.
struct Draft {
    path: PathBuf,
    draft: PathBuf,
    kept: bool,
}

impl ChangeTable {
    /// Begins the table: `-` is CSV on standard output. A run that goes on begins it again; `run` is its name.
    pub fn create(
        path: &Path,
        run: Option<&str>,
        frame: Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let to = if path.as_os_str() == "-" {
            To::Stdout
        } else if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
        {
            let draft = Draft::of(path, run);
            let file = File::create(&draft.draft).map_err(|e| draft.refused(&e))?;
            To::Csv(draft, BufWriter::new(file))
        } else {
            let draft = Draft::of(path, run);
            let columns = [
                Column::new("time", Packing::Int64Dictionary),
                Column::new("kind", Packing::Text),
                Column::new("x", Packing::DoubleDictionary),
                Column::new("y", Packing::DoubleDictionary),
                Column::new("z", Packing::DoubleDictionary),
                Column::new("cost", Packing::DoubleDictionary),
            ];
            let part = Part {
                shows_schema: true,
                ..Part::from(&draft.draft)
            };
            let table = TableWriter::create(part, &columns, &[0], &frame, settings)?;
            To::Parquet(draft, Box::new(table))
        };
        let mut table = ChangeTable { frame, to };
        table.print("time,kind,x,y,z,cost\n")?;
        Ok(table)
    }

    /// Writes an epoch's changes.
    pub fn write(&mut self, time: Time, changed: &BTreeMap<Cell, u16>) -> Result<()> {
        let factor = |cost: u16| f64::from(cost) / f64::from(UNIT_COST);
        if let To::Parquet(_, table) = &mut self.to {
            let rows: Vec<(Cell, u16)> =
                changed.iter().map(|(&cell, &cost)| (cell, cost)).collect();
            for rows in rows.chunks(crate::lake::GROUP_ROWS) {
                let places: Vec<[f64; 3]> = rows
                    .iter()
                    .map(|row| self.frame.position_m(row.0))
                    .collect();
                let axis = |a: usize| places.iter().map(|p| p[a]).collect::<Vec<f64>>();
                let costs: Vec<f64> = rows.iter().map(|row| factor(row.1)).collect();
                table.write_group(&[
                    Values::Int64(&vec![time; rows.len()]),
                    Values::Text(&vec!["cost"; rows.len()]),
                    Values::Double(&axis(0)),
                    Values::Double(&axis(1)),
                    Values::Double(&axis(2)),
                    Values::Double(&costs),
                ])?;
            }
            return Ok(());
        }
        let mut text = String::new();
        for (&cell, &cost) in changed {
            let [x, y, z] = self.frame.position_m(cell);
            text += &format!("{time},cost,{x},{y},{z},{}\n", factor(cost));
            if text.len() > 1 << 20 {
                self.print(&text)?;
                text.clear();
            }
        }
        self.print(&text)
    }

    fn print(&mut self, text: &str) -> Result<()> {
        match &mut self.to {
            To::Parquet(..) => Ok(()),
            To::Csv(draft, file) => {
                let written = file.write_all(text.as_bytes());
                written.map_err(|e| draft.refused(&e))
            }
            To::Stdout => {
                let mut stdout = std::io::stdout().lock();
                let written = stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush());
                written.map_err(|e| refused("the changes could not be printed", &e))
            }
        }
    }

    /// Waits until the disk has the file; what is left to do is to give it its name.
    pub fn finish(self) -> Result<FinishedChanges> {
        Ok(FinishedChanges(match self.to {
            To::Stdout => None,
            To::Csv(draft, file) => {
                let written = file
                    .into_inner()
                    .map_err(std::io::IntoInnerError::into_error);
                let synced = written.and_then(|file| file.sync_all());
                synced.map_err(|e| draft.refused(&e))?;
                Some(draft)
            }
            To::Parquet(draft, table) => {
                table.finish()?;
                Some(draft)
            }
        }))
    }
}

/// A table of changes that is whole, but has no name yet.
pub(super) struct FinishedChanges(Option<Draft>);

impl FinishedChanges {
    /// Gives the file its name.
    pub fn publish(self) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(mut draft) => {
                std::fs::rename(&draft.draft, &draft.path).map_err(|e| draft.refused(&e))?;
                draft.kept = true;
                Ok(())
            }
        }
    }
}

impl Draft {
    fn of(path: &Path, run: Option<&str>) -> Draft {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let own = run.map_or_else(|| std::process::id().to_string(), str::to_owned);
        Draft {
            path: path.to_owned(),
            draft: path.with_file_name(format!(".{name}.{own}")),
            kept: false,
        }
    }

    fn refused(&self, error: &std::io::Error) -> Error {
        refused(
            &format!("--changes {} could not be written", self.path.display()),
            error,
        )
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.draft);
        }
    }
}
