//! Arrow columns written as the Parquet columns that they were read from.

use super::merge::unwritable;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType as ParquetType};
use parquet::errors::Result;

/// Writes a column of a row group.
pub(super) fn write(array: &ArrayRef, writer: &mut ColumnWriter) -> Result<()> {
    match (writer, array.data_type()) {
        (ColumnWriter::BoolColumnWriter(w), DataType::Boolean) => {
            let values = array.as_boolean();
            batch(w, array, (0..array.len()).map(|row| values.value(row)))
        }
        (ColumnWriter::Int32ColumnWriter(w), DataType::Int8) => small::<Int8Type>(w, array),
        (ColumnWriter::Int32ColumnWriter(w), DataType::Int16) => small::<Int16Type>(w, array),
        (ColumnWriter::Int32ColumnWriter(w), DataType::Int32) => same::<Int32Type, _>(w, array),
        (ColumnWriter::Int32ColumnWriter(w), DataType::Date32) => same::<Date32Type, _>(w, array),
        (ColumnWriter::Int64ColumnWriter(w), DataType::Int64) => same::<Int64Type, _>(w, array),
        (ColumnWriter::Int64ColumnWriter(w), DataType::Timestamp(unit, _)) => match unit {
            TimeUnit::Millisecond => same::<TimestampMillisecondType, _>(w, array),
            TimeUnit::Microsecond => same::<TimestampMicrosecondType, _>(w, array),
            TimeUnit::Nanosecond => same::<TimestampNanosecondType, _>(w, array),
            TimeUnit::Second => unwritable("seconds"),
        },
        (ColumnWriter::FloatColumnWriter(w), DataType::Float32) => same::<Float32Type, _>(w, array),
        (ColumnWriter::DoubleColumnWriter(w), DataType::Float64) => {
            same::<Float64Type, _>(w, array)
        }
        (ColumnWriter::ByteArrayColumnWriter(w), DataType::Utf8) => {
            let texts = array.as_string::<i32>();
            batch(
                w,
                array,
                (0..array.len()).map(|row| ByteArray::from(texts.value(row))),
            )
        }
        (ColumnWriter::ByteArrayColumnWriter(w), DataType::Binary) => {
            let bytes = array.as_binary::<i32>();
            let values = (0..array.len()).map(|row| ByteArray::from(bytes.value(row).to_vec()));
            batch(w, array, values)
        }
        (_, other) => unwritable(&other.to_string()),
    }
}

/// Numbers that Parquet holds as they are.
fn same<A, P>(writer: &mut ColumnWriterImpl<P>, array: &ArrayRef) -> Result<()>
where
    A: ArrowPrimitiveType,
    P: ParquetType<T = A::Native>,
{
    let values = array.as_primitive::<A>().values();
    if array.null_count() == 0 && writer.get_descriptor().max_def_level() == 0 {
        return writer.write_batch(values, None, None).map(drop);
    }
    batch(writer, array, values.iter().copied())
}

/// Numbers of less than 32 bits, which Parquet holds as INT32.
fn small<A>(
    writer: &mut ColumnWriterImpl<parquet::data_type::Int32Type>,
    array: &ArrayRef,
) -> Result<()>
where
    A: ArrowPrimitiveType,
    A::Native: Into<i32>,
{
    let values = array.as_primitive::<A>().values();
    batch(writer, array, values.iter().map(|&v| v.into()))
}

/// Writes the values that are there, and which they are.
fn batch<P: ParquetType>(
    writer: &mut ColumnWriterImpl<P>,
    array: &ArrayRef,
    values: impl Iterator<Item = P::T>,
) -> Result<()> {
    let there: Vec<P::T> = values
        .enumerate()
        .filter_map(|(row, value)| array.is_valid(row).then_some(value))
        .collect();
    let optional = writer.get_descriptor().max_def_level() > 0;
    let levels = optional.then(|| {
        let levels = (0..array.len()).map(|row| i16::from(array.is_valid(row)));
        levels.collect::<Vec<i16>>()
    });
    writer
        .write_batch(&there, levels.as_deref(), None)
        .map(drop)
}
