//! Properties that hold across identifiers, and the metric against Dijkstra.

use super::*;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Any cell with coordinates in `least…greatest`.
fn cell_in(least: i32, greatest: i32) -> impl Strategy<Value = Cell> {
    (prop::array::uniform3(least..=greatest), 0..2).prop_map(move |(p, odd)| {
        // The other parity lies a step up, or down from the greatest coordinate.
        let [x, y, z] = p.map(|c| match (c - odd) & 1 {
            0 => c,
            _ if c < greatest => c + 1,
            _ => c - 1,
        });
        Cell::new(x, y, z).unwrap()
    })
}

fn any_header() -> impl Strategy<Value = Header> {
    (0..4u8, any::<u8>(), 0..16u8).prop_map(|(tier, frame, lod)| Header { tier, frame, lod })
}

fn any_index64() -> impl Strategy<Value = Index64> {
    (any_header(), cell_in(0, 65535)).prop_map(|(h, cell)| Index64::new(h, cell).unwrap())
}

fn any_galactic_header() -> impl Strategy<Value = GalacticHeader> {
    (any::<u8>(), 0..4u8, 0..64u8, any::<u8>(), 0..16u8).prop_map(
        |(mantissa, tier, lod, frame, user)| GalacticHeader {
            mantissa,
            tier,
            lod,
            frame,
            user,
        },
    )
}

/// A binary format that holds one integer.
struct Binary(u64);

