// Rows of a table by their numbers.
//
//   y[r, c] = table[index[r], c]      with an index outside as the nearest inside
//
// table  [table_rows, columns]
// index  [rows]                     whole numbers
// y      [rows, columns]
//
// One invocation an element.

struct Params {
    table_rows: u32,
    rows: u32,
    columns: u32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

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
    let wanted = index[i / params.columns];
    // By `min` of whole numbers last: whatever becomes of a NaN, nothing is read outside.
    let row = min(u32(clamp(wanted, 0.0, f32(params.table_rows))), params.table_rows - 1u);
    y[i] = table[row * params.columns + i % params.columns];
}
