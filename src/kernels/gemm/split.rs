//! `gemm_split_sum`: the sum of the parts of a product, and what follows it.

use std::borrow::Cow;

use super::{Gemm, activation_code, extent};
use crate::gpu::{Kernel, Launch, Slice, read, read_write};
use crate::kernels::{WORKGROUP, assert_lengths, elementwise_grid};

/// `shaders/gemm_split_sum.wgsl`.
pub const SPLIT_SUM: Kernel = Kernel {
    name: Cow::Borrowed("gemm_split_sum"),
    source: Cow::Borrowed(wgsl!(
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "gemm_split_sum.wgsl"
    )),
    bindings: Cow::Borrowed(&[
        read("partial"),
        read("bias"),
        read("addend"),
        read("g_output"),
        read_write("c"),
        read_write("sums"),
    ]),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    n: u32,
    parts: u32,
    has_bias: u32,
    has_addend: u32,
    activation: u32,
    derivative: u32,
    has_sums: u32,
    c_row: u32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 48);

/// One invocation a result.
pub(super) fn launch(gemm: Gemm<'_>, partial: &Slice, parts: usize) -> Launch {
    let [m, n, _] = gemm.shape;
    let sums = if gemm.sums.is_some() { m } else { 0 };
    // A step that does not apply reads nothing; its binding is that of the parts.
    let output = gemm.derivative.map(|(_, output)| output);
    let inputs = [gemm.bias, gemm.addend, output].map(|slice| slice.unwrap_or(partial));
    let result = extent(m, n, gemm.c_stride);
    let lengths = [(gemm.bias, n), (gemm.addend, result), (output, result)];
    let lengths = lengths
        .into_iter()
        .filter_map(|(slice, len)| Some((slice?, len)));
    let results = [
        (partial, parts * (m * n + m)),
        (gemm.c, result),
        (gemm.sums.unwrap_or(gemm.unused), sums),
    ];
    assert_lengths(
        &SPLIT_SUM,
        &results.into_iter().chain(lengths).collect::<Vec<_>>(),
    );
    let params = Params {
        m: m as u32,
        n: n as u32,
        parts: parts as u32,
        has_bias: gemm.bias.is_some().into(),
        has_addend: gemm.addend.is_some().into(),
        activation: activation_code(gemm.activation),
        derivative: activation_code(gemm.derivative.map(|(function, _)| function)),
        has_sums: gemm.sums.is_some().into(),
        c_row: gemm.c_stride.unwrap_or(n) as u32,
        padding: [0; 3],
    };
    Launch {
        kernel: SPLIT_SUM.into(),
        constants: vec![("WORKGROUP", WORKGROUP.into())],
        buffers: [partial]
            .into_iter()
            .chain(inputs)
            .chain([gemm.c, gemm.sums.unwrap_or(gemm.unused)])
            .cloned()
            .collect(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: elementwise_grid(m * n + sums),
    }
}
