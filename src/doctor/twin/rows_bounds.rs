//! What each result of a stage may be off by, given what the stage read.

use super::EPS;
use super::losses::{off, sigma};
use crate::graph::Ramp;
use crate::kernels::KernelActivation::{self, Relu, Sigmoid, Tanh};
use crate::kernels::rows::{Outcome, Product, Program, Score, Stage, Tensor};
use crate::reference::activation::{apply, derivative};
use crate::reference::rows::{self as twin, Inputs, Results};
use crate::rng::Draw;

/// What a normal of the host's may be off by: see [`super::indices::draw`].
pub(super) const NOISE: f64 = 1.0 / 1024.0 + 5.8 / 2048.0;

/// Bounds on the errors, laid out as the twin's `results`. `noise_off` is what the normals of `inputs` may be off by: 0
/// where they come from the kernel `draw`, as those of the kernels' tests do.
pub fn of(
    program: &Program,
    stage: &Stage,
    inputs: Inputs<'_, f64>,
    tape: &[f64],
    results: &Results<f64>,
    noise_off: f64,
) -> Results<f64> {
    let of = |tensor: Tensor| tensor.read(tape, program.rows);
    match *stage {
        // `unpack4x8unorm` carries 3 ULP.
        Stage::Gather { .. } => {
            let bound = |values: &[f64]| values.iter().map(|v| 3.0 * EPS * v).collect();
            let tensors = results.tensors.iter().map(|(x, v)| (*x, bound(v)));
            Results {
                tensors: tensors.collect(),
                losses: None,
            }
        }
        Stage::Labels { .. } => {
            let exact = |values: &[f64]| vec![0.0; values.len()];
            let tensors = results.tensors.iter().map(|(y, v)| (*y, exact(v)));
            Results {
                tensors: tensors.collect(),
                losses: None,
            }
        }
        Stage::Product(ref p) => product(program, p, inputs, tape, results),
        // As for the kernel `latent`.
        Stage::Latent {
            heads,
            draw,
            z,
            term,
        } => {
            let eps = noise(program, inputs, draw, z.width);
            let [mu, logvar] = apart(&of(heads), z.width);
            let bound = |i: usize| {
                let (sigma, ulp) = sigma(logvar[i]);
                EPS * ((ulp + 2.0) * (sigma * eps[i]).abs() + 2.0 * mu[i].abs()) + sigma * noise_off
            };
            let part = |i: usize| {
                let parts = mu[i].powi(2) + logvar[i].min(80.0).exp_m1() - logvar[i];
                let roundings = z.width as f64 + 5.0;
                EPS * 0.5 * (roundings * parts.abs() + off(logvar[i])[1])
            };
            let elements = || 0..program.rows * z.width;
            let rows = sums(program.rows, &elements().map(part).collect::<Vec<_>>());
            Results {
                tensors: vec![(z, elements().map(bound).collect())],
                losses: Some((term, rows)),
            }
        }
        // As for the kernel `latent_grad`.
        Stage::LatentGrad {
            heads,
            draw,
            d_z,
            upstream,
            ramp,
            d_heads,
        } => {
            let eps = noise(program, inputs, draw, d_z.width);
            let width = d_z.width;
            let [mu, logvar] = apart(&of(heads), width);
            let d_z = of(d_z);
            let upstream = f64::from(upstream) * ramp.at(inputs.state.step);
            // The factor of a ramp is a division, of 2.5 ULP, and one more product.
            let ramped = if ramp == Ramp::NONE { 0.0 } else { 3.0 };
            let of_mu = |i: usize| EPS * (d_z[i].abs() + (2.0 + ramped) * (upstream * mu[i]).abs());
            let of_logvar = |i: usize| {
                let (sigma, ulp) = sigma(logvar[i]);
                let through_z = 0.5 * (ulp + 4.0) * (d_z[i] * sigma * eps[i]).abs();
                let variance = logvar[i].min(80.0).exp_m1();
                let own = off(logvar[i])[0];
                let divergence = 0.5 * (own + (3.0 + ramped) * variance.abs());
                EPS * (through_z + (upstream * divergence).abs())
                    + 0.5 * (d_z[i] * sigma).abs() * noise_off
            };
            let bounds = (0..program.rows).flat_map(|row| {
                let elements = row * width..(row + 1) * width;
                elements.clone().map(of_mu).chain(elements.map(of_logvar))
            });
            Results {
                tensors: vec![(d_heads, bounds.collect())],
                losses: None,
            }
        }
    }
}

