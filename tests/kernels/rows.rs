//! `rows_subgroups` and `rows_workgroup` against their twin, stage by stage.

mod case;
mod compare;
mod expected;
mod launches;
mod pairs;
mod step;

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Ramp;
use vae_wgpu::kernels::KernelActivation::{Relu, Sigmoid, Tanh};
use vae_wgpu::kernels::rows::{Outcome, Product, Score, Stage};
use vae_wgpu::rng::{Draw, Stream};

use crate::arrays::{extreme, functions, keeps_nan, uniform};
use crate::support::harness::{Test, tests};
use case::Case;
use compare::variants;
use pairs::pairs;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests![both_checks:
        gathers,
        labels,
        a_step_with_labels,
        shapes,
        whole_vectors,
        halves_of_vectors,
        a_long_sum,
        weights_in_two_pieces,
        every_epilogue,
        every_loss,
        extreme_logits,
        saturated_predictions,
        latents,
        latents_of_whole_vectors,
        ramped_divergences,
        extreme_latents,
        nothing_hides_what_is_not_finite,
    ];
    tests.extend(pairs::tests());
    tests.extend(launches::tests());
    tests.extend(step::tests());
    tests
}

/// About the edges of the eight rows of the largest tile of `rows_workgroup`, of the 32 rows of a tile of
/// `rows_subgroups`, and of two of those.
const ROWS: [usize; 9] = [1, 7, 8, 9, 31, 32, 33, 64, 65];

/// About the edges of 8 and 32 columns.
const WIDTHS: [usize; 6] = [1, 3, 31, 33, 64, 97];

const GAUSSIAN: Score = Score::SquaredError {
    scale: 0.5,
    offset: 0.918_938_5,
};

const BINARY_SQUARES: Score = Score::SquaredError {
    scale: 1.5,
    offset: 0.0,
};

fn gathers(gpu: &Gpu) {
    for (turn, rows, dim) in pairs(gpu, ROWS.len(), &[1, 2, 3, 4, 5, 33, 63]) {
        let mut case = Case::new(ROWS[rows], dim);
        for _ in 0..2 {
            let x = case.output(dim);
            case.push(Stage::Gather { x });
        }
        case.compare_turn(gpu, turn);
    }
    let mut case = Case::new(65, 784);
    case.state.position = 0;
    let x = case.output(784);
    case.push(Stage::Gather { x });
    case.compare(gpu);
}

/// Labels within the last line of the images and past it, in parts of batches too.
fn labels(gpu: &Gpu) {
    const SHAPES: [[usize; 2]; 6] = [[1, 1], [3, 10], [8, 10], [5, 3], [13, 300], [120, 9]];
    for (turn, rows, [dim, classes]) in pairs(gpu, ROWS.len(), &SHAPES) {
        let mut case = Case::new(ROWS[rows], dim);
        if turn.is_multiple_of(2) {
            case.batch += 3;
        }
        let [x, y] = case.left_of_labels(dim, classes);
        case.push(Stage::Gather { x });
        case.push(Stage::Labels { y, first: dim });
        // Labels alone, and all of a tensor's columns.
        let y = case.output(classes);
        case.push(Stage::Labels { y, first: 0 });
        case.compare_turn(gpu, turn);
    }
}

/// Images and a latent with labels right of them, read by products, and the images alone by a loss.
fn a_step_with_labels(gpu: &Gpu) {
    for (rows, dim, latent, classes) in
        [(65, 13, 3, 10), (9, 16, 4, 4), (33, 5, 6, 2), (1, 1, 1, 1)]
    {
        let mut case = Case::new(rows, dim);
        let [x, input] = case.left_of_labels(dim, classes);
        case.push(Stage::Gather { x });
        case.push(Stage::Labels {
            y: input,
            first: dim,
        });
        let to_heads = case.product(input, 2 * latent, true);
        let heads = case.store(to_heads);
        let [z, both] = case.left_of_labels(latent, classes);
        let term = case.term();
        case.push(Stage::Latent {
            heads,
            draw: Stream::Noise.into(),
            z,
            term,
        });
        case.push(Stage::Labels {
            y: both,
            first: latent,
        });
        let product = case.product(both, dim, true);
        let term = case.term();
        let d_logits = case.output(dim);
        case.push(Stage::Product(Product {
            result: Outcome::Scored {
                score: Score::BernoulliNll,
                observed: x,
                term,
                gradient: Some((d_logits, 0.1)),
            },
            ..product
        }));
        // The gradient of the first columns alone.
        let back = case.product(d_logits, latent + classes, false);
        case.store(Product {
            width: latent,
            ..back
        });
        case.compare_steps(gpu, 2);
    }
}

