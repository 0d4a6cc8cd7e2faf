//! Cases in which each pair of choices meets, and not each triple.

use vae_wgpu::gpu::Gpu;

use super::case::Case;
use super::compare::variants;
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![plain: every_pair_meets]
}

/// A test's cases: the turn, for [`Case::compare_turn`], an index of one of `count` main choices, and one
/// of `others`.
///
/// Each variant of the kernels meets each main choice; each of both meets each of `others`. All triples
/// would be several times as many cases; random programs have some of them.
pub(crate) fn pairs<T: Copy>(
    gpu: &Gpu,
    count: usize,
    others: &[T],
) -> impl Iterator<Item = (usize, usize, T)> {
    let program = Case::new(1, 1).program;
    let cases = design(variants(gpu, &program).len(), count, others.len());
    cases.map(|[turn, index, other]| (turn, index, others[other]))
}

/// Turns, main choices, other choices: these shift by one from a main choice to the next.
fn design(variants: usize, count: usize, others: usize) -> impl Iterator<Item = [usize; 3]> {
    assert!(
        count >= others,
        "a variant would not meet all of the others"
    );
    let turns = variants.max(others);
    (0..count)
        .flat_map(move |index| (0..turns).map(move |turn| [turn, index, (turn + index) % others]))
}

fn every_pair_meets() {
    for [variants, count, others] in [[10, 36, 9], [7, 36, 9], [10, 9, 7], [3, 4, 3], [1, 9, 4]] {
        let meets = |wanted: &dyn Fn([usize; 3]) -> bool| {
            design(variants, count, others)
                .any(|[turn, index, other]| wanted([turn % variants, index, other]))
        };
        for variant in 0..variants {
            assert!((0..count).all(|c| meets(&|case| [case[0], case[1]] == [variant, c])));
            assert!((0..others).all(|o| meets(&|case| [case[0], case[2]] == [variant, o])));
        }
        for c in 0..count {
            assert!((0..others).all(|o| meets(&|case| case[1..] == [c, o])));
        }
    }
}
