//! The family against PyTorch: every objective, posterior, likelihood, scale and condition, and some of them together.
//! Forward values, gradients, losses and parameters of five Adam steps.

use std::collections::HashMap;

use safetensors::SafeTensors;
use serde::Deserialize;
use vae_wgpu::executor::{Executor, Outputs, ParameterSpec, Snapshot};
use vae_wgpu::graph::{Activation, Adam, Graph, Ramp};
use vae_wgpu::model::{
    BetaTc, Bound, Capacity, Ciwae, Condition, Elbo, EncoderInput, Flow, Hierarchy, Inference,
    Info, Inputs, Likelihood, Mode, Network, Noise, Norm, Objective, Posterior, Prior, Scale, Stl,
    StochasticLayer, Vae, VaeConfig,
};

use crate::support::harness::{Open, Test, tests};
use crate::truth::{BACKWARD, FORWARD, close};

pub(crate) fn tests() -> Vec<Test> {
    tests!(executors: the_family_matches_pytorch)
}

/// `tests/data/make_family.py` says what these are: a file for each program that makes some.
const FIXTURES: [&[u8]; 6] = [
    include_bytes!("../data/family.safetensors"),
    include_bytes!("../data/family_hierarchy.safetensors"),
    include_bytes!("../data/family_objectives.safetensors"),
    include_bytes!("../data/family_likelihoods.safetensors"),
    include_bytes!("../data/family_priors.safetensors"),
    include_bytes!("../data/family_network.safetensors"),
];

const STEPS: usize = 5;
const BATCH: usize = 6;
const DIM: usize = 12;
const LATENT: usize = 3;
const CLASSES: usize = 4;

/// What a case is made of.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    hidden: Vec<usize>,
    activation: Activation,
    likelihood: Likelihood,
    scale: Scale,
    #[serde(default)]
    levels: usize,
    #[serde(default)]
    encoder_input: EncoderInput,
    condition: Condition,
    estimator: Bound,
    samples: usize,
    beta: f64,
    schedule: Schedule,
    schedule_steps: u32,
    free_bits: f64,
    posterior: Posterior,
    flow_steps: usize,
    flow_hidden: usize,
    flow_context: usize,
    /// Those above the first, where the case is a hierarchy.
    #[serde(default)]
    above: Option<Vec<usize>>,
    /// Units of the hidden layers below each of these.
    #[serde(default)]
    between: Vec<Vec<usize>>,
    #[serde(default)]
    ladder: bool,
    #[serde(default)]
    outer_samples: usize,
    #[serde(default)]
    elbo_weight: f64,
    #[serde(default)]
    capacity: f64,
    #[serde(default)]
    capacity_weight: f64,
    #[serde(default)]
    info_alpha: f64,
    #[serde(default)]
    info_lambda: f64,
    #[serde(default)]
    images: usize,
    #[serde(default)]
    prior: Prior,
    #[serde(default)]
    components: usize,
    #[serde(default)]
    norm: Norm,
    #[serde(default)]
    dropout: f64,
    #[serde(default)]
    residual: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Schedule {
    Constant,
    WarmUp,
    Cyclical,
}

impl Case {
    fn vae(&self) -> Vae {
        let steps = self.schedule_steps;
        let ramp = match self.schedule {
            Schedule::Constant => Ramp::NONE,
            Schedule::WarmUp => Ramp { steps, period: 0 },
            Schedule::Cyclical => Ramp {
                steps: steps / 2,
                period: steps,
            },
        };
        let (beta, groups, samples) = (self.beta, self.outer_samples, self.samples);
        let objective = match self.estimator {
            Bound::Elbo => Objective::Elbo(Elbo {
                beta,
                ramp,
                free_bits: self.free_bits,
                samples,
            }),
            Bound::Iwae => Objective::Iwae { samples },
            Bound::Dreg => Objective::Dreg { samples },
            Bound::Stl => Objective::Stl(Stl {
                beta,
                ramp,
                samples,
            }),
            Bound::IwaeStl => Objective::IwaeStl { samples },
            Bound::Miwae => Objective::Miwae { groups, samples },
            Bound::Piwae => Objective::Piwae { groups, samples },
            Bound::Ciwae => Objective::Ciwae(Ciwae {
                elbo_weight: self.elbo_weight,
                samples,
            }),
            Bound::Capacity => Objective::Capacity(Capacity {
                weight: self.capacity_weight,
                nats: self.capacity,
                ramp: Ramp { steps, period: 0 },
                samples,
            }),
            Bound::BetaTc => Objective::BetaTc(BetaTc {
                beta,
                images: self.images,
                samples,
            }),
            Bound::Info => Objective::Info(Info {
                alpha: self.info_alpha,
                lambda: self.info_lambda,
                samples,
            }),
        };
        let config = VaeConfig {
            input_dim: DIM,
            hidden: self.hidden.clone(),
            latent_dim: LATENT,
            hierarchy: self.hierarchy(),
            activation: self.activation,
            network: Network {
                norm: self.norm,
                dropout: self.dropout,
                residual: self.residual,
            },
            posterior: self.posterior,
            flow: Flow {
                steps: self.flow_steps,
                hidden: self.flow_hidden,
                context: self.flow_context,
            },
            prior: self.prior,
            components: self.components,
            likelihood: self.likelihood,
            scale: self.scale,
            levels: self.levels,
            encoder_input: self.encoder_input,
            condition: self.condition,
            classes: CLASSES,
            objective,
            ..VaeConfig::default()
        };
        Vae::new(config).unwrap()
    }

