//! Adam over all parameters at once.

use std::borrow::Cow;

use super::{WORKGROUP, assert_lengths, elementwise_grid};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::graph::{Curve, Optimizer, Schedule};

/// `shaders/adam.wgsl`.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("adam"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/optimizer.wgsl",
        "adam.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("state"),
        read("gradients"),
        read("norm"),
        read_write("parameters"),
        read_write("m"),
        read_write("v"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    len: u32,
    ahead: u32,
    padding: [u32; 2],
    constants: Constants,
}

const _: () = assert!(size_of::<Params>() == 16 + size_of::<Constants>());

/// An [`Optimizer`] as the shaders take it.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Constants {
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    ln_beta1: f32,
    ln_beta2: f32,
    eps: f32,
    weight_decay: f32,
    clip_norm: f32,
    segments: u32,
    schedule: [Segment; Schedule::MOST],
}

/// A segment of the schedule, likewise.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Segment {
    first: u32,
    length: u32,
    start: f32,
    end: f32,
    is_cosine: u32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Constants>() == 32 + 32 * Schedule::MOST);

impl Constants {
    pub(super) fn of(optimizer: &Optimizer) -> Self {
        let mut schedule = [bytemuck::Zeroable::zeroed(); Schedule::MOST];
        let segments = optimizer.schedule.segments();
        for (slot, segment) in schedule.iter_mut().zip(segments) {
            *slot = Segment {
                first: segment.first,
                length: segment.length,
                start: segment.start as f32,
                end: segment.end as f32,
                is_cosine: (segment.curve == Curve::Cosine).into(),
                padding: [0; 3],
            };
        }
        Self {
            one_minus_beta1: (1.0 - optimizer.beta1) as f32,
            one_minus_beta2: (1.0 - optimizer.beta2) as f32,
            ln_beta1: finite_ln(optimizer.beta1),
            ln_beta2: finite_ln(optimizer.beta2),
            eps: optimizer.eps as f32,
            weight_decay: optimizer.weight_decay as f32,
            clip_norm: optimizer.clip_norm.unwrap_or_default() as f32,
            segments: segments.len() as u32,
            schedule,
        }
    }
}

/// Its arrays: gradients, parameters and moments are of one length.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// [`super::State`]: the step number.
    pub state: &'a Slice,
    /// The gradients.
    pub gradients: &'a Slice,
    /// `[1]`: the norm of all gradients together, where they are clipped; else any slice.
    pub norm: &'a Slice,
    /// The parameters, updated in place.
    pub parameters: &'a Slice,
    /// First moments.
    pub m: &'a Slice,
    /// Second moments.
    pub v: &'a Slice,
}

/// Whether the step number has been moved on since the gradients were computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It is that of this step, from 0.
    AtStep,
    /// It is that of the next one.
    PastStep,
}

/// One invocation for four elements.
///
/// # Panics
/// Where an array is too short.
pub fn launch(buffers: Buffers<'_>, optimizer: &Optimizer, counter: Counter) -> Launch {
    let Buffers {
        state,
        gradients,
        norm,
        parameters,
        m,
        v,
    } = buffers;
    let params = Params {
        len: parameters.len() as u32,
        ahead: (counter == Counter::AtStep).into(),
        padding: [0; 2],
        constants: Constants::of(optimizer),
    };
    let clips = optimizer.clip_norm.is_some();
    assert_lengths(
        &KERNEL,
        &[
            (state, 4),
            (gradients, parameters.len()),
            (norm, clips.into()),
            (parameters, 0),
            (m, parameters.len()),
            (v, parameters.len()),
        ],
    );
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", WORKGROUP.into()),
            ("CLIP", f64::from(u8::from(clips))),
        ],
        buffers: [state, gradients, norm, parameters, m, v]
            .map(Slice::clone)
            .to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(parameters.len().div_ceil(4)),
    }
}

/// ln β, with a finite number for β = 0: shaders may take infinities for anything. e^−1000 is 0.
fn finite_ln(beta: f64) -> f32 {
    beta.ln().max(-1000.0) as f32
}
