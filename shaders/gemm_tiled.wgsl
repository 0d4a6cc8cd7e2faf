// Matrix product through workgroup memory, for GPUs.
//
//   c[m, n] = f(Σ_k a[m, k]·b[k, n] + bias[n] + addend[m, n]) · g′(g_output[m, n])
//
// a        element (m, k) at m·a_row + k·a_k         one kernel serves A·B, A·Bᵀ and Aᵀ·B:
// b        element (k, n) at k·b_k + n·b_column      the strides say which, one of the two is 1
// bias     [n]      added where has_bias
// addend   [m, n]   added where has_addend
// g_output [m, n]   an activation's output; its derivative multiplies where derivative != NONE
// c        [m, n], element (m, n) at m·c_row + n; addend and g_output as well
// sums     [m]      Σ_k a[m, k], where has_sums: with a gradient as `a`, that of the bias
//
// PARTS: too few tiles for the GPU, so that a sum is computed in parts of `part` summands, each by
// the workgroups of another z, and `gemm_split_sum` adds them:
// c       [parts, m, n] and, from there on, [parts, m]: the parts of both, and no more
//
// A workgroup of SIDE×SIDE invocations owns a tile of RESULTS·SIDE × RESULTS·SIDE results, RESULTS²
// each: 128×128 by 8×8, 64×64 or 32×32 by 4×4. Slices along k of 8·SIDE/RESULTS are staged in
// workgroup memory, k outermost. There and in memory everything goes by vectors of four: two loads
// of a vector feed 16 multiply-adds, four 64. A slice is as many blocks of 4×4 of both operands as
// there are invocations; each reads one along whichever index is contiguous, turns it where that is
// k, and has the next one under way while the workgroup multiplies. In a row of a tile the vectors
// are exchanged by a pattern that differs from one block of k to the next: blocks side by side
// along k would all be stored to one bank. What lies past an edge of k is staged as zero, so that the
// inner loop has no branch; past other edges lie results that nobody stores.
//
// VECTOR_A, VECTOR_B: rows of the operand as it lies in memory are whole vectors; else it is read
// one by one.

/// What its parts take at a time.
alias Values = vec4<f32>;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read> g_output: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

/// 8 or 16: 256 invocations are WebGPU's default limit.
override SIDE: u32 = 16;
/// 4 or 8.
override RESULTS: u32 = 4;
override PARTS: bool = false;
override VECTOR_A: bool = true;
override VECTOR_B: bool = true;

/// a[m0 + i, k0 + d] is component i % 4 of vector `place(d, i / 4)`; b[k0 + d, n0 + j] likewise.
/// With SIDE = 16 both together are WebGPU's default limit of 16,384 bytes.
var<workgroup> a_tile: array<vec4<f32>, 2 * SIDE * SIDE>;
var<workgroup> b_tile: array<vec4<f32>, 2 * SIDE * SIDE>;

/// Rows of the most results, and vectors of columns.
const MOST: u32 = 8;
const MOST_VECTORS: u32 = 2;

/// Summands of a slice.
fn depth() -> u32 {
    return 8u * SIDE / RESULTS;
}

/// Vectors of a tile's row.
fn span() -> u32 {
    return RESULTS * SIDE / 4u;
}

/// Where vector `q` of row `d` of a tile lies.
fn place(d: u32, q: u32) -> u32 {
    return d * span() + (q ^ (d / 4u * 2u % 8u));
}

fn a_element(at: u32) -> f32 {
    return a[at / 4u][at % 4u];
}

fn b_element(at: u32) -> f32 {
    return b[at / 4u][at % 4u];
}

const FOUR = vec4<u32>(0u, 1u, 2u, 3u);

/// Which of four summands from k on are before `end`: 1 for those.
fn before(k: u32, end: u32) -> vec4<bool> {
    return vec4<u32>(k) + FOUR < vec4<u32>(end);
}

