// Consecutive rows become one, column by column.
//
//   y[o, c] = Σ_a x[o·axis + a, c]                      or, by the largest of these,
//   y[o, c] = m + ln Σ_a exp(x[o·axis + a, c] − m)      with m = max_a x[o·axis + a, c]
//
// x  [rows · axis, columns]
// y  [rows, columns]
//
// One invocation an element of y, which adds in the order of the rows.

struct Params {
    rows: u32,
    columns: u32,
    axis: u32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
/// The second formula.
override LOG_SUM_EXP: bool = false;

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
    let first = row * params.axis * params.columns + i % params.columns;
    var total = 0.0;
    if !LOG_SUM_EXP {
        for (var a = 0u; a < params.axis; a++) {
            total += x[first + a * params.columns];
        }
        y[i] = total;
        return;
    }
    var largest = x[first];
    for (var a = 1u; a < params.axis; a++) {
        largest = max(largest, x[first + a * params.columns]);
    }
    for (var a = 0u; a < params.axis; a++) {
        total += exp(x[first + a * params.columns] - largest);
    }
    y[i] = largest + log(total);
}
