//! What a visit tells the bricks around: shells of this worker are written, other workers are sent messages.

use super::Engine;
use super::message::{Content, Ghost, Message};
use super::shell::{self, Rows, SEGMENTS, SUM_WORDS, Segment};
use super::state::{BrickState, Link, Mirror};
use super::tile::{self, NO_LABEL, Ticks, Tile, padded_row};
use crate::brick::{BrickId, Costs, Local};
use crate::lattice::UNREACHED;

/// What a visit changed of one region of a neighbour's shell: a bit a ghost.
#[derive(Clone, Copy)]
pub(super) struct Told {
    raised: [u64; 2],
    pub lowered: [u64; 2],
    raised_from: u32,
    /// The least of the sums that fell.
    pub lowered_to: u32,
}

pub(super) const TOLD_NOTHING: Told = Told {
    raised: [0, 0],
    lowered: [0, 0],
    raised_from: u32::MAX,
    lowered_to: u32::MAX,
};

impl Told {
    /// Writes `new` over `old`, the value number `number` of the near (`far` = 0) or far ghosts.
    #[inline(always)]
    fn tell(&mut self, old: &mut u32, new: u32, far: usize, number: usize) {
        if new < *old {
            self.lowered[far] |= 1 << number;
            self.lowered_to = self.lowered_to.min(new);
        } else if new > *old {
            self.raised[far] |= 1 << number;
            self.raised_from = self.raised_from.min(*old);
        }
        *old = new;
    }

    pub fn is_nothing(&self) -> bool {
        self.raised[0] | self.raised[1] | self.lowered[0] | self.lowered[1] == 0
    }
}

/// Messages to one region of one brick.
#[derive(Clone, Copy)]
struct Run {
    brick: BrickId,
    slot: u32,
    region: usize,
    told: Told,
}

/// A brick that keeps the sums of the cells around it.
pub(super) trait Shelled {
    /// The sums in its shell.
    fn shell(&mut self) -> &mut [u32; SUM_WORDS];
}

impl Shelled for BrickState {
    #[inline(always)]
    fn shell(&mut self) -> &mut [u32; SUM_WORDS] {
        &mut self.shell
    }
}

/// The shells around a brick: those of bricks of this worker, and what other workers were told.
pub(super) struct Around<'a, B> {
    pub links: [Link; 14],
    pub bricks: &'a mut [Box<B>],
    pub mirrors: &'a mut [Mirror],
}

impl<B: Shelled> Around<'_, B> {
    /// The sums of its cells in the shell of the brick in a direction, whose region back to it is `region`; nothing if
    /// there is no such brick.
    #[inline(always)]
    fn sums(&mut self, direction: usize, region: usize) -> Option<&mut [u32]> {
        match self.links[direction] {
            Link::None => None,
            Link::Own(beside) => {
                Some(&mut self.bricks[beside as usize].shell()[shell::sum_offset(region)..])
            }
            Link::Mirror(mirror) => Some(&mut self.mirrors[mirror as usize].sums),
        }
    }
}

/// Writes the sums in rows `changed` of the brick in the tile into the shells around; gives what changed there by
/// directions.
#[inline(always)]
pub(super) fn tell_sums<B: Shelled>(
    tile: &Tile,
    changed: Rows,
    shells: &mut Around<B>,
) -> [Told; 14] {
    let mut told = [TOLD_NOTHING; 14];
    for_each_segment(changed, |row, segment| {
        let at = padded_row(row >> 6, row & 63) + usize::from(segment.lane);
        let direction = usize::from(segment.direction);
        let Some(sums) = shells.sums(direction, shell::opposite(direction)) else {
            return;
        };
        let told = &mut told[direction];
        let (ghost, count) = (usize::from(segment.ghost), usize::from(segment.count));
        let far = ghost >= 64;
        if far {
            let old = &mut sums[64 + ghost..][..count];
            let new = &tile.axial[at..at + count];
            tell_lanes(told, old, new, 1, ghost - 64);
        } else {
            let old = &mut sums[ghost..][..count];
            tell_lanes(told, old, &tile.diagonal[at..at + count], 0, ghost);
            if direction < 6 {
                let old = &mut sums[64 + ghost..][..count];
                tell_lanes(told, old, &tile.axial[at..at + count], 0, ghost);
            }
        }
    });
    told
}

impl Engine {
    /// Tells the bricks around of the sums in rows `changed` of the brick in the tile.
    pub(super) fn tell(&mut self, slot: u32, changed: Rows) {
        let links = self.bricks[slot as usize].links;
        let mut around = Around {
            links,
            bricks: &mut self.bricks,
            mirrors: &mut self.mirrors,
        };
        let told = tell_sums(&self.tile, changed, &mut around);
        for (direction, told) in told.iter().enumerate() {
            if !told.is_nothing() {
                self.pass_on(slot, direction, links[direction], told);
            }
        }
    }

