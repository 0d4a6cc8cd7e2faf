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
alias Sums = f32;

fn element(i: u32, row: u32, column: u32) -> Sums {
    let x0 = operand0[i];
    let x1 = operand1[i];
    let x2 = operand2[row];
    let v0 = exp(x0);
    value0[i] = x2 * (v0 - x1);
    return Sums(v0 - x1 * x0 + expr_lgamma(x1 + 1.0f));
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
