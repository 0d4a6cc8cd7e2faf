// Matrix product on a GPU's matrix units, from f16 to f32. One of the heads `gemm_cooperative_*.wgsl`
// comes before this.
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
// Numbers. f16 has 11 bits and ends at 2¹⁶, so each operand is taken apart. Let s be the power of two
// that brings the largest value of its row of `a`, or of its column of `b`, into [2¹⁴, 2¹⁵):
//
//   x·s = high + low/2¹² + ε      high = x·s to 11 bits, low = (x·s − high)·2¹² to 11 bits
//   a·b ≈ (high·high + (high·low + low·high)/2¹²) / (s_a·s_b)
//
// Scaling is exact. As |x·s − high| ≤ 2⁻¹¹·|x·s|, its 12 bits lose at most |ε| ≤ 2⁻²³·|x·s| in `low`,
// and the product left out, low·low, is at most 2⁻²²·|a·b|: with u = 2⁻²³, 4u of each product.
// Products of two f16 are exact in f32. Each of k additions is off by at most u of what there is so
// far (half of it where it rounds to the nearest; matrix units may truncate), those of the low
// products by 2⁻⁹ of that together, and the halves' sum by one more. Hence, up to terms of u²,
//
//   |Σ a·b − computed| ≤ ((1 + 2⁻⁹)·k + 5)·u·Σ |a|·|b| + 2⁻³⁸·(max|a|·Σ |b| + max|b|·Σ |a|)
//
// with sums and maxima over the row of `a` and the column of `b`. The second part is f16's lower end.
// As matrix units may take what is below its normal numbers (2⁻¹⁴) for zero, `high` is zero there and
// the product left out is more of the whole, and so may `low` be: 2⁻³⁹ and 2⁻⁴⁰ of the largest value.
// It counts only where all that is large in a row meets what is 2¹⁵ times smaller than the largest of
// the column. Rows and columns whose largest value is below 2⁻¹¹² have fewer bits.
//
// A row or column that has an infinity or NaN gives high·high alone, which are right about those:
// in the rest, 0·∞ would make NaN of what is infinite.
//
// A workgroup is four subgroups, and owns a tile of 64×64 results, a subgroup 32×32 of them, twice:
// one sum of the high products, one of the others. It reads its rows and columns once for their
// maxima and sums, and again by slices of 16 along k: each invocation takes blocks of 4×4, along
// whichever index is contiguous, and stages both halves, k outermost; the next slice is under way
// while the matrix units work. Results leave one matrix of each subgroup at a time through workgroup
// memory, which also is how an invocation knows which they are. What lies past an edge of k is staged
// as zero; past other edges lie results that nobody stores.
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

/// Four subgroups of the adapter's size, which is 8 to 64.
override WORKGROUP: u32 = 128;
override VECTOR_A: bool = true;
override VECTOR_B: bool = true;

/// Rows and columns of the tile, and of a subgroup's part.
const TILE: u32 = 64;
const PART: u32 = SIZE * BLOCKS;
/// Summands of a slice.
const DEPTH: u32 = 16;
/// From one k of a staged slice to the next: eight more than a row has, for other banks.
const STRIDE: u32 = TILE + 8;
/// Blocks of 4×4 of a slice's operand, and the most of both that an invocation takes.
const BLOCKS_OF_EACH: u32 = TILE * DEPTH / 16;
const MOST: u32 = 4;
const SUBGROUPS: u32 = 4;
const MATRIX: u32 = SIZE * SIZE;

/// a[m0 + i, k0 + d] at d·STRIDE + i; b[k0 + d, n0 + j] at d·STRIDE + j.
var<workgroup> a_high: array<f16, DEPTH * STRIDE>;
var<workgroup> a_low: array<f16, DEPTH * STRIDE>;
var<workgroup> b_high: array<f16, DEPTH * STRIDE>;
var<workgroup> b_low: array<f16, DEPTH * STRIDE>;
/// The bits of the largest magnitude in each of the tile's rows, then in each of its columns: ordered
/// as the numbers are, infinity and NaN last.
var<workgroup> largest: array<atomic<u32>, 2 * TILE>;
/// The largest of them.
var<workgroup> largest_of_all: atomic<u32>;
/// A matrix of each subgroup; before that, what four invocations have of each row's sum.
var<workgroup> results: array<f32, SUBGROUPS * MATRIX>;

