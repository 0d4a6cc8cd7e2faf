// The latent of a batch (Kingma and Welling 2013, section 2.4) and its divergence from the standard normal
// (appendix B).
//
//   z[r, c] = mu + exp(½ logvar) · eps
//   rows[r] = ½ Σ_c mu² + exp(logvar) − 1 − logvar          in nats
//
// mu, logvar, eps, z  [rows, columns]
// rows                [rows]
//
// One workgroup a row: each lane takes every LANES-th column, then lane 0 adds the lanes in order.

/// What its parts take at a time.
alias Values = f32;

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> mu: array<f32>;
@group(0) @binding(1) var<storage, read> logvar: array<f32>;
@group(0) @binding(2) var<storage, read> eps: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

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
    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        let i = row * params.columns + column;
        let m = mu[i];
        let l = logvar[i];
        z[i] = m + sigma(l) * eps[i];
        total += 0.5 * (m * m + exp_minus_tangent(l));
    }
    total = sum_of_lanes(lane, total);
    if lane == 0u {
        rows[row] = total;
    }
}
