// The end of a training step: the gradients of all weights and biases, and Adam on them in place,
// in one launch. No gradient is ever in memory, unless the batch is too large for one launch. For software adapters that run eight lanes at a time.
//
//   g[i, j] = Σ_r a[r, i]·b[r, j]                     a layer's weight: the gradient of its outputs
//   h[i] = Σ_r a[r, i]  or  h[j] = Σ_r b[r, j]        times its inputs; its bias: their sum
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),      t = the steps that have begun
//
// a, b              tensors [rows, width]; a layer names where its two start
// parameters, m, v  all layers'; element (i, j) is word i·row + j·column from `weight` on, its bias
//                   word i or j from `bias` on. From weight_split on, the words of a weight lie
//                   weight_gap further, and a bias's likewise: two layers' are one
// state             the step number, already moved on by the kernel that computed the gradients
// gradients         of a batch that comes in several launches, laid out as the parameters: where ADD
//                   says so what earlier launches have left is added, and where KEEP says so the sum
//                   is left for the next one, without an update
//
// The product is that of `gemm_subgroups`: a workgroup is a subgroup of eight lanes and owns 64×32
// elements of one layer's weight, `a` along the lanes, `b` broadcast. Which of gradient and input
// is `a` is the host's choice, as wastes least. Each sum runs over the rows in order.

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

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
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
const DEPTH: u32 = 2;

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
    var index = 0u;
    for (var other = 1u; other < params.layers; other++) {
        index = select(index, other, params.table[other].first_group <= group);
    }
    let layer = params.table[index];
    let tiles = (layer.b_width + COLUMNS - 1u) / COLUMNS;
    let tile = group - layer.first_group;
    let i0 = tile / tiles * ROWS * LANES;
    let j0 = tile % tiles * COLUMNS;

    var a_at: array<u32, ROWS>;
    var b_at: array<u32, VECTORS>;
    for (var i = 0u; i < ROWS; i++) {
        a_at[i] = layer.a + min(i0 + i * LANES + lane, layer.a_width - 1u);
    }
    for (var s = 0u; s < VECTORS; s++) {
        b_at[s] = layer.b + min(j0 + s * LANES + lane, layer.b_width - 1u);
    }
    var sum: array<array<f32, ROWS>, COLUMNS>;
    var a_sum: array<f32, ROWS>;
    var b_sum: array<f32, VECTORS>;
    for (var r = 0u; r < params.rows; r += DEPTH) {
        var left: array<array<f32, DEPTH>, ROWS>;
        for (var d = 0u; d < DEPTH; d++) {
            let inside = r + d < params.rows;
            let at = min(r + d, params.rows - 1u) * layer.a_width;
            for (var i = 0u; i < ROWS; i++) {
                left[i][d] = select(0.0, a[a_at[i] + at], inside);
                a_sum[i] += left[i][d];
            }
        }
        for (var s = 0u; s < VECTORS; s++) {
            var right: array<array<f32, LANES>, DEPTH>;
            for (var d = 0u; d < DEPTH; d++) {
                let inside = r + d < params.rows;
                let at = min(r + d, params.rows - 1u) * layer.b_width;
                let column = select(0.0, b[b_at[s] + at], inside);
                b_sum[s] += column;
                right[d] = broadcasts(column);
            }
            for (var l = 0u; l < LANES; l++) {
                let j = s * LANES + l;
                for (var i = 0u; i < ROWS; i++) {
                    for (var d = 0u; d < DEPTH; d++) {
                        sum[j][i] = fma(left[i][d], right[d][l], sum[j][i]);
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
            let row = i0 + i * LANES + lane;
            if row < layer.a_width {
                let index = row * layer.row + j * layer.column;
                let at = layer.weight + word(index, layer.weight_split, layer.weight_gap);
                finish(at, sum[0][i], corrections);
            }
        }
        for (var other = 0u; other < COLUMNS - 1u; other++) {
            sum[other] = sum[other + 1u];
        }
    }
    // One tile has each bias: that at the left edge, or at the upper.
    let a_end = select(0u, layer.a_width, layer.bias_of == OF_A && j0 == 0u);
    for (var i = i0 + lane; i < min(i0 + ROWS * LANES, a_end); i += LANES) {
        let at = layer.bias + word(i, layer.bias_split, layer.bias_gap);
        finish(at, a_sum[0], corrections);
        for (var other = 0u; other < ROWS - 1u; other++) {
            a_sum[other] = a_sum[other + 1u];
        }
    }
    let b_end = select(0u, layer.b_width, layer.bias_of == OF_B && i0 == 0u);
    for (var j = j0 + lane; j < min(j0 + COLUMNS, b_end); j += LANES) {
        let at = layer.bias + word(j, layer.bias_split, layer.bias_gap);
        finish(at, b_sum[0], corrections);
        for (var other = 0u; other < VECTORS - 1u; other++) {
            b_sum[other] = b_sum[other + 1u];
        }
    }
}
