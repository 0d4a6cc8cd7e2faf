//! What the papers say of their objectives, as equations of values and gradients in f64.

use std::collections::HashMap;

use super::{BetaTc, Ciwae, Elbo, Objective, Stl};
use crate::executor::ParameterSpec;
use crate::graph::Graph;
use crate::model::{Likelihood, Noise, Vae, VaeConfig};
use crate::reference::{Context, Values, evaluate};

const IMAGES: usize = 3;
const DIM: usize = 5;
const LATENT: usize = 2;

/// Values and gradients of an objective.
struct Found {
    objective: f64,
    terms: HashMap<String, f64>,
    /// Of each parameter.
    gradients: HashMap<String, Vec<f64>>,
}

/// Some numbers between −1 and 1, others for each `of`.
fn some(of: usize, len: usize) -> Vec<f64> {
    let numbers =
        (0..len).map(|i| ((12.9 * i as f64 + 78.2 * of as f64 + 1.0).sin() * 437.5).sin());
    numbers.collect()
}

/// Those of the parameter of this number, no larger than `size`.
fn weights(size: f64) -> impl Fn(usize, &ParameterSpec) -> Vec<f64> {
    move |of, spec| {
        let numbers = some(of, spec.shape.len()).into_iter();
        numbers.map(|value| size * value).collect()
    }
}

fn find(
    config: VaeConfig,
    objective: Objective,
    value: impl Fn(usize, &ParameterSpec) -> Vec<f64>,
) -> Found {
    let [dim, latent] = [config.input_dim, config.latent_dim];
    let vae = Vae::new(VaeConfig {
        objective,
        ..config
    })
    .unwrap();
    let mut g = Graph::new();
    let x = g.input("x", [IMAGES, dim]);
    let rows = IMAGES * objective.samples();
    let eps = g.input("eps", [rows, latent]);
    vae.objective(&mut g, x, Noise::Given(eps));
    g.differentiate();
    let mut values = Values::<f64>::new(&g);
    let images = some(100, IMAGES * dim).into_iter();
    values.set(x, images.map(|value| 0.5 + 0.5 * value).collect());
    let noise = some(101, rows * latent).into_iter();
    values.set(eps, noise.map(|value| 1.7 * value).collect());
    for (of, spec) in vae.parameters().iter().enumerate() {
        values.set(g.find(&spec.name).unwrap(), value(of, spec));
    }
    let losses = evaluate(&g, &mut values, Context::default(), |_, _| true);
    let names = g.terms().iter().map(|term| term.name.clone());
    let gradients = g.gradients().iter().map(|&(parameter, gradient)| {
        let name = g.tensor(parameter).name.clone();
        (name, values.get(gradient).to_vec())
    });
    Found {
        objective: losses[0],
        terms: names.zip(losses[1..].iter().copied()).collect(),
        gradients: gradients.collect(),
    }
}

fn config() -> VaeConfig {
    VaeConfig {
        input_dim: DIM,
        hidden: vec![4],
        latent_dim: LATENT,
        ..VaeConfig::default()
    }
}

/// Asserts that the gradients of the parameters of this network are the same, up to rounding.
fn same_gradients(a: &Found, b: &Found, network: &str) {
    let mut compared = 0;
    for (name, gradient) in &a.gradients {
        if !name.starts_with(network) {
            continue;
        }
        let largest = gradient.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        assert!(largest > 0.0, "{name} has no gradient");
        for (a, b) in gradient.iter().zip(&b.gradients[name]) {
            assert!((a - b).abs() <= 1e-11 * largest, "{name}: {a}, {b}");
            compared += 1;
        }
    }
    assert!(compared > 0, "nothing begins with {network}");
}

fn differ(a: &Found, b: &Found, network: &str) {
    let mut names = a.gradients.keys().filter(|name| name.starts_with(network));
    assert!(names.all(|name| {
        let [a, b] = [a, b].map(|found| &found.gradients[name]);
        a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-3 * a.abs())
    }));
}

