//! Every kernel at the shapes of three models: `cargo bench --bench kernels`.
//!
//! A measurement records many launches into one submission and waits for it, so that a launch's
//! share of the way to the GPU and back vanishes. What is printed after each one is its best rate:
//! GFLOP/s of what consists of matrix products, GB/s of all others, counting each array's bytes
//! once. Arguments are criterion's: `cargo bench --bench kernels -- gemm`.

#[path = "kernels/two_launch.rs"]
mod two_launch;

use std::hint::black_box;
use std::process::ExitCode;
use std::slice;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use vae_wgpu::expr;
use vae_wgpu::gpu::{AdapterChoice, Gpu, GpuError, Launch, Options, Slice};
use vae_wgpu::graph::{self, Adam, Broadcast, Ramp};
use vae_wgpu::kernels::gather::Form;
use vae_wgpu::kernels::gemm::{Family, Gemm, Operand, Variant};
use vae_wgpu::kernels::{self, KernelActivation, State, gradient_norm, reduction_lanes};
use vae_wgpu::model::Likelihood;
use vae_wgpu::rng::{self, Stream};

/// A model by its layers: pixels, hidden layers, latent dimensions.
struct Model {
    name: &'static str,
    batch: usize,
    widths: &'static [usize],
}

const MODELS: [Model; 3] = [
    Model {
        name: "blog",
        batch: 128,
        widths: &[784, 32, 16],
    },
    Model {
        name: "hidden400",
        batch: 128,
        widths: &[784, 400, 20],
    },
    Model {
        name: "large",
        batch: 512,
        widths: &[784, 1024, 1024, 64],
    },
];

impl Model {
    fn pixels(&self) -> usize {
        self.widths[0]
    }

    fn hidden(&self) -> usize {
        self.widths[1]
    }

    fn latent(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// Weights and biases of encoder, its two heads, and decoder.
    fn parameters(&self) -> usize {
        let layer = |pair: &[usize]| (pair[0] + 1) * pair[1];
        let encoder: usize = self.widths.windows(2).map(layer).sum();
        let reversed: Vec<usize> = self.widths.iter().rev().copied().collect();
        let decoder: usize = reversed.windows(2).map(layer).sum();
        encoder + layer(&self.widths[self.widths.len() - 2..]) + decoder
    }

    /// Shapes [m, n, k] of its products, with which operands enter transposed.
    fn products(&self) -> Vec<(&'static str, [usize; 3], [bool; 2])> {
        let [batch, pixels, hidden] = [self.batch, self.pixels(), self.hidden()];
        let last = self.widths[self.widths.len() - 2];
        let mut products = vec![
            ("forward", [batch, hidden, pixels], [false, true]),
            ("latent", [batch, self.latent(), last], [false, true]),
            ("input_grad", [batch, hidden, pixels], [false, false]),
            ("weight_grad", [hidden, pixels, batch], [true, false]),
        ];
        if self.widths.len() > 3 {
            products.push(("inner", [batch, self.widths[2], hidden], [false, true]));
        }
        products
    }
}

/// Launches of one submission: more would sit in one command buffer for too long.
const CHUNK: u64 = 1024;

/// What a rate counts.
#[derive(Clone, Copy)]
enum Work {
    Flops(usize),
    Words(usize),
}

struct Bench<'a> {
    criterion: &'a mut Criterion,
    gpu: &'a Gpu,
}

