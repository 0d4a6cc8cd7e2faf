//! Twin of the kernel `adam`: one update of Adam (Kingma and Ba 2014), bias-corrected.

use super::real::Real;
use crate::graph::Adam;

/// Updates `parameters`, `m` and `v`, all `[len]`, in place; `step` counts from 0.
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²
/// p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),      t = step + 1
/// ```
pub fn update<T: Real>(
    adam: Adam,
    step: u32,
    gradients: &[T],
    parameters: &mut [T],
    m: &mut [T],
    v: &mut [T],
) {
    let len = parameters.len();
    assert_eq!(
        [gradients.len(), m.len(), v.len()],
        [len; 3],
        "adam: lengths"
    );
    let t = f64::from(step) + 1.0;
    let correction1 = 1.0 - adam.beta1.powf(t);
    let correction2 = 1.0 - adam.beta2.powf(t);
    for i in 0..len {
        let g = gradients[i].wide();
        let m_new = adam.beta1 * m[i].wide() + (1.0 - adam.beta1) * g;
        let v_new = adam.beta2 * v[i].wide() + (1.0 - adam.beta2) * g * g;
        let change = adam.lr * (m_new / correction1) / ((v_new / correction2).sqrt() + adam.eps);
        m[i] = T::narrow(m_new);
        v[i] = T::narrow(v_new);
        parameters[i] = T::narrow(parameters[i].wide() - change);
    }
}
