//! How sound bytes are changed.

pub use crate::map_support::Random;

/// Numbers at which readers stumble, as bytes of 1, 2, 4 and 8.
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// The same in text, and what stands between words there.
const WORDS: [&str; 20] = [
    "0",
    "-1",
    "1e308",
    "nan",
    "inf",
    "65536",
    "4294967295",
    "18446744073709551615",
    "-9223372036854775808",
    "99999999999999999999999",
    "0.1",
    "\n",
    ",",
    " ",
    "\"",
    "{",
    "[",
    "null",
    "\\u0000",
    "é",
];

/// Some changes of `seed`, with parts of `other` now and then.
pub fn mutate(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(4) {
        change(&mut bytes, other, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let mut below = |n: usize| random.below(n.max(1) as u64) as usize;
    let at = below(bytes.len());
    // Headers and footers, where the lengths are, get more than their share.
    let at = match below(3) {
        0 => below(512),
        1 => bytes.len().saturating_sub(below(512)),
        _ => at,
    };
    let at = at.min(bytes.len().saturating_sub(1));
    let end = (at + 1 + below(64)).min(bytes.len());
    match below(10) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << below(8),
        1 if !bytes.is_empty() => bytes[at] = below(256) as u8,
        2 | 3 => {
            let width = 1 << below(4);
            let mut number = NUMBERS[below(NUMBERS.len())].to_le_bytes();
            if below(4) == 0 {
                number[..width].reverse();
            }
            for (to, byte) in bytes[at..].iter_mut().zip(&number[..width]) {
                *to = *byte;
            }
        }
        4 => bytes.truncate(at),
        5 if !bytes.is_empty() => {
            bytes.drain(at..end);
        }
        6 if !bytes.is_empty() => {
            let block = bytes[at..end].to_vec();
            let times = 1 + below(4);
            bytes.splice(at..at, block.repeat(times));
        }
        7 => {
            let from = below(other.len());
            let until = (from + 1 + below(256)).min(other.len());
            let over = (at + below(2) * (until - from)).min(bytes.len());
            bytes.splice(at..over, other[from..until].iter().copied());
        }
        8 => {
            let digits = |b: &&u8| b.is_ascii_digit() || **b == b'.' || **b == b'-';
            let first = bytes[at..].iter().position(|b| b.is_ascii_digit());
            if let Some(first) = first.map(|f| at + f) {
                let length = bytes[first..].iter().take_while(digits).count();
                let word = WORDS[below(WORDS.len())].bytes();
                bytes.splice(first..first + length, word);
            }
        }
        _ => {
            let word = WORDS[below(WORDS.len())].bytes();
            bytes.splice(at..at, word);
        }
    }
}
