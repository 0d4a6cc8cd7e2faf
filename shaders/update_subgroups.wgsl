// The end of a training step: the gradients of all weights and biases, and Adam on them in place,
// in one launch. No gradient is ever in memory, unless the batch is too large for one launch or the
// gradients are clipped. For software adapters that run eight lanes at a time.
//
//   g[i, j] = Σ_r a[r, i]·b[r, j]                     a layer's weight: the gradient of its outputs
//   h[i] = Σ_r a[r, i]  or  h[j] = Σ_r b[r, j]        times its inputs; its bias: their sum
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − rate·λ·p − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),    t = steps that have begun
//
// a, b              tensors [rows, width], zeros up to a multiple of eight after each row; a layer names
//                   where its two start, and `inputs_first` whether `a` is its inputs
// parameters, m, v  all layers'; element (i, j) is word i·row + j·column from `weight` on, its bias
//                   word i or j from `bias` on. From weight_split on, the words of a weight lie
//                   weight_gap further, and a bias's likewise: two layers' are one
// state             the step number, already moved on by the kernel that computed the gradients
// gradients         of a batch that comes in several launches or is clipped, laid out as the parameters:
//                   where ADD says so what earlier launches have left is added, and where KEEP says so
//                   the sum is left for the next one, without an update
//
// A workgroup is a subgroup of eight lanes and owns 64×32 elements of one layer's weight: `a` along the
// lanes, `b` broadcast. Which of gradient and input is `a` is the host's choice, as wastes least. Each
// sum runs over the rows in order. A load or store of a lane costs hardly more for many words than for
// one: eight of `a` are one, four of `b`, and four of what Adam updates, but for words of a row before and
// after its whole vectors.

/// What its parts take at a time.
alias Values = vec4<f32>;

@group(0) @binding(0) var<storage, read> a: array<vec4<u64>>;
@group(0) @binding(1) var<storage, read> b: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

/// Rows of a lane, which lie together.
const ROWS: u32 = 8;
/// Columns of a lane, likewise.
const LANE_COLUMNS: u32 = 4;
const COLUMNS: u32 = LANE_COLUMNS * LANES;
/// Rows of the batch that are added at a time.
const DEPTH: u32 = 2;
/// Elements that Adam takes at a time.
const ADAM_WIDTH: u32 = 8;

/// Whose sums are the bias's gradient.
const OF_A: u32 = 1;
const OF_B: u32 = 2;

/// What Adam makes of parameters.
struct Updated {
    m: vec4<f32>,
    v: vec4<f32>,
    parameters: vec4<f32>,
}

/// Adam, with rate / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ) and rate·λ as `rates`.
fn adam(old: Updated, g: vec4<f32>, rates: vec3<f32>) -> Updated {
    let m_new = flush(old.m + params.optimizer.one_minus_beta1 * (g - old.m));
    let v_new = flush(old.v + params.optimizer.one_minus_beta2 * (g * g - old.v));
    let change = rates.x * m_new / (sqrt(v_new) * rates.y + params.optimizer.eps);
    return Updated(m_new, v_new, old.parameters - (rates.z * old.parameters + change));
}

/// Adam on four parameters that are a vector, or their gradients so far.
fn finish_four(at: u32, sum: vec4<f32>, rates: vec3<f32>) {
    var g = sum;
    if ADD {
        g += gradients[at / 4u];
    }
    if KEEP {
        gradients[at / 4u] = g;
        return;
    }
    let after = adam(Updated(m[at / 4u], v[at / 4u], parameters[at / 4u]), g, rates);
    m[at / 4u] = after.m;
    v[at / 4u] = after.v;
    parameters[at / 4u] = after.parameters;
}

/// Likewise on one.
fn finish(at: u32, sum: f32, rates: vec3<f32>) {
    var g = sum;
    if ADD {
        g += gradients[at / 4u][at % 4u];
    }
    if KEEP {
        gradients[at / 4u][at % 4u] = g;
        return;
    }
    let old = Updated(
        vec4<f32>(m[at / 4u][at % 4u]),
        vec4<f32>(v[at / 4u][at % 4u]),
        vec4<f32>(parameters[at / 4u][at % 4u]),
    );
    let after = adam(old, vec4<f32>(g), rates);
    m[at / 4u][at % 4u] = after.m.x;
    v[at / 4u][at % 4u] = after.v.x;
    parameters[at / 4u][at % 4u] = after.parameters.x;
}

fn unpack(four: vec2<u64>) -> vec4<f32> {
    return vec4<f32>(
        bitcast<f32>(u32(four.x)), bitcast<f32>(u32(four.x >> 32u)),
        bitcast<f32>(u32(four.y)), bitcast<f32>(u32(four.y >> 32u)),
    );
}

/// The first eight columns of sums as eight lines of what lies together: columns where rows do, and
/// else rows.
fn lines_of(
    sums: array<array<f32, ROWS>, COLUMNS>,
    rows_together: bool,
) -> array<array<f32, ADAM_WIDTH>, ADAM_WIDTH> {
    var sum = sums;
    var lines: array<array<f32, ADAM_WIDTH>, ADAM_WIDTH>;
    for (var q = 0u; q < ADAM_WIDTH; q++) {
        for (var e = 0u; e < ADAM_WIDTH; e++) {
            lines[q][e] = select(sum[e][q], sum[q][e], rows_together);
        }
    }
    return lines;
}

