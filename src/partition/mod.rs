//! Partitions: which worker owns which brick.
//!
//! A [`Partition`] names a way to divide space; a [`Plan`] is the routing table made from it, by weighing the bricks
//! of a map by their open cells. A plan is data: it can be split, merged, saved, loaded and sent, and it is total,
//! so that bricks which come into being later have an owner too.
//!
//! Every partition is a division of one line: an order gives each brick a key, and the keys are cut into ranges
//! with an owner each.
//!
//! | partition | the order of the bricks | the ranges |
//! |---|---|---|
//! | hash | a hash of the cube of 2³ to 4³ bricks that holds the brick | one a part |
//! | morton | the Morton curve | one a part |
//! | hilbert | the Hilbert curve | one a part |
//! | octant | the Morton curve | octants, small where the map is dense, dealt out heaviest first |
//! | slab | layer by layer along the longest axis | one a part |
//! | hybrid | slabs first, the Hilbert curve within each | one a part |

mod cut;
mod file;
mod order;
mod plan;

pub use file::PlanError;
pub use plan::Plan;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A way to divide the bricks among parts.
///
/// # Example
/// ```
/// use octaflow::partition::Partition;
/// assert_eq!("hilbert".parse(), Ok(Partition::Hilbert));
/// assert!("peano".parse::<Partition>().is_err());
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Partition {
    /// Cubes of bricks, scattered: each part has a piece of every region, so a wave keeps all busy
    #[default]
    Hash,
    /// Ranges of the Morton curve, which is also the order of the cells' identifiers
    Morton,
    /// Ranges of the Hilbert curve: one connected piece of space a part
    Hilbert,
    /// Octants, refined where the map is dense, dealt out heaviest first
    Octant,
    /// Slabs along the longest axis of the map
    Slab,
    /// Slabs first, then ranges of the Hilbert curve within each
    Hybrid,
}

impl Partition {
    /// Every partition, in the order of the flag's help.
    pub const ALL: [Partition; 6] = [
        Partition::Hash,
        Partition::Morton,
        Partition::Hilbert,
        Partition::Octant,
        Partition::Slab,
        Partition::Hybrid,
    ];

    /// The name, as the flag has it.
    pub const fn name(self) -> &'static str {
        match self {
            Partition::Hash => "hash",
            Partition::Morton => "morton",
            Partition::Hilbert => "hilbert",
            Partition::Octant => "octant",
            Partition::Slab => "slab",
            Partition::Hybrid => "hybrid",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(name: &str) -> Result<Self, UnknownPartition> {
        Partition::ALL
            .into_iter()
            .find(|partition| partition.name() == name)
            .ok_or_else(|| UnknownPartition(name.to_owned()))
    }
}

/// A name that no partition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPartition(String);

impl fmt::Display for UnknownPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no partition: it must be one of", self.0)?;
        for (i, partition) in Partition::ALL.into_iter().enumerate() {
            write!(f, "{} {partition}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownPartition {}
