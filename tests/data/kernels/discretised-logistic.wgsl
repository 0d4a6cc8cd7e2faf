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

// eˣ − 1. About 0 its Taylor polynomial, as the difference would cancel.
fn expr_expm1(x: f32) -> f32 {
    if abs(x) >= 0.5 {
        return exp(x) - 1.0;
    }
    // 1/9!, …, 1/2!; the next term is below 0.5⁹ / 10!, 5e-10 of the sum.
    var p = 2.7557319e-6;
    p = p * x + 2.4801587e-5;
    p = p * x + 1.9841270e-4;
    p = p * x + 1.3888889e-3;
    p = p * x + 8.3333333e-3;
    p = p * x + 4.1666667e-2;
    p = p * x + 1.6666667e-1;
    p = p * x + 0.5;
    return x + x * x * p;
}

// ln x. WGSL's log has an absolute accuracy alone between ½ and 2; there it is
// 2 artanh s = 2s (1 + s²/3 + s⁴/5 + …) with s = (x − 1) / (x + 1), whose numerator is exact.
fn expr_ln(x: f32) -> f32 {
    if x < 0.5 || x > 2.0 {
        return log(x);
    }
    let s = (x - 1.0) / (x + 1.0);
    let t = s * s;
    // 1/17, …, 1/3, with t ≤ 1/9: the next term is below 9⁻⁹ / 19, 2e-10.
    var p = 0.058823529;
    p = p * t + 0.066666667;
    p = p * t + 0.076923077;
    p = p * t + 0.090909091;
    p = p * t + 0.11111111;
    p = p * t + 0.14285714;
    p = p * t + 0.2;
    p = p * t + 0.33333333;
    return 2.0 * (s + s * t * p);
}

// ln(1 + x). Between −½ and 1 it is 2 artanh s = 2s (1 + s²/3 + s⁴/5 + …) with s = x / (2 + x):
// WGSL's log has an absolute accuracy alone there, and 1 + x has lost the digits of a small x.
fn expr_ln1p(x: f32) -> f32 {
    if x < -0.5 || x > 1.0 {
        return log(1.0 + x);
    }
    let s = x / (2.0 + x);
    let t = s * s;
    // 1/17, …, 1/3, with t ≤ 1/9: the next term is below 9⁻⁹ / 19, 2e-10.
    var p = 0.058823529;
    p = p * t + 0.066666667;
    p = p * t + 0.076923077;
    p = p * t + 0.090909091;
    p = p * t + 0.11111111;
    p = p * t + 0.14285714;
    p = p * t + 0.2;
    p = p * t + 0.33333333;
    return 2.0 * (s + s * t * p);
}

// ln(1 + eˣ) = max(x, 0) + ln(1 + e⁻|ˣ|), which overflows at neither side.
fn expr_softplus(x: f32) -> f32 {
    return max(x, 0.0) + expr_ln1p(exp(-abs(x)));
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
    let v1 = x1 + 0.0019607844f - v0;
    let v2 = max(x2, -7.0f);
    let v3 = exp(-min(v2, 7.0f));
    let v4 = -(v1 * v3);
    let v5 = expr_sigmoid(v4);
    let v6 = v0 * (1.0f - v0) * v3;
    let v7 = v5 * v6;
    let v8 = x1 - 0.0019607844f - v0;
    let v9 = v8 * v3;
    let v10 = expr_sigmoid(v9);
    let v11 = v10 * v6;
    let v12 = v3 * select(select(1.0f, 0.0f, x2 < -7.0f), 0.0f, 7.0f < v2);
    let v13 = v5 * (v1 * v12);
    let v14 = v10 * (v8 * v12);
    let v15 = -0.003921569f * v3;
    let v16 = expr_expm1(v15);
    let v17 = expr_softplus(v4);
    let v18 = expr_softplus(v9);
    value0[i] = x3 * select(select(v7 - v11, -v11, 0.9980392f < x1), v7, x1 < 0.0019607844f);
    value1[i] = x3 * select(select(v13 - v14 - 0.003921569f * (1.0f / v16 * (exp(v15) * v12)), -v14, 0.9980392f < x1), v13, x1 < 0.0019607844f);
    return Sums(select(select(v17 + v18 - expr_ln(-v16), v18, 0.9980392f < x1), v17, x1 < 0.0019607844f));
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
