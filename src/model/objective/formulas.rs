//! The formulas of an objective, for people.

use super::super::error::VaeError;
use super::super::vae::{Vae, VaeConfig};
use super::super::{Formula, Likelihood};
use super::{Bound, Elbo, Objective, elbo, iwae};
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
        }
    }

    /// The objective with one sample and nothing done to its divergence.
    pub fn plain(self) -> Objective {
        match self {
            Self::Elbo => Objective::Elbo(Elbo::default()),
            Self::Iwae => Objective::Iwae { samples: 1 },
            Self::Dreg => Objective::Dreg { samples: 1 },
        }
    }

    /// Its formulas, beside that of the likelihood.
    pub fn formulas(self) -> Vec<Formula> {
        match self {
            Self::Elbo => elbo::formulas(),
            Self::Iwae => iwae::formulas(false),
            Self::Dreg => iwae::formulas(true),
        }
    }

    /// The settings that it reads, each with its source.
    pub fn settings(self) -> &'static [(Setting, &'static str)] {
        match self {
            Self::Elbo => &elbo::SETTINGS,
            Self::Iwae | Self::Dreg => &iwae::SETTINGS,
        }
    }
}
