//! Matrix products.

use super::{EPS, Expected, Job, Results};
use crate::kernels::KernelActivation::{self, Relu, Sigmoid, Tanh};
use crate::kernels::activation_code;
use crate::reference::activation;

/// What follows a sum: a non-linearity and the slope of one.
struct Epilogue {
    activation: Option<KernelActivation>,
    derivative: Option<KernelActivation>,
}

impl Epilogue {
    fn of(activation: usize, derivative: usize) -> Self {
        let function = |code: usize| {
            let mut all = KernelActivation::ALL.into_iter();
            all.find(|&function| activation_code(Some(function)) as usize == code)
        };
        Self {
            activation: function(activation),
            derivative: function(derivative),
        }
    }

    /// Activations have slopes of at most 1, so that they pass a sum's error on and add their own: 10⁻⁵ for
    /// tanh, 7 ULP of 1 for the sigmoid. Slopes are at most 1 too, and round three times, the product once.
    fn expected(&self, sum: f64, off: f64, output: impl FnOnce() -> f64) -> Expected {
        let own = match self.activation {
            None | Some(Relu) => 0.0,
            Some(Tanh) => 1e-5 + 4.0 * EPS,
            Some(Sigmoid) => (7.0 + 4.0) * EPS,
        };
        let value = self.activation.map_or(sum, |of| activation::apply(of, sum));
        let slope = self
            .derivative
            .map_or(1.0, |of| activation::derivative(of, output()));
        Expected::float(value * slope, off + own)
    }
}

/// Σ a·b rounds twice a term, and once for bias and addend each.
///
/// On matrix units a sum is that of halves (see the header of `gemm_cooperative.wgsl`): a term rounds once,
/// the split costs four roundings and its join one, and there is a share of the row's and the column's largest.
pub(super) fn gemm(job: Job<'_>) -> Results {
    let [
        m,
        n,
        k,
        a_row,
        a_k,
        b_k,
        b_column,
        has_bias,
        has_addend,
        activation,
        derivative,
        part,
        has_sums,
        c_row,
        c_column,
        transposed,
        a_group,
        b_group,
        c_group,
    ] = job.params();
    let [a, b, bias, addend, output] = [0, 1, 2, 3, 4].map(|binding| job.floats(binding));
    let depth = job.launch.grid[2] as usize;
    let is_cut = job.is_on("PARTS");
    let epilogue = Epilogue::of(activation, derivative);
    let halves = job.launch.kernel.name.starts_with("gemm_cooperative");
    let part = match job.launch.kernel.name.as_ref() {
        "gemm_tiled" => part,
        _ => k.div_ceil(depth.max(1)),
    };
    let roundings = (k + 6) as f64 * EPS;
    let mut results = Results::new();
    for z in 0..depth {
        let inner = match is_cut {
            true => (z * part).min(k)..((z + 1) * part).min(k),
            false => 0..k,
        };
        let [a_first, b_first] = [z * a_group, z * b_group];
        let first = if is_cut { z * m * n } else { z * c_group };
        let left = |i: usize, k: usize| a[a_first + i * a_row + k * a_k];
        let right = |k: usize, j: usize| b[b_first + k * b_k + j * b_column];
        for i in 0..m {
            for j in 0..n {
                let (mut sum, mut size) = (0.0, 0.0);
                let [mut largest, mut total] = [[0f64; 2]; 2];
                for k in inner.clone() {
                    let [l, r] = [left(i, k), right(k, j)];
                    sum += l * r;
                    size += (l * r).abs();
                    for (side, of) in [l.abs(), r.abs()].into_iter().enumerate() {
                        largest[side] = largest[side].max(of);
                        total[side] += of;
                    }
                }
                let at = first + i * c_row + j * c_column;
                if has_bias != 0 {
                    let of = bias[if transposed != 0 { i } else { j }];
                    sum += of;
                    size += of.abs();
                }
                if has_addend != 0 {
                    sum += addend[at];
                    size += addend[at].abs();
                }
                let share = largest[0] * total[1] + largest[1] * total[0];
                let off = roundings * size + if halves { 2f64.powi(-38) * share } else { 0.0 };
                results.insert((5, at), epilogue.expected(sum, off, || output[at]));
            }
        }
        if has_sums == 0 {
            continue;
        }
        // Those of the operand that is the layer's left one.
        let rows = if transposed != 0 { n } else { m };
        for row in 0..rows {
            let of = inner.clone().map(|k| match transposed != 0 {
                true => right(k, row),
                false => left(row, k),
            });
            let size: f64 = of.clone().map(f64::abs).sum();
            let expected = Expected::float(of.sum(), EPS * k as f64 * size);
            let place = match is_cut {
                true => (5, depth * m * n + z * rows + row),
                false => (6, row),
            };
            results.insert(place, expected);
        }
    }
    results
}

/// A rounding for each part, and for bias and addend each.
pub(super) fn split_sum(job: Job<'_>) -> Results {
    let [
        m,
        n,
        parts,
        has_bias,
        has_addend,
        activation,
        derivative,
        has_sums,
        c_row,
    ] = job.params();
    let [partial, bias, addend, output] = [0, 1, 2, 3].map(|binding| job.floats(binding));
    let epilogue = Epilogue::of(activation, derivative);
    let roundings = (parts + 6) as f64 * EPS;
    let mut results = Results::new();
    for element in 0..m * n {
        let at = element / n * c_row + element % n;
        let parts = (0..parts).map(|part| partial[part * m * n + element]);
        let bias = Some(element % n)
            .filter(|_| has_bias != 0)
            .map(|column| bias[column]);
        let addend = Some(at).filter(|_| has_addend != 0).map(|at| addend[at]);
        let of = parts.chain(bias).chain(addend);
        let size: f64 = of.clone().map(f64::abs).sum();
        let expected = epilogue.expected(of.sum(), roundings * size, || output[at]);
        results.insert((4, at), expected);
    }
    if has_sums != 0 {
        for row in 0..m {
            let of = (0..parts).map(|part| partial[parts * m * n + part * m + row]);
            let size: f64 = of.clone().map(f64::abs).sum();
            results.insert((5, row), Expected::float(of.sum(), roundings * size));
        }
    }
    results
}
