// Consecutive rows become one, column by column.
//
//   SUM          y[o, c] = Σ_a x[o·axis + a, c]
//   LOG_SUM_EXP  y[o, c] = m + ln Σ_a exp(x[o·axis + a, c] − m)
//   MAX          y[o, c] = m = max_a x[o·axis + a, c]
//   ARG_MAX      y[o, c] = the least a with x[o·axis + a, c] = m
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
/// Which formula.
override FUNCTION: u32 = SUM;

const SUM: u32 = 0u;
const LOG_SUM_EXP: u32 = 1u;
const MAX: u32 = 2u;
const ARG_MAX: u32 = 3u;

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
    if FUNCTION == SUM {
        var total = 0.0;
        for (var a = 0u; a < params.axis; a++) {
            total += x[first + a * params.columns];
        }
        y[i] = total;
        return;
    }
    var largest = x[first];
    var at = 0u;
    for (var a = 1u; a < params.axis; a++) {
        let value = x[first + a * params.columns];
        // Not `max`, which would make a number of NaN: the first NaN is the largest.
        let larger = !(value <= largest) && largest == largest;
        largest = select(largest, value, larger);
        at = select(at, a, larger);
    }
    if FUNCTION == MAX {
        y[i] = largest;
    } else if FUNCTION == ARG_MAX {
        y[i] = f32(at);
    } else {
        var total = 0.0;
        for (var a = 0u; a < params.axis; a++) {
            total += exp(x[first + a * params.columns] - largest);
        }
        y[i] = largest + log(total);
    }
}
