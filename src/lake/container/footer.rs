//! Reading the footer of a container, and the descriptions in front of its parts. Nothing in them is trusted: Arrow's
//! verifier proves that the structure lies inside its bytes, and all that it says is held against what a container has.

use super::digest::of_digits;
use super::meta::check_fields;
use super::{CHECKSUM, ContainerMeta, FieldType, ID, MAGIC, WHOLE_KEY};
use crate::brick::BRICK_CELLS;
use arrow::datatypes::DataType;
use arrow::ipc;

/// The bytes behind the footer: its length, and the magic.
pub(super) const END_BYTES: usize = 4 + MAGIC.len();

/// What a footer says.
pub(super) struct Footer {
    pub(super) description: Description,
    pub(super) blocks: Vec<Block>,
    /// The checksum of the whole file.
    pub(super) checksum: u32,
    /// Where its digits begin in the footer.
    pub(super) checksum_at: usize,
}

/// Where a segment lies in the file.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) head_bytes: u64,
    pub(super) body_bytes: u64,
}

/// What a schema says.
#[derive(PartialEq)]
pub(super) struct Description {
    pub(super) meta: ContainerMeta,
    pub(super) fields: Vec<(String, FieldType)>,
}

/// The length of the footer, from the bytes at the end of a file of `file_bytes`.
pub(super) fn length(end: &[u8; END_BYTES], file_bytes: u64) -> Result<usize, String> {
    if &end[4..] != MAGIC {
        return Err("it does not end in ARROW1, as a whole Arrow file does".to_owned());
    }
    let length = i32::from_le_bytes([end[0], end[1], end[2], end[3]]);
    let room = file_bytes.saturating_sub(END_BYTES as u64);
    match usize::try_from(length) {
        Ok(length) if length > 0 && length as u64 <= room => Ok(length),
        _ => Err(format!(
            "its footer claims {length} bytes of the {room} there are"
        )),
    }
}

/// Reads a footer.
pub(super) fn parse(bytes: &[u8]) -> Result<Footer, String> {
    let footer = ipc::root_as_footer(bytes).map_err(|_| "its footer is damaged".to_owned())?;
    if footer.version() != ipc::MetadataVersion::V5 {
        return Err("its footer is not of Arrow's format version 5".to_owned());
    }
    if footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err("its footer lists dictionaries, which a container has not".to_owned());
    }
    let schema = footer.schema().ok_or("its footer has no schema")?;
    let blocks = footer.recordBatches().into_iter().flatten().map(block);
    let text = checksum_text(&footer)
        .ok_or_else(|| format!("its footer lacks the one {WHOLE_KEY} that a container has"))?;
    let checksum = of_digits(text).ok_or_else(|| {
        format!("its {WHOLE_KEY} is {text:?} and should be eight hexadecimal digits")
    })?;
    Ok(Footer {
        description: describe(&schema)?,
        blocks: blocks
            .collect::<Option<_>>()
            .ok_or("a segment has a negative place or length")?,
        checksum,
        checksum_at: place_in(bytes, text).ok_or("its footer is damaged")?,
    })
}

fn block(block: &ipc::Block) -> Option<Block> {
    Some(Block {
        offset: block.offset().try_into().ok()?,
        head_bytes: block.metaDataLength().try_into().ok()?,
        body_bytes: block.bodyLength().try_into().ok()?,
    })
}

/// Where the digits of the checksum begin in the last bytes of a file, from in front of the footer on.
pub(super) fn place_of_checksum(tail: &[u8]) -> Option<usize> {
    let (rest, end) = tail.split_last_chunk::<END_BYTES>()?;
    let start = rest
        .len()
        .checked_sub(length(end, tail.len() as u64).ok()?)?;
    let footer = ipc::root_as_footer(&rest[start..]).ok()?;
    place_in(tail, checksum_text(&footer)?)
}

fn checksum_text<'a>(footer: &ipc::Footer<'a>) -> Option<&'a str> {
    let mut found = footer
        .custom_metadata()
        .into_iter()
        .flatten()
        .filter(|pair| pair.key() == Some(WHOLE_KEY));
    let text = found.next()?.value()?;
    found.next().is_none().then_some(text)
}

/// Where `part` lies in `whole`, of which it is a part.
fn place_in(whole: &[u8], part: &str) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at + part.len() <= whole.len()).then_some(at)
}

/// What a schema says, or why it is not that of a container.
pub(super) fn describe(schema: &ipc::Schema) -> Result<Description, String> {
    if schema.endianness() != ipc::Endianness::Little {
        return Err("its numbers are not little-endian".to_owned());
    }
    let columns: Vec<ipc::Field> = schema.fields().into_iter().flatten().collect();
    let [id, lists @ .., checksum] = columns.as_slice() else {
        return Err("it has not the columns id and checksum of a container".to_owned());
    };
    if !is_number(id, ID, &DataType::UInt64) || !is_number(checksum, CHECKSUM, &DataType::UInt32) {
        return Err(
            "its first column is not id (UInt64) or its last not checksum (UInt32), never null"
                .to_owned(),
        );
    }
    let fields = lists.iter().map(|column| {
        let name = column.name().unwrap_or_default();
        let field = list_type(column).ok_or_else(|| {
            format!(
                "its column {name:?} is not a list of {BRICK_CELLS} UInt16, UInt32, Float32 or Float64, never null"
            )
        })?;
        Ok((name.to_owned(), field))
    });
    let fields = fields.collect::<Result<Vec<_>, String>>()?;
    check_fields(&fields)?;
    let pairs = schema.custom_metadata().into_iter().flatten();
    let pairs = pairs
        .filter_map(|pair| Some((pair.key()?, pair.value()?)))
        .collect();
    Ok(Description {
        meta: ContainerMeta::of_pairs(&pairs)?,
        fields,
    })
}

fn is_number(column: &ipc::Field, name: &str, wanted: &DataType) -> bool {
    column.name() == Some(name)
        && !column.nullable()
        && number_type(column).as_ref() == Some(wanted)
}

fn list_type(column: &ipc::Field) -> Option<FieldType> {
    let list = column.type_as_fixed_size_list()?;
    let mut children = column.children()?.iter();
    let item = children.next()?;
    let plain = !column.nullable()
        && !item.nullable()
        && children.next().is_none()
        && list.listSize() == BRICK_CELLS as i32;
    FieldType::of_arrow(&number_type(&item)?).filter(|_| plain)
}

fn number_type(column: &ipc::Field) -> Option<DataType> {
    if column.dictionary().is_some() {
        return None;
    }
    if let Some(int) = column.type_as_int() {
        return match (int.is_signed(), int.bitWidth()) {
            (false, 16) => Some(DataType::UInt16),
            (false, 32) => Some(DataType::UInt32),
            (false, 64) => Some(DataType::UInt64),
            _ => None,
        };
    }
    match column.type_as_floating_point()?.precision() {
        ipc::Precision::SINGLE => Some(DataType::Float32),
        ipc::Precision::DOUBLE => Some(DataType::Float64),
        _ => None,
    }
}