/// Rows m to m + 3 at each of k to k + 3, zero from `end` on, of the product that starts at `first`.
fn a_block(m: u32, k: u32, end: u32, first: u32) -> mat4x4<f32> {
    let there = before(k, end);
    let rows = first + min(vec4<u32>(m) + FOUR, vec4<u32>(params.m - 1u)) * params.a_row;
    let columns = min(vec4<u32>(k) + FOUR, vec4<u32>(params.k - 1u)) * params.a_k;
    var lines: mat4x4<f32>;
    if VECTOR_A && params.a_k == 1u {
        let at = (rows + columns.x / 4u * 4u) / 4u;
        lines = transpose(mat4x4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]));
    } else if VECTOR_A {
        let at = (columns + rows.x / 4u * 4u) / 4u;
        lines = mat4x4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]);
    } else {
        lines = mat4x4<f32>(
            a_line(rows + columns.x),
            a_line(rows + columns.y),
            a_line(rows + columns.z),
            a_line(rows + columns.w),
        );
    }
    return kept(lines, there);
}

fn a_line(at: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(a_element(at.x), a_element(at.y), a_element(at.z), a_element(at.w));
}

/// Columns n to n + 3 at each of k to k + 3, likewise.
fn b_block(n: u32, k: u32, end: u32, first: u32) -> mat4x4<f32> {
    let there = before(k, end);
    let rows = first + min(vec4<u32>(k) + FOUR, vec4<u32>(params.k - 1u)) * params.b_k;
    let columns = min(vec4<u32>(n) + FOUR, vec4<u32>(params.n - 1u)) * params.b_column;
    var lines: mat4x4<f32>;
    if VECTOR_B && params.b_k == 1u {
        let at = (columns + rows.x / 4u * 4u) / 4u;
        lines = transpose(mat4x4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]));
    } else if VECTOR_B {
        let at = (rows + columns.x / 4u * 4u) / 4u;
        lines = mat4x4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]);
    } else {
        lines = mat4x4<f32>(
            b_line(columns + rows.x),
            b_line(columns + rows.y),
            b_line(columns + rows.z),
            b_line(columns + rows.w),
        );
    }
    return kept(lines, there);
}

fn b_line(at: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(b_element(at.x), b_element(at.y), b_element(at.z), b_element(at.w));
}

/// The lines that are there, others zero: also where what was read instead is not finite.
fn kept(lines: mat4x4<f32>, there: vec4<bool>) -> mat4x4<f32> {
    let zero = vec4<f32>(0.0);
    return mat4x4<f32>(
        select(zero, lines[0], there.x),
        select(zero, lines[1], there.y),
        select(zero, lines[2], there.z),
        select(zero, lines[3], there.w),
    );
}

/// What an invocation stages of a slice: a block of one of the operands.
struct Block {
    of_b: bool,
    /// Its vector of rows or columns, and its four summands.
    q: u32,
    step: u32,
    /// Where the operand of this product starts.
    first: u32,
}

/// Neighbours lie along the index that is contiguous in memory.
fn my_block(invocation: u32, group: u32) -> Block {
    let blocks = SIDE * SIDE / 2u;
    let of_b = invocation >= blocks;
    let index = invocation % blocks;
    let along_k = select(params.a_k, params.b_k, of_b) == 1u;
    let steps = depth() / 4u;
    return Block(
        of_b,
        select(index % span(), index / steps, along_k),
        select(index / span(), index % steps, along_k),
        group * select(params.a_group, params.b_group, of_b),
    );
}

fn load(block: Block, m0: u32, n0: u32, k0: u32, end: u32) -> mat4x4<f32> {
    let k = k0 + 4u * block.step;
    if block.of_b {
        return b_block(n0 + 4u * block.q, k, end, block.first);
    }
    return a_block(m0 + 4u * block.q, k, end, block.first);
}

fn stage(block: Block, lines: mat4x4<f32>) {
    let d = 4u * block.step;
    if block.of_b {
        b_tile[place(d, block.q)] = lines[0];
        b_tile[place(d + 1u, block.q)] = lines[1];
        b_tile[place(d + 2u, block.q)] = lines[2];
        b_tile[place(d + 3u, block.q)] = lines[3];
    } else {
        a_tile[place(d, block.q)] = lines[0];
        a_tile[place(d + 1u, block.q)] = lines[1];
        a_tile[place(d + 2u, block.q)] = lines[2];
        a_tile[place(d + 3u, block.q)] = lines[3];
    }
}

/// Four columns from n on, of which those past the row's end are not used.
fn columns_of(n: u32) -> vec4<u32> {
    return min(vec4<u32>(n) + FOUR, vec4<u32>(params.n - 1u));
}