fn without_first(line: array<f32, ADAM_WIDTH>) -> array<f32, ADAM_WIDTH> {
    var moved = line;
    for (var other = 0u; other < ADAM_WIDTH - 1u; other++) {
        moved[other] = moved[other + 1u];
    }
    return moved;
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

    let i_lane = i0 + ROWS * lane;
    let j_lane = j0 + LANE_COLUMNS * lane;
    let a_at = (layer.a + min(i_lane, layer.a_width - 1u)) / ROWS;
    let b_at = (layer.b + min(j_lane, layer.b_width - 1u)) / LANE_COLUMNS;
    var sum: array<array<f32, ROWS>, COLUMNS>;
    var a_sum: array<f32, ROWS>;
    var b_sum: array<f32, LANE_COLUMNS>;
    // Two rows at a time, so that a sum stays in a register for as long; more would be spilled.
    for (var r = 0u; r < params.rows; r += DEPTH) {
        var left: array<array<f32, ROWS>, DEPTH>;
        var right: array<array<f32, LANE_COLUMNS>, DEPTH>;
        for (var d = 0u; d < DEPTH; d++) {
            let there = r + d < params.rows;
            let row = min(r + d, params.rows - 1u);
            let line = a[a_at + row * stride(layer.a_width) / ROWS];
            let halves = array<vec4<f32>, 2>(unpack(line.xy), unpack(line.zw));
            for (var i = 0u; i < ROWS; i++) {
                left[d][i] = select(0.0, halves[i / 4u][i % 4u], there);
                a_sum[i] += left[d][i];
            }
            let four = unpack(b[b_at + row * stride(layer.b_width) / LANE_COLUMNS]);
            for (var s = 0u; s < LANE_COLUMNS; s++) {
                right[d][s] = select(0.0, four[s], there);
                b_sum[s] += right[d][s];
            }
        }
        for (var s = 0u; s < LANE_COLUMNS; s++) {
            let columns = array<array<f32, LANES>, DEPTH>(
                broadcasts(right[0][s]),
                broadcasts(right[1][s]),
            );
            for (var l = 0u; l < LANES; l++) {
                let j = LANE_COLUMNS * l + s;
                for (var i = 0u; i < ROWS; i++) {
                    for (var d = 0u; d < DEPTH; d++) {
                        sum[j][i] = fma(left[d][i], columns[d][l], sum[j][i]);
                    }
                }
            }
        }
    }

    let t = f32(state.step);
    let lr = rate(state.step - 1u);
    let rates = vec3<f32>(
        lr / one_minus_exp(t * params.optimizer.ln_beta1),
        1.0 / sqrt(one_minus_exp(t * params.optimizer.ln_beta2)),
        lr * params.optimizer.weight_decay,
    );
    // Results in loops, the first taken and the others moved up: a driver compiles hundreds of
    // them in a row for seconds. Line q of the weight begins at its word q·pitch, and a lane has
    // its elements from `first` on.
    let rows_together = layer.inputs_first != 0u;
    let pitch = select(layer.row, layer.column, rows_together);
    let q_end = select(layer.a_width, layer.b_width, rows_together);
    let end = select(layer.b_width, layer.a_width, rows_together);
    for (var j = j0; j < j0 + COLUMNS; j += ADAM_WIDTH) {
        var lines = lines_of(sum, rows_together);
        let q0 = select(i_lane, j, rows_together);
        let first = select(j, i_lane, rows_together);
        let words = min(ADAM_WIDTH, end - min(first, end));
        for (var q = q0; q < min(q0 + ADAM_WIDTH, q_end); q++) {
            let index = q * pitch + first;
            let at = layer.weight + word(index, layer.weight_split, layer.weight_gap);
            // Words up to a whole vector, vectors, and words after these.
            var line = lines[0];
            let head = min((4u - at % 4u) % 4u, words);
            let tail = head + (words - head) / 4u * 4u;
            for (var e = 0u; e < head; e++) {
                finish(at + e, line[0], rates);
                line = without_first(line);
            }
            for (var e = head; e < tail; e += 4u) {
                finish_four(at + e, vec4<f32>(line[0], line[1], line[2], line[3]), rates);
                for (var other = 0u; other < 4u; other++) {
                    line[other] = line[other + 4u];
                }
            }
            for (var e = tail; e < words; e++) {
                finish(at + e, line[0], rates);
                line = without_first(line);
            }
            for (var other = 0u; other < ADAM_WIDTH - 1u; other++) {
                lines[other] = lines[other + 1u];
            }
        }
        for (var other = 0u; other < COLUMNS - ADAM_WIDTH; other++) {
            sum[other] = sum[other + ADAM_WIDTH];
        }
    }
    // One tile has each bias: that at the left edge, or at the upper.
    let a_end = select(0u, layer.a_width, layer.bias_of == OF_A && j0 == 0u);
    for (var i = i_lane; i < min(i_lane + ROWS, a_end); i++) {
        let at = layer.bias + word(i, layer.bias_split, layer.bias_gap);
        finish(at, a_sum[0], rates);
        for (var other = 0u; other < ROWS - 1u; other++) {
            a_sum[other] = a_sum[other + 1u];
        }
    }
    let b_end = select(0u, layer.b_width, layer.bias_of == OF_B && i0 == 0u);
    for (var j = j_lane; j < min(j_lane + LANE_COLUMNS, b_end); j++) {
        let at = layer.bias + word(j, layer.bias_split, layer.bias_gap);
        finish(at, b_sum[0], rates);
        for (var other = 0u; other < LANE_COLUMNS - 1u; other++) {
            b_sum[other] = b_sum[other + 1u];
        }
    }
}
