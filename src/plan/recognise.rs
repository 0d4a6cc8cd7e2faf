//! Which expressions have hand-written kernels. This is the one place that says so: pointwise work, and
//! what follows a product, is recognised by the equality of its trees with those below.

use std::slice;

use crate::expr::{Expr, HALF_LN_TAU, Sequence, operand};
use crate::fuse::task::{Pointwise, Product};
use crate::graph::{self, Broadcast, TensorId, gaussian};
use crate::kernels::KernelActivation;
use crate::kernels::gemm::Epilogue;
use crate::kernels::rows::Score;

/// Trees over operands that broadcast, each of which has a meaning by its number.
struct Pattern<'a> {
    operands: &'a [Broadcast],
    values: Vec<Expr>,
    sums: Vec<Expr>,
}

impl Pattern<'_> {
    /// The tensor of each operand that is read, if the work has these trees, however it numbers what they
    /// read.
    fn tensors(&self, work: &Pointwise) -> Option<Vec<Option<TensorId>>> {
        let same = self.values.len() == work.values.len() && self.sums.len() == work.sums.len();
        if !same {
            return None;
        }
        let results = work.values.iter().chain(&work.sums);
        let (found, of_found) = in_order(&results.map(|(expr, _)| expr).collect::<Vec<_>>());
        let results = self.values.iter().chain(&self.sums);
        let (known, of_known) = in_order(&results.collect::<Vec<_>>());
        if found != known {
            return None;
        }
        let mut tensors = vec![None; self.operands.len()];
        for (own, number) in of_found.into_iter().zip(of_known) {
            let operand = work.operands[own];
            if operand.broadcast != self.operands[number].over(work.shape) {
                return None;
            }
            tensors[number] = Some(operand.tensor);
        }
        Some(tensors)
    }
}

/// The trees with their operands numbered in the order in which they are first read, and the numbers
/// that these had.
fn in_order(exprs: &[&Expr]) -> (Vec<Expr>, Vec<usize>) {
    let read: Vec<usize> = Sequence::of(exprs).operands().collect();
    let count = read.iter().max().map_or(0, |last| last + 1);
    let mut by = vec![operand(0); count];
    for (new, &old) in read.iter().enumerate() {
        by[old] = operand(new);
    }
    let renumbered = exprs.iter().map(|expr| expr.substitute(&by));
    (renumbered.collect(), read)
}

/// No non-linearity, and each.
fn functions() -> impl Iterator<Item = Option<KernelActivation>> {
    let all = KernelActivation::ALL.into_iter().map(Some);
    [None].into_iter().chain(all)
}

/// What follows a product within its kernel: f(product + bias + addend) · g′.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Finish {
    pub(super) bias: Option<TensorId>,
    pub(super) addend: Option<TensorId>,
    /// f.
    pub(super) activation: Option<KernelActivation>,
    /// g and its output.
    pub(super) derivative: Option<(KernelActivation, TensorId)>,
}

impl Finish {
    /// Whether it is a sum at most.
    pub(super) fn is_linear(&self) -> bool {
        self.activation.is_none() && self.derivative.is_none()
    }

    /// Whether it is a bias at most.
    pub(super) fn is_plain(&self) -> bool {
        self.is_linear() && self.addend.is_none()
    }
}

/// Whether an adapter's kernel computes products with their epilogues.
pub(super) fn takes(epilogue: Epilogue) -> impl Fn(&Product) -> bool {
    move |product| {
        finish(product).is_some_and(|finish| {
            let operands = finish.addend.is_some() || finish.derivative.is_some();
            let function = finish.activation;
            (!operands || epilogue.takes_operands())
                && function.is_none_or(|function| epilogue.takes_activation(function))
        })
    }
}

