// A pointwise non-linearity.
//
//   y = f(x)
//
// x, y  [len]
//
// One invocation an element. Where the input comes from a matrix product, the product applies f
// itself; this kernel serves what is left.

/// What its parts take at a time.
alias Values = f32;

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
