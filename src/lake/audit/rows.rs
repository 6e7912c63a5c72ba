//! The rows of a row group: that they decode, that each value is what its column promises, that cells are cells, that
//! rows come in order, and that the statistics are those of the values.

use super::parquet::Parquet;
use super::ranges::Range;
use super::rules::{Rule, whole_numbers};
use super::{RESTORE, fault};
use crate::lattice::{Cell, Header, Index64};
use crate::map::columns::{damaged, guarded};
use crate::{Error, Result};
use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;
use std::fs::File;

/// How many rows are decoded at once.
const BATCH_ROWS: usize = 8192;

/// What the rows of a row group turned out to be.
#[derive(Debug, Default)]
pub(super) struct GroupRows {
    /// The key of the first and of the last row, if the group has rows and the file a key.
    pub keys: Option<[Vec<i64>; 2]>,
    /// The level of its cells, if it has cells.
    pub lod: Option<u8>,
    /// The values of each column.
    pub ranges: Vec<Range>,
}

/// Reads and checks the rows of row group `group`.
///
/// # Errors
/// [`Error::Input`] naming the first row that is wrong.
pub(super) fn check(parquet: &Parquet, file: File, group: usize) -> Result<GroupRows> {
    let groups = parquet.footer().row_groups();
    let mut check = Check {
        parquet,
        group,
        first_row: groups[..group].iter().map(|g| g.num_rows() as u64).sum(),
        rows: 0,
        key: parquet.sorted_by(),
        columns: Vec::new(),
        ranges: Vec::new(),
        found: GroupRows::default(),
    };
    check.columns = parquet.names().map(|name| parquet.rule(name)).collect();
    check.ranges = vec![Range::default(); check.columns.len()];
    let name = format!("{}: row group {group}", parquet.path.display());
    let mut reader = guarded(&name, || reader(parquet, file, group, &name))?;
    loop {
        let next = guarded(&name, || {
            let batch = reader.next().transpose();
            batch.map_err(|e| damaged(&name, &e.to_string()))
        })?;
        match next {
            Some(batch) => check.batch(&batch)?,
            None => break,
        }
    }
    check.finish(&groups[group])
}

fn reader(
    parquet: &Parquet,
    file: File,
    group: usize,
    name: &str,
) -> Result<ParquetRecordBatchReader> {
    ParquetRecordBatchReaderBuilder::new_with_metadata(file, parquet.metadata.clone())
        .with_row_groups(vec![group])
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| damaged(name, &e.to_string()))
}

/// A check of the rows of one row group on its way.
struct Check<'a> {
    parquet: &'a Parquet,
    group: usize,
    /// How many rows of the file come before the group.
    first_row: u64,
    /// How many rows of the group were checked.
    rows: u64,
    key: Vec<usize>,
    /// What octaflow promises of each column.
    columns: Vec<Option<Rule>>,
    ranges: Vec<Range>,
    found: GroupRows,
}

