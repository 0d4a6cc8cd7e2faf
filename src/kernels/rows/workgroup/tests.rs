//! The choice of tiles, and places in workgroup memory.

use std::slice;

use super::*;
use crate::graph::Ramp;
use crate::kernels::Address;
use crate::kernels::rows::{Outcome, Score, Tensor, Weight};
use crate::rng::Stream;

/// A VAE's training step with one hidden layer, without the biases.
fn vae(rows: usize, [pixels, hidden, latent]: [usize; 3]) -> Program {
    let mut at = 0;
    let mut tensor = |width: usize| {
        at += rows * width;
        Tensor::whole(at - rows * width, width)
    };
    let x = tensor(pixels);
    let [h, d_h] = [hidden; 2].map(&mut tensor);
    let [heads, d_heads] = [2 * latent; 2].map(&mut tensor);
    let [z, d_z] = [latent; 2].map(&mut tensor);
    let [decoded, d_decoded] = [hidden; 2].map(&mut tensor);
    let d_logits = tensor(pixels);
    let product = |input: Tensor, y: Tensor| Product {
        input,
        weight: Weight {
            at: 0.into(),
            inner: 1,
            column: input.width,
        },
        width: y.width,
        bias: None,
        addend: None,
        activation: None,
        derivative: None,
        result: Outcome::Stored(y),
    };
    let stored = |input, y| Stage::Product(product(input, y));
    // Both heads' weights, with a bias between them.
    let of_heads = |input, y, inner, column| {
        let at = Address {
            first: 0,
            split: latent * hidden,
            gap: 64,
        };
        let weight = Weight { at, inner, column };
        Stage::Product(Product {
            weight,
            ..product(input, y)
        })
    };
    let scored = Product {
        result: Outcome::Scored {
            score: Score::BernoulliNll,
            observed: x,
            term: 0,
            gradient: Some((d_logits, 1.0)),
        },
        ..product(decoded, d_logits)
    };
    let stages = vec![
        Stage::Gather { x },
        stored(x, h),
        of_heads(h, heads, 1, hidden),
        Stage::Latent {
            heads,
            draw: Stream::Noise.into(),
            z,
            term: 1,
        },
        stored(z, decoded),
        Stage::Product(scored),
        stored(d_logits, d_decoded),
        stored(d_decoded, d_z),
        Stage::LatentGrad {
            heads,
            draw: Stream::Noise.into(),
            d_z,
            upstream: 1.0,
            ramp: Ramp::NONE,
            d_heads,
        },
        of_heads(d_heads, d_h, hidden, 1),
    ];
    Program {
        rows,
        first_row: 0,
        last: true,
        dim: pixels,
        seed: 0,
        stages,
    }
}

/// A tile of so many rows.
fn tile(rows: usize) -> Tile {
    Tile {
        rows,
        invocations: 256,
        staged: true,
    }
}

/// What stages touch, each once.
fn tensors(stages: &[Stage]) -> Vec<Tensor> {
    let mut tensors: Vec<_> = stages.iter().flat_map(Stage::tensors).collect();
    tensors.sort_by_key(|tensor| tensor.at);
    tensors.dedup();
    tensors
}

#[test]
fn tensors_that_are_needed_together_lie_apart() {
    let program = vae(3, [130, 70, 20]);
    let stages = &program.stages;
    for rows in [1, 4] {
        let layout = Layout::of(stages, tile(rows));
        let lives = |tensor: &Tensor| {
            let uses = |stage: &Stage| stage.tensors().contains(tensor);
            stages.iter().position(uses)..=stages.iter().rposition(uses)
        };
        let lies = |tensor: &Tensor| {
            let start = layout.start(*tensor)?;
            Some(start..start + rows * tensor.width.div_ceil(4))
        };
        let placed: Vec<_> = tensors(stages)
            .into_iter()
            .filter_map(|tensor| Some((tensor, lies(&tensor)?)))
            .collect();
        // All but the last gradient, which no stage reads.
        assert_eq!(placed.len(), tensors(stages).len() - 1);
        for (index, (a, of_a)) in placed.iter().enumerate() {
            assert!(of_a.end <= layout.vectors());
            for (b, of_b) in &placed[..index] {
                let together =
                    lives(a).start() <= lives(b).end() && lives(b).start() <= lives(a).end();
                let overlap = of_a.start < of_b.end && of_b.start < of_a.end;
                assert!(!(together && overlap), "{a:?} and {b:?}");
            }
        }
        let all: usize = placed.iter().map(|(_, lies)| lies.len()).sum();
        assert!(layout.vectors() < all, "no place is used twice");
    }
}

