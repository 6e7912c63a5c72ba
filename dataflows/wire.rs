//! The container in which plain-old-data messages travel between workers.
//!
//! Inside a process a [`PodVec`] moves as it is. Between processes it is written as
//!
//! ```text
//! ┌──────────────┬───────────────────────────┬─────────────────┐
//! │ count: u64   │ count records of T, as    │ zeros up to a   │
//! │ little-endian│ they lie in memory        │ multiple of 8   │
//! └──────────────┴───────────────────────────┴─────────────────┘
//! ```
//!
//! and read back by copy, so that nothing depends on how the bytes are aligned. Records travel in the byte order of
//! the machine; the cluster's handshake lets only processes of one byte order meet.
//!
//! Writing is abomonation's `Vec::entomb`; its decoding is never used, because it trusts what it reads
//! (RUSTSEC-2021-0120). Reading is bytemuck's copy of a slice whose length has been checked.

use std::fmt;
use std::io::Write;
use std::ops::Deref;
use std::vec;

use abomonation::Abomonation;
use bytemuck::{Pod, TransparentWrapper, Zeroable};
use timely::bytes::arc::Bytes;
use timely::container::{Accountable, DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::ContainerBytes;

/// How many bytes of records a container gathers before it is shipped: 16 KiB.
pub const BUFFER_BYTES: usize = 1 << 14;

/// How many bytes the count takes, and of what every length is a multiple.
const WORD: usize = 8;

/// A record as abomonation is shown it: with nothing beyond its own bytes.
#[derive(Clone, Copy, TransparentWrapper, Pod, Zeroable)]
#[repr(transparent)]
struct Buried<T>(T);

impl<T: Pod> Abomonation for Buried<T> {}

/// A list of plain-old-data records that timely can exchange, loop and buffer.
///
/// It allocates as it fills: small messages, of which an engine has many in flight, take little memory.
///
/// # Example
/// ```
/// use octaflow::dataflows::wire::PodVec;
/// use timely::bytes::arc::BytesMut;
/// use timely::dataflow::channels::ContainerBytes;
///
/// let sent: PodVec<[u32; 3]> = [[1, 2, 3], [4, 5, 6]].into_iter().collect();
/// let mut written = Vec::new();
/// sent.into_bytes(&mut written);
/// assert_eq!((written.len(), sent.length_in_bytes()), (32, 32));
/// assert_eq!(PodVec::from_bytes(BytesMut::from(written).freeze()), sent);
/// ```
#[derive(Clone)]
pub struct PodVec<T> {
    records: Vec<Buried<T>>,
}

impl<T: Pod> PodVec<T> {
    /// How many records a full container has: [`BUFFER_BYTES`] of them, and at least one.
    pub const FULL: usize = match size_of::<T>() {
        0 => BUFFER_BYTES,
        size if size < BUFFER_BYTES => BUFFER_BYTES / size,
        _ => 1,
    };

    /// An empty container; it has no allocation yet.
    pub const fn new() -> Self {
        PodVec {
            records: Vec::new(),
        }
    }

    /// Appends a record.
    pub fn push(&mut self, record: T) {
        self.records.push(Buried(record));
    }

    /// Removes all records and keeps the allocation.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// The bytes that `count` records take on the wire, or `None` beyond the address space.
    fn wire_length(count: usize) -> Option<usize> {
        let body = count.checked_mul(size_of::<T>())?;
        body.checked_next_multiple_of(WORD)?.checked_add(WORD)
    }

    /// Reads what [`ContainerBytes::into_bytes`] wrote; an error says what is wrong with the bytes.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let Some((count, body)) = bytes.split_first_chunk::<WORD>() else {
            return Err(format!("{} bytes hold no record count", bytes.len()));
        };
        let count = u64::from_le_bytes(*count);
        let length = usize::try_from(count).ok().and_then(Self::wire_length);
        if length != Some(bytes.len()) {
            return Err(format!(
                "{} bytes cannot hold {count} records of {} bytes",
                bytes.len(),
                size_of::<T>()
            ));
        }
        let mut records = vec![Buried::<T>::zeroed(); count as usize];
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut records);
        memory.copy_from_slice(&body[..memory.len()]);
        Ok(PodVec { records })
    }
}

impl<T: Pod> ContainerBytes for PodVec<T> {
    /// Reads a container.
    ///
    /// # Panics
    /// On bytes that no [`PodVec`] of this type wrote; timely leaves no other way to refuse them.
    fn from_bytes(bytes: Bytes) -> Self {
        Self::read(&bytes).unwrap_or_else(|fault| {
            panic!(
                "a peer sent a malformed message of {}: {fault}",
                std::any::type_name::<T>()
            )
        })
    }

    fn length_in_bytes(&self) -> usize {
        Self::wire_length(self.records.len()).expect("a list in memory has a length")
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        let body = size_of_val(self.records.as_slice());
        let slop = self.length_in_bytes() - WORD - body;
        let count = (self.records.len() as u64).to_le_bytes();
        writer
            .write_all(&count)
            // SAFETY: `entomb` reads the records' memory as bytes, which asks that every byte of it be initialised;
            // it then asks each record for what it owns elsewhere. `Buried<T>` is `repr(transparent)` over a `Pod`
            // type, which has no padding and owns nothing, and its `Abomonation` impl adds nothing.
            .and_then(|()| unsafe { self.records.entomb(writer) })
            .and_then(|()| writer.write_all(&[0; WORD][..slop]))
            .expect("timely's buffer has the room that length_in_bytes asked for");
    }
}

