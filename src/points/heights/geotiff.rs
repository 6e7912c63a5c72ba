//! GeoTIFF: heights as an image of one band, with tags that place it (GeoTIFF 1.1, OGC 19-008r4).

mod place;

use super::{Grid, HeightOptions};
use crate::map::columns::guard;
use crate::map::input::{self, told};
use crate::map::limit::Budget;
use crate::{Error, Result};
use place::{Place, place_of};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use tiff::ColorType;
use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// The most bytes of heights that a byte of the file may stand for: LZW, the densest of the compressions, reaches
/// 1365 on a plain.
const MOST_BYTES_A_BYTE: u64 = 2048;

/// The most bytes of one tag: a tag for each of a million strips.
const LONGEST_TAG_BYTES: usize = 8 << 20;

type Image = Decoder<BufReader<File>>;

/// Reads the first image of a file.
pub(super) fn read(path: &Path, options: &HeightOptions) -> Result<Grid> {
    let (file, file_bytes) = input::open(path)?;
    let name = path.display().to_string();
    let mut budget = options.budget(&name);
    let mut image = decoded(&name, || Decoder::new(BufReader::new(file)))?;
    let (columns, rows) = decoded(&name, || image.dimensions())?;
    let count = u64::from(columns) * u64::from(rows);
    let sample_bytes = match decoded(&name, || image.colortype())? {
        ColorType::Gray(bits @ (8 | 16 | 32 | 64)) => u64::from(bits / 8),
        other => {
            return Err(Error::input(format!(
                "{name}: its pixels are {}: they must be one number each, of 8, 16, 32 or 64 bits",
                told(&format!("{other:?}"))
            )));
        }
    };
    if count.saturating_mul(sample_bytes) / MOST_BYTES_A_BYTE > file_bytes {
        let what =
            format!("{file_bytes} bytes cannot hold the {columns} × {rows} pixels that it claims");
        return Err(damaged(&name, &what));
    }
    let place = place_of(&name, &mut image, [columns, rows])?;
    budget.charge(count, size_of::<f32>() as u64)?;
    let void = no_data(&name, &mut image)?;
    let mut heights = read_pixels(&name, image, [columns, rows], sample_bytes, &mut budget)?;
    if let Some(void) = void {
        let voids = heights.iter_mut().filter(|height| **height == void);
        voids.for_each(|height| *height = f32::NAN);
    }
    let Place {
        spacing_m,
        origin_m,
        unit_m,
    } = place;
    Ok(Grid {
        rows: rows as usize,
        columns: columns as usize,
        spacing_m,
        origin_m,
        unit_m,
        heights,
        north_first: true,
    })
}

/// Reads all pixels, strip by strip or tile by tile.
fn read_pixels(
    name: &str,
    image: Image,
    [columns, rows]: [u32; 2],
    sample_bytes: u64,
    budget: &mut Budget,
) -> Result<Vec<f32>> {
    let (width, height) = decoded(name, || Ok(image.chunk_dimensions()))?;
    if width == 0 || height == 0 || columns == 0 || rows == 0 {
        return Err(damaged(name, "it has no pixels"));
    }
    // A strip may claim more rows than the image has, and is cut; a tile is decoded whole.
    let chunk_bytes = u64::from(width) * u64::from(height.min(rows)) * sample_bytes;
    budget.charge(2, chunk_bytes)?;
    // Some slack for the decoder's own buffers; what counts is that a header's word has a bound.
    let limit = usize::try_from(chunk_bytes.saturating_add(1 << 20)).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = limit;
    limits.intermediate_buffer_size = limits.intermediate_buffer_size.max(limit);
    limits.ifd_value_size = LONGEST_TAG_BYTES;
    let mut image = image.with_limits(limits);

    let across = columns.div_ceil(width);
    let chunks = decoded(name, || match image.get_chunk_type() {
        ChunkType::Strip => image.strip_count(),
        ChunkType::Tile => image.tile_count(),
    })?;
    if u64::from(chunks) != u64::from(across) * u64::from(rows.div_ceil(height)) {
        return Err(damaged(name, "its strips or tiles do not cover it"));
    }
    let mut heights = vec![f32::NAN; columns as usize * rows as usize];
    for chunk in 0..chunks {
        let (wide, high) = decoded(name, || Ok(image.chunk_data_dimensions(chunk)))?;
        let pixels = floats(decoded(name, || image.read_chunk(chunk))?);
        let (left, top) = (chunk % across * width, chunk / across * height);
        let fits = left + wide <= columns && top + high <= rows;
        if !fits || pixels.len() as u64 != u64::from(wide) * u64::from(high) {
            return Err(damaged(
                name,
                "a strip or tile has not as many pixels as it must",
            ));
        }
        for (n, row) in pixels.chunks_exact(wide as usize).enumerate() {
            let at = (top as usize + n) * columns as usize + left as usize;
            heights[at..at + row.len()].copy_from_slice(row);
        }
    }
    Ok(heights)
}

/// The pixels of a strip or tile as floats.
fn floats(pixels: DecodingResult) -> Vec<f32> {
    match pixels {
        DecodingResult::U8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|h| h as f32).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|h| h as f32).collect(),
        DecodingResult::U64(v) => v.into_iter().map(|h| h as f32).collect(),
        DecodingResult::I64(v) => v.into_iter().map(|h| h as f32).collect(),
        DecodingResult::F16(v) => v.into_iter().map(|h| h.to_f32()).collect(),
        DecodingResult::F32(v) => v,
        DecodingResult::F64(v) => v.into_iter().map(|h| h as f32).collect(),
    }
}

/// The height that stands for none: GDAL writes it as text.
fn no_data(name: &str, image: &mut Image) -> Result<Option<f32>> {
    let Some(value) = decoded(name, || image.find_tag(Tag::GdalNodata))? else {
        return Ok(None);
    };
    let text = decoded(name, || value.into_string())?;
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    match text.parse::<f64>() {
        Ok(void) => Ok(Some(void as f32)),
        Err(_) => Err(damaged(
            name,
            &format!(
                "its GDAL_NODATA is {}, and must be a number",
                input::shown(text.as_bytes())
            ),
        )),
    }
}

/// Runs a step of the decoder, which answers damaged files with errors, and maybe with a panic.
fn decoded<T>(name: &str, step: impl FnOnce() -> tiff::TiffResult<T>) -> Result<T> {
    guard::guarded(step)
        .ok_or_else(|| damaged(name, "it cannot be decoded"))?
        .map_err(|e| match e {
            tiff::TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
                damaged(name, "it ends too early: it is truncated")
            }
            tiff::TiffError::IoError(e) => input::read_error(name, &e),
            tiff::TiffError::UnsupportedError(e) => Error::input(format!(
                "{name}: its kind of TIFF is not read: {}",
                told(&e.to_string())
            )),
            other => damaged(name, &told(&other.to_string())),
        })
}

/// The error for a file that is no sound GeoTIFF.
fn damaged(file: &str, what: &str) -> Error {
    Error::input(format!("{file}: it is no sound GeoTIFF: {what}"))
}
