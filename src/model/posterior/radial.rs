//! Radial maps f(z) = z + β̂·(z − c)/(α + r) with r = ‖z − c‖: Rezende and Mohamed, *Variational Inference with
//! Normalizing Flows* (2015), section 4.1. The centre c, and α and β of each map are layers on the encoder's
//! last hidden layer.
//!
//! α is a softplus, since it is positive. A map is invertible where β̂ ≥ −α. So β̂ = s − α with s = softplus(β)
//! (appendix A.2).

use super::flow::{self, Mapped, Maps, density, family};
use super::{PosteriorFamily, head};
use crate::executor::ParameterSpec;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::model::Formula;
use crate::model::network::Layer;
use crate::model::vae::Vae;

pub(super) const FAMILY: PosteriorFamily = family::<Radial>(
    "radial",
    "radial maps of a Gaussian's draw: Rezende and Mohamed 2015",
    10,
    formulas,
);

struct Radial;

/// β̂·h(α, r) from r², α and β before their softplus (operands 0 to 2).
fn pull() -> Expr {
    let [r, alpha, s] = parts();
    (s - &alpha) / (alpha + r)
}

/// f(z) from z, c and β̂·h (operands 0 to 2).
fn map() -> Expr {
    operand(0) + operand(2) * (operand(0) - operand(1))
}

/// ln |det ∂f/∂z| from r², α and β before their softplus, and Z − 1 (operands 0 to 3). The determinant is
/// (1 + β̂h)^(Z − 1)·(1 + β̂h + β̂h′r), of which the factors are (r + s)/(α + r) and
/// (r² + 2αr + αs)/(α + r)²: quotients of positive numbers.
fn log_det(others: Expr) -> Expr {
    let [r, alpha, s] = parts();
    let distance = (&alpha + &r).ln();
    let around = (&r + &s).ln() - &distance;
    let outward = (r.square() + alpha * (2.0 * r + s)).ln() - 2.0 * distance;
    others * around + outward
}

/// r, α and s.
fn parts() -> [Expr; 3] {
    [
        operand(0).sqrt(),
        operand(1).softplus(),
        operand(2).softplus(),
    ]
}

fn formulas() -> Vec<Formula> {
    const OPERANDS: [&str; 4] = ["sum((z - c)^2)", "alpha", "beta", "(Z - 1)"];
    vec![
        Formula {
            name: "pull",
            expr: pull(),
            operands: OPERANDS.into(),
            of: "so that each map has an inverse; c, alpha and beta are layers of the encoder",
        },
        Formula {
            name: "f(z)",
            expr: map(),
            operands: vec!["z", "c", "pull"],
            of: "of each dimension",
        },
        Formula {
            name: "ln|det|",
            expr: log_det(operand(3)),
            operands: OPERANDS.into(),
            of: "",
        },
        density(),
    ]
}

/// The layers of c, α and β of a map.
fn layers(vae: &Vae, step: usize) -> [Layer; 3] {
    let latent = vae.config().latent_dim;
    let of = |(name, outputs)| head(vae, format!("encoder.flow.{step}.{name}"), outputs);
    [("center", latent), ("alpha", 1), ("beta", 1)].map(of)
}

impl Maps for Radial {
    fn parameters(vae: &Vae) -> Vec<ParameterSpec> {
        flow::parameters(vae, layers)
    }

    fn encode(vae: &Vae, g: &mut Graph, h: TensorId) -> Vec<Vec<TensorId>> {
        flow::encode(vae, g, h, layers)
    }

    fn apply(
        vae: &Vae,
        g: &mut Graph,
        step: usize,
        said: &[TensorId],
        z: TensorId,
        samples: usize,
    ) -> Mapped {
        let &[center, alpha, beta] = said else {
            unreachable!("a map has c, alpha and beta")
        };
        let name = |of: &str| format!("flow.{step}.{of}");
        let draws = [g.shape(z).rows(), g.shape(z).columns()];
        let draw = [draws[0], 1];
        let center = Operand::from(center).repeated(samples);
        let [alpha, beta] = [alpha, beta].map(|of| Operand::row(of).repeated(samples));

        let square = (operand(0) - operand(1)).square();
        let square = g.row_sum(&name("r2"), draws, square, &[z.into(), center]);
        let operands = [square.into(), alpha, beta];
        let pull = g.pointwise(&name("pull"), draw, pull(), &operands);
        let others = (vae.config().latent_dim - 1) as f64;
        let log_det = log_det(others.into());
        let log_det = g.pointwise(&name("log_det"), draw, log_det, &operands);
        let operands = [z.into(), center, Operand::row(pull)];
        let z = g.pointwise(&name("z"), draws, map(), &operands);
        Mapped { z, log_det }
    }
}
