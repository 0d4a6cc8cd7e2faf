//! Settings by name: those of a paper or a text, each with its source.

use std::str::FromStr;

use super::{Binarize, LrSchedule, Settings};
use crate::graph::Activation;
use crate::model::{
    Bound, Condition, FittedPrior, InitialWeights, Likelihood, Norm, OutputBias, Posterior, Prior,
    Scale,
};

/// Settings with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The PyTorch walk-through.
    Blog,
    /// A university text's MNIST chapter.
    Textbook,
    /// Kingma and Welling (2013).
    Aevb,
    /// The same, figure 4.
    Aevb2d,
    /// Higgins et al. (2017).
    Beta4,
    /// Sohn, Lee and Yan (2015).
    Cvae,
    /// Kingma et al. (2014): M2 with a hundred labels.
    M2100,
    /// The same with a thousand.
    M21000,
    /// Kingma et al. (2016).
    Iaf,
    /// Burda, Grosse and Salakhutdinov (2016): the VAE of one stochastic layer.
    Burda1,
    /// The same with five importance samples.
    Iwae5,
    /// The same with fifty.
    Iwae50,
    /// The same source: the VAE of two stochastic layers.
    Burda2,
    /// Sønderby et al. (2016): five stochastic layers.
    Ladder5,
    /// Tomczak and Welling (2018): the VAE of one stochastic layer with the VampPrior.
    Vamp,
    /// Synthetic rows of a table.
    Table,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 16] = [
        Self::Blog,
        Self::Textbook,
        Self::Aevb,
        Self::Aevb2d,
        Self::Beta4,
        Self::Cvae,
        Self::M2100,
        Self::M21000,
        Self::Iaf,
        Self::Burda1,
        Self::Iwae5,
        Self::Iwae50,
        Self::Burda2,
        Self::Ladder5,
        Self::Vamp,
        Self::Table,
    ];

    /// Its name, which [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blog => "blog",
            Self::Textbook => "textbook",
            Self::Aevb => "aevb",
            Self::Aevb2d => "aevb-2d",
            Self::Beta4 => "beta-4",
            Self::Cvae => "cvae",
            Self::M2100 => "m2-100",
            Self::M21000 => "m2-1000",
            Self::Iaf => "iaf",
            Self::Burda1 => "burda-1",
            Self::Iwae5 => "iwae-5",
            Self::Iwae50 => "iwae-50",
            Self::Burda2 => "burda-2",
            Self::Ladder5 => "ladder-5",
            Self::Vamp => "vamp",
            Self::Table => "table",
        }
    }

    /// Where it comes from and what it sets, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Blog => {
                "the PyTorch walk-through of a small VAE: hidden 32, latent 16, batch 128, \
                 10 epochs, Adam 1e-3, Bernoulli"
            }
            Self::Textbook => {
                "a university text's MNIST chapter: hidden 200, latent 20, batch 32, 15 epochs, \
                 Adam 1e-3, squared error of sigmoid outputs + KL"
            }
            Self::Aevb => {
                "Kingma and Welling 2013: hidden 500 tanh, latent 20, batch 100, Bernoulli"
            }
            Self::Aevb2d => "Kingma and Welling 2013, figure 4: aevb with latent 2",
            Self::Beta4 => "Higgins et al. 2017: a divergence of four times its weight",
            Self::Cvae => "Sohn, Lee and Yan 2015: labels into encoder and decoder",
            Self::M2100 => "the same source as m2-1000, with 100 labels",
            Self::M21000 => {
                "Kingma et al. 2014, model M2: labels of 1,000 images, hidden 500 softplus, latent 50"
            }
            Self::Iaf => {
                "Kingma et al. 2016: an inverse autoregressive flow of two maps, with networks of 320 units \
                 and a context of 100, between 400 hidden units and latent 20"
            }
            Self::Burda1 => {
                "Burda, Grosse and Salakhutdinov 2016, the VAE of one stochastic layer: hidden 200,200 tanh, \
                 latent 50, pixels drawn anew, batch 20, Adam with epsilon 1e-4 at 1e-3 * 10^(-i/7) for 3^i \
                 passes with i from 0 to 7"
            }
            Self::Iwae5 => "the same source: burda-1 with the objective iwae of 5 samples",
            Self::Iwae50 => "the same source: burda-1 with the objective iwae of 50 samples",
            Self::Burda2 => {
                "the same source, two stochastic layers: burda-1 with stochastic layers 100,50 and hidden \
                 100,100 between them"
            }
            Self::Ladder5 => {
                "Sønderby, Raiko, Maaløe, Sønderby and Winther 2016, the ladder of five layers: stochastic \
                 layers 64,32,16,8,4 with two hidden layers of 512, 256, 128, 64 and 32 below each, pixels drawn anew, a \
                 warm-up of 200 passes over 60000 images, leaky rectifiers (here with a slope of 0.01), batch \
                 normalisation, batch 256, 2000 epochs, Adam 1e-3"
            }
            Self::Vamp => {
                "Tomczak and Welling 2018, the VAE of one stochastic layer with the VampPrior: hidden 300,300, \
                 latent 40, 500 pseudo-inputs, pixels drawn anew, batch 100, Adam 5e-4, the divergence's weight \
                 rising over 100 passes over 50,000 images; here with relu in the place of gated layers, and 300 \
                 passes in the place of early stopping"
            }
            Self::Table => {
                "for synthetic rows of a table, of no source: hidden 128,128, latent 10, a divergence of a tenth of its \
                 weight, Gaussian numbers with a scale for each column, 200 epochs, Adam 3e-3 falling in a cosine, and \
                 in the end a mixture fitted to z (docs/table-models.md says why)"
            }
        }
    }

    /// The density of z that is fitted at the end of a training, where it has one.
    pub fn fitted_prior(self) -> Option<FittedPrior> {
        (self == Self::Table).then_some(FittedPrior::Mixture)
    }

    /// Its settings; what the source does not say is the default.
    pub fn settings(self) -> Settings {
        let defaults = Settings::default();
        match self {
            Self::Blog => Settings {
                hidden: vec![32],
                latent: 16,
                ..defaults
            },
            Self::Textbook => Settings {
                hidden: vec![200],
                likelihood: Likelihood::SquaredError,
                batch_size: 32,
                epochs: 15,
                ..defaults
            },
            Self::Aevb => Settings {
                hidden: vec![500],
                activation: Activation::Tanh,
                batch_size: 100,
                ..defaults
            },
            Self::Beta4 => Settings {
                beta: 4.0,
                ..defaults
            },
            Self::Cvae => Settings {
                condition: Condition::Both,
                ..defaults
            },
            Self::M2100 => m2(100),
            Self::M21000 => m2(1000),
            Self::Iaf => Settings {
                posterior: Posterior::Iaf,
                ..defaults
            },
            Self::Aevb2d => Settings {
                latent: 2,
                ..Self::Aevb.settings()
            },
            Self::Burda1 => burda(defaults),
            Self::Iwae5 => burda(iwae(5)),
            Self::Iwae50 => burda(iwae(50)),
            Self::Burda2 => Settings {
                latent: 100,
                stochastic_layers: vec![100, 50],
                between: Some(vec![vec![100, 100]].into()),
                ..burda(defaults)
            },
            Self::Ladder5 => {
                let (batch_size, passes) = (256, 200);
                let between = [256, 128, 64, 32].map(|units| vec![units; 2]);
                Settings {
                    hidden: vec![512; 2],
                    activation: Activation::LeakyRelu,
                    norm: Norm::Batch,
                    latent: 64,
                    stochastic_layers: vec![64, 32, 16, 8, 4],
                    between: Some(between.to_vec().into()),
                    ladder: true,
                    binarize: Binarize::Dynamic,
                    kl_warmup: passes * 60_000u32.div_ceil(batch_size),
                    batch_size: batch_size as usize,
                    epochs: 2000,
                    ..defaults
                }
            }
            Self::Table => Settings {
                hidden: vec![128, 128],
                latent: 10,
                beta: 0.1,
                likelihood: Likelihood::Gaussian,
                scale: Scale::PerDimension,
                epochs: 200,
                lr: 3e-3,
                lr_schedule: LrSchedule::Cosine,
                ..defaults
            },
            Self::Vamp => Settings {
                hidden: vec![300, 300],
                latent: 40,
                prior: Prior::Vamp,
                components: Some(500),
                binarize: Binarize::Dynamic,
                kl_warmup: 100 * 500,
                batch_size: 100,
                epochs: 300,
                lr: 5e-4,
                ..defaults
            },
        }
    }
}

