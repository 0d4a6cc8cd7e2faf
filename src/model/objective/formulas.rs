//! The formulas of an objective, for people.

use super::super::error::VaeError;
use super::super::vae::{Vae, VaeConfig};
use super::super::{Formula, Likelihood};
use super::{
    BetaTc, Bound, Capacity, Ciwae, Elbo, Info, Objective, Stl, beta_tc, capacity, dreg, elbo,
    info, iwae, miwae, piwae, stl,
};
use crate::setting::Setting;

impl Objective {
    /// What is minimised and what is only reported, by the terms of a graph: `recon + kl`, and the names
    /// of the others.
    ///
    /// # Errors
    /// Where no model has this objective.
    pub fn terms(&self) -> Result<(String, Vec<String>), VaeError> {
        let vae = Vae::new(VaeConfig {
            input_dim: 1,
            hidden: vec![1],
            latent_dim: 1,
            likelihood: Likelihood::Bernoulli,
            objective: *self,
            ..VaeConfig::default()
        })?;
        let graph = vae.evaluation_graph(1);
        let (reported, minimised): (Vec<_>, Vec<_>) =
            graph.terms().iter().partition(|term| term.weight == 0.0);
        let weighted = minimised.into_iter().map(|term| match term.weight {
            1.0 => term.name.clone(),
            weight => format!("{weight} * {}", term.name),
        });
        let sum = weighted.collect::<Vec<_>>().join(" + ");
        let names = reported.into_iter().map(|term| term.name.clone());
        Ok((sum, names.collect()))
    }
}

impl Bound {
    /// What it is and where it comes from, in a line.
    pub fn source(self) -> &'static str {
        match self {
            Self::Elbo => "evidence lower bound: Kingma and Welling 2013",
            Self::Iwae => {
                "importance-weighted bound: Burda, Grosse and Salakhutdinov 2016, Importance \
                 Weighted Autoencoders"
            }
            Self::Dreg => {
                "the same bound with a doubly reparameterised gradient: Tucker, Lawson, Gu and \
                 Maddison 2018"
            }
            Self::Stl => {
                "the ELBO with a gradient that sticks the landing, without the score of q: Roeder, Wu and \
                 Duvenaud 2017"
            }
            Self::IwaeStl => "the importance-weighted bound with such a gradient: the same paper",
            Self::Miwae => {
                "the mean of M importance-weighted bounds: Rainforth et al. 2018, Tighter Variational Bounds \
                 are Not Necessarily Better"
            }
            Self::Piwae => {
                "the encoder descends miwae, the decoder iwae of all M * K samples: the same paper"
            }
            Self::Ciwae => "between the ELBO and the importance-weighted bound: the same paper",
            Self::Capacity => {
                "the divergence is held at a capacity, which may rise: Burgess et al. 2018, Understanding \
                 disentangling in beta-VAE"
            }
            Self::BetaTc => {
                "the ELBO with a weight of the latent's total correlation: Chen, Li, Grosse and Duvenaud \
                 2018, Isolating Sources of Disentanglement in Variational Autoencoders"
            }
            Self::Info => {
                "InfoVAE with the maximum mean discrepancy of all draws from the prior: Zhao, Song and Ermon \
                 2019"
            }
        }
    }

    /// The objective with one sample and the numbers that it has by itself.
    pub fn plain(self) -> Objective {
        let (groups, samples) = (1, 1);
        match self {
            Self::Elbo => Objective::Elbo(Elbo::default()),
            Self::Iwae => Objective::Iwae { samples },
            Self::Dreg => Objective::Dreg { samples },
            Self::Stl => Objective::Stl(Stl::default()),
            Self::IwaeStl => Objective::IwaeStl { samples },
            Self::Miwae => Objective::Miwae { groups, samples },
            Self::Piwae => Objective::Piwae { groups, samples },
            Self::Ciwae => Objective::Ciwae(Ciwae::default()),
            Self::Capacity => Objective::Capacity(Capacity::default()),
            Self::BetaTc => Objective::BetaTc(BetaTc::default()),
            Self::Info => Objective::Info(Info::default()),
        }
    }

    /// Its formulas, beside that of the likelihood.
    pub fn formulas(self) -> Vec<Formula> {
        match self {
            Self::Elbo => elbo::formulas(),
            Self::Iwae => iwae::formulas(),
            Self::Dreg => dreg::formulas(),
            Self::Stl => stl::formulas(),
            Self::IwaeStl => stl::iwae_formulas(),
            Self::Miwae => miwae::formulas(),
            Self::Piwae => piwae::formulas(),
            Self::Ciwae => miwae::ciwae_formulas(),
            Self::Capacity => capacity::formulas(),
            Self::BetaTc => beta_tc::formulas(),
            Self::Info => info::formulas(),
        }
    }

    /// The settings that it reads, each with its source. Another objective's are refused.
    pub fn settings(self) -> &'static [(Setting, &'static str)] {
        match self {
            Self::Elbo => &elbo::SETTINGS,
            Self::Iwae | Self::Dreg | Self::IwaeStl => &iwae::SETTINGS,
            Self::Stl => &stl::SETTINGS,
            Self::Miwae | Self::Piwae => &miwae::SETTINGS,
            Self::Ciwae => &miwae::CIWAE_SETTINGS,
            Self::Capacity => &capacity::SETTINGS,
            Self::BetaTc => &beta_tc::SETTINGS,
            Self::Info => &info::SETTINGS,
        }
    }

    /// Whether it reads a setting.
    pub fn reads(self, setting: Setting) -> bool {
        self.settings().iter().any(|&(read, _)| read == setting)
    }
}
