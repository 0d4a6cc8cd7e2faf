// Squared error of a prediction, and its gradient; with scale ½ and offset ½ ln 2π the negative
// log-likelihood of Gaussians of unit variance.
//
//   rows[r]   = Σ_c scale·(y − x)² + offset
//   d_y[r, c] = d_rows[r] · 2·scale·(y − x)
//
// y, x, d_y     [rows, columns]
// d_rows, rows  [rows]
//
// One workgroup a row: each lane sums every LANES-th column, then lane 0 adds the lanes in order.
// Value and gradient share the reads; each is written where its switch is on.

struct Params {
    rows: u32,
    columns: u32,
    scale: f32,
    offset: f32,
}

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> d_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_y: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

/// Write `rows`.
override VALUE: bool = true;
/// Write `d_y`.
override GRADIENT: bool = true;

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
    let lane = local.x;
    let upstream = d_rows[row];
    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        let i = row * params.columns + column;
        let difference = y[i] - x[i];
        total += params.scale * difference * difference + params.offset;
        if GRADIENT {
            d_y[i] = upstream * 2.0 * params.scale * difference;
        }
    }
    if VALUE {
        total = sum_of_lanes(lane, total);
        if lane == 0u {
            rows[row] = total;
        }
    }
}
