//! Planar maps f(z) = z + û·tanh(wᵀz + b): Rezende and Mohamed, *Variational Inference with Normalizing Flows*
//! (2015), section 4.1. u, w and b of each map are layers on the encoder's last hidden layer.
//!
//! A map is invertible where wᵀû ≥ −1. So û is u with another part along w, for which wᵀû = m(wᵀu) with
//! m(x) = softplus(x) − 1 (appendix A.1). Where w = 0, as layers without biases say of an image that no hidden
//! unit responds to, the map is a translation, which has an inverse: there û = u.

use super::flow::{self, Mapped, Maps, density, family};
use super::{PosteriorFamily, head};
use crate::executor::ParameterSpec;
use crate::expr::{Expr, less, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Formula;
use crate::model::network::Layer;
use crate::model::vae::Vae;

pub(super) const FAMILY: PosteriorFamily = family::<Planar>(
    "planar",
    "planar maps of a Gaussian's draw: Rezende and Mohamed 2015",
    10,
    formulas,
);

struct Planar;

/// (m(wᵀu) − wᵀu) / ‖w‖² from wᵀu and ‖w‖² (operands 0 and 1). The difference is written without the
/// terms that cancel.
fn along() -> Expr {
    ((-operand(0)).softplus() - 1.0) / operand(1)
}

/// 1 + wᵀû from wᵀu (operand 0).
fn stretch() -> Expr {
    operand(0).softplus()
}

/// A value where ‖w‖² (operand 1) is not 0, and there another.
fn unless_zero(value: Expr, at_zero: f64) -> Expr {
    less(0.0, operand(1), value, at_zero)
}

/// û from u, w and what it has along w (operands 0 to 2).
fn invertible() -> Expr {
    operand(0) + operand(1) * operand(2)
}

/// tanh(wᵀz + b) from wᵀz and b (operands 0 and 1).
fn height() -> Expr {
    (operand(0) + operand(1)).tanh()
}

/// ln |1 + wᵀû·(1 − a²)| from a = tanh(wᵀz + b) and 1 + wᵀû (operands 0 and 1): the logarithm of a sum of
/// positive numbers.
fn log_det() -> Expr {
    let (a, stretch) = (operand(0), operand(1));
    (a.square() + stretch * (1.0 - a.square())).ln()
}

/// f(z) from z, û and a (operands 0 to 2).
fn map() -> Expr {
    operand(0) + operand(1) * operand(2)
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "u_hat",
            expr: invertible().substitute(&[operand(0), operand(1), {
                along().substitute(&[operand(2), operand(3)])
            }]),
            operands: vec!["u", "w", "sum(w * u)", "sum(w^2)"],
            of: "so that each map has an inverse, and u where w is 0; u, w and b are layers of the encoder",
        },
        Formula {
            name: "a",
            expr: height(),
            operands: vec!["sum(w * z)", "b"],
            of: "",
        },
        Formula {
            name: "f(z)",
            expr: map(),
            operands: vec!["z", "u_hat", "a"],
            of: "of each dimension",
        },
        Formula {
            name: "ln|det|",
            expr: log_det().substitute(&[operand(0), stretch().substitute(&[operand(1)])]),
            operands: vec!["a", "sum(w * u)"],
            of: "",
        },
        density(),
    ]
}

/// The layers of u, w and b of a map.
fn layers(vae: &Vae, step: usize) -> [Layer; 3] {
    let latent = vae.config().latent_dim;
    let of = |(name, outputs)| head(vae, format!("encoder.flow.{step}.{name}"), outputs);
    [("u", latent), ("w", latent), ("b", 1)].map(of)
}

impl Maps for Planar {
    fn parameters(vae: &Vae) -> Vec<ParameterSpec> {
        flow::parameters(vae, layers)
    }

    fn encode(vae: &Vae, g: &mut Graph, h: TensorId) -> Vec<Vec<TensorId>> {
        flow::encode(vae, g, h, layers)
    }

    fn apply(
        _: &Vae,
        g: &mut Graph,
        step: usize,
        said: &[TensorId],
        z: TensorId,
        samples: usize,
    ) -> Mapped {
        let &[u, w, b] = said else {
            unreachable!("a map has u, w and b")
        };
        let name = |of: &str| format!("flow.{step}.{of}");
        let [images, draws] = [u, z].map(|of| [g.shape(of).rows(), g.shape(of).columns()]);
        let [image, draw] = [images, draws].map(|[rows, _]| [rows, 1]);
        let product = operand(0) * operand(1);

        let wu = g.row_sum(&name("wu"), images, product.clone(), &[w.into(), u.into()]);
        let ww = g.row_sum(&name("ww"), images, operand(0).square(), &[w.into()]);
        let operands = [wu.into(), ww.into()];
        let along = unless_zero(along(), 0.0);
        let along = g.pointwise(&name("along"), image, along, &operands);
        let stretch = unless_zero(stretch(), 1.0);
        let stretch = g.pointwise(&name("stretch"), image, stretch, &operands);
        let operands = [u.into(), w.into(), Operand::row(along)];
        let u_hat = g.pointwise(&name("u_hat"), images, invertible(), &operands);

        let [w, u_hat] = [w, u_hat].map(|of| Operand::from(of).repeated(samples));
        let [b, stretch] = [b, stretch].map(|of| Operand::row(of).repeated(samples));
        let wz = g.row_sum(&name("wz"), draws, product, &[w, z.into()]);
        let a = g.pointwise(&name("a"), draw, height(), &[wz.into(), b]);
        let log_det = g.pointwise(&name("log_det"), draw, log_det(), &[a.into(), stretch]);
        let operands = [z.into(), u_hat, Operand::row(a)];
        let z = g.pointwise(&name("z"), draws, map(), &operands);
        Mapped { z, log_det }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Posterior, VaeConfig};
    use crate::reference::{Context, Values, evaluate};

    #[test]
    fn a_map_without_w_is_a_translation_with_finite_gradients() {
        let vae = Vae::new(VaeConfig {
            posterior: Posterior::Planar,
            ..VaeConfig::default()
        })
        .unwrap();
        let mut g = Graph::new();
        let [u, w, z] = ["u", "w", "z"].map(|name| g.parameter(name, [2, 2]));
        let b = g.parameter("b", [2, 1]);
        let mapped = Planar::apply(&vae, &mut g, 0, &[u, w, b], z, 1);
        let rows = g.row_sum("rows", [2, 2], operand(0), &[mapped.z.into()]);
        g.add_term("rows", rows, 1.0);
        g.add_term("log_det", mapped.log_det, 1.0);
        g.differentiate();
        let mut values = Values::<f64>::new(&g);
        values.set(u, vec![0.5, -2.0, 0.3, 0.4]);
        values.set(w, vec![0.0, 0.0, 1.0, -1.0]);
        values.set(z, vec![1.0, 2.0, 3.0, 4.0]);
        values.set(b, vec![0.7, 0.1]);
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        let a = 0.7f64.tanh();
        assert_eq!(values.get(mapped.z)[..2], [1.0 + 0.5 * a, 2.0 - 2.0 * a]);
        let log_det = values.get(mapped.log_det);
        assert!(log_det[0].abs() < 1e-15 && log_det[1].abs() > 0.01);
        assert_eq!(g.gradients().len(), 4);
        for &(_, gradient) in g.gradients() {
            let finite = values.get(gradient).iter().all(|value| value.is_finite());
            assert!(finite, "{}", g.tensor(gradient).name);
        }
    }
}
