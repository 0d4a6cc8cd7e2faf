//! Matrix units: what multiplies small matrices of f16 at once and adds in f32. Experimental in wgpu.

/// What a device needs for shaders that use them.
pub(super) const FEATURES: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
    .union(wgpu::Features::SHADER_F16)
    .union(wgpu::Features::SUBGROUP);

/// An adapter's matrix units, as the kernels use them: f16 times f16, added in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixUnits {
    /// Rows and columns of the matrices: 8 or 16.
    pub size: u32,
    /// Lanes of a subgroup, which holds a matrix together: 8 to 64.
    pub lanes: u32,
}

impl MatrixUnits {
    /// Those that an adapter offers, the largest first; `lanes` is the one size of its subgroups.
    pub(super) fn of(adapter: &wgpu::Adapter, lanes: Option<u32>) -> Option<Self> {
        let lanes = lanes.filter(|lanes| [8, 16, 32, 64].contains(lanes))?;
        if !adapter.features().contains(FEATURES) {
            return None;
        }
        let offered = adapter.cooperative_matrix_properties();
        let offers = |&size: &u32| {
            offered.iter().any(|matrix| {
                [matrix.m_size, matrix.n_size, matrix.k_size] == [size; 3]
                    && matrix.ab_type == wgpu::CooperativeScalarType::F16
                    && matrix.cr_type == wgpu::CooperativeScalarType::F32
                    && !matrix.saturating_accumulation
            })
        };
        let size = [16, 8].into_iter().find(offers)?;
        Some(Self { size, lanes })
    }
}

/// wgpu's leave to use experimental features, where `wanted`.
pub(super) fn experimental(wanted: bool) -> wgpu::ExperimentalFeatures {
    if !wanted {
        return wgpu::ExperimentalFeatures::disabled();
    }
    // SAFETY: the caller accepts that wgpu's code for these features may have bugs. What it runs of
    // them is `gemm_cooperative` alone, which loads and stores whole matrices within workgroup
    // memory; the kernel tests compare its results and look behind its outputs, with bounds checks
    // and without. It is off unless the user asks for it.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}
