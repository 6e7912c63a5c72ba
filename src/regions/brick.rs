//! What is kept of a brick: its pieces, and which pieces of the bricks upwards they touch.

use super::border::UPWARD;

/// A piece: its least place in the brick, and the number of its region in the cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub least: u16,
    pub region: u16,
}

impl Piece {
    fn new(least: u16) -> Piece {
        Piece { least, region: 0 }
    }
}

/// A piece of a brick touches one of the brick upwards of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    /// The direction to the upper brick, as a number in [`UPWARD`].
    pub upward: u8,
    /// The piece of the lower brick.
    pub lower: u16,
    /// The piece of the upper brick.
    pub upper: u16,
}

/// A brick with an open cell: 16 bytes for the many that are of one piece and touch others of one piece.
pub(super) struct Brick {
    first: Piece,
    /// Contacts of the first piece with first pieces, a bit for each direction upwards.
    links: u8,
    rest: Option<Box<Rest>>,
}

/// What few bricks have.
#[derive(Default)]
struct Rest {
    /// The pieces after the first.
    pieces: Vec<Piece>,
    /// All contacts but those of two first pieces.
    contacts: Vec<Contact>,
}

impl Brick {
    /// A brick of one piece without contacts.
    pub fn new(least: u16) -> Brick {
        Brick {
            first: Piece::new(least),
            links: 0,
            rest: None,
        }
    }

    /// The pieces, in ascending order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let rest = self.rest.iter().flat_map(|rest| &rest.pieces);
        std::iter::once(&self.first).chain(rest)
    }

    /// The pieces, to be given their regions.
    pub fn pieces_mut(&mut self) -> impl Iterator<Item = &mut Piece> {
        let rest = self.rest.iter_mut().flat_map(|rest| &mut rest.pieces);
        std::iter::once(&mut self.first).chain(rest)
    }

    /// How many pieces there are: one at least.
    pub fn piece_count(&self) -> usize {
        1 + self.rest.as_ref().map_or(0, |rest| rest.pieces.len())
    }

    /// The piece of a number below [`Brick::piece_count`].
    pub fn piece(&self, number: u16) -> &Piece {
        match (number, &self.rest) {
            (1.., Some(rest)) => &rest.pieces[usize::from(number) - 1],
            _ => &self.first,
        }
    }

    /// All contacts upwards.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> {
        let linked = (0..UPWARD.len() as u8).filter(|upward| self.links >> upward & 1 == 1);
        let linked = linked.map(|upward| Contact {
            upward,
            lower: 0,
            upper: 0,
        });
        linked.chain(self.rest.iter().flat_map(|r| r.contacts.iter().copied()))
    }

    /// Takes over the pieces, given by their least places; tells whether they are others than before.
    pub fn set_pieces(&mut self, first: u16, rest: Vec<u16>) -> bool {
        let before = self.pieces().map(|piece| piece.least);
        if before.eq(std::iter::once(first).chain(rest.iter().copied())) {
            return false;
        }
        self.first = Piece::new(first);
        if self.rest.is_some() || !rest.is_empty() {
            let old = self.rest.get_or_insert_default();
            old.pieces = rest.into_iter().map(Piece::new).collect();
        }
        self.tidy();
        true
    }

    /// Takes over which pieces (the first of each two) touch which of the brick upwards; tells whether they are
    /// others than before.
    pub fn set_contacts(&mut self, upward: usize, found: &[(u16, u16)]) -> bool {
        let links = self.links & !(1 << upward) | u8::from(found.contains(&(0, 0))) << upward;
        let upward = upward as u8;
        let others = found.iter().filter(|&&both| both != (0, 0));
        let others = others.map(|&(lower, upper)| Contact {
            upward,
            lower,
            upper,
        });
        let before = self.rest.iter().flat_map(|rest| &rest.contacts);
        let before = before.filter(|contact| contact.upward == upward).copied();
        if links == self.links && before.eq(others.clone()) {
            return false;
        }
        self.links = links;
        if let Some(rest) = &mut self.rest {
            rest.contacts.retain(|contact| contact.upward != upward);
        }
        for contact in others {
            let rest = self.rest.get_or_insert_default();
            rest.contacts.push(contact);
        }
        self.tidy();
        true
    }

    /// Lets go of what a brick of one piece does not need.
    fn tidy(&mut self) {
        if (self.rest.as_ref()).is_some_and(|r| r.pieces.is_empty() && r.contacts.is_empty()) {
            self.rest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brick_of_one_piece_is_small_and_stays_so() {
        assert_eq!(size_of::<Brick>(), 16);
        let mut brick = Brick::new(5);
        assert!(!brick.set_pieces(5, vec![]));
        assert!(brick.set_contacts(3, &[(0, 0)]) && !brick.set_contacts(3, &[(0, 0)]));
        assert!(brick.rest.is_none());
        assert!(brick.set_pieces(5, vec![7, 9]) && brick.set_contacts(3, &[(0, 1), (2, 0)]));
        assert_eq!((brick.piece_count(), brick.contacts().count()), (3, 2));
        assert_eq!(brick.piece(2).least, 9);
        assert!(brick.set_pieces(4, vec![]) && brick.set_contacts(3, &[]));
        assert!(brick.rest.is_none() && brick.contacts().count() == 0);
    }
}
