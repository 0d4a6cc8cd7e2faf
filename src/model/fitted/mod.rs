//! Densities of z that are fitted when a model is trained, to draw from in the place of its prior: Ghosh, Sajjadi,
//! Vergari, Black and Schölkopf, *From Variational to Deterministic Autoencoders* (2020), section 4, call it
//! ex-post density estimation.
//!
//! What a decoder has learned to decode are draws from q(z | x) of the images. Their distribution, the aggregate
//! posterior, is as far from p(z) as the training left it, and draws from p(z) fall into its gaps. Here
//! −ln p(z) of such draws is minimised over another density's parameters; the model stays as it is.
//!
//! To add one: its file, a variant of [`FittedPrior`], its place in [`FittedPrior::ALL`] and its arm in
//! [`FittedPrior::family`].

mod flow;
mod mixture;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Formula;
use crate::executor::{Executor, ExecutorError, ParameterSpec, Snapshot};
use crate::graph::{Graph, Optimizer, TensorId};
use crate::named;

/// The family that the density is chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedPrior {
    /// A mixture of Gaussians with full covariances.
    Mixture,
    /// A masked autoregressive flow (Papamakarios, Pavlakou and Murray 2017).
    Flow,
}

/// A family as its file gives it.
#[derive(Clone, Copy, Debug)]
pub struct FittedFamily {
    /// Its name.
    pub name: &'static str,
    /// What it is and where it comes from, in a line.
    pub source: &'static str,
    /// Its formulas, for people.
    pub formulas: fn() -> Vec<Formula>,
    /// Adam's rate at the first step, from which it goes down to 0 along half a cosine.
    pub lr: f64,
    /// Its parameters, `prior.…`.
    parameters: fn(&Fitted) -> Vec<ParameterSpec>,
    /// Sets those of the first parameters that follow from the draws of z that it is fitted to.
    begin: fn(&Fitted, &mut Named<'_>, &Moments, z: &[f32], seed: u64),
    /// −ln p(z) of each row of `z [rows, Z]`, in nats: `[rows]`.
    nll: fn(&Fitted, &mut Graph, z: TensorId) -> TensorId,
    /// So many draws `[count, Z]` under a seed.
    draw: DrawOf,
}

/// Draws `[count, Z]` of a density whose parameters the executor has, under a seed.
type DrawOf =
    fn(&Fitted, &mut dyn Executor, count: usize, seed: u64) -> Result<Vec<f32>, ExecutorError>;

impl FittedPrior {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mixture, Self::Flow];

    /// Their names.
    pub const NAMES: [&'static str; 2] = [mixture::FAMILY.name, flow::FAMILY.name];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.family().name
    }

    /// What its file says of it.
    pub const fn family(self) -> &'static FittedFamily {
        match self {
            Self::Mixture => &mixture::FAMILY,
            Self::Flow => &flow::FAMILY,
        }
    }
}

impl FromStr for FittedPrior {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(&Self::ALL, Self::name, name, "no density to fit")
    }
}

/// A density of z with its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fitted {
    /// Its family.
    pub prior: FittedPrior,
    /// Dimensions of z, Z.
    pub latent: usize,
    /// Components of a mixture.
    pub components: usize,
    /// Maps of a flow.
    pub maps: usize,
    /// Units of the network of each map.
    pub hidden: usize,
}

/// Mean and deviation of each dimension of some draws.
struct Moments {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Moments {
    /// Those of `z [count, latent]`. A dimension that is the same in all draws counts as one of the deviation 1e-3.
    fn of(z: &[f32], latent: usize) -> Self {
        let count = (z.len() / latent).max(1) as f64;
        let of_columns = |value: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; latent];
            for row in z.chunks_exact(latent) {
                for (column, (sum, &z)) in sums.iter_mut().zip(row).enumerate() {
                    *sum += value(column, f64::from(z));
                }
            }
            sums.into_iter().map(|sum| sum / count).collect::<Vec<_>>()
        };
        let mean = of_columns(&|_, z| z);
        let variance = of_columns(&|column, z| (z - mean[column]).powi(2));
        let deviation = variance.into_iter().map(|v| v.sqrt().max(1e-3)).collect();
        Self { mean, deviation }
    }
}

/// Parameters by name.
struct Named<'a> {
    specs: &'a [ParameterSpec],
    values: &'a mut [Vec<f32>],
}

impl Named<'_> {
    /// The values of a parameter.
    fn of(&mut self, name: &str) -> &mut [f32] {
        let place = self.specs.iter().position(|spec| spec.name == name);
        match place {
            Some(place) => &mut self.values[place],
            None => unreachable!("{name} is a parameter of the family"),
        }
    }
}

impl Fitted {
    /// The most components or maps.
    pub const MOST: usize = 1000;

    /// A density of so many dimensions in its family's usual size: ten components, as Ghosh et al. have them, or five
    /// maps, each with a network of 200 units.
    pub fn new(prior: FittedPrior, latent: usize) -> Self {
        Self {
            prior,
            latent,
            components: 10,
            maps: 5,
            hidden: 200,
        }
    }

