//! A mixture of Gaussians with full covariances and trained weights, which Ghosh et al. (2020) fit.
//!
//! A component is said by what makes a standard normal u = A·z + b of its z, with A lower triangular and a positive
//! diagonal: the inverse of the Cholesky factor of its covariance. So ln N(z) = ln N(u; 0, 1) + Σ ln A_jj, of which
//! the products of all components are one, and nothing cancels.

use super::{Fitted, FittedFamily, Moments, Named};
use crate::executor::{Executor, ExecutorError, Initial, ParameterSpec};
use crate::expr::{Expr, HALF_LN_TAU, operand};
use crate::graph::{Graph, Operand, Reduction, TensorId};
use crate::model::Formula;
use crate::rng::{self, Draw, Stream};

pub(super) const FAMILY: FittedFamily = FittedFamily {
    name: "mixture",
    source: "a mixture of Gaussians with full covariances: Ghosh et al. 2020",
    formulas,
    lr: 1e-2,
    parameters,
    begin,
    nll,
    draw,
};

/// What of A lies below the diagonal, `[N · Z, Z]`; the rest of it is not read.
const LOWER: &str = "prior.lower";
/// The logarithms of the diagonals, `[N · Z]`.
const LOG_DIAGONAL: &str = "prior.log_diagonal";
/// b, `[N · Z]`.
const SHIFT: &str = "prior.shift";
/// Of the components' weights, the logarithms but for their sum, `[N]`.
const LOGIT: &str = "prior.logit";

/// A from what is below the diagonal, which places are, which are on it, and its logarithm (operands 0 to 3).
fn factor() -> Expr {
    operand(0) * operand(1) + operand(2) * operand(3).exp()
}

/// ln N(u; 0, 1) of one dimension (operand 0).
fn of_normal() -> Expr {
    -0.5 * operand(0).square() - HALF_LN_TAU
}

fn formulas() -> Vec<Formula> {
    vec![
        Formula {
            name: "ln N(z)",
            expr: of_normal() + operand(1),
            operands: vec!["(A z + b)", "ln(A_jj)"],
            of: "of each dimension and component; A is lower triangular",
        },
        Formula {
            name: "-ln p(z)",
            expr: operand(0) - operand(1),
            operands: vec!["logsumexp(logit)", "logsumexp(ln N(z) + logit)"],
            of: "over the components",
        },
    ]
}

fn parameters(of: &Fitted) -> Vec<ParameterSpec> {
    let rows = of.components * of.latent;
    let zero = Initial::Constant(0.0);
    let spec = |name: &str, shape| ParameterSpec {
        name: name.to_owned(),
        shape,
        initial: zero,
    };
    vec![
        spec(LOWER, [rows, of.latent].into()),
        spec(LOG_DIAGONAL, [rows].into()),
        spec(SHIFT, [rows].into()),
        spec(LOGIT, [of.components].into()),
    ]
}

/// Each component begins at one of the draws, with the deviation of all.
fn begin(of: &Fitted, named: &mut Named<'_>, moments: &Moments, z: &[f32], seed: u64) {
    let order = rng::permutation(seed, 0, z.len() / of.latent);
    let deviations = moments.deviation.iter().cycle();
    for (value, deviation) in named.of(LOG_DIAGONAL).iter_mut().zip(deviations) {
        *value = -deviation.ln() as f32;
    }
    let shifts = named.of(SHIFT).chunks_mut(of.latent);
    for (shift, &row) in shifts.zip(order.iter().cycle()) {
        let row = &z[row as usize * of.latent..][..of.latent];
        for ((value, &z), deviation) in shift.iter_mut().zip(row).zip(&moments.deviation) {
            *value = (-f64::from(z) / deviation) as f32;
        }
    }
}

