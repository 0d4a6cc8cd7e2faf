//! Steps of a whole VAE: the row program, the update and the steps' losses, in one pass.

use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::{Adam, Ramp};
use vae_wgpu::kernels::KernelActivation::{Relu, Tanh};
use vae_wgpu::kernels::gather::pack;
use vae_wgpu::kernels::rows::{self, Outcome, Product, Score, Stage, Tensor, Weight};
use vae_wgpu::kernels::update::{self, Layer, Part};
use vae_wgpu::kernels::{Address, State, Term, step_losses};
use vae_wgpu::reference::{
    rows as twin, step_losses as twin_losses, update as twin_update, update::Trained,
};
use vae_wgpu::rng::{Draw, Stream};

use super::case::Case;
use super::compare::{Variant, draw, variants};
use crate::arrays::{Array, run_all, state, wide};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![both_checks: every_stage_of_a_step, steps_of_a_training]
}

/// Writes a model's program and its layers.
struct Model {
    case: Case,
    layers: Vec<Layer>,
}

impl Model {
    /// y = x·Wᵀ + bias, not yet stored.
    fn linear(&mut self, x: Tensor, width: usize) -> Product {
        let product = self.case.product(x, width, true);
        let bias = Some(self.case.bias(width, 0.3));
        Product { bias, ..product }
    }

    /// Both heads: two linear layers of one input, as one.
    fn heads(&mut self, x: Tensor, width: usize) -> Product {
        let [mu, logvar] = [(); 2].map(|()| self.linear(x, width));
        let both = |mu: Address, logvar: Address, split| Address {
            split,
            gap: logvar.first - mu.first - split,
            ..mu
        };
        let weight = Weight {
            at: both(mu.weight.at, logvar.weight.at, x.width * width),
            ..mu.weight
        };
        let bias = mu.bias.zip(logvar.bias);
        Product {
            weight,
            width: 2 * width,
            bias: bias.map(|(mu, logvar)| both(mu, logvar, width)),
            ..mu
        }
    }

    /// The layer that a product was, for the update, and its adjoint: d_y·W, not yet stored.
    fn adjoint(&mut self, forward: &Product, d_y: Tensor) -> Product {
        let [fan_out, fan_in] = [forward.width, forward.input.width];
        self.layers.push(Layer {
            d_y: d_y.at,
            x: forward.input.at,
            fan_out,
            fan_in,
            weight: forward.weight.at,
            bias: forward.bias,
        });
        Product {
            input: d_y,
            weight: Weight {
                inner: fan_in,
                column: 1,
                ..forward.weight
            },
            width: fan_in,
            bias: None,
            activation: None,
            ..*forward
        }
    }

    /// 13-9-3 with tanh in the decoder.
    fn vae(rows: usize) -> Self {
        let mut model = Self {
            case: Case::new(rows, 13),
            layers: Vec::new(),
        };
        let upstream = 1.0 / rows as f32;
        let x = model.case.output(13);
        model.case.push(Stage::Gather { x });
        let hidden = Product {
            activation: Some(Relu),
            ..model.linear(x, 9)
        };
        let h = model.case.store(hidden);
        let of_heads = model.heads(h, 3);
        let heads = model.case.store(of_heads);
        let (z, kl) = (model.case.output(3), model.case.term());
        let draw = Draw {
            stream: Stream::Noise,
            number: 1,
        };
        model.case.push(Stage::Latent {
            heads,
            draw,
            z,
            term: kl,
        });
        let decoder = Product {
            activation: Some(Tanh),
            ..model.linear(z, 9)
        };
        let decoded = model.case.store(decoder);
        let logits = model.linear(decoded, 13);
        let (d_logits, term) = (model.case.output(13), model.case.term());
        model.case.push(Stage::Product(Product {
            result: Outcome::Scored {
                score: Score::BernoulliNll,
                observed: x,
                term,
                gradient: Some((d_logits, upstream)),
            },
            ..logits
        }));

        let to_decoded = Product {
            derivative: Some((Tanh, decoded)),
            ..model.adjoint(&logits, d_logits)
        };
        let d_decoded = model.case.store(to_decoded);
        let to_z = model.adjoint(&decoder, d_decoded);
        let d_z = model.case.store(to_z);
        let d_heads = model.case.output(6);
        model.case.push(Stage::LatentGrad {
            heads,
            draw,
            d_z,
            upstream,
            ramp: Ramp::NONE,
            d_heads,
        });
        let to_hidden = Product {
            derivative: Some((Relu, h)),
            ..model.adjoint(&of_heads, d_heads)
        };
        let d_h = model.case.store(to_hidden);
        // The gradient of x has no reader.
        model.adjoint(&hidden, d_h);
        model
    }
}

fn every_stage_of_a_step(gpu: &Gpu) {
    for rows in [1, 65, 130] {
        Model::vae(rows).case.compare_steps(gpu, 2);
    }
}

const WEIGHTS: [f32; 2] = [0.7, 1.3];

fn terms(rows: usize) -> [Term; 2] {
    WEIGHTS.map(|weight| Term::new(weight, rows, Ramp::NONE))
}