/// Every pair of widths in both layouts, the second on the first one's result. No program is long:
/// bounds checks keep a driver from unrolling loops, and llvmpipe counts their iterations.
fn shapes(gpu: &Gpu) {
    let widths = WIDTHS
        .into_iter()
        .flat_map(|first| WIDTHS.map(|second| [first, second]));
    let widths: Vec<_> = widths.collect();
    for (turn, index, rows) in pairs(gpu, widths.len(), &ROWS) {
        let [first, width] = widths[index];
        let mut case = Case::new(rows, 1);
        let x = case.uniform(first, 1.0);
        for transposed in [false, true] {
            let product = case.product(x, width, transposed);
            let bias = index.is_multiple_of(2).then(|| case.bias(width, 1.0));
            let y = case.store(Product { bias, ..product });
            let product = case.product(y, first, transposed);
            case.store(product);
        }
        case.compare_turn(gpu, turn);
    }
}

/// Weights whose rows are whole vectors, which kernels may read as such. Short programs: with checks
/// in them, llvmpipe ends the loops of longer ones.
fn whole_vectors(gpu: &Gpu) {
    const ROWS: [usize; 3] = [1, 7, 65];
    const ONE: [[usize; 2]; 3] = [[5, 8], [39, 140], [33, 68]];
    for (turn, index, rows) in pairs(gpu, ONE.len(), &ROWS) {
        let [first, width] = ONE[index];
        let mut case = Case::aligned(rows, 4);
        let x = case.uniform(first, 1.0);
        // Rows of W lie along the columns, and the last block of them is not whole.
        let product = case.product(x, width, false);
        case.store(product);
        case.compare_turn(gpu, turn);
    }
    const TWO: [[usize; 2]; 5] = [[4, 140], [36, 12], [100, 64], [64, 36], [140, 4]];
    for (turn, index, rows) in pairs(gpu, TWO.len(), &ROWS) {
        let [first, width] = TWO[index];
        let mut case = Case::aligned(rows, 4);
        let x = case.uniform(first, 1.0);
        for transposed in [false, true] {
            let product = case.product(x, width, transposed);
            let bias = Some(case.bias(width, 1.0));
            let y = case.store(Product { bias, ..product });
            let product = case.product(y, first, transposed);
            case.store(product);
        }
        case.compare_turn(gpu, turn);
    }
}

/// Weights whose rows start at multiples of two words and not of four.
fn halves_of_vectors(gpu: &Gpu) {
    const SIZES: [[usize; 2]; 4] = [[2, 6], [34, 10], [98, 62], [30, 66]];
    for (turn, index, rows) in pairs(gpu, SIZES.len(), &[1, 7, 65]) {
        let [first, width] = SIZES[index];
        let mut case = Case::halved(rows, 4);
        let x = case.uniform(first, 1.0);
        for transposed in [false, true] {
            let product = case.product(x, width, transposed);
            let y = case.store(product);
            let product = case.product(y, first, transposed);
            case.store(product);
        }
        case.compare_turn(gpu, turn);
    }
}

fn a_long_sum(gpu: &Gpu) {
    for transposed in [false, true] {
        let mut case = Case::new(19, 1);
        let x = case.uniform(1009, 1.0);
        let product = case.product(x, 7, transposed);
        case.store(product);
        case.compare(gpu);
    }
}

/// Forward, where the pieces are columns of the product, with a bias in two pieces; and the gradient
/// of the input, where they are parts of the sum.
fn weights_in_two_pieces(gpu: &Gpu) {
    const LAYERS: [(usize, [usize; 2]); 7] = [
        (1, [1, 1]),
        (7, [3, 3]),
        (33, [5, 5]),
        (8, [1, 6]),
        (12, [10, 10]),
        (64, [64, 2]),
        (36, [31, 34]),
    ];
    for (turn, index, rows) in pairs(gpu, 2 * LAYERS.len(), &[1, 9, 65]) {
        let (fan_in, [mu, logvar]) = LAYERS[index / 2];
        let mut case = match index % 2 {
            0 => Case::new(rows, 1),
            _ => Case::aligned(rows, 4),
        };
        let fan_out = mu + logvar;
        let x = case.uniform(fan_in, 1.0);
        let mut product = case.product(x, fan_out, true);
        product.weight.at = case.split(product.weight.at, mu * fan_in);
        let bias = case.bias(fan_out, 1.0);
        product.bias = Some(case.split(bias, mu));
        let y = case.store(product);
        let mut back = case.product(y, fan_in, false);
        back.weight.at = case.split(back.weight.at, mu * fan_in);
        case.store(back);
        case.compare_turn(gpu, turn);
    }
}

