//! Adam, and the norm that gradients are clipped to.

use std::ops::Range;

use super::beside;
use super::memory::Span;
use super::pointwise::blocks;
use super::tape::sum;
use crate::graph::Optimizer;

/// Values of an item: 48 KiB of each array.
const ITEM: usize = 12 * 1024;

/// The squares of a gradient, summed in parts that follow from its length alone.
#[derive(Debug)]
pub(super) struct SquareSums {
    pub(super) gradient: Span,
    /// A sum for each item.
    pub(super) sums: Span,
}

impl SquareSums {
    /// How many sums a gradient of this length has.
    pub(super) fn count(len: usize) -> usize {
        len.div_ceil(ITEM)
    }

    pub(super) fn items(&self) -> Vec<Range<usize>> {
        blocks(self.gradient.len(), ITEM)
    }

    #[inline(always)]
    pub(super) fn run(&self, values: Range<usize>) {
        let number = values.start / ITEM;
        // SAFETY: nobody writes the gradient, and the sum is this item's.
        let (gradient, to) = unsafe {
            (
                self.gradient.part(values).read(),
                self.sums.part(number..number + 1).write(),
            )
        };
        let (chunks, rest) = gradient.as_chunks::<256>();
        let squares = |chunk: &[f32]| {
            let mut squares = [0.0; 256];
            beside::with(&mut squares, chunk, |square, g| *square = g * g);
            sum(&squares)
        };
        let total: f64 = chunks.iter().map(|chunk| squares(chunk)).sum();
        to[0] = (total + squares(rest)) as f32;
    }
}

/// A parameter with its moments and its gradient.
#[derive(Debug)]
pub(super) struct Adam {
    pub(super) optimizer: Optimizer,
    pub(super) gradient: Span,
    pub(super) parameter: Span,
    pub(super) m: Span,
    pub(super) v: Span,
    pub(super) clipping: Option<Clipping>,
}

/// What all gradients together are clipped by.
#[derive(Clone, Debug)]
pub(super) struct Clipping {
    /// Which says the norm that they may have.
    pub(super) optimizer: Optimizer,
    /// The sums of squares of all gradients.
    pub(super) squares: Span,
}

impl Clipping {
    /// What all gradients are multiplied by.
    fn scale(&self) -> f64 {
        // SAFETY: the sums were written on an earlier level.
        let squares = unsafe { self.squares.read() };
        let norm = squares
            .iter()
            .map(|&sum| f64::from(sum))
            .sum::<f64>()
            .sqrt();
        self.optimizer.clipping(norm)
    }
}

/// The factors of a step, computed in f64 and rounded once.
#[derive(Clone, Copy, Debug)]
struct Factors {
    /// By which gradients are clipped.
    scale: f32,
    /// 1 − β₁ and 1 − β₂.
    shares: [f32; 2],
    /// rate / (1 − β₁ᵗ).
    rate_of_m: f32,
    /// 1 / √(1 − β₂ᵗ).
    root: f32,
    /// rate · λ.
    decay: f32,
    eps: f32,
}

impl Adam {
    pub(super) fn items(&self) -> Vec<Range<usize>> {
        blocks(self.parameter.len(), ITEM)
    }

    #[inline(always)]
    pub(super) fn run(&self, values: Range<usize>, step: u32) {
        self.apply(values, self.factors(step));
    }

    /// The factors of a step; steps count from 0.
    fn factors(&self, step: u32) -> Factors {
        let of = &self.optimizer;
        let rate = of.schedule.rate(step);
        let t = f64::from(step) + 1.0;
        // 1 − βᵗ without a difference of nearly equal numbers.
        let correction = |beta: f64| -(t * beta.ln()).exp_m1();
        Factors {
            scale: self.clipping.as_ref().map_or(1.0, Clipping::scale) as f32,
            shares: [of.beta1, of.beta2].map(|beta| (1.0 - beta) as f32),
            rate_of_m: (rate / correction(of.beta1)) as f32,
            root: (1.0 / correction(of.beta2)).sqrt() as f32,
            decay: (rate * of.weight_decay) as f32,
            eps: of.eps as f32,
        }
    }

    /// `reference/adam.rs` in f32, of some values. Moments below f32's normal numbers become zero, since
    /// processors take a hundred times as long for each operation on those.
    #[inline(always)]
    fn apply(&self, values: Range<usize>, with: Factors) {
        // SAFETY: nobody writes the gradient, and the others are this item's.
        let (gradient, parameter, m, v) = unsafe {
            (
                self.gradient.part(values.clone()).read(),
                self.parameter.part(values.clone()).write(),
                self.m.part(values.clone()).write(),
                self.v.part(values).write(),
            )
        };
        let [share1, share2] = with.shares;
        let len = gradient.len();
        let (parameter, m, v) = (&mut parameter[..len], &mut m[..len], &mut v[..len]);
        for index in 0..len {
            let g = with.scale * gradient[index];
            let (p, m, v) = (&mut parameter[index], &mut m[index], &mut v[index]);
            *m = flush(share1.mul_add(g - *m, *m));
            *v = flush(share2.mul_add(g * g - *v, *v));
            let change = with.rate_of_m * *m / (v.sqrt() * with.root + with.eps);
            *p -= with.decay * *p + change;
        }
    }
}

#[inline(always)]
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}
