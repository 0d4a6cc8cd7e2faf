//! `update_subgroups` and `update_tiled` against their twin.

mod case;

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::{Adam, Optimizer};

use crate::adam::{schedules, steps_of};
use crate::arrays::{extreme, random, uniform, wrapped};
use crate::support::harness::{Test, tests};
use case::{Case, variants};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks:
        shapes,
        whole_vectors,
        layers_in_two_pieces,
        many_layers,
        steps,
        other_settings,
        schedules_and_decay,
        gradients_are_kept,
        extreme_values,
        no_moment_is_denormal,
        a_wrapped_grid,
        batches_in_parts,
        random_layers,
    ]
}

const ROWS: [usize; 7] = [1, 7, 63, 64, 65, 128, 130];

/// About the edges of the tile, 64×32 or 32×64, and of its eight lanes.
const SIZES: [[usize; 2]; 16] = [
    [1, 1],
    [3, 1],
    [1, 33],
    [31, 33],
    [33, 31],
    [64, 32],
    [32, 64],
    [65, 33],
    [33, 65],
    [97, 3],
    [3, 97],
    [129, 7],
    [7, 129],
    [64, 97],
    [97, 64],
    [200, 1],
];

/// Each size alone with a bias, so that the first and the last tile of a launch are all of them.
fn shapes(gpu: &Gpu) {
    for rows in ROWS {
        for size in SIZES {
            Case::uniform(rows, 1, &[size]).compare(gpu);
        }
    }
}

/// Weights whose rows are whole vectors of four words, which kernels may read as such: next to layers
/// that have none, in two pieces, and in parts of a batch.
fn whole_vectors(gpu: &Gpu) {
    let sizes = [[32, 8], [1, 4], [64, 36], [33, 64], [7, 132], [130, 12]];
    for rows in [1, 7, 65] {
        for size in sizes {
            Case::aligned(rows, 2, &[size]).compare(gpu);
        }
        Case::aligned(rows, 2, &sizes).compare(gpu);
        for outputs in [4, 10] {
            let mut case = Case::aligned(rows, 2, &[[9, 33], [20, 36], [64, 12]]);
            case.split(outputs);
            case.compare(gpu);
        }
    }
    let case = Case::aligned(130, 2, &sizes);
    for variant in variants(gpu) {
        case.check(&case.run_parts(gpu, variant, &[64, 64, 2], |launch| launch));
    }
}

/// The last layer of a launch, with a bias and without; some of the tiles have outputs of both pieces.
fn layers_in_two_pieces(gpu: &Gpu) {
    for rows in [1, 65] {
        for ([fan_out, fan_in], outputs) in [
            ([2, 1], 1),
            ([6, 5], 3),
            ([10, 33], 5),
            ([40, 400], 20),
            ([130, 7], 65),
            ([70, 97], 1),
        ] {
            for sizes in [&[[fan_out, fan_in]][..], &[[9, 33], [fan_out, fan_in]]] {
                let mut case = Case::uniform(rows, 2, sizes);
                case.split(outputs);
                case.compare(gpu);
            }
        }
    }
}

/// All of them in one launch, with and without biases.
fn many_layers(gpu: &Gpu) {
    for rows in ROWS {
        Case::uniform(rows, 3, &SIZES).compare(gpu);
        Case::uniform(rows, 3, &SIZES[1..]).compare(gpu);
    }
    let most: Vec<_> = SIZES.into_iter().chain(SIZES).collect();
    Case::uniform(5, 3, &most).compare(gpu);
}

/// The bias corrections cancel at small steps and change from series to exp on the way.
fn steps(gpu: &Gpu) {
    for step in [1, 2, 3, 5, 6, 100, 499, 500, 501, 100_000, 100_000_000] {
        Case::uniform(9, step, &[[33, 5], [5, 33]]).compare(gpu);
    }
}

fn other_settings(gpu: &Gpu) {
    for (beta1, beta2, eps) in [(0.0, 0.99, 1e-3), (0.5, 0.9, 1e-8), (0.99, 0.9999, 1e-7)] {
        let adam = Adam {
            lr: 0.03,
            beta1,
            beta2,
            eps,
        };
        let case = Case {
            optimizer: adam.into(),
            ..Case::uniform(17, 3, &[[33, 5], [5, 33]])
        };
        case.compare(gpu);
    }
}

