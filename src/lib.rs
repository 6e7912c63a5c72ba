//! Exact, incremental answers about 3D space on a body-centred-cubic lattice.
//!
//! The layers, each of which may use what stands left of it and nothing to its right:
//!
//! ```text
//! lattice → brick → partition → {engine, ghost, tally} → dataflows → {map, points, lake, cluster} → ingest → cli
//! ```

#![warn(missing_docs)]

pub mod brick;
pub mod cli;
pub mod cluster;
#[path = "../dataflows/mod.rs"]
pub mod dataflows;
pub mod engine;
mod error;
pub mod ghost;
pub mod ingest;
pub mod lake;
pub mod lattice;
pub mod map;
pub mod partition;
pub mod picture;
pub mod points;
pub mod regions;
pub mod search;
pub mod stencil;
pub mod tally;

pub use error::{Error, Result};
