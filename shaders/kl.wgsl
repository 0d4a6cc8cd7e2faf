// KL divergence of a diagonal Gaussian from the standard normal (Kingma and Welling 2013, appendix
// B), and its gradients.
//
//   rows[r]        = ½ Σ_c mu² + exp(logvar) − 1 − logvar          in nats
//   d_mu[r, c]     = d_rows[r] · mu
//   d_logvar[r, c] = d_rows[r] · ½ (exp(logvar) − 1)
//
// mu, logvar, d_mu, d_logvar  [rows, columns]
// d_rows, rows                [rows]
//
// One workgroup a row: each lane sums every LANES-th column, then lane 0 adds the lanes in order.
// Value and gradient share the reads; each is written where its switch is on.
// logvar is clamped where exp would overflow; the clamp passes the gradient on.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> mu: array<f32>;
@group(0) @binding(1) var<storage, read> logvar: array<f32>;
@group(0) @binding(2) var<storage, read> d_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_mu: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_logvar: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

override LANES: u32 = 64;
/// Write `rows`.
override VALUE: bool = true;
/// Write `d_mu` and `d_logvar`.
override GRADIENT: bool = true;
const LOGVAR_MAX: f32 = 80.0;

/// exp(x) − 1 − x ≥ 0: by its series near zero, where an untrained encoder's logvar lies and the
/// subtraction would leave few digits.
fn exp_minus_tangent(x: f32) -> f32 {
    let series = 0.5 * x * x * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0 *
        (1.0 + x / 7.0 * (1.0 + x / 8.0 * (1.0 + x / 9.0)))))));
    return select(exp(min(x, LOGVAR_MAX)) - 1.0 - x, series, abs(x) < 0.5);
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
    let upstream = d_rows[row];
    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        let i = row * params.columns + column;
        let m = mu[i];
        let excess = exp_minus_tangent(logvar[i]);
        total += 0.5 * (m * m + excess);
        if GRADIENT {
            d_mu[i] = upstream * m;
            d_logvar[i] = upstream * 0.5 * (excess + logvar[i]);
        }
    }
    if VALUE {
        partial[lane] = total;
        workgroupBarrier();
        if lane == 0u {
            for (var other = 1u; other < LANES; other++) {
                total += partial[other];
            }
            rows[row] = total;
        }
    }
}
