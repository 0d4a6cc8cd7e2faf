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
@group(0) @binding(4) var<storage, read> operand4: array<f32>;
@group(0) @binding(5) var<storage, read_write> value0: array<f32>;
@group(0) @binding(6) var<storage, read_write> value1: array<f32>;
@group(0) @binding(7) var<storage, read_write> value2: array<f32>;
@group(0) @binding(8) var<storage, read_write> sum0: array<f32>;
@group(0) @binding(9) var<uniform> params: Params;

// x².
fn expr_square(x: f32) -> f32 {
    return x * x;
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

// ln Γ(x) for x > 0; for others it is what log makes of them.
//
// About its roots 1 and 2, where it has no digits to lose, it is y P(y) with y the distance to the root, by
// Chebyshev fits of ln Γ(1 + y) / y and ln Γ(2 + y) / y over |y| ≤ ½ to 6e-10 and 2e-9. Between them and
// 4.5 by ln Γ(x) = ln(x − 1) + ln Γ(x − 1), below ½ by ln Γ(x) = ln Γ(1 + x) − ln x; beyond by Stirling's
// formula.
fn expr_lgamma(x: f32) -> f32 {
    if x < 1.5 {
        let small = x < 0.5;
        let y = select(x - 1.0, x, small);
        var p = -1.66168869e-1;
        p = p * y + 1.76718265e-1;
        p = p * y - 3.29418533e-2;
        p = p * y + 3.68487901e-2;
        p = p * y - 1.00044581e-1;
        p = p * y + 1.09705428e-1;
        p = p * y - 1.10362078e-1;
        p = p * y + 1.24482614e-1;
        p = p * y - 1.44102310e-1;
        p = p * y + 1.69612541e-1;
        p = p * y - 2.07384319e-1;
        p = p * y + 2.70579508e-1;
        p = p * y - 4.00685643e-1;
        p = p * y + 8.22467042e-1;
        p = p * y - 5.77215665e-1;
        if small {
            return y * p - log(x);
        }
        return y * p;
    }
    if x < 4.5 {
        let twice = x > 3.5;
        let y = x - select(select(2.0, 3.0, x > 2.5), 4.0, twice);
        var p = -2.50562021e-4;
        p = p * y + 5.70251250e-4;
        p = p * y - 1.18748481e-3;
        p = p * y + 2.87886868e-3;
        p = p * y - 7.38592088e-3;
        p = p * y + 2.05816254e-2;
        p = p * y - 6.73522941e-2;
        p = p * y + 3.22467018e-1;
        p = p * y + 4.22784335e-1;
        if x > 2.5 {
            return y * p + expr_ln((x - 1.0) * select(1.0, x - 2.0, twice));
        }
        return y * p;
    }
    // (x − ½)(ln x − 1) + ½ ln 2π − ½ + 1/(12x) − 1/(360x³) + 1/(1260x⁵) − 1/(1680x⁷), which overflows only
    // where ln Γ does; the next term is below 2e-9.
    let r = 1.0 / x;
    let t = r * r;
    let series = r * (0.083333333 - t * (2.7777778e-3 - t * (7.9365079e-4 - t * 5.9523810e-4)));
    return (x - 0.5) * (log(x) - 1.0) + (0.41893853 + series);
}

// ψ(x) for x > 0; for others it is what log makes of them.
//
// Between 1 and 2 it is d P(d) with d the distance to its root, which is given in two parts, by a Chebyshev
// fit of ψ(x) / d to 9e-10. Below by ψ(x) = ψ(x + 1) − 1/x, from 2 to 4 by ψ(x) = ψ(x + 2) − 1/x − 1/(x + 1),
// and beyond by its asymptotic series.
fn expr_digamma(x: f32) -> f32 {
    if x <= 0.0 {
        return log(x);
    }
    if x < 2.0 {
        let below = x < 1.0;
        let d = (select(x, x + 1.0, below) - 1.4616321) - 1.2438150e-8;
        var p = -7.47684310e-3;
        p = p * d + 1.43787311e-2;
        p = p * d - 1.61584849e-2;
        p = p * d + 2.16120940e-2;
        p = p * d - 3.29337203e-2;
        p = p * d + 4.89183203e-2;
        p = p * d - 7.22243344e-2;
        p = p * d + 1.07818083e-1;
        p = p * d - 1.63941680e-1;
        p = p * d + 2.58499876e-1;
        p = p * d - 4.42763180e-1;
        p = p * d + 9.67672245e-1;
        if below {
            return d * p - 1.0 / x;
        }
        return d * p;
    }
    let shifted = x < 4.0;
    let y = select(x, x + 2.0, shifted);
    let r = 1.0 / y;
    let t = r * r;
    // 1/12, −1/120, 1/252, −1/240; the next term is below 8e-9.
    let series = t * (0.083333333 - t * (8.3333333e-3 - t * (3.9682540e-3 - t * 4.1666667e-3)));
    let far = expr_ln(y) - (0.5 * r + series);
    if shifted {
        return far - (1.0 / x + 1.0 / (x + 1.0));
    }
    return far;
}
alias Sums = f32;

fn element(i: u32, row: u32, column: u32) -> Sums {
    let x0 = operand0[i];
    let x1 = operand1[i];
    let x2 = operand2[i];
    let x3 = operand3[i];
    let x4 = operand4[row];
    let v0 = max(x2, -10.0f);
    let v1 = min(v0, 10.0f);
    let v2 = exp(v1);
    let v3 = x0 - v1;
    let v4 = expr_softplus(v3);
    let v5 = v2 * v4;
    let v6 = x3 + v5;
    let v7 = expr_sigmoid(v3);
    let v8 = v2 * v7;
    let v9 = expr_sigmoid(v6);
    let v10 = -v6;
    let v11 = expr_sigmoid(v10);
    let v12 = v1 - x0;
    let v13 = expr_sigmoid(v12);
    let v14 = select(select(1.0f, 0.0f, x2 < -10.0f), 0.0f, 10.0f < v0);
    let v15 = v2 * v14;
    let v16 = v15 * v4;
    let v17 = v2 * (v7 * v14);
    let v18 = v16 - v17;
    let v19 = v2 + x1;
    let v20 = 1.0f / v2;
    let v21 = x1 * v20;
    let v22 = expr_ln1p(v21);
    let v23 = v19 - 0.5f;
    let v24 = v20 * v15 / v2;
    let v25 = 1.0f / v19;
    let v26 = v25 * v15 / v19;
    let v27 = v25 * v26;
    let v28 = expr_square(v25);
    let v29 = 0.0027777778f - 0.0007936508f * v28;
    let v30 = 0.083333336f - v29 * v28;
    let v31 = v20 * v24;
    let v32 = expr_square(v20);
    let v33 = 0.0027777778f - 0.0007936508f * v32;
    let v34 = 0.083333336f - v33 * v32;
    let v35 = expr_sigmoid(x3);
    let v36 = -x3;
    let v37 = expr_softplus(x3);
    value0[i] = x4 * select(v8 - x1 * v13, select(v11 * v8, v8 - v9 * v8, v6 < 0.0f), x1 < 0.5f);
    value1[i] = x4 * select(v18 + x1 * (v13 * v14) - select(v15 * v22 - v23 * (1.0f / (v21 + 1.0f) * (x1 * v24)) + x1 * v14 + (-((0.0015873016f * (v27 * v28) - 2.0f * (v29 * v27)) * v25) - v30 * v26 - (-((0.0015873016f * (v31 * v32) - 2.0f * (v33 * v31)) * v20) - v34 * v24)), expr_digamma(v19) * v15 - expr_digamma(v2) * v15, v1 < 2.0794415f), select(-(v11 * (v17 - v16)), v18 - v9 * v18, v6 < 0.0f), x1 < 0.5f);
    value2[i] = x4 * select(v35, select(v11 - expr_sigmoid(v36), v35 - v9, v6 < 0.0f), x1 < 0.5f);
    return Sums(select(v37 + (v5 + x1 * expr_softplus(v12) + expr_lgamma(x1 + 1.0f) - select(v23 * v22 + x1 * v1 - x1 + (v30 * v25 - v34 * v20), expr_lgamma(v19) - expr_lgamma(v2), v1 < 2.0794415f)), select(expr_softplus(v36) - expr_softplus(v10), v37 + v5 - expr_softplus(v6), v6 < 0.0f), x1 < 0.5f));
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
