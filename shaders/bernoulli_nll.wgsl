// Negative log-likelihood of independent Bernoullis from their logits, and its gradient.
//
//   rows[r]        = Σ_c max(l, 0) − l·x + ln(1 + exp(−|l|))          in nats
//   d_logits[r, c] = d_rows[r] · (1 / (1 + exp(−l)) − x)
//
// logits, x, d_logits  [rows, columns]
// d_rows, rows         [rows]
//
// One workgroup a row: each lane sums every LANES-th column, then lane 0 adds the lanes in order.
// Value and gradient share the reads; each is written where its switch is on.
// Never through a sigmoid and a logarithm: both terms are exact where the logit is large.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> d_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

/// Write `rows`.
override VALUE: bool = true;
/// Write `d_logits`.
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
        let l = logits[i];
        let observed = x[i];
        let t = exp(-abs(l));
        total += max(l, 0.0) - l * observed + log(1.0 + t);
        if GRADIENT {
            d_logits[i] = upstream * (select(t, 1.0, l >= 0.0) / (1.0 + t) - observed);
        }
    }
    if VALUE {
        total = sum_of_lanes(lane, total);
        if lane == 0u {
            rows[row] = total;
        }
    }
}