impl<T> Accountable for PodVec<T> {
    fn record_count(&self) -> i64 {
        self.records.len() as i64
    }
}

impl<T: Pod> SizableContainer for PodVec<T> {
    fn at_capacity(&self) -> bool {
        self.records.len() >= Self::FULL
    }

    /// Takes the allocation of `stash` if there is none, and makes room for a next record: four times the room
    /// each time, at most a full container.
    fn ensure_capacity(&mut self, stash: &mut Option<Self>) {
        if self.records.capacity() == 0
            && let Some(stashed) = stash.take()
        {
            self.records = stashed.records;
            self.records.clear();
        }
        let length = self.records.len();
        if length == self.records.capacity() && length < Self::FULL {
            let first = (Self::FULL / 64).max(1);
            let wanted = length.saturating_mul(4).clamp(first, Self::FULL);
            self.records.reserve_exact(wanted - length);
        }
    }
}

impl<T: Pod> DrainContainer for PodVec<T> {
    type Item<'a> = T;
    type DrainIter<'a> = Drain<'a, T>;

    /// Moves the records out and keeps the allocation.
    fn drain(&mut self) -> Drain<'_, T> {
        Drain(self.records.drain(..))
    }
}

/// The records of a [`PodVec`] on their way out; the container keeps its allocation.
pub struct Drain<'a, T>(vec::Drain<'a, Buried<T>>);

impl<T: Pod> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next().map(Buried::peel)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T: Pod> ExactSizeIterator for Drain<'_, T> {}

impl<T: Pod> PushInto<T> for PodVec<T> {
    fn push_into(&mut self, record: T) {
        self.push(record);
    }
}

impl<T: Pod> PushInto<&T> for PodVec<T> {
    fn push_into(&mut self, record: &T) {
        self.push(*record);
    }
}

impl<T> Default for PodVec<T> {
    fn default() -> Self {
        PodVec {
            records: Vec::new(),
        }
    }
}

impl<T: Pod> Deref for PodVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        Buried::peel_slice(&self.records)
    }
}

impl<'a, T: Pod> IntoIterator for &'a PodVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Pod> Extend<T> for PodVec<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        self.records.extend(records.into_iter().map(Buried));
    }
}

impl<T: Pod> FromIterator<T> for PodVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        PodVec {
            records: records.into_iter().map(Buried).collect(),
        }
    }
}

impl<T: Pod + PartialEq> PartialEq for PodVec<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for PodVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timely::bytes::arc::BytesMut;

    /// A message whose size is no multiple of 8 and whose alignment is more than a byte's.
    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    struct Tell {
        cell: u32,
        ticks: u32,
        label: i32,
    }

    fn tells(count: usize) -> PodVec<Tell> {
        (0..count as u32)
            .map(|i| Tell {
                cell: i,
                ticks: i * 2702,
                label: -(i as i32),
            })
            .collect()
    }

    fn written<T: Pod>(container: &PodVec<T>) -> Vec<u8> {
        let mut bytes = Vec::new();
        container.into_bytes(&mut bytes);
        assert_eq!(bytes.len(), container.length_in_bytes());
        assert_eq!(bytes.len() % WORD, 0);
        bytes
    }

    #[test]
    fn containers_of_any_length_round_trip_at_any_alignment() {
        for count in [0, 1, 2, 3, 7, 1365, 2000] {
            let sent = tells(count);
            let bytes = written(&sent);
            for shift in 0..8 {
                let mut moved = vec![0xee; shift];
                moved.extend_from_slice(&bytes);
                let mut moved = BytesMut::from(moved).freeze();
                moved.extract_to(shift);
                assert_eq!(PodVec::from_bytes(moved), sent);
            }
        }
        let zero_sized: PodVec<()> = std::iter::repeat_n((), 5).collect();
        assert_eq!(PodVec::<()>::read(&written(&zero_sized)).unwrap().len(), 5);
    }

    #[test]
    fn malformed_bytes_are_named_before_anything_is_allocated() {
        let bytes = written(&tells(3));
        for cut in 0..bytes.len() {
            assert!(PodVec::<Tell>::read(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        for count in [0u64, 2, 5, 1 << 40, u64::MAX / 12, u64::MAX] {
            let mut forged = bytes.clone();
            forged[..WORD].copy_from_slice(&count.to_le_bytes());
            let fault = PodVec::<Tell>::read(&forged).unwrap_err();
            assert!(
                fault.contains(&format!("{count} records of 12 bytes")),
                "{fault}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "a peer sent a malformed message")]
    fn a_malformed_message_panics_with_its_reason() {
        PodVec::<Tell>::from_bytes(BytesMut::from(vec![9; 16]).freeze());
    }

    #[test]
    fn a_container_fills_to_its_buffer_and_reuses_what_is_stashed() {
        let mut container = PodVec::new();
        let mut stash = None;
        while !container.at_capacity() {
            container.ensure_capacity(&mut stash);
            container.push_into(Tell::zeroed());
        }
        assert_eq!(container.len(), PodVec::<Tell>::FULL);
        assert_eq!(container.records.capacity(), PodVec::<Tell>::FULL);

        let place = container.records.as_ptr();
        assert_eq!(container.drain().count(), PodVec::<Tell>::FULL);
        assert!(container.is_empty() && container.records.as_ptr() == place);

        let mut next = PodVec::default();
        next.ensure_capacity(&mut Some(container));
        assert!(next.is_empty() && next.records.as_ptr() == place);
        assert_eq!(PodVec::<[u8; 1 << 15]>::FULL, 1);
    }
}