const FOUR = vec4<u32>(0u, 1u, 2u, 3u);
/// The exponent's bits: all set in what is not finite.
const INFINITE: u32 = 0x7f800000;
/// The least normal number of f16, and what is 2¹² of the last kept bit of `high`.
const LEAST: f32 = 0x1p-14;
const LOW: f32 = 0x1p12;
const OF_LOW: f32 = 0x1p-12;

fn a_element(at: u32) -> f32 {
    return a[at / 4u][at % 4u];
}

fn b_element(at: u32) -> f32 {
    return b[at / 4u][at % 4u];
}

/// Rows m to m + 3 at each of k to k + 3, zero from the end of k on.
fn a_block(m: u32, k: u32) -> mat4x4<f32> {
    let rows = min(vec4<u32>(m) + FOUR, vec4<u32>(params.m - 1u)) * params.a_row;
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
    return kept(lines, k);
}

fn a_line(at: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(a_element(at.x), a_element(at.y), a_element(at.z), a_element(at.w));
}

/// Columns n to n + 3 at each of k to k + 3, likewise.
fn b_block(n: u32, k: u32) -> mat4x4<f32> {
    let rows = min(vec4<u32>(k) + FOUR, vec4<u32>(params.k - 1u)) * params.b_k;
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
    return kept(lines, k);
}

fn b_line(at: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(b_element(at.x), b_element(at.y), b_element(at.z), b_element(at.w));
}

/// The lines of k that are there, others zero: also where what was read instead is not finite.
fn kept(lines: mat4x4<f32>, k: u32) -> mat4x4<f32> {
    let there = vec4<u32>(k) + FOUR < vec4<u32>(params.k);
    let zero = vec4<f32>(0.0);
    return mat4x4<f32>(
        select(zero, lines[0], there.x),
        select(zero, lines[1], there.y),
        select(zero, lines[2], there.z),
        select(zero, lines[3], there.w),
    );
}

/// A block of one of the operands: four summands of four rows or columns.
struct Block {
    of_b: bool,
    /// Its first row or column in the tile, and its first summand in the slice.
    line: u32,
    d: u32,
}

/// Neighbours lie along the index that is contiguous in memory.
fn block_of(index: u32) -> Block {
    let of_b = index >= BLOCKS_OF_EACH;
    let at = index % BLOCKS_OF_EACH;
    let along_k = select(params.a_k, params.b_k, of_b) == 1u;
    let lines = TILE / 4u;
    let steps = DEPTH / 4u;
    return Block(
        of_b,
        4u * select(at % lines, at / steps, along_k),
        4u * select(at / lines, at % steps, along_k),
    );
}

/// Past the end of k nothing is read.
fn load(block: Block, m0: u32, n0: u32, k0: u32) -> mat4x4<f32> {
    if k0 >= params.k {
        return mat4x4<f32>();
    }
    if block.of_b {
        return b_block(n0 + block.line, k0 + block.d);
    }
    return a_block(m0 + block.line, k0 + block.d);
}

/// Where the largest value of a block's first line is kept.
fn place(block: Block) -> u32 {
    return select(0u, TILE, block.of_b) + block.line;
}

/// The bits of four magnitudes.
fn magnitudes(x: vec4<f32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
}

/// log2 of 1/s, where `bits` are those of the largest magnitude. Past its bounds s would be no normal
/// number, and need not be: it is large enough for the least ones, and for the largest finite ones.
fn exponent(bits: u32) -> i32 {
    return i32(clamp(bits >> 23u, 15u, 254u)) - 141;
}

/// 2^e for normal numbers.
fn power(e: vec4<i32>) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(e + 127) << vec4<u32>(23u));
}

/// s of the four lines of a block.
fn scales(block: Block) -> vec4<f32> {
    let at = place(block);
    return power(-vec4<i32>(
        exponent(atomicLoad(&largest[at])),
        exponent(atomicLoad(&largest[at + 1u])),
        exponent(atomicLoad(&largest[at + 2u])),
        exponent(atomicLoad(&largest[at + 3u])),
    ));
}

/// To 11 bits, by which f16 holds them exactly, whichever way it rounds.
fn rounded(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(x);
    let nearest = bitcast<vec4<f32>>((bits + 0x1000u) & vec4<u32>(0xffffe000u));
    // A NaN might become a number.
    return select(x, nearest, (bits & vec4<u32>(INFINITE)) != vec4<u32>(INFINITE));
}

