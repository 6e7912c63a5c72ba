//! The identifiers against octaindex3d 0.5.9: the same bits, and every difference named.
//!
//! | # | octaindex3d 0.5.9 | octaflow |
//! |---|---|---|
//! | 1 | `Index64` and `Hilbert64` take coordinates of mixed parity | [`LatticeError::MixedParity`] |
//! | 2 | `Hilbert64` holds a Gray code of each octant; consecutive values are not neighbours | a Hilbert curve; `to_gray_bits` and `from_gray_bits` convert, losing nothing |
//! | 3 | children of `Index64` and `Hilbert64` have three more bits: two of eight are lattice points; parents halve each coordinate and may be none | one hierarchy: eight lattice points a cell |
//! | 4 | `Lattice` has children `2p` *plus* axial units, so some cells on the low faces have parents outside the range | `2p` *less* axial units: parents of 0…65535 lie in 0…32768 |
//! | 5 | `Hilbert64::children` at LOD 15 is the key itself, eight times | none |
//! | 6 | `Route64` and `Galactic128` have no order | numeric order of the fields, coordinates signed |
//! | 7 | `Galactic128::new` cuts user bits above 15 off | [`LatticeError::Field`] |
//! | 8 | texts with the older bech32 checksum are read too | bech32m alone |
//! | 9 | texts in upper case are refused | read, as bech32m wants it |
//! | 10 | texts whose spare bits are set are read, so an identifier has several texts | refused |
//! | 11 | `Display` writes the fields | `Display` writes the text, `Debug` the fields |
//! | 12 | `Hilbert64` has no text and no way in from bits | prefix `h3d1`, `TryFrom<u64>` |
//! | 13 | serde reads the bits unchecked | serde reads the text (the bits in binary formats), checked |
//! | 14 | positions at equal distance snap away from 0 | to the least coordinate |

use octaflow::lattice::{
    CHILDREN, Cell, Frame, Galactic128, GalacticHeader, Header, Hilbert64, Index64, LatticeError,
    NEIGHBOURS, Route64, morton_decode, morton_encode,
};
use octaindex3d as theirs;
use std::collections::BTreeSet;

#[path = "lattice_conformance/texts.rs"]
mod texts;

const MILLION: usize = 1_000_000;

/// A generator with a fixed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Mostly any 16 bits, often an end of the range.
    fn coordinate16(&mut self) -> u16 {
        let bits = self.bits();
        match bits >> 60 {
            0 => (bits & 3) as u16,
            1 => 65535 - (bits & 3) as u16,
            2 => 1 << (bits & 15),
            _ => (bits >> 8) as u16,
        }
    }

    /// Coordinates in 0…65535, all of one parity.
    fn point16(&mut self) -> [u16; 3] {
        let odd = self.bits() as u16 & 1;
        std::array::from_fn(|_| self.coordinate16() & !1 | odd)
    }

    /// Mostly any signed integer of `size` bits, often an end of the range.
    fn signed(&mut self, size: u32) -> i32 {
        let bits = self.bits();
        let (least, greatest) = (i32::MIN >> (32 - size), i32::MAX >> (32 - size));
        match bits >> 60 {
            0 => least + (bits & 3) as i32,
            1 => greatest - (bits & 3) as i32,
            2 => (bits & 7) as i32 - 4,
            _ => bits as i32 >> (32 - size),
        }
    }

    /// Signed coordinates of `size` bits, all of one parity.
    fn cell(&mut self, size: u32) -> Cell {
        let odd = self.bits() as i32 & 1;
        let [x, y, z] = std::array::from_fn(|_| self.signed(size) & !1 | odd);
        Cell::new(x, y, z).unwrap()
    }

    fn header(&mut self) -> Header {
        let bits = self.bits();
        Header {
            tier: (bits & 3) as u8,
            frame: (bits >> 8) as u8,
            lod: (bits >> 16 & 15) as u8,
        }
    }
}

fn cell_of([x, y, z]: [u16; 3]) -> Result<Cell, LatticeError> {
    Cell::new(x.into(), y.into(), z.into())
}

