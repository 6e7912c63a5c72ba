//! Identifiers as text and as bits, and the positions and partitions of flags.
#![no_main]

use bech32::{Bech32m, Hrp};
use libfuzzer_sys::fuzz_target;
use octaflow::lattice::{Cell, Galactic128, Hilbert64, Index64, Route64};
use octaflow::map::parse_position;
use octaflow::partition::Partition;
use octaflow_fuzz::{answers, seeds};
use serde::de::DeserializeOwned;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fuzz_target!(init: seeds::plant(seeds::texts), |bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        hold_text(text);
    }
    hold_bits(bytes);
    // A right checksum is out of a search's reach: one is put behind arbitrary bytes.
    let (choice, payload) = bytes.split_first().unwrap_or((&0, &[]));
    let prefixes = [Index64::PREFIX, Hilbert64::PREFIX, Route64::PREFIX, Galactic128::PREFIX];
    let prefix = Hrp::parse_unchecked(prefixes[usize::from(choice % 4)]);
    if let Ok(text) = bech32::encode::<Bech32m>(prefix, payload) {
        hold_text(&text);
    }
});

fn hold_text(text: &str) {
    hold_identifier::<Index64>(text);
    hold_identifier::<Hilbert64>(text);
    hold_identifier::<Route64>(text);
    hold_identifier::<Galactic128>(text);
    match parse_position(text) {
        Ok(position) => assert!(position.iter().all(|c| c.is_finite())),
        Err(error) => answers::hold_error(&error),
    }
    if let Ok(partition) = text.parse::<Partition>() {
        assert_eq!(partition.name(), text);
    }
}

/// Asserts that a text that is read is written again as it was, but for the case of its letters.
fn hold_identifier<I>(text: &str)
where
    I: FromStr<Err: Display> + DeserializeOwned + Display + Debug + PartialEq,
{
    match text.parse::<I>() {
        Ok(id) => assert_eq!(id.to_string(), text.to_ascii_lowercase()),
        Err(error) => answers::hold_message(&error.to_string()),
    }
    let through_json = serde_json::from_value::<I>(text.into());
    assert_eq!(through_json.ok(), text.parse().ok());
}

/// Asserts that bits that are an identifier are kept, and name a cell of the lattice.
fn hold_bits(bytes: &[u8]) {
    if let Some(bits) = bytes.first_chunk().map(|b| u64::from_be_bytes(*b)) {
        if let Ok(id) = Index64::try_from(bits) {
            assert_eq!(u64::from(id), bits);
            hold_cell(id.cell());
            assert!(id.children().all(|child| child.parent() == Some(id)));
            assert!(id.neighbours().iter().flatten().all(|n| *n != id));
            assert_eq!(Index64::from(Hilbert64::from(id)), id);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        if let Ok(id) = Hilbert64::try_from(bits) {
            assert_eq!(u64::from(id), bits);
            assert_eq!(Hilbert64::from(Index64::from(id)), id);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        if let Ok(id) = Route64::try_from(bits) {
            assert_eq!(u64::from(id), bits);
            hold_cell(id.cell());
            assert!(id.neighbours().iter().flatten().all(|n| *n != id));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
    if let Some(bits) = bytes.first_chunk().map(|b| u128::from_be_bytes(*b))
        && let Ok(id) = Galactic128::try_from(bits)
    {
        assert_eq!(u128::from(id), bits);
        hold_cell(id.cell());
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

fn hold_cell(cell: Cell) {
    assert_eq!(Cell::try_from(cell.xyz()), Ok(cell));
    for neighbour in cell.neighbours() {
        assert!(neighbour.neighbours().any(|back| back == cell));
    }
}
