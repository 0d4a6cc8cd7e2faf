// Expressions at each element of [rows, columns], row by row.
//
// One workgroup a row, whose lanes take every LANES-th column, or vector of four columns: then `columns`
// counts vectors. A software adapter divides element by element, so that a launch over wide rows had
// better not ask each element for its row. What follows `main` is an example, y = x: `kernels::pointwise`
// writes the arrays, the functions and the expressions of a kernel in its place.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

override LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let row = workgroup.x + workgroup.y * groups.x;
    if row >= params.rows {
        return;
    }
    for (var column = local.x; column < params.columns; column += LANES) {
        element(row * params.columns + column, row, column);
    }
}

@group(0) @binding(0) var<storage, read> operand0: array<f32>;
@group(0) @binding(1) var<storage, read_write> value0: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32, row: u32, column: u32) {
    let x0 = operand0[i];
    value0[i] = x0;
}
