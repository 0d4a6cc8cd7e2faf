//! Twin of the kernels `rows_subgroups` and `rows_workgroup`: a program of stages over the rows of a batch.

use super::real::Real;
use super::{activation, draw, gather, gemm, latent, latent_grad, one_hot, pointwise};
use crate::graph::{Broadcast, Pointwise};
use crate::kernels::State;
use crate::kernels::rows::{Log, Outcome, Product, Program, Stage, Tensor, Weight};
use crate::rng::Draw;

/// What the stages read besides the tape.
#[derive(Clone, Copy)]
pub struct Inputs<'a, T> {
    /// The data set, `[count, dim]` bytes, not padded.
    pub pixels: &'a [u8],
    /// A class for each image, where a stage reads labels.
    pub labels: &'a [u8],
    /// `[count]`: the epoch's permutation.
    pub order: &'a [u32],
    /// All weights and biases.
    pub parameters: &'a [T],
    /// Where the loop stands.
    pub state: State,
    /// ε of a draw and a step, `[len]`: [`noise`], or what a kernel has drawn.
    pub noise: &'a dyn Fn(Draw, u32, usize) -> Vec<T>,
}

/// What a stage writes.
#[derive(Clone, Debug, Default)]
pub struct Results<T> {
    /// Tensors, with their values `[rows, width]`.
    pub tensors: Vec<(Tensor, Vec<T>)>,
    /// The term of the objective that it computes, with its rows.
    pub losses: Option<(usize, Vec<T>)>,
}

/// The noise of a program with this seed, for [`Inputs::noise`].
pub fn noise<T: Real>(seed: u64) -> impl Fn(Draw, u32, usize) -> Vec<T> {
    move |of, step, len| draw::normals(seed, of, step, len)
}

/// Runs all stages in place: what they write on the tape, their rows as those of the first column group of
/// the log. Returns the counters, moved on where the batch ends.
pub fn run<T: Real>(
    program: &Program,
    inputs: Inputs<'_, T>,
    log: Log,
    tape: &mut [T],
    losses: &mut [T],
) -> State {
    let state = inputs.state;
    for of in &program.stages {
        let results = stage(program, of, inputs, tape);
        for (tensor, values) in results.tensors {
            tensor.write(tape, &values);
        }
        if let Some((term, rows)) = results.losses {
            let entry = term * log.term() + state.entry as usize * log.entry();
            let first = entry + program.first_row;
            losses[first..first + rows.len()].copy_from_slice(&rows);
        }
    }
    if !program.last {
        return state;
    }
    State {
        step: state.step + 1,
        position: state.position + (program.first_row + program.rows) as u32,
        entry: state.entry + 1,
        ..state
    }
}

/// What one stage writes, from what lies on the tape.
pub fn stage<T: Real>(
    program: &Program,
    stage: &Stage,
    inputs: Inputs<'_, T>,
    tape: &[T],
) -> Results<T> {
    let rows = program.rows;
    let of = |tensor: Tensor| tensor.read(tape, rows);
    // That of the whole batch, of which these rows have a part.
    let noise = |draw, width| {
        let end = (program.first_row + rows) * width;
        let mut eps = (inputs.noise)(draw, inputs.state.step, end);
        eps.split_off(program.first_row * width)
    };
    let position = inputs.state.position as usize + program.first_row;
    match *stage {
        Stage::Gather { x } => {
            let shape = [rows, program.dim];
            let values = gather::bytes(inputs.pixels, inputs.order, position, shape);
            Results {
                tensors: vec![(x, values)],
                losses: None,
            }
        }
        Stage::Labels { y, first } => {
            let classes = y.width - first;
            let shape = [rows, classes];
            let labels = one_hot::value(inputs.labels, inputs.order, position, shape);
            let mut values = of(y);
            for row in 0..rows {
                values[row * y.width + first..(row + 1) * y.width]
                    .copy_from_slice(&labels[row * classes..(row + 1) * classes]);
            }
            Results {
                tensors: vec![(y, values)],
                losses: None,
            }
        }
        Stage::Product(ref p) => product(p, rows, inputs.parameters, of),
        Stage::Latent {
            heads,
            draw,
            z,
            term,
        } => {
            let eps = noise(draw, z.width);
            let shape = [rows, z.width];
            let [mu, logvar] = apart(&of(heads), z.width);
            let (values, divergence) = latent::value(&mu, &logvar, &eps, shape);
            Results {
                tensors: vec![(z, values)],
                losses: Some((term, divergence)),
            }
        }
        Stage::LatentGrad {
            heads,
            draw,
            d_z,
            upstream,
            ramp,
            d_heads,
        } => {
            let eps = noise(draw, d_z.width);
            let upstream = f64::from(upstream) * ramp.at(inputs.state.step);
            let d_rows = vec![T::narrow(upstream); rows];
            let shape = [rows, d_z.width];
            let [mu, logvar] = apart(&of(heads), d_z.width);
            let operands = [mu.as_slice(), &logvar, &eps];
            let of_both = latent_grad::gradient(operands, &of(d_z), &d_rows, shape);
            Results {
                tensors: vec![(d_heads, side_by_side(&of_both.0, &of_both.1, d_z.width))],
                losses: None,
            }
        }
    }
}

