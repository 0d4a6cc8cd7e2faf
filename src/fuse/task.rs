//! Tasks: launches in terms of a graph's tensors, before they have buffers.

use crate::expr::Expr;
use crate::graph::{Activation, Operand, Ramp, Reduction, TensorId};
use crate::rng::Draw;

/// One launch, in terms of the graph's tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Gather {
        x: TensorId,
    },
    OneHot {
        y: TensorId,
    },
    Normal {
        draw: Draw,
        eps: TensorId,
    },
    Uniform {
        draw: Draw,
        u: TensorId,
    },
    Ramp {
        scale: f64,
        ramp: Ramp,
        values: TensorId,
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
    Pointwise(Pointwise),
    Reduce {
        function: Reduction,
        axis: usize,
        x: TensorId,
        y: TensorId,
    },
    Copy(Copy),
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
    Kl(Kl),
}

/// Expressions over the same operands at each element of `shape`: some are stored, of others the sum of
/// each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pointwise {
    pub(crate) shape: [usize; 2],
    pub(crate) operands: Vec<Operand>,
    /// Each with where its values `[rows, columns]` go.
    pub(crate) values: Vec<(Expr, TensorId)>,
    /// Each with where its sums `[rows]` go.
    pub(crate) sums: Vec<(Expr, TensorId)>,
}

/// Columns of rows, each part from one tensor into another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Copy {
    pub(crate) parts: Vec<CopiedPart>,
}

/// `columns` columns from column `from_first` of `from` to column `to_first` of `to`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CopiedPart {
    pub(crate) from: TensorId,
    pub(crate) from_first: usize,
    pub(crate) to: TensorId,
    pub(crate) to_first: usize,
    pub(crate) columns: usize,
}

/// A reparameterization and the divergence of what it draws from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Latent {
    pub(crate) mu: TensorId,
    pub(crate) logvar: TensorId,
    pub(crate) eps: TensorId,
    pub(crate) z: TensorId,
    pub(crate) rows: TensorId,
}

/// The adjoint of both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LatentGrad {
    pub(crate) mu: TensorId,
    pub(crate) logvar: TensorId,
    pub(crate) eps: TensorId,
    pub(crate) d_z: TensorId,
    pub(crate) d_rows: TensorId,
    pub(crate) d_mu: TensorId,
    pub(crate) d_logvar: TensorId,
}

/// Which product of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProductKind {
    /// x·Wᵀ
    Forward,
    /// d_y·W
    InputGrad,
    /// d_yᵀ·x
    WeightGrad,
}

/// A matrix product and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Product {
    pub(crate) kind: ProductKind,
    pub(crate) left: TensorId,
    pub(crate) right: TensorId,
    pub(crate) bias: Option<TensorId>,
    pub(crate) addend: Option<TensorId>,
    pub(crate) activation: Option<Activation>,
    pub(crate) gradient_of: Option<(Activation, TensorId)>,
    pub(crate) result: TensorId,
    /// The sums of the left operand's rows as they enter: the gradient of a bias.
    pub(crate) sums: Option<TensorId>,
}

impl Product {
    /// The layer's weight, or the gradient of it.
    pub(crate) fn weight(&self) -> TensorId {
        match self.kind {
            ProductKind::Forward | ProductKind::InputGrad => self.right,
            ProductKind::WeightGrad => self.result,
        }
    }
}

/// The divergence of N(μ, σ²) from N(0, 1) per row, its gradient, or both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kl {
    pub(crate) mu: TensorId,
    pub(crate) logvar: TensorId,
    pub(crate) rows: Option<TensorId>,
    pub(crate) gradient: Option<KlGradient>,
}

/// The gradient of μ and log σ² from that of the rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KlGradient {
    pub(crate) d_rows: TensorId,
    pub(crate) d_mu: TensorId,
    pub(crate) d_logvar: TensorId,
}

impl Task {
    /// The tensors it reads.
    pub(crate) fn reads(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { .. }
            | Self::OneHot { .. }
            | Self::Normal { .. }
            | Self::Uniform { .. }
            | Self::Ramp { .. } => vec![],
            Self::Pointwise(work) => work.operands.iter().map(|o| o.tensor).collect(),
            Self::Reduce { x, .. } => vec![*x],
            Self::Copy(copy) => copy.parts.iter().map(|part| part.from).collect(),
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
            Self::Kl(kl) => {
                let d_rows = kl.gradient.as_ref().map(|gradient| gradient.d_rows);
                [kl.mu, kl.logvar].into_iter().chain(d_rows).collect()
            }
        }
    }

    /// The tensors it writes.
    pub(crate) fn writes(&self) -> Vec<TensorId> {
        match self {
            Self::Gather { x } => vec![*x],
            Self::OneHot { y } | Self::Reduce { y, .. } => vec![*y],
            Self::Normal { eps, .. } => vec![*eps],
            Self::Uniform { u, .. } => vec![*u],
            Self::Ramp { values, .. } => vec![*values],
            Self::Pointwise(work) => {
                let results = work.values.iter().chain(&work.sums);
                results.map(|&(_, id)| id).collect()
            }
            Self::Copy(copy) => vec![copy.parts[0].to],
            Self::Product(p) => [p.result].into_iter().chain(p.sums).collect(),
            Self::ColumnSum { sum, .. } | Self::Add { sum, .. } => vec![*sum],
            Self::Activation { y, .. } => vec![*y],
            Self::ActivationGrad { d_x, .. } => vec![*d_x],
            Self::Reparameterize { z, .. } => vec![*z],
            Self::ReparameterizeGrad { d_logvar, .. } => vec![*d_logvar],
            Self::Latent(l) => vec![l.z, l.rows],
            Self::LatentGrad(l) => vec![l.d_mu, l.d_logvar],
            Self::Kl(kl) => {
                let gradients = kl.gradient.iter().flat_map(|g| [g.d_mu, g.d_logvar]);
                kl.rows.into_iter().chain(gradients).collect()
            }
        }
    }
}
