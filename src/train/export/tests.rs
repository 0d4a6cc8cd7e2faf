//! Files of every member of the family; see `onnx/tests.rs` for how they are compared.

use super::*;
use crate::checkpoint::Tensor;
use crate::data::Pixels;
use crate::eval::{Autoencoder, Encoded};
use crate::executor::{Executor, Snapshot};
use crate::graph::Activation;
use crate::model::{Condition, EncoderInput, Likelihood, Norm, Posterior, Scale};
use crate::onnx::tests::{COMPARED, check, fixtures, numbers, save_case};
use crate::reference::ReferenceExecutor;
use crate::train::Observed;

/// Values of an image: 3 × 4.
const DIM: usize = 12;

/// Classes of the labels.
const CLASSES: usize = 3;

struct Case {
    name: String,
    settings: Settings,
    /// The values of training images.
    range: [f32; 2],
    bytes: bool,
}

/// Every part that a network has, and what is done to values.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings {
            hidden: vec![8],
            latent: 3,
            ..Settings::default()
        };
        change(&mut settings);
        let (name, range, bytes) = (name.to_owned(), [0.0, 1.0], false);
        cases.push(Case {
            name,
            settings,
            range,
            bytes,
        });
    };
    add("plain", &|_| {});
    for norm in [Norm::Batch, Norm::Layer] {
        for activation in Activation::ALL {
            let name = format!("deep {} {}", norm.name(), activation.name());
            add(&name, &|settings| {
                settings.hidden = vec![8, 8, 6];
                settings.residual = true;
                settings.norm = norm;
                settings.activation = activation;
            });
        }
    }
    for likelihood in Likelihood::ALL {
        let scale = likelihood.density().scale.is_some();
        let scales = [
            Scale::Unit,
            Scale::Shared,
            Scale::PerDimension,
            Scale::PerPixel,
        ];
        for of in scales.into_iter().take(if scale { 4 } else { 1 }) {
            let name = format!("{} {}", likelihood.density().name, of.name());
            add(&name, &|settings| {
                settings.likelihood = likelihood;
                settings.scale = of;
                settings.levels = (likelihood == Likelihood::Categorical).then_some(7);
            });
        }
    }
    for posterior in Posterior::ALL {
        add(posterior.name(), &|settings| settings.posterior = posterior);
    }
    for condition in Condition::ALL {
        let name = format!("labels {}", condition.name());
        add(&name, &|settings| settings.condition = condition);
    }
    add("labels in part", &|settings| {
        settings.condition = Condition::Both;
        settings.labelled = Some(CLASSES);
    });
    for ladder in [false, true] {
        let name = format!("layers {ladder}");
        add(&name, &|settings| {
            settings.stochastic_layers = vec![3, 2];
            settings.between = settings.default_between();
            settings.ladder = ladder;
            settings.condition = Condition::Decoder;
        });
    }
    add("counts as they are", &|settings| {
        settings.likelihood = Likelihood::NegativeBinomial;
        settings.encoder_input = Some(EncoderInput::Values);
    });
    let mut min_max = |name: &str, range: [f32; 2], likelihood: Likelihood| {
        cases.push(Case {
            name: name.to_owned(),
            settings: Settings {
                hidden: vec![8],
                latent: 3,
                normalize: Normalize::MinMax,
                likelihood,
                ..Settings::default()
            },
            range,
            bytes: false,
        });
    };
    min_max("numbers", [-3.0, 40.0], Likelihood::Gaussian);
    min_max("numbers held", [-0.5, 0.25], Likelihood::Bernoulli);
    for name in ["plain", "poisson unit", "numbers held"] {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let of_bytes = Case {
            name: format!("{name} bytes"),
            settings: case.settings.clone(),
            range: case.range,
            bytes: true,
        };
        cases.push(of_bytes);
    }
    cases
}

impl Case {
    fn vae(&self, scaling: &Scaling) -> Vae {
        let observed = Observed {
            dim: DIM,
            classes: CLASSES,
            table: None,
        };
        let vae = self.settings.vae(observed).unwrap();
        vae.with_library(scaling.library())
    }

