//! The result of an earlier ingest, as it lies in its folder.

use crate::brick::{BrickId, CellMap};
use crate::lake::delta::{AddFile, Log, is_table};
use crate::lake::{CELLS, TALLIES, TallyWriter, level_folder, part_name};
use crate::lattice::{Cell, Frame};
use crate::map::columns::{Rows, key_values};
use crate::map::input::Share;
use crate::map::{ReadOptions, read_cells};
use crate::tally::{CellBox, Sum, Tallies};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What the files of a result say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The frame of the finest level.
    pub frame: Frame,
    /// The names of the attributes whose sums are kept.
    pub attributes: Vec<String>,
    /// How many inputs have come in.
    pub epochs: i64,
    /// The fewest points that block a cell.
    pub min_points: u64,
    /// Whether unknown cells in the box of the points are open.
    pub unknown_open: bool,
    /// The box of the points.
    pub cells: Option<CellBox>,
}

/// The name of the setting that holds the facts, as JSON.
const FACTS: &str = "ingest";

impl Facts {
    /// The facts as a setting that goes into the files.
    pub fn to_setting(&self) -> (String, String) {
        let cells = self.cells.map(|c| [c.least, c.greatest]);
        let json = serde_json::json!({
            "attributes": self.attributes,
            "epochs": self.epochs,
            "min_points": self.min_points,
            "unknown_open": self.unknown_open,
            "box": cells,
        });
        (FACTS.to_owned(), json.to_string())
    }

    /// The facts that such a setting tells, of cells in a frame; none if it is damaged.
    pub fn of_json(frame: Frame, text: &str) -> Option<Facts> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let names = json.get("attributes")?.as_array()?.iter();
        let cells: Option<[[i32; 3]; 2]> = serde_json::from_value(json.get("box")?.clone()).ok()?;
        let in_order = |[least, greatest]: &[[i32; 3]; 2]| {
            (0..3).all(|a| 0 <= least[a] && least[a] <= greatest[a] && greatest[a] <= 65535)
        };
        Some(Facts {
            frame,
            attributes: names
                .map(|n| n.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            epochs: json
                .get("epochs")?
                .as_i64()
                .filter(|n| (0..1 << 40).contains(n))?,
            min_points: json.get("min_points")?.as_u64()?,
            unknown_open: json.get("unknown_open")?.as_bool()?,
            cells: match cells {
                Some(cells) if !in_order(&cells) => return None,
                cells => cells.map(|[least, greatest]| CellBox { least, greatest }),
            },
        })
    }
}

/// A folder that `octaflow ingest` wrote.
#[derive(Clone, Debug)]
pub struct Stored {
    dir: PathBuf,
    /// The levels of detail that there are, the finest first.
    levels: Vec<u8>,
}

impl Stored {
    /// True if a folder is a result of `octaflow ingest`: it holds tables of cells, and is none itself.
    pub fn is_at(dir: &Path) -> bool {
        dir.join(CELLS).is_dir()
    }

    /// Looks into a folder.
    ///
    /// # Errors
    /// [`Error::Input`] unless it has tables of cells; [`Error::Machine`] if it cannot be read.
    pub fn open(dir: &Path) -> Result<Stored> {
        let mut levels: Vec<u8> = entries(dir, &dir.join(CELLS))?
            .iter()
            .filter_map(|name| name.strip_prefix("lod=")?.parse().ok())
            .filter(|lod| *lod <= 15)
            .collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        if levels.is_empty() {
            return Err(no_result(dir));
        }
        Ok(Stored {
            dir: dir.to_owned(),
            levels,
        })
    }

    /// The levels of detail that there are, the finest first.
    pub fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// The cells as a map at level of detail `lod`, or the coarsest level there is that is finer.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is damaged, no cell is open, or the map would not fit into memory.
    pub fn read_map(&self, lod: u8, options: &ReadOptions) -> Result<CellMap> {
        let finer = self
            .levels
            .iter()
            .rev()
            .copied()
            .find(|&level| level >= lod);
        let level = finer.unwrap_or(self.levels[0]);
        let parts = parts(&self.dir, CELLS, Some(level))?;
        let (frame, _) = frame_of(&parts[0])?;
        for part in &parts[1..] {
            if frame_of(part)?.0 != frame {
                return Err(damaged(
                    part,
                    "its frame is not that of the parts beside it",
                ));
            }
        }
        if frame.lod() != level {
            return Err(Error::input(format!(
                "{}: its cells are of level {}, not of that which its folder names",
                parts[0].display(),
                frame.lod()
            )));
        }
        read_cells(&self.dir, &parts, frame, options)
    }

    /// What the files say of the result.
    ///
    /// # Errors
    /// [`Error::Input`] if they do not say it.
    pub fn facts(&self) -> Result<Facts> {
        let first = self.dir.join(TALLIES).join(part_name(0));
        let (frame, values) = frame_of(&first)?;
        let key = format!("octaflow.setting.{FACTS}");
        let text = values.iter().find(|(name, _)| *name == key);
        text.and_then(|(_, text)| Facts::of_json(frame, text))
            .ok_or_else(|| damaged(&first, "its metadata do not say how its cells were counted"))
    }

    /// Adds the share `[index, peers]` of what was counted: to `own` in one's own bricks, to `others` in others'.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is damaged.
    pub fn add_tallies(
        &self,
        share: [usize; 2],
        own: &mut Tallies,
        others: &mut Tallies,
        whose: impl Fn(BrickId) -> Whose,
    ) -> Result<()> {
        add_tallies(&self.tally_files()?, share, own, others, whose)
    }

