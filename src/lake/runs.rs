//! An external merge sort of changes: sorted runs on disk when they exceed a budget of rows.
//!
//! Plainly, `records.sort()`. Beyond the budget what is in memory is sorted and becomes a run, or the end of the
//! latest run where it starts behind that run's last record (so the first epoch, which arrives in order, is one
//! run). [`FAN_IN`] runs of one level are merged into one of the next, which bounds the open files.
//!
//! A run's file has no name once it is open, so nothing is left of it when the process ends, however it ends. Its
//! format is private to the process: each record as differences from the record before, in variable-length integers
//! (seven bits a byte, least first, the top bit set on all but the last).

use super::refused;
use crate::Result;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// How many runs are merged into one.
const FAN_IN: usize = 16;

/// How many bytes of a run are read or written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A change, in the order of its fields: equal rows of one cell and time lie side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) cell: i64,
    pub(super) time: i64,
    pub(super) ticks: u32,
    pub(super) source: u32,
    pub(super) next: i8,
    pub(super) diff: i32,
}

impl Record {
    /// True if `other` is the same row at the same time, whatever its diff.
    pub(super) fn same_row(&self, other: &Record) -> bool {
        let row = |r: &Record| (r.cell, r.time, r.ticks, r.source, r.next);
        row(self) == row(other)
    }

    fn write(&self, last: &Record, out: &mut impl Write) -> io::Result<()> {
        write_varint(self.cell.wrapping_sub(last.cell) as u64, out)?;
        write_varint(zigzag(self.time.wrapping_sub(last.time)), out)?;
        write_varint(u64::from(self.ticks), out)?;
        write_varint(u64::from(self.source), out)?;
        write_varint(zigzag(i64::from(self.diff)), out)?;
        out.write_all(&self.next.to_le_bytes())
    }

    fn read(last: &Record, input: &mut impl Read) -> io::Result<Self> {
        Ok(Record {
            cell: last.cell.wrapping_add(read_varint(input)? as i64),
            time: last.time.wrapping_add(unzigzag(read_varint(input)?)),
            ticks: read_varint(input)? as u32,
            source: read_varint(input)? as u32,
            diff: unzigzag(read_varint(input)?) as i32,
            next: i8::from_le_bytes([read_byte(input)?]),
        })
    }
}

/// Sorts records in bounded memory.
pub(super) struct Sorter {
    /// Where runs are opened: this path with another extension.
    path: PathBuf,
    budget_rows: usize,
    memory: Vec<Record>,
    latest: Option<RunWriter>,
    levels: Vec<Vec<Run>>,
    opened: u64,
}

impl Sorter {
    /// A sorter that keeps at most `budget_rows` records in memory (at least one), and its runs beside `path`.
    pub(super) fn new(path: &Path, budget_rows: usize) -> Self {
        Sorter {
            path: path.to_owned(),
            budget_rows: budget_rows.max(1),
            memory: Vec::new(),
            latest: None,
            levels: Vec::new(),
            opened: 0,
        }
    }

    /// Adds a record.
    pub(super) fn push(&mut self, record: Record) -> Result<()> {
        if self.memory.len() == self.budget_rows {
            self.spill()?;
        }
        self.memory.push(record);
        Ok(())
    }

    /// All records in ascending order.
    pub(super) fn finish(mut self) -> Result<Merge> {
        self.memory.sort();
        let latest = self.latest.take().map(RunWriter::finish).transpose()?;
        let runs = self.levels.into_iter().flatten().chain(latest);
        let memory = Input::Memory(self.memory.into_iter());
        Merge::new(runs.map(Input::Run).chain([memory]).collect())
    }

    fn spill(&mut self) -> Result<()> {
        self.memory.sort();
        let first = self.memory.first().copied();
        if let Some(latest) = self.latest.take_if(|latest| Some(latest.last) > first) {
            let run = latest.finish()?;
            self.keep(run, 0)?;
        }
        let run = match &mut self.latest {
            Some(run) => run,
            none => none.insert(RunWriter::open(&self.path, &mut self.opened)?),
        };
        self.memory
            .drain(..)
            .try_for_each(|record| run.push(record))
    }

