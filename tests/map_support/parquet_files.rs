//! Parquet files for tests, in memory.
#![allow(dead_code)]

use arrow::array::{ArrayRef, Float64Array, Int32Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// A Parquet file of the given columns.
pub fn parquet_bytes(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    parquet_bytes_with(columns, properties)
}

/// A Parquet file of the given columns, written as `properties` say.
pub fn parquet_bytes_with(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The columns of a table of 60 cells, each of them several times.
pub fn cell_columns() -> Vec<(&'static str, ArrayRef)> {
    let axis = |step: i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(
            (0..60).map(|n| n * step % 8 * 2),
        ))
    };
    vec![
        ("lx", axis(1)),
        ("ly", axis(3)),
        ("lz", axis(5)),
        ("cost", Arc::new(Float64Array::from(vec![1.0; 60]))),
    ]
}
