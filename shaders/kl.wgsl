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
@group(0) @binding(2) var<storage, read> d_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_mu: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_logvar: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

/// Write `rows`.
override VALUE: bool = true;
/// Write `d_mu` and `d_logvar`.
override GRADIENT: bool = true;

/// exp(x) − 1 and exp(x) − 1 − x, from one series.
fn exp_minus(x: f32) -> vec2<f32> {
    let tangent = exp_minus_tangent(x);
    let direct = exp(min(x, LOGVAR_MAX)) - 1.0;
    return vec2<f32>(select(direct, tangent + x, abs(x) < 0.5), tangent);
}

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
        let excess = exp_minus(logvar[i]);
        total += 0.5 * (m * m + excess.y);
        if GRADIENT {
            d_mu[i] = upstream * m;
            d_logvar[i] = upstream * 0.5 * excess.x;
        }
    }
    if VALUE {
        total = sum_of_lanes(lane, total);
        if lane == 0u {
            rows[row] = total;
        }
    }
}
