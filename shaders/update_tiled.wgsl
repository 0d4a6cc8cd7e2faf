// The end of a training step: the gradients of all weights and biases, and Adam on them in place,
// in one launch. No gradient is ever in memory, unless the batch is too large for one launch or the
// gradients are clipped. For GPUs.
//
//   g[i, j] = Σ_r a[r, i]·b[r, j]                     a layer's weight: the gradient of its outputs
//   h[i] = Σ_r a[r, i]                                times its inputs; its bias: their sum
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − rate·λ·p − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),    t = steps that have begun
//
// a, b              tensors [rows, width]; a layer names where its two start. Here `a` is always
//                   the gradient: neighbouring invocations meet neighbouring words of a weight
// parameters, m, v  all layers'; element (i, j) is word i·row + j·column from `weight` on, its bias
//                   word i from `bias` on; the last words may lie further, as in `update_subgroups`
// state             the step number, already moved on by the kernel that computed the gradients
// gradients         of a batch that comes in several launches or is clipped, as in `update_subgroups`
//
// A workgroup of SIDE×SIDE invocations owns RESULTS·SIDE × RESULTS·SIDE elements of one layer's
// weight, RESULTS² each, SIDE apart. Slices of DEPTH rows of both tensors are staged in workgroup
// memory, where neighbours read neighbouring words or the same; what lies past an edge is staged as
// zero, so that the inner loop has no branch. Each sum runs over the rows in order.

/// What its parts take at a time.
alias Values = f32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;
@group(0) @binding(5) var<storage, read_write> v: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

/// At most 16: 256 invocations are WebGPU's default limit.
override SIDE: u32 = 16;
/// At most MOST.
override RESULTS: u32 = 4;
const MOST: u32 = 4;
const DEPTH: u32 = 16;

/// a[r0 + d, i0 + i] at d·RESULTS·SIDE + i, and b likewise.
var<workgroup> a_tile: array<f32, DEPTH * RESULTS * SIDE>;
var<workgroup> b_tile: array<f32, DEPTH * RESULTS * SIDE>;

/// What Adam takes of a step: its rate, rate·λ, 1 − β₁ᵗ and 1 − β₂ᵗ.
struct Step {
    rate: f32,
    decay: f32,
    corrections: vec2<f32>,
}

/// Adam on one parameter, or its gradient so far.
fn finish(at: u32, sum: f32, step: Step) {
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
    let m_new = flush(m_old + params.optimizer.one_minus_beta1 * (g - m_old));
    let v_new = flush(v_old + params.optimizer.one_minus_beta2 * (g * g - v_old));
    m[at] = m_new;
    v[at] = v_new;
    let change = step.rate * (m_new / step.corrections.x) /
        (sqrt(v_new / step.corrections.y) + params.optimizer.eps);
    parameters[at] -= step.decay * parameters[at] + change;
}

/// Stages DEPTH rows from r0 on.
fn load_tiles(layer: Layer, i0: u32, j0: u32, r0: u32, invocation: u32) {
    let span = RESULTS * SIDE;
    for (var slot = invocation; slot < span * DEPTH; slot += SIDE * SIDE) {
        let row = r0 + slot / span;
        let i = i0 + slot % span;
        let j = j0 + slot % span;
        let source = min(row, params.rows - 1u);
        let a_value = a[layer.a + source * stride(layer.a_width) + min(i, layer.a_width - 1u)];
        let b_value = b[layer.b + source * stride(layer.b_width) + min(j, layer.b_width - 1u)];
        a_tile[slot] = select(0.0, a_value, row < params.rows);
        b_tile[slot] = select(0.0, b_value, row < params.rows);
    }
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let group = workgroup.x + workgroup.y * groups.x;
    var index = 0u;
    for (var other = 1u; other < params.layers; other++) {
        index = select(index, other, params.table[other].first_group <= group);
    }
    let layer = params.table[index];
    let span = RESULTS * SIDE;
    let tiles = (layer.b_width + span - 1u) / span;
    let tile = group - layer.first_group;
    let i0 = tile / tiles * span;
    let j0 = tile % tiles * span;

    // One tile of each row of them has the bias, an invocation for each element.
    let bias_end = select(0u, layer.a_width, layer.bias_of != 0u && j0 == 0u);
    let sums_bias = invocation < span && i0 + invocation < bias_end;

    var sum: array<vec4<f32>, MOST>;
    var bias_sum = 0.0;
    for (var r0 = 0u; r0 < params.rows; r0 += DEPTH) {
        load_tiles(layer, i0, j0, r0, invocation);
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) {
            let at = d * span;
            var right: vec4<f32>;
            for (var j = 0u; j < RESULTS; j++) {
                right[j] = b_tile[at + j * SIDE + local.x];
            }
            for (var i = 0u; i < RESULTS; i++) {
                let left = a_tile[at + i * SIDE + local.y];
                sum[i] = fma(vec4<f32>(left), right, sum[i]);
            }
        }
        if sums_bias {
            for (var d = 0u; d < DEPTH; d++) {
                bias_sum += a_tile[d * span + invocation];
            }
        }
        workgroupBarrier();
    }

    let t = f32(state.step);
    let lr = rate(state.step - 1u);
    let corrections = vec2<f32>(
        one_minus_exp(t * params.optimizer.ln_beta1),
        one_minus_exp(t * params.optimizer.ln_beta2),
    );
    let step = Step(lr, lr * params.optimizer.weight_decay, corrections);
    for (var i = 0u; i < RESULTS; i++) {
        let row = i0 + i * SIDE + local.y;
        for (var j = 0u; j < RESULTS; j++) {
            let column = j0 + j * SIDE + local.x;
            if row < layer.a_width && column < layer.b_width {
                let index = row * layer.row + column * layer.column;
                let at = layer.weight + word(index, layer.weight_split, layer.weight_gap);
                finish(at, sum[i][j], step);
            }
        }
    }
    if sums_bias {
        let at = layer.bias + word(i0 + invocation, layer.bias_split, layer.bias_gap);
        finish(at, bias_sum, step);
    }
}