impl<'de> serde::Deserializer<'de> for Binary {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        v.visit_u64(self.0)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

proptest! {
    #[test]
    fn identifiers_come_back_from_bits_and_text(
        id in any_index64(),
        near in cell_in(Route64::LEAST, Route64::GREATEST),
        far in cell_in(i32::MIN, i32::MAX),
        header in any_galactic_header(),
    ) {
        prop_assert_eq!(Index64::try_from(u64::from(id)), Ok(id));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(Index64::new(id.header(), id.cell()), Ok(id));
        let hilbert = Hilbert64::from(id);
        prop_assert_eq!(Index64::from(hilbert), id);
        prop_assert_eq!(Hilbert64::try_from(u64::from(hilbert)), Ok(hilbert));
        prop_assert_eq!(hilbert.to_string().parse(), Ok(hilbert));
        let route = Route64::new(id.header().tier, near).unwrap();
        prop_assert_eq!(Route64::try_from(u64::from(route)), Ok(route));
        prop_assert_eq!(route.to_string().parse(), Ok(route));
        let galactic = Galactic128::new(header, far).unwrap();
        prop_assert_eq!(Galactic128::try_from(u128::from(galactic)), Ok(galactic));
        prop_assert_eq!(galactic.to_string().parse(), Ok(galactic));
        prop_assert_eq!((galactic.header(), galactic.cell()), (header, far));
    }

    #[test]
    fn bits_taken_are_of_lattice_points(bits in any::<u64>(), wide in any::<u128>()) {
        let proven = |cell: Cell| Cell::new(cell.x(), cell.y(), cell.z()) == Ok(cell);
        // Each kind gets its kind bits, so that parity alone decides.
        let body = bits & !(3 << 62);
        if let Ok(id) = Index64::try_from(2 << 62 | body) {
            prop_assert!(proven(id.cell()));
        }
        if let Ok(id) = Hilbert64::try_from(3 << 62 | body) {
            prop_assert!(proven(id.cell()));
        }
        if let Ok(id) = Route64::try_from(1 << 62 | body) {
            prop_assert!(proven(id.cell()));
        }
        if let Ok(id) = Galactic128::try_from(wide & !(15 << 100) | 1 << 100) {
            prop_assert!(proven(id.cell()));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}", digits in "[ghir]3d11[a-z0-9]{10,40}") {
        for text in [text, digits] {
            let _ = (text.parse::<Index64>(), text.parse::<Hilbert64>());
            let _ = (text.parse::<Route64>(), text.parse::<Galactic128>());
        }
    }

    #[test]
    fn binary_formats_are_checked(id in any_index64(), bits in any::<u64>()) {
        use serde::Deserialize;
        prop_assert_eq!(Index64::deserialize(Binary(id.into())), Ok(id));
        prop_assert_eq!(Index64::deserialize(Binary(bits)).ok(), Index64::try_from(bits).ok());
    }

    #[test]
    fn order_is_that_of_the_stored_integer(a in any_index64(), b in any_index64()) {
        prop_assert_eq!(a.cmp(&b), a.as_i64().cmp(&b.as_i64()));
        prop_assert_eq!(a.cmp(&b), (a.header(), a.morton()).cmp(&(b.header(), b.morton())));
        let (c, d) = (Hilbert64::from(a), Hilbert64::from(b));
        prop_assert_eq!(c.cmp(&d), (c.header(), c.place()).cmp(&(d.header(), d.place())));
    }

    #[test]
    fn neighbours_are_those_of_the_cell(id in any_index64(), near in cell_in(-9, 9)) {
        for (direction, neighbour) in id.neighbours().into_iter().enumerate() {
            let cell = id.cell().neighbour(direction).unwrap();
            prop_assert_eq!(neighbour, Index64::new(id.header(), cell).ok());
        }
        // Cells around a corner of the range have most of theirs missing.
        for corner in [Route64::LEAST, 0, Route64::GREATEST - 1] {
            let [x, y, z] = near.xyz().map(|c| c + corner);
            let Ok(route) = Route64::new(1, Cell::new(x, y, z).unwrap()) else {
                continue;
            };
            for (direction, neighbour) in route.neighbours().into_iter().enumerate() {
                let cell = route.cell().neighbour(direction).unwrap();
                prop_assert_eq!(neighbour, Route64::new(1, cell).ok());
            }
        }
    }

    #[test]
    fn every_key_leads_up_to_lod_0(id in any_index64()) {
        let mut at = id;
        for lod in (0..id.header().lod).rev() {
            let parent = at.parent().unwrap();
            prop_assert_eq!(parent.header(), Header { lod, ..id.header() });
            prop_assert!(parent.children().any(|child| child == at));
            prop_assert_eq!(Hilbert64::from(at).parent(), Some(parent.into()));
            at = parent;
        }
        prop_assert_eq!(at.parent(), None);
    }

    #[test]
    fn the_norm_is_symmetric_and_a_metric(
        a in cell_in(-99, 99), b in cell_in(-99, 99), c in cell_in(-99, 99), cost in any::<u16>()
    ) {
        let d = |from, to| free_distance_ticks(from, to, cost);
        prop_assert_eq!(d(a, b), d(b, a));
        prop_assert!(d(a, c) <= d(a, b) + d(b, c));
        prop_assert_eq!(d(a, b) == 0, a == b || cost == 0);
    }
}

#[test]
fn ranges_end_where_they_say() {
    let cell = |c| Cell::new(c, c, c).unwrap();
    assert!(Index64::of_cell(cell(65535)).is_ok());
    assert!(Index64::of_cell(cell(65536)).is_err());
    assert!(Index64::of_cell(cell(-1)).is_err());
    assert!(Route64::new(0, cell(524_287)).is_ok());
    assert!(Route64::new(0, cell(524_288)).is_err());
    assert!(Route64::new(0, cell(-524_288)).is_ok());
    assert!(Route64::new(0, cell(-524_289)).is_err());
    assert!(Route64::new(0, cell(i32::MIN)).is_err());
    assert!(Route64::new(0, cell(i32::MAX)).is_err());
    let message = Index64::of_cell(Cell::new(2, 70000, 4).unwrap()).unwrap_err();
    assert_eq!(
        message.to_string(),
        "the coordinate 70000 does not fit Index64: it must lie in 0…65535"
    );
}

#[test]
fn children_out_of_range_are_left_out() {
    let header = Header {
        lod: 14,
        ..Header::CELL
    };
    let count = |x, y, z| {
        let id = Index64::new(header, Cell::new(x, y, z).unwrap()).unwrap();
        id.children().count()
    };
    assert_eq!(count(2, 2, 2), 8);
    // 2p, and of 2p + (1, ±1, ±1) the one without a −1.
    assert_eq!(count(0, 0, 0), 2);
    // 2p is 65536 on one axis: the step down along it, and two with −1 there.
    assert_eq!(count(2, 2, 32768), 3);
    assert_eq!(count(32768, 32768, 32768), 0);
}

/// The distance from the origin to each cell within `reach` of it, at one cost, walked step by step.
fn dijkstra(reach: i32, cost: u16) -> HashMap<Cell, u64> {
    let mut settled = HashMap::new();
    let mut queue = BinaryHeap::from([Reverse((0, Cell::new(0, 0, 0).unwrap()))]);
    while let Some(Reverse((ticks, cell))) = queue.pop() {
        if settled.contains_key(&cell) {
            continue;
        }
        settled.insert(cell, ticks);
        for (direction, next) in cell.neighbours().enumerate() {
            let half = if direction < 8 {
                diagonal_half(cost)
            } else {
                axial_half(cost)
            };
            if next.xyz().iter().all(|c| c.abs() <= reach) {
                queue.push(Reverse((ticks + 2 * u64::from(half), next)));
            }
        }
    }
    settled
}

#[test]
fn the_norm_is_the_distance_of_free_space() {
    let origin = Cell::new(0, 0, 0).unwrap();
    // The least cost, costs whose halves are floored, and the greatest.
    for cost in [1, 2, 3, 7, 100, UNIT_COST, 1000, u16::MAX] {
        for (cell, ticks) in dijkstra(9, cost) {
            assert_eq!(
                free_distance_ticks(origin, cell, cost),
                ticks,
                "{cell} at {cost}"
            );
        }
    }
}