/// ε of a program's rows.
fn noise(program: &Program, inputs: Inputs<'_, f64>, draw: Draw, width: usize) -> Vec<f64> {
    let end = (program.first_row + program.rows) * width;
    let mut eps = (inputs.noise)(draw, inputs.state.step, end);
    eps.split_off(program.first_row * width)
}

/// μ and log σ² from `[rows, 2·width]`.
fn apart(heads: &[f64], width: usize) -> [Vec<f64>; 2] {
    [0, width].map(|first| {
        let rows = heads.chunks(2 * width);
        rows.flat_map(|row| row[first..first + width].to_vec())
            .collect()
    })
}

/// The sum of each row of `[rows, _]`.
fn sums(rows: usize, values: &[f64]) -> Vec<f64> {
    let width = values.len() / rows;
    (0..rows)
        .map(|row| values[row * width..(row + 1) * width].iter().sum())
        .collect()
}

/// An element of a product on its way: what it is, and what it may be off by.
#[derive(Clone, Copy)]
struct Approximate {
    value: f64,
    off: f64,
}

fn product(
    program: &Program,
    p: &Product,
    inputs: Inputs<'_, f64>,
    tape: &[f64],
    results: &Results<f64>,
) -> Results<f64> {
    let of = |tensor: Tensor| tensor.read(tape, program.rows);
    let plain = Product {
        activation: None,
        derivative: None,
        result: Outcome::Stored(Tensor::whole(0, 0)),
        ..*p
    };
    let run = |p: Product, inputs, tape: &[f64]| {
        let results = twin::stage(program, &Stage::Product(p), inputs, tape);
        results.tensors.into_iter().next().map(|(_, values)| values)
    };
    let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
    let sizes = Inputs {
        parameters: &absolute(inputs.parameters),
        ..inputs
    };
    let sizes = run(plain, sizes, &absolute(tape)).unwrap_or_default();
    let sums = run(plain, inputs, tape).unwrap_or_default();
    // The partial sums, the products in them, bias and addend round once each.
    let off = |size: f64| (p.input.width + 3) as f64 * EPS * size;
    let sums: Vec<_> = sums
        .into_iter()
        .zip(sizes)
        .map(|(value, size)| Approximate {
            value,
            off: off(size),
        })
        .collect();
    let values: Vec<f64> = sums.iter().map(|sum| sum.value).collect();
    let values = match p.activation {
        None => values,
        Some(function) => values.into_iter().map(|x| apply(function, x)).collect(),
    };
    // Slopes are at most 1.
    let outputs: Vec<_> = values
        .into_iter()
        .zip(&sums)
        .map(|(value, sum)| Approximate {
            value,
            off: sum.off + own(p.activation),
        })
        .collect();
    match p.result {
        Outcome::Stored(tensor) => {
            let output = p
                .derivative
                .map(|(function, output)| (function, of(output)));
            let bound = |(i, y): (usize, &Approximate)| {
                let Some((function, output)) = &output else {
                    return y.off;
                };
                let (function, output) = (*function, output[i]);
                // The derivative rounds two or three times at the size of its parts, the product once.
                let roundings = EPS * (4.0 + 3.0 * output.powi(2)) * y.value.abs();
                let slope = derivative(function, output).abs();
                slope * y.off + if function == Relu { 0.0 } else { roundings }
            };
            let bounds = outputs.iter().enumerate().map(bound).collect();
            Results {
                tensors: vec![(tensor, bounds)],
                losses: None,
            }
        }
        Outcome::Scored {
            score,
            observed,
            gradient,
            ..
        } => {
            let observed = of(observed);
            let score = |i: usize| scored(score, outputs[i], observed[i], p.width);
            let elements: Vec<_> = (0..outputs.len()).map(score).collect();
            let of_loss: Vec<_> = elements.iter().map(|element| element.loss_off).collect();
            let gradient = gradient.map(|(tensor, upstream)| {
                let bound = |i: usize| {
                    let slope = slope(p.activation, sums[i], outputs[i]);
                    let d_y = elements[i].gradient;
                    let parts = (d_y.value * slope.off).abs()
                        + (d_y.off * slope.value).abs()
                        + d_y.off * slope.off
                        + 2.0 * EPS * (d_y.value * slope.value).abs();
                    f64::from(upstream).abs() * parts
                };
                (tensor, (0..outputs.len()).map(bound).collect())
            });
            let losses = results.losses.as_ref();
            let losses = losses.map(|(term, _)| (*term, self::sums(program.rows, &of_loss)));
            Results {
                tensors: gradient.into_iter().collect(),
                losses,
            }
        }
    }
}

