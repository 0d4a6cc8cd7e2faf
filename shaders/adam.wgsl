// Adam (Kingma and Ba 2014), bias-corrected, over all parameters at once; with weight decay it is
// AdamW (Loshchilov and Hutter 2019), and its gradients may be clipped.
//
//   g ← g · min(1, clip_norm / (norm + 1e-6))                                  where CLIP says so
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − rate·λ·p − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
//
// gradients, parameters, m, v  [len]
// state                        the step number; t = step + ahead, where `ahead` is 0 if it has been
//                              moved on already, and else 1. `rate` is that of step t − 1
// norm                         [1] of all gradients together, if they are clipped
//
// One invocation has four elements, since lavapipe loads four words for hardly more than one; of the
// last four it writes those that are there. 1 − βᵗ is taken as −expm1(t·ln β), from ln β rounded once on
// the host: in f32 the direct form loses four digits at t = 1. The decay is subtracted, since
// 1 − rate·λ would round to f32's few numbers just below 1.

/// What its parts take at a time.
alias Values = vec4<f32>;

struct Params {
    len: u32,
    ahead: u32,
    padding0: u32,
    padding1: u32,
    optimizer: Optimizer,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

/// Scale gradients down whose norm is too large.
override CLIP: bool = false;
override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if 4u * i >= params.len {
        return;
    }
    let step = state.step + params.ahead;
    let t = f32(step);
    let lr = rate(step - 1u);
    let decay = lr * params.optimizer.weight_decay;
    let correction1 = one_minus_exp(t * params.optimizer.ln_beta1);
    let correction2 = one_minus_exp(t * params.optimizer.ln_beta2);
    var g = gradients[i];
    if CLIP {
        g *= min(1.0, params.optimizer.clip_norm / (norm[0] + 1e-6));
    }
    let m_new = flush(m[i] + params.optimizer.one_minus_beta1 * (g - m[i]));
    let v_new = flush(v[i] + params.optimizer.one_minus_beta2 * (g * g - v[i]));
    let change = lr * (m_new / correction1) / (sqrt(v_new / correction2) + params.optimizer.eps);
    let p_new = parameters[i] - (decay * parameters[i] + change);
    if 4u * i + 4u <= params.len {
        m[i] = m_new;
        v[i] = v_new;
        parameters[i] = p_new;
        return;
    }
    for (var e = 0u; e < params.len - 4u * i; e++) {
        m[i][e] = m_new[e];
        v[i][e] = v_new[e];
        parameters[i][e] = p_new[e];
    }
}