#[test]
fn index64_has_the_same_bits_where_parity_allows_it() {
    let mut random = Random(1);
    let (mut cells, mut others) = (0, 0);
    while cells < MILLION {
        let header = random.header();
        let p: [u16; 3] = if random.bits() & 1 == 0 {
            random.point16()
        } else {
            std::array::from_fn(|_| random.coordinate16())
        };
        let Header { tier, frame, lod } = header;
        let [x, y, z] = p;
        let reference = theirs::Index64::new(frame, tier, lod, x, y, z).unwrap();
        assert_eq!(morton_encode(p), reference.morton());
        assert_eq!(morton_decode(reference.raw()), p);
        match cell_of(p) {
            Ok(cell) => {
                let id = Index64::new(header, cell).unwrap();
                assert_eq!(u64::from(id), reference.raw());
                assert_eq!(Index64::try_from(reference.raw()), Ok(id));
                assert_eq!(Index64::try_from(id.as_i64()), Ok(id));
                assert_eq!((id.cell(), id.header()), (cell, header));
                cells += 1;
            }
            Err(error) => {
                // Deviation 1: theirs was made; ours refuses the point and its bits.
                assert_eq!(Index64::try_from(reference.raw()), Err(error));
                others += 1;
            }
        }
    }
    assert!(others > MILLION / 4);
    for (tier, lod) in [(4, 0), (0, 16), (255, 255)] {
        let header = Header {
            tier,
            frame: 0,
            lod,
        };
        assert!(Index64::new(header, cell_of([0; 3]).unwrap()).is_err());
        assert!(theirs::Index64::new(0, tier, lod, 0, 0, 0).is_err());
    }
}

#[test]
fn any_bits_are_taken_or_refused_as_theirs() {
    let mut random = Random(2);
    for _ in 0..2 * MILLION {
        let bits = random.bits();
        // Index64: deviation 1 apart, which low bits of 000 or 111 rule out.
        let one_parity = matches!(bits & 7, 0 | 7);
        let theirs_takes = theirs::Index64::from_value(bits).is_ok();
        assert_eq!(Index64::try_from(bits).is_ok(), theirs_takes && one_parity);
        let (route, reference) = (Route64::try_from(bits), theirs::Route64::from_value(bits));
        assert_eq!(route.is_ok(), reference.is_ok());
        if let (Ok(route), Ok(reference)) = (route, reference) {
            let p = [reference.x(), reference.y(), reference.z()];
            assert_eq!(route.cell().xyz(), p);
            assert_eq!(route.tier(), reference.scale_tier());
            assert_eq!(u64::from(route), reference.raw());
        }
        let wide = u128::from(bits) << 64 | u128::from(random.bits());
        let reference = theirs::Galactic128::from_value(wide);
        assert_eq!(Galactic128::try_from(wide).is_ok(), reference.is_ok());
    }
}

#[test]
fn route64_has_the_same_bits_and_limits() {
    let mut random = Random(3);
    for _ in 0..2 * MILLION {
        // One bit more than fits, or mixed parity, so that a good part is refused.
        let size = if random.bits() & 3 == 0 { 21 } else { 20 };
        let p: [i32; 3] = if random.bits() & 3 == 0 {
            std::array::from_fn(|_| random.signed(size))
        } else {
            random.cell(size).xyz()
        };
        let tier = (random.bits() % 5) as u8;
        let [x, y, z] = p;
        let ours = Cell::new(x, y, z).and_then(|cell| Route64::new(tier, cell));
        match (ours, theirs::Route64::new(tier, x, y, z)) {
            (Ok(id), Ok(reference)) => {
                assert_eq!(u64::from(id), reference.raw());
                assert_eq!((id.cell().xyz(), id.tier()), (p, tier));
            }
            (Err(_), Err(_)) => {}
            (ours, reference) => panic!("{p:?} in tier {tier}: {ours:?}, theirs {reference:?}"),
        }
    }
}