    /// The files of what was counted.
    ///
    /// # Errors
    /// [`Error::Input`] if there are none; [`Error::Machine`] if their folder cannot be listed.
    pub fn tally_files(&self) -> Result<Vec<PathBuf>> {
        parts(&self.dir, TALLIES, None)
    }
}

/// Whose a brick is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One's own.
    Own,
    /// Another's.
    Other,
    /// One's own, but what is read of it is out of date.
    Settled,
}

/// Adds what was counted by the word of tables as [`TallyWriter`] writes them: the share `[index, peers]` of their rows.
///
/// # Errors
/// [`Error::Input`] if a file is damaged.
pub fn add_tallies(
    files: &[PathBuf],
    [index, peers]: [usize; 2],
    own: &mut Tallies,
    others: &mut Tallies,
    whose: impl Fn(BrickId) -> Whose,
) -> Result<()> {
    let names: Vec<String> = (0..own.attributes())
        .flat_map(TallyWriter::sum_columns)
        .collect();
    let fixed = ["lx", "ly", "lz", "points", "seen", "given"];
    let wanted: Vec<&str> = fixed
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let all = (0..wanted.len()).collect::<Vec<_>>();
    for path in files {
        let mut rows = Rows::open_share(path, &wanted, Share { index, peers })?;
        let sums: Vec<usize> = all[fixed.len()..].to_vec();
        // Attributes that only the new inputs have stand behind those of the result.
        let kept = sums
            .chunks(3)
            .filter(|three| three.iter().all(|&c| rows.has(c)))
            .count();
        rows.require(&all[..fixed.len() + 3 * kept])?;
        while let Some(row) = rows.next_row()? {
            let place = [row.integer(0)?, row.integer(1)?, row.integer(2)?];
            let place = place.map(|c| i32::try_from(c).unwrap_or(-1));
            let cell = Cell::try_from(place).map_err(|e| row.wrong(e))?;
            let Some((brick, local)) = BrickId::locate(cell) else {
                return Err(row.wrong("lattice coordinates must lie in 0…65535"));
            };
            let count = |column: usize| -> Result<u64> {
                let value = row.integer(column)?;
                u64::try_from(value).map_err(|_| row.wrong("a count must not be negative"))
            };
            let tallies = match whose(brick) {
                Whose::Own => &mut *own,
                Whose::Other => &mut *others,
                Whose::Settled => continue,
            };
            let brick = tallies.brick(brick);
            if row.integer(4)? != 0 {
                brick.see_cell(local);
            }
            if let Ok(cost) = u16::try_from(row.integer(5)?) {
                brick.give(local, cost);
            }
            let points = count(3)?;
            if points > 0 {
                let slot = brick.slot(local);
                let counted = brick.counted_mut(slot);
                counted.points = counted.points.saturating_add(points);
                for (attribute, three) in sums.chunks(3).take(kept).enumerate() {
                    let low = row.integer(three[2])? as u64;
                    let high = i128::from(row.integer(three[1])?);
                    *brick.sum_mut(slot, attribute) += Sum {
                        units: high << 64 | i128::from(low),
                        values: count(three[0])?,
                    };
                }
            }
        }
    }
    Ok(())
}

/// The names in a folder of the result.
fn entries(dir: &Path, folder: &Path) -> Result<Vec<String>> {
    let listed = std::fs::read_dir(folder).map_err(|_| no_result(dir))?;
    let names = listed.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()));
    names
        .collect::<std::io::Result<_>>()
        .map_err(|e| Error::machine(format!("{} could not be listed: {e}", folder.display())))
}

/// The parts of a table of the result, in order; of one level of detail, if it has several: those that its log names,
/// where there is one.
fn parts(dir: &Path, table: &str, level: Option<u8>) -> Result<Vec<PathBuf>> {
    let root = dir.join(table);
    if is_table(&root) {
        let log = Log::read(&root, None)?;
        let named = level.map(|lod| lod.to_string());
        let of_level = |file: &&AddFile| {
            let told = file.partition_values.get("lod").cloned().flatten();
            named.is_none() || told == named
        };
        let files: Vec<PathBuf> = (log.files().filter(of_level))
            .map(|file| log.sound(file))
            .collect::<Result<_>>()?;
        return if files.is_empty() {
            Err(no_result(dir))
        } else {
            Ok(files)
        };
    }
    let folder = level.map_or(root, |lod| dir.join(level_folder(lod)));
    let folder = &folder;
    let mut names = entries(dir, folder)?;
    names.retain(|name| name.ends_with(".parquet"));
    names.sort_unstable();
    if names.is_empty() {
        return Err(no_result(dir));
    }
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn no_result(dir: &Path) -> Error {
    Error::input(format!(
        "{}: it is no result of octaflow ingest, which has a folder {CELLS}/lod=15 with parts",
        dir.display()
    ))
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::input(format!(
        "{}: {what}: give a folder as octaflow ingest wrote it",
        path.display()
    ))
}

/// The frame that a file's metadata tell, and all of these.
fn frame_of(path: &Path) -> Result<(Frame, Vec<(String, String)>)> {
    let values = key_values(path)?;
    let find = |name: &str| {
        let key = format!("octaflow.frame.{name}");
        values
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| value.as_str())
    };
    let frame = || {
        let origin: Vec<f64> = (find("origin_m")?.split(','))
            .map(|c| c.parse().ok())
            .collect::<Option<_>>()?;
        let lod = find("lod")?.parse().ok().filter(|lod| *lod <= 15)?;
        let frame = Frame::new(origin.try_into().ok()?, find("cell_size_m")?.parse().ok()?);
        Some(frame.ok()?.at_lod(lod))
    };
    let frame = frame().ok_or_else(|| damaged(path, "its metadata do not tell its frame"))?;
    Ok((frame, values))
}