/// Of a stage alone only the input of a product, where it is staged.
#[test]
fn a_launch_keeps_what_its_own_stages_read() {
    let program = vae(3, [13, 7, 2]);
    for stage in &program.stages {
        let stages = slice::from_ref(stage);
        for staged in [true, false] {
            let layout = Layout::of(stages, Tile { staged, ..tile(4) });
            let input = match stage {
                Stage::Product(product) if staged => Some(product.input),
                _ => None,
            };
            let placed = tensors(stages).into_iter();
            let placed: Vec<_> = placed.filter(|&t| layout.start(t).is_some()).collect();
            assert_eq!(placed, Vec::from_iter(input));
            assert_eq!(layout.vectors(), 64);
        }
    }
}

/// WebGPU's default limits, and those of a large GPU.
const DEFAULT: [usize; 2] = [256, 16_384];
const LARGE: [usize; 2] = [1024, 49_152];

#[test]
fn small_models_run_in_two_launches_and_large_ones_do_not() {
    let choose = |program: &Program, [most, memory]: [usize; 2]| {
        let tile = Tile::together(program, [most, memory])?;
        assert!(tile.bytes(&program.stages) <= memory && tile.invocations <= most);
        Some(([tile.rows, tile.invocations], tile.pays(program)))
    };
    let small = vae(128, [784, 32, 16]);
    assert_eq!(choose(&small, DEFAULT), Some(([1, 256], true)));
    assert_eq!(choose(&small, LARGE), Some(([2, 512], true)));
    let medium = vae(128, [784, 400, 20]);
    assert_eq!(choose(&medium, DEFAULT), Some(([1, 256], false)));
    assert_eq!(choose(&medium, LARGE), Some(([2, 512], true)));
    let wide = vae(512, [784, 2048, 64]);
    assert!(choose(&wide, DEFAULT).is_none());
    assert!(choose(&wide, LARGE).is_none_or(|(_, pays)| !pays));
}

/// From one row to many, and from one column to more than workgroup memory has room for.
#[test]
fn every_stage_runs_alone() {
    for [rows, pixels, hidden] in [
        [128, 784, 32],
        [1, 1, 1],
        [512, 784, 2048],
        [13, 12_288, 20_000],
    ] {
        let program = vae(rows, [pixels, hidden, 16]);
        for limits in [DEFAULT, LARGE] {
            for stage in &program.stages {
                let tile = Tile::of_stage(rows, stage, limits).expect("a tile");
                assert!(tile.bytes(slice::from_ref(stage)) <= limits[1]);
                let fits = stage
                    .product_input()
                    .is_none_or(|x| 4 * x.width < limits[1] / 2);
                assert!(tile.staged || !fits, "{stage:?}");
            }
        }
    }
}

/// As many rows as leave workgroups for a GPU, fewer where more do not fit.
#[test]
fn workgroups_of_a_stage_share_its_columns() {
    let program = vae(128, [784, 32, 16]);
    let groups = |index: usize, limits| {
        let stage = &program.stages[index];
        let tile = Tile::of_stage(128, stage, limits).expect("a tile");
        [tile.rows, column_groups(stage)]
    };
    let [gather, hidden, logits] = [0, 1, 5];
    assert_eq!(groups(gather, LARGE), [2, 1]);
    assert_eq!(groups(hidden, LARGE), [4, 4]);
    assert_eq!(groups(logits, LARGE), [8, 25]);
    assert_eq!(groups(hidden, DEFAULT), [2, 4]);
}

#[test]
fn no_workgroup_is_without_columns() {
    let Stage::Product(product) = vae(1, [1, 1, 1]).stages[1] else {
        panic!("a product")
    };
    for width in (1..3000).chain([20_000, 65_536]) {
        let stage = Stage::Product(Product { width, ..product });
        let column_groups = column_groups(&stage);
        assert!((1..=32).contains(&column_groups) && can_be_grouped(&stage, column_groups));
        assert!(!can_be_grouped(&stage, width.div_ceil(4) + 1));
    }
}
