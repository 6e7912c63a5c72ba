//! Parquet files by hand, part by part: what no writer writes can be written with it.
#![allow(dead_code)]

/// What a footer says of a column in one row group.
#[derive(Clone, Default)]
pub struct Column {
    pub name: &'static str,
    /// The physical type by its number in the format.
    pub physical: i64,
    pub type_length: i64,
    pub converted: Option<i64>,
    pub optional: bool,
    pub codec: i64,
    pub values: i64,
    pub dictionary_at: Option<i64>,
    pub data_at: i64,
    pub bytes: i64,
}

/// The kinds of pages.
#[derive(Clone, Copy, Default)]
pub enum PageKind {
    #[default]
    V1,
    V2,
    Dictionary,
}

/// What a page's header says.
#[derive(Default)]
pub struct Page {
    pub kind: PageKind,
    pub encoding: i64,
    pub values: i64,
    pub nulls: i64,
    pub rows: i64,
    pub level_bytes: [i64; 2],
    pub compressed: bool,
    pub plain_bytes: i64,
}

impl Page {
    /// Adds the page with the contents `packed` to a file.
    pub fn write(&self, file: &mut Vec<u8>, packed: &[u8]) {
        let mut header = Thrift::new(file);
        let number = match self.kind {
            PageKind::V1 => 0,
            PageKind::Dictionary => 2,
            PageKind::V2 => 3,
        };
        header.i32(1, number);
        header.i32(2, self.plain_bytes);
        header.i32(3, packed.len() as i64);
        match self.kind {
            PageKind::V1 => header.inner(5, |h| {
                h.i32(1, self.values);
                h.i32(2, self.encoding);
                h.i32(3, 3);
                h.i32(4, 3);
            }),
            PageKind::Dictionary => header.inner(7, |h| {
                h.i32(1, self.values);
                h.i32(2, self.encoding);
            }),
            PageKind::V2 => header.inner(8, |h| {
                h.i32(1, self.values);
                h.i32(2, self.nulls);
                h.i32(3, self.rows);
                h.i32(4, self.encoding);
                h.i32(5, self.level_bytes[0]);
                h.i32(6, self.level_bytes[1]);
                h.bool(7, self.compressed);
            }),
        }
        header.stop();
        file.extend(packed);
    }
}

/// A row group: its columns, and how many rows it claims.
pub struct Group {
    pub columns: Vec<Column>,
    pub rows: i64,
}

/// Ends a file of at least one row group; all have the columns of the first.
pub fn end_file(file: &mut Vec<u8>, groups: &[Group], rows: i64) {
    let columns = &groups[0].columns;
    let footer = footer(|to| {
        to.i32(1, 2);
        to.list(2, columns.len() + 1, |to, n| match n.checked_sub(1) {
            None => {
                to.text(4, "root");
                to.i32(5, columns.len() as i64);
            }
            Some(n) => schema_element(to, &columns[n]),
        });
        to.i64(3, rows);
        to.list(4, groups.len(), |to, n| {
            let Group { columns, rows } = &groups[n];
            to.list(1, columns.len(), |to, n| chunk(to, &columns[n]));
            to.i64(2, columns.iter().map(|c| c.bytes).sum());
            to.i64(3, *rows);
        });
    });
    file.extend(footer);
}

/// A footer of what `write` writes, with the length and the magic behind it.
pub fn footer(write: impl FnOnce(&mut Thrift)) -> Vec<u8> {
    let mut footer = Vec::new();
    let mut fields = Thrift::new(&mut footer);
    write(&mut fields);
    fields.stop();
    let length = footer.len() as u32;
    footer.extend(length.to_le_bytes());
    footer.extend(b"PAR1");
    footer
}

fn schema_element(to: &mut Thrift, column: &Column) {
    to.i32(1, column.physical);
    to.i32(2, column.type_length);
    to.i32(3, i64::from(column.optional));
    to.text(4, column.name);
    if let Some(converted) = column.converted {
        to.i32(6, converted);
    }
}

fn chunk(to: &mut Thrift, column: &Column) {
    to.i64(2, 0);
    to.inner(3, |to| {
        to.i32(1, column.physical);
        to.i32_list(2, &[0, 3]);
        to.text_list(3, column.name);
        to.i32(4, column.codec);
        to.i64(5, column.values);
        to.i64(6, column.bytes);
        to.i64(7, column.bytes);
        to.i64(9, column.data_at);
        if let Some(at) = column.dictionary_at {
            to.i64(11, at);
        }
    });
}

/// A writer of the Thrift compact protocol: one struct, its fields in ascending order.
pub struct Thrift<'a> {
    to: &'a mut Vec<u8>,
    last: u8,
}

impl<'a> Thrift<'a> {
    /// A writer of a struct whose bytes are added to `to`.
    pub fn new(to: &'a mut Vec<u8>) -> Self {
        Thrift { to, last: 0 }
    }

    fn head(&mut self, id: u8, kind: u8) {
        self.to.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.to.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.to.push(value as u8);
    }

    fn zigzag(&mut self, value: i64) {
        self.unsigned((value << 1 ^ value >> 63) as u64);
    }

    /// A field of 32 bits.
    pub fn i32(&mut self, id: u8, value: i64) {
        self.head(id, 5);
        self.zigzag(i64::from(value as i32));
    }

    /// A field of 64 bits.
    pub fn i64(&mut self, id: u8, value: i64) {
        self.head(id, 6);
        self.zigzag(value);
    }

    /// A field that is true or false.
    pub fn bool(&mut self, id: u8, value: bool) {
        self.head(id, if value { 1 } else { 2 });
    }

    /// A field of text.
    pub fn text(&mut self, id: u8, text: &str) {
        self.head(id, 8);
        self.unsigned(text.len() as u64);
        self.to.extend(text.as_bytes());
    }

    /// A field that is a struct, which `write` fills.
    pub fn inner(&mut self, id: u8, write: impl FnOnce(&mut Thrift)) {
        self.head(id, 12);
        let mut inner = Thrift::new(self.to);
        write(&mut inner);
        inner.stop();
    }

    fn list_head(&mut self, id: u8, kind: u8, n: usize) {
        self.head(id, 9);
        if n < 15 {
            self.to.push((n as u8) << 4 | kind);
        } else {
            self.to.push(0xf0 | kind);
            self.unsigned(n as u64);
        }
    }

    /// A field that is a list of `n` structs, each of which `write` fills.
    pub fn list(&mut self, id: u8, n: usize, mut write: impl FnMut(&mut Thrift, usize)) {
        self.list_head(id, 12, n);
        for element in 0..n {
            let mut inner = Thrift::new(self.to);
            write(&mut inner, element);
            inner.stop();
        }
    }

    /// A field that is a list of numbers of 32 bits.
    pub fn i32_list(&mut self, id: u8, values: &[i64]) {
        self.list_head(id, 5, values.len());
        values.iter().for_each(|&v| self.zigzag(v));
    }

    /// A field that is a list of one text.
    pub fn text_list(&mut self, id: u8, text: &str) {
        self.list_head(id, 8, 1);
        self.unsigned(text.len() as u64);
        self.to.extend(text.as_bytes());
    }

    /// The end of the struct.
    pub fn stop(&mut self) {
        self.to.push(0);
    }
}
