//! Twin of the kernel `adam`: one update of Adam (Kingma and Ba 2014), bias-corrected, or of AdamW
//! (Loshchilov and Hutter 2019).

use super::real::Real;
use crate::graph::Optimizer;

/// Updates `parameters`, `m` and `v`, all `[len]`, in place; `step` counts from 0, and `scale` is
/// [`Optimizer::clipping`]'s factor for all gradients.
///
/// ```text
/// g ← scale·g
/// m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²
/// p ← p·(1 − rate·λ) − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε),      t = step + 1
/// ```
pub fn update<T: Real>(
    optimizer: &Optimizer,
    step: u32,
    scale: f64,
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
    let &Optimizer {
        beta1, beta2, eps, ..
    } = optimizer;
    let rate = optimizer.schedule.rate(step);
    let rest = 1.0 - rate * optimizer.weight_decay;
    let t = f64::from(step) + 1.0;
    let correction1 = 1.0 - beta1.powf(t);
    let correction2 = 1.0 - beta2.powf(t);
    for i in 0..len {
        let g = scale * gradients[i].wide();
        let m_new = beta1 * m[i].wide() + (1.0 - beta1) * g;
        let v_new = beta2 * v[i].wide() + (1.0 - beta2) * g * g;
        let change = rate * (m_new / correction1) / ((v_new / correction2).sqrt() + eps);
        m[i] = T::narrow(m_new);
        v[i] = T::narrow(v_new);
        parameters[i] = T::narrow(rest * parameters[i].wide() - change);
    }
}
