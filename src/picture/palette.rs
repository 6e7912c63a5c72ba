//! Colours: a map from distances to colours, and the tones of everything else.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

pub(super) const WHITE: Rgb = [255, 255, 255];
pub(super) const INK: Rgb = [28, 28, 32];
pub(super) const FRAME: Rgb = [120, 120, 126];
pub(super) const OBSTACLE: Rgb = [64, 64, 68];
pub(super) const UNREACHED_FILL: Rgb = [226, 226, 230];
pub(super) const UNREACHED_HATCH: Rgb = [186, 186, 192];
pub(super) const SOURCE: Rgb = [226, 44, 52];

/// Control points of equal steps in lightness (OKLab L from 0.36 to 0.93), with the hue turning from violet by blue
/// and green to yellow and the chroma as high as sRGB allows, at most 0.16.
const RAMP: [Rgb; 13] = [
    [76, 27, 130],
    [68, 52, 155],
    [48, 76, 174],
    [16, 101, 176],
    [22, 123, 168],
    [27, 141, 168],
    [32, 160, 169],
    [35, 179, 167],
    [39, 198, 157],
    [86, 215, 137],
    [148, 225, 118],
    [200, 232, 102],
    [248, 237, 96],
];

/// The colour of a value in 0…1.
pub(super) fn ramp(value: f64) -> Rgb {
    let at = value.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let below = (at as usize).min(RAMP.len() - 2);
    mix(RAMP[below], RAMP[below + 1], at - below as f64)
}

/// `from` at share 0, `to` at share 1.
pub(super) fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|c| {
        let (from, to) = (f64::from(from[c]), f64::from(to[c]));
        (from + (to - from) * share).round() as u8
    })
}

/// A blocked pixel `depth_px` from the nearest open one: dark where it bounds open space, white where nothing is
/// known or nothing can be reached, so that the edges of bricks do not show.
pub(super) fn obstacle(depth_px: f32, px_per_cell: f64) -> Rgb {
    let dark = (4.0 * px_per_cell).max(6.0);
    let faded = (10.0 * px_per_cell).max(18.0);
    let share = (f64::from(depth_px) - dark) / (faded - dark);
    mix(OBSTACLE, WHITE, share.clamp(0.0, 1.0))
}

/// Open but unreached: diagonal stripes.
pub(super) fn unreached(x: usize, y: usize) -> Rgb {
    if (x + y) % 8 < 2 {
        UNREACHED_HATCH
    } else {
        UNREACHED_FILL
    }
}
