//! A mixture of Gaussians with trained means and variances, all of the same weight.
//!
//! ln N(z; m, v) is −½ Σ (z²·p − 2z·mp + m²p + ln v) − ½ Z ln 2π with the precisions p = 1/v: a linear function
//! of z and z². So the densities of B draws under N components are two products, `[B, Z]·[Z, N]` each, and
//! exponentials are taken of N·Z and of B·N numbers, where (z − m)²/v of each would be B·N·Z of them, which
//! the adjoints would write and read again three times.
//!
//! What that costs are digits: Σ z²p and its like are larger than the density where components are narrow
//! and far from 0, and the sum is rounded at their size. In 20 dimensions that is 4e-6 of the density for
//! components of the deviation 0.3 at 3 from 0, 2e-5 for 0.1, and 9e-5 or 0.002 nats for 0.05 at 4: less than
//! any objective's noise. A test below has the bound.

use super::PriorFamily;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::graph::gaussian::reparameterized;
use crate::graph::{Graph, Operand, Reduction, TensorId, Transposed};
use crate::model::Formula;
use crate::model::vae::Vae;
use crate::rng::Stream;

pub(super) const FAMILY: PriorFamily = PriorFamily {
    name: "mixture",
    source: "a mixture of Gaussians with trained means and variances and equal weights, as Tomczak and Welling \
             2018 compare with",
    formulas,
    components: Some(100),
    parameters: |vae| {
        let config = vae.config();
        let spec = |name: &str, initial| ParameterSpec {
            name: name.to_owned(),
            shape: [config.components, config.latent_dim].into(),
            initial,
        };
        vec![
            spec(MEAN, Initial::Normal),
            spec(LOGVAR, Initial::Constant(0.0)),
        ]
    },
    nll: |vae, g, z, _| components(vae, g).nll(g, z),
    draw: |vae, g, rows, _| components(vae, g).draw(vae, g, rows),
};

const MEAN: &str = "prior.mean";
const LOGVAR: &str = "prior.logvar";

/// Gaussians of the same weight.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Components {
    /// m, `[N, Z]`.
    pub(in super::super) mean: TensorId,
    /// log v, `[N, Z]`.
    pub(in super::super) logvar: TensorId,
}

fn components(vae: &Vae, g: &mut Graph) -> Components {
    let shape = [vae.config().components, vae.config().latent_dim];
    let [mean, logvar] = [MEAN, LOGVAR].map(|name| g.parameter(name, shape));
    Components { mean, logvar }
}

/// −½/v from log v (operand 0): the factor of z².
fn of_square() -> Expr {
    -0.5 * (-operand(0).capped()).exp()
}

/// m/v from −½/v and m (operands 0 and 1): the factor of z.
fn of_z() -> Expr {
    -2.0 * operand(0) * operand(1)
}

/// What of ln N(z; m, v) does not depend on z, of one dimension, from −½/v, m and log v (operands 0 to 2).
fn constant() -> Expr {
    operand(0) * operand(1).square() - 0.5 * operand(2).capped() - HALF_LN_TAU
}

/// ln N(z; m, v) of one dimension from z, m and log v (operands 0 to 2), as the linear function that is computed.
fn density() -> Expr {
    let [z, m, logvar] = [0, 1, 2].map(operand);
    let square = of_square().substitute(std::slice::from_ref(&logvar));
    let linear = of_z().substitute(&[square.clone(), m.clone()]);
    let constant = constant().substitute(&[square.clone(), m, logvar]);
    square * z.square() + linear * z + constant
}

/// −ln p(z) from ln Σ N(z; m, v) (operand 0).
fn nll(log_components: Expr) -> Expr {
    log_components - operand(0)
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "ln N(z)",
            expr: density(),
            operands: vec!["z", "m", "logvar"],
            of: "of each dimension and component; m and logvar are trained",
        },
        mixed(),
    ]
}

/// The formula of a mixture of such densities.
pub(super) fn mixed() -> Formula {
    Formula {
        name: "-ln p(z)",
        expr: nll(operand(1)),
        operands: vec!["logsumexp(ln N(z))", "ln(N)"],
        of: "over N components",
    }
}

