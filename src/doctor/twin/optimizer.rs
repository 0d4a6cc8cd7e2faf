//! Adam, alone and after the gradients of layers.

use super::{EPS, Expected, Job, Results};
use crate::graph::Optimizer;
use crate::kernels::adam::Counter;
use crate::kernels::update::{Layer, Part};
use crate::plan::Origin;
use crate::reference;
use crate::reference::update::Trained;

/// What the shader's rate may be off by where a schedule makes it, in ULP of it: its start and end rounded
/// (1), p from two rounded whole numbers (2 and 2.5), and half of a cosine twice in a sine of it: π/2 and a
/// product (2), x² (1), a series with a product, a division and a difference in its outer term and a last product
/// (5.5), then the square (1). So p is off by 2·(4.5 + 2 + 1 + 5.5) + 1 = 27 of it at most, and as p ≤ ½ no more
/// than that is 1 − p. Then a difference, a product and a sum: 3.
const RATE_ULP: f64 = 31.0;

/// Bindings of parameters, m and v.
const TRAINED: [usize; 3] = [3, 4, 5];

/// Of a moment the rounded 1 − β, a difference, a product (two, for a square), a sum; and of a clipped gradient,
/// twice in its square, the rounded norm, a sum, the division, a product. The change is off by 5 ULP of m, 8 of
/// each bias correction, 6 of v, both halved by the root, 4.5 of the root, 2.5 of each of three divisions, and
/// two more roundings: 35.
pub(super) fn adam(job: Job<'_>) -> Result<Results, String> {
    let Origin::Adam { optimizer, counter } = job.origin else {
        return Err("its optimiser is not known".to_owned());
    };
    let [len] = job.params();
    let counted = job.words(0)[0];
    let step = match counter {
        Counter::AtStep => counted,
        Counter::PastStep => counted - 1,
    };
    let gradients = job.floats(1)[..len].to_vec();
    let norm = match optimizer.clip_norm {
        Some(_) => job.floats(2)[0],
        None => 0.0,
    };
    let scale = optimizer.clipping(norm);
    let [mut p, mut m, mut v] = TRAINED.map(|binding| job.floats(binding)[..len].to_vec());
    let sizes = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
    let (p_size, mut m_size, mut v_size) = (sizes(&p), sizes(&m), sizes(&v));
    reference::adam::update(optimizer, step, scale, &gradients, &mut p, &mut m, &mut v);
    let plain = Optimizer {
        weight_decay: 0.0,
        ..optimizer.clone()
    };
    let mut change = vec![0.0; len];
    let absolute = sizes(&gradients);
    reference::adam::update(
        &plain,
        step,
        scale,
        &absolute,
        &mut change,
        &mut m_size,
        &mut v_size,
    );
    let clipped = if optimizer.clip_norm.is_some() {
        6.0
    } else {
        0.0
    };
    let rate = if plain.schedule.is_constant() {
        1.0
    } else {
        RATE_ULP
    };
    let decay = plain.schedule.rate(step) * optimizer.weight_decay;
    let mut results = Results::new();
    for i in 0..len {
        let size = p_size[i]
            + (36.0 + 2.0 * clipped + rate) * change[i].abs()
            + (rate + 3.0) * decay * p_size[i];
        let allowed = [
            EPS * size,
            (5.0 + clipped) * EPS * m_size[i],
            (6.0 + 2.0 * clipped) * EPS * v_size[i],
        ];
        for ((binding, value), allowed) in TRAINED.into_iter().zip([p[i], m[i], v[i]]).zip(allowed)
        {
            results.insert((binding, i), Expected::float(value, allowed));
        }
    }
    Ok(results)
}

/// The gradients of layers' weights and biases, into memory or into Adam.
pub(super) fn update(job: Job<'_>) -> Result<Results, String> {
    const GRADIENTS: usize = 6;
    let Origin::Update {
        part,
        layers,
        optimizer,
    } = job.origin
    else {
        return Err("its layers are not known".to_owned());
    };
    let tape = job.floats(0);
    let sizes: Vec<f64> = tape.iter().map(|v| v.abs()).collect();
    let step = job.words(2)[0];
    let mut results = Results::new();
    let before: Vec<f64> = match part.first {
        true => Vec::new(),
        false => job.floats(GRADIENTS),
    };
    let [mut p, mut m, mut v] = TRAINED.map(|binding| job.floats(binding));
    let bounds = Bounds {
        values: [p.clone(), m.clone(), v.clone()],
        optimizer,
        step,
    };
    if part.update && part.first {
        let mut trained = Trained {
            parameters: &mut p,
            m: &mut m,
            v: &mut v,
        };
        reference::update::update(layers, part.rows, optimizer, step, &tape, &mut trained);
    }
    for (at, gradient, size) in gradients(*part, layers, &tape, &sizes) {
        let so_far = if part.first { 0.0 } else { before[at] };
        let g = gradient + so_far;
        // The partial sums round once each, the products in them, and the sums of three parts.
        let g_off = (part.rows + 3) as f64 * EPS * (size + so_far.abs());
        if !part.update {
            results.insert((GRADIENTS, at), Expected::float(g, g_off));
            continue;
        }
        if !part.first {
            let slot = at..at + 1;
            reference::adam::update(
                optimizer,
                step - 1,
                1.0,
                &[g],
                &mut p[slot.clone()],
                &mut m[slot.clone()],
                &mut v[slot],
            );
        }
        let allowed = bounds.of(at, g, g_off);
        for ((binding, value), allowed) in
            TRAINED.into_iter().zip([p[at], m[at], v[at]]).zip(allowed)
        {
            results.insert((binding, at), Expected::float(value, allowed));
        }
    }
    Ok(results)
}

