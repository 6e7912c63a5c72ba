//! Portals: where pieces of neighbouring bricks touch, and what it costs to go from one to another through a brick.
//!
//! ```text
//!   ┌──────────────┬──────────────┐
//!   │  ·╌╌╌╌╌╌╌╌╌· │ ·            │    · ·  a portal: a step in the middle of where two pieces touch
//!   │ toll        ·│·╌╌╌╌╌╌·      │    ╌╌╌  a toll: the least cost between two portals inside a brick
//!   └──────────────┴──────────────┘
//! ```
//!
//! A brick's portals and tolls are a function of its costs and of the open cells of the bricks around it. They are found when
//! a search first comes there, tolls a portal at a time, and kept. After an edit, what was kept of its brick is made anew, and
//! the portals of the bricks around if pieces came out differently; [`Portals::hear`] tells what that has changed. The
//! plain differential formulation is [`crate::dataflows::portals`].
//!
//! A toll is exact inside the brick; a way around through other bricks may be cheaper. A chain of portals is a route, so
//! that what it costs bounds the least cost from above. It bounds nothing from below: pieces touch beside their portal too.

mod edits;

use super::CellKey;
use super::bricks::{Bricks, Held};
use super::steps::Offer;
use super::tolls::{Piece, costs_of, descend, even, local};
use crate::brick::{BRICK_UNITS, BrickId, Local, Planes};
use crate::engine::Within;
use crate::engine::shell::{DIRECTIONS, opposite};
use crate::lattice::{Cell, NEIGHBOURS, UNREACHED};
use crate::regions::{Pieces, crossings, upward_of};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// How many portals of a brick there are at most; further ones are left out. Only bricks of many crumbs have so many.
pub(super) const MOST: usize = 32;

/// The toll between portals that are not joined inside their brick.
pub(super) const APART: u32 = UNREACHED;

const NONE: u32 = u32::MAX;

/// A portal, seen from one of its two bricks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portal {
    /// The place of its cell in this brick.
    pub place: u16,
    /// The place of its cell in the brick beyond.
    pub beyond: u16,
    /// The step from the one to the other, an index into the fixed order.
    pub step: u8,
    /// The direction that the brick beyond lies in.
    pub direction: u8,
    /// The piece of this brick.
    piece: u16,
}

/// What the coarse graph of routes has of a brick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrickPortals {
    /// Its pieces: the first cell of each in the order of places, and how many cells there are.
    pub pieces: Vec<(Cell, u32)>,
    /// Its portals: the first cell of the piece that each leads out of, and its step, a cell of the brick and the
    /// neighbour in the brick beyond.
    pub portals: Vec<(Cell, [Cell; 2])>,
    /// The tolls, in ticks: between two of its cells at portals, the least cost by ways inside the brick.
    pub tolls: Vec<([Cell; 2], u32)>,
}

/// The portals of a brick and the tolls between them.
#[derive(Clone)]
struct Shape {
    /// Ascending by direction, and by pieces.
    portals: Vec<Portal>,
    /// By portal and portal; a row says nothing until it is `known`.
    tolls: Vec<u32>,
    /// A bit for each row of tolls that was found.
    known: u32,
    /// The places on the way from one to another that no staircase joins, behind the first, as far as they were asked for.
    ways: FxHashMap<(u16, u16), Box<[u16]>>,
}

impl Shape {
    fn new(portals: Vec<Portal>) -> Self {
        Shape {
            tolls: vec![APART; portals.len() * portals.len()],
            portals,
            known: 0,
            ways: FxHashMap::default(),
        }
    }

    fn row(&self, portal: usize) -> &[u32] {
        let count = self.portals.len();
        &self.tolls[portal * count..][..count]
    }
}

/// A brick that a search has come to.
struct Node {
    /// The number of its shape, or [`NONE`].
    shape: u32,
    /// The cost of all open cells, if they have the same, else 0.
    even: u16,
    /// The brick's corner in lattice units.
    corner: [i32; 3],
    brick: BrickId,
    /// The nodes in the 14 directions as far as they were asked for, or [`NONE`].
    beside: [u32; 14],
}

