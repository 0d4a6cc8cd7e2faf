// The adjoint of a pointwise non-linearity.
//
//   d_x = d_y · f′, with f′ from f's output y
//
// y, d_y, d_x  [len]
//
// One invocation an element.

/// What its parts take at a time.
alias Values = f32;

struct Params {
    len: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> d_y: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_x: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

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
    d_x[i] = d_y[i] * derivative(FUNCTION, y[i]);
}
