//! The readers of maps, positions and updates: what they read, and what they refuse.

#[path = "../map_support/mod.rs"]
mod map_support;
#[path = "../map_support/parquet_files.rs"]
mod parquet_files;
#[path = "../map_support/parquet_parts.rs"]
mod parquet_parts;

mod bombs;
mod damaged;
mod hostile;
mod readers;
mod tables;
