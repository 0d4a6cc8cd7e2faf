//! The models that are measured.

use std::fmt;
use std::str::FromStr;

use crate::graph::{Graph, Op};
use crate::train::{Preset, Settings};

/// A model with its batch: 28×28 pixels, Bernoulli likelihood, Adam at 1e-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// 784-32-16, batch 128: the preset `blog`. So little arithmetic that launches decide.
    Small,
    /// 784-400-20, batch 128: the usual size of a first VAE.
    Medium,
    /// 784-1024-1024-64, batch 512: matrix products decide.
    Large,
}

impl Workload {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// `s`, `m` or `l`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "s",
            Self::Medium => "m",
            Self::Large => "l",
        }
    }

    /// Its layers and its batch.
    pub fn settings(self) -> Settings {
        let (hidden, latent, batch_size) = match self {
            Self::Small => return Preset::Blog.settings(),
            Self::Medium => (vec![400], 20, 128),
            Self::Large => (vec![1024, 1024], 64, 512),
        };
        Settings {
            hidden,
            latent,
            batch_size,
            ..Settings::default()
        }
    }

    /// Settings over this workload's, for people: `784-32-16, batch 128`, and in what else they differ.
    pub fn description(self, settings: &Settings) -> String {
        let hidden: String = settings.hidden.iter().map(|h| format!("{h}-")).collect();
        let (latent, batch) = (settings.latent, settings.batch_size);
        let layers = ["hidden", "latent", "batch-size"];
        let others = self.settings().differences(settings).into_iter();
        let others = others.filter(|d| !layers.contains(&d.setting.as_str()));
        let others: String = others
            .map(|d| format!(", {} {}", d.setting, d.other))
            .collect();
        format!("784-{hidden}{latent}, batch {batch}{others}")
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of a workload's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no workload '{0}'; choose of s, m and l")]
pub struct ParseWorkloadError(String);

impl FromStr for Workload {
    type Err = ParseWorkloadError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ParseWorkloadError(name.to_owned()))
    }
}

/// Floating-point operations of a graph's matrix products: 2·m·n·k each. Everything else of a step
/// is a few operations an element and is not counted.
pub fn linear_flops(graph: &Graph) -> u64 {
    let flops = graph.nodes().iter().map(|node| {
        let (transposed, groups) = match node.op {
            Op::Product { transposed } => (transposed, 1),
            Op::BatchedProduct { groups, transposed } => (transposed, groups),
            _ => return 0,
        };
        let [a, c] = [node.inputs[0], node.output].map(|id| graph.shape(id));
        let [a, c] = [a, c].map(|shape| [shape.rows() / groups, shape.columns()]);
        2 * groups as u64
            * transposed
                .shape(c, a)
                .iter()
                .map(|&len| len as u64)
                .product::<u64>()
    });
    flops.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Adam;

    #[test]
    fn the_products_of_a_step_are_counted() {
        let settings = Settings {
            hidden: vec![5],
            latent: 3,
            ..Settings::default()
        };
        let vae = settings.vae(7).unwrap();
        let batch = 11;
        // Forward and weight gradient of each layer; the gradient of its input except of the first
        // one's.
        let layers = [7 * 5, 5 * 3, 5 * 3, 3 * 5, 5 * 7];
        let products = 3 * layers.iter().sum::<u64>() - 7 * 5;
        let graph = vae.training_graph(batch, Adam::default());
        assert_eq!(linear_flops(&graph), 2 * 11 * products);
    }

    #[test]
    fn names_are_read_as_they_are_printed() {
        for workload in Workload::ALL {
            assert_eq!(workload.to_string().parse::<Workload>().unwrap(), workload);
        }
        assert!("xl".parse::<Workload>().is_err());
        let large = Workload::Large;
        let described = large.description(&large.settings());
        assert_eq!(described, "784-1024-1024-64, batch 512");
        let heavier = Settings {
            beta: 4.0,
            ..large.settings()
        };
        let described = large.description(&heavier);
        assert_eq!(described, "784-1024-1024-64, batch 512, beta 4.0");
    }
}
