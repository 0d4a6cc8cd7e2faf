//! Adam over all parameters at once.

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph::Adam;

/// `shaders/adam.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: "adam",
    source: include_str!("../../shaders/adam.wgsl"),
    bindings: &[
        read("state"),
        read("gradients"),
        read_write("parameters"),
        read_write("m"),
        read_write("v"),
    ],
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    len: u32,
    constants: Constants,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 32);

/// The constants of an update as the shaders take them.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Constants {
    lr: f32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    ln_beta1: f32,
    ln_beta2: f32,
    eps: f32,
}

impl Constants {
    pub(super) fn of(adam: Adam) -> Self {
        Self {
            lr: adam.lr as f32,
            one_minus_beta1: (1.0 - adam.beta1) as f32,
            one_minus_beta2: (1.0 - adam.beta2) as f32,
            ln_beta1: finite_ln(adam.beta1),
            ln_beta2: finite_ln(adam.beta2),
            eps: adam.eps as f32,
        }
    }
}

/// Its arrays, all but the state of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// [`super::State`]: the step number.
    pub state: &'a Slice,
    /// The gradients.
    pub gradients: &'a Slice,
    /// The parameters, updated in place.
    pub parameters: &'a Slice,
    /// First moments.
    pub m: &'a Slice,
    /// Second moments.
    pub v: &'a Slice,
}

/// One invocation an element.
pub fn launch(buffers: Buffers<'_>, adam: Adam) -> Launch {
    let Buffers {
        state,
        gradients,
        parameters,
        m,
        v,
    } = buffers;
    let params = Params {
        len: parameters.len() as u32,
        constants: Constants::of(adam),
        padding: 0,
    };
    assert_lengths(
        &KERNEL,
        &[
            (state, 4),
            (gradients, parameters.len()),
            (m, parameters.len()),
            (v, parameters.len()),
        ],
    );
    Launch {
        kernel: &KERNEL,
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: [state, gradients, parameters, m, v]
            .map(Slice::clone)
            .to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(parameters.len()),
    }
}

/// ln β, with a finite number for β = 0: shaders may take infinities for anything. e^−1000 is 0.
fn finite_ln(beta: f64) -> f32 {
    beta.ln().max(-1000.0) as f32
}
