//! One Parquet file of a table of numbers and words, written a row group at a time.

use super::crc::Checked;
use super::order;
use super::page::ChunkPages;
use super::refused;
use crate::lattice::{Frame, TICKS_PER_CELL_SIZE};
use crate::{Error, Result};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many rows a full row group has: what DuckDB scans as one unit.
pub const GROUP_ROWS: usize = 122_880;

/// The zstd level of every page: level 1 writes hardly faster, and needs 5 % more room where few distances are distinct
/// and 25 % more where many are.
const ZSTD_LEVEL: i32 = 3;

/// A dictionary grows to this many bytes in a row group (16,384 doubles). A map whose cells all cost the same stays
/// below and needs up to a third less room than without; where costs differ, plain pages compress better than
/// dictionaries of 40,000 entries and more (3.9 to 4.7 bytes a distance).
const DICTIONARY_BYTES: usize = 128 << 10;

/// A column of a table: never null, unless its packing says that it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file.
    pub name: Cow<'static, str>,
    /// Its type, and how it is packed.
    pub packing: Packing,
}

impl Column {
    /// A column `name`, packed as `packing` says.
    pub const fn new(name: &'static str, packing: Packing) -> Self {
        Column {
            name: Cow::Borrowed(name),
            packing,
        }
    }

    /// A column whose name is known only when the program runs.
    pub fn named(name: String, packing: Packing) -> Self {
        Column {
            name: Cow::Owned(name),
            packing,
        }
    }
}

/// The type of a column and the encoding that suits what it holds. Every reader that the results promise knows
/// these encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// INT64 whose successive differences are small: DELTA_BINARY_PACKED.
    Int64Delta,
    /// INT64 of few distinct values: dictionary, then plain.
    Int64Dictionary,
    /// INT32 whose successive differences are small: DELTA_BINARY_PACKED.
    Int32Delta,
    /// INT32 of few distinct values: dictionary, then plain.
    Int32Dictionary,
    /// INT8 of few distinct values: dictionary, then plain.
    Int8Dictionary,
    /// DOUBLE of few distinct values: dictionary, then plain.
    DoubleDictionary,
    /// DOUBLE that may be null, of few distinct values: dictionary, then plain.
    OptionalDouble,
    /// String, in UTF-8, of few distinct values: dictionary, then plain.
    Text,
}

