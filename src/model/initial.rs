//! Values of the parameters before the first step.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::VaeError;
use super::likelihood::Scale;
use super::vae::Vae;
use crate::executor::{Initial, ParameterSpec, Snapshot};
use crate::named;
use crate::rng::{self, Stream};

/// What the weights of linear layers, and their biases, are drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialWeights {
    /// As PyTorch's `Linear`: U(−1/√fan_in, 1/√fan_in) for both.
    #[default]
    Pytorch,
    /// U(−√(6 / (fan_in + fan_out)), √(6 / (fan_in + fan_out))) for weights and zero for biases: Glorot and
    /// Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).
    Glorot,
}

/// What the bias of the decoder's output layer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputBias {
    /// As that of any other layer.
    #[default]
    Layer,
    /// Zero.
    Zero,
    /// Where the likelihood's mean is that of the training images, pixel by pixel: for a Bernoulli the logit
    /// of the pixel's mean, as the code of Burda, Grosse and Salakhutdinov (2016) has it.
    Data,
}

impl InitialWeights {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Pytorch, Self::Glorot];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 2] = ["pytorch", "glorot"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Pytorch => "weights and biases from U(-1/√fan_in, 1/√fan_in): PyTorch's Linear",
            Self::Glorot => {
                "weights from U(-b, b) with b = √(6/(fan_in + fan_out)), biases zero: Glorot and \
                 Bengio 2010"
            }
        }
    }

    /// Of the weight and the bias of a layer `[fan_out, fan_in]`.
    pub(super) fn of_layer(self, [fan_out, fan_in]: [usize; 2]) -> [Initial; 2] {
        match self {
            Self::Pytorch => [Initial::Uniform { fan_in }; 2],
            Self::Glorot => [Initial::Glorot { fan_in, fan_out }, Initial::Constant(0.0)],
        }
    }
}

impl FromStr for InitialWeights {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no way to draw weights")
    }
}

impl OutputBias {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Layer, Self::Zero, Self::Data];

    /// Their names, as settings give them.
    pub const NAMES: [&'static str; 3] = ["layer", "zero", "data"];

    /// Its name, as settings give it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Layer => "as the bias of any other layer",
            Self::Zero => "zero",
            Self::Data => {
                "where the mean of the likelihood is each pixel's mean over the training images, for a \
                 Bernoulli its logit: the code of Burda, Grosse and Salakhutdinov 2016"
            }
        }
    }
}

impl FromStr for OutputBias {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no bias of an output layer")
    }
}

impl Initial {
    /// So many values, drawn under the seed for the parameter of this number.
    fn values(self, seed: u64, parameter: u32, len: usize) -> Vec<f32> {
        let bound = match self {
            Self::Uniform { fan_in } => 1.0 / (fan_in as f64).sqrt(),
            Self::Glorot { fan_in, fan_out } => (6.0 / (fan_in + fan_out) as f64).sqrt(),
            Self::Normal => {
                let normal =
                    |element| rng::normal(seed, Stream::Initialisation, parameter, element);
                return (0..len).map(|element| normal(element) as f32).collect();
            }
            Self::UnitInterval => {
                let uniform =
                    |element| rng::uniform(seed, Stream::Initialisation, parameter, element);
                return (0..len).map(|element| uniform(element) as f32).collect();
            }
            Self::Constant(value) => return vec![value; len],
        };
        rng::initial_uniform(seed, parameter, len, bound)
    }
}

impl Snapshot {
    /// The state before the first step: each parameter's initial values, moments zero. A drawn value is a
    /// function of the seed and the parameter's place in the list. [`Vae::initial`] gives the state of
    /// a model, whose output bias may follow from the data.
    pub fn initial(specs: &[ParameterSpec], seed: u64) -> Self {
        let parameters = (0..).zip(specs);
        let parameters =
            parameters.map(|(number, spec)| spec.initial.values(seed, number, spec.shape.len()));
        // Not one cloned: zeros take no memory before they are written.
        let zeros = || {
            let specs = specs.iter();
            specs.map(|spec| vec![0.0; spec.shape.len()]).collect()
        };
        Self {
            parameters: parameters.collect(),
            m: zeros(),
            v: zeros(),
        }
    }
}

