//! What is larger than a binding: parameters and images in several buffers, weights in blocks. On a
//! device that allows little of a buffer, small models are as large.

use std::sync::Arc;

use vae_wgpu::data::{Dataset, Split, digits};
use vae_wgpu::executor::{Executor, ExecutorError, ParameterSpec, Rows, Snapshot, Start};
use vae_wgpu::gpu::{AdapterChoice, Gpu, GpuError, Options};
use vae_wgpu::graph::Graph;
use vae_wgpu::model::Noise;
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::rng::{self, Stream};
use vae_wgpu::train::{Settings, Trainer};

use crate::optimizers;
use crate::support::harness::{Extent, Test, tests};
use crate::truth::{self, BACKWARD, close};

pub(crate) fn tests() -> Vec<Test> {
    tests![gpu:
        a_model_in_several_buffers_matches_pytorch,
        whole_weights_and_images_in_several_buffers_change_no_bit,
        programs_read_images_of_several_buffers,
        the_cause_is_found_among_images_of_several_buffers,
        weights_in_blocks_compute_the_same,
        weights_in_blocks_keep_what_is_written_to_them,
        weights_in_blocks_train_the_same_however_steps_are_submitted,
        what_no_buffers_hold_is_refused,
        an_epoch_with_too_many_row_losses_takes_the_general_plan,
    ]
}

/// Pixels of an image: 14×13.
const DIM: usize = 182;

/// A device whose kernels see so many bytes of a buffer.
pub(crate) fn narrow(gpu: &Gpu, largest_binding: u64) -> Arc<Gpu> {
    let name = AdapterChoice::Name(gpu.adapter().name.clone());
    let options = Options {
        pipelines: None,
        largest_binding: Some(largest_binding),
        ..Options::default()
    };
    Arc::new(Gpu::open_with(&name, &options).unwrap())
}

/// No limit that matters here.
pub(crate) const WIDE: u64 = 1 << 26;
/// 71 rows of [`DIM`] values: weights of 150×182, 100×150 and 140×100 lie in two or three blocks.
const BLOCKS: u64 = 52_000;

fn executor(gpu: &Arc<Gpu>, specs: Vec<ParameterSpec>, plan: PlanChoice) -> Box<dyn Executor> {
    let executor = GpuExecutor::new(Arc::clone(gpu), specs, 0).unwrap();
    Box::new(executor.with_plan(plan))
}

