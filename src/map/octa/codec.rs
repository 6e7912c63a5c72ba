//! How frames are packed: each codec has a number.

use std::io::Read;

/// LZ4 gains at most this factor: a byte more of a match's length stands for 255 bytes.
const LZ4_MOST: usize = 255;

/// The largest window that zstd may ask for, as a power of two: what its own command line allows.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The name of a codec, if it is one that octaindex3d has.
pub(crate) fn name(codec: u8) -> Option<&'static str> {
    match codec {
        0 => Some("LZ4"),
        1 => Some("zstd"),
        3 => Some("none"),
        _ => None,
    }
}

/// Unpacks a frame, which should have `plain_bytes` then; no more memory is taken than that, and than `packed`
/// justifies.
pub(super) fn unpack(codec: u8, packed: Vec<u8>, plain_bytes: usize) -> Result<Vec<u8>, String> {
    let plain = match codec {
        0 => unpack_lz4(&packed, plain_bytes)?,
        1 => unpack_zstd(&packed, plain_bytes)?,
        3 => packed,
        _ => {
            return Err(format!(
                "its codec {codec} is none that octaindex3d has: 0 is LZ4, 1 zstd, 3 none"
            ));
        }
    };
    if plain.len() != plain_bytes {
        let found = plain.len();
        return Err(format!(
            "it unpacks to {found} bytes and should to the {plain_bytes} of its header"
        ));
    }
    Ok(plain)
}

/// An LZ4 block behind its plain length, four bytes little-endian.
fn unpack_lz4(packed: &[u8], plain_bytes: usize) -> Result<Vec<u8>, String> {
    let (length, block) = packed
        .split_first_chunk()
        .ok_or("it is too short for LZ4")?;
    let length = u32::from_le_bytes(*length) as usize;
    if length != plain_bytes {
        return Err(format!(
            "its LZ4 block claims {length} bytes and should the {plain_bytes} of its header"
        ));
    }
    if length > block.len().saturating_mul(LZ4_MOST) {
        return Err(format!(
            "its LZ4 block of {} bytes cannot hold {length}",
            block.len()
        ));
    }
    let mut plain = vec![0; length];
    let written = lz4_flex::block::decompress_into(block, &mut plain)
        .map_err(|e| format!("its LZ4 block is damaged: {e}"))?;
    plain.truncate(written);
    Ok(plain)
}

fn unpack_zstd(packed: &[u8], plain_bytes: usize) -> Result<Vec<u8>, String> {
    let damaged = |e: std::io::Error| format!("its zstd frame is damaged: {e}");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(damaged)?;
    let mut plain = Vec::new();
    decoder
        .take(plain_bytes as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(damaged)?;
    Ok(plain)
}
