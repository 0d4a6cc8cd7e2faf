//! Scores against their definitions in f64, and the same for the same example wherever it stands.

use std::num::NonZeroUsize;

use super::*;
use crate::cpu::CpuExecutor;
use crate::eval::{Autoencoder, InputError};
use crate::executor::{Executor, Snapshot};
use crate::model::{
    Condition, Flow, Hierarchy, Inference, Likelihood, Posterior, Scale, StochasticLayer, Vae,
    VaeConfig,
};
use crate::reference::ReferenceExecutor;
use crate::rng::{self, Stream};

const DIM: usize = 5;
const LATENT: usize = 2;
const SEED: u64 = 3;

fn config() -> VaeConfig {
    VaeConfig {
        input_dim: DIM,
        hidden: vec![4],
        latent_dim: LATENT,
        ..VaeConfig::default()
    }
}

/// Values that look drawn, each parameter others.
fn parameters(vae: &Vae) -> Vec<Vec<f32>> {
    let of_spec = |(number, spec): (usize, crate::executor::ParameterSpec)| {
        let value = |at: usize| 0.8 * ((7.3 * at as f32 + 2.1 * number as f32).sin());
        (0..spec.shape.len()).map(value).collect()
    };
    vae.parameters()
        .into_iter()
        .enumerate()
        .map(of_spec)
        .collect()
}

fn model(config: VaeConfig, on_processor: bool) -> Autoencoder {
    let vae = Vae::new(config).unwrap();
    let specs = vae.parameters();
    let parameters = parameters(&vae);
    let zeros: Vec<_> = parameters.iter().map(|of| vec![0.0; of.len()]).collect();
    let (m, v) = (zeros.clone(), zeros);
    let mut executor: Box<dyn Executor> = match on_processor {
        true => Box::new(CpuExecutor::new(specs, 9, NonZeroUsize::MIN)),
        false => Box::new(ReferenceExecutor::new(specs, 9)),
    };
    executor.restore(&Snapshot { parameters, m, v }).unwrap();
    Autoencoder::new(vae, executor)
}

/// Examples of values from 0 to 1.
fn examples(count: usize) -> Vec<f32> {
    let value = |at: usize| 0.5 + 0.5 * (1.7 * at as f32).sin();
    (0..count * DIM).map(value).collect()
}

/// A layer in f64.
fn layer(weight: &[f32], bias: &[f32], x: &[f64]) -> Vec<f64> {
    let rows = weight.chunks(x.len()).zip(bias);
    let dot = |row: &[f32]| -> f64 { row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum() };
    rows.map(|(row, &bias)| dot(row) + f64::from(bias))
        .collect()
}

/// What the model of [`config`] says of an example in f64: μ, log σ², and −ln p of each value at a z.
struct ByHand {
    parameters: Vec<Vec<f32>>,
    x: Vec<f64>,
    mu: Vec<f64>,
    logvar: Vec<f64>,
}

impl ByHand {
    fn new(x: &[f32]) -> Self {
        let parameters = parameters(&Vae::new(config()).unwrap());
        let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        let [w, b, mw, mb, lw, lb, ..] = parameters.as_slice() else {
            panic!("no encoder");
        };
        let hidden: Vec<f64> = layer(w, b, &x).into_iter().map(|h| h.max(0.0)).collect();
        let (mu, logvar) = (layer(mw, mb, &hidden), layer(lw, lb, &hidden));
        Self {
            x,
            mu,
            logvar,
            parameters,
        }
    }

    fn cells(&self, z: &[f64]) -> Vec<f64> {
        let [w, b, ow, ob] = &self.parameters[6..] else {
            panic!("no decoder");
        };
        let hidden: Vec<f64> = layer(w, b, z).into_iter().map(|h| h.max(0.0)).collect();
        let logits = layer(ow, ob, &hidden);
        let pairs = logits.iter().zip(&self.x);
        pairs.map(|(l, x)| l.exp().ln_1p() - x * l).collect()
    }

    /// z of a draw, and ln q(z | x) − ln p(z).
    fn draw(&self, number: usize) -> (Vec<f64>, f64) {
        let eps =
            |dim| f64::from(rng::normal(SEED, Stream::Scoring, 0, number * LATENT + dim) as f32);
        let eps: Vec<f64> = (0..LATENT).map(eps).collect();
        let both = self.mu.iter().zip(&self.logvar).zip(&eps);
        let z: Vec<f64> = both.map(|((mu, l), e)| mu + (0.5 * l).exp() * e).collect();
        let excess = z.iter().zip(&self.logvar).zip(&eps);
        let excess = excess.map(|((z, l), e)| 0.5 * (z * z - l - e * e)).sum();
        (z, excess)
    }