    /// Keeps a run, merging those of its level into one of the next when there are enough.
    fn keep(&mut self, run: Run, level: usize) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(run);
        if self.levels[level].len() < FAN_IN {
            return Ok(());
        }
        let runs = std::mem::take(&mut self.levels[level]);
        let mut merge = Merge::new(runs.into_iter().map(Input::Run).collect())?;
        let mut merged = RunWriter::open(&self.path, &mut self.opened)?;
        while let Some(record) = merge.next()? {
            merged.push(record)?;
        }
        self.keep(merged.finish()?, level + 1)
    }
}

/// A run that is being written.
struct RunWriter {
    path: PathBuf,
    out: BufWriter<File>,
    last: Record,
    records: u64,
}

impl RunWriter {
    fn open(beside: &Path, opened: &mut u64) -> Result<Self> {
        let path = beside.with_extension(format!("run-{opened}"));
        *opened += 1;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|file| std::fs::remove_file(&path).map(|()| file))
            .map_err(|e| refused(&path, "opened for sorting", &e))?;
        Ok(RunWriter {
            path,
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            last: Record::default(),
            records: 0,
        })
    }

    fn push(&mut self, record: Record) -> Result<()> {
        record
            .write(&self.last, &mut self.out)
            .map_err(|e| refused(&self.path, "written for sorting", &e))?;
        self.last = record;
        self.records += 1;
        Ok(())
    }

    fn finish(self) -> Result<Run> {
        let rewound = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let rewound = rewound.and_then(|mut file| file.rewind().map(|()| file));
        let file = rewound.map_err(|e| refused(&self.path, "written for sorting", &e))?;
        Ok(Run {
            path: self.path,
            input: BufReader::with_capacity(BUFFER_BYTES, file),
            last: Record::default(),
            left: self.records,
        })
    }
}

/// A run that is being read.
struct Run {
    path: PathBuf,
    input: BufReader<File>,
    last: Record,
    left: u64,
}

impl Run {
    fn next(&mut self) -> Result<Option<Record>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.last = Record::read(&self.last, &mut self.input)
            .map_err(|e| refused(&self.path, "read while sorting", &e))?;
        self.left -= 1;
        Ok(Some(self.last))
    }
}

/// Ascending records.
enum Input {
    Memory(std::vec::IntoIter<Record>),
    Run(Run),
}

impl Input {
    fn next(&mut self) -> Result<Option<Record>> {
        match self {
            Input::Memory(records) => Ok(records.next()),
            Input::Run(run) => run.next(),
        }
    }
}

/// The records of several ascending inputs, in ascending order.
pub(super) struct Merge {
    inputs: Vec<Input>,
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

impl Merge {
    fn new(mut inputs: Vec<Input>) -> Result<Self> {
        let mut heads = BinaryHeap::with_capacity(inputs.len());
        for (i, input) in inputs.iter_mut().enumerate() {
            heads.extend(input.next()?.map(|record| Reverse((record, i))));
        }
        Ok(Merge { inputs, heads })
    }

    /// The next record, or `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let Reverse((record, i)) = *head;
        match self.inputs[i].next()? {
            Some(following) => *head = Reverse((following, i)),
            None => drop(PeekMut::pop(head)),
        }
        Ok(Some(record))
    }
}

fn zigzag(v: i64) -> u64 {
    (v << 1 ^ v >> 63) as u64
}

fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

fn write_varint(mut v: u64, out: &mut impl Write) -> io::Result<()> {
    let mut bytes = [0; 10];
    let mut n = 0;
    while v > 0x7f {
        bytes[n] = v as u8 | 0x80;
        v >>= 7;
        n += 1;
    }
    bytes[n] = v as u8;
    out.write_all(&bytes[..=n])
}

fn read_varint(input: &mut impl Read) -> io::Result<u64> {
    let mut v = 0;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(input)?;
        v |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Ok(v)
}

fn read_byte(input: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    input.read_exact(&mut byte)?;
    Ok(byte[0])
}