fn nll(of: &Fitted, g: &mut Graph, z: TensorId) -> TensorId {
    let (count, latent, rows) = (of.components, of.latent, g.shape(z).rows());
    let [all, each] = [[count * latent, latent], [count, latent]];
    let lower = g.parameter(LOWER, all);
    let [log_diagonal, shift] =
        [LOG_DIAGONAL, SHIFT].map(|name| g.parameter(name, [count * latent]));
    let logit = g.parameter(LOGIT, [count]);
    let [below, on] = [("below", 1), ("on", 0)].map(|(name, least)| {
        let places = (0..latent).flat_map(|row| (0..latent).map(move |column| (row, column)));
        let within = |(row, column): (usize, usize)| match least {
            0 => row == column,
            _ => row > column,
        };
        let places = places.map(|place| f32::from(u8::from(within(place))));
        g.values(
            &format!("{name} the diagonal"),
            [latent, latent],
            places.collect::<Vec<f32>>(),
        )
    });
    let [below, on] = [below, on].map(|of| Operand::from(of).in_turn(latent));
    let operands = [lower.into(), below, on, Operand::row(log_diagonal)];
    let factor = g.pointwise("prior.factor", all, factor(), &operands);

    let u = g.linear("prior.normal", z, factor, shift);
    let u = g.reshape("prior.normals", u, [rows * count, latent]);
    let log_normal = g.row_sum(
        "prior.log_normal",
        [rows * count, latent],
        of_normal(),
        &[u.into()],
    );
    let diagonal = g.reshape("prior.diagonals", log_diagonal, each);
    let volume = g.row_sum("prior.volume", each, operand(0), &[diagonal.into()]);
    let operands = [
        log_normal.into(),
        Operand::row(volume).in_turn(count),
        Operand::row(logit).in_turn(count),
    ];
    let sum = operand(0) + operand(1) + operand(2);
    let weighted = g.pointwise("prior.weighted", [rows * count, 1], sum, &operands);
    let total = g.reduce("prior.total", Reduction::LogSumExp, weighted, count);
    let weights = g.reduce("prior.weights", Reduction::LogSumExp, logit, count);
    let operands = [total.into(), Operand::scalar(weights)];
    g.pointwise("prior.nll", [rows, 1], operand(1) - operand(0), &operands)
}

/// z from A·z = u − b, dimension by dimension.
fn draw(
    of: &Fitted,
    executor: &mut dyn Executor,
    count: usize,
    seed: u64,
) -> Result<Vec<f32>, ExecutorError> {
    let mut state = executor.snapshot()?;
    let mut named = Named {
        specs: &of.parameters(),
        values: &mut state.parameters,
    };
    let [lower, log_diagonal, shift, logit] =
        [LOWER, LOG_DIAGONAL, SHIFT, LOGIT].map(|name| named.of(name).to_vec());
    let most = logit.iter().copied().fold(f32::MIN, f32::max);
    let weights = logit.iter().map(|&logit| f64::from(logit - most).exp());
    let weights: Vec<_> = weights.collect();
    let all: f64 = weights.iter().sum();
    let latent = of.latent;
    let which = Draw {
        stream: Stream::Sampling,
        number: 1,
    };
    let mut draws = Vec::with_capacity(count * latent);
    for row in 0..count {
        let mut left = all * rng::uniform(seed, which, 0, row);
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let first = chosen.unwrap_or(weights.len() - 1) * latent;
        let mut z: Vec<f64> = Vec::with_capacity(latent);
        for j in 0..latent {
            let u = rng::normal(seed, Stream::Sampling, 0, row * latent + j);
            let row = &lower[(first + j) * latent..][..j];
            let known = row.iter().zip(&z).map(|(&a, z)| f64::from(a) * z);
            let rest = u - f64::from(shift[first + j]) - known.sum::<f64>();
            z.push(rest * (-f64::from(log_diagonal[first + j])).exp());
        }
        draws.extend(z.into_iter().map(|z| z as f32));
    }
    Ok(draws)
}
