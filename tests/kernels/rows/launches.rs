//! Programs of many stages, and of many launches.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::kernels::rows::{self, Score, Stage, Tensor};
use vae_wgpu::rng::Stream;

use super::case::Case;
use super::{BINARY_SQUARES, GAUSSIAN, latent, score};
use crate::arrays::{functions, random, uniform};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests![both_checks:
        launches_in_one_pass,
        batches_in_parts,
        random_programs,
    ];
    // With bounds checks a driver unrolls less, so that there are more iterations than are counted.
    tests.extend(tests![gpu: launches_as_long_as_may_be, a_product_too_long_for_one_workgroup]);
    tests
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
        latent(&mut case, &mu, &logvar, Stream::Noise.into());
        case.compare_steps(gpu, 4);
    }
}

/// Stages of all kinds on results of each other, small enough for the iterations that checks add.
fn random_programs(gpu: &Gpu) {
    let choices = (0usize..6, 1usize..48, 0usize..100, 0usize..64);
    let stages = proptest::collection::vec(choices, 1..8);
    let functions = functions();
    random((1usize..200, 1usize..48, stages), |(rows, dim, stages)| {
        let mut case = Case::new(rows, dim);
        let x = case.output(dim);
        case.push(Stage::Gather { x });
        let mut tensors = vec![x];
        for (kind, width, pick, flags) in stages {
            let input = tensors[pick % tensors.len()];
            let activation = functions[flags % functions.len()];
            if kind == 0 && input.width.is_multiple_of(2) {
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
            if let (true, Some(function)) = (kind == 5, functions[pick % functions.len()]) {
                product.derivative = Some((function, case.fractions(width)));
            }
            tensors.push(case.store(product));
        }
        case.compare(gpu);
    });
}

/// The latent of a tensor that is there.
fn random_latent(case: &mut Case, heads: Tensor) -> Tensor {
    let z = case.output(heads.width / 2);
    let term = case.term();
    case.push(Stage::Latent {
        heads,
        draw: Stream::Noise.into(),
        z,
        term,
    });
    z
}

/// A batch that is too large for one tape: other rows of the data set, of the noise and of the log,
/// and counters that move on once it is over.
fn batches_in_parts(gpu: &Gpu) {
    for (batch, rows) in [(130, 64), (65, 33), (7, 1), (200, 67)] {
        let mut case = Case::new(rows, 5);
        case.batch = batch;
        let x = case.output(5);
        case.push(Stage::Gather { x });
        let product = case.product(x, 70, true);
        score(&mut case, product, Score::BernoulliNll, Some(0.1));
        let [mu, logvar] = [1, 2].map(|seed| uniform(seed, 3 * rows, 1.0));
        latent(&mut case, &mu, &logvar, Stream::Noise.into());
        case.compare_steps(gpu, 2);
    }
}

/// As many stages in each launch as the driver's count of iterations allows: where it ended loops
/// early, the last columns and rows would stay unwritten.
fn launches_as_long_as_may_be(gpu: &Gpu) {
    let most = |case: Case| {
        let launches = rows::together(&case.program.stages).len();
        let stages = case.program.stages.len();
        assert!((2..stages / 2).contains(&launches), "{launches} launches");
        case.compare(gpu);
    };
    for [inner, columns] in [[512, 512], [1, 3000], [1500, 200]] {
        let mut case = Case::new(1, 1);
        let x = case.uniform(inner, 1.0);
        let product = case.product(x, columns, false);
        for _ in 0..32 {
            case.store(product);
        }
        most(case);
    }
    let mut case = Case::new(32, 8000);
    for _ in 0..32 {
        let x = case.output(8000);
        case.push(Stage::Gather { x });
    }
    most(case);
    let mut case = Case::new(64, 1);
    let values = vec![0.5; 64 * 110];
    for _ in 0..16 {
        latent(&mut case, &values, &values, Stream::Noise.into());
    }
    most(case);
}

/// A stage that is too long even alone has its columns shared.
fn a_product_too_long_for_one_workgroup(gpu: &Gpu) {
    let mut case = Case::new(3, 1);
    let x = case.uniform(3000, 1.0);
    let product = case.product(x, 2600, true);
    score(&mut case, product, Score::BernoulliNll, Some(1.0));
    let sections = rows::together(&case.program.stages);
    assert!(sections[0].column_groups > 1, "{sections:?}");
    case.compare(gpu);
}
