// Matrix product by subgroup broadcasts, for software adapters that run eight lanes at a time.
//
//   c[m, n] = f(Σ_k a[m, k]·b[k, n] + bias[n] + addend[m, n]) · g′(g_output[m, n])
//
// a        element (m, k) at m·a_row + k·a_k         one kernel serves A·B, A·Bᵀ and Aᵀ·B:
// b        element (k, n) at k·b_k + n·b_column      the strides say which
// c        element (m, n) at m·c_row + n·c_column    and where the result is to be transposed
// bias     [n]      added where has_bias; [m] where transposed
// addend   as c     added where has_addend
// g_output as c     an activation's output; its derivative multiplies where derivative != NONE
// sums     [m]      Σ_k a[m, k], where has_sums: with a gradient as `a`, that of the bias;
//                   [n], Σ_k b[k, n] where transposed
//
// PARTS: llvmpipe ends the loops of an invocation after 65,535 turns in all, so that a longer sum is
// computed in parts, each by the workgroups of another z, and `gemm_split_sum` adds them:
// c       [parts, m, n] and, from there on, [parts, m] (where transposed [parts, n]): the parts of
//         both, and no more
//
// A CPU that runs WGSL pays about 40 cycles for a vector of loads (one load per lane), and about
// one for a multiply-add or the broadcast of a lane; workgroup memory is only more loads. So a
// workgroup is one subgroup of eight lanes. `a` lies along the lanes, ROWS values each; of `b`, one
// load fetches eight columns, one a lane, and each is then broadcast: 12 loads feed 32×8
// multiply-adds. Which of a product's operands is `a` is the host's choice, as wastes least past the
// edges; the other way round it computes the transposed product. What lies past an edge is computed
// from the last valid row or column and not stored.
//
// All loops over ROWS, COLUMNS and DEPTH are to be unrolled: an index that is not a constant costs
// such a driver a hundred times a register. Not so the loops over results at the end, since a driver
// compiles 256 stores in a row for a second: they take the first and move the others up, eight
// columns among themselves and then the rest by eight, which is a third of the moves.

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

const ROWS: u32 = 8;
const LANE_COLUMNS: u32 = 4;
const COLUMNS: u32 = LANE_COLUMNS * LANES;
/// Steps of k at a time, so that a sum stays in a register for as long.
const DEPTH: u32 = 2;

/// Whether workgroups of several z share a sum, and leave its parts in `c`.
override PARTS: bool = false;

/// What follows the sum: bias, addend, activation, derivative; then the result is stored. Results of a
/// product or a part start at `first`; of a part nothing follows.
fn finish(m: u32, n: u32, sum: f32, first: u32) {
    let at = m * params.c_row + n * params.c_column;
    if PARTS {
        c[first + at] = sum;
        return;
    }
    var value = sum;
    if params.has_bias != 0u {
        value += bias[select(n, m, params.transposed != 0u)];
    }
    if params.has_addend != 0u {
        value += addend[at];
    }
    value = activate(params.activation, value);
    if params.derivative != NONE {
        value *= derivative(params.derivative, g_output[at]);
    }
    c[first + at] = value;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let m0 = workgroup.y * ROWS * LANES + lane;
    let n0 = workgroup.x * COLUMNS;

    var a_at: array<u32, ROWS>;
    var b_at: array<u32, LANE_COLUMNS>;
    for (var i = 0u; i < ROWS; i++) {
        let m = min(m0 + i * LANES, params.m - 1u);
        a_at[i] = workgroup.z * params.a_group + m * params.a_row;
    }
    for (var v = 0u; v < LANE_COLUMNS; v++) {
        let n = min(n0 + v * LANES + lane, params.n - 1u);
        b_at[v] = workgroup.z * params.b_group + n * params.b_column;
    }

    var start = 0u;
    var end_k = params.k;
    if PARTS {
        let part = (params.k + groups.z - 1u) / groups.z;
        start = min(workgroup.z * part, params.k);
        end_k = min(start + part, params.k);
    }
    var sum: array<array<f32, ROWS>, COLUMNS>;
    var a_sum: array<f32, ROWS>;
    var b_sum: array<f32, LANE_COLUMNS>;
    for (var k = start; k < end_k; k += DEPTH) {
        var left: array<array<f32, DEPTH>, ROWS>;
        for (var d = 0u; d < DEPTH; d++) {
            let inside = k + d < end_k;
            let at = min(k + d, params.k - 1u);
            for (var i = 0u; i < ROWS; i++) {
                left[i][d] = select(0.0, a[a_at[i] + at * params.a_k], inside);
                a_sum[i] += left[i][d];
            }
        }
        for (var v = 0u; v < LANE_COLUMNS; v++) {
            var right: array<array<f32, LANES>, DEPTH>;
            for (var d = 0u; d < DEPTH; d++) {
                let inside = k + d < end_k;
                let at = min(k + d, params.k - 1u);
                let column = select(0.0, b[b_at[v] + at * params.b_k], inside);
                b_sum[v] += column;
                right[d] = broadcasts(column);
            }
            for (var l = 0u; l < LANES; l++) {
                let j = v * LANES + l;
                for (var i = 0u; i < ROWS; i++) {
                    for (var d = 0u; d < DEPTH; d++) {
                        sum[j][i] = fma(left[i][d], right[d][l], sum[j][i]);
                    }
                }
            }
        }
    }

    // One workgroup has each sum: that at the left edge, or at the upper.
    let first = workgroup.z * select(params.c_group, params.m * params.n, PARTS);
    let parts_end = groups.z * params.m * params.n;
    let sums_a = params.has_sums != 0u && params.transposed == 0u && n0 == 0u;
    for (var i = 0u; i < ROWS; i++) {
        let m = m0 + i * LANES;
        if sums_a && m < params.m {
            if PARTS {
                c[parts_end + workgroup.z * params.m + m] = a_sum[i];
            } else {
                sums[m] = a_sum[i];
            }
        }
    }
    let sums_b = params.has_sums != 0u && params.transposed != 0u && workgroup.y == 0u;
    for (var v = 0u; v < LANE_COLUMNS; v++) {
        let n = n0 + v * LANES + lane;
        if sums_b && n < params.n {
            if PARTS {
                c[parts_end + workgroup.z * params.n + n] = b_sum[v];
            } else {
                sums[n] = b_sum[v];
            }
        }
    }

    let end = vec2<u32>(workgroup.y + 1u, workgroup.x + 1u) * vec2<u32>(ROWS * LANES, COLUMNS);
    for (var n8 = n0; n8 < min(end.y, params.n); n8 += LANES) {
        var block: array<array<f32, ROWS>, LANES>;
        for (var j = 0u; j < LANES; j++) {
            block[j] = sum[j];
        }
        for (var n = n8; n < min(n8 + LANES, params.n); n++) {
            var column = block[0];
            for (var m = m0; m < min(end.x, params.m); m += LANES) {
                finish(m, n, column[0], first);
                for (var i = 0u; i < ROWS - 1u; i++) {
                    column[i] = column[i + 1u];
                }
            }
            for (var j = 0u; j < LANES - 1u; j++) {
                block[j] = block[j + 1u];
            }
        }
        for (var j = 0u; j < COLUMNS - LANES; j++) {
            sum[j] = sum[j + LANES];
        }
    }
}