fn every_epilogue(gpu: &Gpu) {
    for activation in functions() {
        let mut case = Case::new(67, 1);
        let x = case.uniform(5, 1.0);
        for derivative in functions() {
            for (with_bias, with_addend) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let product = case.product(x, 35, with_bias);
                let bias = with_bias.then(|| case.bias(35, 3.0));
                let addend = with_addend.then(|| case.uniform(35, 3.0));
                let derivative = derivative.map(|function| match function {
                    Sigmoid => (function, case.fractions(35)),
                    Relu | Tanh => (function, case.uniform(35, 1.0)),
                });
                case.store(Product {
                    bias,
                    addend,
                    activation,
                    derivative,
                    ..product
                });
            }
        }
        case.compare(gpu);
    }
}

/// Scores a product, with its gradient or without.
fn score(case: &mut Case, product: Product, score: Score, upstream: Option<f32>) {
    let observed = case.fractions(product.width);
    let term = case.term();
    let gradient = upstream.map(|upstream| (case.output(product.width), upstream));
    case.push(Stage::Product(Product {
        result: Outcome::Scored {
            score,
            observed,
            term,
            gradient,
        },
        ..product
    }));
}

fn every_loss(gpu: &Gpu) {
    const SHAPES: [[usize; 3]; 4] = [[67, 5, 35], [1, 1, 1], [64, 33, 32], [130, 3, 65]];
    let scores = [Score::BernoulliNll, GAUSSIAN, BINARY_SQUARES];
    for (turn, index, of) in pairs(gpu, SHAPES.len(), &scores) {
        let [rows, inner, width] = SHAPES[index];
        let mut case = Case::new(rows, 1);
        for activation in functions() {
            for with_bias in [false, true] {
                let x = case.uniform(inner, 2.0);
                let product = case.product(x, width, with_bias);
                let product = Product {
                    bias: with_bias.then(|| case.bias(width, 3.0)),
                    activation,
                    ..product
                };
                score(&mut case, product, of, None);
                score(&mut case, product, of, Some(-1.75));
            }
        }
        case.compare_turn(gpu, turn);
    }
}

/// A product whose sums are the values, each times 1, in every column.
fn repeated(case: &mut Case, values: &[f32], width: usize) -> Product {
    let x = case.input(values);
    let product = case.product(x, width, false);
    Product {
        weight: case.weight(&vec![1.0; width], [1, width], false),
        ..product
    }
}

/// Through a sigmoid and a logarithm, the value would be infinite or NaN here.
fn extreme_logits(gpu: &Gpu) {
    for bound in [1e2, 1e4] {
        let mut case = Case::new(101, 1);
        for seed in [1, 2] {
            let product = repeated(&mut case, &extreme(seed, 101, bound), 35);
            score(&mut case, product, Score::BernoulliNll, Some(0.5));
        }
        case.compare(gpu);
    }
}

fn saturated_predictions(gpu: &Gpu) {
    for bound in [20.0, 1e4, 1e30] {
        let mut case = Case::new(101, 1);
        for activation in [Some(Tanh), Some(Sigmoid)] {
            let product = repeated(&mut case, &extreme(3, 101, bound), 35);
            let product = Product {
                activation,
                ..product
            };
            score(&mut case, product, BINARY_SQUARES, Some(0.5));
            score(&mut case, product, Score::BernoulliNll, Some(0.5));
            case.store(product);
        }
        case.compare(gpu);
    }
}

/// The latent of a case's μ and log σ², and the adjoint, which draws the same noise again.
fn latent(case: &mut Case, mu: &[f32], logvar: &[f32], draw: Draw) {
    ramped_latent(case, mu, logvar, draw, Ramp::NONE);
}

/// [`latent`], whose divergence's gradient follows the step.
fn ramped_latent(case: &mut Case, mu: &[f32], logvar: &[f32], draw: Draw, ramp: Ramp) {
    let width = mu.len() / case.program.rows;
    let rows = mu.chunks(width).zip(logvar.chunks(width));
    let both: Vec<f32> = rows
        .flat_map(|(mu, logvar)| [mu, logvar].concat())
        .collect();
    let heads = case.input(&both);
    let z = case.output(width);
    let term = case.term();
    case.push(Stage::Latent {
        heads,
        draw,
        z,
        term,
    });
    let d_z = case.uniform(width, 1.0);
    let d_heads = case.output(2 * width);
    case.push(Stage::LatentGrad {
        heads,
        draw,
        d_z,
        upstream: 0.75,
        ramp,
        d_heads,
    });
}

