// The sum of a matrix's rows: the gradient of a bias.
//
//   sum[n] = Σ_m a[m, n]
//
// a    [rows, columns]
// sum  [columns]
//
// One invocation a column, rows in order; neighbours read neighbouring words.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> sum: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let n = id.x + id.y * groups.x * WORKGROUP;
    if n >= params.columns {
        return;
    }
    var total = 0.0;
    for (var m = 0u; m < params.rows; m++) {
        total += a[m * params.columns + n];
    }
    sum[n] = total;
}
