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

/// Control points of equal steps in lightness (OKLab L from 0.74 to 0.30), with the hue turning from orange by red to
/// violet and the chroma as high as sRGB allows, at most 0.19: all of them stand out on what is light.
const HEAT: [Rgb; 9] = [
    [241, 145, 0],
    [244, 106, 14],
    [229, 77, 71],
    [206, 54, 102],
    [176, 39, 125],
    [141, 29, 141],
    [104, 22, 150],
    [65, 14, 149],
    [21, 6, 138],
];

/// Colours that are told apart from each other and from greys.
pub(super) const ROUTES: [Rgb; 12] = [
    [214, 39, 40],
    [31, 98, 200],
    [20, 146, 60],
    [240, 130, 0],
    [130, 50, 180],
    [0, 160, 175],
    [215, 60, 150],
    [125, 78, 40],
    [110, 130, 0],
    [20, 30, 110],
    [90, 170, 240],
    [20, 90, 80],
];

/// The starts and goals of very many routes.
pub(super) const START: Rgb = [0, 130, 70];
pub(super) const GOAL: Rgb = [20, 110, 220];

/// The tones of columns of cells, from the most open to the least.
const CLUTTER: [Rgb; 2] = [[252, 252, 253], [122, 124, 132]];

/// The colour of a value in 0…1.
pub(super) fn ramp(value: f64) -> Rgb {
    between(&RAMP, value)
}

/// The colour of a value in 0…1 on what is light: the greater, the darker.
pub(super) fn heat(value: f64) -> Rgb {
    between(&HEAT, value)
}

/// The tone of a column of cells, from 0 for the most open ones to 1 for the least.
pub(super) fn clutter(value: f64) -> Rgb {
    between(&CLUTTER, value)
}

fn between(colours: &[Rgb], value: f64) -> Rgb {
    let at = value.clamp(0.0, 1.0) * (colours.len() - 1) as f64;
    let below = (at as usize).min(colours.len() - 2);
    mix(colours[below], colours[below + 1], at - below as f64)
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