/// What an activation adds: 10⁻⁵ for tanh, 7 ULP of 1 for the sigmoid.
fn own(function: Option<KernelActivation>) -> f64 {
    match function {
        None | Some(Relu) => 0.0,
        Some(Tanh) => 1e-5 + EPS,
        Some(Sigmoid) => 7.0 * EPS,
    }
}

/// A loss's share of its row's bound, and the loss's derivative by y.
struct Scored {
    loss_off: f64,
    gradient: Approximate,
}

fn scored(score: Score, y: Approximate, x: f64, columns: usize) -> Scored {
    let roundings = (columns + 4) as f64 * EPS;
    match score {
        // 2⁻²¹ for the logarithm, 3 ULP for the exponential in it; the slope of the loss is σ(y) − x,
        // and that of σ is nowhere in reach steeper than at the end next to 0.
        Score::BernoulliNll => {
            let sigmoid = |y: f64| 1.0 / (1.0 + (-y).exp());
            let nearest = sigmoid((y.value.abs() - y.off).max(0.0));
            let steepest = nearest * (1.0 - nearest);
            let value = sigmoid(y.value) - x;
            let size = y.value.max(0.0) + (y.value * x).abs() + (-y.value.abs()).exp().ln_1p();
            let through = y.off * (value.abs() + steepest * y.off);
            Scored {
                loss_off: roundings * size + 2f64.powi(-21) + 3.0 * EPS + through,
                gradient: Approximate {
                    value,
                    off: steepest * y.off + 9.0 * EPS,
                },
            }
        }
        // A difference, which counts twice, two products and a sum.
        Score::SquaredError { scale, offset } => {
            let [scale, offset] = [scale, offset];
            let difference = y.value - x;
            let through = scale * y.off * (2.0 * difference.abs() + y.off);
            let size = scale * difference.powi(2) + offset.abs();
            Scored {
                loss_off: (roundings + EPS) * size + through,
                gradient: Approximate {
                    value: 2.0 * scale * difference,
                    off: 2.0 * scale * (y.off + 3.0 * EPS * difference.abs()),
                },
            }
        }
    }
}

/// f′ from an approximate output; ReLU's is anything where the sign of the sum is not certain.
fn slope(function: Option<KernelActivation>, sum: Approximate, y: Approximate) -> Approximate {
    let off = match function {
        None => 0.0,
        Some(Relu) if sum.value.abs() > sum.off => 0.0,
        Some(Relu) => 1.0,
        Some(Tanh) => y.off * (2.0 * y.value.abs() + y.off) + 2.0 * EPS,
        Some(Sigmoid) => y.off * ((1.0 - 2.0 * y.value).abs() + y.off) + 2.0 * EPS,
    };
    Approximate {
        value: function.map_or(1.0, |function| derivative(function, y.value)),
        off,
    }
}
