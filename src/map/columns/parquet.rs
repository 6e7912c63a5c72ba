//! Rows of Parquet files, read batch by batch, of the wanted columns alone.

use super::footer::check_footer;
use super::header::Header;
use super::pages::{TextLimit, check_pages};
use super::{Field, guard};
use crate::map::input::{Share, told};
use crate::{Error, Result};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, PrimitiveArray, StringViewArray,
};
use arrow::datatypes::{
    DataType, Field as ArrowField, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// How many rows are decoded at once: their columns stay in a core's cache.
const BATCH_ROWS: usize = 8192;

/// The most rows that a file may pack into a byte: real writers stay below 1000 where all rows are alike, and a page
/// of 50 bytes can claim two thousand million.
const MOST_ROWS_A_BYTE: u64 = 1 << 14;

/// A column's values in the batch at hand.
enum Column {
    Absent,
    Int8(PrimitiveArray<Int8Type>),
    Int16(PrimitiveArray<Int16Type>),
    Int32(PrimitiveArray<Int32Type>),
    Int64(PrimitiveArray<Int64Type>),
    Uint8(PrimitiveArray<UInt8Type>),
    Uint16(PrimitiveArray<UInt16Type>),
    Uint32(PrimitiveArray<UInt32Type>),
    Uint64(PrimitiveArray<UInt64Type>),
    Float16(PrimitiveArray<Float16Type>),
    Float32(PrimitiveArray<Float32Type>),
    Float64(PrimitiveArray<Float64Type>),
    Text(StringViewArray),
    Bytes(BinaryViewArray),
}

/// The rows of a Parquet file.
pub(super) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    header: Header,
    /// Where each wanted column stands in a batch.
    places: Vec<Option<usize>>,
    columns: Vec<Column>,
    row: usize,
    batch_rows: usize,
    /// Rows yet to come, as the file's metadata say.
    rows_left: u64,
    /// Rows of the file that come before the first one read.
    rows_before: u64,
    rows: u64,
    file_bytes: u64,
}

