//! Which expressions have hand-written kernels. This is the one place that says so: a loss is
//! recognised by the equality of its trees with those below.

use crate::expr::HALF_LN_TAU;
use crate::fuse::task::Pointwise;
use crate::graph::{self, Broadcast, TensorId};
use crate::kernels::rows::Score;

/// A loss per row of a prediction and what was observed, `[rows, columns]` each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Loss {
    pub(super) score: Score,
    pub(super) prediction: TensorId,
    pub(super) observed: TensorId,
    /// Where its value goes, if it is computed.
    pub(super) rows: Option<TensorId>,
    pub(super) gradient: Option<Gradient>,
}

/// The gradient of the prediction from that of the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gradient {
    pub(super) d_rows: TensorId,
    pub(super) result: TensorId,
}

/// The losses that hand-written kernels compute: row programs all of them, a kernel of its own the
/// Bernoullis'.
const KNOWN: [Score; 3] = [
    Score::BernoulliNll,
    Score::SquaredError {
        scale: 0.5,
        offset: HALF_LN_TAU,
    },
    Score::SquaredError {
        scale: 1.0,
        offset: 0.0,
    },
];

/// The loss that pointwise work is, if it is a known one: its value, its gradient, or both.
pub(super) fn loss(work: &Pointwise) -> Option<Loss> {
    let each = Broadcast {
        columns: work.shape[1] > 1,
        ..Broadcast::EACH
    };
    let broadcasts: Vec<_> = work.operands.iter().map(|o| o.broadcast).collect();
    let tensor = |number: usize| work.operands.get(number).map(|o| o.tensor);
    let (prediction, observed) = (tensor(0)?, tensor(1)?);
    let (value, gradient) = match (work.sums.as_slice(), work.values.as_slice()) {
        ([value], []) if broadcasts == [each, each] => (Some(value), None),
        (values @ ([] | [_]), [gradient]) if broadcasts == [each, each, Broadcast::ROW] => {
            (values.first(), Some(gradient))
        }
        _ => return None,
    };
    let score = KNOWN.into_iter().find(|score| {
        let of = graph::Pointwise {
            expr: score.expr(),
            shape: work.shape,
            operands: vec![each, each],
        };
        value.is_none_or(|(value, _)| *value == of.expr)
            && gradient.is_none_or(|(slope, _)| *slope == of.adjoint(0))
    })?;
    Some(Loss {
        score,
        prediction,
        observed,
        rows: value.map(|&(_, id)| id),
        gradient: match gradient {
            Some(&(_, result)) => Some(Gradient {
                d_rows: tensor(2)?,
                result,
            }),
            None => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{constant, operand};
    use crate::model::Likelihood;

    /// The likelihoods of a unit scale whose formulas are known, each by its own name; no other is.
    #[test]
    fn the_likelihoods_with_kernels_of_their_own_are_recognised() {
        let known = |likelihood: Likelihood| {
            let nll = (likelihood.density().nll)(operand(0), constant(0.0), operand(1));
            KNOWN.into_iter().position(|score| score.expr() == nll)
        };
        assert_eq!(known(Likelihood::Bernoulli), Some(0));
        assert_eq!(known(Likelihood::Gaussian), Some(1));
        assert_eq!(known(Likelihood::SquaredError), Some(2));
        assert_eq!(
            Likelihood::ALL.into_iter().filter_map(known).count(),
            KNOWN.len()
        );
    }
}