impl Check<'_> {
    fn wrong(&self, row: usize, what: impl std::fmt::Display) -> Error {
        let at = self.first_row + self.rows + row as u64;
        fault(
            &self.parquet.path,
            format!("row group {}, row {at} of the file: {what}", self.group),
        )
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        for (rule, (field, column)) in self
            .columns
            .iter()
            .zip(schema.fields().iter().zip(batch.columns()))
        {
            if let Some(rule) = rule
                && let Some((row, found)) = rule.broken(column)
            {
                let (name, right) = (field.name(), rule.right());
                return Err(self.wrong(row, format!("{name} is {found} and must be {right}")));
            }
        }
        for (range, column) in self.ranges.iter_mut().zip(batch.columns()) {
            range.take(column);
        }
        self.places(batch)?;
        self.routes(batch)?;
        self.order(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Checks that the coordinates are those of cells, and the identifiers those of the coordinates.
    fn places(&mut self, batch: &RecordBatch) -> Result<()> {
        let column = |name| batch.column_by_name(name).and_then(whole_numbers);
        let (Some(x), Some(y), Some(z)) = (column("lx"), column("ly"), column("lz")) else {
            return Ok(());
        };
        if !self.parquet.is_ours() && self.parquet.table.is_none() {
            return Ok(());
        }
        let ids = column("cell");
        for row in 0..batch.num_rows() {
            let xyz = [x[row], y[row], z[row]].map(|c| c as i32);
            let cell = Cell::new(xyz[0], xyz[1], xyz[2]).map_err(|e| self.wrong(row, e))?;
            let Some(id) = ids.as_ref().map(|ids| ids[row]) else {
                continue;
            };
            let header = Index64::try_from(id).map(|id| id.header());
            let lod = header.map_or(Header::CELL.lod, |header| header.lod);
            let lod = *self.found.lod.get_or_insert(lod);
            let wanted = Index64::new(
                Header {
                    lod,
                    ..Header::CELL
                },
                cell,
            );
            let wanted = wanted.map_err(|e| self.wrong(row, e))?.as_i64();
            if id != wanted {
                let what = format!(
                    "cell is {id} and should be {wanted}, the Index64 of {cell} at LOD {lod}"
                );
                return Err(self.wrong(row, what));
            }
        }
        Ok(())
    }

    /// Checks that routes have a cost if they were found, and only then.
    fn routes(&self, batch: &RecordBatch) -> Result<()> {
        if self.parquet.table.is_none() {
            return Ok(());
        }
        let status = batch
            .column_by_name("status")
            .and_then(|c| c.as_string_opt::<i32>());
        let cost = batch
            .column_by_name("cost")
            .and_then(|c| c.as_primitive_opt::<Float64Type>());
        let (Some(status), Some(cost)) = (status, cost) else {
            return Ok(());
        };
        for (row, (status, cost)) in status.iter().zip(cost).enumerate() {
            if (status == Some("found")) != cost.is_some() {
                let status = status.unwrap_or_default();
                let what = format!(
                    "cost is {cost:?} where status is {status}: a route has a cost if it was found"
                );
                return Err(self.wrong(row, what));
            }
        }
        Ok(())
    }

    /// Checks that the rows ascend by the key, strictly where no two rows share one.
    fn order(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = self
            .key
            .iter()
            .map(|&c| batch.columns().get(c).and_then(whole_numbers));
        let Some(columns) = columns
            .collect::<Option<Vec<_>>>()
            .filter(|c| !c.is_empty())
        else {
            return Ok(());
        };
        let strict = self.parquet.table.is_some();
        let key = |row: usize| columns.iter().map(move |column| column[row]);
        for row in 0..batch.num_rows() {
            let before = match (row, &self.found.keys) {
                (0, None) => continue,
                (0, Some([_, last])) => key(row).cmp(last.iter().copied()),
                _ => key(row).cmp(key(row - 1)),
            };
            if before.is_lt() || before.is_eq() && strict {
                return Err(self.wrong(row, self.disorder(before.is_eq())));
            }
        }
        if batch.num_rows() > 0 {
            let last: Vec<i64> = key(batch.num_rows() - 1).collect();
            match &mut self.found.keys {
                Some([_, before]) => *before = last,
                none => *none = Some([key(0).collect(), last]),
            }
        }
        Ok(())
    }

    fn disorder(&self, equal: bool) -> String {
        let names: Vec<&str> = self.parquet.names().collect();
        let key: Vec<&str> = self.key.iter().map(|&c| names[c]).collect();
        let key = key.join(", ");
        match equal {
            true => format!("{key} is that of the row before, and must be no other row's"),
            false => format!("{key} is less than in the row before, and must ascend"),
        }
    }

    /// Checks what the footer says of the group.
    fn finish(self, group: &RowGroupMetaData) -> Result<GroupRows> {
        let (path, number) = (&self.parquet.path, self.group);
        let wrong = |what: String| fault(path, format!("row group {number}: {what}"));
        if self.rows != group.num_rows() as u64 {
            let (rows, counted) = (self.rows, group.num_rows());
            return Err(wrong(format!(
                "it holds {rows} rows and should hold the {counted} of the footer; {RESTORE}"
            )));
        }
        let found = GroupRows {
            ranges: self.ranges,
            ..self.found
        };
        if !self.parquet.is_untouched() || group.columns().len() != found.ranges.len() {
            return Ok(found);
        }
        for (range, column) in found.ranges.iter().zip(group.columns()) {
            if let Some(statistics) = column.statistics()
                && let Some(what) = range.disagrees(statistics)
            {
                let name = column.column_path().string();
                return Err(wrong(format!(
                    "the footer says that {name} {what}; {RESTORE}"
                )));
            }
        }
        Ok(found)
    }
}
