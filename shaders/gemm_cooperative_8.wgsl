// Head of `gemm_cooperative.wgsl` for matrices of 8×8, as Mesa's software adapter offers: the types have a
// fixed size, and all that depends on it is here.
enable f16;
enable wgpu_cooperative_matrix;

alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sums = coop_mat8x8<f32, C>;

/// Rows and columns of a matrix.
const SIZE: u32 = 8;
/// Matrices along each side of a subgroup's part of the tile, which is 32×32.
const BLOCKS: u32 = 4;