    fn scaling(&self) -> Scaling {
        let scaling = Scaling::new(&self.settings, self.range);
        match self.settings.likelihood.is_of_counts() {
            true => scaling.with_library(37.5),
            false => scaling,
        }
    }

    fn files(&self) -> [(Network, Onnx); 3] {
        let scaling = self.scaling();
        let vae = self.vae(&scaling);
        let weights = weights(&vae);
        let exported = Exported {
            vae: &vae,
            scaling: &scaling,
            settings: &self.settings,
            checkpoint: &weights,
            image: [3, 4].into(),
            table: None,
            bytes: self.bytes,
        };
        Network::ALL.map(|network| (network, exported.onnx(network).unwrap()))
    }

    /// So many images: values as the data have them, and as files take them where those are bytes.
    fn images(&self, batch: usize) -> (Pixels, Vec<f32>) {
        let [min, max] = self.range;
        let numbers = numbers("images", batch * DIM);
        let share = numbers.iter().map(|number| 0.5 + 0.6 * number);
        if self.bytes {
            let bytes: Vec<u8> = share.map(|share| (255.0 * share) as u8).collect();
            let given = bytes.iter().map(|&byte| f32::from(byte)).collect();
            return (bytes.into(), given);
        }
        let values: Vec<f32> = match self.settings.likelihood.is_of_counts() {
            true => share.map(|share| (20.0 * share.max(0.0)).round()).collect(),
            false => share.map(|share| min + (max - min) * share).collect(),
        };
        (values.clone().into(), values)
    }

    /// Saves what each file is given and what this program makes of it.
    fn save(&self, batch: usize) {
        let scaling = self.scaling();
        let vae = self.vae(&scaling);
        let weights = weights(&vae);
        let (pixels, given) = self.images(batch);
        let seen = scaling.model_values(&pixels);
        let labels: Vec<u8> = (0..batch).map(|row| (row % CLASSES) as u8).collect();
        let labels_given: Vec<_> = labels.iter().map(|&label| f32::from(label)).collect();
        let latents = [vae.config().latent_dim, vae.latent_dims().iter().sum()];
        let z = numbers("z", batch * latents[0]);
        let eps = numbers("eps", batch * latents[1]);

        let mut model = Autoencoder::new(vae.clone(), Box::new(open(&vae, &weights)));
        let encoded = model.encode(&seen, Some(&labels)).unwrap();
        let decoded = scaling.data_values(&model.decode(&z, Some(&labels)).unwrap());
        let at_zero = scaling.data_values(&model.reconstruct(&seen, Some(&labels)).unwrap());
        let drawn = {
            let mut g = Graph::new();
            let x = g.input("x", [batch, DIM]);
            let read = vae.reads_labels();
            let label = read.then(|| g.input("label", [batch, CLASSES]));
            let eps_id = g.input("eps", [batch, latents[1]]);
            let mean = vae.reconstruction_by(&mut g, Inputs { x, label }, eps_id);
            g.output(mean);
            let hot = labels.iter().flat_map(|&label| {
                (0..CLASSES).map(move |class| f32::from(u8::from(class == usize::from(label))))
            });
            let hot: Vec<_> = hot.collect();
            let mut given = vec![(x, &seen[..]), (eps_id, &eps[..])];
            given.extend(label.map(|id| (id, &hot[..])));
            let mut executor = open(&vae, &weights);
            let mut session = executor.session(g).unwrap();
            scaling.data_values(&session.run(0, &given).unwrap().tensors[0])
        };

        let zeros = vec![0.0; eps.len()];
        let saved = |name: String, eps, mean| Saved {
            name,
            batch,
            x: &given,
            labels: &labels_given,
            z: &z,
            eps,
            encoded: &encoded,
            decoded: &decoded,
            reconstructed: mean,
        };
        saved(self.name.clone(), &eps, &drawn).save();
        // With zeros it is what `vae reconstruct` draws.
        saved(format!("{} zeros", self.name), &zeros, &at_zero).save_reconstruction();
    }
}

/// A tensor by its name.
type Named<'a> = (&'static str, &'a [f32]);

