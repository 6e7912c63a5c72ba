//! Stretches of text files, cut at the ends of lines, so that several readers share one file.

use crate::Result;
use crate::map::input::{Share, read_error};
use csv::{ByteRecord, ReaderBuilder};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};

/// A share of a CSV file's rows after its header; `name`, which messages call it by, tells where it starts.
///
/// A quoted value may hold the end of a line, and whether one does can be told from the file's start alone: where
/// there is a quote, share 0 has all rows.
pub(super) fn of_csv(
    name: &mut String,
    mut file: File,
    bytes: u64,
    share: Share,
) -> Result<Box<dyn Read + Send>> {
    if share == Share::WHOLE {
        return Ok(Box::new(file));
    }
    let header = header_of(name, &mut file)?;
    let body = header.len() as u64;
    if quotes(name, &mut file)? {
        seek(name, &mut file, body)?;
        let rows = if share.index == 0 { u64::MAX } else { 0 };
        return Ok(Box::new(Cursor::new(header).chain(file.take(rows))));
    }
    let rows = of_lines(name, file, body, bytes, share)?;
    Ok(Box::new(Cursor::new(header).chain(rows)))
}

/// A share of the lines between byte `start` and the end of a file of `bytes` bytes: those that begin in the
/// share's stretch of bytes.
pub(super) fn of_lines(
    name: &mut String,
    mut file: File,
    start: u64,
    bytes: u64,
    share: Share,
) -> Result<Box<dyn Read + Send>> {
    if share == Share::WHOLE {
        seek(name, &mut file, start)?;
        return Ok(Box::new(file));
    }
    let range = share.of(bytes.saturating_sub(start));
    let mut cut = |at: u64| match at {
        0 => Ok(start),
        _ => line_start(name, &mut file, start + at),
    };
    let (from, to) = (cut(range.start)?, cut(range.end)?);
    seek(name, &mut file, from)?;
    if from > start {
        *name = format!("{name} from byte {from} on");
    }
    Ok(Box::new(file.take(to.saturating_sub(from))))
}

/// The bytes of a CSV file up to the end of its header; what is wrong with them is told when they are read again.
fn header_of(name: &str, file: &mut File) -> Result<Vec<u8>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .from_reader((&mut *file).take(super::LONGEST_ROW_BYTES));
    let _ = reader.read_byte_record(&mut ByteRecord::new());
    let length = reader.position().byte();
    drop(reader);
    seek(name, file, 0)?;
    let mut header = Vec::new();
    file.take(length)
        .read_to_end(&mut header)
        .map_err(|e| read_error(name, &e))?;
    Ok(header)
}

/// Whether there is a quote anywhere in a file.
fn quotes(name: &str, file: &mut File) -> Result<bool> {
    seek(name, file, 0)?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    loop {
        let chunk = reader.fill_buf().map_err(|e| read_error(name, &e))?;
        if chunk.is_empty() {
            return Ok(false);
        }
        if chunk.contains(&b'"') {
            return Ok(true);
        }
        let n = chunk.len();
        reader.consume(n);
    }
}

/// Where the first line begins that does not begin before byte `at`.
fn line_start(name: &str, file: &mut File, at: u64) -> Result<u64> {
    seek(name, file, at - 1)?;
    let mut reader = BufReader::new(file);
    let skipped = reader.skip_until(b'\n').map_err(|e| read_error(name, &e))?;
    Ok(at - 1 + skipped as u64)
}

fn seek(name: &str, file: &mut File, to: u64) -> Result<()> {
    match file.seek(SeekFrom::Start(to)) {
        Ok(_) => Ok(()),
        // What cannot seek is read once, from its start on.
        Err(_) if to == 0 => Ok(()),
        Err(e) => Err(read_error(name, &e)),
    }
}