    /// The score, each value's share in it, and what is left.
    fn score(&self, by: ScoreBy) -> (f64, Vec<f64>, f64) {
        let samples = match by {
            ScoreBy::Reconstruction => {
                let cells = self.cells(&self.mu);
                return (cells.iter().sum(), cells, 0.0);
            }
            ScoreBy::LogLikelihood { samples } | ScoreBy::Elbo { samples } => samples,
        };
        let draws: Vec<_> = (0..samples).map(|number| self.draw(number)).collect();
        let cells: Vec<_> = draws.iter().map(|(z, _)| self.cells(z)).collect();
        let log_weight = |(cells, (_, excess)): (&Vec<f64>, &(Vec<f64>, f64))| {
            -cells.iter().sum::<f64>() - excess
        };
        let weights: Vec<f64> = match by {
            ScoreBy::Elbo { .. } => vec![1.0; samples],
            _ => cells
                .iter()
                .zip(&draws)
                .map(log_weight)
                .map(f64::exp)
                .collect(),
        };
        let total: f64 = weights.iter().sum();
        let mean = |of: &dyn Fn(usize) -> f64| -> f64 {
            (0..samples).map(|k| weights[k] / total * of(k)).sum()
        };
        let of_values: Vec<f64> = (0..DIM).map(|d| mean(&|k| cells[k][d])).collect();
        let (latent, score) = match by {
            ScoreBy::Elbo { .. } => {
                let kl = self.mu.iter().zip(&self.logvar);
                let kl: f64 = kl.map(|(mu, l)| 0.5 * (mu * mu + l.exp() - l - 1.0)).sum();
                (kl, kl + of_values.iter().sum::<f64>())
            }
            // KL(p(z | x) ‖ p(z)) by the weights, which stand for p(z | x).
            _ => {
                let excess = |k: usize| draws[k].1 + (samples as f64 * weights[k] / total).ln();
                (mean(&excess), -(total / samples as f64).ln())
            }
        };
        (score, of_values, latent)
    }
}

const ALL: [ScoreBy; 4] = [
    ScoreBy::LogLikelihood { samples: 1 },
    // Of two runs for each example, of which the second is not full.
    ScoreBy::LogLikelihood { samples: 65 },
    ScoreBy::Elbo { samples: 3 },
    ScoreBy::Reconstruction,
];

#[test]
fn scores_and_their_parts_are_those_of_the_definitions_in_f64() {
    let rows = examples(3);
    let mut model = model(config(), true);
    for by in ALL {
        let scores = model.scorer(by, SEED).unwrap().score(&rows, None).unwrap();
        let parts = model.explainer(by, SEED).unwrap();
        let parts = { parts }.explain(&rows, None).unwrap();
        for (example, x) in rows.chunks(DIM).enumerate() {
            let (score, cells, latent) = ByHand::new(x).score(by);
            let near = |found: f64, expected: f64| {
                assert!(
                    (found - expected).abs() < 2e-5,
                    "{by:?}, example {example}: {found}, not {expected}"
                );
            };
            near(scores[example], score);
            near(parts.scores[example], score);
            near(parts.latent[example], latent);
            let found = &parts.cells[example * DIM..][..DIM];
            found.iter().zip(cells).for_each(|(&f, e)| near(f, e));
            let sum: f64 = found.iter().sum();
            assert!((sum + parts.latent[example] - parts.scores[example]).abs() < 1e-12);
        }
    }
}

/// On the processor, whose products are cut into blocks: alone, at the end of many, in the second chunk.
#[test]
fn an_example_has_the_same_score_wherever_it_stands() {
    let config = VaeConfig {
        hidden: vec![19],
        latent_dim: 7,
        ..config()
    };
    let mut model = model(config, true);
    let rows = examples(300);
    for by in ALL {
        let mut scorer = model.scorer(by, SEED).unwrap();
        let all = scorer.score(&rows, None).unwrap();
        for example in [0, 1, 17, 255, 256, 299] {
            let alone = scorer.score(&rows[example * DIM..][..DIM], None).unwrap();
            assert_eq!(alone, [all[example]], "{by:?}, example {example}");
        }
        let rest = scorer.score(&rows[123 * DIM..], None).unwrap();
        assert_eq!(rest, all[123..], "{by:?}");
    }
}

