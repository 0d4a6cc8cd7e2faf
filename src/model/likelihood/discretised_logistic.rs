//! Logistic distributions that are cut into the 256 levels of a byte: Kingma et al., *Improving Variational
//! Inference with Inverse Autoregressive Flow* (2016), and Salimans et al., *PixelCNN++* (2017).

use super::{Density, Location, LogScale, Support};
use crate::expr::{Expr, less};

/// Half of the distance between two levels.
const HALF: f64 = 0.5 / 255.0;

/// With a = (x + h − m)/s, b = (x − h − m)/s and h = ½/255,
///
/// p(x) = σ(a) − σ(b) = σ(a)·σ(−b)·(1 − e^(b − a)),
///
/// a product whose last factor depends on the scale alone; the scale is log s. The level 0 has all that is
/// below, p = σ(a), and the level 1 all that is above, p = σ(−b).
pub(super) const DENSITY: Density = Density {
    name: "discretised-logistic",
    source: "logistic distribution in 256 levels: Kingma et al. 2016; Salimans et al. 2017",
    nll: |m, log_s, x| {
        let rate = (-log_s).exp();
        let above = (-((&x + HALF - &m) * &rate)).softplus();
        let below = ((&x - HALF - m) * &rate).softplus();
        let width = (-((-2.0 * HALF) * rate).expm1()).ln();
        less(
            &x,
            HALF,
            &above,
            less(1.0 - HALF, &x, &below, &above + &below - width),
        )
    },
    support: Support::Levels,
    location: Location::SigmoidIfScaled,
    mean,
    scale: Some(LogScale {
        parameter: "log_scale",
        bound: 7.0,
        optimum: None,
    }),
    head: None,
};

/// E\[x\] = Σ P(x ≥ k/255)/255 = Σ σ((m − u)/s)/255 over the middles u of 255 intervals, of which the
/// integral from 0 to 1 is s·(softplus(m/s) − softplus((m − 1)/s)): they are at most half a level apart.
fn mean(m: Expr, log_s: Expr) -> Expr {
    let rate = (-&log_s).exp();
    log_s.exp() * ((&m * &rate).softplus() - ((m - 1.0) * rate).softplus())
}
