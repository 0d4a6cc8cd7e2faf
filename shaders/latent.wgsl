// The latent of a batch and its divergence: what `reparameterize` and `kl` do, in one launch.
//
//   z[r, c] = mu + exp(½ logvar) · eps
//   rows[r] = ½ Σ_c mu² + exp(logvar) − 1 − logvar          in nats
//
// mu, logvar, eps, z  [rows, columns]
// rows                [rows]
//
// One workgroup a row: each lane takes every LANES-th column, then lane 0 adds the lanes in order.

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

override LANES: u32 = 64;
const LOGVAR_MAX: f32 = 80.0;

/// exp(x) − 1 − x: by its series near zero, where an untrained encoder's logvar lies and the
/// subtractions would leave few digits. The series is taken of a bounded number, as it would
/// overflow where it is not used.
fn exp_minus_tangent(x: f32) -> f32 {
    let s = clamp(x, -0.5, 0.5);
    let series = 0.5 * s * s * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 * (1.0 + s / 6.0 *
        (1.0 + s / 7.0 * (1.0 + s / 8.0 * (1.0 + s / 9.0)))))));
    let direct = exp(min(x, LOGVAR_MAX)) - 1.0;
    return select(direct - x, series, abs(x) < 0.5);
}

var<workgroup> partial: array<f32, 256>;

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
        z[i] = m + exp(0.5 * min(l, LOGVAR_MAX)) * eps[i];
        total += 0.5 * (m * m + exp_minus_tangent(l));
    }
    partial[lane] = total;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < LANES; other++) {
            total += partial[other];
        }
        rows[row] = total;
    }
}
