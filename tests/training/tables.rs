//! Models of tables against PyTorch: layouts with and without missing cells. Forward values, gradients, losses and
//! parameters of five Adam steps, and cells that are filled.

use safetensors::SafeTensors;
use serde::Deserialize;
use vae_wgpu::data::table::Layout;
use vae_wgpu::executor::{Executor, Snapshot};
use vae_wgpu::graph::{Adam, Graph, Operand};
use vae_wgpu::model::{
    Bound, Elbo, EncoderInput, Inputs, Likelihood, Noise, Objective, Scale, Vae, VaeConfig,
};

use crate::support::harness::{Open, Test, tests};
use crate::truth::{BACKWARD, FORWARD, close};

pub(crate) fn tests() -> Vec<Test> {
    tests!(executors: tables_match_pytorch)
}

/// `tests/data/make_tables.py` says what it has.
const FIXTURE: &[u8] = include_bytes!("../data/tables.safetensors");

const STEPS: usize = 5;
const BATCH: usize = 6;
const LATENT: usize = 3;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    numbers: usize,
    counts: usize,
    categories: Vec<usize>,
    masked: bool,
    likelihood: Likelihood,
    scale: Scale,
    objective: Bound,
    samples: usize,
}

impl Case {
    fn layout(&self) -> Layout {
        Layout {
            numbers: self.numbers,
            counts: self.counts,
            categories: self.categories.clone(),
            masked: self.masked,
        }
    }

    fn vae(&self) -> Vae {
        let samples = self.samples;
        let layout = self.layout();
        Vae::new(VaeConfig {
            input_dim: layout.width(),
            hidden: vec![7],
            latent_dim: LATENT,
            likelihood: self.likelihood,
            scale: self.scale,
            encoder_input: match self.counts {
                0 => EncoderInput::Values,
                _ => EncoderInput::Log1p,
            },
            objective: match self.objective {
                Bound::Iwae => Objective::Iwae { samples },
                _ => Objective::Elbo(Elbo::default()),
            },
            table: Some(layout),
            ..VaeConfig::default()
        })
        .unwrap()
    }
}

/// A case with its tensors.
struct Recorded<'a> {
    case: &'a Case,
    file: &'a SafeTensors<'a>,
}

impl Recorded<'_> {
    fn floats(&self, name: &str) -> Vec<f32> {
        let name = format!("{}/{name}", self.case.name);
        let found = self
            .file
            .tensor(&name)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        bytemuck::pod_collect_to_vec(found.data())
    }

    fn close(&self, name: &str, found: &[f32], tolerance: f64) {
        let what = format!("{}: {name}", self.case.name);
        close(&what, found, &self.floats(name), tolerance);
    }

    fn check(&self, open: &Open) {
        let vae = self.case.vae();
        let specs = vae.parameters();
        let mut executor = open(specs.clone(), 0);
        let zeros: Vec<_> = specs
            .iter()
            .map(|spec| vec![0.0; spec.shape.len()])
            .collect();
        let initial = specs
            .iter()
            .map(|spec| self.floats(&format!("init.{}", spec.name)));
        executor
            .restore(&Snapshot {
                parameters: initial.collect(),
                m: zeros.clone(),
                v: zeros,
            })
            .unwrap();
        self.check_imputation(&vae, &mut *executor);
        self.check_training(&vae, &mut *executor);
        if vae.config().likelihood == Likelihood::Laplace {
            return;
        }
        let updated = executor.snapshot().unwrap().parameters;
        for (spec, found) in specs.iter().zip(&updated) {
            self.close(&format!("final.{}", spec.name), found, BACKWARD);
        }
    }

    /// x and ε of the first step.
    fn first(&self) -> [Vec<f32>; 2] {
        ["x", "eps"].map(|name| {
            let all = self.floats(name);
            all[..all.len() / STEPS].to_vec()
        })
    }

    fn check_imputation(&self, vae: &Vae, executor: &mut dyn Executor) {
        let samples = self.case.samples;
        let found = vae.imputation_graph(BATCH, samples, false).unwrap();
        let [x, noise] = self.first();
        let shift = vec![0.0; samples];
        let given = [
            (found.inputs.x, x.as_slice()),
            (found.eps, noise.as_slice()),
            (found.shift, shift.as_slice()),
        ];
        let mut session = executor.session(found.graph).unwrap();
        let tensors = session.run(0, &given).unwrap().tensors;
        self.close("step0.imputed", &tensors[1], FORWARD);
    }

    fn check_training(&self, vae: &Vae, executor: &mut dyn Executor) {
        let samples = self.case.samples;
        let mut g = Graph::new();
        let x = g.input("x", [BATCH, vae.config().input_dim]);
        let eps = g.input("eps", [BATCH * samples, LATENT]);
        let pass = vae.objective(&mut g, Inputs { x, label: None }, Noise::Given(eps));
        g.minimize(Adam::default());
        let mean = vae.mean(&mut g, &pass.outputs);
        let rows = Operand::from(x).repeated(samples);
        let cells = vae.reconstruction_each(&mut g, &pass.outputs, rows);
        let mut expected = Vec::new();
        for (name, tensor) in [
            ("mu", pass.mu),
            ("logvar", pass.logvar),
            ("z", pass.z),
            ("outputs", pass.outputs.output),
            ("mean", mean),
            ("cells", cells),
        ] {
            g.output(tensor);
            expected.push((format!("step0.{name}"), FORWARD));
        }
        assert_eq!(g.gradients().len(), vae.parameters().len());
        for (parameter, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            expected.push((format!("step0.grad.{}", g.tensor(parameter).name), BACKWARD));
        }
        let column = |name| 1 + g.terms().iter().position(|term| term.name == name).unwrap();
        let columns = [0, column("recon"), column("kl")];
        let [images, noise] = ["x", "eps"].map(|name| self.floats(name));
        let losses = self
            .file
            .tensor(&format!("{}/losses", self.case.name))
            .unwrap();
        let losses: Vec<f64> = bytemuck::pod_collect_to_vec(losses.data());
        let mut session = executor.session(g).unwrap();
        // The gradient of a Laplace distribution's location is a sum of signs, which cancel where a column of a batch has
        // as many cells above as below. Adam makes whole steps of what an executor's rounding leaves of zero.
        let steps = match vae.config().likelihood {
            Likelihood::Laplace => 1,
            _ => STEPS,
        };
        for step in 0..steps {
            let of_step = |all: &[f32]| {
                let len = all.len() / STEPS;
                all[step * len..][..len].to_vec()
            };
            let [images, noise] = [of_step(&images), of_step(&noise)];
            let given = [(x, images.as_slice()), (eps, noise.as_slice())];
            let result = session.run(step as u32, &given).unwrap();
            if step == 0 {
                for ((name, tolerance), found) in expected.iter().zip(&result.tensors) {
                    self.close(name, found, *tolerance);
                }
            }
            for (column, expected) in columns.into_iter().zip(&losses[3 * step..]) {
                let found = f64::from(result.losses[column]);
                let error = (found / expected - 1.0).abs();
                let name = &self.case.name;
                assert!(
                    error <= if step == 0 { FORWARD } else { BACKWARD },
                    "{name}, step {step}: {found}, not {expected}"
                );
            }
        }
    }
}

fn tables_match_pytorch(open: &Open) {
    let file = SafeTensors::deserialize(FIXTURE).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(FIXTURE).unwrap();
    let cases = &metadata.metadata().as_ref().unwrap()["cases"];
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    for case in &cases {
        Recorded { case, file: &file }.check(open);
    }
}
