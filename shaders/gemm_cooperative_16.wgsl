// Head of `gemm_cooperative.wgsl` for matrices of 16×16, as NVIDIA's GPUs offer: the types have a
// fixed size, and all that depends on it is here.
enable f16;
enable wgpu_cooperative_matrix;

alias Left = coop_mat16x16<f16, A>;
alias Right = coop_mat16x16<f16, B>;
alias Sums = coop_mat16x16<f32, C>;

/// Rows and columns of a matrix.
const SIZE: u32 = 16;
/// Matrices along each side of a subgroup's part of the tile, which is 32×32.
const BLOCKS: u32 = 2;