    fn hierarchy(&self) -> Option<Hierarchy> {
        let layers = self.above.as_ref()?.iter().zip(&self.between);
        let layer = |(&latent_dim, hidden): (&usize, &Vec<usize>)| StochasticLayer {
            latent_dim,
            hidden: hidden.clone(),
        };
        Some(Hierarchy {
            above: layers.map(layer).collect(),
            inference: match self.ladder {
                false => Inference::BottomUp,
                true => Inference::Ladder,
            },
        })
    }

    fn check(&self, file: &SafeTensors<'_>, open: &Open) {
        let vae = self.vae();
        let specs = vae.parameters();
        let mut executor = open(specs.clone(), 0);
        let initial = |spec: &ParameterSpec| {
            let own = format!("{}/init.{}", self.name, spec.name);
            let dims: Vec<_> = spec.shape.dims().iter().map(usize::to_string).collect();
            let shared = format!("init.{}.{}", spec.name, dims.join("x"));
            let found = file.tensor(&own).or_else(|_| file.tensor(&shared));
            bytemuck::pod_collect_to_vec(found.unwrap().data())
        };
        let zeros: Vec<_> = specs
            .iter()
            .map(|spec| vec![0.0; spec.shape.len()])
            .collect();
        executor
            .restore(&Snapshot {
                parameters: specs.iter().map(initial).collect(),
                m: zeros.clone(),
                v: zeros,
            })
            .unwrap();

        let floats = |name: &str| -> Vec<f32> {
            let name = format!("{}/{name}", self.name);
            let found = file.tensor(&name).unwrap_or_else(|e| panic!("{name}: {e}"));
            bytemuck::pod_collect_to_vec(found.data())
        };
        let mut g = Graph::new();
        let x = g.input("x", [BATCH, DIM]);
        let labelled = self.condition != Condition::None;
        let label = labelled.then(|| g.input("label", [BATCH, CLASSES]));
        let samples = vae.config().objective.samples();
        let rows = BATCH * samples;
        let noise = file.tensor(&format!("eps.{samples}")).unwrap();
        let width = noise.shape()[2];
        let eps = g.input("eps", [rows, width]);
        let training = vae.clone().with_mode(Mode::Training);
        let pass = training.objective(&mut g, Inputs { x, label }, Noise::Given(eps));
        g.minimize(Adam::default());
        let mut expected = Vec::new();
        for (name, tensor) in [
            ("mu", pass.mu),
            ("logvar", pass.logvar),
            ("z", pass.z),
            ("outputs", pass.outputs.output),
        ] {
            g.output(tensor);
            expected.push((format!("step0.{name}"), FORWARD));
        }
        let parameters = specs.iter().filter(|spec| !spec.is_state());
        assert_eq!(g.gradients().len(), parameters.count(), "{}", self.name);
        for (parameter, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            expected.push((format!("step0.grad.{}", g.tensor(parameter).name), BACKWARD));
        }
        let prior = g.find("prior.z");
        let terms: HashMap<_, _> = g.terms().iter().map(|t| t.name.clone()).zip(1..).collect();

        let own = file.tensor(&format!("{}/images", self.name));
        let images = own.or_else(|_| file.tensor("images"));
        let images = images.unwrap().data();
        let white = if self.likelihood.is_of_counts() {
            1.0
        } else {
            255.0
        };
        let labels = file.tensor("labels").unwrap().data();
        let draws = |of: &str| -> Vec<f32> {
            let found = file.tensor(&format!("{of}.{samples}")).unwrap();
            bytemuck::pod_collect_to_vec(found.data())
        };
        let noise = draws("eps");
        let of_prior = prior.map(|prior| (prior, draws("prior")));
        let losses = file.tensor(&format!("{}/losses", self.name)).unwrap();
        let losses: Vec<f64> = bytemuck::pod_collect_to_vec(losses.data());
        let mut session = executor.session(g).unwrap();
        let mut first = Vec::new();
        for step in 0..STEPS {
            let bytes = &images[step * BATCH * DIM..][..BATCH * DIM];
            let pixels: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / white).collect();
            let classes = &labels[step * BATCH..][..BATCH];
            let hot =
                |&label: &u8| (0..CLASSES).map(move |class| f32::from(class == usize::from(label)));
            let hot: Vec<f32> = classes.iter().flat_map(hot).collect();
            let of_step = |all: &[f32], width| all[step * rows * width..][..rows * width].to_vec();
            let (noise, of_prior) = (of_step(&noise, width), of_prior.as_ref());
            let of_prior = of_prior.map(|(prior, all)| (*prior, of_step(all, LATENT)));
            let mut given = vec![(x, pixels.as_slice()), (eps, noise.as_slice())];
            given.extend(label.map(|label| (label, hot.as_slice())));
            given.extend(of_prior.as_ref().map(|(prior, of)| (*prior, of.as_slice())));
            let result = session.run(step as u32, &given).unwrap();
            if step == 0 {
                first = given.iter().map(|&(_, values)| values.to_vec()).collect();
                for ((name, tolerance), actual) in expected.iter().zip(&result.tensors) {
                    let what = format!("{}: {name}", self.name);
                    close(&what, actual, &floats(name), *tolerance);
                }
                let layers = (1..).map_while(|layer| terms.get(&format!("kl_{layer}")));
                let layers: Vec<_> = layers.map(|&column| result.losses[column]).collect();
                if !layers.is_empty() {
                    let what = format!("{}: kl of each layer", self.name);
                    close(&what, &layers, &floats("step0.layers"), FORWARD);
                }
            }
            let columns = [0, terms["recon"], terms["kl"]];
            for (column, expected) in columns.into_iter().zip(&losses[3 * step..]) {
                let actual = f64::from(result.losses[column]);
                let error = (actual / expected - 1.0).abs();
                assert!(
                    error <= FORWARD,
                    "{}, step {step}: {actual}, not {expected}: off by {error:e}",
                    self.name
                );
            }
        }
        let updated = executor.snapshot().unwrap().parameters;
        for (spec, actual) in specs.iter().zip(&updated) {
            let name = format!("final.{}", spec.name);
            close(
                &format!("{}: {name}", self.name),
                actual,
                &floats(&name),
                BACKWARD,
            );
        }
        if file.tensor(&format!("{}/eval.losses", self.name)).is_ok() {
            let found = self.evaluate(&vae, executor.as_mut(), &first);
            close(
                &format!("{}: evaluation", self.name),
                &found.tensors[0],
                &floats("eval.outputs"),
                BACKWARD,
            );
            let terms = [0, terms["recon"], terms["kl"]];
            for (term, expected) in terms.into_iter().zip(floats("eval.losses")) {
                let error = (found.losses[term] / expected - 1.0).abs();
                assert!(
                    f64::from(error) <= BACKWARD,
                    "{}: off by {error:e}",
                    self.name
                );
            }
        }
    }

    /// The objective of values of x, ε and the labels, and the decoder's outputs, in evaluation mode.
    fn evaluate(&self, vae: &Vae, executor: &mut dyn Executor, given: &[Vec<f32>]) -> Outputs {
        let mut g = Graph::new();
        let x = g.input("x", [BATCH, DIM]);
        let eps = g.input("eps", [BATCH * self.samples, LATENT]);
        let labelled = self.condition != Condition::None;
        let label = labelled.then(|| g.input("label", [BATCH, CLASSES]));
        let pass = vae.objective(&mut g, Inputs { x, label }, Noise::Given(eps));
        g.output(pass.outputs.output);
        let inputs = [x, eps].into_iter().chain(label);
        let inputs: Vec<_> = inputs.zip(given.iter().map(Vec::as_slice)).collect();
        let mut session = executor.session(g).unwrap();
        session.run(0, &inputs).unwrap()
    }
}

