// Matrix product by subgroup shuffles, for GPUs with subgroups of one size.
//
//   c[m, n] = f(Σ_k a[m, k]·b[k, n] + bias[n] + addend[m, n]) · g′(g_output[m, n])
//
// a        element (m, k) at m·a_row + k·a_k         one kernel serves A·B, A·Bᵀ and Aᵀ·B:
// b        element (k, n) at k·b_k + n·b_column      the strides say which
// bias     [n]      added where has_bias
// addend   [m, n]   added where has_addend
// g_output [m, n]   an activation's output; its derivative multiplies where derivative != NONE
// c        [m, n], element (m, n) at m·c_row + n; addend and g_output as well
// sums     [m]      Σ_k a[m, k], where has_sums: with a gradient as `a`, that of the bias
//
// A workgroup is one subgroup and owns 8·LANES × 8 results: a lane has eight rows, LANES apart, of
// eight columns, 64 sums in registers, and reads its rows itself. Of `b` one load of the subgroup
// fetches LANES/8 steps of k, eight columns each, one value a lane; a shuffle hands each to all. No
// workgroup memory, and no barrier. What lies past an edge of k counts as zero; past other edges lie
// results that nobody stores.

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

/// Of a subgroup: a multiple of 8.
override LANES: u32 = 32;
const ROWS: u32 = 8;
const COLUMNS: u32 = 8;

/// What follows the sum: bias, addend, activation, derivative; then the result is stored.
fn finish(m: u32, n: u32, sum: f32) {
    let at = m * params.c_row + n;
    var value = sum;
    if params.has_bias != 0u {
        value += bias[n];
    }
    if params.has_addend != 0u {
        value += addend[at];
    }
    value = activate(params.activation, value);
    if params.derivative != NONE {
        value *= derivative(params.derivative, g_output[at]);
    }
    c[at] = value;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let m0 = workgroup.y * ROWS * LANES + lane;
    let n0 = workgroup.x * COLUMNS;
    let b_at = min(n0 + lane % COLUMNS, params.n - 1u) * params.b_column;
    let steps = LANES / COLUMNS;

    var sum: array<array<f32, COLUMNS>, ROWS>;
    var a_sum: array<f32, ROWS>;
    for (var k0 = 0u; k0 < params.k; k0 += steps) {
        let mine = k0 + lane / COLUMNS;
        let read = b[b_at + min(mine, params.k - 1u) * params.b_k];
        let right = select(0.0, read, mine < params.k);
        for (var d = 0u; d < steps; d++) {
            let inside = k0 + d < params.k;
            let at = min(k0 + d, params.k - 1u) * params.a_k;
            var left: array<f32, ROWS>;
            for (var i = 0u; i < ROWS; i++) {
                let m = min(m0 + i * LANES, params.m - 1u);
                left[i] = select(0.0, a[m * params.a_row + at], inside);
                a_sum[i] += left[i];
            }
            for (var j = 0u; j < COLUMNS; j++) {
                let value = subgroupShuffle(right, d * COLUMNS + j);
                for (var i = 0u; i < ROWS; i++) {
                    sum[i][j] = fma(left[i], value, sum[i][j]);
                }
            }
        }
    }

    for (var i = 0u; i < ROWS; i++) {
        let m = m0 + i * LANES;
        // The workgroups at the left edge have the sums of `a`.
        if params.has_sums != 0u && n0 == 0u && m < params.m {
            sums[m] = a_sum[i];
        }
        for (var j = 0u; j < COLUMNS; j++) {
            if m < params.m && n0 + j < params.n {
                finish(m, n0 + j, sum[i][j]);
            }
        }
    }
}
