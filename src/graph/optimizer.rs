//! What updates the parameters at the end of a step.

use super::{ParameterGroup, Schedule};

/// Adam (Kingma and Ba 2014), with bias correction, at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
}

impl Default for Adam {
    /// The paper's settings: 1e-3, 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
        }
    }
}

/// Adam with what may go around it: a rate that follows the step, weights that decay, gradients that
/// are clipped, parameters that are updated otherwise. An [`Adam`] alone converts into one with none of
/// these.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// The learning rate of each step.
    pub schedule: Schedule,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// λ of AdamW's decoupled decay (Loshchilov and Hutter 2019): before its step, every parameter is
    /// multiplied by 1 − rate·λ. 0 is none.
    pub weight_decay: f64,
    /// The most that the Euclidean norm of the whole gradient may be; a larger one is scaled down, by
    /// `clip_norm / (norm + 1e-6)` as PyTorch's `clip_grad_norm_` does it.
    pub clip_norm: Option<f64>,
    /// Parameters that are updated otherwise, or not at all. The norm is that of all gradients there are.
    pub groups: Vec<ParameterGroup>,
}

impl From<Adam> for Optimizer {
    fn from(adam: Adam) -> Self {
        Self {
            schedule: Schedule::constant(adam.lr),
            beta1: adam.beta1,
            beta2: adam.beta2,
            eps: adam.eps,
            weight_decay: 0.0,
            clip_norm: None,
            groups: Vec::new(),
        }
    }
}

impl Optimizer {
    /// What all gradients are multiplied by, for the Euclidean norm of all of them together.
    pub fn clipping(&self, norm: f64) -> f64 {
        match self.clip_norm {
            Some(most) => (most / (norm + 1e-6)).min(1.0),
            None => 1.0,
        }
    }
}
