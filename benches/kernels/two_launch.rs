//! The kernels of the two-launch step, on the program of a VAE with one hidden layer.

use vae_wgpu::gpu::{Gpu, GpuError};
use vae_wgpu::graph::{Adam, Ramp};
use vae_wgpu::kernels::gemm::Family;
use vae_wgpu::kernels::rows::workgroup::{self, Tile};
use vae_wgpu::kernels::rows::{
    self, Log, Outcome, Product, Program, Score, Section, Stage, Tensor, Weight,
};
use vae_wgpu::kernels::update::{self, Layer, Part};
use vae_wgpu::kernels::{Address, KernelActivation, State, Term, gather, step_losses};
use vae_wgpu::rng::Stream;

use super::{Bench, CHUNK, Model, Work};

/// A step's program and layers, and how many words and multiplications they are.
struct Step {
    program: Program,
    layers: Vec<Layer>,
    tape: usize,
    parameters: usize,
    /// Σ inputs · outputs of the program's products.
    products: usize,
}

impl Step {
    fn of(batch: usize, [pixels, hidden, latent]: [usize; 3]) -> Self {
        let mut step = Self {
            program: Program {
                rows: batch,
                first_row: 0,
                last: true,
                dim: pixels,
                seed: 1,
                stages: Vec::new(),
            },
            layers: Vec::new(),
            tape: 0,
            parameters: 0,
            products: 0,
        };
        let relu = Some(KernelActivation::Relu);
        let upstream = 1.0 / batch as f32;
        let draw = Stream::Noise.into();
        let x = step.tensor(pixels);
        step.stage(Stage::Gather { x });
        let (encoder, h) = step.forward(x, hidden, relu);
        let (to_heads, heads) = step.heads(h, latent);
        let z = step.tensor(latent);
        step.stage(Stage::Latent {
            heads,
            draw,
            z,
            term: 1,
        });
        let (decoder, decoded) = step.forward(z, hidden, relu);
        let output = step.linear(decoded, pixels);
        let d_logits = step.tensor(pixels);
        step.product(Product {
            result: Outcome::Scored {
                score: Score::BernoulliNll,
                observed: x,
                term: 0,
                gradient: Some((d_logits, upstream)),
            },
            ..output
        });

        let d_decoded = step.backward(&output, d_logits, relu.zip(Some(decoded)));
        let d_z = step.backward(&decoder, d_decoded, None);
        let d_heads = step.tensor(2 * latent);
        step.stage(Stage::LatentGrad {
            heads,
            draw,
            d_z,
            upstream,
            ramp: Ramp::NONE,
            d_heads,
        });
        let d_h = step.backward(&to_heads, d_heads, relu.zip(Some(h)));
        step.layer(&encoder, d_h);
        step
    }

    fn tensor(&mut self, width: usize) -> Tensor {
        let at = self.tape;
        let tensor = Tensor::whole(at, width);
        self.tape = tensor.words(self.program.rows).end;
        tensor
    }

    fn stage(&mut self, stage: Stage) {
        self.program.stages.push(stage);
    }

    fn product(&mut self, product: Product) {
        self.products += product.input.width * product.width;
        self.stage(Stage::Product(product));
    }

    /// x·Wᵀ + bias of a new layer.
    fn linear(&mut self, input: Tensor, width: usize) -> Product {
        let at = self.parameters;
        let bias = at + input.width * width;
        self.parameters = bias + width;
        Product {
            input,
            weight: Weight {
                at: at.into(),
                inner: 1,
                column: input.width,
            },
            width,
            bias: Some(bias.into()),
            addend: None,
            activation: None,
            derivative: None,
            result: Outcome::Stored(Tensor::whole(0, width)),
        }
    }

    fn forward(
        &mut self,
        input: Tensor,
        width: usize,
        activation: Option<KernelActivation>,
    ) -> (Product, Tensor) {
        let linear = self.linear(input, width);
        self.stored(Product {
            activation,
            ..linear
        })
    }

    /// Both heads: two layers, each with its bias behind its weight, as one.
    fn heads(&mut self, input: Tensor, width: usize) -> (Product, Tensor) {
        let [mu, logvar] = [(); 2].map(|()| self.linear(input, width));
        let both = |mu: Address, logvar: Address, split| Address {
            split,
            gap: logvar.first - mu.first - split,
            ..mu
        };
        let weight = Weight {
            at: both(mu.weight.at, logvar.weight.at, input.width * width),
            ..mu.weight
        };
        let bias = mu.bias.zip(logvar.bias);
        self.stored(Product {
            weight,
            width: 2 * width,
            bias: bias.map(|(mu, logvar)| both(mu, logvar, width)),
            ..mu
        })
    }

    fn stored(&mut self, linear: Product) -> (Product, Tensor) {
        let y = self.tensor(linear.width);
        let product = Product {
            result: Outcome::Stored(y),
            ..linear
        };
        self.product(product);
        (product, y)
    }

