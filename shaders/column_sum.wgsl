// The sums of a matrix's rows, `part` of them at a time: of all of them, the gradient of a bias.
//
//   sum[p, n] = Σ_m a[m, n] for m from p·part to before (p + 1)·part
//
// a    [rows, columns]
// sum  [⌈rows / part⌉, columns]
//
// One invocation an element of `sum`, rows in order; neighbours read neighbouring words.

struct Params {
    rows: u32,
    columns: u32,
    part: u32,
    padding: u32,
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
    let at = id.x + id.y * groups.x * WORKGROUP;
    // Of no rows there is one sum a column, of nothing.
    let parts = max((params.rows + params.part - 1u) / params.part, 1u);
    if at >= parts * params.columns {
        return;
    }
    let n = at % params.columns;
    let first = at / params.columns * params.part;
    var total = 0.0;
    for (var m = first; m < min(first + params.part, params.rows); m++) {
        total += a[m * params.columns + n];
    }
    sum[at] = total;
}
