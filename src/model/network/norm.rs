//! Normalisation of a layer's outputs before its non-linearity.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::Formula;
use super::Mode;
use crate::executor::{Initial, ParameterSpec};
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId};
use crate::named;

/// What a layer's outputs are normalised by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Nothing.
    #[default]
    None,
    /// Each unit by its mean and variance over the rows of the batch, and in an evaluation by their running
    /// means: Ioffe and Szegedy, *Batch Normalization* (2015).
    Batch,
    /// Each row by the mean and variance of its units: Ba, Kiros and Hinton, *Layer Normalization* (2016).
    Layer,
}

/// Added to a variance: PyTorch's.
const EPS: f64 = 1e-5;

/// How far a running statistic goes towards that of each batch: PyTorch's.
const MOMENTUM: f64 = 0.1;

/// Where a layer's parameters are, and its state.
fn parameter(layer: &str, name: &str) -> String {
    format!("{layer}.norm.{name}")
}

/// (x − mean) · scale + bias, of x, mean, scale and bias (operands 0 to 3).
fn scaled() -> Expr {
    let [x, mean, scale, bias] = [0, 1, 2, 3].map(operand);
    (x - mean) * scale + bias
}

/// weight / √(variance + ε), of both (operands 0 and 1).
fn scale() -> Expr {
    let [weight, variance] = [0, 1].map(operand);
    weight / (variance + EPS).sqrt()
}

/// (x − mean) · weight / √(variance + ε) + bias, of x, mean, variance, weight and bias (operands 0 to 4).
fn normalized() -> Expr {
    let [x, mean, variance, weight, bias] = [0, 1, 2, 3, 4].map(operand);
    let scale = scale().substitute(&[weight, variance]);
    scaled().substitute(&[x, mean, scale, bias])
}

impl Norm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Batch, Self::Layer];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["none", "batch", "layer"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::None => "units are not normalised",
            Self::Batch => {
                "each unit over the rows of the batch, in an evaluation by running means that go a tenth of \
                 the way at each step: Ioffe and Szegedy 2015"
            }
            Self::Layer => "each row over its units: Ba, Kiros and Hinton 2016",
        }
    }

    /// What it computes.
    pub fn formulas(self) -> Vec<Formula> {
        let of = match self {
            Self::None => return vec![],
            Self::Batch => {
                "with mean and var of a unit over all rows, the variance as a mean of squares"
            }
            Self::Layer => {
                "with mean and var of a row over all units, the variance as a mean of squares"
            }
        };
        let operands = vec!["x", "mean", "var", "weight", "bias"];
        let name = "norm(x)";
        vec![Formula {
            name,
            expr: normalized(),
            operands,
            of,
        }]
    }

    /// Whether it takes off what a bias before it adds, so that layers have none: Ioffe and Szegedy (2015),
    /// section 3.2. A gradient of such a bias would be rounding alone, which Adam would make whole steps of.
    pub(super) fn takes_biases(self) -> bool {
        self == Self::Batch
    }

    /// Weight and bias of a layer's units, and of batch normalisation the running statistics, which are no
    /// parameters.
    pub(super) fn parameters(self, layer: &str, units: usize) -> Vec<ParameterSpec> {
        let initial: &[(&str, f32)] = match self {
            Self::None => &[],
            Self::Layer => &[("weight", 1.0), ("bias", 0.0)],
            Self::Batch => &[
                ("weight", 1.0),
                ("bias", 0.0),
                ("running_mean", 0.0),
                ("running_var", 1.0),
            ],
        };
        let spec = |&(name, value): &(&str, f32)| ParameterSpec {
            name: parameter(layer, name),
            shape: [units].into(),
            initial: Initial::Constant(value),
        };
        initial.iter().map(spec).collect()
    }

    /// `x [B, units]`, normalised.
    pub(super) fn apply(self, mode: Mode, g: &mut Graph, layer: &str, x: TensorId) -> TensorId {
        match self {
            Self::None => x,
            Self::Batch => batch(mode, g, layer, x),
            Self::Layer => over_units(g, layer, x),
        }
    }
}

