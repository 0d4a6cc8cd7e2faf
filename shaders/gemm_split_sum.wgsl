// What follows a product that was computed in parts: their sum, and what follows that.
//
//   c[m, n] = f(Σ_p partial[p, m, n] + bias[n] + addend[m, n]) · g′(g_output[m, n])
//   sums[m] = Σ_p partial_sums[p, m]                                           where has_sums
//
// partial  [parts, m, n] and, from there on, partial_sums [parts, m]
// bias     [n]      added where has_bias
// addend   as c     added where has_addend
// g_output as c     an activation's output; its derivative multiplies where derivative != NONE
// c        [m, n], element (m, n) at m·c_row + n
//
// One invocation an element of c, and after those one an element of sums. The parts are added in
// their order.

/// What its parts take at a time.
alias Values = f32;

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
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> addend: array<f32>;
@group(0) @binding(3) var<storage, read> g_output: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

/// The parts from `at` on, `stride` apart.
fn added(at: u32, stride: u32) -> f32 {
    var sum = 0.0;
    for (var part = 0u; part < params.parts; part++) {
        sum += partial[at + part * stride];
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) global: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let at = global.x + global.y * groups.x * WORKGROUP;
    let len = params.m * params.n;
    if at < len {
        let n = at % params.n;
        let to = at / params.n * params.c_row + n;
        var value = added(at, len);
        if params.has_bias != 0u {
            value += bias[n];
        }
        if params.has_addend != 0u {
            value += addend[to];
        }
        value = activate(params.activation, value);
        if params.derivative != NONE {
            value *= derivative(params.derivative, g_output[to]);
        }
        c[to] = value;
    } else if params.has_sums != 0u && at < len + params.m {
        sums[at - len] = added(params.parts * len + at - len, params.m);
    }
}
