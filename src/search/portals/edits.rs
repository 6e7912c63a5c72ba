//! What edits change of the portals and tolls that are kept.

use super::{NONE, Portals, Shape};
use crate::brick::BrickId;
use crate::engine::shell::DIRECTIONS;
use crate::search::bricks::Bricks;
use crate::search::tolls::even;

impl Portals {
    /// Learns that costs of these bricks, ascending, were edited, of which `bricks` has heard; gives the bricks whose
    /// portals or tolls are others than before, as far as they were asked for, ascending.
    pub fn hear(&mut self, edited: &[BrickId], bricks: &Bricks) -> Vec<BrickId> {
        let mut around: Vec<BrickId> = Vec::new();
        for &brick in edited {
            let Some(before) = self.pieces.remove(&brick) else {
                continue;
            };
            around.push(brick);
            // One that another worker has just created has not arrived.
            let arrived = self.find_pieces(brick, bricks).is_ok();
            if !arrived || self.pieces[&brick] != before {
                around.extend(DIRECTIONS.iter().filter_map(|&step| brick.offset(step)));
            }
        }
        around.sort_unstable();
        around.dedup();
        around.retain(|brick| self.changes(*brick, edited.binary_search(brick).is_ok(), bricks));
        around
    }

    /// Makes anew what is kept of a brick that was edited or lies beside one; tells whether it is another than before.
    fn changes(&mut self, brick: BrickId, edited: bool, bricks: &Bricks) -> bool {
        let Some(&node) = self.index.get(&brick) else {
            return false;
        };
        let number = self.nodes[node as usize].shape;
        if number == NONE {
            return false;
        }
        let plain = self.plain.values().any(|&plain| plain == number);
        let mut read = DIRECTIONS.iter().filter_map(|&step| brick.offset(step));
        let known = self.pieces.contains_key(&brick) && read.all(|b| self.pieces.contains_key(&b));
        let portals = if known {
            self.portals_of(brick)
        } else {
            Vec::new()
        };
        let same = known && portals == self.shapes[number as usize].portals;
        if same && !edited {
            return false;
        }
        let before = self.shapes[number as usize].clone();
        if !plain {
            self.vacant.push(number);
        }
        let after = if known {
            self.keep(Shape::new(portals))
        } else {
            NONE
        };
        let kept = &mut self.nodes[node as usize];
        let were_uneven = kept.even == 0;
        (kept.shape, kept.even) = (after, even(brick, bricks));
        let same = same && self.is_uneven(node) == were_uneven;
        let mut rows = (0..before.portals.len()).filter(|row| before.known >> row & 1 == 1);
        !same
            || rows.any(|row| {
                let found = self.find_tolls(node, row, bricks);
                found.expect("what was read has arrived");
                self.tolls(node, row) != before.row(row)
            })
    }
}