impl Components {
    /// −ln p(z) of each row of `z [rows, Z]`, in nats: `[rows]`.
    pub(in super::super) fn nll(&self, g: &mut Graph, z: TensorId) -> TensorId {
        let [of_components, rows] = [self.mean, z].map(|of| shape(g, of));
        let [count, _] = of_components;
        let square = of_square();
        let square = g.pointwise("prior.square", of_components, square, &[self.logvar.into()]);
        let operands = [square.into(), self.mean.into(), self.logvar.into()];
        let linear = g.pointwise("prior.linear", of_components, of_z(), &operands);
        let constant = g.row_sum("prior.constant", of_components, constant(), &operands);

        let squares = g.pointwise("z.square", rows, operand(0).square(), &[z.into()]);
        let right = Transposed::Right;
        let of_squares = g.product("prior.of_squares", squares, square, right);
        let of_z = g.linear("prior.of_z", z, linear, constant);
        let each = g.add("prior.each", of_z, of_squares);
        let each = g.reshape("prior.components", each, [rows[0] * count]);
        let total = g.reduce("prior.total", Reduction::LogSumExp, each, count);
        let nll = nll((count as f64).ln().into());
        g.pointwise("prior.nll", [rows[0], 1], nll, &[total.into()])
    }

    /// A draw `[rows, Z]`. Of a uniform number for each component, the largest says which it is.
    pub(super) fn draw(&self, vae: &Vae, g: &mut Graph, rows: usize) -> TensorId {
        let [count, columns] = shape(g, self.mean);
        let numbers = g.uniform("component.uniform", Stream::Sampling, [rows * count]);
        let which = g.reduce("component", Reduction::ArgMax, numbers, count);
        let [mean, logvar] = [
            ("component.mean", self.mean),
            ("component.logvar", self.logvar),
        ]
        .map(|(name, table)| g.lookup(name, table, which));
        let eps = vae.prior_noise(g, "component.eps", [rows, columns]);
        let operands: [Operand; 3] = [mean.into(), logvar.into(), eps.into()];
        g.pointwise("z", [rows, columns], reparameterized(), &operands)
    }
}

