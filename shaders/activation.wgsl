// A pointwise non-linearity.
//
//   y = f(x)
//
// x, y  [len]
//
// One invocation an element. Where the input comes from a matrix product, the product applies f
// itself; this kernel serves what is left.

struct Params {
    len: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
override FUNCTION: u32 = 0;

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

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.len {
        return;
    }
    y[i] = activate(FUNCTION, x[i]);
}
