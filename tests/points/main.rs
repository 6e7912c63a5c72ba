//! Readers of points and heights, held against hand-made bytes, files of other programs, and harm.

#[path = "../map_support/mod.rs"]
mod map_support;
#[path = "../map_support/parquet_files.rs"]
mod parquet_files;

mod damaged;
mod heights;
mod hostile;
mod las;
mod las_files;
mod pcd;
mod ply;
mod shared;
mod tables;
