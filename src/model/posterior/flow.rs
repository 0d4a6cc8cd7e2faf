//! Normalizing flows: z is what a chain of invertible maps makes of a draw z₀ from independent Gaussians, and
//! ln q(z | x) = ln N(z₀; μ, σ²) − Σ ln |det ∂f/∂z|: Rezende and Mohamed, *Variational Inference with
//! Normalizing Flows* (2015), equations 12 and 13.

use super::{Drawn, Heads, PosteriorFamily, gaussian};
use crate::executor::ParameterSpec;
use crate::expr::operand;
use crate::graph::{Graph, TensorId};
use crate::model::Formula;
use crate::model::network::Layer;
use crate::model::vae::Vae;

/// Sizes of a posterior that is a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Maps, one after the other.
    pub steps: usize,
    /// Units of the network of each map of an inverse autoregressive flow.
    pub hidden: usize,
    /// Values that the encoder hands to these networks for each image.
    pub context: usize,
}

impl Flow {
    /// The most maps. A step has a dozen launches or more for each of them, and deep flows of these
    /// families have tens.
    pub const MAX_STEPS: usize = 1000;
}

impl Default for Flow {
    /// Ten maps, and the networks of Kingma et al. (2016): 320 units that see 100 values.
    fn default() -> Self {
        Self {
            steps: 10,
            hidden: 320,
            context: 100,
        }
    }
}

/// The maps of a family of flows.
pub(super) trait Maps {
    /// Their parameters, `encoder.…`.
    fn parameters(vae: &Vae) -> Vec<ParameterSpec>;

    /// What the encoder says of each map, from its last hidden layer `h [B, H]`.
    fn encode(vae: &Vae, g: &mut Graph, h: TensorId) -> Vec<Vec<TensorId>>;

    /// The map of this number, of which `said` is what the encoder says, at `z [B · samples, Z]`.
    fn apply(
        vae: &Vae,
        g: &mut Graph,
        step: usize,
        said: &[TensorId],
        z: TensorId,
        samples: usize,
    ) -> Mapped;
}

/// What a map makes of a draw.
pub(super) struct Mapped {
    /// `[B · samples, Z]`.
    pub(super) z: TensorId,
    /// ln |det ∂f/∂z| of each draw, in nats: `[B · samples]`.
    pub(super) log_det: TensorId,
}

/// The family of these maps; `formulas` are those of one map.
pub(super) const fn family<M: Maps>(
    name: &'static str,
    source: &'static str,
    steps: usize,
    formulas: fn() -> Vec<Formula>,
) -> PosteriorFamily {
    PosteriorFamily {
        name,
        source,
        formulas,
        flow_steps: Some(steps),
        parameters: |vae| {
            let mut specs = gaussian::parameters(vae);
            specs.extend(M::parameters(vae));
            specs
        },
        encode: |vae, g, h| Heads {
            maps: M::encode(vae, g, h),
            ..gaussian::encode(vae, g, h)
        },
        location: |vae, g, heads| chain::<M>(vae, g, heads, heads.mu, 1).z,
        draw: |vae, g, heads, eps, samples| {
            let start = gaussian::draw(g, heads, eps, samples);
            chain::<M>(vae, g, heads, start, samples)
        },
        nll: |_, g, heads, drawn, samples| {
            let start = gaussian::nll(g, heads, drawn.start, samples);
            let log_dets = drawn.log_dets.iter();
            log_dets.fold(start, |rows, &log_det| {
                g.add("posterior.nll", rows, log_det)
            })
        },
    }
}

/// The parameters of maps that are layers on the encoder's last hidden layer.
pub(super) fn parameters<const N: usize>(
    vae: &Vae,
    layers: fn(&Vae, usize) -> [Layer; N],
) -> Vec<ParameterSpec> {
    let weights = vae.config().initial_weights;
    let all = (0..vae.config().flow.steps).flat_map(|step| layers(vae, step));
    all.flat_map(|layer| layer.parameters(weights)).collect()
}

/// What these layers say of each map.
pub(super) fn encode<const N: usize>(
    vae: &Vae,
    g: &mut Graph,
    h: TensorId,
    layers: fn(&Vae, usize) -> [Layer; N],
) -> Vec<Vec<TensorId>> {
    let mut of_map = |step| layers(vae, step).map(|layer| layer.apply(g, h)).into();
    (0..vae.config().flow.steps).map(&mut of_map).collect()
}

/// All maps, one after the other, from `start [B · samples, Z]`.
fn chain<M: Maps>(
    vae: &Vae,
    g: &mut Graph,
    heads: &Heads,
    start: TensorId,
    samples: usize,
) -> Drawn {
    let (mut z, mut log_dets) = (start, Vec::new());
    for (step, said) in heads.maps.iter().enumerate() {
        let mapped = M::apply(vae, g, step, said, z, samples);
        z = mapped.z;
        log_dets.push(mapped.log_det);
    }
    Drawn {
        start,
        log_dets,
        ..Drawn::from(z)
    }
}