/// Three steps on one tape against three of the twins'. Each result is some hundred roundings of
/// values about 1 away from the data; ε of Adam keeps it from dividing those by less than 10⁻².
fn steps_of_a_training(gpu: &Gpu) {
    let adam = Adam {
        lr: 0.05,
        eps: 1e-2,
        ..Adam::default()
    };
    let steps = 3;
    for rows in [7, 65] {
        let model = Model::vae(rows);
        for variant in variants(gpu, &model.case.program) {
            let found = trained(gpu, &model, variant, adam, steps);
            let expected = trained_by_twins(gpu, &model, variant, adam, steps);
            for (what, (found, expected)) in ["parameters", "m", "v", "losses"]
                .into_iter()
                .zip(found.iter().zip(&expected))
            {
                let norm = |values: &mut dyn Iterator<Item = f64>| {
                    values.map(|v| v * v).sum::<f64>().sqrt()
                };
                let known = || found.iter().zip(expected).filter(|(_, e)| !e.is_nan());
                let error = norm(&mut known().map(|(&f, e)| f64::from(f) - e));
                let error = error / norm(&mut known().map(|(_, &e)| e));
                assert!(error < 1e-5, "{what} of {rows} rows: off by {error:e}");
            }
        }
    }
}

/// Parameters, m, v and the lines of the steps, by the kernels.
fn trained(
    gpu: &Gpu,
    Model { case, layers }: &Model,
    variant: Variant,
    adam: Adam,
    steps: usize,
) -> [Vec<f32>; 4] {
    let log = case.log(variant, steps);
    let counters = case.state;
    let images = Array::of(gpu, &pack(&case.pixels(steps), case.program.dim));
    let order = Array::of(gpu, &case.order(steps));
    let labels = Array::of(gpu, &case.packed_labels(steps));
    let terms = Array::of(gpu, &terms(case.program.rows));
    let state = state(gpu, counters.step, counters.position, counters.entry);
    let values = case.vectors();
    let zeros = vec![0.0f32; values.len()];
    let [parameters, m, v] = [&values, &zeros, &zeros].map(|values| Array::updated(gpu, values));
    let tape = Array::updated(gpu, &case.tape);
    // A column group that is not written is zero.
    let losses = Array::updated(gpu, &vec![0.0f32; case.terms * log.term()]);
    let lines = Array::output(gpu, log.entries * (1 + WEIGHTS.len()));
    let step = variant.launches(
        gpu,
        rows::Buffers {
            images: images.slice(),
            order: order.slice(),
            parameters: parameters.slice(),
            state: state.slice(),
            tape: tape.slice(),
            losses: losses.slice(),
            labels: labels.slice(),
        },
        &case.program,
        log,
    );
    let update = update::launch(
        update::Buffers {
            tape: tape.slice(),
            state: state.slice(),
            parameters: parameters.slice(),
            m: m.slice(),
            v: v.slice(),
            gradients: &gpu.unused(),
        },
        Part::whole(case.program.rows),
        layers,
        &adam.into(),
        match variant {
            Variant::Subgroups(_) => update::Variant::Subgroups,
            Variant::Workgroup(_) | Variant::Alone(_) => update::Variant::TILED[2],
        },
    );
    let mut end = step_losses::launch(
        step_losses::Buffers {
            rows: losses.slice(),
            terms: terms.slice(),
            state: state.slice(),
            losses: lines.slice(),
        },
        case.program.rows,
        log,
        8,
    );
    end.grid = [steps as u32, 1, 1];
    let mut launches: Vec<_> = (0..steps)
        .flat_map(|_| step.iter().chain([&update]).cloned())
        .collect();
    launches.push(end);
    let arrays = [
        &images,
        &order,
        &labels,
        &terms,
        &state,
        &parameters,
        &m,
        &v,
        &tape,
        &losses,
        &lines,
    ];
    run_all(gpu, launches, &arrays);
    assert_eq!(state.read::<State>(), [case.after(steps)]);
    let width = 1 + WEIGHTS.len();
    let first = counters.entry as usize * width;
    let lines = lines.read::<f32>()[first..first + steps * width].to_vec();
    [parameters.read(), m.read(), v.read(), lines]
}

/// The same by their twins.
fn trained_by_twins(
    gpu: &Gpu,
    Model { case, layers }: &Model,
    variant: Variant,
    adam: Adam,
    steps: usize,
) -> [Vec<f64>; 4] {
    let (pixels, order, labels) = (case.pixels(steps), case.order(steps), case.labels(steps));
    let log = case.log(variant, steps);
    let [mut tape, mut parameters] = [&case.tape, &case.vectors()].map(|values| wide(values));
    let [mut m, mut v] = [(); 2].map(|()| vec![0.0; parameters.len()]);
    let mut losses = vec![0.0; case.terms * log.term()];
    let mut state = case.state;
    let seed = case.program.seed;
    let noise = |of, step, len| wide(&draw(gpu, seed, of, step, len));
    for _ in 0..steps {
        let inputs = twin::Inputs {
            pixels: &pixels,
            labels: &labels,
            order: &order,
            parameters: &parameters,
            state,
            noise: &noise,
        };
        state = twin::run(&case.program, inputs, log, &mut tape, &mut losses);
        let mut trained = Trained {
            parameters: &mut parameters,
            m: &mut m,
            v: &mut v,
        };
        let rows = case.program.rows;
        twin_update::update(layers, rows, &adam.into(), state.step, &tape, &mut trained);
    }
    assert_eq!(state, case.after(steps));
    let first = case.state.entry as usize;
    let entries = first..first + steps;
    let lines = twin_losses::value(
        &losses,
        &terms(case.program.rows),
        case.program.rows,
        log,
        entries,
        state,
    );
    [parameters, m, v, lines]
}
