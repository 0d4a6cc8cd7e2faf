//! `ramp` against the host's definition.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Ramp;
use vae_wgpu::kernels::ramp;

use crate::arrays::{Array, run, state};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: ramps]
}

/// A division of whole numbers below 2²⁴: 2.5 ulp, of which an ulp is two units of rounding; and a product.
fn ramps(gpu: &Gpu) {
    let scale = -0.7;
    for of in [
        Ramp::NONE,
        Ramp {
            steps: 3,
            period: 0,
        },
        Ramp {
            steps: 7,
            period: 10,
        },
        Ramp {
            steps: 9,
            period: 4,
        },
    ] {
        for step in [0, 1, 2, 3, 6, 9, 10, 11, 19, 1 << 24] {
            let (state, values) = (state(gpu, step, 0, 0), Array::output(gpu, 70));
            let buffers = ramp::Buffers {
                state: state.slice(),
                values: values.slice(),
            };
            run(gpu, ramp::launch(buffers, scale, of), &[&state, &values]);
            let expected = f64::from(scale) * of.at(step);
            for found in values.read::<f32>() {
                let off = (f64::from(found) - expected).abs();
                let bound = 6.0 * crate::support::tolerance::EPS * expected.abs();
                assert!(off <= bound, "{of:?} at {step}: {found}, {expected}");
            }
        }
    }
}
