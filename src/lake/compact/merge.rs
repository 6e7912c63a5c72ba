//! Sorted files merged into few, a batch of rows at a time.

use crate::lake::GROUP_ROWS;
use crate::lake::table::FileWriter;
use crate::map::{decode_parquet, open_parquet_whole};
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, interleave_record_batch};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

/// How many rows of each input are in memory at once.
const BATCH_ROWS: usize = 8192;

/// A file that is read in its sort order.
struct Input {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    batch: RecordBatch,
    keys: Option<Rows>,
    row: usize,
    /// The key of the last row of the batch before.
    last: Option<OwnedRow>,
}

impl Input {
    fn open(path: &Path, keys: &Keys) -> Result<(Self, ParquetMetaData)> {
        let (file, footer) = open_parquet_whole(path)?;
        keys.check(path, &footer)?;
        let batches = decode_parquet(path, || {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?
                .with_batch_size(BATCH_ROWS)
                .build()
        })?;
        let input = Input {
            path: path.to_owned(),
            batch: RecordBatch::new_empty(batches_schema(&batches)),
            batches,
            keys: None,
            row: 0,
            last: None,
        };
        Ok((input, footer))
    }

    /// Goes to the next row: says whether it starts a new batch; `None` at the end.
    fn advance(&mut self, keys: &mut Keys) -> Result<Option<bool>> {
        self.row += 1;
        if self.row < self.batch.num_rows() {
            let sorted = (self.keys.as_ref())
                .is_none_or(|keys| keys.row(self.row - 1) <= keys.row(self.row));
            return sorted.then_some(Some(false)).ok_or_else(|| self.unsorted());
        }
        loop {
            let next = decode_parquet(&self.path, || {
                self.batches
                    .next()
                    .transpose()
                    .map_err(|e| ParquetError::General(e.to_string()))
            })?;
            let Some(batch) = next else {
                return Ok(None);
            };
            if batch.num_rows() > 0 {
                self.last = match self.batch.num_rows() {
                    0 => None,
                    rows => self.key(rows - 1),
                };
                self.keys = keys.of(&self.path, &batch)?;
                (self.batch, self.row) = (batch, 0);
                let sorted = self.last <= self.key(0);
                return sorted.then_some(Some(true)).ok_or_else(|| self.unsorted());
            }
        }
    }

    fn key(&self, row: usize) -> Option<OwnedRow> {
        self.keys.as_ref().map(|keys| keys.row(row).owned())
    }

    /// Whether the row at hand comes before the least of the other inputs.
    fn is_before(&self, index: usize, other: Option<&Head>) -> bool {
        match (&self.keys, other) {
            (Some(keys), Some(Reverse((Some(least), other)))) => {
                (keys.row(self.row), index) < (least.row(), *other)
            }
            (_, Some(Reverse((_, other)))) => index < *other,
            (_, None) => true,
        }
    }

    fn unsorted(&self) -> Error {
        Error::input(format!(
            "{}: its rows are not in the order that its footer says; the file should be written anew, sorted",
            self.path.display()
        ))
    }
}

/// The least key of an input, and which input.
type Head = Reverse<(Option<OwnedRow>, usize)>;

fn batches_schema(batches: &ParquetRecordBatchReader) -> arrow::datatypes::SchemaRef {
    arrow::array::RecordBatchReader::schema(batches)
}

/// What the rows are sorted by: bytes that compare as rows do. Files that say no order are taken one after another.
struct Keys {
    sorting: Vec<SortingColumn>,
    columns: usize,
    converter: Option<RowConverter>,
}

impl Keys {
    fn of_files(footer: &ParquetMetaData) -> Self {
        let first = footer.row_groups().first();
        Keys {
            sorting: first
                .and_then(|g| g.sorting_columns().cloned())
                .unwrap_or_default(),
            columns: footer.file_metadata().schema_descr().num_columns(),
            converter: None,
        }
    }

    /// Asserts that a file has the columns, and that its row groups say the order.
    fn check(&self, path: &Path, footer: &ParquetMetaData) -> Result<()> {
        let alike = footer.file_metadata().schema_descr().num_columns() == self.columns;
        let sorted = footer.row_groups().iter().all(|group| {
            let sorting = group.sorting_columns().map_or(&[][..], Vec::as_slice);
            sorting == self.sorting
        });
        let known = |s: &SortingColumn| (s.column_idx as usize) < self.columns && s.column_idx >= 0;
        if alike && sorted && self.sorting.iter().all(known) {
            return Ok(());
        }
        Err(Error::input(format!(
            "{}: its columns or its sort order differ from those of the other files of its table; they should be \
             the same",
            path.display()
        )))
    }

    fn of(&mut self, path: &Path, batch: &RecordBatch) -> Result<Option<Rows>> {
        if self.sorting.is_empty() {
            return Ok(None);
        }
        let columns: Vec<_> = (self.sorting.iter())
            .map(|s| batch.column(s.column_idx as usize).clone())
            .collect();
        let fields = columns.iter().zip(&self.sorting).map(|(column, s)| {
            let options = SortOptions {
                descending: s.descending,
                nulls_first: s.nulls_first,
            };
            SortField::new_with_options(column.data_type().clone(), options)
        });
        decode_parquet(path, || {
            let wrong = |e: arrow::error::ArrowError| ParquetError::General(e.to_string());
            if self.converter.is_none() {
                self.converter = Some(RowConverter::new(fields.collect()).map_err(wrong)?);
            }
            let converter = self.converter.as_mut().expect("it has just been made");
            converter.convert_columns(&columns).map_err(wrong).map(Some)
        })
    }
}

