//! The text forms against octaindex3d's: the same texts, read more strictly (deviations 8 to 13).

use super::{Random, cell_of, theirs};
use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
use bech32::{Bech32, Bech32m, Fe32, Hrp};
use octaflow::lattice::{
    Cell, Galactic128, GalacticHeader, Hilbert64, Index64, Route64, TextError,
};

#[test]
fn texts_are_the_same() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let cell = cell_of(random.point16()).unwrap();
        let id = Index64::new(random.header(), cell).unwrap();
        let reference = theirs::Index64::from_value(id.into()).unwrap();
        let text = reference.to_bech32m().unwrap();
        assert_eq!((id.to_string(), text.parse()), (text.clone(), Ok(id)));

        let id = Route64::new(2, random.cell(20)).unwrap();
        let reference = theirs::Route64::from_value(id.into()).unwrap();
        let text = reference.to_bech32m().unwrap();
        assert_eq!((id.to_string(), text.parse()), (text.clone(), Ok(id)));

        let header = GalacticHeader {
            mantissa: random.bits() as u8,
            frame: random.bits() as u8,
            ..GalacticHeader::default()
        };
        let id = Galactic128::new(header, random.cell(32)).unwrap();
        let reference = theirs::Galactic128::from_value(id.into()).unwrap();
        let text = reference.to_bech32m().unwrap();
        assert_eq!((id.to_string(), text.parse()), (text.clone(), Ok(id)));
    }
}

#[test]
fn texts_are_read_more_strictly() {
    let id = Index64::of_cell(Cell::new(2, 4, 6).unwrap()).unwrap();
    let bytes = u64::from(id).to_be_bytes();
    let prefix = Hrp::parse(Index64::PREFIX).unwrap();
    let read = |text: &str| text.parse::<Index64>();

    // Deviation 8.
    let older = bech32::encode::<Bech32>(prefix, &bytes).unwrap();
    assert!(theirs::Index64::from_bech32m(&older).is_ok());
    assert!(matches!(read(&older), Err(TextError::Bech32m { .. })));

    // Deviation 9.
    let upper = id.to_string().to_uppercase();
    assert!(theirs::Index64::from_bech32m(&upper).is_err());
    assert_eq!(read(&upper), Ok(id));

    // Deviation 10: the last of 13 digits holds four bits and one to spare.
    let mut digits: Vec<Fe32> = bytes.into_iter().bytes_to_fes().collect();
    let last = digits.last_mut().unwrap();
    *last = Fe32::try_from(last.to_u8() | 1).unwrap();
    let spare: String = (digits.into_iter())
        .with_checksum::<Bech32m>(&prefix)
        .chars()
        .collect();
    assert!(theirs::Index64::from_bech32m(&spare).is_ok());
    assert!(matches!(read(&spare), Err(TextError::Length { .. })));

    // Refused by both.
    let short = bech32::encode::<Bech32m>(prefix, &bytes[1..]).unwrap();
    let long = bech32::encode::<Bech32m>(prefix, &[bytes, bytes].concat()).unwrap();
    let wrong_bits = bech32::encode::<Bech32m>(prefix, &[0; 8]).unwrap();
    let route = Route64::new(0, id.cell()).unwrap().to_string();
    for text in ["", "i3d1", "i3d11", "é", &short, &long, &wrong_bits, &route] {
        assert!(theirs::Index64::from_bech32m(text).is_err(), "{text}");
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn display_is_the_text_and_debug_the_fields() {
    // Deviations 11 and 12.
    let id = Index64::of_cell(Cell::new(2, 4, 6).unwrap()).unwrap();
    let reference = theirs::Index64::from_value(id.into()).unwrap();
    assert!(reference.to_string().starts_with("I64("));
    assert!(id.to_string().starts_with("i3d11"));
    let fields = "Index64(tier 0, frame 0, LOD 15, (2, 4, 6))";
    assert_eq!(format!("{id:?}"), fields);
    let hilbert = Hilbert64::from(id);
    assert!(hilbert.to_string().starts_with("h3d11"));
    assert_eq!(hilbert.to_string().parse(), Ok(hilbert));
}

#[test]
fn serde_checks_what_it_reads() {
    // Deviation 13.
    let id = Index64::of_cell(Cell::new(2, 4, 6).unwrap()).unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{id}\""));
    assert_eq!(serde_json::from_str::<Index64>(&json).unwrap(), id);
    assert!(serde_json::from_str::<Index64>("9227875636482146305").is_err());
    assert!(serde_json::from_str::<Index64>("\"i3d11qqqqqqqqqqqqqq\"").is_err());
}