impl FromStr for Norm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no normalisation")
    }
}

/// Ioffe and Szegedy (2015), algorithms 1 and 2.
fn batch(mode: Mode, g: &mut Graph, layer: &str, x: TensorId) -> TensorId {
    let [rows, units] = [g.shape(x).rows(), g.shape(x).columns()];
    let [weight, bias] =
        ["weight", "bias"].map(|name| g.parameter(&parameter(layer, name), [units]));
    let running =
        ["running_mean", "running_var"].map(|name| g.state(&parameter(layer, name), [units]));
    let [mean, variance] = match mode {
        Mode::Evaluation => running,
        Mode::Training => {
            let found = statistics(g, layer, x);
            g.follow(running[0], found[0], MOMENTUM);
            // The running variance is of the unbiased one. A batch of one row has none; trainings have no such
            // batch.
            let unbiased = rows as f64 / rows.saturating_sub(1).max(1) as f64;
            let name = parameter(layer, "unbiased");
            let unbiased = operand(0) * unbiased;
            let unbiased = g.pointwise(&name, [1, units], unbiased, &[found[1].into()]);
            g.follow(running[1], unbiased, MOMENTUM);
            found
        }
    };
    let operands = [weight, variance].map(Operand::from);
    let scale = g.pointwise(&parameter(layer, "scale"), [1, units], scale(), &operands);
    let [mean, scale, bias] = [mean, scale, bias].map(Operand::column);
    let operands = [x.into(), mean, scale, bias];
    g.pointwise(&format!("{layer}.norm"), [rows, units], scaled(), &operands)
}

/// Mean and biased variance of each column of `x [B, units]`, both `[units]`.
fn statistics(g: &mut Graph, layer: &str, x: TensorId) -> [TensorId; 2] {
    let [rows, units] = [g.shape(x).rows(), g.shape(x).columns()];
    let mean = |g: &mut Graph, name: &str, values| {
        let sum = g.column_sum(&parameter(layer, &format!("{name}.sum")), values);
        let share = operand(0) * (1.0 / rows as f64);
        g.pointwise(&parameter(layer, name), [1, units], share, &[sum.into()])
    };
    let center = mean(g, "mean", x);
    let squares = (operand(0) - operand(1)).square();
    let operands = [x.into(), Operand::column(center)];
    let name = parameter(layer, "squares");
    let squares = g.pointwise(&name, [rows, units], squares, &operands);
    let variance = mean(g, "var", squares);
    [center, variance]
}

/// Ba, Kiros and Hinton (2016), equation 3, with weight and bias as in their equation 4.
fn over_units(g: &mut Graph, layer: &str, x: TensorId) -> TensorId {
    let shape @ [_, units] = [g.shape(x).rows(), g.shape(x).columns()];
    let [weight, bias] = ["weight", "bias"]
        .map(|name| Operand::column(g.parameter(&parameter(layer, name), [units])));
    let share = 1.0 / units as f64;
    let own = operand(0) * share;
    let mean = g.row_sum(&parameter(layer, "mean"), shape, own, &[x.into()]);
    let mean = Operand::row(mean);
    let squares = (operand(0) - operand(1)).square() * share;
    let operands = [x.into(), mean];
    let variance = g.row_sum(&parameter(layer, "var"), shape, squares, &operands);
    let operands = [x.into(), mean, Operand::row(variance), weight, bias];
    g.pointwise(&format!("{layer}.norm"), shape, normalized(), &operands)
}

#[cfg(test)]
mod tests {
    use super::Norm;

    #[test]
    fn every_normalisation_is_read_by_its_name() {
        for norm in Norm::ALL {
            assert_eq!(norm.name().parse(), Ok(norm));
        }
        let refused = "group".parse::<Norm>().unwrap_err();
        assert!(refused.contains("none, batch, layer"), "{refused}");
    }
}
