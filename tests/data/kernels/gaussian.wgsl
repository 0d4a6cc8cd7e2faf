// Expressions at each element of [rows, columns], of some the sum over each row.
//
// One workgroup a row: each lane takes every LANES-th column, then lane 0 adds the lanes in order. What
// follows `main` is an example, rows[r] = Σ_c x[r, c]: `kernels::pointwise` writes the arrays, the
// functions and the expressions of a kernel in its place. `Sums` is a number or a vector, one for each
// sum.

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

/// At most 256.
override LANES: u32 = 64;

var<workgroup> partial: array<Sums, 256>;

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
    var total = Sums();
    for (var column = lane; column < params.columns; column += LANES) {
        total += element(row * params.columns + column, row, column);
    }
    partial[lane] = total;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < LANES; other++) {
            total += partial[other];
        }
        store(row, total);
    }
}

@group(0) @binding(0) var<storage, read> operand0: array<f32>;
@group(0) @binding(1) var<storage, read> operand1: array<f32>;
@group(0) @binding(2) var<storage, read> operand2: array<f32>;
@group(0) @binding(3) var<storage, read> operand3: array<f32>;
@group(0) @binding(4) var<storage, read_write> value0: array<f32>;
@group(0) @binding(5) var<storage, read_write> value1: array<f32>;
@group(0) @binding(6) var<storage, read_write> sum0: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

// x².
fn expr_square(x: f32) -> f32 {
    return x * x;
}

// 1 / (1 + e⁻ˣ), by e⁻|ˣ|, which does not overflow.
fn expr_sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}
alias Sums = f32;

fn element(i: u32, row: u32, column: u32) -> Sums {
    let x0 = operand0[i];
    let x1 = operand1[i];
    let x2 = operand2[i];
    let x3 = operand3[row];
    let v0 = expr_sigmoid(x0);
    let v1 = v0 - x1;
    let v2 = max(x2, -6.0f);
    let v3 = min(v2, 6.0f);
    let v4 = exp(-v3);
    let v5 = select(select(1.0f, 0.0f, x2 < -6.0f), 0.0f, 6.0f < v2);
    let v6 = expr_square(v1);
    value0[i] = x3 * (v1 * (v0 * (1.0f - v0)) * v4);
    value1[i] = 0.5f * (x3 * (v5 - v6 * (v4 * v5)));
    return Sums(0.5f * (v6 * v4 + v3) + 0.9189385f);
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
