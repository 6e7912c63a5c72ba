//! Which order the statistics of doubles are in, said so that every reader uses them.
//!
//! The parquet crate declares the column order `IEEE_754_TOTAL_ORDER` (field 2 of the format's union `ColumnOrder`)
//! for floating-point columns. Readers that know only `TYPE_DEFINED_ORDER` (field 1) then drop the columns' minima
//! and maxima. On numbers without NaN and −0, as all of ours are, the two orders are the same; so the footer is made
//! to say the older one. In thrift's compact protocol an element of `FileMetaData.column_orders` is three bytes: the
//! header of the union's field (`0x1C` for field 1, `0x2C` for field 2, both structs), the end of the empty struct, the
//! end of the union.

const TYPE_DEFINED: [u8; 3] = [0x1C, 0, 0];
const IEEE_754_TOTAL: [u8; 3] = [0x2C, 0, 0];

/// The longest footer tail that is searched; the orders stand at the footer's end.
const TAIL_BYTES: usize = 16384;

/// Declares the type-defined order for all columns of a Parquet file that ends in `end`, of which `is_double` tells
/// which hold doubles. A file whose footer is laid out otherwise stays as it is, and is as valid as before.
pub(super) fn declare_type_defined(end: &mut [u8], is_double: &[bool]) {
    let start = end.len().saturating_sub(TAIL_BYTES);
    let tail = &mut end[start..];
    if let Some(at) = place_of_orders(tail, is_double) {
        let orders = TYPE_DEFINED.repeat(is_double.len());
        tail[at..at + orders.len()].copy_from_slice(&orders);
    }
}

/// Where the list's elements begin, if the list is there exactly once.
fn place_of_orders(tail: &[u8], is_double: &[bool]) -> Option<usize> {
    // The header of a list of structs: its size and 12 in a byte, or from 15 on 15 and 12, then the size as a varint.
    let mut list = match is_double.len() {
        size @ 0..15 => vec![(size as u8) << 4 | 12],
        size => {
            let (mut header, mut rest) = (vec![15 << 4 | 12], size);
            while rest > 0x7f {
                header.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            header.push(rest as u8);
            header
        }
    };
    let header_bytes = list.len();
    for &double in is_double {
        list.extend(if double { IEEE_754_TOTAL } else { TYPE_DEFINED });
    }
    let mut places =
        (0..tail.len().saturating_sub(list.len())).filter(|&at| tail[at..].starts_with(&list));
    let place = places.next()?;
    places.next().is_none().then_some(place + header_bytes)
}