/// The values of one column in a row group.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// For the INT64 packings.
    Int64(&'a [i64]),
    /// For the INT32 and INT8 packings.
    Int32(&'a [i32]),
    /// For the DOUBLE packing without nulls.
    Double(&'a [f64]),
    /// For the DOUBLE packing with nulls.
    OptionalDouble(&'a [Option<f64>]),
    /// For the packing of strings: words of a fixed vocabulary.
    Text(&'a [&'static str]),
}

impl<'a> Values<'a> {
    /// Those of some of the rows.
    pub(super) fn slice(&self, rows: Range<usize>) -> Values<'a> {
        match self {
            Values::Int64(v) => Values::Int64(&v[rows]),
            Values::Int32(v) => Values::Int32(&v[rows]),
            Values::Double(v) => Values::Double(&v[rows]),
            Values::OptionalDouble(v) => Values::OptionalDouble(&v[rows]),
            Values::Text(v) => Values::Text(&v[rows]),
        }
    }

    /// How many rows they are for, nulls included.
    fn rows(&self) -> usize {
        match self {
            Values::Int64(v) => v.len(),
            Values::Int32(v) => v.len(),
            Values::Double(v) => v.len(),
            Values::OptionalDouble(v) => v.len(),
            Values::Text(v) => v.len(),
        }
    }
}

/// The name of the file that holds the rows of worker `worker` in each folder of a result.
pub fn part_name(worker: usize) -> String {
    format!("part-{worker:05}.parquet")
}

/// Writes one Parquet file, a row group at a time.
pub(super) struct FileWriter {
    path: PathBuf,
    file: SerializedFileWriter<Checked>,
    properties: WriterPropertiesPtr,
    rows: u64,
}

impl FileWriter {
    /// Creates the file at `path` (or empties it) with the given columns, whose rows will come sorted by the columns
    /// with the indices `sorted_by`.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be created.
    pub(super) fn create(
        path: &Path,
        columns: &[Column],
        sorted_by: &[usize],
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let sorting = sorted_by.iter().map(|&column| SortingColumn {
            column_idx: column as i32,
            descending: false,
            nulls_first: false,
        });
        let common = properties(sorting.collect(), metadata(frame, settings));
        let properties = columns.iter().fold(common, |properties, column| {
            let delta = matches!(column.packing, Packing::Int64Delta | Packing::Int32Delta);
            packed(
                properties,
                ColumnPath::new(vec![column.name.to_string()]),
                delta,
            )
        });
        let schema = schema(columns).map_err(|e| unwritable(path, &e))?;
        FileWriter::open(path, schema, properties.build())
    }

    /// Creates the file at `path` for more rows like those of another file: the same columns, packed alike, the same
    /// sort order and metadata.
    ///
    /// # Errors
    /// As [`FileWriter::create`].
    pub(super) fn like(path: &Path, other: &ParquetMetaData) -> Result<Self> {
        let file = other.file_metadata();
        let sorting = other
            .row_groups()
            .first()
            .and_then(|g| g.sorting_columns().cloned());
        let pairs = file.key_value_metadata().cloned().unwrap_or_default();
        // The writer adds its own.
        let pairs = pairs.into_iter().filter(|pair| pair.key != "ARROW:schema");
        let common = properties(sorting.unwrap_or_default(), pairs.collect());
        let columns = file.schema_descr().columns().iter().enumerate();
        let properties = columns.fold(common, |properties, (index, column)| {
            let chunks = other
                .row_groups()
                .iter()
                .filter_map(|group| group.columns().get(index));
            let mut encodings = chunks.flat_map(|chunk| chunk.encodings());
            let delta = encodings.any(|e| e == Encoding::DELTA_BINARY_PACKED);
            packed(properties, column.path().clone(), delta)
        });
        let schema = file.schema_descr().root_schema_ptr();
        FileWriter::open(path, schema, properties.build())
    }

    fn open(path: &Path, schema: TypePtr, properties: WriterProperties) -> Result<Self> {
        let file = File::create(path).map_err(|e| refused(path, "created", &e))?;
        let properties = Arc::new(properties);
        let written = SerializedFileWriter::new(Checked::new(file), schema, properties.clone());
        Ok(FileWriter {
            path: path.to_owned(),
            file: written.map_err(|e| unwritable(path, &e))?,
            properties,
            rows: 0,
        })
    }

    /// Writes one row group: the values of every column, in the order of the columns.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    ///
    /// # Panics
    /// If the values do not match the columns in number, kind and length: the caller's schema is broken.
    pub(super) fn write_group(&mut self, values: &[Values]) -> Result<()> {
        let rows = values.first().map_or(0, Values::rows);
        self.write_columns(rows, values.len(), |index, writer| {
            assert_eq!(values[index].rows(), rows, "columns of one length");
            write_column(writer, &values[index])
        })
    }

    /// Writes one row group of `rows` rows: `write` writes the values of each of the `count` columns.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    pub(super) fn write_columns(
        &mut self,
        rows: usize,
        count: usize,
        write: impl FnMut(usize, &mut ColumnWriter) -> ParquetResult<()>,
    ) -> Result<()> {
        self.encode_group(count, write)
            .map_err(|e| unwritable(&self.path, &e))?;
        self.rows += rows as u64;
        Ok(())
    }

    /// How many rows were written.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes the row groups so far take.
    pub(super) fn bytes_written(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    fn encode_group(
        &mut self,
        count: usize,
        mut write: impl FnMut(usize, &mut ColumnWriter) -> ParquetResult<()>,
    ) -> ParquetResult<()> {
        let columns = self.file.schema_descr().columns().to_vec();
        assert_eq!(columns.len(), count, "one slice of values a column");
        let mut group = self.file.next_row_group()?;
        for (index, column) in columns.into_iter().enumerate() {
            let mut chunk = Vec::new();
            let pages = Box::new(ChunkPages::new(&mut chunk));
            let mut writer = get_column_writer(column, self.properties.clone(), pages);
            write(index, &mut writer)?;
            let close = writer.close()?;
            group.append_column(&Bytes::from(chunk), close)?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes the footer, waits until the disk has the file, and tells its length and the CRC-32 of its bytes. A file
    /// without rows is removed again unless `keep_empty`.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    pub(super) fn finish(mut self, keep_empty: bool) -> Result<Option<(u64, u32)>> {
        let path = self.path;
        let is_double: Vec<bool> = (self.file.schema_descr().columns().iter())
            .map(|column| column.physical_type() == Physical::DOUBLE)
            .collect();
        self.file.inner_mut().hold();
        let mut file = (self.file.into_inner()).map_err(|e| unwritable(&path, &e))?;
        if self.rows == 0 && !keep_empty {
            std::fs::remove_file(&path).map_err(|e| refused(&path, "removed", &e))?;
            return Ok(None);
        }
        order::declare_type_defined(file.held(), &is_double);
        let finished = file.finish().map_err(|e| refused(&path, "written", &e))?;
        Ok(Some(finished))
    }
}

/// Hands the values of a column to its writer.
fn write_column(writer: &mut ColumnWriter, values: &Values) -> ParquetResult<()> {
    match (writer, values) {
        (ColumnWriter::Int64ColumnWriter(w), Values::Int64(v)) => w.write_batch(v, None, None),
        (ColumnWriter::Int32ColumnWriter(w), Values::Int32(v)) => w.write_batch(v, None, None),
        (ColumnWriter::DoubleColumnWriter(w), Values::Double(v)) => w.write_batch(v, None, None),
        (ColumnWriter::DoubleColumnWriter(w), Values::OptionalDouble(v)) => {
            // Only what is there is written; the levels tell where.
            let there: Vec<f64> = v.iter().copied().flatten().collect();
            let levels: Vec<i16> = v.iter().map(|value| i16::from(value.is_some())).collect();
            w.write_batch(&there, Some(&levels), None)
        }
        (ColumnWriter::ByteArrayColumnWriter(w), Values::Text(v)) => {
            let words: Vec<ByteArray> = v
                .iter()
                .map(|word| Bytes::from_static(word.as_bytes()).into())
                .collect();
            w.write_batch(&words, None, None)
        }
        _ => panic!("the values have the type of their column"),
    }?;
    Ok(())
}

fn unwritable(path: &Path, error: &ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => refused(path, "written", cause),
        other => refused(path, "written", other),
    }
}

fn schema(columns: &[Column]) -> ParquetResult<TypePtr> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.packing {
            Packing::Int64Delta | Packing::Int64Dictionary => (Physical::INT64, None),
            Packing::Int32Delta | Packing::Int32Dictionary => (Physical::INT32, None),
            Packing::Int8Dictionary => (Physical::INT32, Some(LogicalType::integer(8, true))),
            Packing::DoubleDictionary | Packing::OptionalDouble => (Physical::DOUBLE, None),
            Packing::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let repetition = match column.packing {
            Packing::OptionalDouble => Repetition::OPTIONAL,
            _ => Repetition::REQUIRED,
        };
        Type::primitive_type_builder(&column.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    });
    Type::group_type_builder("octaflow")
        .with_fields(fields.collect::<ParquetResult<_>>()?)
        .build()
        .map(Arc::new)
}

