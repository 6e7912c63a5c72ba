//! Brick containers: Arrow IPC files that hold one row a brick.
//!
//! ```text
//! ┌────────────────────────────── bytes of the file, every part 64-byte aligned ───────────────────────────────┐
//! │ ARROW1 │ schema │ segment 0: head, id, cost, distance, …, checksum │ segment 1 │ … │ end │ footer │ ARROW1 │
//! └────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! | column | type | what it is |
//! |---|---|---|
//! | `id` | UInt64 | the Index64 of the brick's first cell: its 12 low bits are 0 |
//! | a name a field | fixed-size list of 1024 UInt16, UInt32, Float32 or Float64 | the value of every cell of the brick, in the order of [`Local`] |
//! | `checksum` | UInt32 | CRC-32 (that of zlib) of the row: the id, then the lists from left to right, little-endian |
//!
//! Nothing is null and nothing is compressed, so that a file can be mapped into memory and read where it lies. Rows
//! ascend strictly by id. A **segment** is a record batch of [`SEGMENT_BRICKS`] rows, the last one of what is left; the
//! segments follow each other without gaps.
//!
//! The schema's metadata say what the file is: `octaflow.container.version` (1), `octaflow.frame.origin_m`,
//! `octaflow.frame.cell_size_m`, `octaflow.lattice.version`, `octaflow.lattice.lod`, `octaflow.plan`,
//! `octaflow.epoch`, and `octaflow.setting.KEY` for each setting. The footer's metadata hold `octaflow.checksum`:
//! eight hexadecimal digits, the CRC-32 of the whole file with these digits taken as `00000000`. So any flipped bit is
//! found, wherever it is, and a row's own checksum tells which brick it hit.
//!
//! ```python
//! bricks = pyarrow.ipc.open_file("PATH").read_all()
//! ```
//!
//! # Example
//! ```
//! use octaflow::brick::BrickId;
//! use octaflow::lake::container::{Container, ContainerMeta, ContainerWriter, FieldType, FieldValues};
//! use octaflow::lattice::Frame;
//!
//! let path = std::env::temp_dir().join(format!("octaflow-doc-{}.arrow", std::process::id()));
//! let meta = ContainerMeta {
//!     frame: Frame::new([0.0; 3], 0.5).unwrap(),
//!     plan: "hash".to_owned(),
//!     epoch: 7,
//!     settings: vec![],
//! };
//! let mut writer = ContainerWriter::create(&path, &meta, &[("cost", FieldType::U16)])?;
//! writer.push(BrickId::new(1, 2, 3).unwrap(), &[FieldValues::U16(&[256; 1024])])?;
//! let written = writer.finish()?;
//!
//! let container = Container::open(&path)?;
//! assert_eq!((container.bricks(), container.meta()), (written.bricks, &meta));
//! container.verify_whole()?;
//! container.for_each(|id, values| {
//!     assert_eq!((id.xyz(), values[0]), ([1, 2, 3], FieldValues::U16(&[256; 1024])));
//!     Ok(())
//! })?;
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), octaflow::Error>(())
//! ```

mod digest;
mod field;
mod footer;
mod layout;
mod meta;
mod read;
mod segment;
mod source;
mod write;

pub use field::{FieldType, FieldValues};
pub use meta::ContainerMeta;
pub use read::Container;
pub use segment::Segment;
pub use write::{ContainerWriter, ContainerWritten};

use crate::brick::{BrickId, Local};
use crate::lattice::{Header, Index64};

/// How many bricks a segment holds: all but the last hold this many.
pub const SEGMENT_BRICKS: usize = 256;

/// How many fields a container may have.
pub const MAX_FIELDS: usize = 64;

/// What every part of the file is aligned to, in bytes.
const ALIGNMENT: usize = 64;

/// The bytes that an Arrow IPC file begins and ends with.
const MAGIC: &[u8; 6] = b"ARROW1";

const ID: &str = "id";
const CHECKSUM: &str = "checksum";

/// The key of the footer's metadata that holds the checksum of the whole file.
const WHOLE_KEY: &str = "octaflow.checksum";

/// The number that stands for a brick in the column `id`: the Index64 of its first cell.
pub fn id_of_brick(brick: BrickId) -> u64 {
    let first = Local::new(0).expect("a brick has a first place");
    brick.index64(first).into()
}

/// The brick whose first cell has the Index64 `id`, or `None` if no brick has.
pub fn brick_of_id(id: u64) -> Option<BrickId> {
    let first = Index64::try_from(id).ok()?;
    let whole = first.header() == Header::CELL && first.morton() & 0xfff == 0;
    BrickId::from_code(first.morton() >> 12).filter(|_| whole)
}
