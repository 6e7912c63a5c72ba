//! The steps of a round over the padded arrays of a block, layer by layer.
//!
//! ```text
//!  z    t   the steps of a round of three, as they follow each other through the layers of a block
//!  ▲    step 1 on layer t        reads the array            writes three layers that serve by turns
//!  │    step 2 on layer t − 1    reads those                writes three others
//!  │    step 3 on layer t − 2    reads those                writes the array: step 1 is past that layer
//! ```
//!
//! So a block is read and written once a round, however many steps that has, and what lies between two steps is a few
//! layers, which stay in the innermost caches.

use super::block::EDGE;
use super::neighbourhood::{DEPTH, Ground, Layout, Line};
use super::{Kernel, Value};
use std::mem::swap;
use std::ops::Range;

/// Rows that are computed together, of both parities by turns.
const TILE: usize = 40;

/// Room for what is computed within a round; all blocks of a worker use the same.
#[derive(Default)]
pub(super) struct Room<V> {
    /// The layers of each step but the last.
    layers: Vec<Vec<V>>,
    /// The sums of a tile's rows.
    sums: Vec<V>,
}

/// A round over a block.
pub(super) struct Sweep<'a, K: Kernel> {
    pub kernel: &'a K,
    /// How many rings the arrays are padded by.
    pub padding: usize,
    /// What does not change from step to step.
    pub ground: Ground<'a, K::Value>,
    /// What blocked cells hold.
    pub outside: K::Value,
}

impl<K: Kernel> Sweep<'_, K> {
    /// Does `steps` steps; with `before` the values before them, in which kernels that keep them find them.
    pub fn run(
        &self,
        steps: usize,
        now: &mut Vec<K::Value>,
        before: &mut Vec<K::Value>,
        room: &mut Room<K::Value>,
    ) {
        room.sums
            .resize(TILE * self.width() + 1, K::Value::default());
        if K::BEFORE {
            for margin in (0..steps).rev() {
                for k in self.span(margin) {
                    self.layer(
                        k,
                        margin,
                        (now, self.whole()),
                        (before, self.whole()),
                        &mut room.sums,
                    );
                }
                swap(now, before);
            }
        } else {
            self.in_step(steps, now, room);
        }
    }

    /// The steps one behind the other.
    fn in_step(&self, steps: usize, now: &mut [K::Value], room: &mut Room<K::Value>) {
        let (whole, few) = (self.whole(), self.few());
        let Room { layers, sums } = room;
        let values = 2 * DEPTH * self.width().pow(2);
        layers.resize_with(layers.len().max(steps), Vec::new);
        for layer in &mut layers[..steps] {
            layer.resize(values, K::Value::default());
        }
        for t in self.padding + 1 - steps..self.padding + EDGE + steps - 1 {
            for step in 0..steps.min(t + 1) {
                let (k, margin) = (t - step, steps - 1 - step);
                if !self.span(margin).contains(&k) {
                    continue;
                }
                let (done, rest) = layers.split_at_mut(step);
                match done.last() {
                    None => self.layer(k, margin, (now, whole), (&mut rest[0], few), sums),
                    Some(from) if margin > 0 => {
                        self.layer(k, margin, (from, few), (&mut rest[0], few), sums);
                    }
                    Some(from) => self.layer(k, 0, (from, few), (now, whole), sums),
                }
                // A single step may not write a layer before the next has read it.
                if steps == 1 && k > self.padding {
                    self.copy_layer(k - 1, &layers[0], now);
                }
            }
        }
        if steps == 1 {
            self.copy_layer(self.padding + EDGE - 1, &layers[0], now);
        }
    }

    fn copy_layer(&self, k: usize, few: &[K::Value], now: &mut [K::Value]) {
        let rows = EDGE * self.width();
        for parity in 0..2 {
            let from = self.few().row([parity, k, self.padding]);
            let to = self.whole().row([parity, k, self.padding]);
            now[to..to + rows].copy_from_slice(&few[from..from + rows]);
        }
    }

    fn width(&self) -> usize {
        EDGE + 2 * self.padding
    }

    fn whole(&self) -> Layout {
        Layout {
            width: self.width(),
            depth: self.width(),
        }
    }

    fn few(&self) -> Layout {
        Layout {
            width: self.width(),
            depth: DEPTH,
        }
    }

    /// What is computed of each axis, with a margin. Along x whole rows are: what that leaves beside the span is never read.
    fn span(&self, margin: usize) -> Range<usize> {
        self.padding - margin..self.padding + EDGE + margin
    }

    /// A step on one layer.
    fn layer(
        &self,
        k: usize,
        margin: usize,
        (now, from): (&[K::Value], Layout),
        (next, to): (&mut [K::Value], Layout),
        sums: &mut [K::Value],
    ) {
        let rows = self.span(margin);
        for j in rows.clone().step_by(TILE) {
            let length = (rows.end - j).min(TILE) * self.width();
            for parity in 0..2 {
                let place = [parity, k, j];
                let start = to.row(place);
                let next = &mut next[start..start + length];
                let line = Line::new::<K>((now, from), &self.ground, self.whole(), place, length);
                if line.is_blocked() {
                    next.fill(self.outside);
                } else {
                    step_line(self.kernel, &line, self.outside, sums, next);
                }
            }
        }
    }
}

/// [`Line::step`], compiled for AVX-512, for AVX2 and for what every machine has: the bits are the same.
fn step_line<V: Value, K: Kernel<Value = V>>(
    kernel: &K,
    line: &Line<'_, V>,
    outside: V,
    sums: &mut [V],
    next: &mut [V],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
        fn with_avx512<V: Value, K: Kernel<Value = V>>(
            kernel: &K,
            line: &Line<'_, V>,
            outside: V,
            sums: &mut [V],
            next: &mut [V],
        ) {
            line.step(kernel, outside, sums, next);
        }
        #[target_feature(enable = "avx2")]
        fn with_avx2<V: Value, K: Kernel<Value = V>>(
            kernel: &K,
            line: &Line<'_, V>,
            outside: V,
            sums: &mut [V],
            next: &mut [V],
        ) {
            line.step(kernel, outside, sums, next);
        }
        if has_avx512() {
            // SAFETY: the only requirement of `with_avx512` is that the processor has what was just asked for.
            return unsafe { with_avx512(kernel, line, outside, sums, next) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the only requirement of `with_avx2` is that the processor has AVX2, as just seen.
            return unsafe { with_avx2(kernel, line, outside, sums, next) };
        }
    }
    line.step(kernel, outside, sums, next);
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}