fn stage(block: Block, lines: mat4x4<f32>, s: vec4<f32>) {
    stage_line(block, 0u, lines[0] * s);
    stage_line(block, 1u, lines[1] * s);
    stage_line(block, 2u, lines[2] * s);
    stage_line(block, 3u, lines[3] * s);
}

/// Both halves of four scaled values of one k.
fn stage_line(block: Block, d: u32, x: vec4<f32>) {
    let at = (block.d + d) * STRIDE + block.line;
    let whole = rounded(x);
    let high = select(whole, vec4<f32>(0.0), abs(x) < vec4<f32>(LEAST));
    let h = vec4<f16>(high);
    let l = vec4<f16>(rounded((x - high) * LOW));
    if block.of_b {
        b_high[at] = h.x;
        b_high[at + 1u] = h.y;
        b_high[at + 2u] = h.z;
        b_high[at + 3u] = h.w;
        b_low[at] = l.x;
        b_low[at + 1u] = l.y;
        b_low[at + 2u] = l.z;
        b_low[at + 3u] = l.w;
    } else {
        a_high[at] = h.x;
        a_high[at + 1u] = h.y;
        a_high[at + 2u] = h.z;
        a_high[at + 3u] = h.w;
        a_low[at] = l.x;
        a_low[at + 1u] = l.y;
        a_low[at + 2u] = l.z;
        a_low[at + 3u] = l.w;
    }
}

/// What follows four sums of row m, columns n to n + 3; then those that are wanted are stored.
fn finish(m: u32, n: u32, sum: vec4<f32>, wanted: vec4<bool>) {
    if m >= params.m {
        return;
    }
    let columns = min(vec4<u32>(n) + FOUR, vec4<u32>(params.n - 1u));
    let at = m * params.c_row + columns;
    var value = sum;
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
    let there = vec4<u32>(n) + FOUR < vec4<u32>(params.n);
    if wanted.x && there.x {
        c[at.x] = value.x;
    }
    if wanted.y && there.y {
        c[at.y] = value.y;
    }
    if wanted.z && there.z {
        c[at.z] = value.z;
    }
    if wanted.w && there.w {
        c[at.w] = value.w;
    }
}

/// Where a subgroup's part of the tile begins.
fn part_of(subgroup: u32) -> vec2<u32> {
    return PART * vec2<u32>(subgroup / 2u, subgroup % 2u);
}

