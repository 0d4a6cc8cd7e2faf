// Matrix product through workgroup memory, for GPUs.
//
//   c[m, n] = f(Σ_k a[m, k]·b[k, n] + bias[n] + addend[m, n]) · g′(saved[m, n])
//
// a       element (m, k) at m·a_row + k·a_k         one kernel serves A·B, A·Bᵀ and Aᵀ·B:
// b       element (k, n) at k·b_k + n·b_column      the strides say which
// bias    [n]      added where has_bias
// addend  [m, n]   added where has_addend
// saved   [m, n]   an activation's output; its derivative multiplies where gradient_of != NONE
// c       [m, n]
// sums    [m]      Σ_k a[m, k], where has_sums: with a gradient as `a`, that of the bias
//
// A workgroup of SIDE×SIDE invocations owns a tile of 4·SIDE × 4·SIDE results, 4×4 each: 8 loads
// from workgroup memory feed 16 multiply-adds. Slices of DEPTH along k are staged with k outermost;
// an invocation's four rows and columns lie SIDE apart, so that neighbours read neighbouring words
// of workgroup memory and write neighbouring results. Loading walks whichever index is contiguous
// in memory. What lies past an edge is staged as zero, so that the inner loop has no branch.
// SIDE = 16 for large matrices; SIDE = 8 where that would leave most of the GPU idle.

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
    gradient_of: u32,
    lanes_n: u32,
    has_sums: u32,
    c_row: u32,
    c_column: u32,
    transposed: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read> saved: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

/// At most 16: 256 invocations are WebGPU's default limit.
override SIDE: u32 = 16;
const DEPTH: u32 = 16;
const TILE: u32 = 4;

/// a[m0 + i, k0 + d] at d·4·SIDE + i, and b[k0 + d, n0 + j] at d·4·SIDE + j.
var<workgroup> a_tile: array<f32, 1024>;
var<workgroup> b_tile: array<f32, 1024>;

const NONE: u32 = 0;
const RELU: u32 = 1;
const TANH: u32 = 2;
const SIGMOID: u32 = 3;

/// No built-in `tanh` overflows within ±15, and tanh(15) is 1 in f32.
fn stable_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -15.0, 15.0));
}

/// 1 / (1 + e^−x) without overflow on either side.
fn sigmoid(x: f32) -> f32 {
    let t = exp(-abs(x));
    return select(t, 1.0, x >= 0.0) / (1.0 + t);
}

fn activate(function: u32, x: f32) -> f32 {
    switch function {
        // Not `max`, which would make a number of NaN.
        case RELU: { return select(x, 0.0, x < 0.0); }
        case TANH: { return stable_tanh(x); }
        case SIGMOID: { return sigmoid(x); }
        default: { return x; }
    }
}

/// f′ from f's output.
fn derivative(function: u32, y: f32) -> f32 {
    switch function {
        case RELU: { return select(0.0, 1.0, y > 0.0); }
        case TANH: { return 1.0 - y * y; }
        case SIGMOID: { return y * (1.0 - y); }
        default: { return 1.0; }
    }
}

/// Stages the slice of `a` and `b` that starts at k0, in steps of the workgroup's size.
fn load_tiles(m0: u32, n0: u32, k0: u32, invocation: u32) {
    let span = TILE * SIDE;
    for (var slot = invocation; slot < span * DEPTH; slot += SIDE * SIDE) {
        let along_k = params.a_k == 1u;
        let i = select(slot % span, slot / DEPTH, along_k);
        let d = select(slot / span, slot % DEPTH, along_k);
        var value = 0.0;
        if m0 + i < params.m && k0 + d < params.k {
            value = a[(m0 + i) * params.a_row + (k0 + d) * params.a_k];
        }
        a_tile[d * span + i] = value;
    }
    for (var slot = invocation; slot < span * DEPTH; slot += SIDE * SIDE) {
        let along_k = params.b_k == 1u;
        let j = select(slot % span, slot / DEPTH, along_k);
        let d = select(slot / span, slot % DEPTH, along_k);
        var value = 0.0;
        if n0 + j < params.n && k0 + d < params.k {
            value = b[(k0 + d) * params.b_k + (n0 + j) * params.b_column];
        }
        b_tile[d * span + j] = value;
    }
}

/// What follows the sum: bias, addend, activation, derivative; then the result is stored.
fn finish(m: u32, n: u32, sum: f32) {
    if m >= params.m || n >= params.n {
        return;
    }
    let at = m * params.n + n;
    var value = sum;
    if params.has_bias != 0u {
        value += bias[n];
    }
    if params.has_addend != 0u {
        value += addend[at];
    }
    value = activate(params.activation, value);
    if params.gradient_of != NONE {
        value *= derivative(params.gradient_of, saved[at]);
    }
    c[at] = value;
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let span = TILE * SIDE;
    let m0 = workgroup.y * span;
    let n0 = workgroup.x * span;

    var sum: array<vec4<f32>, TILE>;
    var a_sum: array<f32, TILE>;
    for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {
        load_tiles(m0, n0, k0, invocation);
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) {
            let at = d * span;
            let right = vec4<f32>(
                b_tile[at + local.x],
                b_tile[at + SIDE + local.x],
                b_tile[at + 2u * SIDE + local.x],
                b_tile[at + 3u * SIDE + local.x],
            );
            for (var i = 0u; i < TILE; i++) {
                let left = a_tile[at + i * SIDE + local.y];
                sum[i] = fma(vec4<f32>(left), right, sum[i]);
                a_sum[i] += left;
            }
        }
        workgroupBarrier();
    }

    for (var i = 0u; i < TILE; i++) {
        let m = m0 + i * SIDE + local.y;
        if params.has_sums != 0u && n0 + local.x == 0u && m < params.m {
            sums[m] = a_sum[i];
        }
        for (var j = 0u; j < TILE; j++) {
            finish(m0 + i * SIDE + local.y, n0 + j * SIDE + local.x, sum[i][j]);
        }
    }
}