/// μ and log σ², each `[rows, width]`, from both heads.
fn apart<T: Real>(heads: &[T], width: usize) -> [Vec<T>; 2] {
    [0, width].map(|first| {
        let rows = heads.chunks_exact(2 * width);
        rows.flat_map(|row| row[first..first + width].iter().copied())
            .collect()
    })
}

/// The opposite: `[rows, 2·width]`.
fn side_by_side<T: Real>(mu: &[T], logvar: &[T], width: usize) -> Vec<T> {
    let rows = mu.chunks_exact(width).zip(logvar.chunks_exact(width));
    rows.flat_map(|(mu, logvar)| [mu, logvar].concat())
        .collect()
}

fn product<T: Real>(
    p: &Product,
    rows: usize,
    parameters: &[T],
    of: impl Fn(Tensor) -> Vec<T>,
) -> Results<T> {
    let weight = entering(p.weight, [p.input.width, p.width], parameters);
    let bias: Option<Vec<T>> = p
        .bias
        .map(|at| (0..p.width).map(|c| parameters[at.word(c)]).collect());
    let input = of(p.input);
    let addend = p.addend.map(&of);
    let output = p.derivative.map(|(g, output)| (g, of(output)));
    let y = gemm::value(&gemm::Gemm {
        shape: [rows, p.width, p.input.width],
        a: gemm::Operand::Plain(&input),
        b: gemm::Operand::Plain(&weight),
        bias: bias.as_deref(),
        addend: addend.as_deref(),
        activation: p.activation,
        derivative: output.as_ref().map(|(g, output)| (*g, output.as_slice())),
    });
    let (score, observed, term, gradient) = match p.result {
        Outcome::Stored(tensor) => {
            return Results {
                tensors: vec![(tensor, y)],
                losses: None,
            };
        }
        Outcome::Scored {
            score,
            observed,
            term,
            gradient,
        } => (score, of(observed), term, gradient),
    };
    let shape = [rows, p.width];
    let loss = Pointwise {
        expr: score.expr(),
        shape,
        operands: vec![Broadcast::EACH, Broadcast::EACH],
    };
    let losses = pointwise::row_sum(&loss, &[&y, &observed]);
    let gradient = gradient.map(|(tensor, upstream)| {
        let d_rows = vec![T::narrow(upstream.into()); rows];
        let slope = Pointwise {
            expr: loss.adjoint(0),
            shape,
            operands: vec![Broadcast::EACH, Broadcast::EACH, Broadcast::ROW],
        };
        let d_y = pointwise::value(&slope, &[&y, &observed, &d_rows]);
        let before = match p.activation {
            Some(function) => {
                let each = y.iter().zip(&d_y);
                let slope = |y: &T| activation::derivative(function, y.wide());
                each.map(|(y, d_y)| T::narrow(d_y.wide() * slope(y)))
                    .collect()
            }
            None => d_y,
        };
        (tensor, before)
    });
    Results {
        tensors: gradient.into_iter().collect(),
        losses: Some((term, losses)),
    }
}

/// A matrix among the parameters, row-major.
fn entering<T: Real>(weight: Weight, [inner, columns]: [usize; 2], parameters: &[T]) -> Vec<T> {
    let element = |k, c| parameters[weight.at.word(k * weight.inner + c * weight.column)];
    let rows = (0..inner).flat_map(|k| (0..columns).map(move |c| (k, c)));
    rows.map(|(k, c)| element(k, c)).collect()
}