/// What the files of a model are given, of `batch` rows, and what they have to give.
struct Saved<'a> {
    name: String,
    batch: usize,
    x: &'a [f32],
    labels: &'a [f32],
    z: &'a [f32],
    eps: &'a [f32],
    encoded: &'a Encoded,
    decoded: &'a [f32],
    reconstructed: &'a [f32],
}

impl<'a> Saved<'a> {
    /// Saves a network's case: tensors by their names, each with its rows' values.
    fn case(&self, network: Network, given: &[Named<'a>], expected: &[Named<'a>]) {
        let rows = |of: &[Named<'a>]| -> Vec<_> {
            let shaped = |&(name, values): &Named<'a>| {
                (name, [self.batch, values.len() / self.batch], values)
            };
            of.iter().map(shaped).collect()
        };
        let name = format!("{} {}", self.name, network.name());
        save_case(&name, self.batch, &rows(given), &rows(expected));
    }

    fn save(&self) {
        let label = (LABEL, self.labels);
        let both = [
            ("mu", &self.encoded.mu[..]),
            ("logvar", &self.encoded.logvar),
        ];
        self.case(Network::Encoder, &[("x", self.x), label], &both);
        self.case(
            Network::Decoder,
            &[("z", self.z), label],
            &[("mean", self.decoded)],
        );
        self.save_reconstruction();
    }

    fn save_reconstruction(&self) {
        let given = [("x", self.x), (LABEL, self.labels), ("eps", self.eps)];
        self.case(
            Network::Reconstruct,
            &given,
            &[("mean", self.reconstructed)],
        );
    }
}

/// Parameters that are no initial ones: norms have statistics, and biases are not zero.
fn weights(vae: &Vae) -> Checkpoint {
    let mut weights = Checkpoint::default();
    for spec in vae.parameters() {
        let mut data = numbers(&spec.name, spec.shape.len());
        data.iter_mut().for_each(|value| *value *= 0.5);
        if spec.name.ends_with("running_var") {
            data.iter_mut().for_each(|value| *value = value.abs() + 0.1);
        }
        let shape = spec.shape.dims().to_vec();
        weights.tensors.insert(spec.name, Tensor { shape, data });
    }
    weights
}

/// The reference executor with such parameters.
fn open(vae: &Vae, weights: &Checkpoint) -> ReferenceExecutor {
    let specs = vae.parameters();
    let values = specs
        .iter()
        .map(|spec| weights.tensors[&spec.name].data.clone());
    let parameters: Vec<_> = values.collect();
    let (m, v) = (parameters.clone(), parameters.clone());
    let mut executor = ReferenceExecutor::new(specs, 0);
    executor.restore(&Snapshot { parameters, m, v }).unwrap();
    executor
}

#[test]
fn every_member_of_the_family_has_files_whose_nodes_are_in_order() {
    for case in cases() {
        for (network, file) in case.files() {
            check(&file);
            let graph = file.message().graph.as_ref().unwrap();
            let inputs: Vec<_> = graph
                .input
                .iter()
                .map(|input| input.name.as_str())
                .collect();
            let own = match network {
                Network::Encoder => &["x"][..],
                Network::Decoder => &["z"],
                Network::Reconstruct => &["x", "eps"],
            };
            let others = inputs.iter().filter(|name| **name != LABEL);
            assert!(
                others.eq(own),
                "{} {}: {inputs:?}",
                case.name,
                network.name()
            );
        }
    }
}

mod tables;

#[test]
#[ignore = "writes files that benches/peers/check_onnx.py compares"]
fn fixtures_of_the_family() {
    for case in cases() {
        for (network, file) in case.files() {
            let name = format!("{} {}", case.name, network.name());
            let folder = fixtures();
            file.save(&folder.join(format!("{name}.onnx"))).unwrap();
            if network == Network::Reconstruct {
                let name = format!("{} zeros reconstruct.onnx", case.name);
                file.save(&folder.join(name)).unwrap();
            }
        }
        for batch in COMPARED {
            case.save(batch);
        }
    }
}
