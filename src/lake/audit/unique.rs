//! That no two files of a table hold the same row: each is sorted by its key, so they are merged by it.

use super::fault;
use super::parquet::Parquet;
use super::rules::whole_numbers;
use crate::Result;
use crate::map::columns::{damaged, guarded};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::Path;

/// How many rows of each file are decoded at once.
const BATCH_ROWS: usize = 4096;

/// Checks that no key is in two of the files of a folder, whose own keys have been found to ascend; `ends` are the first
/// and the last key of each file that has rows and a key. Files of two folders `key=value` differ by that key.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the two files.
pub(super) fn check(files: &[Parquet], ends: &[Option<[Vec<i64>; 2]>]) -> Result<()> {
    let mut folders: BTreeMap<Option<&Path>, Vec<usize>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        if file.table.is_some() && ends[at].is_some() {
            folders.entry(file.path.parent()).or_default().push(at);
        }
    }
    for places in folders.values() {
        let mut ranges: Vec<&[Vec<i64>; 2]> =
            places.iter().filter_map(|&at| ends[at].as_ref()).collect();
        ranges.sort();
        if !ranges.windows(2).all(|pair| pair[0][1] < pair[1][0]) {
            merge(&places.iter().map(|&at| &files[at]).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Checks that no two of these files have a key in common.
fn merge(files: &[&Parquet]) -> Result<()> {
    let mut keys = Vec::with_capacity(files.len());
    for file in files {
        match Keys::open(file)? {
            Some(of_file) => keys.push(of_file),
            None => return Ok(()),
        }
    }
    let mut heap = BinaryHeap::new();
    for (at, keys) in keys.iter_mut().enumerate() {
        heap.extend(keys.next()?.map(|key| Reverse((key, at))));
    }
    let mut last: Option<(Vec<i64>, usize)> = None;
    while let Some(Reverse((key, at))) = heap.pop() {
        if let Some((before, other)) = last.take()
            && before == key
        {
            let other = files[other].path.display();
            let what = format!(
                "it has a row with the key {key:?}, which {other} has too; a row belongs in one file"
            );
            return Err(fault(&files[at].path, what));
        }
        heap.extend(keys[at].next()?.map(|key| Reverse((key, at))));
        last = Some((key, at));
    }
    Ok(())
}

/// The keys of a file's rows, from first to last.
struct Keys {
    name: String,
    reader: ParquetRecordBatchReader,
    /// Where each column of the key stands in a batch.
    places: Vec<usize>,
    columns: Vec<Vec<i64>>,
    row: usize,
}

impl Keys {
    /// The keys of a file, or `None` if it has no key.
    fn open(parquet: &Parquet) -> Result<Option<Self>> {
        let key = parquet.sorted_by();
        if key.is_empty() {
            return Ok(None);
        }
        let mut sorted = key.clone();
        sorted.sort_unstable();
        let places = key
            .iter()
            .filter_map(|column| sorted.binary_search(column).ok())
            .collect();
        let name = parquet.path.display().to_string();
        let file = parquet.file()?;
        let reader = guarded(&name, || {
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, parquet.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), sorted);
            let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
            builder.build().map_err(|e| damaged(&name, &e.to_string()))
        })?;
        Ok(Some(Keys {
            name,
            reader,
            places,
            columns: Vec::new(),
            row: 0,
        }))
    }

    fn next(&mut self) -> Result<Option<Vec<i64>>> {
        while self
            .columns
            .first()
            .is_none_or(|column| self.row == column.len())
        {
            let batch = guarded(&self.name, || {
                let batch = self.reader.next().transpose();
                batch.map_err(|e| damaged(&self.name, &e.to_string()))
            })?;
            let Some(batch) = batch else {
                return Ok(None);
            };
            let columns = self
                .places
                .iter()
                .map(|&place| whole_numbers(batch.column(place)));
            let columns: Option<Vec<_>> = columns.collect();
            self.columns =
                columns.ok_or_else(|| damaged(&self.name, "its key is not of whole numbers"))?;
            self.row = 0;
        }
        self.row += 1;
        Ok(Some(
            self.columns
                .iter()
                .map(|column| column[self.row - 1])
                .collect(),
        ))
    }
}
