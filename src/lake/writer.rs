//! The rows of a table that one worker writes: one file, or as many as their size and the hive folders ask for.

use super::part::Part;
use super::table::{Column, FileWriter, Values};
use super::{Written, WrittenFile, refused};
use crate::Result;
use crate::lattice::Frame;
use rustc_hash::FxHashMap;

/// Writes the part of a worker, columns of numbers and words, a row group at a time; it keeps no more than the encoded
/// pages of one column of one group.
///
/// Pages carry checksums, row groups and pages their statistics, files their sort order, the frame, the lattice and the
/// settings of the run. In a folder, the files of a part do not overlap: each goes on where the one before ends.
pub struct TableWriter {
    part: Part,
    columns: Vec<Column>,
    sorted_by: Vec<usize>,
    frame: Frame,
    settings: Vec<(String, String)>,
    /// The column that tells the hive folder, if rows are divided.
    cell: Option<usize>,
    open: Option<Open>,
    /// How many files each folder has.
    counts: FxHashMap<String, u32>,
    written: Written,
}

/// The file that rows go to.
struct Open {
    file: FileWriter,
    /// Its path relative to the table.
    name: String,
    prefix: u64,
}

impl TableWriter {
    /// Opens the part (creating its file or emptying it) with the given columns, whose rows will come sorted by the
    /// columns with the indices `sorted_by`. Rows are divided into hive folders only if `cell` is one of these.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        columns: &[Column],
        sorted_by: &[usize],
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let part = part.into();
        let mut sorted = sorted_by.iter().copied();
        let cell = sorted.find(|&index| columns[index].name == "cell");
        let mut writer = TableWriter {
            cell: cell.filter(|_| part.hive.divides()),
            part,
            columns: columns.to_vec(),
            sorted_by: sorted_by.to_vec(),
            frame: *frame,
            settings: settings.to_vec(),
            open: None,
            counts: FxHashMap::default(),
            written: Written::default(),
        };
        if writer.cell.is_none() {
            writer.begin(0)?;
        }
        Ok(writer)
    }

    /// Writes one row group, or one for each hive folder that its rows go to: the values of every column, in the order
    /// of the columns.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If the values do not match the columns in number, kind and length: the caller's schema is broken.
    pub fn write_group(&mut self, values: &[Values]) -> Result<()> {
        let Some(cell) = self.cell else {
            return self.write_rows(0, values);
        };
        let Values::Int64(cells) = values[cell] else {
            panic!("cells are INT64");
        };
        let hive = self.part.hive;
        let mut start = 0;
        for run in cells.chunk_by(|a, b| hive.prefix(*a) == hive.prefix(*b)) {
            let rows = start..start + run.len();
            start = rows.end;
            let part: Vec<Values> = values.iter().map(|v| v.slice(rows.clone())).collect();
            self.write_rows(hive.prefix(run[0]), &part)?;
        }
        Ok(())
    }

    /// Writes rows of one hive folder.
    fn write_rows(&mut self, prefix: u64, values: &[Values]) -> Result<()> {
        let fits =
            |open: &Open| open.prefix == prefix && open.file.bytes_written() < self.part.file_bytes;
        if !self.open.as_ref().is_some_and(fits) {
            self.begin(prefix)?;
        }
        let open = self.open.as_mut().expect("a file has just been begun");
        open.file.write_group(values)
    }

    /// Ends the file that is open, and begins the next in the folder of a prefix.
    fn begin(&mut self, prefix: u64) -> Result<()> {
        self.end(false)?;
        let folder = match self.cell {
            Some(_) => self.part.hive.folder(prefix),
            None => String::new(),
        };
        let count = self.counts.entry(folder.clone()).or_default();
        let name = self.part.file(&folder, *count);
        *count += 1;
        let path = self.part.table().join(&name);
        if !folder.is_empty() {
            let folder = path.parent().expect("a file lies in a folder");
            std::fs::create_dir_all(folder).map_err(|e| refused(folder, "created", &e))?;
        }
        let (columns, sorted_by) = (&self.columns, &self.sorted_by);
        let file = FileWriter::create(&path, columns, sorted_by, &self.frame, &self.settings)?;
        self.open = Some(Open { file, name, prefix });
        Ok(())
    }

    /// Ends the file that is open; without rows it stays only if `keep`.
    fn end(&mut self, keep: bool) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let rows = open.file.rows();
        if let Some((bytes, crc32)) = open.file.finish(keep)? {
            self.written.rows += rows;
            self.written.bytes += bytes;
            let path = open.name;
            self.written.files.push(WrittenFile { path, bytes, crc32 });
        }
        Ok(())
    }

    /// Writes the footer and waits until the disk has the files. A part without rows leaves no file unless it
    /// is to show its schema, as that of worker 0 is.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        let shows_schema = self.part.shows_schema;
        if self.open.is_none() && shows_schema {
            // The first folder of the level of detail that all results have.
            let first = self.part.hive.prefix(15 << 48);
            self.begin(first)?;
        }
        self.end(shows_schema && self.written.files.is_empty())?;
        Ok(self.written)
    }
}
