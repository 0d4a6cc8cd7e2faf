//! `rows_subgroups` against its twin, stage by stage.

mod bounds;
mod case;
mod step;

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Activation::{self, Relu, Sigmoid, Tanh};
use vae_wgpu::kernels::rows::{MAX_ROUNDS, Outcome, Product, Score, Stage, Tensor};
use vae_wgpu::rng::Stream;

use crate::arrays::{extreme, keeps_nan, random, uniform};
use crate::support::harness::{Test, tests};
use case::{Case, variants};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests![both_checks:
        gathers,
        shapes,
        a_long_sum,
        every_epilogue,
        every_loss,
        extreme_logits,
        saturated_predictions,
        latents,
        extreme_latents,
        nothing_hides_what_is_not_finite,
        launches_in_one_pass,
        random_programs,
    ];
    tests.extend(step::tests());
    // With bounds checks a driver unrolls less, so that there are more rounds than are counted.
    tests.extend(tests![gpu: as_many_rounds_as_may_be]);
    tests
}

/// About the edges of a lane's eight rows and of the tile's 64.
const ROWS: [usize; 9] = [1, 7, 8, 9, 63, 64, 65, 128, 130];

/// About the edges of 8 and 32 columns.
const WIDTHS: [usize; 6] = [1, 3, 31, 33, 64, 97];

/// Activations and derivatives, and neither.
const FUNCTIONS: [Option<Activation>; 4] = [None, Some(Relu), Some(Tanh), Some(Sigmoid)];

const GAUSSIAN: Score = Score::SquaredError {
    scale: 0.5,
    offset: 0.918_938_5,
};

const BINARY_SQUARES: Score = Score::SquaredError {
    scale: 1.5,
    offset: 0.0,
};

fn gathers(gpu: &Gpu) {
    for rows in ROWS {
        for dim in [1, 2, 3, 4, 5, 33, 63] {
            let mut case = Case::new(rows, dim);
            for _ in 0..2 {
                let x = case.output(dim);
                case.push(Stage::Gather { x });
            }
            case.compare(gpu);
        }
    }
    let mut case = Case::new(65, 784);
    case.state.position = 0;
    let x = case.output(784);
    case.push(Stage::Gather { x });
    case.compare(gpu);
}