/// A row group on its way: which rows of which batches.
#[derive(Default)]
struct Group {
    batches: Vec<RecordBatch>,
    rows: Vec<(usize, usize)>,
}

impl Group {
    /// Keeps a batch until the group is written, and tells its place.
    fn keep(&mut self, batch: &RecordBatch) -> usize {
        self.batches.push(batch.clone());
        self.batches.len() - 1
    }
}

/// Where merged rows go: files of about a size, one after another.
pub(super) struct Output<'a> {
    /// The path of the next file.
    pub next_path: &'a mut dyn FnMut() -> PathBuf,
    /// A file is full when its row groups take so many bytes.
    pub target_bytes: u64,
}

/// A file that was written.
pub(super) struct Merged {
    pub path: PathBuf,
    /// The CRC-32 of its bytes.
    pub crc32: u32,
}

/// Merges sorted files into files that do not overlap, and tells what was written where.
///
/// Memory: a batch of each input and a row group.
pub(super) fn merge(paths: &[PathBuf], output: &mut Output) -> Result<Vec<Merged>> {
    let model = model(paths)?;
    let mut keys = Keys::of_files(&model);
    let mut inputs = Vec::with_capacity(paths.len());
    let mut expected = 0;
    for path in paths {
        let (input, footer) = Input::open(path, &keys)?;
        expected += footer.file_metadata().num_rows().max(0) as u64;
        inputs.push(input);
    }
    let mut heads: BinaryHeap<Head> = BinaryHeap::with_capacity(inputs.len());
    for (i, input) in inputs.iter_mut().enumerate() {
        if input.advance(&mut keys)?.is_some() {
            heads.push(Reverse((input.key(0), i)));
        }
    }
    let mut files = Files::new(output, model);
    let mut group = Group::default();
    // Where in the group each input's batch is.
    let mut places = vec![None; inputs.len()];
    while let Some(Reverse((_, i))) = heads.pop() {
        let input = &mut inputs[i];
        loop {
            let place = *places[i].get_or_insert_with(|| group.keep(&input.batch));
            group.rows.push((place, input.row));
            let next = input.advance(&mut keys)?;
            if next == Some(true) {
                places[i] = None;
            }
            if group.rows.len() == GROUP_ROWS {
                files.write(&std::mem::take(&mut group))?;
                places.fill(None);
            }
            if next.is_none() {
                break;
            }
            if !input.is_before(i, heads.peek()) {
                heads.push(Reverse((input.key(input.row), i)));
                break;
            }
        }
    }
    if !group.rows.is_empty() {
        files.write(&group)?;
    }
    let (written, rows) = files.finish()?;
    if rows != expected {
        return Err(Error::input(format!(
            "{} and {} files beside have {rows} rows where their footers count {expected}; a damaged file should be \
             replaced",
            paths[0].display(),
            paths.len() - 1
        )));
    }
    Ok(written)
}

/// The footer of the first file that has rows, after which the merged files are made.
fn model(paths: &[PathBuf]) -> Result<ParquetMetaData> {
    let mut model = None;
    for path in paths {
        let (_, footer) = open_parquet_whole(path)?;
        let has_rows = footer.num_row_groups() > 0;
        if has_rows || model.is_none() {
            model = Some(footer);
        }
        if has_rows {
            break;
        }
    }
    Ok(model.expect("there is a file to merge"))
}

/// Files that are written one after another.
struct Files<'a, 'b> {
    output: &'a mut Output<'b>,
    model: ParquetMetaData,
    open: Option<(PathBuf, FileWriter)>,
    done: Vec<Merged>,
    rows: u64,
}

impl<'a, 'b> Files<'a, 'b> {
    fn new(output: &'a mut Output<'b>, model: ParquetMetaData) -> Self {
        Files {
            output,
            model,
            open: None,
            done: Vec::new(),
            rows: 0,
        }
    }

    fn writer(&mut self) -> Result<&mut FileWriter> {
        if self.open.is_none() {
            let path = (self.output.next_path)();
            let writer = FileWriter::like(&path, &self.model)?;
            self.open = Some((path, writer));
        }
        Ok(&mut self.open.as_mut().expect("it has just been opened").1)
    }

    fn write(&mut self, group: &Group) -> Result<()> {
        let batches: Vec<&RecordBatch> = group.batches.iter().collect();
        let target_bytes = self.output.target_bytes;
        let writer = self.writer()?;
        let rows = interleave_record_batch(&batches, &group.rows)
            .map_err(|e| Error::input(format!("rows of a table cannot be merged: {e}")))?;
        writer.write_columns(rows.num_rows(), rows.num_columns(), |index, column| {
            super::columns::write(rows.column(index), column)
        })?;
        if writer.bytes_written() >= target_bytes {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some((path, writer)) = self.open.take() {
            self.rows += writer.rows();
            let finished = writer.finish(true)?;
            let (_, crc32) = finished.expect("a file without rows is kept");
            self.done.push(Merged { path, crc32 });
        }
        Ok(())
    }

    /// The files and how many rows they have; one without rows if there are none, to show the columns.
    fn finish(mut self) -> Result<(Vec<Merged>, u64)> {
        if self.done.is_empty() {
            self.writer()?;
        }
        self.close()?;
        Ok((self.done, self.rows))
    }
}

/// Names a column whose type cannot be written again.
pub(super) fn unwritable(what: &str) -> ParquetResult<()> {
    Err(ParquetError::NYI(format!(
        "columns of type {what} cannot be merged"
    )))
}