/// What a product's epilogue is to the kernels, if they have it.
pub(super) fn finish(product: &Product) -> Option<Finish> {
    const OPERANDS: [Broadcast; 4] = [
        Broadcast::EACH,
        Broadcast::COLUMN,
        Broadcast::EACH,
        Broadcast::EACH,
    ];
    let [own, bias, addend, output] = [0, 1, 2, 3].map(operand);
    let biased = &own + &bias;
    // Each with how many operands it has besides the product.
    let sums = [
        (&own + &addend, 1),
        (&addend + &own, 1),
        (&biased + &addend, 2),
        (&addend + &biased, 2),
        (own, 0),
        (biased, 1),
    ];
    let work = &product.epilogue;
    for derivative in functions() {
        let factor = derivative.map(|g| g.slope().substitute(slice::from_ref(&output)));
        for (sum, others) in &sums {
            if 1 + others + usize::from(factor.is_some()) != work.operands.len() {
                continue;
            }
            for activation in functions() {
                let value = match activation {
                    Some(f) => f.formula().substitute(slice::from_ref(sum)),
                    None => sum.clone(),
                };
                let pattern = Pattern {
                    operands: &OPERANDS,
                    values: vec![match &factor {
                        Some(factor) => value * factor,
                        None => value,
                    }],
                    sums: vec![],
                };
                let tensors = pattern.tensors(work);
                if let Some(&[Some(own), bias, addend, output]) = tensors.as_deref()
                    && own == product.product
                {
                    return Some(Finish {
                        bias,
                        addend,
                        activation,
                        derivative: derivative.zip(output),
                    });
                }
            }
        }
    }
    None
}

/// A reparameterization and the divergence of what it draws from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Latent {
    pub(super) mu: TensorId,
    pub(super) logvar: TensorId,
    pub(super) eps: TensorId,
    pub(super) z: TensorId,
    pub(super) rows: TensorId,
}

/// The latent that pointwise work is, if it is one.
pub(super) fn latent(work: &Pointwise) -> Option<Latent> {
    let ([(_, z)], [(_, rows)]) = (work.values.as_slice(), work.sums.as_slice()) else {
        return None;
    };
    let pattern = Pattern {
        operands: &[Broadcast::EACH; 3],
        values: vec![gaussian::reparameterized()],
        sums: vec![gaussian::kl()],
    };
    let &[Some(mu), Some(logvar), Some(eps)] = pattern.tensors(work)?.as_slice() else {
        return None;
    };
    Some(Latent {
        mu,
        logvar,
        eps,
        z: *z,
        rows: *rows,
    })
}

/// The adjoint of a latent: of both the draw and its divergence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LatentGrad {
    pub(super) mu: TensorId,
    pub(super) logvar: TensorId,
    pub(super) eps: TensorId,
    pub(super) d_z: TensorId,
    pub(super) d_rows: TensorId,
    pub(super) d_mu: TensorId,
    pub(super) d_logvar: TensorId,
}

/// The adjoint of a latent that pointwise work is, if it is one.
pub(super) fn latent_grad(work: &Pointwise) -> Option<LatentGrad> {
    let ([(_, d_mu), (_, d_logvar)], []) = (work.values.as_slice(), work.sums.as_slice()) else {
        return None;
    };
    let pattern = Pattern {
        operands: &LATENT_GRAD,
        values: latent_adjoints().to_vec(),
        sums: vec![],
    };
    let &[Some(mu), Some(logvar), Some(eps), Some(d_z), Some(d_rows)] =
        pattern.tensors(work)?.as_slice()
    else {
        return None;
    };
    Some(LatentGrad {
        mu,
        logvar,
        eps,
        d_z,
        d_rows,
        d_mu: *d_mu,
        d_logvar: *d_logvar,
    })
}

/// How the operands of a latent's adjoint broadcast: μ, log σ², ε, the gradient of z and that of the
/// divergence's rows.
const LATENT_GRAD: [Broadcast; 5] = [
    Broadcast::EACH,
    Broadcast::EACH,
    Broadcast::EACH,
    Broadcast::EACH,
    Broadcast::ROW,
];

