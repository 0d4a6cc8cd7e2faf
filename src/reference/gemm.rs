//! Twin of the kernels `gemm_registers`, `gemm_subgroups`, `gemm_tiled` with or without
//! `gemm_split_sum`, `gemm_tiled_subgroups`, `gemm_cooperative_8` and `gemm_cooperative_16`: matrix
//! products with what follows them.

use super::activation;
use super::real::Real;
use crate::graph::Transposed;
use crate::kernels::KernelActivation;

/// How a row-major operand enters the product.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// As it lies in memory.
    Plain(&'a [T]),
    /// Transposed: its rows are the product's columns.
    Transposed(&'a [T]),
}

/// So many products side by side, each of the shape m, n, k and of consecutive parts of a and b.
pub fn batched<T: Real>(
    [a, b]: [&[T]; 2],
    transposed: Transposed,
    groups: usize,
    shape @ [m, n, k]: [usize; 3],
) -> Vec<T> {
    let group = |group: usize| {
        let [a, b] = [(a, m * k), (b, k * n)].map(|(of, len)| &of[group * len..][..len]);
        product([a, b], transposed, None, shape)
    };
    (0..groups).flat_map(group).collect()
}

impl<'a, T: Real> Operand<'a, T> {
    /// One or the other.
    pub fn of(values: &'a [T], transposed: bool) -> Self {
        match transposed {
            false => Self::Plain(values),
            true => Self::Transposed(values),
        }
    }

    /// The `[rows, columns]` matrix that enters, in `f64`.
    fn entering(self, rows: usize, columns: usize) -> Vec<f64> {
        let mut out = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                out.push(match self {
                    Self::Plain(values) => values[row * columns + column].wide(),
                    Self::Transposed(values) => values[column * rows + row].wide(),
                });
            }
        }
        out
    }

    fn len(self) -> usize {
        match self {
            Self::Plain(values) | Self::Transposed(values) => values.len(),
        }
    }
}

/// c = f(a·b + bias + addend) · g′(g's output), with `a` `[m, k]` and `b` `[k, n]` as they enter.
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a, T> {
    /// m, n and k.
    pub shape: [usize; 3],
    /// The left operand.
    pub a: Operand<'a, T>,
    /// The right operand.
    pub b: Operand<'a, T>,
    /// `[n]`.
    pub bias: Option<&'a [T]>,
    /// `[m, n]`.
    pub addend: Option<&'a [T]>,
    /// f.
    pub activation: Option<KernelActivation>,
    /// g and its output `[m, n]`.
    pub derivative: Option<(KernelActivation, &'a [T])>,
}

impl<'a, T: Real> Gemm<'a, T> {
    /// A product with nothing after it.
    pub fn product(a: Operand<'a, T>, b: Operand<'a, T>, shape: [usize; 3]) -> Self {
        Self {
            shape,
            a,
            b,
            bias: None,
            addend: None,
            activation: None,
            derivative: None,
        }
    }
}

/// c of `gemm`: `[m, n]`.
pub fn value<T: Real>(gemm: &Gemm<'_, T>) -> Vec<T> {
    let [m, n, k] = gemm.shape;
    assert_eq!(
        [gemm.a.len(), gemm.b.len()],
        [m * k, k * n],
        "gemm: operands"
    );
    let (a, b) = (gemm.a.entering(m, k), gemm.b.entering(k, n));
    let mut c = Vec::with_capacity(m * n);
    for row in 0..m {
        let mut sums = vec![0.0; n];
        for inner in 0..k {
            let left = a[row * k + inner];
            for (sum, right) in sums.iter_mut().zip(&b[inner * n..(inner + 1) * n]) {
                *sum += left * right;
            }
        }
        for (column, sum) in sums.into_iter().enumerate() {
            c.push(T::narrow(finish(gemm, row * n + column, column, sum)));
        }
    }
    c
}

/// What follows the sum.
fn finish<T: Real>(gemm: &Gemm<'_, T>, at: usize, column: usize, sum: f64) -> f64 {
    let mut value = sum;
    if let Some(bias) = gemm.bias {
        value += bias[column].wide();
    }
    if let Some(addend) = gemm.addend {
        value += addend[at].wide();
    }
    if let Some(function) = gemm.activation {
        value = activation::apply(function, value);
    }
    if let Some((function, output)) = gemm.derivative {
        value *= activation::derivative(function, output[at].wide());
    }
    value
}

/// a·b + bias: `[m, k], [k, n], [n] → [m, n]` as they enter.
pub fn product<T: Real>(
    [a, b]: [&[T]; 2],
    transposed: Transposed,
    bias: Option<&[T]>,
    shape: [usize; 3],
) -> Vec<T> {
    let [left, right] = transposed.sides();
    let (a, b) = (Operand::of(a, left), Operand::of(b, right));
    value(&Gemm {
        bias,
        ..Gemm::product(a, b, shape)
    })
}