impl ParquetRows {
    pub(super) fn new(
        name: &str,
        file: File,
        file_bytes: u64,
        wanted: &[&str],
        share: Share,
    ) -> Result<Self> {
        let (metadata, header) = open(name, &file, file_bytes, wanted)?;
        let places: Vec<_> = (0..wanted.len()).map(|c| header.place(c)).collect();
        let rows = rows_of(name, metadata.metadata())?;
        check_pages(
            name,
            &file,
            file_bytes,
            metadata.metadata(),
            &places,
            TextLimit::Short,
        )?;

        let (groups, rows_before, rows_left) = groups_of(name, metadata.metadata(), rows, share)?;
        // A projection keeps the order of the file: a column's place in a batch is its rank.
        let mut roots: Vec<usize> = places.iter().flatten().copied().collect();
        roots.sort_unstable();
        let ranks = places
            .iter()
            .map(|place| place.and_then(|p| roots.binary_search(&p).ok()))
            .collect();
        let reader = guarded(name, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
            builder
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|e| damaged(name, &e.to_string()))
        })?;
        Ok(ParquetRows {
            reader,
            header,
            places: ranks,
            columns: Vec::new(),
            row: 0,
            batch_rows: 0,
            rows_left,
            rows_before,
            rows,
            file_bytes,
        })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn rows_before(&self) -> u64 {
        self.rows_before
    }

    pub(super) fn read_bytes(&self, rows: u64) -> u64 {
        let share = u128::from(self.file_bytes) * u128::from(rows) / u128::from(self.rows.max(1));
        share.min(u128::from(self.file_bytes)) as u64
    }

    #[inline]
    pub(super) fn advance(&mut self, file: &str) -> Result<bool> {
        self.row += 1;
        if self.row < self.batch_rows {
            return Ok(true);
        }
        self.next_batch(file)
    }

    /// Decodes the next batch that has rows; false at the end.
    fn next_batch(&mut self, file: &str) -> Result<bool> {
        loop {
            let next = guarded(file, || {
                self.reader
                    .next()
                    .transpose()
                    .map_err(|e| damaged(file, &e.to_string()))
            })?;
            let Some(batch) = next else {
                if self.rows_left > 0 {
                    let what =
                        format!("{} rows that its footer counts are missing", self.rows_left);
                    return Err(damaged(file, &what));
                }
                return Ok(false);
            };
            self.rows_left = self
                .rows_left
                .checked_sub(batch.num_rows() as u64)
                .ok_or_else(|| damaged(file, "it has more rows than its footer counts"))?;
            if batch.num_rows() > 0 {
                (self.row, self.batch_rows) = (0, batch.num_rows());
                self.columns = self.places.iter().map(|&p| column_of(&batch, p)).collect();
                return Ok(true);
            }
        }
    }

    #[inline]
    pub(super) fn field(&self, column: usize) -> Field<'_> {
        let row = self.row;
        match &self.columns[column] {
            Column::Absent => Field::Missing,
            Column::Int8(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Int16(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Int32(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Int64(a) => value(a, row, Field::Signed),
            Column::Uint8(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Uint16(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Uint32(a) => value(a, row, |v| Field::Signed(v.into())),
            Column::Uint64(a) => value(a, row, Field::Unsigned),
            Column::Float16(a) => value(a, row, |v| Field::Float(v.to_f64())),
            Column::Float32(a) => value(a, row, |v| Field::Float(v.into())),
            Column::Float64(a) => value(a, row, Field::Float),
            Column::Text(a) if a.is_null(row) => Field::Missing,
            Column::Text(a) => Field::Text(a.value(row).as_bytes()),
            Column::Bytes(a) if a.is_null(row) => Field::Missing,
            Column::Bytes(a) => Field::Text(a.value(row)),
        }
    }
}

#[inline]
fn value<'a, T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    row: usize,
    field: impl Fn(T::Native) -> Field<'a>,
) -> Field<'a> {
    if array.is_null(row) {
        Field::Missing
    } else {
        field(array.value(row))
    }
}

/// Reads the footer of a file, whose schema has been found sound before it is decoded.
///
/// # Errors
/// [`Error::Input`] if the file is no sound Parquet file, or claims more rows than its bytes can hold.
fn read_footer(name: &str, file: &File, file_bytes: u64) -> Result<ParquetMetaData> {
    check_footer(name, file, file_bytes)?;
    let footer = guarded(name, || {
        ParquetMetaDataReader::new()
            .parse_and_finish(file)
            .map_err(|e| damaged(name, &e.to_string()))
    })?;
    let rows = rows_of(name, &footer)?;
    if rows / MOST_ROWS_A_BYTE > file_bytes {
        let what = format!("{file_bytes} bytes cannot hold the {rows} rows that it claims");
        return Err(damaged(name, &what));
    }
    Ok(footer)
}

/// The number of rows that a footer claims.
fn rows_of(name: &str, footer: &ParquetMetaData) -> Result<u64> {
    u64::try_from(footer.file_metadata().num_rows())
        .map_err(|_| damaged(name, "it has a negative number of rows"))
}

/// The Parquet types say all that matters: dictionaries and large strings are ways to hold them in memory.
fn parquet_types() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// Reads the footer of a file, and the types under which its columns decode.
///
/// # Errors
/// [`Error::Input`] if the file is no sound Parquet file, or claims more rows than its bytes can hold.
pub(crate) fn open_footer(name: &str, file: &File, file_bytes: u64) -> Result<ArrowReaderMetadata> {
    let footer = Arc::new(read_footer(name, file, file_bytes)?);
    guarded(name, || {
        ArrowReaderMetadata::try_new(footer, parquet_types())
            .map_err(|e| damaged(name, &e.to_string()))
    })
}

/// Checks that no page of a file, whose footer was read, asks for more memory than writers' pages do.
///
/// # Errors
/// [`Error::Input`] if a page is too large, or its header is not sound.
pub(crate) fn check_all_pages(
    name: &str,
    file: &File,
    file_bytes: u64,
    footer: &ParquetMetaData,
) -> Result<()> {
    let roots = footer.file_metadata().schema_descr().root_schema();
    let all: Vec<_> = (0..roots.get_fields().len()).map(Some).collect();
    check_pages(name, file, file_bytes, footer, &all, TextLimit::Long)
}

/// The row groups of a share, how many rows come before them, and how many they have; all the rows that the footer
/// counts belong to whom the last group belongs to.
fn groups_of(
    name: &str,
    metadata: &ParquetMetaData,
    rows: u64,
    share: Share,
) -> Result<(Vec<usize>, u64, u64)> {
    let groups = metadata.row_groups();
    let range = share.of(groups.len() as u64);
    let (start, end) = (range.start as usize, range.end as usize);
    let count = |part: &[RowGroupMetaData]| {
        part.iter()
            .try_fold(0u64, |sum, group| {
                sum.checked_add(u64::try_from(group.num_rows()).ok()?)
            })
            .ok_or_else(|| damaged(name, "the counts of rows of its row groups are absurd"))
    };
    let before = count(&groups[..start])?;
    let own = if end == groups.len() && (end > start || share.index == 0) {
        rows.checked_sub(before)
            .ok_or_else(|| damaged(name, "it has more rows than its footer counts"))?
    } else {
        count(&groups[start..end])?
    };
    Ok(((start..end).collect(), before, own))
}

/// Reads the footer: the metadata under which the wanted columns decode, and the file's columns.
fn open(
    name: &str,
    file: &File,
    file_bytes: u64,
    wanted: &[&str],
) -> Result<(ArrowReaderMetadata, Header)> {
    let plain = open_footer(name, file, file_bytes)?;
    let fields = plain.schema().fields();
    let header = Header::new(name, wanted, fields.iter().map(|f| f.name().as_bytes()))?;
    for (number, column) in wanted.iter().enumerate() {
        if let Some(field) = header.place(number).map(|p| &fields[p])
            && !readable(field.data_type())
        {
            return Err(Error::input(format!(
                "{name}: column \"{column}\" is of type {}: it must hold integers, floats or text",
                told(&field.data_type().to_string())
            )));
        }
    }
    // Views share their page's bytes: a long text that a dictionary repeats is not copied for each row.
    let viewed: Vec<ArrowField> = fields
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
            DataType::Binary => field.as_ref().clone().with_data_type(DataType::BinaryView),
            _ => field.as_ref().clone(),
        })
        .collect();
    let schema = Schema::new(viewed).with_metadata(plain.schema().metadata().clone());
    let metadata = guarded(name, || {
        let options = parquet_types().with_schema(Arc::new(schema));
        ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options)
            .map_err(|e| damaged(name, &e.to_string()))
    })?;
    Ok((metadata, header))
}