fn same(a: &Found, b: &Found) {
    assert!((a.objective - b.objective).abs() < 1e-12 * a.objective.abs());
    same_gradients(a, b, "encoder.");
    same_gradients(a, b, "decoder.");
}

#[test]
fn miwae_and_ciwae_lie_between_the_elbo_and_the_importance_weighted_bound() {
    let of = |objective| find(config(), objective, weights(2.0));
    let iwae = of(Objective::Iwae { samples: 6 });
    let ciwae = |elbo_weight| {
        of(Objective::Ciwae(Ciwae {
            elbo_weight,
            samples: 6,
        }))
    };
    let miwae = |groups, samples| of(Objective::Miwae { groups, samples });
    let (elbo, half) = (ciwae(1.0), ciwae(0.5));
    same(&miwae(1, 6), &iwae);
    same(&ciwae(0.0), &iwae);
    same(&miwae(6, 1), &elbo);
    let excess = elbo.objective - elbo.terms["recon"];
    let cost = &elbo.terms["elbo"];
    assert!((elbo.objective - cost).abs() < 1e-12 && excess > 0.1);
    // The ELBO's own value, whose divergence is in closed form, differs by the luck of the draws.
    let closed = of(Objective::Elbo(Elbo {
        samples: 6,
        ..Elbo::default()
    }));
    assert!((closed.terms["recon"] - elbo.terms["recon"]).abs() < 1e-12);
    let mean = 0.5 * (elbo.objective + iwae.objective);
    assert!((half.objective - mean).abs() < 1e-12);
    // Jensen: more samples to a bound, a tighter bound.
    let bounds = [1, 2, 3, 6].map(|samples| miwae(6 / samples, samples).objective);
    assert!(bounds[0] > bounds[1] + 0.01 && bounds[0] > bounds[2] + 0.01);
    assert!(bounds[1] > bounds[3] + 0.01 && bounds[2] > bounds[3] + 0.01);
}

#[test]
fn piwae_has_an_objective_for_each_network() {
    for likelihood in [Likelihood::Bernoulli, Likelihood::SquaredError] {
        let config = || VaeConfig {
            likelihood,
            ..config()
        };
        let of = |objective| find(config(), objective, weights(2.0));
        let (groups, samples) = (3, 2);
        let piwae = of(Objective::Piwae { groups, samples });
        let miwae = of(Objective::Miwae { groups, samples });
        let iwae = of(Objective::Iwae { samples: 6 });
        assert!((piwae.objective - miwae.objective).abs() < 1e-12);
        assert!((piwae.terms["iwae"] - iwae.objective).abs() < 1e-12);
        same_gradients(&piwae, &miwae, "encoder.");
        same_gradients(&piwae, &iwae, "decoder.");
        differ(&piwae, &iwae, "encoder.");
        differ(&piwae, &miwae, "decoder.");
    }
}

/// Weights of groups that are thousands of nats apart, whose quotient no float holds.
#[test]
fn piwae_has_them_where_a_groups_weights_are_next_to_nothing() {
    let config = || VaeConfig {
        likelihood: Likelihood::Gaussian,
        ..config()
    };
    let of = |objective| find(config(), objective, weights(25.0));
    let (groups, samples) = (3, 2);
    let piwae = of(Objective::Piwae { groups, samples });
    let miwae = of(Objective::Miwae { groups, samples });
    let iwae = of(Objective::Iwae { samples: 6 });
    assert!(miwae.objective - iwae.objective > 1000.0);
    same_gradients(&piwae, &miwae, "encoder.");
    same_gradients(&piwae, &iwae, "decoder.");
}

