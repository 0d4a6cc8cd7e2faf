// The end of a training step: the gradients of all weights and biases, and Adam on them in place,
// in one launch. No gradient is ever in memory, unless the batch is too large for one launch. For software adapters that run eight lanes at a time.
//
//   g[i, j] = Σ_r a[r, i]·b[r, j]                     a layer's weight: the gradient of its outputs
//   h[i] = Σ_r a[r, i]  or  h[j] = Σ_r b[r, j]        times its inputs; its bias: their sum
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),      t = the steps that have begun
//
// a, b              tensors [rows, width], a zero after a row of an odd width; a layer names where its
//                   two start. Two words that lie together are read as one: half as many reads
// parameters, m, v  all layers'; element (i, j) is word i·row + j·column from `weight` on, its bias
//                   word i or j from `bias` on. From weight_split on, the words of a weight lie
//                   weight_gap further, and a bias's likewise: two layers' are one
// state             the step number, already moved on by the kernel that computed the gradients
// gradients         of a batch that comes in several launches, laid out as the parameters: where ADD
//                   says so what earlier launches have left is added, and where KEEP says so the sum
//                   is left for the next one, without an update
//
// The product is that of `gemm_subgroups`, but with two words a load: a workgroup is a subgroup of
// eight lanes and owns 64×32 elements of one layer's weight, `a` along the lanes, `b` broadcast. Which
// of gradient and input is `a` is the host's choice, as wastes least. Each sum runs over the rows in
// order.

struct State {
    step: u32,
    position: u32,
    entry: u32,
    padding: u32,
}

struct Layer {
    a: u32,
    a_width: u32,
    b: u32,
    b_width: u32,
    weight: u32,
    weight_split: u32,
    weight_gap: u32,
    row: u32,
    column: u32,
    bias: u32,
    bias_split: u32,
    bias_gap: u32,
    bias_of: u32,
    first_group: u32,
    padding0: u32,
    padding1: u32,
}

struct Params {
    rows: u32,
    layers: u32,
    lr: f32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    ln_beta1: f32,
    ln_beta2: f32,
    eps: f32,
    table: array<Layer, 32>,
}

@group(0) @binding(0) var<storage, read> a: array<u64>;
@group(0) @binding(1) var<storage, read> b: array<u64>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;
@group(0) @binding(5) var<storage, read_write> v: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

/// Add what earlier launches have left in `gradients`.
override ADD: bool = false;
/// Leave the sum in `gradients`.
override KEEP: bool = false;

const LANES: u32 = 8;
const ROWS: u32 = 8;
const VECTORS: u32 = 4;
const COLUMNS: u32 = VECTORS * LANES;

/// Whose sums are the bias's gradient.
const OF_A: u32 = 1;
const OF_B: u32 = 2;

const SMALLEST_NORMAL: f32 = 0x1p-126;

/// 1 − e^x for x ≤ 0: the series near zero, where the subtraction would cancel. It is taken of a
/// bounded number, as it would overflow where it is not used.
fn one_minus_exp(x: f32) -> f32 {
    let s = max(x, -0.5);
    let series = -s * (1.0 + s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 *
        (1.0 + s / 6.0 * (1.0 + s / 7.0))))));
    return select(1.0 - exp(x), series, x > -0.5);
}

/// Zero for what is below f32's normal numbers, which cost a CPU a hundred times as much.
fn flush(x: f32) -> f32 {
    return select(x, 0.0, abs(x) < SMALLEST_NORMAL);
}

/// A word of an array whose words from `split` on lie `gap` further.
fn word(index: u32, split: u32, gap: u32) -> u32 {
    return index + select(0u, gap, index >= split);
}

/// Adam on one parameter, or its gradient so far; `corrections` are 1 − β₁ᵗ and 1 − β₂ᵗ.
fn finish(at: u32, sum: f32, corrections: vec2<f32>) {
    var g = sum;
    if ADD {
        g += gradients[at];
    }
    if KEEP {
        gradients[at] = g;
        return;
    }
    let m_old = m[at];
    let v_old = v[at];
    let m_new = flush(m_old + params.one_minus_beta1 * (g - m_old));
    let v_new = flush(v_old + params.one_minus_beta2 * (g * g - v_old));
    m[at] = m_new;
    v[at] = v_new;
    parameters[at] -=
        params.lr * (m_new / corrections.x) / (sqrt(v_new / corrections.y) + params.eps);
}

/// Words from one row of a tensor to the next.
fn stride(width: u32) -> u32 {
    return width + (width & 1u);
}

fn unpack(pair: u64) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(u32(pair)), bitcast<f32>(u32(pair >> 32u)));
}

/// Which row or column of a tile is a lane's in a vector: vectors 0 and 1 take turns, 2 and 3, ...
fn index(first: u32, vector: u32, lane: u32) -> u32 {
    return first + vector / 2u * 2u * LANES + 2u * lane + vector % 2u;
}