fn readable(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(data_type, DataType::Utf8 | DataType::Binary)
}

fn column_of(batch: &RecordBatch, place: Option<usize>) -> Column {
    let Some(array): Option<&ArrayRef> = place.map(|p| batch.column(p)) else {
        return Column::Absent;
    };
    match array.data_type() {
        DataType::Int8 => Column::Int8(array.as_primitive().clone()),
        DataType::Int16 => Column::Int16(array.as_primitive().clone()),
        DataType::Int32 => Column::Int32(array.as_primitive().clone()),
        DataType::Int64 => Column::Int64(array.as_primitive().clone()),
        DataType::UInt8 => Column::Uint8(array.as_primitive().clone()),
        DataType::UInt16 => Column::Uint16(array.as_primitive().clone()),
        DataType::UInt32 => Column::Uint32(array.as_primitive().clone()),
        DataType::UInt64 => Column::Uint64(array.as_primitive().clone()),
        DataType::Float16 => Column::Float16(array.as_primitive().clone()),
        DataType::Float32 => Column::Float32(array.as_primitive().clone()),
        DataType::Float64 => Column::Float64(array.as_primitive().clone()),
        DataType::Utf8View => Column::Text(array.as_string_view().clone()),
        DataType::BinaryView => Column::Bytes(array.as_binary_view().clone()),
        other => unreachable!("a column of type {other} passed the check of types"),
    }
}

/// Opens a Parquet file and reads its footer.
///
/// # Errors
/// [`Error::Input`] if there is no such file or it is no sound Parquet file, [`Error::Machine`] if it may not be read.
pub(crate) fn open_parquet(path: &Path) -> Result<(File, ParquetMetaData)> {
    let (file, bytes) = crate::map::input::open(path)?;
    let footer = read_footer(&path.display().to_string(), &file, bytes)?;
    Ok((file, footer))
}

/// Opens a Parquet file to be read whole: no page of any column claims more than writers make.
///
/// # Errors
/// As [`open_parquet`].
pub(crate) fn open_parquet_whole(path: &Path) -> Result<(File, ParquetMetaData)> {
    let name = path.display().to_string();
    let (file, bytes) = crate::map::input::open(path)?;
    let footer = read_footer(&name, &file, bytes)?;
    check_all_pages(&name, &file, bytes, &footer)?;
    Ok((file, footer))
}

/// Runs a step of decoding the Parquet file at `path`: its asserts on damaged files become errors.
///
/// # Errors
/// [`Error::Input`] if the step panics or fails.
pub(crate) fn decode_parquet<T>(
    path: &Path,
    step: impl FnOnce() -> std::result::Result<T, parquet::errors::ParquetError>,
) -> Result<T> {
    let name = path.display().to_string();
    guarded(&name, || step().map_err(|e| damaged(&name, &e.to_string())))
}

/// The error for a file that is no sound Parquet file.
pub(crate) fn damaged(file: &str, what: &str) -> Error {
    Error::input(format!(
        "{file}: it is no sound Parquet file: {}; restore it from a copy or write it anew",
        told(what.lines().next().unwrap_or_default())
    ))
}

/// Runs a step of the decoder. Its asserts on damaged files become errors here: a page without a checksum may hold
/// anything.
pub(crate) fn guarded<T>(file: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    guard::guarded(step).unwrap_or_else(|| Err(damaged(file, "its pages cannot be decoded")))
}

/// The columns of a Parquet file that hold numbers, in its order, and how many rows it has.
///
/// # Errors
/// [`Error::Input`] if its footer is not sound.
pub(super) fn numeric(name: &str, file: &File, file_bytes: u64) -> Result<(Vec<String>, u64)> {
    let metadata = open_footer(name, file, file_bytes)?;
    let columns = metadata.schema().fields().iter().filter(|field| {
        let kind = field.data_type();
        kind.is_integer() || kind.is_floating()
    });
    let rows = rows_of(name, metadata.metadata())?;
    Ok((columns.map(|field| field.name().clone()).collect(), rows))
}

/// The key-value metadata of a Parquet file; keys without a value are left out.
///
/// # Errors
/// [`Error::Input`] if its footer is not sound.
pub(crate) fn key_values(path: &Path) -> Result<Vec<(String, String)>> {
    let (_, footer) = open_parquet(path)?;
    let pairs = footer.file_metadata().key_value_metadata();
    let pairs = pairs.into_iter().flatten();
    Ok(pairs
        .filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)))
        .collect())
}
