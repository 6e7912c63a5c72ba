//! Tallies on their way to the worker that owns the brick: plain records that add up at their end in any order.

use super::{Children, Sum, Tallies};
use crate::brick::{BrickId, LOCAL_BY_INDEX, Local, Planes};
use bytemuck::{Pod, Zeroable};

/// What was counted of one thing in one cell.
///
/// | `kind` | `count` | `low` | `high` |
/// |---|---|---|---|
/// | −1 | points | | |
/// | −2 | known children, and 2³² times the open ones | their costs; or differences of these, which wrap around | |
/// | −3 | | 64 cells from the place on that rays have passed through | |
/// | −4 | the cost that a map or terrain gave | | |
/// | −5 | the worker that is to finish the round | | |
/// | n ≥ 0 | values of attribute n | the sum's lower 64 bits | its upper 64 bits |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct TallyRecord {
    /// The brick's code, then 10 bits for the place in it.
    key: u64,
    kind: i32,
    /// How many levels above the finest.
    level: u32,
    count: u64,
    low: u64,
    high: i64,
}

const POINTS: i32 = -1;
const CHILDREN: i32 = -2;
const SEEN: i32 = -3;
const GIVEN: i32 = -4;
const FINISH: i32 = -5;

impl TallyRecord {
    /// The brick it is of.
    #[inline]
    pub fn brick(&self) -> BrickId {
        BrickId::from_code(self.key >> 10).expect("a brick's code")
    }

    /// The word to a worker that there is a round to finish.
    pub fn finish(worker: usize) -> Self {
        TallyRecord {
            kind: FINISH,
            count: worker as u64,
            ..TallyRecord::zeroed()
        }
    }

    /// The worker that is to finish the round, if that is what the record says.
    pub fn finishing(&self) -> Option<usize> {
        (self.kind == FINISH).then_some(self.count as usize)
    }

    /// How many levels above the finest it counts.
    pub fn level(&self) -> usize {
        self.level as usize
    }

    fn local(&self) -> Local {
        Local::new(self.key as usize & 1023).expect("a place of a brick")
    }

    /// Adds what it says to the tallies of its level.
    pub fn add_to(&self, tallies: &mut Tallies) {
        if self.kind == FINISH {
            return;
        }
        let local = self.local();
        let brick = tallies.brick(self.brick());
        match self.kind {
            SEEN => {
                let mut cells = Planes::NONE;
                cells.0.as_flattened_mut()[local.index() >> 6] = self.low;
                brick.see(&cells);
            }
            GIVEN => brick.give(local, self.count as u16),
            POINTS => {
                let slot = brick.slot(local);
                let points = &mut brick.counted_mut(slot).points;
                *points = points.saturating_add(self.count);
            }
            CHILDREN => {
                let slot = brick.slot(local);
                brick.counted_mut(slot).children += Children {
                    known: self.count as u16,
                    open: (self.count >> 32) as u16,
                    sum: self.low as u32,
                };
            }
            attribute => {
                let slot = brick.slot(local);
                let units = i128::from(self.high) << 64 | i128::from(self.low);
                *brick.sum_mut(slot, attribute as usize) += Sum {
                    units,
                    values: self.count,
                };
            }
        }
    }
}

impl Tallies {
    /// What was counted, record by record, for the tallies `level` levels above the finest; nothing is left of it
    /// here.
    pub fn drain_records(&mut self, level: u32, mut each: impl FnMut(TallyRecord)) {
        for brick in self.bricks() {
            let record = |local: usize, kind| TallyRecord {
                key: brick.id().code() << 10 | local as u64,
                kind,
                level,
                ..TallyRecord::zeroed()
            };
            for (word, &low) in brick.seen().0.as_flattened().iter().enumerate() {
                if low != 0 {
                    each(TallyRecord {
                        low,
                        ..record(64 * word, SEEN)
                    });
                }
            }
            for local in LOCAL_BY_INDEX {
                if let Some(cost) = brick.given(local) {
                    each(TallyRecord {
                        count: u64::from(cost),
                        ..record(local.index(), GIVEN)
                    });
                }
            }
            for (local, counted, sums) in brick.counted() {
                let children = counted.children;
                if children != Children::default() {
                    each(TallyRecord {
                        count: u64::from(children.known) | u64::from(children.open) << 32,
                        low: u64::from(children.sum),
                        ..record(local.index(), CHILDREN)
                    });
                }
                if counted.points > 0 {
                    each(TallyRecord {
                        count: counted.points,
                        ..record(local.index(), POINTS)
                    });
                }
                for (attribute, sum) in (0..).zip(sums) {
                    if sum.values > 0 {
                        each(TallyRecord {
                            count: sum.values,
                            low: sum.units as u64,
                            high: (sum.units >> 64) as i64,
                            ..record(local.index(), attribute)
                        });
                    }
                }
            }
        }
        self.clear();
    }
}
