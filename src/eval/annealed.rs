//! ln p(x) by annealed importance sampling (Neal 2001) with Hamiltonian steps, which knows nothing of q(z | x): Wu,
//! Burda, Salakhutdinov and Grosse, *On the Quantitative Analysis of Decoder-Based Generative Models* (2017).
//!
//! Chains begin with draws from p(z) and end near p(z | x), through densities p(z)·p(x | z)^β with β from 0 to 1. On its
//! way each collects the weight Σ (β_t − β_{t−1})·ln p(x | z_t), whose exponential is p(x) in the mean. Between two
//! densities a chain moves by a trajectory of ten leapfrog steps, which is accepted or not. A chain's step length
//! follows its own rate of acceptance, as in the paper; what that costs in exactness is far below the
//! estimate's own error.

use super::bound::LogSumExp;
use super::{Autoencoder, Mean};
use crate::executor::{ExecutorError, Session};
use crate::graph::TensorId;
use crate::model::EnergyGraph;
use crate::rng::{self, Draw, Stream};

/// Leapfrog steps of a trajectory.
const LEAPFROGS: usize = 10;
/// Chains of a run at the most.
const ROWS: usize = 2048;
/// The rate of acceptance that step lengths are led to, and how fast a chain forgets its own.
const ACCEPTANCE: f64 = 0.65;
const MEMORY: f64 = 0.9;
/// Step lengths: the first one, by what they change, and their bounds.
const STEP: f64 = 0.1;
const CHANGE: f64 = 1.02;
const STEPS: [f64; 2] = [1e-4, 0.5];
/// How far the logistic curve of the shares β reaches on both sides.
const REACH: f64 = 4.0;

/// How long chains are, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annealing {
    /// Chains for each image.
    pub chains: usize,
    /// Densities between p(z) and p(z | x), the last one included.
    pub temperatures: usize,
    /// The key of all draws.
    pub seed: u64,
}

/// What chains found.
#[derive(Clone, Debug, PartialEq)]
pub struct Annealed {
    /// An estimate of −ln p(x) of each image, in nats; too high in the mean.
    pub nll: Vec<f64>,
    /// The share of trajectories that were accepted.
    pub acceptance: f64,
}

impl Annealed {
    /// The mean over the images.
    pub fn mean(&self) -> Mean {
        Mean::of(self.nll.iter().copied())
    }
}

/// β_t for t from 0 to the number of temperatures: a logistic curve, so that steps are small at both ends.
fn shares(temperatures: usize) -> Vec<f64> {
    let logistic = |t: usize| {
        let at = REACH * (2.0 * t as f64 / temperatures as f64 - 1.0);
        1.0 / (1.0 + (-at).exp())
    };
    let [first, last] = [logistic(0), logistic(temperatures)];
    let of = |t| (logistic(t) - first) / (last - first);
    (0..=temperatures).map(of).collect()
}

impl Autoencoder {
    /// Whether [`Autoencoder::annealed`] knows how: p(z) is a density in closed form, and no labels are summed over.
    pub fn can_be_annealed(&self) -> bool {
        self.vae().energy_graph(1).is_some() && self.vae().classifier().is_none()
    }