#[test]
fn galactic128_has_the_same_bits_and_limits() {
    let mut random = Random(4);
    for _ in 0..MILLION {
        let p: [i32; 3] = if random.bits() & 7 == 0 {
            std::array::from_fn(|_| random.signed(32))
        } else {
            random.cell(32).xyz()
        };
        let ([x, y, z], bits) = (p, random.bits());
        let header = GalacticHeader {
            mantissa: bits as u8,
            tier: (bits >> 8) as u8 % 5,
            lod: (bits >> 16) as u8 % 66,
            frame: (bits >> 24) as u8,
            user: (bits >> 32) as u8 % 18,
        };
        let GalacticHeader {
            mantissa,
            tier,
            lod,
            frame,
            user,
        } = header;
        let reference = theirs::Galactic128::new(frame, mantissa, tier, lod, user, x, y, z);
        let ours = Cell::new(x, y, z).and_then(|cell| Galactic128::new(header, cell));
        match (ours, reference) {
            (Ok(id), Ok(reference)) => {
                assert_eq!(u128::from(id), reference.raw());
                assert_eq!((id.cell().xyz(), id.header()), (p, header));
                assert_eq!(Galactic128::try_from(reference.raw()), Ok(id));
            }
            (Err(error), Ok(reference)) => {
                // Deviation 7.
                assert!(matches!(error, LatticeError::Field { value, .. } if value == user));
                assert_eq!(reference.attr_usr(), user & 15);
            }
            (ours, reference) => assert!(ours.is_err() && reference.is_err(), "{p:?}"),
        }
    }
}

#[test]
fn hilbert64_converts_to_their_gray_code_and_back() {
    let mut random = Random(5);
    for _ in 0..MILLION {
        let (header, p) = (random.header(), random.point16());
        let Header { tier, frame, lod } = header;
        let [x, y, z] = p;
        let reference = theirs::Hilbert64::new(frame, tier, lod, x, y, z).unwrap();
        let id = Hilbert64::new(header, cell_of(p).unwrap()).unwrap();
        assert_eq!(id.to_gray_bits(), reference.as_u64());
        assert_eq!(Hilbert64::from_gray_bits(reference.as_u64()), Ok(id));
        assert_eq!(u64::from(id) >> 48, reference.as_u64() >> 48);
        // Deviation 12: the way in from bits.
        assert_eq!(Hilbert64::try_from(u64::from(id)), Ok(id));
        assert_eq!((id.cell(), id.header()), (cell_of(p).unwrap(), header));
        let index = Index64::from(id);
        assert_eq!(u64::from(index), theirs::Index64::from(reference).raw());
        assert_eq!(Hilbert64::from(index), id);
    }
    // Deviation 1.
    let mixed = theirs::Hilbert64::new(0, 0, 15, 1, 2, 3).unwrap().as_u64();
    let error = LatticeError::MixedParity { x: 1, y: 2, z: 3 };
    assert_eq!(Hilbert64::from_gray_bits(mixed), Err(error));
    // Deviation 2: their values 3 and 4 stand for points two steps apart.
    let [p, q] = [3, 4].map(theirs::hilbert::hilbert3d_decode);
    assert_eq!((p, q), ((0, 1, 0), (1, 1, 1)));
}

#[test]
fn neighbours_are_the_same_in_the_same_order() {
    for (step, &(x, y, z)) in NEIGHBOURS.iter().zip(theirs::BCC_NEIGHBORS_14) {
        assert_eq!(*step, [x, y, z]);
    }
    let mut random = Random(6);
    for _ in 0..MILLION / 4 {
        let cell = cell_of(random.point16()).unwrap();
        let id = Index64::new(random.header(), cell).unwrap();
        let reference = theirs::Index64::from_value(id.into()).unwrap();
        let ours = id.neighbours().into_iter().flatten().map(u64::from);
        let theirs = theirs::neighbors::neighbors_index64(reference);
        assert!(ours.eq(theirs.iter().map(|n| n.raw())), "{id:?}");

        let id = Route64::new(2, random.cell(20)).unwrap();
        let reference = theirs::Route64::from_value(id.into()).unwrap();
        let ours = id.neighbours().into_iter().flatten().map(u64::from);
        let theirs = theirs::neighbors::neighbors_route64(reference);
        assert!(ours.eq(theirs.iter().map(|n| n.raw())), "{id:?}");
    }
}

