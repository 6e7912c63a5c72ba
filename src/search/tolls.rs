//! What it costs to go through a brick: by staircases where they are open, by sweeps of the engine where they are not.

use super::bricks::{Bricks, Held, Span};
use super::portals::{APART, Portal};
use super::staircase::Staircase;
use super::steps::{INSIDE, Offer, STEPS};
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local, Planes};
use crate::engine::{Ticks, Within};
use crate::lattice::Norm;

/// The place of an index.
pub(super) fn local(place: u16) -> Local {
    Local::new(usize::from(place)).expect("a place")
}

/// The cost of all open cells of a brick, if they have the same, else 0.
pub(super) fn even(brick: BrickId, bricks: &Bricks) -> u16 {
    match bricks.held(brick) {
        // Costs that were there once stay in the span.
        Held::Here(costs, span) => span.even().or_else(|| Span::of(costs).even()).unwrap_or(0),
        _ => 0,
    }
}

/// The costs of a brick, and what they lie in.
///
/// # Errors
/// The brick, if its costs have not arrived.
pub(super) fn costs_of(brick: BrickId, bricks: &Bricks) -> Result<(&Costs, Span), BrickId> {
    match bricks.held(brick) {
        Held::Here(costs, span) => Ok((costs, span)),
        Held::Absent => Ok((&[0; BRICK_CELLS], Span::NONE)),
        Held::Elsewhere => Err(brick),
    }
}

/// The places from one on to that of distance 0, behind it; none if there is no way.
pub(super) fn descend(costs: &Costs, ticks: &Ticks, from: u16) -> Box<[u16]> {
    let (mut at, mut way) = (usize::from(from), Vec::new());
    while ticks[at] > 0 && ticks[at] < APART {
        let offer = Offer::new(0, costs[at]);
        let leads = |&(step, next): &(usize, usize)| {
            costs[next] > 0
                && ticks[next] < APART
                && ticks[next] + offer.to(step, costs[next]) == ticks[at]
        };
        let inside = STEPS[at]
            .iter()
            .enumerate()
            .filter(|to| to.1 >> 10 == INSIDE);
        let next = inside
            .map(|(step, &to)| (step, usize::from(to & 1023)))
            .find(leads);
        at = next.expect("distances lead there").1;
        way.push(at as u16);
    }
    way.into()
}

/// A piece of a brick, and what it costs to go through it.
pub(super) struct Piece<'a> {
    pub costs: &'a Costs,
    cells: Planes,
    /// The cost of all open cells of the brick, if they are known to have the same.
    even: Option<u16>,
}

impl<'a> Piece<'a> {
    pub fn new(brick: BrickId, cells: Planes, bricks: &'a Bricks) -> Result<Self, BrickId> {
        let (costs, span) = costs_of(brick, bricks)?;
        Ok(Piece {
            costs,
            cells,
            even: span.even(),
        })
    }

    /// The tolls from one portal's place to each of the portals.
    pub fn tolls(&self, from: u16, portals: &[Portal], within: &mut Within) -> Vec<u32> {
        // At equal costs none is below that of a staircase.
        if self.even.is_some() {
            let to = |p: &Portal| {
                let there = local(p.place);
                if self.cells.contains(there) {
                    self.straight(local(from), there)
                } else {
                    Some(APART)
                }
            };
            let tolls: Option<Vec<u32>> = portals.iter().map(to).collect();
            if let Some(tolls) = tolls {
                return tolls;
            }
        }
        let ticks = within.distances(self.costs, local(from));
        portals
            .iter()
            .map(|p| ticks[usize::from(p.place)])
            .collect()
    }

    /// The cost of the staircase between two places, if it is in the piece.
    pub fn straight(&self, from: Local, to: Local) -> Option<u32> {
        let (a, b) = (from.units(), to.units());
        if let (true, Some(cost)) = (self.cells == Planes::ALL, self.even) {
            return Some(Norm::new(b, cost).from(a) as u32);
        }
        let (mut before, mut ticks) = (from, 0);
        for (at, step) in Staircase::new(a, b) {
            let inside = at.iter().all(|c| (0..BRICK_UNITS).contains(c));
            let [x, y, z] = at;
            let here = inside.then(|| Local::of_units(x, y, z));
            let here = here.filter(|&here| self.cells.contains(here))?;
            let offer = Offer::new(ticks, self.costs[before.index()]);
            ticks = offer.to(step, self.costs[here.index()]);
            before = here;
        }
        Some(ticks)
    }
}