    /// −ln p(x) of images `[count, input_dim]` with what [`Autoencoder::encode`] takes; `done` hears of how many of the
    /// images' temperatures there are results. `None` where it cannot be
    /// ([`Autoencoder::can_be_annealed`]).
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`], and without chains or temperatures.
    pub fn annealed(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        annealing: Annealing,
        done: &mut dyn FnMut(usize),
    ) -> Result<Option<Annealed>, ExecutorError> {
        let Annealing {
            chains,
            temperatures,
            ..
        } = annealing;
        assert!(chains > 0 && temperatures > 0, "{annealing:?}");
        let dim = self.vae().config().input_dim;
        let count = images.len() / dim;
        let of_run = (self.rows_of_run(ROWS) / chains).clamp(1, count.max(1));
        let shares = shares(temperatures);
        let (mut nll, mut accepted) = (Vec::with_capacity(count), 0);
        for first in (0..count).step_by(of_run) {
            let here = of_run.min(count - first);
            let rows: Vec<usize> = (first..first + here)
                .flat_map(|image| std::iter::repeat_n(image, chains))
                .collect();
            let Some(mut energy) = self.energy(images, labels, &rows)? else {
                return Ok(None);
            };
            let first_row = first * chains;
            let mut state = Chains::new(annealing, first_row, energy.z.clone(), energy.dims);
            for (t, share) in shares.windows(2).enumerate() {
                state.weigh(&mut energy, [share[0], share[1]])?;
                state.move_on(&mut energy, t as u32 + 1, share[1])?;
                done(first * temperatures + here * (t + 1));
            }
            for weights in state.log_weights.chunks(chains) {
                let mut sum = LogSumExp::default();
                weights.iter().for_each(|&weight| sum.add(weight));
                nll.push((chains as f64).ln() - sum.value());
            }
            accepted += state.accepted;
        }
        let trajectories = count * chains * temperatures;
        Ok(Some(Annealed {
            nll,
            acceptance: accepted as f64 / trajectories as f64,
        }))
    }

    /// The energy of chains for images of these numbers, with a draw of each from the prior.
    fn energy(
        &mut self,
        images: &[f32],
        labels: Option<&[u8]>,
        rows: &[usize],
    ) -> Result<Option<Energy>, ExecutorError> {
        let config = self.vae().config();
        let (dim, dims) = (config.input_dim, config.latent_dim);
        let Some(graph) = self.vae().energy_graph(rows.len()) else {
            return Ok(None);
        };
        let EnergyGraph {
            graph,
            z: of_z,
            x,
            label,
            share,
        } = graph;
        let hot = |model: &Self| {
            let labels = labels.unwrap_or_default();
            let of_rows: Vec<u8> = rows
                .iter()
                .filter_map(|&row| labels.get(row))
                .copied()
                .collect();
            model.one_hot(Some(&of_rows))
        };
        let hot = label.map(|id| (id, hot(self)));
        let (prior, read) = self.vae().prior_graph(rows.len());
        let given = read.zip(hot.as_ref());
        let given: Vec<_> = given
            .iter()
            .map(|(id, (_, hot))| (*id, hot.as_slice()))
            .collect();
        // Other chains begin with other draws.
        let step = rows.first().copied().unwrap_or(0) as u32;
        let mut first = self.executor_mut().session(prior)?;
        let z = first.run(step, &given)?.tensors.swap_remove(0);
        drop(first);
        let x_values: Vec<f32> = rows
            .iter()
            .flat_map(|&row| &images[row * dim..][..dim])
            .copied()
            .collect();
        let mut session = self.executor_mut().session(graph)?;
        // The images stay in their input from here on.
        let mut inputs = vec![
            (x, x_values.as_slice()),
            (of_z, z.as_slice()),
            (share, &[0.0][..]),
        ];
        inputs.extend(hot.iter().map(|(id, hot)| (*id, hot.as_slice())));
        let at = Point::of(session.run(0, &inputs)?.tensors);
        drop(inputs);
        Ok(Some(Energy {
            session,
            of_z,
            share,
            dims,
            z,
            at,
        }))
    }
}

/// The densities of some chains, on the device.
struct Energy {
    session: Box<dyn Session>,
    of_z: TensorId,
    share: TensorId,
    dims: usize,
    /// The draws from the prior that chains begin with, `[rows, Z]`.
    z: Vec<f32>,
    at: Point,
}

/// What the model says of points z, one for each chain.
#[derive(Clone, Debug)]
struct Point {
    /// −ln p(x | z).
    recon: Vec<f32>,
    /// −ln p(z).
    prior: Vec<f32>,
    /// The gradient of β·recon + prior by z, `[rows, Z]`.
    gradient: Vec<f32>,
}

impl Point {
    fn of(mut tensors: Vec<Vec<f32>>) -> Self {
        let mut next = || tensors.remove(0);
        Self {
            recon: next(),
            prior: next(),
            gradient: next(),
        }
    }

    fn energy(&self, row: usize, share: f64) -> f64 {
        share * f64::from(self.recon[row]) + f64::from(self.prior[row])
    }
}

impl Energy {
    fn evaluate(&mut self, z: &[f32], share: f64) -> Result<Point, ExecutorError> {
        let given = [(self.of_z, z), (self.share, &[share as f32][..])];
        Ok(Point::of(self.session.run(0, &given)?.tensors))
    }
}

/// Chains on their way.
struct Chains {
    annealing: Annealing,
    /// The number of the first chain among all.
    first: usize,
    dims: usize,
    /// `[rows, Z]`.
    z: Vec<f32>,
    log_weights: Vec<f64>,
    step_lengths: Vec<f64>,
    acceptance: Vec<f64>,
    accepted: usize,
}

impl Chains {
    fn new(annealing: Annealing, first: usize, z: Vec<f32>, dims: usize) -> Self {
        let rows = z.len() / dims;
        Self {
            annealing,
            first,
            dims,
            z,
            log_weights: vec![0.0; rows],
            step_lengths: vec![STEP; rows],
            acceptance: vec![ACCEPTANCE; rows],
            accepted: 0,
        }
    }

    /// What the step from one share to the next says, at the points where the chains are.
    fn weigh(&mut self, energy: &mut Energy, [from, to]: [f64; 2]) -> Result<(), ExecutorError> {
        energy.at = energy.evaluate(&self.z, to)?;
        for (weight, &recon) in self.log_weights.iter_mut().zip(&energy.at.recon) {
            *weight -= (to - from) * f64::from(recon);
        }
        Ok(())
    }

    /// A trajectory of each chain under the density of this share, which leaves that density as it is.
    fn move_on(&mut self, energy: &mut Energy, t: u32, share: f64) -> Result<(), ExecutorError> {
        let (dims, rows) = (self.dims, self.log_weights.len());
        let mut momenta: Vec<f64> = (0..rows * dims).map(|at| self.normal(t, at)).collect();
        let kinetic = |momenta: &[f64]| -> Vec<f64> {
            let of_row = |row: &[f64]| 0.5 * row.iter().map(|p| p * p).sum::<f64>();
            momenta.chunks(dims).map(of_row).collect()
        };
        let before: Vec<f64> = kinetic(&momenta);
        let mut z = self.z.clone();
        let mut at = energy.at.clone();
        let length = |row: usize| self.step_lengths[row];
        let kick = |momenta: &mut [f64], gradient: &[f32], share_of_step: f64| {
            for (at, (momentum, &slope)) in momenta.iter_mut().zip(gradient).enumerate() {
                *momentum -= share_of_step * length(at / dims) * f64::from(slope);
            }
        };
        kick(&mut momenta, &at.gradient, 0.5);
        for leapfrog in 1..=LEAPFROGS {
            for (at, (z, momentum)) in z.iter_mut().zip(&momenta).enumerate() {
                *z = (f64::from(*z) + length(at / dims) * momentum) as f32;
            }
            at = energy.evaluate(&z, share)?;
            let share_of_step = if leapfrog == LEAPFROGS { 0.5 } else { 1.0 };
            kick(&mut momenta, &at.gradient, share_of_step);
        }
        let after = kinetic(&momenta);
        for row in 0..rows {
            let gained =
                energy.at.energy(row, share) + before[row] - at.energy(row, share) - after[row];
            // What is not finite is not accepted.
            let is_accepted = self.uniform(t, row).ln() < gained;
            if is_accepted {
                let place = row * dims..(row + 1) * dims;
                self.z[place.clone()].copy_from_slice(&z[place]);
                self.accepted += 1;
            }
            self.learn(row, is_accepted);
        }
        Ok(())
    }

    /// Leads the step length of a chain to its rate of acceptance.
    fn learn(&mut self, row: usize, is_accepted: bool) {
        let rate = &mut self.acceptance[row];
        *rate = MEMORY * *rate + (1.0 - MEMORY) * f64::from(is_accepted);
        let factor = if *rate > ACCEPTANCE {
            CHANGE
        } else {
            1.0 / CHANGE
        };
        let [least, most] = STEPS;
        self.step_lengths[row] = (self.step_lengths[row] * factor).clamp(least, most);
    }

    /// The momentum of a place in `[rows, Z]`.
    fn normal(&self, t: u32, at: usize) -> f64 {
        let (stream, number) = (Stream::Annealing, 0);
        let element = self.first * self.dims + at;
        rng::normal(self.annealing.seed, Draw { stream, number }, t, element)
    }

    /// A number in (0, 1] for a chain.
    fn uniform(&self, t: u32, row: usize) -> f64 {
        let (stream, number) = (Stream::Annealing, 1);
        1.0 - rng::uniform(
            self.annealing.seed,
            Draw { stream, number },
            t,
            self.first + row,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Snapshot;
    use crate::model::{Likelihood, Vae, VaeConfig};
    use crate::reference::ReferenceExecutor;

    #[test]
    fn shares_go_from_nothing_to_all_with_small_steps_at_the_ends() {
        let shares = shares(100);
        assert_eq!((shares[0], shares[100], shares.len()), (0.0, 1.0, 101));
        assert!(shares.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(shares[1] < 0.25 * (shares[51] - shares[50]));
        assert!((shares[50] - 0.5).abs() < 1e-12);
    }

    /// The decoder x = W·z + b of two dimensions, as relu(z) and relu(−z) with the weights ±W: then ln p(x) is that of
    /// N(b, W·Wᵀ + 1) in closed form.
    #[test]
    fn of_a_linear_model_the_estimate_is_the_closed_form() {
        const W: [[f32; 2]; 3] = [[1.5, -0.5], [0.3, 2.0], [-1.0, 0.7]];
        const B: [f32; 3] = [0.2, -0.4, 1.0];
        let vae = Vae::new(VaeConfig {
            input_dim: 3,
            hidden: vec![4],
            latent_dim: 2,
            likelihood: Likelihood::Gaussian,
            ..VaeConfig::default()
        });
        let vae = vae.unwrap();
        let specs = vae.parameters();
        let value = |name: &str, len: usize| match name {
            "decoder.hidden.0.weight" => vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0],
            "decoder.output.weight" => W.iter().flat_map(|[a, b]| [*a, *b, -a, -b]).collect(),
            "decoder.output.bias" => B.to_vec(),
            _ => vec![0.0; len],
        };
        let parameters: Vec<_> = specs
            .iter()
            .map(|spec| value(&spec.name, spec.shape.len()))
            .collect();
        let zeros: Vec<_> = parameters.iter().map(|of| vec![0.0; of.len()]).collect();
        let mut executor = Box::new(ReferenceExecutor::new(specs, 5));
        let snapshot = Snapshot {
            parameters,
            m: zeros.clone(),
            v: zeros,
        };
        crate::executor::Executor::restore(&mut *executor, &snapshot).unwrap();
        let mut model = Autoencoder::new(vae, executor);
        let images = [
            0.0, 0.0, 0.0, 2.5, -1.0, 0.5, -3.0, 3.0, 4.0, 0.2, -0.4, 1.0,
        ];
        let annealing = Annealing {
            chains: 100,
            temperatures: 100,
            seed: 5,
        };
        let mut heard = 0;
        let found = model
            .annealed(&images, None, annealing, &mut |done| heard = done)
            .unwrap()
            .unwrap();
        assert_eq!(heard, 4 * 100);
        // Of so smooth a density the longest steps are nearly always accepted.
        assert!(found.acceptance > 0.6, "{}", found.acceptance);
        for (image, nll) in images.chunks(3).zip(&found.nll) {
            let expected = linear_nll(image, W, B);
            assert!((nll - expected).abs() < 0.05, "{nll}, not {expected}");
        }
        // The seed decides every digit, and another one others.
        let again = model
            .annealed(&images, None, annealing, &mut |_| {})
            .unwrap()
            .unwrap();
        assert_eq!(again, found);
        let other = Annealing {
            seed: 6,
            ..annealing
        };
        assert_ne!(
            model
                .annealed(&images, None, other, &mut |_| {})
                .unwrap()
                .unwrap()
                .nll,
            found.nll
        );
    }

    /// −ln N(x; b, W·Wᵀ + 1), by Cholesky's factor.
    fn linear_nll(x: &[f32], w: [[f32; 2]; 3], b: [f32; 3]) -> f64 {
        let covariance = |i: usize, j: usize| {
            let products = w[i]
                .iter()
                .zip(w[j])
                .map(|(&a, b)| f64::from(a) * f64::from(b));
            products.sum::<f64>() + f64::from(i == j)
        };
        let mut lower = [[0.0f64; 3]; 3];
        let mut solved = [0.0f64; 3];
        let mut nll = 1.5 * std::f64::consts::TAU.ln();
        for i in 0..3 {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let rest = covariance(i, j) - known;
                lower[i][j] = if i == j {
                    rest.sqrt()
                } else {
                    rest / lower[j][j]
                };
            }
            let known: f64 = (0..i).map(|k| lower[i][k] * solved[k]).sum();
            solved[i] = (f64::from(x[i]) - f64::from(b[i]) - known) / lower[i][i];
            nll += lower[i][i].ln() + 0.5 * solved[i] * solved[i];
        }
        nll
    }
}
