//! Columns of tables, from the statistics of footers.

use super::parquet::Parquet;
use parquet::basic::LogicalType;
use parquet::file::statistics::Statistics;
use serde::Serialize;
use serde_json::Value;

/// A column, from the statistics of the footers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: String,
    /// The least value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<Value>,
    /// The greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greatest: Option<Value>,
    /// How many rows have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// How many bytes it takes in the files.
    pub bytes: u64,
}

/// Adds what a file's footer says of its columns.
pub(super) fn add_columns(columns: &mut Vec<ColumnSummary>, parquet: &Parquet) {
    for descr in parquet.footer().file_metadata().schema_descr().columns() {
        let name = descr.path().string();
        if columns.iter().all(|column| column.name != name) {
            let logical = match descr.logical_type_ref() {
                Some(LogicalType::String) => " (text)",
                Some(LogicalType::Integer(_)) => " (narrow)",
                _ => "",
            };
            columns.push(ColumnSummary {
                name,
                kind: format!("{}{logical}", descr.physical_type()),
                ..ColumnSummary::default()
            });
        }
    }
    for chunk in parquet
        .footer()
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
    {
        let name = chunk.column_path().string();
        let Some(column) = columns.iter_mut().find(|column| column.name == name) else {
            continue;
        };
        column.bytes = column
            .bytes
            .saturating_add(u64::try_from(chunk.compressed_size()).unwrap_or(0));
        if let Some(statistics) = chunk.statistics() {
            let nulls = statistics.null_count_opt();
            column.nulls = nulls.map(|n| n.saturating_add(column.nulls.unwrap_or(0)));
            let (least, greatest) = ends(statistics);
            column.least = lesser(column.least.take(), least, false);
            column.greatest = lesser(column.greatest.take(), greatest, true);
        }
    }
}

/// The least and the greatest value of a column chunk.
fn ends(statistics: &Statistics) -> (Option<Value>, Option<Value>) {
    macro_rules! both {
        ($s:expr) => {
            (
                $s.min_opt().map(|v| Value::from(*v)),
                $s.max_opt().map(|v| Value::from(*v)),
            )
        };
    }
    match statistics {
        Statistics::Boolean(s) => both!(s),
        Statistics::Int32(s) => both!(s),
        Statistics::Int64(s) => both!(s),
        Statistics::Float(s) => both!(s),
        Statistics::Double(s) => both!(s),
        Statistics::ByteArray(s) => {
            let text = |v: &parquet::data_type::ByteArray| v.as_utf8().ok().map(Value::from);
            (s.min_opt().and_then(text), s.max_opt().and_then(text))
        }
        _ => (None, None),
    }
}

/// The lesser of two values, or the greater if `greater`.
fn lesser(a: Option<Value>, b: Option<Value>, greater: bool) -> Option<Value> {
    let (Some(a), Some(b)) = (&a, &b) else {
        return a.or(b);
    };
    let order = match (a.as_i64().zip(b.as_i64()), a.as_f64().zip(b.as_f64())) {
        (Some((a, b)), _) => a.cmp(&b),
        (_, Some((a, b))) => a.total_cmp(&b),
        _ => a.as_str().cmp(&b.as_str()),
    };
    Some(if order.is_gt() == greater {
        a.clone()
    } else {
        b.clone()
    })
}