/// The portals of the bricks that a worker's searches have come to; see the module's description.
#[derive(Default)]
pub(super) struct Portals {
    index: FxHashMap<BrickId, u32>,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    vacant: Vec<u32>,
    pieces: FxHashMap<BrickId, Pieces>,
    /// The shapes of bricks of one cost amid whole ones, by cost: all such have the same.
    plain: FxHashMap<u16, u32>,
    within: Within,
}

impl Portals {
    /// The number of a brick's node, whose portals are then known.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    #[inline]
    pub fn node(&mut self, brick: BrickId, bricks: &Bricks) -> Result<u32, BrickId> {
        let node = match self.index.entry(brick) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                self.nodes.push(Node {
                    shape: NONE,
                    even: 0,
                    corner: brick.xyz().map(|c| c * BRICK_UNITS),
                    brick,
                    beside: [NONE; 14],
                });
                *vacant.insert(self.nodes.len() as u32 - 1)
            }
        };
        if self.nodes[node as usize].shape == NONE {
            let shape = self.find_shape(brick, bricks)?;
            let node = &mut self.nodes[node as usize];
            (node.shape, node.even) = (shape, even(brick, bricks));
        }
        Ok(node)
    }

    /// The node that a portal of a node leads to.
    ///
    /// # Errors
    /// As [`Portals::node`].
    #[inline]
    pub fn beside(&mut self, node: u32, portal: Portal, bricks: &Bricks) -> Result<u32, BrickId> {
        let direction = usize::from(portal.direction);
        let from = &self.nodes[node as usize];
        let known = from.beside[direction];
        if known != NONE && self.nodes[known as usize].shape != NONE {
            return Ok(known);
        }
        let brick = from.brick.offset(DIRECTIONS[direction]);
        let beside = self.node(brick.expect("a portal leads to a brick"), bricks)?;
        self.nodes[node as usize].beside[direction] = beside;
        Ok(beside)
    }

    /// The brick of a node.
    pub fn brick(&self, node: u32) -> BrickId {
        self.nodes[node as usize].brick
    }

    fn shape(&self, node: u32) -> &Shape {
        &self.shapes[self.nodes[node as usize].shape as usize]
    }

    /// Whether the open cells of a node have several costs.
    #[inline]
    pub fn is_uneven(&self, node: u32) -> bool {
        self.nodes[node as usize].even == 0
    }

    /// The portals of a node.
    #[inline]
    pub fn of(&self, node: u32) -> &[Portal] {
        &self.shape(node).portals
    }

    /// The number among the portals of `node` of one that leads there; `None` if it was left out there.
    #[inline]
    pub fn mirror(&self, node: u32, portal: Portal) -> Option<usize> {
        let back = opposite(usize::from(portal.direction)) as u8;
        self.of(node).iter().position(|p| {
            p.direction == back && p.place == portal.beyond && p.beyond == portal.place
        })
    }

    /// The coordinates of a place of a node.
    #[inline]
    pub fn xyz(&self, node: u32, place: u16) -> [i32; 3] {
        let units = local(place).units();
        let corner = self.nodes[node as usize].corner;
        std::array::from_fn(|a| corner[a] + units[a])
    }

    /// The cost so far behind a portal of a node, from that before it; the node that it leads to must be known.
    #[inline]
    pub fn across(&self, node: u32, portal: Portal, ticks: u32, bricks: &Bricks) -> u32 {
        let node = &self.nodes[node as usize];
        let beside = &self.nodes[node.beside[usize::from(portal.direction)] as usize];
        let cost = |node: &Node, place: u16| match node.even {
            0 => match bricks.held(node.brick) {
                Held::Here(costs, _) => costs[usize::from(place)],
                _ => 0,
            },
            even => even,
        };
        let offer = Offer::new(ticks, cost(node, portal.place));
        offer.to(usize::from(portal.step), cost(beside, portal.beyond))
    }

    /// Makes sure that the tolls from a portal of a node are known.
    ///
    /// # Errors
    /// As [`Portals::node`].
    #[inline]
    pub fn find_tolls(&mut self, node: u32, portal: usize, bricks: &Bricks) -> Result<(), BrickId> {
        let Node { shape, brick, .. } = self.nodes[node as usize];
        let shape = &mut self.shapes[shape as usize];
        if shape.known >> portal & 1 == 0 {
            let from = shape.portals[portal];
            let piece = self.pieces[&brick].as_slice()[usize::from(from.piece)];
            let piece = Piece::new(brick, piece, bricks)?;
            let row = piece.tolls(from.place, &shape.portals, &mut self.within);
            let count = row.len();
            shape.tolls[portal * count..][..count].copy_from_slice(&row);
            shape.known |= 1 << portal;
        }
        Ok(())
    }

    /// The tolls from a portal of a node to all of them, after [`Portals::find_tolls`].
    #[inline]
    pub fn tolls(&self, node: u32, portal: usize) -> &[u32] {
        self.shape(node).row(portal)
    }

    /// What it costs to go from an open cell of a node to its portals: by staircases to those that they lead to; where
    /// they lead to none, by the cheapest ways inside the brick.
    ///
    /// # Errors
    /// As [`Portals::node`].
    pub fn costs_from(
        &mut self,
        node: u32,
        place: Local,
        bricks: &Bricks,
    ) -> Result<Vec<u32>, BrickId> {
        let brick = self.nodes[node as usize].brick;
        let pieces = self.pieces[&brick].as_slice();
        let Some(&piece) = pieces.iter().find(|piece| piece.contains(place)) else {
            return Ok(vec![APART; self.of(node).len()]);
        };
        let piece = Piece::new(brick, piece, bricks)?;
        let shape = &self.shapes[self.nodes[node as usize].shape as usize];
        let straight = |p: &Portal| piece.straight(place, local(p.place)).unwrap_or(APART);
        let costs: Vec<u32> = shape.portals.iter().map(straight).collect();
        if costs.iter().any(|&ticks| ticks < APART) {
            return Ok(costs);
        }
        let ticks = self.within.distances(piece.costs, place);
        let portals = shape.portals.iter();
        Ok(portals.map(|p| ticks[usize::from(p.place)]).collect())
    }

    /// The least cost between two open cells of one brick inside it; [`APART`] if there is no way.
    ///
    /// # Errors
    /// As [`Portals::node`].
    pub fn cost_within(&mut self, a: CellKey, b: CellKey, bricks: &Bricks) -> Result<u32, BrickId> {
        let costs = costs_of(a.brick(), bricks)?.0;
        Ok(self.within.distances(costs, a.local())[b.local().index()])
    }

    /// The pieces and the portals of a brick, and the tolls between these.
    ///
    /// # Errors
    /// As [`Portals::node`].
    pub fn show(&mut self, brick: BrickId, bricks: &Bricks) -> Result<BrickPortals, BrickId> {
        let node = self.node(brick, bricks)?;
        let cell = |place| brick.cell(local(place));
        let portals = self.of(node).to_vec();
        let pieces = &self.pieces[&brick];
        let counts = pieces.as_slice().iter().map(Planes::count);
        let mut shown = BrickPortals {
            pieces: pieces.leasts().map(cell).zip(counts).collect(),
            ..BrickPortals::default()
        };
        for (from, portal) in portals.iter().enumerate() {
            self.find_tolls(node, from, bricks)?;
            let beyond = cell(portal.place).neighbour(usize::from(portal.step));
            let beyond = beyond.expect("a portal leads to a cell");
            let piece = shown.pieces[usize::from(portal.piece)].0;
            shown.portals.push((piece, [cell(portal.place), beyond]));
            for (to, &toll) in portals.iter().zip(self.tolls(node, from)) {
                if toll < APART {
                    let between = [cell(portal.place), cell(to.place)];
                    shown.tolls.push((between, toll));
                }
            }
        }
        Ok(shown)
    }

    /// The places on the cheapest way from one open place of a brick to another inside it: behind the first, with the other.
    /// None if they are apart.
    ///
    /// # Errors
    /// As [`Portals::node`].
    pub fn way(
        &mut self,
        brick: BrickId,
        [from, to]: [u16; 2],
        bricks: &Bricks,
    ) -> Result<Box<[u16]>, BrickId> {
        let node = self.node(brick, bricks)?;
        let shape = &mut self.shapes[self.nodes[node as usize].shape as usize];
        if let Some(way) = shape.ways.get(&(from, to)) {
            return Ok(way.clone());
        }
        let costs = costs_of(brick, bricks)?.0;
        let ticks = self.within.distances(costs, local(to));
        let way = descend(costs, ticks, from);
        // Ends of queries seldom come again.
        let is_portal = |place| shape.portals.iter().any(|p| p.place == place);
        if is_portal(from) && is_portal(to) {
            shape.ways.insert((from, to), way.clone());
        }
        Ok(way)
    }

    /// The shape of a brick, found anew or that of all like it.
    fn find_shape(&mut self, brick: BrickId, bricks: &Bricks) -> Result<u32, BrickId> {
        let mut plain = self.find_pieces(brick, bricks)?;
        for step in DIRECTIONS {
            plain &= match brick.offset(step) {
                Some(beside) => self.find_pieces(beside, bricks)?,
                None => false,
            };
        }
        let cost = match bricks.held(brick) {
            Held::Here(_, span) if plain => span.uniform(),
            _ => None,
        };
        if let Some(&shape) = cost.and_then(|cost| self.plain.get(&cost)) {
            return Ok(shape);
        }
        let number = self.keep(Shape::new(self.portals_of(brick)));
        if let Some(cost) = cost {
            self.plain.insert(cost, number);
        }
        Ok(number)
    }

    fn keep(&mut self, shape: Shape) -> u32 {
        if let Some(number) = self.vacant.pop() {
            self.shapes[number as usize] = shape;
            return number;
        }
        self.shapes.push(shape);
        self.shapes.len() as u32 - 1
    }

    /// Makes sure that a brick's pieces are known; tells whether it is one piece of all cells.
    fn find_pieces(&mut self, brick: BrickId, bricks: &Bricks) -> Result<bool, BrickId> {
        if let Some(pieces) = self.pieces.get(&brick) {
            return Ok(*pieces == Pieces::Whole);
        }
        let pieces = match bricks.held(brick) {
            Held::Here(costs, _) => Pieces::of(Planes::open(costs)),
            Held::Absent => Pieces::NONE,
            Held::Elsewhere => return Err(brick),
        };
        let whole = pieces == Pieces::Whole;
        self.pieces.insert(brick, pieces);
        Ok(whole)
    }

    /// The portals of a brick; its pieces and those around it must be known.
    fn portals_of(&self, brick: BrickId) -> Vec<Portal> {
        let mut portals = Vec::new();
        for (direction, &by) in DIRECTIONS.iter().enumerate() {
            let Some(beside) = brick.offset(by) else {
                continue;
            };
            let (mine, theirs) = (&self.pieces[&brick], &self.pieces[&beside]);
            let (upward, up) = upward_of(direction);
            let (lower, upper) = if up { (mine, theirs) } else { (theirs, mine) };
            let here = usize::from(!up);
            for crossing in crossings(lower, upper, upward) {
                let (place, beyond) = (crossing.places[here], crossing.places[1 - here]);
                let step: [i32; 3] = std::array::from_fn(|a| {
                    beyond.units()[a] + BRICK_UNITS * by[a] - place.units()[a]
                });
                let step = NEIGHBOURS.iter().position(|n| *n == step);
                portals.push(Portal {
                    place: place.index() as u16,
                    beyond: beyond.index() as u16,
                    step: step.expect("a crossing is a step") as u8,
                    direction: direction as u8,
                    piece: crossing.pieces[here],
                });
            }
        }
        portals.truncate(MOST);
        portals
    }
}
