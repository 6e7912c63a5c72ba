//! Results as Arrow: iterators of record batches over tables and containers.
//!
//! A table is read from its Parquet files, batch by batch and file by file, only the columns that are asked for; its
//! column `cell` comes as UInt64, the Index64 itself, over the same memory. A container comes a segment at a time: the
//! columns lie in the segment as it was read, and nothing is copied. Columns that stand in the names of folders
//! (`key=value`) are not added.
//!
//! # Example
//! ```
//! use arrow::array::AsArray;
//! use arrow::datatypes::{Float64Type, UInt64Type};
//! use octaflow::brick::BrickId;
//! use octaflow::lake::batches::Batches;
//! use octaflow::lake::{FieldColumns, FieldWriter, part_name};
//! use octaflow::lattice::{Frame, Index64};
//!
//! let folder = std::env::temp_dir().join(format!("octaflow-doc-batches-{}", std::process::id()));
//! std::fs::create_dir_all(&folder).unwrap();
//! let frame = Frame::new([0.0; 3], 1.0).unwrap();
//! let mut writer = FieldWriter::create(&folder.join(part_name(0)), &frame, FieldColumns::default(), &[])?;
//! writer.write_brick(BrickId::new(1, 0, 0).unwrap(), &[3120; 1024], None, None)?;
//! writer.finish()?;
//!
//! let mut farthest = 0.0;
//! for batch in Batches::open(&folder)?.project(&["cell", "distance"])? {
//!     let batch = batch?;
//!     let cells = batch.column(0).as_primitive::<UInt64Type>().values();
//!     let distances = batch.column(1).as_primitive::<Float64Type>().values();
//!     for (&cell, &distance) in cells.iter().zip(distances) {
//!         assert!(Index64::try_from(cell).is_ok());
//!         farthest = f64::max(farthest, distance);
//!     }
//! }
//! assert_eq!(farthest, 1.0);
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), octaflow::Error>(())
//! ```

use super::audit::{Parquet, fault, find};
use super::container::Container;
use crate::map::columns::{check_all_pages, damaged, guarded};
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::path::Path;
use std::sync::Arc;

/// How many rows a batch of a table has at most.
const BATCH_ROWS: usize = 8192;

/// The record batches of a table or of a container, from first to last. After an error there are no more.
pub struct Batches {
    path: String,
    /// The columns of a batch.
    schema: SchemaRef,
    /// Where each of them stands among the columns of the source.
    places: Vec<usize>,
    source: Source,
    done: bool,
}

/// What batches come from.
enum Source {
    /// The files of a table, the one at hand last and being read.
    Table {
        files: std::vec::IntoIter<Parquet>,
        reading: Option<(String, ParquetRecordBatchReader)>,
    },
    /// A container, and the segment that comes next.
    Container { container: Container, next: usize },
}