/// Every kind of schedule, at its edges and within, over weights that decay.
fn schedules_and_decay(gpu: &Gpu) {
    for schedule in schedules() {
        for step in steps_of(&schedule) {
            let case = Case {
                optimizer: Optimizer {
                    schedule: schedule.clone(),
                    weight_decay: 0.7,
                    ..Adam::default().into()
                },
                ..Case::uniform(3, step + 1, &[[9, 5], [5, 9]])
            };
            case.compare(gpu);
        }
    }
}

/// Of a whole batch and of one in parts, where clipping comes before the update.
fn gradients_are_kept(gpu: &Gpu) {
    let sizes = [[33, 65], [65, 33], [5, 3], [9, 129]];
    for parts in [&[65][..], &[64, 64, 2]] {
        let rows = parts.iter().sum();
        let aligned = Case::aligned(rows, 2, &[[32, 8], [33, 64]]);
        for case in [Case::uniform(rows, 2, &sizes), aligned] {
            for variant in variants(gpu) {
                case.check_kept(&case.kept(gpu, variant, parts));
            }
        }
    }
}

/// Gradients from almost nothing to almost overflow of their squares; then none at all.
fn extreme_values(gpu: &Gpu) {
    for bound in [1e2, 1e7] {
        let mut case = Case::new(9, 8);
        case.layer(&extreme(5, 9 * 33, bound), &extreme(6, 9 * 35, bound), true);
        case.compare(gpu);
    }
    for bound in [1e-12, 0.0] {
        let mut case = Case::new(9, 1);
        case.layer(&uniform(6, 9 * 33, bound), &uniform(7, 9 * 5, 1.0), true);
        for moment in [&mut case.m, &mut case.v] {
            moment.iter_mut().for_each(|value| *value *= 0.0);
        }
        case.compare(gpu);
    }
}

/// What decays below f32's normal numbers becomes zero, as computing with it is slow.
fn no_moment_is_denormal(gpu: &Gpu) {
    for variant in variants(gpu) {
        let mut case = Case::new(3, 1000);
        case.layer(&[0.0; 3 * 9], &uniform(1, 3 * 5, 1.0), true);
        let at = case.layers[0].weight.first;
        for i in 0..9 * 5 {
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            case.m[at + i] = sign * f32::MIN_POSITIVE * (1.0 + i as f32 / 64.0);
            case.v[at + i] = f32::MIN_POSITIVE;
        }
        let updated = case.run(gpu, variant, |launch| launch);
        case.check(&updated);
        let [_, m, v] = updated;
        assert!(!m.iter().chain(&v).any(|value| value.is_subnormal()));
    }
}

/// Past 65,535 tiles they lie in rows; what is left of the last row has nothing to do.
fn a_wrapped_grid(gpu: &Gpu) {
    let case = Case::uniform(3, 2, &[[70, 70], [33, 65], [9, 200]]);
    for variant in variants(gpu) {
        case.check(&case.run(gpu, variant, wrapped));
    }
}

/// The gradients of a batch's parts are added up, and what they are for follows once.
fn batches_in_parts(gpu: &Gpu) {
    let sizes = [[33, 65], [65, 33], [5, 3], [9, 129]];
    for parts in [&[64, 64, 2][..], &[1, 63], &[7, 7, 5]] {
        let case = Case::uniform(parts.iter().sum(), 2, &sizes);
        for variant in variants(gpu) {
            case.check(&case.run_parts(gpu, variant, parts, |launch| launch));
        }
    }
}

fn random_layers(gpu: &Gpu) {
    let sizes = proptest::collection::vec((1usize..140, 1usize..140), 1..8);
    random(
        (1usize..140, 1u32..100_000, sizes),
        |(rows, step, sizes)| {
            let sizes: Vec<_> = sizes.into_iter().map(|(o, i)| [o, i]).collect();
            Case::uniform(rows, step, &sizes).compare(gpu);
        },
    );
}
