//! A look at the schema of a Parquet file before the footer is decoded.
//!
//! The schema is a tree, its elements in the order of a walk from the root, each with its number of children. The
//! decoder makes room for the children that an element claims and calls itself for each, so a few bytes can claim
//! gigabytes and a long chain takes the whole stack, neither of which can be caught.

use super::compact::{Compact, I16, I64, LIST, STOP, STRUCT};
use super::parquet::damaged;
use crate::Result;
use crate::map::input::read_error;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The most levels that a schema may have.
const DEEPEST: usize = 100;

/// What ends a file: the footer's length, and the magic.
const END_BYTES: u64 = 8;

/// Checks the schema in the footer of a file. A file without a footer is left to the decoder to report.
///
/// # Errors
/// [`crate::Error::Input`] if the schema is no tree, or too deep a one.
pub(super) fn check_footer(name: &str, file: &File, file_bytes: u64) -> Result<()> {
    let io = |e: std::io::Error| read_error(name, &e);
    let mut reader = BufReader::new(file);
    let Some(end) = file_bytes.checked_sub(END_BYTES) else {
        return Ok(());
    };
    reader.seek(SeekFrom::Start(end)).map_err(io)?;
    let mut last = [0; END_BYTES as usize];
    reader.read_exact(&mut last).map_err(io)?;
    let [l0, l1, l2, l3, magic @ ..] = last;
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    let Some(start) = end.checked_sub(length).filter(|_| &magic == b"PAR1") else {
        return Ok(());
    };
    reader.seek(SeekFrom::Start(start)).map_err(io)?;
    let mut footer = Compact {
        bytes: reader.take(length),
    };
    let mut schema = Schema::default();
    if read_footer(&mut footer, &mut schema).is_none() {
        return Err(damaged(name, "its footer is malformed"));
    }
    match schema.fault() {
        Some(fault) => Err(damaged(name, fault)),
        None => Ok(()),
    }
}

/// Reads a footer whole, so that no second schema can follow the one that was looked at.
fn read_footer(footer: &mut Compact<impl Read>, schema: &mut Schema) -> Option<()> {
    const SCHEMA: i64 = 2;
    let mut id = 0;
    loop {
        match (footer.field(&mut id)?, id) {
            (STOP, _) => return Some(()),
            (LIST, SCHEMA) => {
                let (elements, kind) = footer.list()?;
                if kind != STRUCT {
                    return None;
                }
                for _ in 0..elements {
                    schema.add(children(footer)?);
                }
            }
            (_, SCHEMA) => return None,
            (kind, _) => footer.skip(kind, 0)?,
        }
    }
}

/// Reads an element of the schema for its number of children.
fn children(footer: &mut Compact<impl Read>) -> Option<i64> {
    const CHILDREN: i64 = 5;
    let (mut id, mut children) = (0, 0);
    loop {
        match (footer.field(&mut id)?, id) {
            (STOP, _) => return Some(children),
            (I16..=I64, CHILDREN) => children = footer.count()?,
            (_, CHILDREN) => return None,
            (kind, _) => footer.skip(kind, 0)?,
        }
    }
}

/// A walk through a tree.
#[derive(Default)]
struct Schema {
    /// How many children are yet to come of the element at hand and of each above it.
    open: Vec<i64>,
    too_deep: bool,
}

impl Schema {
    fn add(&mut self, children: i64) {
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        if children > 0 && !self.too_deep {
            self.open.push(children);
            self.too_deep = self.open.len() > DEEPEST;
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.too_deep {
            Some("its schema has more than 100 levels")
        } else if !self.open.is_empty() {
            Some("its schema claims more columns than it has")
        } else {
            None
        }
    }
}