impl Bench<'_> {
    /// An array of values between −1 and 1.
    fn array(&self, len: usize) -> Result<Slice, GpuError> {
        self.gpu
            .upload("benchmark", &rng::initial_uniform(1, 0, len, 1.0))
    }

    fn arrays<const N: usize>(&self, len: usize) -> Result<[Slice; N], GpuError> {
        let array = self.array(len)?;
        let mut arrays = std::array::from_fn(|_| array.clone());
        for array in &mut arrays {
            *array = self.array(len)?;
        }
        Ok(arrays)
    }

    fn lanes(&self) -> u32 {
        reduction_lanes(self.gpu.is_software(), 1024)
    }

    /// Measures a launch; `before` runs ahead of each submission.
    fn measure(
        &mut self,
        what: &str,
        work: Work,
        launch: &Launch,
        before: impl Fn(&Gpu),
    ) -> Result<(), GpuError> {
        self.measure_all(what, work, slice::from_ref(launch), before)
    }

    /// [`Bench::measure`] of launches that belong together, under the first one's name.
    fn measure_all(
        &mut self,
        what: &str,
        work: Work,
        launches: &[Launch],
        before: impl Fn(&Gpu),
    ) -> Result<(), GpuError> {
        let dispatches = self.gpu.prepare_all(launches)?;
        let name = &launches[0].kernel.name;
        let mut best = Duration::MAX;
        let mut failure = None;
        let run = |times: u64| -> Result<Duration, GpuError> {
            let start = Instant::now();
            for first in (0..times).step_by(CHUNK as usize) {
                before(self.gpu);
                let mut encoder = self.gpu.encoder();
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for _ in first..times.min(first + CHUNK) {
                    for dispatch in &dispatches {
                        dispatch.record(&mut pass);
                    }
                }
                drop(pass);
                black_box(self.gpu.submit(encoder));
            }
            self.gpu.wait(None)?;
            Ok(start.elapsed())
        };
        let mut group = self.criterion.benchmark_group(name.as_ref());
        group.throughput(match work {
            Work::Flops(flops) => Throughput::Elements(flops as u64),
            Work::Words(words) => Throughput::Bytes(4 * words as u64),
        });
        group.bench_function(what, |bencher| {
            bencher.iter_custom(|launches| match run(launches) {
                Ok(elapsed) => {
                    best = best.min(elapsed / launches.max(1) as u32);
                    elapsed
                }
                Err(error) => {
                    failure = Some(error);
                    Duration::from_nanos(1)
                }
            });
        });
        group.finish();
        if best < Duration::MAX {
            let (amount, unit) = match work {
                Work::Flops(flops) => (flops, "GFLOP/s"),
                Work::Words(words) => (4 * words, "GB/s"),
            };
            let rate = amount as f64 / best.as_nanos() as f64;
            println!("{:<40} {rate:.2} {unit}\n", format!("{name}/{what}"));
        }
        failure.map_or(Ok(()), Err)
    }

    /// The variant of `gemm_*` that the shape gets, at all shapes; the other ones on a GPU, and on a
    /// software adapter at the first model's.
    fn gemm(&mut self, model: &Model) -> Result<(), GpuError> {
        let family = Family::of(self.gpu);
        for (product, shape @ [m, n, k], transposed) in model.products() {
            let chosen = Variant::choose(family, shape);
            let others = [
                Variant::choose(Family::Registers, shape),
                tiled(8, 4, 1),
                tiled(8, 4, 4),
                tiled(16, 4, 1),
                tiled(16, 8, 1),
            ];
            let lanes = self.gpu.subgroup_size().filter(|n| n.is_multiple_of(8));
            let subgroups = lanes.map(|lanes| Variant::TiledSubgroups { lanes });
            let units = self.gpu.matrix_units().map(Variant::Cooperative);
            let all = !self.gpu.is_software() || model.name == "blog";
            let others = others.into_iter().chain(subgroups).chain(units);
            let others = others.filter(|v| *v != chosen && all);
            let [a, b, c] = [m * k, k * n, m * n].map(|len| self.array(len));
            let [a, b, c, bias] = [a?, b?, c?, self.array(n)?];
            for variant in [chosen].into_iter().chain(others) {
                let partial = self.array(variant.partial(shape))?;
                let unused = self.gpu.unused();
                let operands = [
                    Operand::of(&a, transposed[0]),
                    Operand::of(&b, transposed[1]),
                ];
                let forward = product == "forward";
                let gemm = Gemm {
                    bias: forward.then_some(&bias),
                    activation: forward.then_some(KernelActivation::Relu),
                    partial: Some(&partial),
                    ..Gemm::product(shape, operands, &c, &unused)
                };
                let side = match variant {
                    Variant::Tiled {
                        side,
                        results,
                        parts,
                    } => format!(" tile {} parts {parts}", side * results),
                    Variant::Registers { .. }
                    | Variant::Subgroups { .. }
                    | Variant::TiledSubgroups { .. }
                    | Variant::Cooperative(_) => String::new(),
                };
                let what = format!("{} {product} {m}x{n}x{k}{side}", model.name);
                let launches = kernels::gemm::launches(gemm, variant);
                self.measure_all(&what, Work::Flops(2 * m * n * k), &launches, |_| {})?;
            }
        }
        Ok(())
    }

    /// Products side by side, by the variant that they get.
    fn batched(&mut self, model: &Model) -> Result<(), GpuError> {
        const SIDE: usize = 32;
        let groups = model.batch;
        let shape = [SIDE; 3];
        let [a, b, c] = &self.arrays(groups * SIDE * SIDE)?;
        let unused = self.gpu.unused();
        let gemm = Gemm {
            groups,
            ..Gemm::product(shape, [Operand::Plain(a), Operand::Plain(b)], c, &unused)
        };
        let variant = Variant::choose_of_groups(Family::of(self.gpu), shape);
        let launches = kernels::gemm::launches(gemm, variant);
        let what = format!("{} {groups} of {SIDE}x{SIDE}x{SIDE}", model.name);
        let flops = Work::Flops(2 * groups * SIDE * SIDE * SIDE);
        self.measure_all(&what, flops, &launches, |_| {})
    }

    /// Kernels over the elements of a hidden layer.
    fn layer(&mut self, model: &Model) -> Result<(), GpuError> {
        let shape = [model.batch, model.hidden()];
        let len = shape[0] * shape[1];
        let what = format!("{} {}x{}", model.name, shape[0], shape[1]);
        let [a, b, c] = &self.arrays(len)?;

        let (x, d) = (expr::operand(0), expr::operand(1));
        for (name, value) in [
            ("tanh", KernelActivation::Tanh.formula()),
            ("derivative of tanh", d * KernelActivation::Tanh.slope()),
            ("sum", x + expr::operand(1)),
        ] {
            let read = value.arity();
            let operands = [a, b].into_iter().take(read);
            let launch = kernels::pointwise::launch(&kernels::pointwise::Work {
                shape,
                operands: operands.map(|of| (of.clone(), Broadcast::EACH)).collect(),
                values: vec![(value, c.clone())],
                sums: vec![],
                lanes: self.lanes(),
            });
            let what = format!("{what} {name}");
            self.measure(&what, Work::Words((read + 1) * len), &launch, |_| {})?;
        }

        let sum = &self.array(shape[1])?;
        let launch = kernels::column_sum::launches(
            kernels::column_sum::Buffers {
                a,
                sum,
                partial: None,
            },
            shape,
        )
        .swap_remove(0);
        self.measure(&what, Work::Words(len + shape[1]), &launch, |_| {})
    }

    /// Kernels over the latent dimensions.
    fn latent(&mut self, model: &Model) -> Result<(), GpuError> {
        let shape = [model.batch, model.latent()];
        let len = shape[0] * shape[1];
        let what = format!("{} {}x{}", model.name, shape[0], shape[1]);
        let [mu, logvar, eps, z, d_mu, d_logvar] = &self.arrays(len)?;
        let [rows, d_rows] = &self.arrays(model.batch)?;
        let state = &self.gpu.upload("benchmark", &[State::default()])?;

        use kernels::draw;
        let buffers = draw::Buffers { state, values: eps };
        let launch = draw::launch(buffers, 1, Stream::Noise, draw::Output::Normals);
        self.measure(&what, Work::Words(len), &launch, |_| {})?;

        use kernels::latent;
        let buffers = latent::Buffers {
            mu,
            logvar,
            eps,
            z,
            rows,
        };
        let launch = latent::launch(buffers, shape, self.lanes());
        let words = 4 * len + model.batch;
        self.measure(&what, Work::Words(words), &launch, |_| {})?;

        use kernels::latent_grad;
        let buffers = latent_grad::Buffers {
            mu,
            logvar,
            eps,
            d_z: z,
            d_rows,
            d_mu,
            d_logvar,
        };
        let launch = latent_grad::launch(buffers, shape);
        let words = 6 * len + model.batch;
        self.measure(&what, Work::Words(words), &launch, |_| {})
    }

    /// Kernels over the pixels of a batch.
    fn pixels(&mut self, model: &Model) -> Result<(), GpuError> {
        let shape = [model.batch, model.pixels()];
        let len = shape[0] * shape[1];
        let what = format!("{} {}x{}", model.name, shape[0], shape[1]);
        let [logits, x, d_logits] = &self.arrays(len)?;
        let [rows, d_rows] = &self.arrays(model.batch)?;
        let words = Work::Words(3 * len + 2 * model.batch);

        use kernels::bernoulli_nll;
        let buffers = bernoulli_nll::Buffers {
            logits,
            x,
            value: Some(rows),
            gradient: Some(bernoulli_nll::Gradient { d_rows, d_logits }),
            unused: &self.gpu.unused(),
        };
        let launch = bernoulli_nll::launch(buffers, shape, self.lanes());
        self.measure(&what, words, &launch, |_| {})?;

        // The same loss and others, from their formulas.
        for likelihood in [
            Likelihood::Bernoulli,
            Likelihood::Gaussian,
            Likelihood::Laplace,
        ] {
            let density = likelihood.density();
            let (l, observed) = (expr::operand(0), expr::operand(1));
            let loss = graph::Pointwise {
                expr: (density.nll)(l, expr::constant(0.0), observed),
                shape,
                operands: vec![Broadcast::EACH, Broadcast::EACH],
            };
            let work = kernels::pointwise::Work {
                shape,
                operands: vec![
                    (logits.clone(), Broadcast::EACH),
                    (x.clone(), Broadcast::EACH),
                    (d_rows.clone(), Broadcast::ROW),
                ],
                values: vec![(loss.adjoint(0), d_logits.clone())],
                sums: vec![(loss.expr, rows.clone())],
                lanes: self.lanes(),
            };
            let what = format!("{what} {}", density.name);
            let launch = kernels::pointwise::launch(&work);
            self.measure(&what, words, &launch, |_| {})?;
        }

        // More images than a cache holds would make this one's rate that of memory.
        let images = 4 * model.batch;
        let pixels: Vec<u8> = (0..images * shape[1]).map(|i| i as u8).collect();
        let images_packed = kernels::gather::pack(&pixels, shape[1]);
        let buffers = kernels::gather::Buffers {
            images: &self.gpu.upload("benchmark", &images_packed)?,
            order: &self
                .gpu
                .upload("benchmark", &rng::permutation(1, 0, images))?,
            state: &self.gpu.upload("benchmark", &[State::default()])?,
            x,
        };
        let launch = kernels::gather::launch(buffers, Form::Bytes, shape, 0);
        self.measure(&what, Work::Words(len + len / 4), &launch, |_| {})?;
        let floats = kernels::gather::Buffers {
            images: &self.array(images * shape[1])?,
            ..buffers
        };
        let launch = kernels::gather::launch(floats, Form::Floats, shape, 0);
        self.measure(
            &format!("{what} f32"),
            Work::Words(2 * len),
            &launch,
            |_| {},
        )?;

        let staged = &self.array(images_packed.len() / 4)?;
        let buffers = kernels::stage_images::Buffers {
            images: buffers.images,
            order: buffers.order,
            state: buffers.state,
            staged,
        };
        let launch = kernels::stage_images::launch(buffers, [images, shape[1]], 0);
        let what = format!("{} {images}x{}", model.name, shape[1]);
        self.measure(&what, Work::Words(images_packed.len() / 2), &launch, |_| {})
    }

    /// What conditional and importance-weighted models have besides: labels beside the pixels, pixels
    /// drawn anew, sums over five samples.
    fn family(&mut self, model: &Model) -> Result<(), GpuError> {
        const SAMPLES: usize = 5;
        const CLASSES: usize = 10;
        let [batch, pixels] = [model.batch, model.pixels()];
        let len = batch * pixels;
        let state = &self.gpu.upload("benchmark", &[State::default()])?;
        let [x, u] = &self.arrays(len)?;

        use kernels::draw;
        let buffers = draw::Buffers { state, values: u };
        let launch = draw::launch(buffers, 1, Stream::Binarisation, draw::Output::Uniforms);
        let what = format!("{} {batch}x{pixels} uniforms", model.name);
        self.measure(&what, Work::Words(len), &launch, |_| {})?;

        use kernels::one_hot;
        let buffers = one_hot::Buffers {
            labels: &self.gpu.upload("benchmark", &vec![0_u32; batch])?,
            order: &self
                .gpu
                .upload("benchmark", &rng::permutation(1, 0, batch))?,
            state,
            y: &self.array(batch * CLASSES)?,
        };
        let launch = one_hot::launch(buffers, [batch, CLASSES]);
        let what = format!("{} {batch}x{CLASSES}", model.name);
        self.measure(&what, Work::Words(batch * CLASSES), &launch, |_| {})?;

        use kernels::copy;
        let buffers = copy::Buffers {
            from: x,
            to: &self.array(batch * (pixels + CLASSES))?,
        };
        let shape = copy::Shape {
            rows: batch,
            columns: pixels,
            from: [0, pixels],
            to: [0, pixels + CLASSES],
        };
        let what = format!("{} {batch}x{pixels}", model.name);
        self.measure(
            &what,
            Work::Words(2 * len),
            &copy::launch(buffers, shape),
            |_| {},
        )?;

        use kernels::reduce;
        let words = SAMPLES * batch * model.latent();
        let buffers = reduce::Buffers {
            x: &self.array(words)?,
            y: &self.array(words / SAMPLES)?,
        };
        let shape = [batch, model.latent()];
        for function in graph::Reduction::ALL {
            let launch = reduce::launch(buffers, function, SAMPLES, shape);
            let what = format!("{} {SAMPLES}x{batch}x{} {function:?}", model.name, shape[1]);
            self.measure(&what, Work::Words(words), &launch, |_| {})?;
        }

        use kernels::lookup;
        const TABLE: usize = 512;
        let columns = model.latent();
        let buffers = lookup::Buffers {
            table: &self.array(TABLE * columns)?,
            index: &self.gpu.upload("benchmark", &vec![7.0_f32; batch])?,
            y: &self.array(batch * columns)?,
        };
        let launch = lookup::launch(buffers, TABLE, [batch, columns]);
        let what = format!("{} {batch} of {TABLE}x{columns}", model.name);
        let words = 2 * batch * columns + batch;
        self.measure(&what, Work::Words(words), &launch, |_| {})?;

        use kernels::ramp;
        let buffers = ramp::Buffers {
            state,
            values: &self.array(batch)?,
        };
        let of = Ramp {
            steps: 100,
            period: 0,
        };
        let what = format!("{} {batch}", model.name);
        self.measure(
            &what,
            Work::Words(batch),
            &ramp::launch(buffers, 1.0, of),
            |_| {},
        )
    }

    /// What a step ends with.
    fn end(&mut self, model: &Model) -> Result<(), GpuError> {
        let len = model.parameters();
        let [gradients, parameters, m] = &self.arrays(len)?;
        let v = &self.gpu.allocate("benchmark", len)?;
        let state = &self.gpu.upload("benchmark", &[State::default()])?;
        let lanes = self.lanes();
        let sums = self
            .gpu
            .allocate("benchmark", gradient_norm::partials(len))?;
        let norm = &self.gpu.allocate("benchmark", 1)?;
        let launch = gradient_norm::squares(gradients, &sums, 0, lanes);
        let what = format!("{} {len}", model.name);
        self.measure(&what, Work::Words(len), &launch, |_| {})?;
        let launch = gradient_norm::root(&sums, norm, lanes);
        let what = format!("{} {}, the root", model.name, sums.len());
        self.measure(&what, Work::Words(sums.len()), &launch, |_| {})?;

        let buffers = kernels::adam::Buffers {
            state,
            gradients,
            norm,
            parameters,
            m,
            v,
        };
        let counter = kernels::adam::Counter::AtStep;
        let launch = kernels::adam::launch(buffers, &Adam::default().into(), counter);
        let what = format!("{} {len}", model.name);
        self.measure(&what, Work::Words(7 * len), &launch, |_| {})?;

        // Each launch writes the next line of the log: submissions start from its first.
        let (terms, batch) = (2, model.batch);
        let table = vec![kernels::Term::new(1.0, batch, Ramp::NONE); terms];
        let buffers = kernels::objective::Buffers {
            rows: &self.array(terms * batch)?,
            terms: &self.gpu.upload("benchmark", &table)?,
            state,
            losses: &self
                .gpu
                .allocate("benchmark", CHUNK as usize * (1 + terms))?,
        };
        let launch = kernels::objective::launch(buffers, batch, (&table, batch), self.lanes());
        let what = format!("{} {terms}x{batch}", model.name);
        let restart = |gpu: &Gpu| gpu.write(state, &[State::default()]);
        self.measure(&what, Work::Words(terms * batch), &launch, restart)
    }
}

fn tiled(side: u32, results: u32, parts: u32) -> Variant {
    Variant::Tiled {
        side,
        results,
        parts,
    }
}

fn run(criterion: &mut Criterion) -> Result<(), GpuError> {
    let with_units = Options {
        matrix_units: true,
        ..Options::default()
    };
    let gpu = match Gpu::open_with(&AdapterChoice::Auto, &with_units) {
        Err(GpuError::MatrixUnits { .. }) => Gpu::open(&AdapterChoice::Auto)?,
        opened => opened?,
    };
    println!("adapter: {}\n", gpu.adapter());
    let mut bench = Bench {
        criterion,
        gpu: &gpu,
    };
    for model in &MODELS {
        bench.gemm(model)?;
        bench.batched(model)?;
        bench.layer(model)?;
        bench.latent(model)?;
        bench.pixels(model)?;
        bench.family(model)?;
        bench.end(model)?;
        bench.two_launch(model)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    // Short measurements: there are many, and a launch varies little.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
        .configure_from_args();
    let outcome = run(&mut criterion);
    criterion.final_summary();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
