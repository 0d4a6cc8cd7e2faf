// The parameters of a matrix product, one structure for all of its kernels.

struct Params {
    m: u32,
    n: u32,
    k: u32,
    a_row: u32,
    a_k: u32,
    b_k: u32,
    b_column: u32,
    has_bias: u32,
    has_addend: u32,
    activation: u32,
    derivative: u32,
    /// Of `gemm_registers`: invocations along the columns; of `gemm_tiled`: summands of a part.
    lanes_or_part: u32,
    has_sums: u32,
    c_row: u32,
    c_column: u32,
    transposed: u32,
    /// Words from one product to the next, of several side by side, each by the workgroups of another z;
    /// of a single one 0.
    a_group: u32,
    b_group: u32,
    c_group: u32,
    padding: u32,
}