    /// Marks the rows beside ghosts that were told of, or sends the ghosts to the worker that has them.
    fn pass_on(&mut self, slot: u32, direction: usize, link: Link, told: &Told) {
        let region = shell::opposite(direction);
        match link {
            Link::None => {}
            Link::Own(beside) => self.mark_told(beside, region, told),
            Link::Mirror(mirror) => {
                for far in 0..2 {
                    let changed = told.raised[far] | told.lowered[far];
                    self.send_ghosts(slot, mirror, changed, far);
                }
            }
        }
    }

    /// Sends ghosts of a mirror, a bit of `ghosts` each, from the brick that owns them.
    pub(super) fn send_ghosts(&mut self, slot: u32, mirror: u32, ghosts: u64, far: usize) {
        let brick = &self.bricks[slot as usize];
        let label = |local: usize| brick.labels.as_ref().map_or(NO_LABEL, |l| l.own[local]);
        let told = &self.mirrors[mirror as usize];
        let cells = (&*brick.costs, &brick.ticks);
        send_ghosts(told, cells, label, ghosts, far, &mut self.outbox);
    }

    /// Tells the bricks around of the labels in rows `changed` of a brick.
    pub(super) fn tell_labels(&mut self, slot: u32, changed: Rows) {
        let links = self.bricks[slot as usize].links;
        let Some(padded) = &self.padded_labels else {
            return;
        };
        let mut told = [TOLD_NOTHING; 14];
        for_each_segment(changed, |row, segment| {
            let at = padded_row(row >> 6, row & 63) + usize::from(segment.lane);
            let direction = usize::from(segment.direction);
            let region = shell::opposite(direction);
            let labels = match links[direction] {
                Link::None => return,
                Link::Own(beside) => match &mut self.bricks[beside as usize].labels {
                    Some(labels) => &mut labels.shell[shell::ghost_offset(region)..],
                    None => return,
                },
                Link::Mirror(mirror) => match &mut self.mirrors[mirror as usize].labels {
                    Some(labels) => &mut labels[..],
                    None => return,
                },
            };
            let (ghost, count) = (usize::from(segment.ghost), usize::from(segment.count));
            let new = &padded[at..at + count];
            let old = &mut labels[ghost..][..count];
            tell_lanes(&mut told[direction], old, new, ghost >> 6, ghost & 63);
        });
        for (direction, told) in told.iter().enumerate() {
            let changed = [
                told.raised[0] | told.lowered[0],
                told.raised[1] | told.lowered[1],
            ];
            match links[direction] {
                _ if told.is_nothing() => {}
                Link::None => {}
                Link::Own(beside) => {
                    let region = shell::opposite(direction);
                    let rows = Rows::beside_ghosts(region, changed[0], changed[1]);
                    self.mark_label(beside, rows);
                }
                Link::Mirror(mirror) => {
                    self.send_ghosts(slot, mirror, changed[0], 0);
                    self.send_ghosts(slot, mirror, changed[1], 1);
                }
            }
        }
    }

    /// Takes in messages of other workers. `labels` tells whether they were sent in the label phase.
    ///
    /// Messages may come before this worker has begun the phase that they belong to; what they ask for waits.
    ///
    /// # Panics
    /// On bits that no engine sends.
    pub fn receive(&mut self, messages: impl IntoIterator<Item = Message>, labels: bool) {
        // Messages to one region mostly come together: its brick is looked up, and its rows are marked, once a run.
        let mut run: Option<Run> = None;
        for message in messages {
            let brick = message.brick();
            match message.content() {
                Some(Content::Ghost(ghost)) => {
                    if run.is_none_or(|r| (r.brick, r.region) != (brick, ghost.region)) {
                        self.mark_run(run.take(), labels);
                        run = self.index.get(&brick).map(|&slot| Run {
                            brick,
                            slot,
                            region: ghost.region,
                            told: TOLD_NOTHING,
                        });
                    }
                    if let Some(run) = &mut run {
                        self.receive_ghost(run, ghost, labels);
                    }
                }
                Some(Content::Request { direction }) => {
                    self.mark_run(run.take(), labels);
                    if let Some(&slot) = self.index.get(&brick) {
                        self.answer(slot, direction);
                    }
                }
                None => panic!("a peer sent bits that are no engine message"),
            }
        }
        self.mark_run(run, labels);
    }

    fn receive_ghost(&mut self, run: &mut Run, ghost: Ghost, labels: bool) {
        let brick = &mut *self.bricks[run.slot as usize];
        if let Some(own) = &mut brick.labels {
            own.shell[shell::ghost_offset(run.region) + ghost.number] = ghost.label;
        }
        if labels {
            let (far, number) = (ghost.number >> 6, ghost.number & 63);
            run.told.lowered[far] |= 1 << number;
            return;
        }
        if ghost.ticks != UNREACHED {
            self.greatest = self.greatest.max(ghost.ticks);
        }
        let words = &mut brick.shell[shell::sum_offset(run.region)..];
        let sums = tile::sums(ghost.ticks, ghost.cost);
        tell_ghost(&mut run.told, words, run.region, ghost.number, sums);
    }

