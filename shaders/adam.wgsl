// Adam (Kingma and Ba 2014), bias-corrected, over all parameters at once.
//
//   m ← β₁·m + (1 − β₁)·g                v ← β₂·v + (1 − β₂)·g²
//   p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),      t = step + 1
//
// gradients, parameters, m, v  [len]
// state                        the step number
//
// One invocation an element. 1 − βᵗ is taken as −expm1(t·ln β), from ln β rounded once on the host:
// in f32 the direct form loses four digits at t = 1.

struct State {
    step: u32,
    position: u32,
    entry: u32,
    padding: u32,
}

struct Params {
    len: u32,
    lr: f32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    ln_beta1: f32,
    ln_beta2: f32,
    eps: f32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
const SMALLEST_NORMAL: f32 = 0x1p-126;

/// 1 − e^x for x ≤ 0: the series near zero, where the subtraction would cancel. It is taken of a
/// bounded number, as it would overflow where it is not used.
fn one_minus_exp(x: f32) -> f32 {
    let s = max(x, -0.5);
    let series = -s * (1.0 + s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 *
        (1.0 + s / 6.0 * (1.0 + s / 7.0))))));
    return select(1.0 - exp(x), series, x > -0.5);
}

/// Zero for what is below f32's normal numbers. The moments of a weight whose gradient stays zero
/// decay to there, and CPUs take a hundred times as long for each operation on such a number.
fn flush(x: f32) -> f32 {
    return select(x, 0.0, abs(x) < SMALLEST_NORMAL);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.len {
        return;
    }
    let t = f32(state.step + 1u);
    let correction1 = one_minus_exp(t * params.ln_beta1);
    let correction2 = one_minus_exp(t * params.ln_beta2);
    let g = gradients[i];
    let m_new = flush(m[i] + params.one_minus_beta1 * (g - m[i]));
    let v_new = flush(v[i] + params.one_minus_beta2 * (g * g - v[i]));
    m[i] = m_new;
    v[i] = v_new;
    parameters[i] -= params.lr * (m_new / correction1) / (sqrt(v_new / correction2) + params.eps);
}
