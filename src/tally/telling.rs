//! What was told of tallies, and in what they have changed since: of the bricks that were touched, all they cost then is kept;
//! of the others it follows from their tallies.

use super::{BrickTally, CellBox, Judged, Judging, Tallies};
use crate::brick::{BrickId, Costs};
use rustc_hash::FxHashMap;

impl Tallies {
    /// The bricks in which anything may be known under `judging`, by identifier: those of the tallies, and those of `mine`
    /// that it opens.
    pub fn known_bricks(&self, judging: &Judging, mine: impl Fn(BrickId) -> bool) -> Vec<BrickId> {
        let open = judging.open();
        let open = open.iter().flat_map(CellBox::bricks).filter(|&id| mine(id));
        let mut ids: Vec<BrickId> = self.bricks.iter().map(|brick| brick.id).collect();
        ids.extend(open);
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Notes that the cells are told as `judging` judges them now, but for the bricks of `kept`, of which these costs were
    /// told. From now on what was told of a brick is kept when it is touched.
    pub fn settle(&mut self, judging: Judging, mut kept: FxHashMap<BrickId, Box<Costs>>) {
        self.touched.clear();
        for (place, brick) in (0..).zip(&mut self.bricks) {
            let costs = kept.remove(&brick.id);
            brick.touched = costs.is_some();
            brick.told = costs.map(|costs| Box::new(Judged::of_costs(costs)));
            if brick.touched {
                self.touched.push(place);
            }
        }
        self.told = Some(judging);
        self.last = None;
    }

    /// How cells were judged when they were told last; `None` if nobody is told.
    pub fn told_by(&self) -> Option<Judging> {
        self.told
    }

    /// Nobody is told any more.
    pub fn stop_telling(&mut self) {
        self.told = None;
        for place in self.touched.drain(..) {
            let brick = &mut self.bricks[place as usize];
            (brick.touched, brick.told) = (false, None);
        }
        self.last = None;
    }

    /// What was told of a brick.
    ///
    /// # Panics
    /// If [`Tallies::settle`] was never called.
    pub fn told(&self, id: BrickId) -> Judged {
        let before = self.told.expect("what is told was settled");
        match self.get(id) {
            Some(tally) if !tally.touched => before.judge(id, Some(tally)),
            Some(BrickTally {
                told: Some(told), ..
            }) => Judged::clone(told),
            _ => before.judge(id, None),
        }
    }

    /// Calls `each` with every brick that may be judged otherwise now than was told, by identifier, with what was told of it
    /// and what is so under `judging`; that counts as told from now on. `mine` tells the bricks of one's own.
    ///
    /// # Panics
    /// If [`Tallies::settle`] was never called.
    pub fn differences(
        &mut self,
        judging: Judging,
        mine: impl Fn(BrickId) -> bool,
        mut each: impl FnMut(BrickId, &Judged, &Judged),
    ) {
        let before = self.told.expect("what is told was settled");
        let ids = if before.open() == judging.open() {
            let touched = self.touched.iter();
            let mut ids: Vec<BrickId> = touched
                .map(|&place| self.bricks[place as usize].id)
                .collect();
            ids.sort_unstable();
            ids
        } else {
            self.known_bricks(&judging, mine)
        };
        for id in ids {
            each(id, &self.told(id), &judging.judge(id, self.get(id)));
        }
        for place in std::mem::take(&mut self.touched) {
            let brick = &mut self.bricks[place as usize];
            (brick.touched, brick.told) = (false, None);
        }
        self.told = Some(judging);
        self.last = None;
    }
}