/// Rows and columns.
fn shape(g: &Graph, of: TensorId) -> [usize; 2] {
    let shape = g.shape(of);
    [shape.rows(), shape.columns()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VaeConfig;
    use crate::reference::real::Real;
    use crate::reference::{Context, Values, evaluate};

    const ROWS: usize = 7;
    const COUNT: usize = 5;
    const LATENT: usize = 20;

    /// Numbers from −1 to 1 without an order.
    fn number(index: usize, salt: f64) -> f64 {
        (12.9898 * index as f64 + salt).sin()
    }

    /// −ln p(z) of rows near components with this distance from 0 and this deviation, and its gradients by z,
    /// means and log variances: as the graph computes them, and by the plain form.
    fn both<T: Real>(far: f64, deviation: f64) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mean: Vec<_> = (0..COUNT * LATENT).map(|i| far * number(i, 0.3)).collect();
        let logvar: Vec<_> = (0..COUNT * LATENT)
            .map(|i| 2.0 * deviation.ln() + 0.5 * number(i, 0.9))
            .collect();
        let z: Vec<_> = (0..ROWS * LATENT)
            .map(|i| {
                let near = i / LATENT % COUNT * LATENT + i % LATENT;
                mean[near] + 1.5 * deviation * number(i, 0.1)
            })
            .collect();
        let given = [z, mean, logvar].map(|of| {
            let rounded = of.iter().map(|&value| f64::from(value as f32));
            rounded.collect::<Vec<_>>()
        });

        let mut g = Graph::new();
        let z = g.parameter("z", [ROWS, LATENT]);
        let [mean, logvar] = [MEAN, LOGVAR].map(|name| g.parameter(name, [COUNT, LATENT]));
        let rows = Components { mean, logvar }.nll(&mut g, z);
        g.add_term("nll", rows, ROWS as f32);
        g.differentiate();
        let mut values = Values::<T>::new(&g);
        for (id, of) in [z, mean, logvar].into_iter().zip(&given) {
            values.set(id, of.iter().map(|&value| T::narrow(value)).collect());
        }
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        let gradients = g.gradients().iter().map(|&(_, gradient)| gradient);
        let all = [rows].into_iter().chain(gradients);
        let all = all.map(|id| values.get(id).iter().map(|v| v.wide()).collect());
        let all = all.collect();

        let [z, mean, logvar] = &given;
        let plain = z.chunks(LATENT).map(|z| {
            let components = mean.chunks(LATENT).zip(logvar.chunks(LATENT));
            let log = components.map(|(mean, logvar)| {
                let each = (0..LATENT).map(|j| {
                    let square = (z[j] - mean[j]).powi(2) / logvar[j].exp();
                    -0.5 * (square + logvar[j]) - HALF_LN_TAU
                });
                each.sum::<f64>()
            });
            let log: Vec<_> = log.collect();
            let most = log.iter().copied().fold(f64::MIN, f64::max);
            let sum = log.iter().map(|of| (of - most).exp()).sum::<f64>();
            (COUNT as f64).ln() - most - sum.ln()
        });
        (all, plain.collect())
    }

    #[test]
    fn products_say_what_the_plain_form_says() {
        for (far, deviation) in [(1.0, 1.0), (3.0, 0.3), (4.0, 0.05)] {
            let (found, plain) = both::<f64>(far, deviation);
            for (found, plain) in found[0].iter().zip(plain) {
                assert!((found - plain).abs() < 1e-9, "{found}, {plain}");
            }
        }
    }

    /// A draw of each component's share, and that of each component near its mean: five of the deviations by which
    /// a count of so many draws is off, which is exceeded once in two million seeds.
    #[test]
    fn each_component_is_drawn_as_often() {
        const DRAWS: usize = 4000;
        let mut g = Graph::new();
        let [mean, logvar] = [MEAN, LOGVAR].map(|name| g.parameter(name, [COUNT, 1]));
        let vae = Vae::new(VaeConfig {
            input_dim: 2,
            hidden: vec![2],
            latent_dim: 1,
            ..VaeConfig::default()
        })
        .unwrap();
        let z = Components { mean, logvar }.draw(&vae, &mut g, DRAWS);
        let mut values = Values::<f64>::new(&g);
        values.set(mean, (0..COUNT).map(|n| 10.0 * n as f64).collect());
        values.set(logvar, vec![-4.0; COUNT]);
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        let mut counts = [0usize; COUNT];
        for &z in values.get(z) {
            let which = (z / 10.0).round();
            // Nine deviations of e^-2.
            assert!((z - 10.0 * which).abs() < 9.0 * (-2f64).exp(), "{z}");
            counts[which as usize] += 1;
        }
        let share = 1.0 / COUNT as f64;
        let deviation = (DRAWS as f64 * share * (1.0 - share)).sqrt();
        for count in counts {
            let off = (count as f64 - DRAWS as f64 * share) / deviation;
            assert!(off.abs() < 5.0, "{counts:?}");
        }
    }

    /// Of f32's 2⁻²⁴, each part of the sum is off by four at most: p, what is multiplied with it twice, and the sum.
    /// What that is of the whole is printed.
    #[test]
    fn digits_are_lost_as_far_as_the_parts_of_the_sum_exceed_it() {
        for (far, deviation) in [(1.0, 1.0), (3.0, 0.3), (3.0, 0.1), (4.0, 0.05), (4.0, 0.02)] {
            let [exact, single] = [both::<f64>(far, deviation), both::<f32>(far, deviation)];
            // z²p/2 + |z|·|m|p + m²p/2, with |z| ≤ |m| + 1.5σ and p ≤ e^0.5/σ².
            let largest = (far + 1.5 * deviation) / deviation;
            let parts = LATENT as f64 * 2.0 * 0.5f64.exp() * largest.powi(2);
            let rows = exact.0[0].iter().zip(&single.0[0]);
            let worst = rows.fold((0f64, 0f64), |worst, (exact, single)| {
                let off = (exact - single).abs();
                (worst.0.max(off), worst.1.max(off / exact.abs()))
            });
            println!(
                "{far}, {deviation}: {:.1e} nats, {:.1e} of all",
                worst.0, worst.1
            );
            assert!(worst.0 <= 4.0 * parts * 2f64.powi(-24), "{worst:?}");
        }
    }
}
