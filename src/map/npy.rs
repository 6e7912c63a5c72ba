//! `.npy`: dense arrays as NumPy stores them.
//!
//! Magic `\x93NUMPY`, a version of two bytes, the header's length (u16, from version 2 on u32, little-endian), the
//! header (a Python dictionary with `descr`, `fortran_order` and `shape`), then the elements without gaps.

mod element;
mod header;
mod plane;

pub(crate) use plane::{Plane, is_plane};

use super::input::Bytes;
use super::limit::{BRICK_BYTES, Budget};
use super::voxels::{BRICK_VOXELS, VoxelBox, add_corners, finish};
use super::{Axes, Progress, ReadOptions};
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs};
use crate::{Error, Result};
use std::fmt::Display;
use std::path::Path;

/// Reads a `.npy` map.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    let frame = options.frame()?;
    let array = Array::open(path, options.axes, options.progress)?;
    let file = array.bytes.name().to_owned();
    let extent = VoxelBox::of_size(&file, array.size)?;
    let mut dense = Dense::new(extent, options.budget(path));
    let element = array.element;
    array.read(
        0,
        |raw, row| element.decode(raw, row),
        |voxel, fast, row| dense.put_row(voxel, fast, row),
    )?;
    let mut bricks = dense.into_bricks();
    add_corners(&mut bricks);
    finish(&file, frame, bricks, extent.cells(), Some(extent))
}

/// Reads an array of finite numbers of the shape of a map's voxels, row by row: `put` takes the first voxel of a row, the
/// axis that it runs along, and its values.
///
/// # Errors
/// [`Error::Input`] if the file is no such array or has another shape, or a number is not finite.
pub(super) fn read_values(
    path: &Path,
    axes: Axes,
    size: [u64; 3],
    put: impl FnMut([u32; 3], usize, &[f64]) -> Result<()>,
) -> Result<()> {
    let array = Array::open(path, axes, None)?;
    if array.size != size {
        let ([x, y, z], [i, j, k]) = (array.size, size);
        return Err(Error::input(format!(
            "{}: the array has {x} × {y} × {z} values, but the map's box {i} × {j} × {k} voxels: they must be as many \
             along each axis",
            array.bytes.name()
        )));
    }
    let element = array.element;
    let not_finite = |value: f64| format!("the value is {value}; it must be finite");
    array.read(
        0.0,
        |raw, row| {
            element
                .decode_values(raw, row)
                .map_err(|(n, value)| (n, not_finite(value)))
        },
        put,
    )
}

/// An array whose header has been read.
struct Array<'a> {
    bytes: Bytes<'a>,
    element: element::Element,
    /// How many voxels it has along x, y and z.
    size: [u64; 3],
    /// The voxel axes from the slowest in memory to the fastest.
    order: [usize; 3],
}

impl<'a> Array<'a> {
    fn open(path: &Path, axes: Axes, progress: Option<Progress<'a>>) -> Result<Self> {
        let mut bytes = Bytes::open(path, progress)?;
        let file = bytes.name().to_owned();
        let header = header::read(&mut bytes)?;
        let axes_found = header.shape.len();
        let shape: [u64; 3] = header.shape.try_into().map_err(|_| {
            Error::input(format!(
                "{file}: the array has {axes_found} axes: a map must have 3 (heights have 2: octaflow ingest takes them with --bottom and --top)"
            ))
        })?;
        // Which voxel axis each array axis runs along.
        let voxel_axes = match axes {
            Axes::Xyz => [0, 1, 2],
            Axes::Zyx => [2, 1, 0],
        };
        let mut size = [0; 3];
        for (axis, n) in voxel_axes.into_iter().zip(shape) {
            size[axis] = n;
        }
        VoxelBox::of_size(&file, size)?;
        check_shape_bytes(&bytes, &size, header.element.bytes())?;
        let mut order = voxel_axes;
        if header.fortran_order {
            order.reverse();
        }
        Ok(Array {
            bytes,
            element: header.element,
            size,
            order,
        })
    }

