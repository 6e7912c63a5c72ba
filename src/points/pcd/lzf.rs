//! LZF, the compression of LibLZF: runs of literal bytes, and copies of what came up to 8 KiB before.
//!
//! A control byte below 32 is followed by that many literals and one more. Any other has the copy's length less 2 in
//! its upper three bits (7: a byte with more of the length follows), and the upper five bits of the distance less 1
//! in its lower ones; the distance's lower byte follows.

/// The most bytes that one byte of compressed data can stand for: three make a copy of 264.
pub(super) const MOST_BYTES_A_BYTE: u64 = 88;

/// Decompresses to exactly `length` bytes; `None` if the data are damaged.
pub(super) fn decompress(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length);
    let mut rest = packed;
    while let Some((&control, after)) = rest.split_first() {
        let control = usize::from(control);
        if control < 32 {
            let (literals, after) = after.split_at_checked(control + 1)?;
            out.extend_from_slice(literals);
            rest = after;
        } else {
            let mut copy = control >> 5;
            let mut tail = after;
            if copy == 7 {
                let (&more, after) = tail.split_first()?;
                copy += usize::from(more);
                tail = after;
            }
            let (&low, after) = tail.split_first()?;
            let distance = ((control & 31) << 8 | usize::from(low)) + 1;
            let start = out.len().checked_sub(distance)?;
            // A copy may reach into what it makes.
            for n in start..start + copy + 2 {
                out.push(out[n]);
            }
            rest = after;
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::decompress;

    #[test]
    fn literals_and_copies_are_told_apart() {
        // Four literals, then 5 bytes from 4 before, then 9 + 3 bytes of the last one.
        let packed = [3, b'a', b'b', b'c', b'd', 3 << 5, 3, 7 << 5, 3, 0];
        let whole = b"abcdabcdaaaaaaaaaaaaa";
        assert_eq!(decompress(&packed, whole.len()).unwrap(), whole);
        assert_eq!(decompress(&packed, whole.len() + 1), None);
        assert_eq!(decompress(&packed, whole.len() - 1), None);
        for end in 0..packed.len() {
            assert_eq!(decompress(&packed[..end], whole.len()), None);
        }
        // A copy from before the start.
        assert_eq!(decompress(&[0, b'a', 1 << 5, 1], 4), None);
    }
}
