//! `draw`: Philox's words and the uniforms bit by bit, the normals against the twin, and their
//! distribution.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::kernels::draw::{Buffers, Output, launch};
use vae_wgpu::reference::draw as twin;
use vae_wgpu::rng::{self, Draw, Stream};

use crate::arrays::{Array, LENGTHS, random, run, state, wrapped};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::Tolerance;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests![both_checks:
        words,
        uniforms,
        a_wrapped_grid,
        lengths,
        the_ends_of_the_uniforms,
        random_draws,
    ];
    tests.extend(tests![gpu: a_million_are_normal]);
    tests
}

#[derive(Clone, Copy)]
struct Case {
    seed: u64,
    draw: Draw,
    step: u32,
    len: usize,
}

impl Case {
    fn draw<T: bytemuck::Pod>(
        self,
        gpu: &Gpu,
        output: Output,
        grid: fn(Launch) -> Launch,
    ) -> Vec<T> {
        let [state, eps] = [state(gpu, self.step, 1, 2), Array::output(gpu, self.len)];
        let buffers = Buffers {
            state: state.slice(),
            values: eps.slice(),
        };
        run(
            gpu,
            grid(launch(buffers, self.seed, self.draw, output)),
            &[&state, &eps],
        );
        eps.read()
    }

    fn compare_words(self, gpu: &Gpu, grid: fn(Launch) -> Launch) {
        let words = self.draw::<u32>(gpu, Output::Words, grid);
        for (block, words) in words.chunks(4).enumerate() {
            let Draw { stream, number } = self.draw;
            let counter = [block as u32, self.step, stream as u32, number];
            let expected = rng::philox4x32_10(counter, rng::key(self.seed));
            assert_eq!(
                words,
                &expected[..words.len()],
                "block {block} of step {}",
                self.step
            );
        }
    }

    /// Next to a uniform of 1 the logarithm is off by up to 2⁻²¹, and the root of twice that is
    /// 2⁻¹⁰; elsewhere the radius, of at most √(2·24·ln 2) = 5.77, is off by less. It multiplies
    /// what sine and cosine are off by, 2⁻¹¹.
    fn compare_normals(self, gpu: &Gpu) {
        let normals = self.draw::<f32>(gpu, Output::Normals, |launch| launch);
        let expected = twin::normals::<f64>(self.seed, self.draw, self.step, self.len);
        let what = format!(
            "{:?} of step {}, {} elements",
            self.draw, self.step, self.len
        );
        let absolute = 2f64.powi(-10) + 5.8 * 2f64.powi(-11);
        Tolerance::relative(0.0)
            .plus(absolute)
            .check(&what, &normals, &expected);
    }
}

/// The host's numbers exactly.
fn uniforms(gpu: &Gpu) {
    let stream = Stream::Binarisation;
    for (len, number, step) in [(1, 0, 0), (6, 1, 3), (1001, 7, 1 << 20)] {
        let case = Case {
            seed: 1 << 40 | 9,
            draw: Draw { stream, number },
            step,
            len,
        };
        let found = case.draw::<f32>(gpu, Output::Uniforms, |launch| launch);
        let expected: Vec<f32> = twin::uniforms(case.seed, case.draw, step, len);
        assert_eq!(found, expected);
        assert!(found.iter().all(|u| (0.0..1.0).contains(u)));
    }
}

