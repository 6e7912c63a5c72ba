//! The fields of a container: what a value is, and the values of one brick.

use crate::brick::BRICK_CELLS;
use arrow::datatypes::DataType;

/// The type of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// 16-bit unsigned numbers, such as stored costs.
    U16,
    /// 32-bit unsigned numbers, such as distances in ticks and labels.
    U32,
    /// 32-bit floating-point numbers.
    F32,
    /// 64-bit floating-point numbers, such as the state of a stencil.
    F64,
}

impl FieldType {
    /// How many bytes a value has.
    pub const fn bytes(self) -> usize {
        match self {
            FieldType::U16 => 2,
            FieldType::U32 | FieldType::F32 => 4,
            FieldType::F64 => 8,
        }
    }

    /// The name that Arrow has for the type.
    pub const fn name(self) -> &'static str {
        match self {
            FieldType::U16 => "UInt16",
            FieldType::U32 => "UInt32",
            FieldType::F32 => "Float32",
            FieldType::F64 => "Float64",
        }
    }

    /// How many bytes the values of a brick have.
    pub(super) const fn list_bytes(self) -> usize {
        BRICK_CELLS * self.bytes()
    }

    pub(super) fn arrow(self) -> DataType {
        match self {
            FieldType::U16 => DataType::UInt16,
            FieldType::U32 => DataType::UInt32,
            FieldType::F32 => DataType::Float32,
            FieldType::F64 => DataType::Float64,
        }
    }

    pub(super) fn of_arrow(arrow: &DataType) -> Option<Self> {
        let all = [
            FieldType::U16,
            FieldType::U32,
            FieldType::F32,
            FieldType::F64,
        ];
        all.into_iter().find(|field| field.arrow() == *arrow)
    }
}

/// The values of one field in one brick: 1024, in the order of [`Local`](crate::brick::Local).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValues<'a> {
    /// Of a field of type [`FieldType::U16`].
    U16(&'a [u16]),
    /// Of a field of type [`FieldType::U32`].
    U32(&'a [u32]),
    /// Of a field of type [`FieldType::F32`].
    F32(&'a [f32]),
    /// Of a field of type [`FieldType::F64`].
    F64(&'a [f64]),
}

impl<'a> FieldValues<'a> {
    /// The type of the field.
    pub const fn field_type(&self) -> FieldType {
        match self {
            FieldValues::U16(_) => FieldType::U16,
            FieldValues::U32(_) => FieldType::U32,
            FieldValues::F32(_) => FieldType::F32,
            FieldValues::F64(_) => FieldType::F64,
        }
    }

    /// The bytes of the values, as the file has them.
    pub(super) fn as_bytes(&self) -> &'a [u8] {
        match self {
            FieldValues::U16(v) => bytemuck::cast_slice(v),
            FieldValues::U32(v) => bytemuck::cast_slice(v),
            FieldValues::F32(v) => bytemuck::cast_slice(v),
            FieldValues::F64(v) => bytemuck::cast_slice(v),
        }
    }

    /// The values whose bytes are `bytes`, which are aligned for the type.
    pub(super) fn of_bytes(field: FieldType, bytes: &'a [u8]) -> Self {
        match field {
            FieldType::U16 => FieldValues::U16(bytemuck::cast_slice(bytes)),
            FieldType::U32 => FieldValues::U32(bytemuck::cast_slice(bytes)),
            FieldType::F32 => FieldValues::F32(bytemuck::cast_slice(bytes)),
            FieldType::F64 => FieldValues::F64(bytemuck::cast_slice(bytes)),
        }
    }
}

// The file is little-endian, and values are read and written where they lie.
const _: () = assert!(
    cfg!(target_endian = "little"),
    "containers are laid out for little-endian machines"
);