    /// Marks the rows beside the ghosts of a run.
    fn mark_run(&mut self, run: Option<Run>, labels: bool) {
        let Some(run) = run.filter(|run| !run.told.is_nothing()) else {
            return;
        };
        if labels {
            let [near, far] = run.told.lowered;
            self.mark_label(run.slot, Rows::beside_ghosts(run.region, near, far));
        } else {
            self.mark_told(run.slot, run.region, &run.told);
        }
    }

    /// Marks the rows beside what a region was told.
    fn mark_told(&mut self, slot: u32, region: usize, told: &Told) {
        let raised = Rows::beside_ghosts(region, told.raised[0], told.raised[1]);
        let lowered = Rows::beside_ghosts(region, told.lowered[0], told.lowered[1]);
        self.mark(slot, raised, lowered, told.raised_from, told.lowered_to);
    }

    /// Writes a ghost's sums into a shell of this worker and marks the rows beside it.
    pub(super) fn write_ghost(&mut self, slot: u32, region: usize, ghost: usize, sums: (u32, u32)) {
        let mut told = TOLD_NOTHING;
        let words = &mut self.bricks[slot as usize].shell[shell::sum_offset(region)..];
        tell_ghost(&mut told, words, region, ghost, sums);
        if !told.is_nothing() {
            self.mark_told(slot, region, &told);
        }
    }

    /// Tells one boundary cell's sums to the brick in `direction`, as [`Engine::tell`] does for whole rows.
    pub(super) fn tell_cell(
        &mut self,
        slot: u32,
        local: Local,
        segment: Segment,
        sums: (u32, u32),
    ) {
        let direction = usize::from(segment.direction);
        let region = shell::opposite(direction);
        let lane = local.index() & 7;
        let ghost = usize::from(segment.ghost) + lane - usize::from(segment.lane);
        let link = self.bricks[slot as usize].links[direction];
        let words = match link {
            Link::None => return,
            Link::Own(beside) => {
                &mut self.bricks[beside as usize].shell[shell::sum_offset(region)..]
            }
            Link::Mirror(mirror) => &mut self.mirrors[mirror as usize].sums[..],
        };
        let mut told = TOLD_NOTHING;
        tell_ghost(&mut told, words, region, ghost, sums);
        if !told.is_nothing() {
            self.pass_on(slot, direction, link, &told);
        }
    }
}

/// Sends ghosts of a mirror, a bit of `ghosts` each, from the costs and the distances of the brick that owns them.
pub(super) fn send_ghosts(
    mirror: &Mirror,
    (costs, ticks): (&Costs, &Ticks),
    label: impl Fn(usize) -> u32,
    mut ghosts: u64,
    far: usize,
    outbox: &mut Vec<Message>,
) {
    let region = usize::from(mirror.region);
    while ghosts != 0 {
        let ghost = ghosts.trailing_zeros() as usize + 64 * far;
        ghosts &= ghosts - 1;
        let local = shell::owner_local(region, ghost).index();
        let value = Ghost {
            region,
            number: ghost,
            cost: costs[local],
            ticks: ticks[local],
            label: label(local),
        };
        outbox.push(Message::ghost(mirror.brick, value));
    }
}

/// Writes the sums of a ghost into the words of its region.
pub(super) fn tell_ghost(
    told: &mut Told,
    words: &mut [u32],
    region: usize,
    ghost: usize,
    sums: (u32, u32),
) {
    let (diagonal, axial) = sums;
    if ghost >= 64 {
        told.tell(&mut words[64 + ghost], axial, 1, ghost - 64);
    } else {
        told.tell(&mut words[ghost], diagonal, 0, ghost);
        if region < 6 {
            told.tell(&mut words[64 + ghost], axial, 0, ghost);
        }
    }
}

#[inline(always)]
fn tell_lanes(told: &mut Told, old: &mut [u32], new: &[u32], far: usize, number: usize) {
    if let (Ok(old), Ok(new)) = (
        <&mut [u32; 8]>::try_from(&mut *old),
        <&[u32; 8]>::try_from(new),
    ) {
        if (0..8).fold(0, |differ, n| differ | (old[n] ^ new[n])) != 0 {
            for n in 0..8 {
                told.tell(&mut old[n], new[n], far, number + n);
            }
        }
    } else {
        told.tell(&mut old[0], new[0], far, number);
    }
}

/// Calls `each` with every stretch of the rows that neighbour bricks see, and its row (parity · 64 + row).
#[inline(always)]
pub(super) fn for_each_segment(rows: Rows, mut each: impl FnMut(usize, Segment)) {
    for parity in 0..2 {
        let mut left = rows.0[parity];
        while left != 0 {
            let row = parity << 6 | left.trailing_zeros() as usize;
            left &= left - 1;
            let (count, segments) = &SEGMENTS[row];
            for segment in &segments[..usize::from(*count)] {
                each(row, *segment);
            }
        }
    }
}
