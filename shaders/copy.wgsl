// Columns of rows, from one array into another.
//
//   to[r, to_first + c] = from[r, from_first + c]      for c < columns
//
// from  [rows, from_columns]
// to    [rows, to_columns]
//
// One invocation an element.

struct Params {
    rows: u32,
    columns: u32,
    from_first: u32,
    from_columns: u32,
    to_first: u32,
    to_columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> copy: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

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
    let row = i / params.columns;
    let column = i % params.columns;
    copy[row * params.to_columns + params.to_first + column] =
        source[row * params.from_columns + params.from_first + column];
}