    /// The gradient of a layer's inputs from that of its outputs.
    fn backward(
        &mut self,
        forward: &Product,
        d_y: Tensor,
        derivative: Option<(KernelActivation, Tensor)>,
    ) -> Tensor {
        self.layer(forward, d_y);
        let fan_in = forward.input.width;
        let d_x = self.tensor(fan_in);
        self.product(Product {
            input: d_y,
            weight: Weight {
                inner: fan_in,
                column: 1,
                ..forward.weight
            },
            width: fan_in,
            bias: None,
            addend: None,
            activation: None,
            derivative,
            result: Outcome::Stored(d_x),
        });
        d_x
    }

    fn layer(&mut self, forward: &Product, d_y: Tensor) {
        self.layers.push(Layer {
            d_y: d_y.at,
            x: forward.input.at,
            fan_out: forward.width,
            fan_in: forward.input.width,
            weight: forward.weight.at,
            bias: forward.bias,
        });
    }
}

impl Bench<'_> {
    /// The row program, the update and the losses of steps, for models with one hidden layer.
    pub(super) fn two_launch(&mut self, model: &Model) -> Result<(), GpuError> {
        let &[pixels, hidden, latent] = model.widths else {
            return Ok(());
        };
        let (batch, terms) = (model.batch, 2);
        let log = Log {
            entries: CHUNK as usize,
            column_groups: 1,
            batch,
        };
        let losses = &self.gpu.allocate("benchmark", terms * log.term())?;
        let state = &self.gpu.upload("benchmark", &[State::default()])?;
        let step = Step::of(batch, [pixels, hidden, latent]);
        let stages = &step.program.stages;
        let all = match Family::of(self.gpu) {
            Family::Subgroups if !self.gpu.has_wide_integers() => None,
            Family::Subgroups => Some(Section {
                stages: 0..stages.len(),
                column_groups: 1,
                tile: None,
            }),
            Family::Tiled | Family::Cooperative(_) => {
                let tile = Tile::choose(self.gpu, &step.program);
                tile.map(|tile| workgroup::together(stages, tile))
            }
            Family::Registers => None,
        };
        if let Some(all) = all {
            // The counters move on with each launch: a submission has as many batches as launches.
            let images = 4 * batch;
            let bytes: Vec<u8> = (0..images * pixels).map(|i| i as u8).collect();
            let order: Vec<u32> = (0..CHUNK as usize * batch)
                .map(|i| (i % images) as u32)
                .collect();
            let tape = &self.gpu.allocate("benchmark", step.tape)?;
            let parameters = &self.array(step.parameters)?;
            let buffers = rows::Buffers {
                images: &self
                    .gpu
                    .upload("benchmark", &gather::pack(&bytes, pixels))?,
                order: &self.gpu.upload("benchmark", &order)?,
                parameters,
                state,
                tape,
                losses,
                labels: &self.gpu.unused(),
            };
            let launch = rows::launch(buffers, &step.program, log, &all);
            let what = format!("{} {} stages", model.name, step.program.stages.len());
            let restart = |gpu: &Gpu| gpu.write(state, &[State::default()]);
            let flops = 2 * batch * step.products;
            self.measure(&what, Work::Flops(flops), &launch, restart)?;

            let first = State {
                step: 1,
                ..State::default()
            };
            let [m, v] = [(); 2].map(|()| self.gpu.allocate("benchmark", step.parameters));
            let buffers = update::Buffers {
                tape,
                state: &self.gpu.upload("benchmark", &[first])?,
                parameters,
                m: &m?,
                v: &v?,
                gradients: &self.gpu.unused(),
            };
            let variant = update::Variant::choose(self.gpu, &step.layers);
            let part = Part::whole(batch);
            let launch = update::launch(
                buffers,
                part,
                &step.layers,
                &Adam::default().into(),
                variant,
            );
            let what = format!("{} {} layers", model.name, step.layers.len());
            let weights = step.layers.iter().map(|layer| layer.fan_in * layer.fan_out);
            let flops = 2 * batch * weights.sum::<usize>();
            self.measure(&what, Work::Flops(flops), &launch, |_| {})?;
        }

        let steps = 64;
        let table = vec![Term::new(1.0, batch, Ramp::NONE); terms];
        let written = State {
            step: steps,
            entry: steps,
            ..State::default()
        };
        let buffers = step_losses::Buffers {
            rows: losses,
            terms: &self.gpu.upload("benchmark", &table)?,
            state: &self.gpu.upload("benchmark", &[written])?,
            losses: &self.gpu.allocate("benchmark", log.entries * (1 + terms))?,
        };
        let mut launch = step_losses::launch(buffers, batch, log, self.lanes());
        launch.grid = [steps, 1, 1];
        let words = steps as usize * terms * batch;
        let what = format!("{} {steps}x{terms}x{batch}", model.name);
        self.measure(&what, Work::Words(words), &launch, |_| {})
    }
}