/// A linear model, in which the true posterior is a Gaussian: x = a·z + c + noise of unit variance has the posterior
/// N(s·aᵀ(x − c), s) with 1/s = 1 + aᵀa. Hidden units of a large bias are in the linear part of ReLU.
fn exact(spec: &ParameterSpec) -> Vec<f64> {
    const BIAS: f64 = 50.0;
    let (a, c) = ([0.7, -1.1, 0.4], [0.2, 0.5, -0.3]);
    let s = 1.0 / (1.0 + a.iter().map(|a| a * a).sum::<f64>());
    match spec.name.as_str() {
        "encoder.hidden.0.weight" => a.to_vec(),
        "encoder.hidden.0.bias" | "decoder.hidden.0.bias" => vec![BIAS],
        "encoder.mu.weight" => vec![s],
        "encoder.mu.bias" => {
            let ac: f64 = a.iter().zip(c).map(|(a, c)| a * c).sum();
            vec![-s * (ac + BIAS)]
        }
        "encoder.logvar.weight" => vec![0.0],
        "encoder.logvar.bias" => vec![s.ln()],
        "decoder.hidden.0.weight" => vec![1.0],
        "decoder.output.weight" => a.to_vec(),
        "decoder.output.bias" => a.iter().zip(c).map(|(a, c)| c - BIAS * a).collect(),
        name => unreachable!("{name}"),
    }
}

#[test]
fn where_q_is_the_true_posterior_no_draw_moves_what_sticks_the_landing() {
    let config = || VaeConfig {
        input_dim: 3,
        hidden: vec![1],
        latent_dim: 1,
        likelihood: Likelihood::Gaussian,
        ..VaeConfig::default()
    };
    let samples = 4;
    let largest = |objective| {
        let found = find(config(), objective, |_, spec| exact(spec));
        let encoder = found.gradients.iter();
        let encoder = encoder.filter(|(name, _)| name.starts_with("encoder."));
        let values = encoder.flat_map(|(_, gradient)| gradient);
        values.fold(0.0, |most: f64, value| most.max(value.abs()))
    };
    let stl = Stl {
        samples,
        ..Stl::default()
    };
    for objective in [
        Objective::Stl(stl),
        Objective::IwaeStl { samples },
        Objective::Dreg { samples },
    ] {
        let largest = largest(objective);
        assert!(largest < 1e-11, "{objective:?}: {largest}");
    }
    // The same draws with the score move it.
    assert!(largest(Objective::Iwae { samples }) > 0.01);
    assert!(
        largest(Objective::Ciwae(Ciwae {
            elbo_weight: 1.0,
            samples
        })) > 0.01
    );
}

#[test]
fn the_parts_of_the_divergence_add_up_to_what_the_draws_say_of_it() {
    for samples in [1, 3] {
        let of = |objective| find(config(), objective, weights(2.0));
        let tc = |beta, images| {
            of(Objective::BetaTc(BetaTc {
                beta,
                images,
                samples,
            }))
        };
        let elbo = of(Objective::Ciwae(Ciwae {
            elbo_weight: 1.0,
            samples,
        }));
        let whole = tc(1.0, 50);
        same(&whole, &elbo);
        let parts = ["mi", "tc", "dwkl"].map(|name| whole.terms[name]);
        assert!(parts.iter().all(|part| part.abs() > 0.01), "{parts:?}");
        let weighted = tc(6.0, 50).objective;
        assert!((weighted - whole.objective - 5.0 * whole.terms["tc"]).abs() < 1e-11);
        // Minibatch-weighted sampling takes ln N off ln q(z), and as often off the product as z has dimensions.
        let one = tc(1.0, 1);
        let ln = 50f64.ln();
        assert!((whole.terms["mi"] - one.terms["mi"] - ln).abs() < 1e-11);
        let moved = (LATENT as f64 - 1.0) * ln;
        assert!((whole.terms["tc"] - one.terms["tc"] - moved).abs() < 1e-11);
        same_gradients(&tc(6.0, 1), &tc(6.0, 50), "encoder.");
    }
}
