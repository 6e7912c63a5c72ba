//! The schema of a table in the format's JSON, and how Parquet types stand in it.

use crate::{Error, Result};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{SchemaDescriptor, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The columns of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    #[serde(rename = "type")]
    kind: String,
    /// The columns in their order; those that partition the table stand last in tables that octaflow writes.
    pub fields: Vec<Field>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type: the name of a primitive (`long`, `integer`, `byte`, `double`, `string`, …) or an object for a
    /// nested one.
    #[serde(rename = "type")]
    pub kind: Value,
    /// Whether it may be null.
    pub nullable: bool,
    #[serde(default)]
    metadata: serde_json::Map<String, Value>,
}

impl Field {
    /// A column of a primitive type.
    pub fn new(name: &str, kind: &str, nullable: bool) -> Self {
        Field {
            name: name.to_owned(),
            kind: Value::from(kind),
            nullable,
            metadata: serde_json::Map::new(),
        }
    }

    /// The name of its type; `nested` if it has members.
    pub fn type_name(&self) -> &str {
        self.kind.as_str().unwrap_or("nested")
    }
}

impl Schema {
    /// A table of these columns.
    pub fn new(fields: Vec<Field>) -> Self {
        Schema {
            kind: "struct".to_owned(),
            fields,
        }
    }

    /// Reads the JSON of the format.
    pub(super) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The JSON of the format.
    pub(in crate::lake) fn text(&self) -> String {
        serde_json::to_string(self).expect("names and types have a JSON form")
    }

    /// The columns of a Parquet file.
    ///
    /// # Errors
    /// [`Error::Input`] naming the first column whose type a Delta table does not have.
    pub(in crate::lake) fn of_parquet(file: &Path, schema: &SchemaDescriptor) -> Result<Self> {
        let columns = schema.root_schema().get_fields();
        let fields = columns.iter().map(|column| {
            let nullable = column.get_basic_info().repetition() != Repetition::REQUIRED;
            match type_of(column) {
                Some(kind) => Ok(Field::new(column.name(), kind, nullable)),
                None => Err(Error::input(format!(
                    "{}: the column {:?} has a type that Delta tables lack; it should be a signed number, a boolean, \
                     a string, bytes, a date or a time in UTC",
                    file.display(),
                    column.name()
                ))),
            }
        });
        Ok(Schema::new(fields.collect::<Result<_>>()?))
    }
}

/// The name of the primitive type that a Parquet column has.
fn type_of(column: &Type) -> Option<&'static str> {
    let info = column.get_basic_info();
    if !column.is_primitive() || info.repetition() == Repetition::REPEATED {
        return None;
    }
    let logical = info.logical_type_ref();
    let signed = |bits| LogicalType::integer(bits, true);
    Some(match (column.get_physical_type(), logical) {
        (Physical::BOOLEAN, None) => "boolean",
        (Physical::INT32, None) => "integer",
        (Physical::INT32, Some(kind)) if *kind == signed(8) => "byte",
        (Physical::INT32, Some(kind)) if *kind == signed(16) => "short",
        (Physical::INT32, Some(kind)) if *kind == signed(32) => "integer",
        (Physical::INT32, Some(LogicalType::Date)) => "date",
        (Physical::INT64, None) => "long",
        (Physical::INT64, Some(kind)) if *kind == signed(64) => "long",
        (Physical::INT64, Some(LogicalType::Timestamp(kind))) if kind.is_adjusted_to_u_t_c => {
            "timestamp"
        }
        (Physical::FLOAT, None) => "float",
        (Physical::DOUBLE, None) => "double",
        (Physical::BYTE_ARRAY, None) => "binary",
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => "string",
        _ => return None,
    })
}