#[test]
fn the_hierarchy_deviates() {
    // Deviation 3.
    let is_cell = |id: &theirs::Index64| {
        let (x, y, z) = id.decode_coords();
        cell_of([x, y, z]).is_ok()
    };
    for [x, y, z] in [[8, 8, 8], [7, 9, 5]] {
        let reference = theirs::Index64::new(0, 0, 5, x, y, z).unwrap();
        let children = reference.children();
        assert_eq!(children.iter().filter(|id| is_cell(id)).count(), 2);
        let ours = Index64::try_from(reference.raw()).unwrap();
        assert_eq!(ours.children().count(), CHILDREN.len());
        assert!(ours.children().all(|child| child.parent() == Some(ours)));
        let ours = Hilbert64::from(ours);
        assert!(ours.children().all(|child| child.parent() == Some(ours)));
    }
    let halved = theirs::Index64::new(0, 0, 5, 2, 4, 6).unwrap().parent();
    assert!(!is_cell(&halved.unwrap()));

    // Deviation 4.
    let low = theirs::LatticeCoord::new(2, 2, 0).unwrap();
    assert_eq!(theirs::Lattice::get_parent(&low).z, -1);
    let parent = Cell::new(2, 2, 0).unwrap().parent();
    assert_eq!(parent.xyz(), [1, 1, 1]);
    let p = theirs::LatticeCoord::new(1, 3, 5).unwrap();
    let shared = (theirs::Lattice::get_children(&p).iter())
        .filter(|c| Cell::new(c.x, c.y, c.z).unwrap().parent().xyz() == [1, 3, 5])
        .count();
    assert_eq!(shared, 5, "all but the three axial children");

    // Deviation 5.
    let reference = theirs::Hilbert64::new(0, 0, 15, 2, 4, 6).unwrap();
    assert_eq!(reference.children(), [reference; 8]);
    let leaf = Hilbert64::from_gray_bits(reference.as_u64()).unwrap();
    assert_eq!(leaf.children().count(), 0);
}

#[test]
fn order_is_total_and_numeric() {
    // Deviation 6. The constant is the inherent one where there is an order, the trait's where there is none.
    trait Unordered {
        const ORDERED: bool = false;
    }
    struct Asked<T>(std::marker::PhantomData<T>);
    impl<T> Unordered for Asked<T> {}
    impl<T: Ord> Asked<T> {
        const ORDERED: bool = true;
    }
    assert_eq!(
        [
            Asked::<theirs::Route64>::ORDERED,
            Asked::<theirs::Galactic128>::ORDERED,
            Asked::<Route64>::ORDERED,
            Asked::<Galactic128>::ORDERED,
        ],
        [false, false, true, true]
    );
    let mut random = Random(8);
    let cells: BTreeSet<Cell> = (0..100_000).map(|_| random.cell(20)).collect();
    let routes = cells.iter().map(|&cell| Route64::new(1, cell).unwrap());
    assert!(routes.is_sorted());
    let galactics = cells
        .iter()
        .map(|&cell| Galactic128::new(GalacticHeader::default(), cell).unwrap());
    assert!(galactics.is_sorted());
}

#[test]
fn snapping_is_the_same_but_for_ties() {
    let frame = Frame::new([0.0; 3], 2.0).unwrap();
    let mut random = Random(9);
    for _ in 0..MILLION / 2 {
        let p: [f64; 3] = std::array::from_fn(|_| (random.bits() >> 11) as f64 / 2f64.powi(38));
        let reference = theirs::Lattice::physical_to_lattice(p[0], p[1], p[2], 0).unwrap();
        let expected = [reference.x, reference.y, reference.z];
        assert_eq!(frame.snap(p).map(Cell::xyz), Ok(expected), "{p:?}");
    }
    // Deviation 14.
    let reference = theirs::Lattice::physical_to_lattice(1.0, 0.0, 0.0, 0).unwrap();
    assert_eq!((reference.x, reference.y, reference.z), (2, 0, 0));
    assert_eq!(frame.snap([1.0, 0.0, 0.0]).map(Cell::xyz), Ok([0, 0, 0]));
}