/// 317 images of a part of each digit.
fn data() -> Dataset {
    let part = |mut split: Split| {
        let images = split.images.pixels.as_bytes().unwrap().chunks(784);
        let rows = images.flat_map(|image| image.chunks(28).skip(7).take(14));
        let parts: Vec<u8> = rows.flat_map(|row| row[7..20].to_vec()).collect();
        split.images.pixels = parts.into();
        (split.images.height, split.images.width) = (14, 13);
        split
    };
    Dataset {
        name: "parts of digits".to_owned(),
        train: part(digits::generate(1, 0, 317)),
        test: part(digits::generate(2, 0, 70)),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn settings(hidden: &[usize], latent: usize) -> Settings {
    Settings {
        hidden: hidden.to_vec(),
        latent,
        batch_size: 32,
        epochs: 2,
        ..Settings::default()
    }
}

/// Weights in blocks; gradients of inputs are sums over two and over three of them.
fn in_blocks() -> Settings {
    settings(&[150, 100], 140)
}

/// What a training ends with, its losses as bits.
fn train(gpu: &Arc<Gpu>, settings: &Settings, steps: usize) -> (Snapshot, Vec<[u64; 2]>) {
    train_by(PlanChoice::General, gpu, settings, steps)
}

fn train_by(
    plan: PlanChoice,
    gpu: &Arc<Gpu>,
    settings: &Settings,
    steps: usize,
) -> (Snapshot, Vec<[u64; 2]>) {
    let data = data();
    let vae = settings.vae(DIM).unwrap();
    let executor = executor(gpu, vae.parameters(), plan);
    let mut trainer = Trainer::new(vae, executor, settings.clone(), &data).unwrap();
    trainer.set_steps_per_submission(steps);
    let mut losses = Vec::new();
    let bits = |loss: f64| loss.to_bits();
    trainer
        .run(|epoch| losses.push([epoch.train.objective, epoch.test.objective].map(bits)))
        .unwrap();
    let snapshot = trainer.model().executor_mut().snapshot().unwrap();
    (snapshot, losses)
}

fn a_model_in_several_buffers_matches_pytorch(gpu: &Gpu) {
    // 37×23 weights take 3,404 bytes.
    let gpu = narrow(gpu, 4096);
    let open = move |specs, _| executor(&gpu, specs, PlanChoice::General);
    truth::small_vaes_match_pytorch(&open);
    // The gradients' norm is that of all buffers.
    optimizers::optimizers_match_pytorch(&open, Extent::Full);
}

fn whole_weights_and_images_in_several_buffers_change_no_bit(gpu: &Gpu) {
    // 40×182 weights take 29,120 bytes, 317 images 57,694.
    let settings = settings(&[40], 5);
    let [wide, narrow] = [WIDE, 30_000].map(|limit| narrow(gpu, limit));
    assert!(train(&wide, &settings, 4) == train(&narrow, &settings, 4));
}

/// Of 317 images a binding of 16,384 bytes holds 85, and a submission has those of one step; one of
/// 40,000 holds 208, and a submission has three steps.
fn programs_read_images_of_several_buffers(gpu: &Gpu) {
    let settings = Settings {
        batch_size: 8,
        epochs: 1,
        ..settings(&[8], 3)
    };
    let whole = narrow(gpu, WIDE);
    let cut = [16_384, 40_000].map(|limit| narrow(gpu, limit));
    for plan in [PlanChoice::Fused, PlanChoice::TwoLaunch] {
        let expected = train_by(plan, &whole, &settings, 64);
        for gpu in &cut {
            for steps in [1, 64] {
                assert!(train_by(plan, gpu, &settings, steps) == expected, "{plan}");
            }
        }
        let profiled = cut.each_ref().map(|gpu| profiled(plan, gpu, &settings));
        let all = profiled.map(|losses| losses == self::profiled(plan, &whole, &settings));
        assert_eq!(all, [true; 2], "{plan}, profiled");
    }
}

/// The losses of profiled steps and of one after them.
fn profiled(plan: PlanChoice, gpu: &Arc<Gpu>, settings: &Settings) -> Vec<f32> {
    let images = data().train.images;
    let vae = settings.vae(DIM).unwrap();
    let mut executor = executor(gpu, vae.parameters(), plan);
    let initial = Snapshot::initial(&vae.parameters(), 3);
    executor.restore(&initial).unwrap();
    let graph = |rows| vae.training_graph(rows, settings.optimizer(images.count).unwrap());
    let rows = Rows::new(&images.pixels, DIM);
    let mut pass = executor.pass(rows, settings.batch_size, &graph).unwrap();
    let order = rng::permutation(1, 0, images.count);
    let start = Start {
        step: 0,
        position: 0,
        order: &order,
    };
    pass.begin(start).unwrap();
    assert!(pass.profile(7).unwrap().is_some());
    assert_eq!(pass.advance(1).unwrap(), 1);
    let losses = pass.losses().unwrap();
    assert_eq!(losses.len(), 8 * 3);
    losses
}

/// The one image that is not black makes a hidden unit infinite, in the batch that has it.
fn the_cause_is_found_among_images_of_several_buffers(gpu: &Gpu) {
    let gpu = narrow(gpu, 16_384);
    let settings = settings(&[8], 3);
    let vae = settings.vae(DIM).unwrap();
    let specs = vae.parameters();
    let mut state = Snapshot::initial(&specs, 3);
    state.parameters[0].fill(1e37);
    let (count, bright) = (300, 203);
    let mut pixels = vec![0; count * DIM];
    pixels[bright * DIM..(bright + 1) * DIM].fill(255);
    let order = rng::permutation(1, 0, count);
    let place = order.iter().position(|&image| image as usize == bright);
    for plan in [PlanChoice::Fused, PlanChoice::TwoLaunch] {
        let mut executor = executor(&gpu, specs.clone(), plan);
        executor.restore(&state).unwrap();
        let graph = |rows| vae.evaluation_graph(rows);
        let mut pass = executor.pass(Rows::new(&pixels, DIM), 8, &graph).unwrap();
        let mut found = |batch: usize| {
            let start = Start {
                step: 0,
                position: 8 * batch,
                order: &order,
            };
            pass.begin(start).unwrap();
            pass.find_non_finite().unwrap()
        };
        let batch = place.unwrap() / 8;
        assert!(found(batch).is_some(), "{plan}");
        assert_eq!(found((batch + 1) % 30), None, "{plan}");
    }
}

/// Forward every sum runs as in a whole weight, and so do those of the weights' gradients; only those
/// of inputs' gradients are cut.
fn weights_in_blocks_compute_the_same(gpu: &Gpu) {
    let settings = in_blocks();
    let vae = settings.vae(DIM).unwrap();
    let specs = vae.parameters();
    let batch = 33;
    let pixels = data().train.images.first(batch).pixels.to_values();
    let run = |gpu: &Arc<Gpu>| {
        let mut executor = executor(gpu, specs.clone(), PlanChoice::General);
        executor.restore(&Snapshot::initial(&specs, 3)).unwrap();
        let mut g = Graph::new();
        let x = g.input("x", [batch, DIM]);
        let elbo = vae.objective(&mut g, x, Noise::Stream(Stream::Noise));
        g.minimize(settings.optimizer(batch).unwrap());
        for tensor in [elbo.mu, elbo.logvar, elbo.z, elbo.outputs.output] {
            g.output(tensor);
        }
        let mut names = ["mu", "logvar", "z", "outputs"].map(str::to_owned).to_vec();
        for (parameter, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            names.push(g.tensor(gradient).name.clone());
            assert_eq!(g.shape(parameter), g.shape(gradient));
        }
        let outputs = executor
            .session(g)
            .unwrap()
            .run(0, &[(x, &pixels)])
            .unwrap();
        let named = names.into_iter().zip(outputs.tensors).collect::<Vec<_>>();
        (named, outputs.losses)
    };
    let (whole, whole_losses) = run(&narrow(gpu, WIDE));
    let (blocks, losses) = run(&narrow(gpu, BLOCKS));
    assert_eq!(losses, whole_losses);
    for ((name, blocks), (_, whole)) in blocks.iter().zip(&whole) {
        let exact = !name.starts_with("d_") || name.starts_with("d_decoder.output");
        match exact {
            true => assert!(blocks == whole, "{name}"),
            false => close(name, blocks, whole, BACKWARD),
        }
    }
    assert_eq!(whole.len(), 4 + specs.len());
}

fn weights_in_blocks_keep_what_is_written_to_them(gpu: &Gpu) {
    let specs = in_blocks().vae(DIM).unwrap().parameters();
    let mut snapshot = Snapshot::initial(&specs, 1);
    snapshot.m = Snapshot::initial(&specs, 2).parameters;
    snapshot.v = Snapshot::initial(&specs, 3).parameters;
    let gpu = narrow(gpu, BLOCKS);
    let mut executor = executor(&gpu, specs, PlanChoice::General);
    executor.restore(&snapshot).unwrap();
    assert!(executor.snapshot().unwrap() == snapshot);
}

fn weights_in_blocks_train_the_same_however_steps_are_submitted(gpu: &Gpu) {
    let settings = in_blocks();
    let [wide, narrow] = [WIDE, BLOCKS].map(|limit| narrow(gpu, limit));
    let blocks = train(&narrow, &settings, 1);
    assert!(train(&narrow, &settings, 64) == blocks);
    let whole = train(&wide, &settings, 64);
    for (blocks, whole) in blocks.1.iter().flatten().zip(whole.1.iter().flatten()) {
        let [blocks, whole] = [blocks, whole].map(|&bits| f64::from_bits(bits));
        assert!((blocks / whole - 1.0).abs() < BACKWARD, "{blocks}, {whole}");
    }
}

fn what_no_buffers_hold_is_refused(gpu: &Gpu) {
    let gpu = narrow(gpu, BLOCKS);
    let vae = in_blocks().vae(DIM).unwrap();
    let data = data();
    let rows = Rows::new(&data.train.images.pixels, DIM);
    let refused = |plan, batch| {
        let mut executor = executor(&gpu, vae.parameters(), plan);
        let graph = |rows| {
            vae.training_graph(
                rows,
                in_blocks().optimizer(data.train.images.count).unwrap(),
            )
        };
        executor.pass(rows.clone(), batch, &graph).map(|_| ())
    };
    for plan in [PlanChoice::Fused, PlanChoice::TwoLaunch] {
        let error = refused(plan, 32).unwrap_err();
        let ExecutorError::Gpu(GpuError::Plan { reason, .. }) = &error else {
            panic!("{error}")
        };
        assert!(reason.contains("buffers"), "{reason}");
    }
    refused(PlanChoice::Auto, 32).unwrap();
    // 71 rows of images are a binding's worth.
    let error = refused(PlanChoice::Auto, 72).unwrap_err();
    assert!(error.to_string().contains("a batch of 71"), "{error}");
    // 203 inputs of 64 units are.
    let wide = settings(&[204, 300], 5).vae(DIM).unwrap();
    let error = GpuExecutor::new(Arc::clone(&gpu), wide.parameters(), 0).unwrap_err();
    assert!(error.to_string().contains("at most 203 inputs"), "{error}");
}

/// The program's log keeps two losses a row for each workgroup that divide_ a product of two wide
/// layers; that of the general plan two a step.
fn an_epoch_with_too_many_row_losses_takes_the_general_plan(gpu: &Gpu) {
    let gpu = narrow(gpu, WIDE);
    let settings = settings(&[2750, 2750], 2);
    let dim = 4;
    let vae = settings.vae(dim).unwrap();
    let pass = |plan, images: usize| {
        let pixels = vec![1; images * dim];
        let mut executor = executor(&gpu, vae.parameters(), plan);
        let graph = |rows| vae.training_graph(rows, settings.optimizer(images).unwrap());
        let rows = Rows::new(&pixels, dim);
        let pass = executor.pass(rows, 100, &graph);
        pass.map(drop)
    };
    // 2²⁶ bytes are 97,541 rows with two losses each of 86 workgroups, of 32 columns.
    for plan in [PlanChoice::Auto, PlanChoice::General] {
        pass(plan, 98_000).unwrap();
    }
    let error = pass(PlanChoice::TwoLaunch, 98_000).unwrap_err();
    assert!(
        error.to_string().contains("the losses of an epoch's rows"),
        "{error}"
    );
    pass(PlanChoice::TwoLaunch, 97_000).unwrap();
}