    /// Its parameters.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        (self.prior.family().parameters)(self)
    }

    /// The state before the first step, drawn under a seed and from the draws `z [count, Z]` that it is fitted to.
    pub fn initial(&self, z: &[f32], seed: u64) -> Snapshot {
        let specs = self.parameters();
        let mut state = Snapshot::initial(&specs, seed);
        let mut named = Named {
            specs: &specs,
            values: &mut state.parameters,
        };
        let moments = Moments::of(z, self.latent);
        (self.prior.family().begin)(self, &mut named, &moments, z, seed);
        state
    }

    /// A step over rows z of a data set, or with no optimiser a measurement: the term `nll`.
    pub fn graph(&self, batch: usize, optimizer: Option<Optimizer>) -> Graph {
        let mut g = Graph::new();
        let z = g.gather("z", batch, self.latent);
        let nll = (self.prior.family().nll)(self, &mut g, z);
        g.add_term("nll", nll, 1.0);
        if let Some(optimizer) = optimizer {
            g.minimize(optimizer);
        }
        g
    }

    /// So many draws `[count, Z]` under a seed, on an executor that holds the parameters.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn draw(
        &self,
        executor: &mut dyn Executor,
        count: usize,
        seed: u64,
    ) -> Result<Vec<f32>, ExecutorError> {
        (self.prior.family().draw)(self, executor, count, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Rows;
    use crate::executor::Start;
    use crate::reference::ReferenceExecutor;
    use crate::rng::{self, Stream};

    const LATENT: usize = 3;

    fn fitted(prior: FittedPrior) -> Fitted {
        Fitted {
            components: 2,
            maps: 2,
            hidden: 7,
            ..Fitted::new(prior, LATENT)
        }
    }

    /// Draws of dimensions that are not independent, off from 0.
    fn draws(count: usize) -> Vec<f32> {
        let normal = |i| rng::normal(3, Stream::Sampling, 0, i);
        let rows = (0..count).flat_map(|row| {
            let [a, b, c] = [0, 1, 2].map(|column| normal(3 * row + column));
            [0.5 + a, 0.8 * a + 0.3 * b, -2.0 + 0.5 * b + 0.1 * c]
        });
        rows.map(|value| value as f32).collect()
    }

    /// An executor whose parameters are off from the first values, so that nothing is zero.
    fn moved(of: &Fitted, z: &[f32]) -> ReferenceExecutor {
        let mut state = of.initial(z, 5);
        for (salt, values) in state.parameters.iter_mut().enumerate() {
            for (i, value) in values.iter_mut().enumerate() {
                *value += 0.2 * ((3 * i + 7 * salt) as f32).sin();
            }
        }
        let mut executor = ReferenceExecutor::new(of.parameters(), 5);
        executor.restore(&state).unwrap();
        executor
    }

    fn mean_nll(of: &Fitted, executor: &mut ReferenceExecutor, z: &[f32]) -> f64 {
        let count = z.len() / LATENT;
        let graph = |rows| of.graph(rows, None);
        let mut pass = executor.pass(Rows::new(z, LATENT), count, &graph).unwrap();
        let order: Vec<_> = (0..count as u32).collect();
        let (step, position) = (0, 0);
        let start = Start {
            step,
            position,
            order: &order,
        };
        pass.begin(start).unwrap();
        pass.advance(1).unwrap();
        pass.losses().unwrap()[0].into()
    }

    #[test]
    fn every_family_is_read_by_its_name() {
        for prior in FittedPrior::ALL {
            assert_eq!(prior.name().parse(), Ok(prior));
        }
        assert!("standard".parse::<FittedPrior>().is_err());
    }

    /// Over a grid that holds all but e⁻¹⁸ of it, in cells of 0.1.
    #[test]
    fn densities_sum_to_one() {
        for prior in FittedPrior::ALL {
            let of = Fitted {
                latent: 1,
                ..fitted(prior)
            };
            let z: Vec<_> = draws(20).chunks(3).map(|row| row[0]).collect();
            let mut executor = moved(&of, &z);
            let mut total = 0.0;
            for i in -200..=200 {
                let point = [i as f32 * 0.1];
                let graph = |rows| of.graph(rows, None);
                let mut pass = executor.pass(Rows::new(&point[..], 1), 1, &graph).unwrap();
                let start = Start {
                    step: 0,
                    position: 0,
                    order: &[0],
                };
                pass.begin(start).unwrap();
                pass.advance(1).unwrap();
                total += 0.1 * (-f64::from(pass.losses().unwrap()[0])).exp();
            }
            assert!((total - 1.0).abs() < 1e-3, "{}: {total}", prior.name());
        }
    }

    /// −ln p(z) of draws is less, by far more than its deviation, than that of the same draws with the
    /// dimensions of different rows together; and draws from the fit are as likely under it as its own data.
    #[test]
    fn draws_are_of_the_density() {
        const DRAWS: usize = 3000;
        for prior in FittedPrior::ALL {
            let of = fitted(prior);
            let mut executor = moved(&of, &draws(DRAWS));
            let own = of.draw(&mut executor, DRAWS, 1).unwrap();
            assert!(own == of.draw(&mut executor, DRAWS, 1).unwrap());
            assert!(own != of.draw(&mut executor, DRAWS, 2).unwrap());
            let likely = mean_nll(&of, &mut executor, &own);
            // The mean of others under the same density is greater by a divergence.
            let mut shuffled = own.clone();
            for row in 0..DRAWS {
                shuffled[LATENT * row] = own[LATENT * ((row + 1) % DRAWS)];
            }
            let other = mean_nll(&of, &mut executor, &shuffled);
            assert!(other > likely + 0.1, "{}: {likely}, {other}", prior.name());
            // And a second set of draws has the same mean, to the deviation of √(Z/2) nats a draw.
            let again = of.draw(&mut executor, DRAWS, 2).unwrap();
            let again = mean_nll(&of, &mut executor, &again);
            let deviation = 2.0 * (2.0 * LATENT as f64 / DRAWS as f64).sqrt();
            assert!(
                (again - likely).abs() < 5.0 * deviation,
                "{again}, {likely}"
            );
        }
    }
}