/// Each gradient: its parameter's word, its value, and the size of what was added.
fn gradients(part: Part, layers: &[Layer], tape: &[f64], sizes: &[f64]) -> Vec<(usize, f64, f64)> {
    let mut all = Vec::new();
    for layer in layers {
        let of = |tape: &[f64]| reference::update::gradients(layer, part.rows, tape);
        let ((weight, bias), (weight_size, bias_size)) = (of(tape), of(sizes));
        let weight = Some((layer.weight, weight, weight_size));
        let bias = layer.bias.map(|at| (at, bias, bias_size));
        for (at, values, sizes) in weight.into_iter().chain(bias) {
            let elements = values.into_iter().zip(sizes).enumerate();
            all.extend(elements.map(|(i, (value, size))| (at.word(i), value, size)));
        }
    }
    all
}

/// What Adam makes of a gradient that is not exact.
struct Bounds<'a> {
    values: [Vec<f64>; 3],
    optimizer: &'a Optimizer,
    /// Steps that have begun.
    step: u32,
}

impl Bounds<'_> {
    /// What parameter, m and v may be off by, for a gradient that is off by so much.
    fn of(&self, at: usize, g: f64, g_off: f64) -> [f64; 3] {
        let before = self.values.each_ref().map(|values| values[at]);
        updated(self.optimizer, self.step, before, [g, g_off])
    }
}

/// What parameter, m and v may be off by after an update in the step of this number, from 1, of those before and of a
/// gradient, g and what it is off by.
pub fn updated(
    optimizer: &Optimizer,
    step: u32,
    [p, m, v]: [f64; 3],
    [g, g_off]: [f64; 2],
) -> [f64; 3] {
    let &Optimizer {
        beta1, beta2, eps, ..
    } = optimizer;
    let schedule = &optimizer.schedule;
    let lr = schedule.rate(step - 1);
    let rate_off = if schedule.is_constant() {
        0.0
    } else {
        RATE_ULP
    };
    let m_size = beta1 * m.abs() + (1.0 - beta1) * (g.abs() + g_off);
    let v_size = beta2 * v + (1.0 - beta2) * (g.abs() + g_off).powi(2);
    let m_off = (1.0 - beta1) * g_off + 5.0 * EPS * m_size;
    let v_off = (1.0 - beta2) * g_off * (2.0 * g.abs() + g_off) + 6.0 * EPS * v_size;
    // |m′/d′ − m/d| ≤ (|m′ − m| + |m/d|·|d′ − d|) / d′, and |√v′ − √v| ≤ |v′ − v| / √v and
    // ≤ √|v′ − v|. The moments' own roundings are in both parts; the corrections', the roots'
    // and the divisions' are 25 of the 36 ULP that `adam` counts.
    let t = f64::from(step);
    let [c1, c2] = [beta1, beta2].map(|beta| 1.0 - beta.powf(t));
    let m_new = beta1 * m + (1.0 - beta1) * g;
    let root = ((beta2 * v + (1.0 - beta2) * g * g) / c2).sqrt();
    let root_off = (v_off / c2)
        .sqrt()
        .min(v_off / c2 / root.max(f64::MIN_POSITIVE));
    let divisor = root + eps;
    let ratio = (m_new / c1 / divisor).abs();
    let least = (divisor - root_off).max(eps);
    let ratio_off = (m_off / c1 + ratio * root_off) / least;
    let decay = lr * optimizer.weight_decay * p.abs();
    let p_off = lr * ratio_off
        + (25.0 + rate_off) * EPS * lr * (ratio + ratio_off)
        + (rate_off + 3.0) * EPS * decay
        + EPS * (p.abs() + lr * ratio);
    [p_off, m_off, v_off]
}