/// The formula of the density of a chain's end.
pub(super) fn density() -> Formula {
    Formula {
        name: "-ln q(z)",
        expr: operand(0) + operand(1),
        operands: vec!["-ln N(z0; mu, exp(logvar))", "sum(ln|det|)"],
        of: "of a draw z0 from the Gaussian and the sum over the maps that follow it",
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, TensorId};
    use crate::model::{Noise, Posterior, Vae, VaeConfig};
    use crate::reference::{Context, Values, evaluate};

    use super::Flow;

    const IMAGES: usize = 2;
    const SAMPLES: usize = 3;
    const LATENT: usize = 4;

    fn vae(posterior: Posterior) -> Vae {
        Vae::new(VaeConfig {
            input_dim: 3,
            hidden: vec![6],
            latent_dim: LATENT,
            posterior,
            flow: Flow {
                steps: 3,
                hidden: 8,
                context: 2,
            },
            ..VaeConfig::default()
        })
        .unwrap()
    }

    /// Some tensors of a graph that reads images x `[B, D]`. Weights are of the size with which a training
    /// begins.
    fn run(
        vae: &Vae,
        write: impl FnOnce(&mut Graph, TensorId) -> Vec<TensorId>,
        eps: &[f64],
    ) -> Vec<Vec<f64>> {
        let mut g = Graph::new();
        let x = g.input("x", [IMAGES, 3]);
        let written = write(&mut g, x);
        let mut values = Values::new(&g);
        values.set(x, vec![0.2, 0.9, 0.4, 0.8, 0.1, 0.5]);
        if let Some(noise) = g.find("eps") {
            values.set(noise, eps.to_vec());
        }
        for (number, spec) in vae.parameters().iter().enumerate() {
            if let Some(id) = g.find(&spec.name) {
                let weight = |i: usize| 0.4 * ((13 * number + 5 * i) as f64).sin();
                values.set(id, (0..spec.shape.len()).map(weight).collect());
            }
        }
        evaluate(&g, &mut values, Context::default(), |_, _| true);
        written.iter().map(|&of| values.get(of).to_vec()).collect()
    }

    /// z `[B · samples, Z]` and −ln q(z | x) of each draw, from ε.
    fn draw(vae: &Vae, eps: &[f64], samples: usize) -> Vec<Vec<f64>> {
        let write = |g: &mut Graph, x: TensorId| {
            let noise = g.input("eps", [IMAGES * samples, LATENT]);
            let heads = vae.encode(g, x.into());
            let drawn = vae.draw(g, &heads, Noise::Given(noise), samples);
            let nll = vae.config().posterior.family().nll;
            vec![drawn.z, nll(vae, g, &heads, &drawn, samples)]
        };
        run(vae, write, eps)
    }

    #[test]
    fn the_point_of_an_image_is_its_draw_without_noise() {
        for posterior in Posterior::ALL {
            let vae = vae(posterior);
            let points = |g: &mut Graph, x: TensorId| {
                let heads = vae.encode(g, x.into());
                vec![heads.mu, (posterior.family().location)(&vae, g, &heads)]
            };
            let points = run(&vae, points, &[]);
            let drawn = draw(&vae, &[0.0; IMAGES * LATENT], 1);
            let name = posterior.name();
            assert_eq!(points[1], drawn[0], "{name}");
            assert_eq!(points[0] != points[1], posterior.is_flow(), "{name}");
        }
    }

    /// ln |det| of a matrix by elimination with the largest pivot.
    fn ln_det(mut a: Vec<Vec<f64>>) -> f64 {
        let mut total = 0.0;
        for column in 0..a.len() {
            let largest = (column..a.len())
                .max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()))
                .unwrap();
            a.swap(column, largest);
            let (done, rest) = a.split_at_mut(column + 1);
            let pivot = &done[column];
            total += pivot[column].abs().ln();
            for row in rest {
                let factor = row[column] / pivot[column];
                let entries = row.iter_mut().zip(pivot);
                entries.for_each(|(entry, of)| *entry -= factor * of);
            }
        }
        total
    }

    /// ε has the density N(0, 1), so that −ln q(z | x) = −ln N(ε; 0, 1) + ln |det ∂z/∂ε|. The Jacobian is of
    /// central differences, whose error is of the order of h² = 1e-8 times third derivatives of the order
    /// of 10.
    #[test]
    fn densities_are_those_of_the_noise_over_the_determinant_of_the_jacobian() {
        const H: f64 = 1e-4;
        let eps: Vec<_> = (0..IMAGES * SAMPLES * LATENT)
            .map(|i| 1.2 * (2.3 * i as f64).cos())
            .collect();
        for posterior in Posterior::ALL {
            let vae = vae(posterior);
            let nll = draw(&vae, &eps, SAMPLES).remove(1);
            // The same dimension of all draws moves at once, since no draw sees another.
            let columns: Vec<_> = (0..LATENT)
                .map(|column| {
                    let [above, below] = [H, -H].map(|h| {
                        let mut moved = eps.clone();
                        moved.chunks_mut(LATENT).for_each(|row| row[column] += h);
                        draw(&vae, &moved, SAMPLES).remove(0)
                    });
                    let pairs = above.into_iter().zip(below);
                    pairs
                        .map(|(above, below)| (above - below) / (2.0 * H))
                        .collect::<Vec<_>>()
                })
                .collect();
            let mut mixed = false;
            for (row, &nll) in nll.iter().enumerate() {
                let jacobian: Vec<Vec<f64>> = (0..LATENT)
                    .map(|output| {
                        let entries = columns.iter().map(|column| column[row * LATENT + output]);
                        entries.collect()
                    })
                    .collect();
                let places = (0..LATENT).flat_map(|i| (0..LATENT).map(move |j| (i, j)));
                mixed |= places
                    .filter(|(i, j)| i != j)
                    .any(|(i, j)| jacobian[i][j].abs() > 0.01);
                let of_row = &eps[row * LATENT..][..LATENT];
                let squares = of_row.iter().map(|e| e * e).sum::<f64>();
                let noise = 0.5 * squares + LATENT as f64 * crate::expr::HALF_LN_TAU;
                let expected = noise + ln_det(jacobian);
                let name = posterior.name();
                assert!((nll - expected).abs() < 1e-6, "{name}: {nll}, {expected}");
            }
            assert_eq!(mixed, posterior.is_flow(), "{}", posterior.name());
        }
    }
}