/// The model M2 of Kingma et al. (2014), their section 4.2, with the labels of so many images.
fn m2(labelled: usize) -> Settings {
    Settings {
        hidden: vec![500],
        latent: 50,
        activation: Activation::Softplus,
        condition: Condition::Both,
        labelled: Some(labelled),
        ..Settings::default()
    }
}

/// The importance-weighted bound of so many samples.
fn iwae(samples: usize) -> Settings {
    Settings {
        objective: Bound::Iwae,
        samples,
        ..Settings::default()
    }
}

/// The model of one stochastic layer of Burda, Grosse and Salakhutdinov, and how they train all of theirs: their
/// section 5 and appendix D, and of their code the first weights and the output's bias.
fn burda(objective: Settings) -> Settings {
    let stages = (0..8).map(|i| (3u32.pow(i), 1e-3 * 10f64.powf(-f64::from(i) / 7.0)));
    let stages: Vec<_> = stages.collect();
    Settings {
        hidden: vec![200, 200],
        latent: 50,
        activation: Activation::Tanh,
        binarize: Binarize::Dynamic,
        initial_weights: InitialWeights::Glorot,
        output_bias: OutputBias::Data,
        batch_size: 20,
        epochs: stages.iter().map(|(passes, _)| passes).sum(),
        lr_schedule: LrSchedule::Table(stages),
        eps: 1e-4,
        ..objective
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| format!("there is no preset '{name}'; choose one of {names}"))
    }
}
