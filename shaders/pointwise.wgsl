// Expressions at each element of [rows, columns].
//
// One invocation an element, or a vector of four: then `columns` counts vectors. What follows `main` is an
// example, y = x: `kernels::pointwise` writes the arrays, the functions and the expressions of a kernel in
// its place.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.rows * params.columns {
        return;
    }
    element(i, i / params.columns, i % params.columns);
}

@group(0) @binding(0) var<storage, read> operand0: array<f32>;
@group(0) @binding(1) var<storage, read_write> value0: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32, row: u32, column: u32) {
    let x0 = operand0[i];
    value0[i] = x0;
}