/// Of every kind of posterior, of layers above each other, of counts, levels and labels, what each value adds is a part of
/// the whole.
#[test]
fn parts_add_up_in_every_kind_of_model() {
    let above = StochasticLayer {
        hidden: vec![3],
        latent_dim: 2,
    };
    let hierarchy = |inference| {
        Some(Hierarchy {
            inference,
            above: vec![above.clone()],
        })
    };
    let flow = |posterior| VaeConfig {
        posterior,
        flow: Flow {
            steps: 2,
            hidden: 3,
            context: 2,
        },
        ..config()
    };
    let of = |likelihood, scale| VaeConfig {
        likelihood,
        scale,
        levels: 3,
        ..config()
    };
    let labels = [2, 0];
    let conditional = VaeConfig {
        condition: Condition::Both,
        classes: 3,
        ..config()
    };
    let configs = [
        flow(Posterior::Planar),
        flow(Posterior::Iaf),
        VaeConfig {
            hierarchy: hierarchy(Inference::BottomUp),
            ..config()
        },
        VaeConfig {
            hierarchy: hierarchy(Inference::Ladder),
            ..config()
        },
        of(Likelihood::Categorical, Scale::Unit),
        of(Likelihood::ZeroInflatedNegativeBinomial, Scale::PerPixel),
        of(Likelihood::StudentT, Scale::PerDimension),
        conditional,
    ];
    for config in configs {
        let counts = config.likelihood.is_of_counts();
        let rows = examples(2).into_iter();
        let rows: Vec<f32> = rows
            .map(|x| if counts { (9.0 * x).floor() } else { x })
            .collect();
        let mut model = model(config.clone(), false);
        for by in [
            ScoreBy::LogLikelihood { samples: 3 },
            ScoreBy::Elbo { samples: 2 },
            ScoreBy::Reconstruction,
        ] {
            let mut explainer = model.explainer(by, SEED).unwrap();
            let found = explainer.explain(&rows, Some(&labels)).unwrap();
            assert!(
                found.scores.iter().all(|score| score.is_finite()),
                "{config:?}"
            );
            if by == ScoreBy::Reconstruction {
                let off = found.latent.iter().map(|of| of.abs()).fold(0.0, f64::max);
                assert!(off < 1e-4, "{config:?}: {off}");
            }
            let scores = model.scorer(by, SEED).unwrap();
            let scores = { scores }.score(&rows, Some(&labels)).unwrap();
            for (a, b) in scores.iter().zip(&found.scores) {
                assert!((a - b).abs() < 1e-4, "{config:?}: {a}, {b}");
            }
        }
    }
}

#[test]
fn what_has_no_score_is_refused_by_name() {
    let refused = |config: VaeConfig, by| {
        let refused = model(config, false).scorer(by, SEED).err();
        refused.map(|error| error.to_string()).unwrap_or_default()
    };
    let likely = ScoreBy::LogLikelihood { samples: 1 };
    let squared = VaeConfig {
        likelihood: Likelihood::SquaredError,
        ..config()
    };
    let optimal = VaeConfig {
        likelihood: Likelihood::Gaussian,
        scale: Scale::Optimal,
        ..config()
    };
    assert!(refused(squared.clone(), likely).contains("squared-error"));
    assert_eq!(refused(squared, ScoreBy::Reconstruction), "");
    assert!(refused(optimal, ScoreBy::Reconstruction).contains("optimal"));
    assert!(refused(config(), ScoreBy::Elbo { samples: 0 }).contains("1 or more"));

    let conditional = VaeConfig {
        condition: Condition::Decoder,
        classes: 3,
        ..config()
    };
    let mut scorer = model(conditional, false).scorer(likely, SEED).unwrap();
    let mut input = |rows: &[f32], labels: Option<&[u8]>| match scorer.score(rows, labels) {
        Err(ScoreError::Input(error)) => error,
        other => panic!("{other:?}"),
    };
    let rows = examples(2);
    assert!(matches!(input(&rows, None), InputError::NoLabels { .. }));
    assert!(matches!(
        input(&rows, Some(&[0, 3])),
        InputError::Label {
            row: 1,
            label: 3,
            ..
        }
    ));
    assert!(matches!(
        input(&rows, Some(&[0])),
        InputError::Labels { .. }
    ));
    assert!(matches!(input(&rows[1..], None), InputError::Values { .. }));
    let mut spoiled = rows.clone();
    spoiled[DIM + 2] = f32::NAN;
    let error = input(&spoiled, Some(&[0, 1]));
    assert!(matches!(
        error,
        InputError::NonFinite {
            row: 1,
            column: 2,
            ..
        }
    ));
}
