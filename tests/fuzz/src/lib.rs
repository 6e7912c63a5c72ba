//! Coverage-guided fuzzing of everything that octaflow reads from outside.
//!
//! One target a format. Each gives arbitrary bytes to the reader and holds what comes back against what the reader
//! promises: an answer in time and in bounded memory, no panic, errors of one printable line, and values that lie
//! where the rest of the program trusts them to lie.
//!
//! | target | what it reads |
//! |---|---|
//! | `bt`, `movingai`, `npy` | maps of these formats |
//! | `csv` | CSV as cells, positions and updates; updates also as a stream that comes byte by byte |
//! | `json` | newline-delimited JSON as positions and updates |
//! | `parquet` | Parquet files as cells, positions and updates |
//! | `pages` | Parquet files that are sound but for their pages: gets past footers and compression |
//! | `plan` | partition plans |
//! | `hostfile` | the addresses of a cluster |
//! | `texts` | identifiers as text and as bits, positions and partitions of flags |
//!
//! With `cargo install cargo-fuzz`, from this folder (the first line keeps the versions that octaflow is built with;
//! AddressSanitizer needs a nightly toolchain or the variable):
//!
//! ```text
//! cp ../../Cargo.lock .
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . bt -- \
//!     -dict=words.dict -max_len=16384 -timeout=20 -rss_limit_mb=2048 -max_total_time=180
//! ```
//!
//! A target that finds its corpus empty fills it with small sound files first. What fails is kept in `artifacts`:
//! make it small (`cargo fuzz tmin`), mend the reader, and add the case to the tests of octaflow itself.

pub mod answers;
pub mod crafted;
pub mod files;
#[path = "../../map_support/parquet_parts.rs"]
mod parquet_parts;
pub mod seeds;
