//! How deep a pixel lies in what is blocked.

use std::f32::consts::SQRT_2;

/// How far each pixel is from the nearest open one, in pixels, by steps of 1 and √2; 0 on open ones.
pub(super) fn depth(is_open: impl Iterator<Item = bool>, width: usize) -> Vec<f32> {
    let mut depth: Vec<f32> = is_open
        .map(|is_open| if is_open { 0.0 } else { f32::INFINITY })
        .collect();
    let height = depth.len() / width;
    let mut relax =
        |at: usize, from: usize, step: f32| depth[at] = depth[at].min(depth[from] + step);
    // Forth from the upper left corner, then back: each pixel asks the four that were visited before it.
    for back in [false, true] {
        let turn = |c: usize, end: usize| if back { end - 1 - c } else { c };
        let pixel = |i: usize, j: usize| turn(j, height) * width + turn(i, width);
        for j in 0..height {
            for i in 0..width {
                let at = pixel(i, j);
                if i > 0 {
                    relax(at, pixel(i - 1, j), 1.0);
                }
                if j > 0 {
                    relax(at, pixel(i, j - 1), 1.0);
                    if i > 0 {
                        relax(at, pixel(i - 1, j - 1), SQRT_2);
                    }
                    if i + 1 < width {
                        relax(at, pixel(i + 1, j - 1), SQRT_2);
                    }
                }
            }
        }
    }
    depth
}
