//! A latent that is drawn from a diagonal Gaussian: the formulas of one dimension (Kingma and Welling
//! 2013).
//!
//! log σ² is capped where exp would overflow. The cap passes the gradient on, so that a value beyond it
//! can come back.

use crate::expr::{Expr, operand};

/// z = μ + exp(½ log σ²)·ε from μ, log σ² and ε (operands 0 to 2): section 2.4.
pub fn reparameterized() -> Expr {
    let [mu, logvar, eps] = [0, 1, 2].map(operand);
    mu + (0.5 * logvar.capped()).exp() * eps
}

/// KL(N(μ, σ²) ‖ N(0, 1)) = ½(μ² + (σ² − 1 − log σ²)) from μ and log σ² (operands 0 and 1): appendix B,
/// in nats.
pub fn kl() -> Expr {
    let (mu, logvar) = (operand(0), operand(1));
    0.5 * (mu.square() + logvar.capped().expm1_minus())
}
