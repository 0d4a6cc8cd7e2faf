//! Tasks: launches in terms of a graph's tensors, before they have buffers.

use crate::graph::{Activation, TensorId};
use crate::rng::Draw;

/// One launch, in terms of the graph's tensors.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    Gather {
        x: TensorId,
    },
    Normal {
        draw: Draw,
        eps: TensorId,
    },
    Product(Product),
    ColumnSum {
        a: TensorId,
        sum: TensorId,
    },
    Activation {
        function: Activation,
        x: TensorId,
        y: TensorId,
    },
    ActivationGrad {
        function: Activation,
        y: TensorId,
        d_y: TensorId,
        d_x: TensorId,
    },
    Add {
        a: TensorId,
        b: TensorId,
        sum: TensorId,
    },
    Reparameterize {
        mu: TensorId,
        logvar: TensorId,
        eps: TensorId,
        z: TensorId,
    },
    ReparameterizeGrad {
        d_z: TensorId,
        logvar: TensorId,
        eps: TensorId,
        d_logvar: TensorId,
    },
    Latent(Latent),
    LatentGrad(LatentGrad),
    Loss(Loss),
}

/// A reparameterization and the divergence of what it draws from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Latent {
    pub(super) mu: TensorId,
    pub(super) logvar: TensorId,
    pub(super) eps: TensorId,
    pub(super) z: TensorId,
    pub(super) rows: TensorId,
}

/// The adjoint of both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LatentGrad {
    pub(super) mu: TensorId,
    pub(super) logvar: TensorId,
    pub(super) eps: TensorId,
    pub(super) d_z: TensorId,
    pub(super) d_rows: TensorId,
    pub(super) d_mu: TensorId,
    pub(super) d_logvar: TensorId,
}

/// Which product of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProductKind {
    /// x·Wᵀ
    Forward,
    /// d_y·W
    InputGrad,
    /// d_yᵀ·x
    WeightGrad,
}

/// A matrix product and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Product {
    pub(super) kind: ProductKind,
    pub(super) left: TensorId,
    pub(super) right: TensorId,
    pub(super) bias: Option<TensorId>,
    pub(super) addend: Option<TensorId>,
    pub(super) activation: Option<Activation>,
    pub(super) gradient_of: Option<(Activation, TensorId)>,
    pub(super) result: TensorId,
    /// The sums of the left operand's rows as they enter: the gradient of a bias.
    pub(super) sums: Option<TensorId>,
}

impl Product {
    /// The layer's weight, or the gradient of it.
    pub(super) fn weight(&self) -> TensorId {
        match self.kind {
            ProductKind::Forward | ProductKind::InputGrad => self.right,
            ProductKind::WeightGrad => self.result,
        }
    }
}

/// Which loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LossKind {
    Kl,
    BernoulliNll,
    SquaredError { scale: f32, offset: f32 },
}

/// A loss per row, its gradient, or both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loss {
    pub(super) kind: LossKind,
    pub(super) operands: [TensorId; 2],
    pub(super) value: Option<TensorId>,
    pub(super) gradient: Option<LossGradient>,
}

/// The gradient of a loss's operands from that of its rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LossGradient {
    pub(super) d_rows: TensorId,
    pub(super) results: Vec<TensorId>,
}

impl Task {
    /// The tensors it reads.
    pub(super) fn reads(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { .. } | Self::Normal { .. } => vec![],
            Self::Product(p) => {
                let saved = p.gradient_of.map(|(_, saved)| saved);
                [p.left, p.right]
                    .into_iter()
                    .chain(p.bias)
                    .chain(p.addend)
                    .chain(saved)
                    .collect()
            }
            Self::ColumnSum { a, .. } => vec![*a],
            Self::Activation { x, .. } => vec![*x],
            Self::ActivationGrad { y, d_y, .. } => vec![*y, *d_y],
            Self::Add { a, b, .. } => vec![*a, *b],
            Self::Reparameterize {
                mu, logvar, eps, ..
            } => vec![*mu, *logvar, *eps],
            Self::ReparameterizeGrad {
                d_z, logvar, eps, ..
            } => vec![*d_z, *logvar, *eps],
            Self::Latent(l) => vec![l.mu, l.logvar, l.eps],
            Self::LatentGrad(l) => vec![l.mu, l.logvar, l.eps, l.d_z, l.d_rows],
            Self::Loss(loss) => {
                let d_rows = loss.gradient.as_ref().map(|gradient| gradient.d_rows);
                loss.operands.into_iter().chain(d_rows).collect()
            }
        }
    }

    /// The tensors it writes.
    pub(super) fn writes(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { x } => vec![*x],
            Self::Normal { eps, .. } => vec![*eps],
            Self::Product(p) => [p.result].into_iter().chain(p.sums).collect(),
            Self::ColumnSum { sum, .. } | Self::Add { sum, .. } => vec![*sum],
            Self::Activation { y, .. } => vec![*y],
            Self::ActivationGrad { d_x, .. } => vec![*d_x],
            Self::Reparameterize { z, .. } => vec![*z],
            Self::ReparameterizeGrad { d_logvar, .. } => vec![*d_logvar],
            Self::Latent(l) => vec![l.z, l.rows],
            Self::LatentGrad(l) => vec![l.d_mu, l.d_logvar],
            Self::Loss(loss) => {
                let gradients = loss.gradient.iter().flat_map(|g| g.results.iter().copied());
                loss.value.into_iter().chain(gradients).collect()
            }
        }
    }
}