/// Every lane's value, for all lanes.
fn broadcasts(x: f32) -> array<f32, LANES> {
    return array<f32, LANES>(
        subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u),
        subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u),
        subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u),
        subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u),
    );
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let group = workgroup.x + workgroup.y * groups.x;
    var own = 0u;
    for (var other = 1u; other < params.layers; other++) {
        own = select(own, other, params.table[other].first_group <= group);
    }
    let layer = params.table[own];
    let tiles = (layer.b_width + COLUMNS - 1u) / COLUMNS;
    let tile = group - layer.first_group;
    let i0 = tile / tiles * ROWS * LANES;
    let j0 = tile % tiles * COLUMNS;

    var a_at: array<u32, ROWS / 2>;
    var b_at: array<u32, VECTORS / 2>;
    for (var i = 0u; i < ROWS / 2u; i++) {
        a_at[i] = (layer.a + min(index(i0, 2u * i, lane), layer.a_width - 1u)) / 2u;
    }
    for (var s = 0u; s < VECTORS / 2u; s++) {
        b_at[s] = (layer.b + min(index(j0, 2u * s, lane), layer.b_width - 1u)) / 2u;
    }
    var sum: array<array<f32, ROWS>, COLUMNS>;
    var a_sum: array<f32, ROWS>;
    var b_sum: array<f32, VECTORS>;
    // Two rows at a time, so that a sum stays in a register for as long.
    for (var r = 0u; r < params.rows; r += 2u) {
        var left: array<array<f32, ROWS>, 2>;
        var right: array<array<f32, VECTORS>, 2>;
        for (var d = 0u; d < 2u; d++) {
            let inside = r + d < params.rows;
            let row = min(r + d, params.rows - 1u);
            for (var i = 0u; i < ROWS / 2u; i++) {
                let pair = unpack(a[a_at[i] + row * stride(layer.a_width) / 2u]);
                for (var h = 0u; h < 2u; h++) {
                    left[d][2u * i + h] = select(0.0, pair[h], inside);
                    a_sum[2u * i + h] += left[d][2u * i + h];
                }
            }
            for (var s = 0u; s < VECTORS / 2u; s++) {
                let pair = unpack(b[b_at[s] + row * stride(layer.b_width) / 2u]);
                for (var h = 0u; h < 2u; h++) {
                    right[d][2u * s + h] = select(0.0, pair[h], inside);
                    b_sum[2u * s + h] += right[d][2u * s + h];
                }
            }
        }
        for (var s = 0u; s < VECTORS; s++) {
            let columns = array<array<f32, LANES>, 2>(
                broadcasts(right[0][s]),
                broadcasts(right[1][s]),
            );
            for (var l = 0u; l < LANES; l++) {
                let j = index(0u, s, l);
                for (var i = 0u; i < ROWS; i++) {
                    for (var d = 0u; d < 2u; d++) {
                        sum[j][i] = fma(left[d][i], columns[d][l], sum[j][i]);
                    }
                }
            }
        }
    }

    let t = f32(state.step);
    let corrections = vec2<f32>(
        one_minus_exp(t * params.ln_beta1),
        one_minus_exp(t * params.ln_beta2),
    );
    // Results in loops, the first taken and the others moved up: a driver compiles hundreds of
    // them in a row for seconds.
    for (var j = j0; j < min(j0 + COLUMNS, layer.b_width); j++) {
        for (var i = 0u; i < ROWS; i++) {
            let row = index(i0, i, lane);
            if row < layer.a_width {
                let element = row * layer.row + j * layer.column;
                let at = layer.weight + word(element, layer.weight_split, layer.weight_gap);
                finish(at, sum[0][i], corrections);
            }
        }
        for (var other = 0u; other < COLUMNS - 1u; other++) {
            sum[other] = sum[other + 1u];
        }
    }
    // One tile has each bias: that at the left edge, or at the upper.
    let a_end = select(0u, layer.a_width, layer.bias_of == OF_A && j0 == 0u);
    for (var i = 0u; i < select(0u, ROWS, i0 < a_end); i++) {
        let row = index(i0, i, lane);
        if row < a_end {
            let at = layer.bias + word(row, layer.bias_split, layer.bias_gap);
            finish(at, a_sum[0], corrections);
        }
        for (var other = 0u; other < ROWS - 1u; other++) {
            a_sum[other] = a_sum[other + 1u];
        }
    }
    let b_end = select(0u, layer.b_width, layer.bias_of == OF_B && i0 == 0u);
    for (var s = 0u; s < select(0u, VECTORS, j0 < b_end); s++) {
        let column = index(j0, s, lane);
        if column < b_end {
            let at = layer.bias + word(column, layer.bias_split, layer.bias_gap);
            finish(at, b_sum[0], corrections);
        }
        for (var other = 0u; other < VECTORS - 1u; other++) {
            b_sum[other] = b_sum[other + 1u];
        }
    }
}