/// Finishes the workgroup's share of the matrices at `at` of each subgroup's part: those that are in
/// a row or column that is not finite, or all others.
fn deliver(invocation: u32, at: vec2<u32>, m0: u32, n0: u32, infinite: bool) {
    for (var e = 4u * invocation; e < SUBGROUPS * MATRIX; e += 4u * WORKGROUP) {
        let inside = vec2<u32>(e % MATRIX / SIZE, e % SIZE);
        let tile = part_of(e / MATRIX) + at + inside;
        let row = atomicLoad(&largest[tile.x]);
        let columns = vec4<u32>(
            atomicLoad(&largest[TILE + tile.y]),
            atomicLoad(&largest[TILE + tile.y + 1u]),
            atomicLoad(&largest[TILE + tile.y + 2u]),
            atomicLoad(&largest[TILE + tile.y + 3u]),
        );
        let not_finite = max(vec4<u32>(row), columns) >= vec4<u32>(INFINITE);
        // In two steps of one direction, either of which is a normal number.
        let back = vec4<i32>(exponent(row)) + vec4<i32>(
            exponent(columns.x), exponent(columns.y), exponent(columns.z), exponent(columns.w),
        );
        let sum = vec4<f32>(results[e], results[e + 1u], results[e + 2u], results[e + 3u]);
        let value = sum * power(back / 2) * power(back - back / 2);
        finish(m0 + tile.x, n0 + tile.y, value, not_finite == vec4<bool>(infinite));
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let m0 = workgroup.y * TILE;
    let n0 = workgroup.x * TILE;
    // The tiles at the left edge have the sums of `a`.
    let with_sums = params.has_sums != 0u && n0 == 0u;
    let blocks = 2u * BLOCKS_OF_EACH;

    for (var i = invocation; i < 2u * TILE; i += WORKGROUP) {
        atomicStore(&largest[i], 0u);
    }
    atomicStore(&largest_of_all, 0u);
    workgroupBarrier();
    for (var index = invocation; index < blocks; index += WORKGROUP) {
        let block = block_of(index);
        var most: vec4<u32>;
        var a_sum: vec4<f32>;
        for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {
            let lines = load(block, m0, n0, k0);
            most = max(most, max(magnitudes(lines[0]), magnitudes(lines[1])));
            most = max(most, max(magnitudes(lines[2]), magnitudes(lines[3])));
            a_sum += lines[0];
            a_sum += lines[1];
            a_sum += lines[2];
            a_sum += lines[3];
        }
        let at = place(block);
        atomicMax(&largest[at], most.x);
        atomicMax(&largest[at + 1u], most.y);
        atomicMax(&largest[at + 2u], most.z);
        atomicMax(&largest[at + 3u], most.w);
        atomicMax(&largest_of_all, max(max(most.x, most.y), max(most.z, most.w)));
        if !block.of_b {
            let first = block.d / 4u * TILE + block.line;
            results[first] = a_sum.x;
            results[first + 1u] = a_sum.y;
            results[first + 2u] = a_sum.z;
            results[first + 3u] = a_sum.w;
        }
    }
    workgroupBarrier();
    let poisoned = atomicLoad(&largest_of_all) >= INFINITE;
    for (var i = invocation; i < TILE; i += WORKGROUP) {
        if with_sums && m0 + i < params.m {
            sums[m0 + i] =
                results[i] + results[TILE + i] + results[2u * TILE + i] + results[3u * TILE + i];
        }
    }
    workgroupBarrier();

    var scale: array<vec4<f32>, MOST>;
    var lines: array<mat4x4<f32>, MOST>;
    for (var i = 0u; i * WORKGROUP + invocation < blocks; i++) {
        let block = block_of(i * WORKGROUP + invocation);
        scale[i] = scales(block);
        lines[i] = load(block, m0, n0, 0u);
    }
    var high: array<Sums, BLOCKS * BLOCKS>;
    var low: array<Sums, BLOCKS * BLOCKS>;
    let part = part_of(subgroup);
    for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {
        for (var i = 0u; i * WORKGROUP + invocation < blocks; i++) {
            stage(block_of(i * WORKGROUP + invocation), lines[i], scale[i]);
        }
        workgroupBarrier();
        for (var i = 0u; i * WORKGROUP + invocation < blocks; i++) {
            lines[i] = load(block_of(i * WORKGROUP + invocation), m0, n0, k0 + DEPTH);
        }
        for (var d = 0u; d < DEPTH; d += SIZE) {
            var left_high: array<Left, BLOCKS>;
            var left_low: array<Left, BLOCKS>;
            for (var i = 0u; i < BLOCKS; i++) {
                let at = d * STRIDE + part.x + i * SIZE;
                left_high[i] = coopLoad<Left>(&a_high[at], STRIDE);
                left_low[i] = coopLoad<Left>(&a_low[at], STRIDE);
            }
            for (var j = 0u; j < BLOCKS; j++) {
                let at = d * STRIDE + part.y + j * SIZE;
                let right_high = coopLoadT<Right>(&b_high[at], STRIDE);
                let right_low = coopLoadT<Right>(&b_low[at], STRIDE);
                for (var i = 0u; i < BLOCKS; i++) {
                    let to = i * BLOCKS + j;
                    high[to] = coopMultiplyAdd(left_high[i], right_high, high[to]);
                    low[to] = coopMultiplyAdd(left_high[i], right_low, low[to]);
                    low[to] = coopMultiplyAdd(left_low[i], right_high, low[to]);
                }
            }
        }
        workgroupBarrier();
    }

    for (var to = 0u; to < BLOCKS * BLOCKS; to++) {
        let at = SIZE * vec2<u32>(to / BLOCKS, to % BLOCKS);
        let mine = subgroup * MATRIX;
        coopStoreT(high[to] + low[to] * OF_LOW, &results[mine], SIZE);
        workgroupBarrier();
        deliver(invocation, at, m0, n0, false);
        workgroupBarrier();
        if poisoned {
            coopStoreT(high[to], &results[mine], SIZE);
            workgroupBarrier();
            deliver(invocation, at, m0, n0, true);
            workgroupBarrier();
        }
    }
}
