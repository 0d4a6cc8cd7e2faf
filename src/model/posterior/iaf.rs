//! Inverse autoregressive flow: Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, *Improving
//! Variational Inference with Inverse Autoregressive Flow* (2016), algorithm 1 with the gates of equation 14.
//!
//! In each map a dimension of z is mixed with a mean, both weighed by a gate, and mean and gate are functions
//! of the dimensions before it and of a context that the encoder says. So ∂f/∂z is triangular, and its
//! diagonal is the gates. One network computes them all: a MADE (Germain, Gregor, Murray and Larochelle
//! 2015), whose weights are masked. Every other map takes the dimensions in the reverse order. Where a
//! flow would reverse z between the maps, here the masks do so, which is the same up to the order of the
//! parameters.

use super::flow::{Mapped, Maps, density, family};
use super::{PosteriorFamily, head};
use crate::executor::ParameterSpec;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Formula;
use crate::model::network::{Layer, Masked, Order};
use crate::model::vae::Vae;

pub(super) const FAMILY: PosteriorFamily = family::<Iaf>(
    "iaf",
    "inverse autoregressive flow from a Gaussian's draw: Kingma et al. 2016",
    2,
    formulas,
);

struct Iaf;

/// The gate from the network's output for it (operand 0). At first a map leaves most of z as it is: the
/// paper begins with a bias of 1 to 2, as in an LSTM's gate that forgets.
fn gate() -> Expr {
    operand(0) + 1.5
}

/// f(z) = σ·z + (1 − σ)·m from z, the mean m and the gate's output (operands 0 to 2), where σ is the sigmoid
/// of the gate.
fn map() -> Expr {
    let (z, mean) = (operand(0), operand(1));
    let kept = gate().substitute(&[operand(2)]).sigmoid();
    &mean + kept * (z - &mean)
}

/// ln σ of one dimension from the gate's output (operand 0).
fn log_gate() -> Expr {
    -(-gate()).softplus()
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "f(z)",
            expr: map(),
            operands: vec!["z", "mean", "gate"],
            of: "of each dimension; mean and gate are of the dimensions before it and of the encoder",
        },
        Formula {
            name: "ln|det|",
            expr: log_gate(),
            operands: vec!["gate"],
            of: "summed over the latent's dimensions",
        },
        density(),
    ]
}

/// The network of a map.
struct Made {
    /// From z and, unmasked, from the context.
    hidden: Masked,
    context: Layer,
    mean: Masked,
    gate: Masked,
}

impl Made {
    fn new(vae: &Vae, step: usize) -> Self {
        let flow = vae.config().flow;
        let order = Order::of_map(step, vae.config().latent_dim);
        let name = |of: &str| format!("encoder.flow.{step}.{of}");
        Self {
            hidden: order.hidden(name("hidden"), flow.hidden),
            context: Layer::new(name("context"), [flow.hidden, flow.context]),
            mean: order.output(name("mean"), flow.hidden),
            gate: order.output(name("gate"), flow.hidden),
        }
    }

    fn layers(self) -> [Layer; 4] {
        [
            self.hidden.layer,
            self.context,
            self.mean.layer,
            self.gate.layer,
        ]
    }
}

/// The layer of the context, which all maps share.
fn context(vae: &Vae) -> Layer {
    head(vae, "encoder.context", vae.config().flow.context)
}

impl Maps for Iaf {
    fn parameters(vae: &Vae) -> Vec<ParameterSpec> {
        let weights = vae.config().initial_weights;
        let maps = (0..vae.config().flow.steps).flat_map(|step| Made::new(vae, step).layers());
        let layers = [context(vae)].into_iter().chain(maps);
        layers.flat_map(|layer| layer.parameters(weights)).collect()
    }

    /// The context as each map's hidden layer reads it.
    fn encode(vae: &Vae, g: &mut Graph, h: TensorId) -> Vec<Vec<TensorId>> {
        let context = context(vae).apply(g, h);
        let mut of_map = |step| vec![Made::new(vae, step).context.apply(g, context)];
        (0..vae.config().flow.steps).map(&mut of_map).collect()
    }

    fn apply(
        vae: &Vae,
        g: &mut Graph,
        step: usize,
        said: &[TensorId],
        z: TensorId,
        samples: usize,
    ) -> Mapped {
        let &[context] = said else {
            unreachable!("a map has a context")
        };
        let name = |of: &str| format!("flow.{step}.{of}");
        let made = Made::new(vae, step);
        let shape = [g.shape(z).rows(), g.shape(z).columns()];

        let hidden = made.hidden.apply(g, z);
        let units = [shape[0], vae.config().flow.hidden];
        let operands = [hidden.into(), Operand::from(context).repeated(samples)];
        let sum = g.pointwise(&name("sum"), units, operand(0) + operand(1), &operands);
        let hidden = g.activation(&name("hidden"), vae.config().activation, sum);
        let (mean, gate) = (made.mean.apply(g, hidden), made.gate.apply(g, hidden));

        let log_det = g.row_sum(&name("log_det"), shape, log_gate(), &[gate.into()]);
        let operands = [z.into(), mean.into(), gate.into()];
        let z = g.pointwise(&name("z"), shape, map(), &operands);
        Mapped { z, log_det }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::posterior::Flow;
    use crate::model::{Posterior, VaeConfig};
    use crate::reference::{Context, Values, evaluate};

    const LATENT: usize = 5;

    fn vae() -> Vae {
        Vae::new(VaeConfig {
            latent_dim: LATENT,
            posterior: Posterior::Iaf,
            flow: Flow {
                steps: 2,
                hidden: 11,
                context: 3,
            },
            ..VaeConfig::default()
        })
        .unwrap()
    }

    /// A map's mean and gate `[Z]` each, with weights that are functions of their places.
    fn network(vae: &Vae, step: usize, z: &[f64]) -> [Vec<f64>; 2] {
        let mut g = Graph::new();
        let made = Made::new(vae, step);
        let input = g.input("z", [1, LATENT]);
        let hidden = made.hidden.apply(&mut g, input);
        let outputs = [&made.mean, &made.gate].map(|layer| layer.apply(&mut g, hidden));
        outputs.iter().for_each(|&of| g.output(of));
        let mut values = Values::new(&g);
        values.set(input, z.to_vec());
        for layer in made.layers() {
            for spec in layer.parameters(vae.config().initial_weights) {
                if let Some(id) = g.find(&spec.name) {
                    let weights = (0..spec.shape.len()).map(|i| 1.5 + (0.7 * i as f64).sin());
                    values.set(id, weights.collect());
                }
            }
        }
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        outputs.map(|of| values.get(of).to_vec())
    }

    /// All weights are positive and nothing rectifies, so that no path through the network is lost.
    #[test]
    fn mean_and_gate_are_of_all_dimensions_before_and_of_no_other() {
        let vae = vae();
        let z = [0.3, -1.0, 0.5, 2.0, -0.4];
        for (step, turned) in [(0, false), (1, true)] {
            let before = network(&vae, step, &z);
            for input in 0..LATENT {
                let mut moved = z;
                moved[input] += 0.25;
                let after = network(&vae, step, &moved);
                for (before, after) in before.iter().zip(&after) {
                    for output in 0..LATENT {
                        let expected = if turned {
                            input > output
                        } else {
                            input < output
                        };
                        let changed = before[output] != after[output];
                        assert_eq!(changed, expected, "map {step}: {output} by {input}");
                    }
                }
            }
        }
    }
}