    /// Reads the elements row by row: `decode` makes values of bytes, `put` takes them.
    fn read<T: Copy, E: Display>(
        mut self,
        blank: T,
        decode: impl Fn(&[u8], &mut [T]) -> std::result::Result<(), (usize, E)>,
        mut put: impl FnMut([u32; 3], usize, &[T]) -> Result<()>,
    ) -> Result<()> {
        let [slow, middle, fast] = self.order;
        let n = self.size[fast] as usize;
        let mut raw = vec![0; n * self.element.bytes() as usize];
        let mut row = vec![blank; n];
        for s in 0..self.size[slow] as u32 {
            for m in 0..self.size[middle] as u32 {
                self.bytes.take_exact(&mut raw)?;
                let mut voxel = [0; 3];
                (voxel[slow], voxel[middle]) = (s, m);
                if let Err((at, what)) = decode(&raw, &mut row) {
                    voxel[fast] = at as u32;
                    let [x, y, z] = voxel;
                    return Err(Error::input(format!(
                        "{}, voxel ({x}, {y}, {z}): {what}",
                        self.bytes.name()
                    )));
                }
                put(voxel, fast, &row)?;
            }
        }
        if self.bytes.peek().is_some() {
            return Err(Error::input(format!(
                "{}: bytes follow the last element of the array: the file is damaged",
                self.bytes.name()
            )));
        }
        self.bytes.check()
    }
}

/// Holds the file's length against what the header says, before anything is made of it.
fn check_shape_bytes(bytes: &Bytes, shape: &[u64], element_bytes: u64) -> Result<()> {
    let needed = shape
        .iter()
        .try_fold(element_bytes, |sum, &n| sum.checked_mul(n))
        .and_then(|elements| elements.checked_add(bytes.taken_bytes()));
    match (bytes.total_bytes(), needed) {
        (0, Some(_)) => Ok(()),
        (actual, Some(needed)) if actual == needed => Ok(()),
        (actual, needed) => Err(Error::input(format!(
            "{}: the file has {actual} bytes, but its header says {}: it is damaged",
            bytes.name(),
            needed.map_or("more than any file has".to_owned(), |n| n.to_string())
        ))),
    }
}

/// The bricks of a box, each made when its first open voxel comes.
struct Dense {
    bricks: Vec<Option<Box<Costs>>>,
    size: [usize; 3],
    budget: Budget,
}

impl Dense {
    fn new(extent: VoxelBox, budget: Budget) -> Self {
        let size = extent.greatest.map(|v| (v / BRICK_VOXELS) as usize + 1);
        Dense {
            bricks: Vec::new(),
            size,
            budget,
        }
    }

    /// Puts a row of costs that runs along axis `fast` from `voxel` (whose index on that axis is 0).
    fn put_row(&mut self, mut voxel: [u32; 3], fast: usize, row: &[u16]) -> Result<()> {
        const STRIDES: [usize; 3] = [1, 8, 64];
        for (n, run) in row.chunks(BRICK_VOXELS as usize).enumerate() {
            if run.iter().all(|&cost| cost == 0) {
                continue;
            }
            voxel[fast] = n as u32 * BRICK_VOXELS;
            let costs = self.brick(voxel.map(|v| (v / BRICK_VOXELS) as usize))?;
            let first: usize = (0..3)
                .map(|a| (voxel[a] % BRICK_VOXELS) as usize * STRIDES[a])
                .sum();
            for (step, &cost) in run.iter().enumerate() {
                costs[first + step * STRIDES[fast]] = cost;
            }
        }
        Ok(())
    }

    fn brick(&mut self, [x, y, z]: [usize; 3]) -> Result<&mut Costs> {
        let index = (z * self.size[1] + y) * self.size[0] + x;
        if self.bricks.is_empty() {
            let all = self.size.iter().product();
            self.budget
                .charge(all as u64, size_of::<Option<Box<Costs>>>() as u64)?;
            self.bricks.resize_with(all, || None);
        }
        let brick = &mut self.bricks[index];
        if brick.is_none() {
            self.budget.charge(1, BRICK_BYTES)?;
        }
        Ok(brick.get_or_insert_with(|| Box::new([0; BRICK_CELLS])))
    }

    fn into_bricks(self) -> Vec<(BrickId, Box<Costs>)> {
        let [nx, ny, _] = self.size;
        let mut bricks: Vec<_> = self
            .bricks
            .into_iter()
            .enumerate()
            .filter_map(|(index, costs)| {
                let at = [index % nx, index / nx % ny, index / nx / ny].map(|c| c as i32);
                let id = BrickId::new(at[0], at[1], at[2]).expect("the box lies in the range");
                Some((id, costs?))
            })
            .collect();
        bricks.sort_unstable_by_key(|&(id, _)| id);
        bricks
    }
}
