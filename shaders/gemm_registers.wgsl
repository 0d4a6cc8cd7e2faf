// Matrix product with everything in registers, for software adapters.
//
//   c[m, n] = f(Σ_k a[m, k]·b[k, n] + bias[n])
//
// a       element (m, k) at m·a_row + k·a_k         one kernel serves A·B, A·Bᵀ and Aᵀ·B:
// b       element (k, n) at k·b_k + n·b_column      the strides say which
// bias    [n]      added where has_bias
// c       [m, n], element (m, n) at m·c_row + n
// sums    [m]      Σ_k a[m, k], where has_sums: with a gradient as `a`, that of the bias
// f                ReLU where that is the activation, and nothing where there is none
//
// PARTS: llvmpipe ends the loops of an invocation after 65,535 turns in all, so that a longer sum is
// computed in parts, each by the workgroups of another z, and `gemm_split_sum` adds them:
// c       [parts, m, n] and, from there on, [parts, m]: the parts of both, and no more
//
// A CPU that runs WGSL pays about 40 cycles for a vector of loads (one load per lane) and less than
// one for a fused multiply-add, and workgroup memory is only more loads. So an invocation keeps
// 16×16 results: 32 loads feed 256 multiply-adds. The eight lanes of a workgroup lie `lanes_n` side
// by side along n and the rest along m, as wastes least. Rows and columns past the edge are
// computed from the last valid one and not stored, so that the loop over k has no branch.
//
// All loops over ROWS and COLUMNS are to be unrolled: an index that is not a constant costs such a
// driver a hundred times a register. For the same reason this kernel takes along so little: with
// every step of `gemm_tiled` lavapipe compiles it for seven seconds and runs it five times slower.

/// What its parts take at a time.
alias Values = f32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read> g_output: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

const ROWS: u32 = 16;
const COLUMNS: u32 = 16;
const LANES: u32 = 8;

/// Whether workgroups of several z share a sum, and leave its parts in `c`.
override PARTS: bool = false;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let lanes_n = params.lanes_or_part;
    let m0 = (workgroup.y * (LANES / lanes_n) + lane / lanes_n) * ROWS;
    let n0 = workgroup.x * lanes_n * COLUMNS + lane % lanes_n;

    let relu = params.activation == RELU;
    let knows_activation = relu || params.activation == NONE;
    var a_at: array<u32, ROWS>;
    var b_at: array<u32, COLUMNS>;
    var sum: array<array<f32, COLUMNS>, ROWS>;
    var a_sum: array<f32, ROWS>;
    for (var i = 0u; i < ROWS; i++) {
        a_at[i] = workgroup.z * params.a_group + min(m0 + i, params.m - 1u) * params.a_row;
    }
    for (var j = 0u; j < COLUMNS; j++) {
        let n = min(n0 + j * lanes_n, params.n - 1u);
        b_at[j] = workgroup.z * params.b_group + n * params.b_column;
        // Without a bias another array is bound, which may be shorter.
        let has_bias = params.has_bias != 0u;
        let summand = select(0.0, bias[select(0u, n, has_bias)], has_bias);
        let start = select(unknown(params.activation), summand, knows_activation);
        for (var i = 0u; i < ROWS; i++) {
            sum[i][j] = start;
        }
    }

    var start = 0u;
    var end = params.k;
    if PARTS {
        let part = (params.k + groups.z - 1u) / groups.z;
        start = min(workgroup.z * part, params.k);
        end = min(start + part, params.k);
    }
    for (var k = start; k < end; k++) {
        var right: array<f32, COLUMNS>;
        for (var j = 0u; j < COLUMNS; j++) {
            right[j] = b[b_at[j] + k * params.b_k];
        }
        for (var i = 0u; i < ROWS; i++) {
            let left = a[a_at[i] + k * params.a_k];
            a_sum[i] += left;
            for (var j = 0u; j < COLUMNS; j++) {
                sum[i][j] = fma(left, right[j], sum[i][j]);
            }
        }
    }

    // One lane of the workgroups at the left edge has each row's sum.
    let writes_sums = params.has_sums != 0u && n0 == 0u;
    for (var i = 0u; i < ROWS; i++) {
        if writes_sums && m0 + i < params.m {
            if PARTS {
                c[groups.z * params.m * params.n + workgroup.z * params.m + m0 + i] = a_sum[i];
            } else {
                sums[m0 + i] = a_sum[i];
            }
        }
    }
    // Not `max`, which would make a number of NaN.
    for (var i = 0u; i < ROWS; i++) {
        for (var j = 0u; j < COLUMNS; j++) {
            sum[i][j] = select(sum[i][j], 0.0, relu && sum[i][j] < 0.0);
        }
    }
    var first = workgroup.z * params.c_group;
    if PARTS {
        first = workgroup.z * params.m * params.n;
    }
    for (var i = 0u; i < ROWS; i++) {
        for (var j = 0u; j < COLUMNS; j++) {
            let m = m0 + i;
            let n = n0 + j * lanes_n;
            if m < params.m && n < params.n {
                c[first + m * params.c_row + n] = sum[i][j];
            }
        }
    }
}
