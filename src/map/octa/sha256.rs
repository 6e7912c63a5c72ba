//! SHA-256, as FIPS 180-4 defines it: octaindex3d's containers may carry it, and no other part of the program does.

/// The first 32 bits of the fractions of the square roots of the first 8 primes.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The first 32 bits of the fractions of the cube roots of the first 64 primes.
const ROUNDS: [u32; 64] = round_constants();

/// The digest of `bytes`.
pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut state = START;
    blocks.iter().for_each(|block| mix(&mut state, block));
    // What is left, a bit that is 1, zeros, and the length in bits fill one block or two.
    let mut end = [0; 128];
    end[..rest.len()].copy_from_slice(rest);
    end[rest.len()] = 0x80;
    let used = if rest.len() < 56 { 64 } else { 128 };
    end[used - 8..used].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    end[..used]
        .as_chunks::<64>()
        .0
        .iter()
        .for_each(|block| mix(&mut state, block));
    let mut digest = [0; 32];
    for (out, word) in digest.chunks_exact_mut(4).zip(state) {
        out.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// Mixes a block into the state.
fn mix(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut words = [0_u32; 64];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (a, b) = (words[t - 15], words[t - 2]);
        let small0 = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
        let small1 = b.rotate_right(17) ^ b.rotate_right(19) ^ b >> 10;
        words[t] = words[t - 16]
            .wrapping_add(small0)
            .wrapping_add(words[t - 7])
            .wrapping_add(small1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, constant) in words.into_iter().zip(ROUNDS) {
        let large1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let chosen = e & f ^ !e & g;
        let first = h
            .wrapping_add(large1)
            .wrapping_add(chosen)
            .wrapping_add(constant)
            .wrapping_add(word);
        let large0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let second = large0.wrapping_add(a & b ^ a & c ^ b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, mixed) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(mixed);
    }
}

const fn round_constants() -> [u32; 64] {
    let mut constants = [0; 64];
    let (mut n, mut found) = (2_u128, 0);
    while found < 64 {
        let mut divisor = 2;
        while divisor * divisor <= n && !n.is_multiple_of(divisor) {
            divisor += 1;
        }
        if divisor * divisor > n {
            // The greatest r with r³ ≤ n · 2⁹⁶ is the root with 32 bits of its fraction.
            let (mut root, mut bit) = (0_u128, 1_u128 << 35);
            while bit > 0 {
                let next = root | bit;
                if next * next * next <= n << 96 {
                    root = next;
                }
                bit >>= 1;
            }
            constants[found] = root as u32;
            found += 1;
        }
        n += 1;
    }
    constants
}

#[cfg(test)]
mod tests {
    use super::digest;

    /// The examples that NIST publishes with the standard, and one of two full blocks of padding.
    #[test]
    fn published_digests_are_met() {
        let hex = |bytes: &[u8]| {
            digest(bytes)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
        };
        assert_eq!(
            hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(
            hex(two),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
        assert_eq!(
            hex(&vec![b'a'; 1_000_000]),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }
}
