//! A writer of the Thrift compact protocol, in which Parquet's footers and headers are.

/// One struct, its fields in ascending order.
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
        // Up to 14 elements; no list here is longer.
        self.to.push((n as u8) << 4 | kind);
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
