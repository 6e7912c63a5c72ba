//! Where an image lies on the ground, and in which units.

use super::{Image, damaged, decoded};
use crate::points::heights::degree_m;
use crate::{Error, Result};
use tiff::tags::Tag;

/// Keys of the GeoKeyDirectory.
const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const ANGULAR_UNITS: u16 = 2054;
const LINEAR_UNITS: u16 = 3076;
const VERTICAL_UNITS: u16 = 4099;

/// Values of keys.
const GEOGRAPHIC: u16 = 2;
const PIXEL_IS_POINT: u16 = 2;
const DEGREE: u16 = 9102;
const USER_DEFINED: u16 = 32767;

/// Where an image lies.
pub(super) struct Place {
    pub(super) spacing_m: Option<[f64; 2]>,
    /// The centre of the pixel at the lower left.
    pub(super) origin_m: [f64; 2],
    /// Metres a unit of the heights.
    pub(super) unit_m: f64,
}

/// How the pixel in column i and row j comes to x = x₀ + i · Δx and y = y₀ − j · Δy.
struct Affine {
    first: [f64; 2],
    step: [f64; 2],
}

/// Reads the tags that place an image of so many columns and rows.
pub(super) fn place_of(name: &str, image: &mut Image, size: [u32; 2]) -> Result<Place> {
    let keys = Keys::read(name, image)?;
    let unit_m = keys.metres(name, VERTICAL_UNITS)?;
    let Some(mut affine) = affine(name, image)? else {
        return Ok(Place {
            spacing_m: None,
            origin_m: [0.0; 2],
            unit_m,
        });
    };
    let sound = |step: f64| step > 0.0 && step.is_finite();
    if !(affine.step.into_iter().all(sound) && affine.first.into_iter().all(f64::is_finite)) {
        return Err(damaged(
            name,
            "its pixels must lie a positive distance apart, rows from north to south",
        ));
    }
    // Unless the tags say that they mean points, they mean the pixel's upper left corner.
    if keys.get(RASTER_TYPE) != Some(PIXEL_IS_POINT) {
        affine.first[0] += 0.5 * affine.step[0];
        affine.first[1] -= 0.5 * affine.step[1];
    }
    let south = affine.first[1] - affine.step[1] * f64::from(size[1].max(1) - 1);
    if keys.get(MODEL_TYPE) == Some(GEOGRAPHIC) {
        let latitude = f64::midpoint(affine.first[1], south);
        if !matches!(keys.get(ANGULAR_UNITS), None | Some(DEGREE)) || latitude.abs() >= 90.0 {
            return Err(Error::input(format!(
                "{name}: its coordinates must be degrees, or metres or feet of a projection"
            )));
        }
        let metres = degree_m(latitude);
        return Ok(Place {
            spacing_m: Some([0, 1].map(|axis| affine.step[axis] * metres[axis])),
            origin_m: [0.0; 2],
            unit_m,
        });
    }
    let linear_m = keys.metres(name, LINEAR_UNITS)?;
    Ok(Place {
        spacing_m: Some(affine.step.map(|step| step * linear_m)),
        origin_m: [affine.first[0], south].map(|c| c * linear_m),
        unit_m,
    })
}

/// Reads the scale and the tie point, or the matrix, if there are any.
fn affine(name: &str, image: &mut Image) -> Result<Option<Affine>> {
    let mut numbers = |tag| -> Result<Option<Vec<f64>>> {
        let value = decoded(name, || image.find_tag(tag))?;
        value
            .map(|value| decoded(name, || value.into_f64_vec()))
            .transpose()
    };
    let scale = numbers(Tag::ModelPixelScaleTag)?;
    let tie = numbers(Tag::ModelTiepointTag)?;
    let matrix = numbers(Tag::ModelTransformationTag)?;
    match (scale.as_deref(), tie.as_deref(), matrix.as_deref()) {
        (Some(&[dx, dy, ..]), Some(&[i, j, _, x, y, ..]), _) => Ok(Some(Affine {
            first: [x - i * dx, y + j * dy],
            step: [dx, dy],
        })),
        (None, _, Some(&[a, b, _, x, c, d, _, y, ..])) if b == 0.0 && c == 0.0 => {
            Ok(Some(Affine {
                first: [x, y],
                step: [a, -d],
            }))
        }
        (None, _, Some(_)) => Err(Error::input(format!(
            "{name}: its rows do not run from west to east: turn it so first"
        ))),
        _ => Ok(None),
    }
}

/// The keys whose values are single numbers.
struct Keys(Vec<u16>);

impl Keys {
    fn read(name: &str, image: &mut Image) -> Result<Self> {
        let value = decoded(name, || image.find_tag(Tag::GeoKeyDirectoryTag))?;
        let words = match value {
            Some(value) => decoded(name, || value.into_u16_vec())?,
            None => Vec::new(),
        };
        Ok(Keys(words))
    }

    /// The value of a key. The directory is a head of four words, then four words a key: the key, where its value
    /// stands (0 is here), how many there are, the value.
    fn get(&self, key: u16) -> Option<u16> {
        let (entries, _) = self.0.get(4..)?.as_chunks::<4>();
        let entry = entries
            .iter()
            .find(|entry| entry[0] == key && entry[1] == 0);
        entry.map(|entry| entry[3])
    }

    /// How many metres a unit of lengths is.
    fn metres(&self, name: &str, key: u16) -> Result<f64> {
        match self.get(key) {
            None | Some(0 | 9001 | USER_DEFINED) => Ok(1.0),
            Some(9002) => Ok(0.3048),
            Some(9003) => Ok(1200.0 / 3937.0),
            Some(other) => Err(Error::input(format!(
                "{name}: its unit of length, {other}, is not known: it must be the metre (9001), the foot (9002) or \
                 the US survey foot (9003)"
            ))),
        }
    }
}
