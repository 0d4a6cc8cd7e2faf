//! `gemm_cooperative_*`: a product on a GPU's matrix units.

use std::borrow::Cow;

use super::{BINDINGS, Params};
use crate::gpu::{Kernel, MatrixUnits};

/// `shaders/gemm_cooperative_8.wgsl` before `gemm_cooperative.wgsl`, for matrices of 8×8.
pub const COOPERATIVE_8: Kernel = Kernel {
    name: Cow::Borrowed("gemm_cooperative_8"),
    source: Cow::Borrowed(wgsl!(
        "gemm_cooperative_8.wgsl",
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "gemm_cooperative.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// `shaders/gemm_cooperative_16.wgsl` before `gemm_cooperative.wgsl`, for matrices of 16×16.
pub const COOPERATIVE_16: Kernel = Kernel {
    name: Cow::Borrowed("gemm_cooperative_16"),
    source: Cow::Borrowed(wgsl!(
        "gemm_cooperative_16.wgsl",
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "gemm_cooperative.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// Subgroups of a workgroup.
const SUBGROUPS: u32 = 4;

/// The kernel for matrices of a size, and its workgroup's invocations.
pub(super) fn kernel(units: MatrixUnits) -> (Kernel, u32) {
    let kernel = match units.size {
        8 => COOPERATIVE_8,
        _ => COOPERATIVE_16,
    };
    (kernel, SUBGROUPS * units.lanes)
}