/// The last two steps begin with a uniform of 1, whose logarithm is 0, and with half a turn.
fn latents(gpu: &Gpu) {
    const DRAWS: [(u64, u32); 4] = [
        (1, 0),
        (u64::MAX - 5, 100_000),
        (0, 44_153_660),
        (0, 22_770_319),
    ];
    for (turn, rows, (seed, step)) in pairs(gpu, ROWS.len(), &DRAWS) {
        let mut case = Case::new(ROWS[rows], 1);
        case.program.seed = seed;
        case.state.step = step;
        for (width, stream, number) in [
            (1, Stream::Noise, 0),
            (2, Stream::Evaluation, 1),
            (3, Stream::Noise, 0),
            (5, Stream::Sampling, u32::MAX),
            (33, Stream::Noise, 7),
        ] {
            uniform_latent(&mut case, width, Draw { stream, number });
        }
        case.compare_turn(gpu, turn);
    }
}

fn uniform_latent(case: &mut Case, width: usize, draw: Draw) {
    let len = case.program.rows * width;
    let (mu, logvar) = (uniform(1, len, 1.0), uniform(2, len, 2.0));
    latent(case, &mu, &logvar, draw);
}

/// Steps on the way of a ramp, at its ends, past them, and over the beginning of a period.
fn ramped_divergences(gpu: &Gpu) {
    let ramps = [[100, 0], [3, 0], [7, 11], [1, 1]];
    for (turn, rows, [steps, period]) in pairs(gpu, ROWS.len(), &ramps) {
        let mut case = Case::new(ROWS[rows], 1);
        let len = 5 * case.program.rows;
        let [mu, logvar] = [1, 2].map(|seed| uniform(seed, len, 1.0));
        let ramp = Ramp { steps, period };
        ramped_latent(&mut case, &mu, &logvar, Stream::Noise.into(), ramp);
        case.compare_turn(gpu, turn);
    }
    for step in [0, 10, 11, 17, 18, 21] {
        let mut case = Case::new(9, 1);
        case.state.step = step;
        let [mu, logvar] = [1, 2].map(|seed| uniform(seed, 9 * 4, 1.0));
        for [steps, period] in [[10, 0], [7, 11]] {
            let ramp = Ramp { steps, period };
            ramped_latent(&mut case, &mu, &logvar, Stream::Noise.into(), ramp);
        }
        case.compare_steps(gpu, 2);
    }
}

/// Widths of whole vectors, which kernels may take as such, also in parts of a batch.
fn latents_of_whole_vectors(gpu: &Gpu) {
    for rows in ROWS {
        let mut case = Case::new(rows, 1);
        for (width, stream, number) in [
            (4, Stream::Noise, 0),
            (8, Stream::Evaluation, 1),
            (12, Stream::Sampling, u32::MAX),
            (36, Stream::Noise, 7),
        ] {
            uniform_latent(&mut case, width, Draw { stream, number });
        }
        case.batch = rows + rows.div_ceil(2);
        case.compare(gpu);
    }
}

/// exp(100) is beyond f32: the clamp keeps values and gradients finite. Next to zero the divergence
/// is of second order, and all of its digits are there.
fn extreme_latents(gpu: &Gpu) {
    let [rows, width] = [67, 15];
    for bound in [1e-6, 1e-3, 0.6, 1e2, 1e4] {
        let mut case = Case::new(rows, 1);
        let logvar = extreme(26, rows * width, bound);
        for mu in [1e4, 1e-3] {
            let mu = extreme(25, rows * width, mu);
            latent(&mut case, &mu, &logvar, Stream::Noise.into());
        }
        case.compare(gpu);
    }
}

/// What diverged must show: neither bias nor ReLU nor a loss may make a number of it.
fn nothing_hides_what_is_not_finite(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let [rows, width] = [9, 35];
    for activation in [None, Some(Relu)] {
        let mut case = Case::new(rows, 1);
        let mut values = vec![1.0; rows];
        values[5] = f32::NAN;
        let product = repeated(&mut case, &values, width);
        let product = Product {
            bias: Some(case.bias(width, 1.0)),
            activation,
            ..product
        };
        let y = case.store(product);
        score(&mut case, product, Score::BernoulliNll, Some(1.0));
        score(&mut case, product, BINARY_SQUARES, Some(1.0));
        for variant in variants(gpu, &case.program) {
            let left = case.run(gpu, variant, 1);
            for term in 0..2 {
                let (tape, losses) = left.first(&case, 1 + term, term);
                for (row, loss) in losses.iter().enumerate() {
                    let first = y.at + row * y.stride();
                    let hit = tape[first..first + width].iter().all(|v| v.is_nan());
                    assert_eq!(hit, row == 5, "row {row} with {activation:?}");
                    assert_eq!(loss.is_nan(), row == 5, "term {term} of row {row}");
                }
            }
        }
    }
}