/// The gradients of μ and log σ²: what the divergence sends back, and what z does.
fn latent_adjoints() -> [Expr; 2] {
    let [mu, logvar, eps, d_z, d_rows] = [0, 1, 2, 3, 4].map(operand);
    let of = |expr: Expr, operands: usize| graph::Pointwise {
        expr,
        shape: [1, 1],
        operands: LATENT_GRAD[..operands].to_vec(),
    };
    let divergence = of(gaussian::kl(), 2);
    let draw = of(gaussian::reparameterized(), 3);
    [0, 1].map(|index| {
        let through_kl = divergence.adjoint(index);
        let through_z = draw.adjoint(index);
        through_kl.substitute(&[mu.clone(), logvar.clone(), d_rows.clone()])
            + through_z.substitute(&[mu.clone(), logvar.clone(), eps.clone(), d_z.clone()])
    })
}

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
    /// f, where the result is the gradient before f, whose output the prediction is.
    pub(super) before: Option<KernelActivation>,
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
    const OPERANDS: [Broadcast; 3] = [Broadcast::EACH, Broadcast::EACH, Broadcast::ROW];
    let rows = work.sums.first().map(|&(_, id)| id);
    let result = work.values.first().map(|&(_, id)| id);
    let candidates = KNOWN
        .into_iter()
        .flat_map(|score| functions().map(move |f| (score, f)));
    candidates.into_iter().find_map(|(score, before)| {
        let of = graph::Pointwise {
            expr: score.expr(),
            shape: work.shape,
            operands: OPERANDS[..2].to_vec(),
        };
        let slope = match before {
            Some(function) => of.adjoint(0) * function.slope(),
            None => of.adjoint(0),
        };
        let pattern = Pattern {
            operands: &OPERANDS,
            values: result.map(|_| slope).into_iter().collect(),
            sums: rows.map(|_| of.expr.clone()).into_iter().collect(),
        };
        let &[prediction, observed, d_rows] = pattern.tensors(work)?.as_slice() else {
            return None;
        };
        let gradient = |(result, d_rows)| Gradient {
            d_rows,
            result,
            before,
        };
        Some(Loss {
            score,
            prediction: prediction?,
            observed: observed?,
            rows,
            gradient: result.zip(d_rows).map(gradient),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::constant;
    use crate::fuse::fuse;
    use crate::fuse::task::Task;
    use crate::graph::{Activation, Adam, Graph};
    use crate::model::{Likelihood, Vae, VaeConfig};
    use crate::reference::{latent as twin, latent_grad as twin_grad};

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

    fn training(activation: Activation, likelihood: Likelihood) -> Graph {
        let config = VaeConfig {
            input_dim: 6,
            hidden: vec![5, 4],
            latent_dim: 2,
            activation,
            likelihood,
            ..VaeConfig::default()
        };
        Vae::new(config).unwrap().training_graph(8, Adam::default())
    }

    /// With each kind of kernels, what is left beside the losses and the latent.
    #[test]
    fn products_take_what_their_kernels_can() {
        for function in KernelActivation::ALL {
            let graph = training(function.activation(), Likelihood::Bernoulli);
            let left = |epilogue| {
                let tasks = fuse(&graph, takes(epilogue)).into_iter();
                let works = tasks.filter(|task| matches!(task, Task::Pointwise(_)));
                works.count() - 3
            };
            assert_eq!(left(Epilogue::All), 0, "{function:?}");
            // Of four layers the derivatives, and what is not ReLU.
            let expected = if function == KernelActivation::Relu {
                4
            } else {
                8
            };
            assert_eq!(left(Epilogue::Relu), expected, "{function:?}");
        }
    }

    #[test]
    fn a_prediction_of_a_sigmoid_has_its_gradient_before_it() {
        let graph = training(Activation::Tanh, Likelihood::SquaredError);
        let tasks = fuse(&graph, takes(Epilogue::All));
        let losses = tasks.iter().filter_map(|task| match task {
            Task::Pointwise(work) => loss(work),
            _ => None,
        });
        let losses: Vec<_> = losses.collect();
        assert_eq!(losses.len(), 1);
        let before = losses[0].gradient.map(|gradient| gradient.before);
        assert_eq!(before, Some(Some(KernelActivation::Sigmoid)));
        assert!(losses[0].rows.is_some());
    }

    /// The trees of the latent and its adjoint, where the cap holds, too.
    #[test]
    fn the_latents_trees_are_what_their_twins_compute() {
        let (mu, eps, d_z, d_rows) = (0.7, -1.3, 0.4, 0.6);
        for logvar in [-100.0_f64, -2.5, -0.1, 0.0, 0.3, 40.0, 79.0, 81.0, 100.0] {
            let (z, rows) = twin::value(&[mu], &[logvar], &[eps], [1, 1]);
            let (d_mu, d_logvar) =
                twin_grad::gradient([&[mu], &[logvar], &[eps]], &[d_z], &[d_rows], [1, 1]);
            let [to_mu, to_logvar] = latent_adjoints();
            for (expr, twin) in [
                (gaussian::reparameterized(), z),
                (gaussian::kl(), rows),
                (to_mu, d_mu),
                (to_logvar, d_logvar),
            ] {
                let found = expr.evaluate(&[mu, logvar, eps, d_z, d_rows]);
                assert!(
                    (found - twin[0]).abs() <= 1e-14 * twin[0].abs(),
                    "{expr:?} at {logvar}"
                );
            }
        }
    }
}
