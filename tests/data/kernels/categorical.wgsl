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

alias Sums = f32;

fn element(i: u32, row: u32, column: u32) -> Sums {
    let x0 = operand0[i];
    let x1 = operand1[i];
    let x2 = operand2[row];
    value0[i] = -(x2 * x1);
    return Sums(-(x1 * x0));
}

fn store(row: u32, sums: Sums) {
    sum0[row] = sums;
}