impl Batches {
    /// The batches of what lies at `path`: the folder of a table (`DIR/field`), a Parquet file, or a container.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no table or container, or several (name one of them), or a footer is damaged;
    /// [`Error::Machine`] if something cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let found = find(path)?;
        let (schema, source) = match (found.tables.as_slice(), found.containers.as_slice()) {
            ([table], []) => {
                let files = table.files.iter().map(|file| Parquet::open(file));
                let files = files.collect::<Result<Vec<_>>>()?;
                (
                    schema_of(path, &files)?,
                    Source::Table {
                        files: files.into_iter(),
                        reading: None,
                    },
                )
            }
            ([], [container]) => {
                let container = Container::open(container)?;
                (
                    container.schema().clone(),
                    Source::Container { container, next: 0 },
                )
            }
            _ => {
                return Err(fault(
                    path,
                    "it must be one table or one container: name the folder of the table",
                ));
            }
        };
        Ok(Batches {
            path: path.display().to_string(),
            places: (0..schema.fields().len()).collect(),
            schema,
            source,
            done: false,
        })
    }

    /// Only these columns, in this order. Of a table no others are read.
    ///
    /// # Errors
    /// [`Error::Input`] naming a column that is not there, or that is named twice.
    pub fn project(mut self, columns: &[&str]) -> Result<Self> {
        let mut places = Vec::with_capacity(columns.len());
        for column in columns {
            let at = self.schema.index_of(column).map_err(|_| {
                let names: Vec<&str> = self
                    .schema
                    .fields()
                    .iter()
                    .map(|f| f.name().as_str())
                    .collect();
                Error::input(format!(
                    "{}: it has no column {column:?}, but {}",
                    self.path,
                    names.join(", ")
                ))
            })?;
            if places.contains(&at) {
                return Err(Error::input(format!(
                    "the column {column:?} is named twice; name it once"
                )));
            }
            places.push(at);
        }
        self.schema = Arc::new(
            self.schema
                .project(&places)
                .expect("columns that are there"),
        );
        self.places = places.into_iter().map(|at| self.places[at]).collect();
        Ok(self)
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match &mut self.source {
            Source::Container { container, next } => {
                if *next == container.segments_len() {
                    return Ok(None);
                }
                let batch = container.segment(*next)?.to_batch();
                *next += 1;
                Ok(Some(
                    batch.project(&self.places).expect("columns that are there"),
                ))
            }
            Source::Table { files, reading } => loop {
                if let Some((name, reader)) = reading {
                    let next = guarded(name, || {
                        let batch = reader.next().transpose();
                        batch.map_err(|e| damaged(name, &e.to_string()))
                    })?;
                    if let Some(batch) = next {
                        return Ok(Some(as_told(&batch, &self.schema)));
                    }
                }
                let Some(file) = files.next() else {
                    return Ok(None);
                };
                *reading = Some(reader(&file, &self.places)?);
            },
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_batch().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The columns that all files of a table have, `cell` as UInt64.
fn schema_of(path: &Path, files: &[Parquet]) -> Result<SchemaRef> {
    let Some(first) = files.first() else {
        return Err(fault(path, "the table has no file"));
    };
    let told = first.metadata.schema().fields();
    if let Some(other) = files
        .iter()
        .find(|file| file.metadata.schema().fields() != told)
    {
        let what = format!(
            "its columns are not those of {}, a part of the same table",
            first.path.display()
        );
        return Err(fault(&other.path, what));
    }
    let unsigned = first.is_ours();
    let fields = told.iter().map(|field| match field.name().as_str() {
        "cell" if unsigned && field.data_type() == &DataType::Int64 => {
            Arc::new(Field::new("cell", DataType::UInt64, field.is_nullable()))
        }
        _ => field.clone(),
    });
    let pairs = first
        .pairs
        .iter()
        .map(|(key, value)| (format!("octaflow.{key}"), value.clone()));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    Ok(Arc::new(schema.with_metadata(
        pairs.collect::<std::collections::HashMap<_, _>>(),
    )))
}

/// A reader of the columns at `places`, and the name of the file.
fn reader(parquet: &Parquet, places: &[usize]) -> Result<(String, ParquetRecordBatchReader)> {
    let name = parquet.path.display().to_string();
    let file = parquet.file()?;
    check_all_pages(&name, &file, parquet.bytes, parquet.footer())?;
    let reader = guarded(&name, || {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, parquet.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        builder.build().map_err(|e| damaged(&name, &e.to_string()))
    })?;
    Ok((name, reader))
}

/// A batch with the columns of `schema` in its order: `cell` is the same memory under another type.
fn as_told(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| {
        let column = batch
            .column_by_name(field.name())
            .expect("a column that was asked for");
        match (column.data_type(), field.data_type()) {
            (DataType::Int64, DataType::UInt64) => {
                let signed = column.as_primitive::<Int64Type>();
                let bits =
                    ScalarBuffer::<u64>::new(signed.values().inner().clone(), 0, signed.len());
                let unsigned = UInt64Array::new(bits, signed.nulls().cloned());
                Arc::new(unsigned) as ArrayRef
            }
            _ => column.clone(),
        }
    });
    let rows =
        arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &rows)
        .expect("columns as the schema has them")
}