/// Every pair of widths in both layouts, the second on the first one's result. No program is long:
/// bounds checks keep a driver from unrolling loops, and llvmpipe's rounds are counted.
fn shapes(gpu: &Gpu) {
    for rows in ROWS {
        for first in WIDTHS {
            for (index, width) in WIDTHS.into_iter().enumerate() {
                let mut case = Case::new(rows, 1);
                let x = case.uniform(first, 1.0);
                for transposed in [false, true] {
                    let product = case.product(x, width, transposed);
                    let bias = (index % 2 == 0).then(|| case.bias(width, 1.0));
                    let y = case.store(Product { bias, ..product });
                    let product = case.product(y, first, transposed);
                    case.store(product);
                }
                case.compare(gpu);
            }
        }
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

fn every_epilogue(gpu: &Gpu) {
    for activation in FUNCTIONS {
        let mut case = Case::new(67, 1);
        let x = case.uniform(5, 1.0);
        for derivative in FUNCTIONS {
            for (with_bias, with_addend) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let product = case.product(x, 35, with_bias);
                let bias = with_bias.then(|| case.bias(35, 3.0));
                let addend = with_addend.then(|| case.uniform(35, 3.0));
                let gradient_of = derivative.map(|function| match function {
                    Sigmoid => (function, case.fractions(35)),
                    Relu | Tanh => (function, case.uniform(35, 1.0)),
                });
                case.store(Product {
                    bias,
                    addend,
                    activation,
                    gradient_of,
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
    for (rows, inner, width) in [(67, 5, 35), (1, 1, 1), (64, 33, 32), (130, 3, 65)] {
        for of in [Score::BernoulliNll, GAUSSIAN, BINARY_SQUARES] {
            let mut case = Case::new(rows, 1);
            for activation in FUNCTIONS {
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
            case.compare(gpu);
        }
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
fn latent(case: &mut Case, mu: &[f32], logvar: &[f32], stream: Stream) {
    let [mu, logvar] = [mu, logvar].map(|values| case.input(values));
    let z = case.output(mu.width);
    let term = case.term();
    case.push(Stage::Latent {
        mu,
        logvar,
        stream,
        z,
        term,
    });
    let d_z = case.uniform(mu.width, 1.0);
    let [d_mu, d_logvar] = [(); 2].map(|()| case.output(mu.width));
    case.push(Stage::LatentGrad {
        mu,
        logvar,
        stream,
        d_z,
        upstream: 0.75,
        d_mu,
        d_logvar,
    });
}

/// The last two steps begin with a uniform of 1, whose logarithm is 0, and with half a turn.
fn latents(gpu: &Gpu) {
    for rows in ROWS {
        for (seed, step) in [
            (1, 0),
            (u64::MAX - 5, 100_000),
            (0, 44_153_660),
            (0, 22_770_319),
        ] {
            let mut case = Case::new(rows, 1);
            case.program.seed = seed;
            case.state.step = step;
            for (width, stream) in [
                (1, Stream::Noise),
                (2, Stream::Evaluation),
                (3, Stream::Noise),
                (5, Stream::Sampling),
                (33, Stream::Noise),
            ] {
                let len = rows * width;
                let (mu, logvar) = (uniform(1, len, 1.0), uniform(2, len, 2.0));
                latent(&mut case, &mu, &logvar, stream);
            }
            case.compare(gpu);
        }
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
            latent(&mut case, &mu, &logvar, Stream::Noise);
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
    for variant in variants(gpu) {
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
            let (tapes, losses) = case.run(gpu, variant, 1);
            let log = case.log(1);
            for row in 0..rows {
                let first = y.at + row * width;
                let hit = tapes[0][first..first + width].iter().all(|v| v.is_nan());
                assert_eq!(hit, row == 5, "row {row} with {activation:?}");
                for term in 0..2 {
                    let entry = term * log.entries + case.state.entry as usize;
                    let loss = losses[entry * log.stride + row];
                    assert_eq!(loss.is_nan(), row == 5, "term {term} of row {row}");
                }
            }
        }
    }
}

/// Each step sees the counters that the one before has moved on: other images, other noise, the
/// next entry of the log.
fn launches_in_one_pass(gpu: &Gpu) {
    for rows in [1, 64, 130, 321] {
        let mut case = Case::new(rows, 7);
        let x = case.output(7);
        case.push(Stage::Gather { x });
        let product = case.product(x, 33, true);
        score(&mut case, product, Score::BernoulliNll, Some(0.1));
        let [mu, logvar] = [1, 2].map(|seed| uniform(seed, 3 * rows, 1.0));
        latent(&mut case, &mu, &logvar, Stream::Noise);
        case.compare_steps(gpu, 4);
    }
}

/// Stages of all kinds on results of each other, small enough for the rounds that checks add.
fn random_programs(gpu: &Gpu) {
    let choices = (0usize..6, 1usize..48, 0usize..100, 0usize..64);
    let stages = proptest::collection::vec(choices, 1..8);
    random((1usize..200, 1usize..48, stages), |(rows, dim, stages)| {
        let mut case = Case::new(rows, dim);
        let x = case.output(dim);
        case.push(Stage::Gather { x });
        let mut tensors = vec![x];
        for (kind, width, pick, flags) in stages {
            let input = tensors[pick % tensors.len()];
            let activation = FUNCTIONS[flags % 4];
            if kind == 0 {
                let z = random_latent(&mut case, input);
                tensors.push(z);
                continue;
            }
            let mut product = case.product(input, width, flags & 16 == 0);
            product.activation = activation;
            product.bias = (flags & 32 == 0).then(|| case.bias(width, 1.0));
            if kind < 3 {
                let of = [Score::BernoulliNll, GAUSSIAN, BINARY_SQUARES][pick % 3];
                score(&mut case, product, of, (flags & 4 == 0).then_some(0.3));
                continue;
            }
            if flags & 8 == 0 {
                let same = tensors.iter().find(|tensor| tensor.width == width);
                product.addend = same.copied();
            }
            if let (true, Some(function)) = (kind == 5, FUNCTIONS[pick % 4]) {
                product.gradient_of = Some((function, case.fractions(width)));
            }
            tensors.push(case.store(product));
        }
        case.compare(gpu);
    });
}

/// The latent of a μ that is there.
fn random_latent(case: &mut Case, mu: Tensor) -> Tensor {
    let logvar = case.uniform(mu.width, 2.0);
    let z = case.output(mu.width);
    let term = case.term();
    case.push(Stage::Latent {
        mu,
        logvar,
        stream: Stream::Noise,
        z,
        term,
    });
    z
}

/// A driver that ends loops early would leave the last columns and rows unwritten.
fn as_many_rounds_as_may_be(gpu: &Gpu) {
    let most = |case: Case| {
        let rounds = case.program.rounds();
        assert!(rounds <= MAX_ROUNDS, "{rounds} rounds");
        assert!(20 * rounds > 19 * MAX_ROUNDS, "only {rounds} rounds");
        case.compare(gpu);
    };
    for [inner, columns] in [[3650, 1000], [1000, 3500], [3, 45_000]] {
        let mut case = Case::new(1, 1);
        let x = case.uniform(inner, 1.0);
        let product = case.product(x, columns, false);
        case.store(product);
        most(case);
    }
    let mut case = Case::new(64, 29_500);
    let x = case.output(29_500);
    case.push(Stage::Gather { x });
    most(case);
    let mut case = Case::new(64, 1);
    let values = vec![0.5; 64 * 3700];
    latent(&mut case, &values, &values, Stream::Noise);
    most(case);
}