/// The first is a published known answer (Random123): counter and key 0. The host's definition,
/// which the others are compared with, is tested on all published answers.
fn words(gpu: &Gpu) {
    let zero = Case {
        seed: 0,
        draw: Stream::Initialisation.into(),
        step: 0,
        len: 4,
    };
    let words = zero.draw::<u32>(gpu, Output::Words, |launch| launch);
    assert_eq!(words, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    for seed in [
        0,
        1,
        0xffff_ffff,
        0x1_0000_0000,
        0xa409_3822_299f_31d0,
        u64::MAX,
    ] {
        for (stream, number, step) in [
            (Stream::Initialisation, 0, 0),
            (Stream::Noise, 1, 1),
            (Stream::Sampling, 2, 0x8000_0000),
            (Stream::Evaluation, u32::MAX, u32::MAX),
        ] {
            Case {
                seed,
                draw: Draw { stream, number },
                step,
                len: 4099,
            }
            .compare_words(gpu, |launch| launch);
        }
    }
}

fn a_wrapped_grid(gpu: &Gpu) {
    let case = Case {
        seed: 3,
        draw: Stream::Noise.into(),
        step: 4,
        len: 4099,
    };
    case.compare_words(gpu, wrapped);
}

fn lengths(gpu: &Gpu) {
    for len in LENGTHS {
        let case = Case {
            seed: 42,
            draw: Stream::Noise.into(),
            step: 7,
            len,
        };
        case.compare_normals(gpu);
        case.compare_words(gpu, |launch| launch);
    }
}

/// Steps at which the first block of seed 0 holds the least uniform of a radius and the greatest,
/// which is 1; half a turn of the angle, and none.
fn the_ends_of_the_uniforms(gpu: &Gpu) {
    for (step, word, bits) in [
        (39_028_245, 0, 0),
        (44_153_660, 0, 0xff_ffff),
        (22_770_319, 1, 0x80_0000),
        (14_489_913, 1, 0),
    ] {
        assert_eq!(
            rng::block(0, Stream::Noise, step, 0)[word] >> 8,
            bits,
            "step {step}"
        );
        Case {
            seed: 0,
            draw: Stream::Noise.into(),
            step,
            len: 4,
        }
        .compare_normals(gpu);
    }
}

fn random_draws(gpu: &Gpu) {
    random(
        (0u64..u64::MAX, 0u32..u32::MAX, 0u32..9, 1usize..2000),
        |(seed, step, number, len)| {
            let stream = Stream::Noise;
            Case {
                seed,
                draw: Draw { stream, number },
                step,
                len,
            }
            .compare_normals(gpu);
        },
    );
}

/// Each statistic has a known deviation where the draws are normal; five of them are exceeded once
/// in two million seeds. The seed is fixed: what passes once always passes.
fn a_million_are_normal(gpu: &Gpu) {
    let n = 1_000_000;
    let case = Case {
        seed: 20_131_220,
        draw: Stream::Noise.into(),
        step: 5,
        len: n,
    };
    let mut z: Vec<f64> = case
        .draw::<f32>(gpu, Output::Normals, |launch| launch)
        .into_iter()
        .map(f64::from)
        .collect();
    let n = n as f64;
    let moment = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>() / n;
    // Variances of z, z², z³ and z⁴: 1, 3 − 1, 15, and 105 − 9.
    for (power, expected, variance) in
        [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)]
    {
        let deviations = (moment(power) - expected) / f64::sqrt(variance / n);
        assert!(
            deviations.abs() < 5.0,
            "moment {power}: {deviations:.2} deviations off"
        );
    }
    // Products of independent normals have mean 0 and variance 1. Lags within a pair, a block,
    // between blocks and between workgroups.
    for lag in [1, 2, 3, 4, 5, 8, 256, 1024] {
        let products = z.iter().zip(&z[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let squares = z
            .iter()
            .zip(&z[lag..])
            .map(|(a, b)| (a * a - 1.0) * (b * b - 1.0));
        for (what, sum, variance) in [("values", products, 1.0), ("squares", squares.sum(), 4.0)] {
            let deviations = sum / f64::sqrt(variance * (n - lag as f64));
            assert!(
                deviations.abs() < 5.0,
                "{what} at lag {lag}: {deviations:.2} deviations off"
            );
        }
    }
    // Kolmogorov and Smirnov: P(√n·D > 2.0) = 2·Σ (−1)^(i−1)·exp(−2·i²·2²) = 6.7·10⁻⁴.
    z.sort_by(f64::total_cmp);
    let distance = z.iter().enumerate().map(|(i, &z)| {
        let below = cumulative(z);
        (below - i as f64 / n)
            .abs()
            .max((below - (i + 1) as f64 / n).abs())
    });
    let distance = distance.fold(0.0, f64::max) * n.sqrt();
    assert!(distance < 2.0, "√n·D = {distance:.2}");
}

/// Φ(z) = ½ + φ(z)·(z + z³/3 + z⁵/(3·5) + …) (Marsaglia 2004).
fn cumulative(z: f64) -> f64 {
    let (mut sum, mut term, mut odd) = (z, z, 1.0);
    while f64::abs(term) > 1e-12 {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    0.5 + sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}
