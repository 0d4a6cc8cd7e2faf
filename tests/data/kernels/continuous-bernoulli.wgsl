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
@group(0) @binding(3) var<storage, read_write> value0: array<f32>;
@group(0) @binding(4) var<storage, read_write> sum0: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

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

// ln(sinh x / x). About 0 by sinh x / x − 1 = x²/6 (1 + x²/20 (1 + x²/42 (…))), whose terms are positive;
// elsewhere by sinh |x| = e|ˣ| (1 − e⁻²|ˣ|) / 2.
fn expr_ln_sinhc(x: f32) -> f32 {
    let a = abs(x);
    if a >= 2.0 {
        return a - log(a) - 0.69314718 + expr_ln1p(-exp(-2.0 * a));
    }
    // 1/13!, …, 1/3!; the next term is below 2¹² / 15!, 4e-9 of the first.
    let t = x * x;
    var p = 1.6059044e-10;
    p = p * t + 2.5052108e-8;
    p = p * t + 2.7557319e-6;
    p = p * t + 1.9841270e-4;
    p = p * t + 8.3333333e-3;
    p = p * t + 1.6666667e-1;
    return expr_ln1p(t * p);
}

// coth x − 1/x. About 0 it is (x cosh x − sinh x) / (x sinh x), both as Taylor polynomials, whose terms are
// positive; elsewhere coth |x| = 1 + 2e / (1 − e) with e = e⁻²|ˣ|.
fn expr_langevin(x: f32) -> f32 {
    let a = abs(x);
    if a >= 2.0 {
        let e = exp(-2.0 * a);
        let y = 1.0 + (2.0 * e / (1.0 - e) - 1.0 / a);
        return select(y, -y, x < 0.0);
    }
    let t = x * x;
    // 2k / (2k + 1)! from k = 7 down to 1.
    var above = 1.0706029e-11;
    above = above * t + 1.9270853e-9;
    above = above * t + 2.5052108e-7;
    above = above * t + 2.2045855e-5;
    above = above * t + 1.1904762e-3;
    above = above * t + 3.3333333e-2;
    above = above * t + 3.3333333e-1;
    // 1 / (2k + 1)! from k = 6 down to 0.
    var below = 1.6059044e-10;
    below = below * t + 2.5052108e-8;
    below = below * t + 2.7557319e-6;
    below = below * t + 1.9841270e-4;
    below = below * t + 8.3333333e-3;
    below = below * t + 1.6666667e-1;
    below = below * t + 1.0;
    return x * (above / below);
}
alias Sums = f32;

fn element(i: u32, row: u32, column: u32) -> Sums {
    let x0 = operand0[i];
    let x1 = operand1[i];
    let x2 = operand2[row];
    let v0 = 0.5f * x0;
    let v1 = 0.5f - x1;
    value0[i] = x2 * (0.5f * expr_langevin(v0) + v1);
    return Sums(expr_ln_sinhc(v0) + x0 * v1);
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