/// What follows four sums of row m, columns n to n + 3; then the results are stored.
fn finish(m: u32, n: u32, sum: vec4<f32>, first: u32) {
    if m >= params.m || n >= params.n {
        return;
    }
    let columns = columns_of(n);
    // Parts lie side by side, whatever the result is part of.
    let at = m * select(params.c_row, params.n, PARTS) + columns;
    var value = sum;
    if !PARTS {
        if params.has_bias != 0u {
            let i = columns;
            value += vec4<f32>(bias[i.x], bias[i.y], bias[i.z], bias[i.w]);
        }
        if params.has_addend != 0u {
            value += vec4<f32>(addend[at.x], addend[at.y], addend[at.z], addend[at.w]);
        }
        value = activate(params.activation, value);
        if params.derivative != NONE {
            let y = vec4<f32>(g_output[at.x], g_output[at.y], g_output[at.z], g_output[at.w]);
            value *= derivative(params.derivative, y);
        }
    }
    c[first + at.x] = value.x;
    if n + 1u < params.n {
        c[first + at.y] = value.y;
    }
    if n + 2u < params.n {
        c[first + at.z] = value.z;
    }
    if n + 3u < params.n {
        c[first + at.w] = value.w;
    }
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let vectors = RESULTS / 4u;
    let m0 = workgroup.y * RESULTS * SIDE;
    let n0 = workgroup.x * RESULTS * SIDE;
    let start = select(0u, workgroup.z, PARTS) * params.lanes_or_part;
    let end = min(start + params.lanes_or_part, params.k);
    let block = my_block(invocation, workgroup.z);
    // The tiles at the left edge have the sums of `a`, an invocation for each row.
    let with_sums = params.has_sums != 0u && n0 == 0u;

    var sum: array<vec4<f32>, MOST * MOST_VECTORS>;
    var a_sum = 0.0;
    var lines: mat4x4<f32>;
    if start < end {
        lines = load(block, m0, n0, start, end);
    }
    for (var k0 = start; k0 < end; k0 += depth()) {
        stage(block, lines);
        workgroupBarrier();
        if k0 + depth() < end {
            lines = load(block, m0, n0, k0 + depth(), end);
        }
        for (var d = 0u; d < depth(); d++) {
            var right: array<vec4<f32>, MOST_VECTORS>;
            for (var g = 0u; g < vectors; g++) {
                right[g] = b_tile[place(d, g * SIDE + local.x)];
            }
            for (var h = 0u; h < vectors; h++) {
                let left = a_tile[place(d, h * SIDE + local.y)];
                for (var g = 0u; g < vectors; g++) {
                    let to = 4u * h * MOST_VECTORS + g;
                    let next = to + MOST_VECTORS;
                    let third = next + MOST_VECTORS;
                    let last = third + MOST_VECTORS;
                    sum[to] = fma(vec4<f32>(left.x), right[g], sum[to]);
                    sum[next] = fma(vec4<f32>(left.y), right[g], sum[next]);
                    sum[third] = fma(vec4<f32>(left.z), right[g], sum[third]);
                    sum[last] = fma(vec4<f32>(left.w), right[g], sum[last]);
                }
            }
        }
        if with_sums && invocation < RESULTS * SIDE {
            for (var d = 0u; d < depth(); d++) {
                a_sum += a_tile[place(d, invocation / 4u)][invocation % 4u];
            }
        }
        workgroupBarrier();
    }

    let first = workgroup.z * select(params.c_group, params.m * params.n, PARTS);
    for (var h = 0u; h < vectors; h++) {
        for (var r = 0u; r < 4u; r++) {
            for (var g = 0u; g < vectors; g++) {
                let m = m0 + 4u * (h * SIDE + local.y) + r;
                let n = n0 + 4u * (g * SIDE + local.x);
                finish(m, n, sum[(4u * h + r) * MOST_VECTORS + g], first);
            }
        }
    }
    let m = m0 + invocation;
    if with_sums && invocation < RESULTS * SIDE && m < params.m {
        if PARTS {
            c[groups.z * params.m * params.n + workgroup.z * params.m + m] = a_sum;
        } else {
            sums[m] = a_sum;
        }
    }
}