/// The cases of a file.
fn cases(fixture: &[u8]) -> Vec<Case> {
    let (_, metadata) = SafeTensors::read_metadata(fixture).unwrap();
    let cases = &metadata.metadata().as_ref().unwrap()["cases"];
    serde_json::from_str(cases).unwrap()
}

fn the_family_matches_pytorch(open: &Open) {
    let all: Vec<Case> = FIXTURES.into_iter().flat_map(cases).collect();
    let covered = |likelihood: &Likelihood| all.iter().any(|case| case.likelihood == *likelihood);
    assert!(
        Likelihood::ALL.iter().all(covered),
        "a likelihood without a case"
    );
    let covered = |bound: &Bound| all.iter().any(|case| case.estimator == *bound);
    assert!(
        Bound::ALL.iter().all(covered),
        "an objective without a case"
    );
    let covered = |scale: &Scale| all.iter().any(|case| case.scale == *scale);
    assert!(Scale::ALL.iter().all(covered), "a scale without a case");
    let covered = |posterior: &Posterior| all.iter().any(|case| case.posterior == *posterior);
    assert!(
        Posterior::ALL.iter().all(covered),
        "a posterior without a case"
    );
    let covered = |prior: &Prior| all.iter().any(|case| case.prior == *prior);
    assert!(Prior::ALL.iter().all(covered), "a prior without a case");
    let covered = |activation: &Activation| all.iter().any(|case| case.activation == *activation);
    assert!(
        Activation::ALL.iter().all(covered),
        "an activation without a case"
    );
    let covered = |norm: &Norm| all.iter().any(|case| case.norm == *norm);
    assert!(Norm::ALL.iter().all(covered), "a norm without a case");
    for fixture in FIXTURES {
        let file = SafeTensors::deserialize(fixture).unwrap();
        for case in cases(fixture) {
            case.check(&file, open);
        }
    }
}