/// What all files have in common.
fn properties(sorting: Vec<SortingColumn>, metadata: Vec<KeyValue>) -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("a level that zstd knows");
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_sorting_columns(Some(sorting))
        .set_key_value_metadata(Some(metadata))
}

/// Packs a column by the differences of its values, or with a dictionary and then plain.
fn packed(
    properties: WriterPropertiesBuilder,
    column: ColumnPath,
    delta: bool,
) -> WriterPropertiesBuilder {
    let encoding = if delta {
        Encoding::DELTA_BINARY_PACKED
    } else {
        Encoding::PLAIN
    };
    properties
        .set_column_dictionary_enabled(column.clone(), !delta)
        .set_column_encoding(column, encoding)
}

/// What a reader needs to make sense of the rows, beside the columns.
fn metadata(frame: &Frame, settings: &[(String, String)]) -> Vec<KeyValue> {
    let [x, y, z] = frame.origin_m();
    let fixed = [
        ("octaflow.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("octaflow.frame.origin_m", format!("{x},{y},{z}")),
        (
            "octaflow.frame.cell_size_m",
            frame.cell_size_m().to_string(),
        ),
        ("octaflow.frame.lod", frame.lod().to_string()),
        (
            "octaflow.frame.position",
            "origin_m + (lx,ly,lz) * cell_size_m / 2".to_owned(),
        ),
        ("octaflow.lattice.version", "1".to_owned()),
        (
            "octaflow.lattice.ticks_per_cell_size",
            TICKS_PER_CELL_SIZE.to_string(),
        ),
        (
            "octaflow.index64",
            format!(
                "from the top bit: 10, tier 2 bits = 0, frame 8 = 0, lod 4 = {}, Morton 48 with x lowest; cell is \
                 these bits as a signed integer",
                frame.lod()
            ),
        ),
    ];
    let fixed = fixed.map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let settings = settings
        .iter()
        .map(|(key, value)| KeyValue::new(format!("octaflow.setting.{key}"), value.clone()));
    fixed.into_iter().chain(settings).collect()
}