impl Vae {
    /// The state before the first step, drawn under the seed. `means` gives the mean of each pixel over the
    /// training images, in the units in which the model sees them; it is asked where the output's bias
    /// follows from them. Pixels that are drawn as 0 or 1 have the grey values' means.
    ///
    /// # Errors
    /// [`VaeError::NoOutputBias`] where no output of the decoder has the mean of a pixel.
    ///
    /// # Panics
    /// Where there is not a mean for each pixel.
    pub fn initial(
        &self,
        seed: u64,
        means: impl FnOnce() -> Vec<f64>,
    ) -> Result<Snapshot, VaeError> {
        let specs = self.parameters();
        let mut state = Snapshot::initial(&specs, seed);
        if self.config().output_bias == OutputBias::Data {
            let mut named = specs.iter().zip(&mut state.parameters);
            if let Some((_, bias)) = named.find(|(spec, _)| spec.name == Self::OUTPUT_BIAS) {
                *bias = self.outputs_of_means(&means())?;
            }
        }
        Ok(state)
    }

    /// The decoder's outputs of each pixel at which the likelihood has its mean.
    fn outputs_of_means(&self, means: &[f64]) -> Result<Vec<f32>, VaeError> {
        let config = self.config();
        assert_eq!(means.len(), config.input_dim, "a mean for each pixel");
        let scaled = config.scale != Scale::Unit;
        let density = config.likelihood.density();
        let found = density.outputs_of_means(scaled, config.levels, means);
        let likelihood = config.likelihood;
        let found = found.map_err(|pixel| VaeError::NoOutputBias { likelihood, pixel })?;
        Ok(found.into_iter().map(|output| output as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Likelihood, VaeConfig};

    #[test]
    fn every_choice_is_read_by_its_name() {
        for weights in InitialWeights::ALL {
            assert_eq!(weights.name().parse(), Ok(weights));
        }
        for bias in OutputBias::ALL {
            assert_eq!(bias.name().parse(), Ok(bias));
        }
        assert!("he".parse::<InitialWeights>().is_err());
        assert!("mean".parse::<OutputBias>().is_err());
    }

    /// That of `torch.nn.init.xavier_uniform_` for 17 inputs and 400 outputs, and of `torch.nn.Linear`:
    /// √(6/417) and 1/√17. The largest distance of n values' distribution function from a uniform one
    /// exceeds √(ln(2/α) / 2n) with the probability α (Massart 1990), here one in a million; the seed
    /// is fixed.
    #[test]
    fn drawn_values_are_uniform_within_their_bounds() {
        let len = 17 * 400;
        for (initial, bound) in [
            (
                Initial::Glorot {
                    fan_in: 17,
                    fan_out: 400,
                },
                0.119_952_028_784_4,
            ),
            (Initial::Uniform { fan_in: 17 }, 0.242_535_625_036_3),
        ] {
            let mut values = initial.values(5, 3, len);
            values.sort_unstable_by(f32::total_cmp);
            let n = len as f64;
            let most = ((2e6f64).ln() / (2.0 * n)).sqrt();
            for (index, &value) in values.iter().enumerate() {
                let uniform = 0.5 + 0.5 * f64::from(value) / bound;
                // Beyond a bound only by the rounding to f32.
                assert!(
                    (-1e-7..1.0 + 1e-7).contains(&uniform),
                    "{initial:?}: {value}"
                );
                for share in [index, index + 1] {
                    let off = (uniform - share as f64 / n).abs();
                    assert!(off < most, "{initial:?}: {off} at {value}");
                }
            }
            let variance = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
            // Of U(−b, b): b²/3, and 4b⁴/45 is the variance of its square; five deviations.
            let off = (variance - bound * bound / 3.0) / (bound * bound * (4.0 / 45.0 / n).sqrt());
            assert!(off.abs() < 5.0, "{initial:?}: {off} deviations");
        }
    }

    /// Mean, variance and range of each, with five deviations of the mean of so many and of that of the squares; the
    /// seed is fixed. Neither is the other's or another parameter's.
    #[test]
    fn normals_and_the_unit_interval_have_their_moments() {
        let len = 20_000;
        let n = len as f64;
        for (initial, mean, variance, of_squares, [low, high]) in [
            (Initial::Normal, 0.0, 1.0, 2.0, [-6.0, 6.0]),
            (
                Initial::UnitInterval,
                0.5,
                1.0 / 12.0,
                1.0 / 180.0,
                [0.0, 1.0],
            ),
        ] {
            let values = initial.values(5, 3, len);
            assert!(values != initial.values(5, 4, len) && values != initial.values(6, 3, len));
            assert!(values.iter().all(|value| (low..high).contains(value)));
            let centred = values.iter().map(|&v| f64::from(v) - mean);
            let off = centred.clone().sum::<f64>() / n;
            assert!(
                off.abs() < 5.0 * f64::sqrt(variance / n),
                "{initial:?}: {off}"
            );
            let off = centred.map(|v| v * v).sum::<f64>() / n - variance;
            assert!(
                off.abs() < 5.0 * f64::sqrt(of_squares / n),
                "{initial:?}: {off}"
            );
        }
    }

    fn vae(initial_weights: InitialWeights, output_bias: OutputBias) -> Vae {
        Vae::new(VaeConfig {
            input_dim: 3,
            hidden: vec![5],
            latent_dim: 2,
            initial_weights,
            output_bias,
            ..VaeConfig::default()
        })
        .unwrap()
    }

    /// The initial values by name.
    fn initial(vae: &Vae) -> Vec<(String, Vec<f32>)> {
        let means = || vec![0.25, 0.5, 0.0];
        let state = vae.initial(1, means).unwrap();
        let names = vae.parameters().into_iter().map(|spec| spec.name);
        names.zip(state.parameters).collect()
    }

    #[test]
    fn each_choice_changes_what_it_names_and_nothing_else() {
        let plain = initial(&vae(InitialWeights::Pytorch, OutputBias::Layer));
        let zeros = |values: &[f32]| values.iter().all(|&value| value == 0.0);
        assert!(plain.iter().all(|(_, values)| !zeros(values)));
        for bias in [OutputBias::Zero, OutputBias::Data] {
            let other = initial(&vae(InitialWeights::Pytorch, bias));
            for ((name, before), (_, after)) in plain.iter().zip(&other) {
                assert_eq!(before == after, name != Vae::OUTPUT_BIAS, "{name}");
            }
        }
        let glorot = initial(&vae(InitialWeights::Glorot, OutputBias::Layer));
        for (name, values) in &glorot {
            assert_eq!(zeros(values), name.ends_with("bias"), "{name}");
        }
    }

    #[test]
    fn the_bias_of_the_data_is_the_logit_of_its_means() {
        let found = initial(&vae(InitialWeights::Glorot, OutputBias::Data));
        let (_, bias) = found
            .iter()
            .find(|(name, _)| name == Vae::OUTPUT_BIAS)
            .unwrap();
        let expected = [0.25f64 / 0.75, 1.0, 0.001 / 0.999].map(|odds| odds.ln() as f32);
        assert_eq!(*bias, expected);
    }

    #[test]
    fn a_mean_without_an_output_names_likelihood_and_pixel() {
        let error = VaeError::NoOutputBias {
            likelihood: Likelihood::Laplace,
            pixel: 7,
        };
        let text = error.to_string();
        assert!(
            text.contains("laplace") && text.contains("pixel 7"),
            "{text}"
        );
    }
}
