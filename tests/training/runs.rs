//! Whole trainings: the same bits, wherever they are cut; learning; the two executors agree.

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::{Dataset, digits};
use vae_wgpu::executor::{Pass, Profile, Rows, Snapshot, Start};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::graph::Activation;
use vae_wgpu::model::Likelihood;
use vae_wgpu::reference::ReferenceExecutor;
use vae_wgpu::train::{
    Decay, EpochEnd, EpochMetrics, Freeze, Losses, LrSchedule, Progress, Settings, TrainError,
    Trainer, load,
};

use crate::support::harness::{Extent, Open, Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(trainings:
        one_seed_gives_one_checkpoint_however_steps_are_submitted,
        watching_shows_the_log_and_changes_nothing,
        an_interrupted_run_ends_with_the_same_bits,
        an_interrupted_schedule_ends_with_the_same_bits,
        an_interrupted_fine_tuning_ends_with_the_same_bits,
        a_checkpoint_holds_what_the_caller_put_into_the_model,
        a_loss_that_is_not_finite_names_its_cause,
        a_checkpoint_alone_gives_the_model_back,
        profiled_steps_are_steps_like_others,
    );
    tests.extend(tests!(executors: the_executors_agree, samples_depend_on_the_seed_alone));
    // That the plans of a family learn alike is `the_executors_agree`.
    tests.extend(tests!(families: the_loss_falls_and_reconstructions_beat_the_mean_image));
    tests
}

/// 300 digits, so that the last of ten batches has 12 images; 70 to test on.
fn data() -> Dataset {
    few_digits(300, 70)
}

fn few_digits(train: usize, test: usize) -> Dataset {
    Dataset {
        name: "few digits".to_owned(),
        train: digits::generate(1, 0, train),
        test: digits::generate(2, 0, test),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn settings() -> Settings {
    Settings {
        hidden: vec![19, 11],
        latent: 3,
        batch_size: 32,
        epochs: 3,
        lr: 3e-3,
        ..Settings::default()
    }
}

/// What a training of this extent is given: several epochs of several batches, the last of which is
/// smaller, and more of them than copies of the log can be under way, which are three.
fn workload(extent: Extent) -> (Dataset, Settings) {
    match extent {
        Extent::Full => (data(), settings()),
        // Six batches of 16 images and one of four.
        Extent::Short => {
            let settings = Settings {
                batch_size: 16,
                epochs: 2,
                ..settings()
            };
            (few_digits(100, 20), settings)
        }
    }
}

fn trainer(open: &Open, settings: &Settings, data: &Dataset) -> Trainer {
    let vae = settings.vae(data.train.images.dim()).unwrap();
    let executor = open(vae.parameters(), settings.seed);
    Trainer::new(vae, executor, settings.clone(), data).unwrap()
}

fn resumed(open: &Open, settings: &Settings, data: &Dataset, from: Checkpoint) -> Trainer {
    let vae = settings.vae(data.train.images.dim()).unwrap();
    let executor = open(vae.parameters(), settings.seed);
    Trainer::resume(vae, executor, settings.clone(), data, from).unwrap()
}

/// The metrics that do not depend on the clock.
fn losses(metrics: &EpochMetrics) -> Vec<u64> {
    let of = |losses: &Losses| {
        let terms = losses.terms.iter().map(|&(_, value)| value);
        [losses.objective]
            .into_iter()
            .chain(terms)
            .collect::<Vec<_>>()
    };
    let values = [&metrics.train, &metrics.test].map(of).concat();
    values.into_iter().map(f64::to_bits).collect()
}

fn run(trainer: &mut Trainer) -> (Checkpoint, Vec<Vec<u64>>) {
    let mut metrics = Vec::new();
    trainer.run(|epoch| metrics.push(losses(epoch))).unwrap();
    (trainer.checkpoint().unwrap(), metrics)
}

fn one_seed_gives_one_checkpoint_however_steps_are_submitted(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let first = run(&mut trainer(open, &settings, &data));
    let submissions = match extent {
        Extent::Full => &[1, 64][..],
        Extent::Short => &[1],
    };
    for &steps in submissions {
        let mut other = trainer(open, &settings, &data);
        other.set_steps_per_submission(steps);
        assert!(run(&mut other) == first, "{steps} steps a submission");
    }
    let reseeded = Settings {
        seed: 1,
        ..settings
    };
    assert!(run(&mut trainer(open, &reseeded, &data)).0.tensors != first.0.tensors);
}

fn watching_shows_the_log_and_changes_nothing(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let unwatched = run(&mut trainer(open, &settings, &data));
    // One step a submission: more copies of the log than can be under way at once.
    let submissions = match extent {
        Extent::Full => &[1, 4][..],
        Extent::Short => &[1],
    };
    for &steps in submissions {
        let mut watched = trainer(open, &settings, &data);
        watched.set_steps_per_submission(steps);
        let mut metrics = Vec::new();
        for _ in 0..settings.epochs {
            let mut seen: Vec<f32> = Vec::new();
            let mut watch = |progress: Progress<'_>| {
                assert!(progress.log.len() >= seen.len(), "the log shrinks");
                assert_eq!(progress.log[..seen.len()], seen);
                seen = progress.log.to_vec();
            };
            let end = watched.epoch(Some(&mut watch), &mut || true).unwrap();
            let EpochEnd::Complete(epoch) = end else {
                panic!("nobody interrupts")
            };
            metrics.push(losses(&epoch));
            // Three values of each batch.
            let count = data.train.images.count;
            let starts = (0..count).step_by(settings.batch_size);
            assert_eq!(seen.len(), 3 * starts.len());
            let mean = |term: usize| {
                let sizes = starts.clone().map(|at| settings.batch_size.min(count - at));
                let lines = seen.chunks(3).zip(sizes);
                let sum: f64 = lines
                    .map(|(line, size)| f64::from(line[term]) * size as f64)
                    .sum();
                sum / count as f64
            };
            assert!((mean(0) - epoch.train.objective).abs() < 1e-9 * epoch.train.objective);
        }
        assert!(
            metrics == unwatched.1,
            "metrics, {steps} steps a submission"
        );
        assert!(watched.checkpoint().unwrap() == unwatched.0, "checkpoint");
    }
}

fn an_interrupted_run_ends_with_the_same_bits(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    interrupted_ends_with_the_same_bits(open, &data, &settings);
}

/// Whose rates, decay and clipping follow from the step counter, in the middle of a warm-up and of a
/// cosine too.
fn an_interrupted_schedule_ends_with_the_same_bits(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let plain = run(&mut trainer(open, &settings, &data));
    let settings = Settings {
        lr_schedule: LrSchedule::Cosine,
        lr_end: 1e-5,
        warmup_steps: 6,
        weight_decay: 0.1,
        clip_norm: Some(20.0),
        ..settings
    };
    let whole = interrupted_ends_with_the_same_bits(open, &data, &settings);
    assert!(whole.tensors != plain.0.tensors, "none of it had an effect");
}

/// Of the decoder, whose weights alone decay.
fn an_interrupted_fine_tuning_ends_with_the_same_bits(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let settings = Settings {
        weight_decay: 0.1,
        decay: Decay::Weights,
        freeze: Freeze::Encoder,
        ..settings
    };
    let initial = trainer(open, &settings, &data).checkpoint().unwrap();
    let last = interrupted_ends_with_the_same_bits(open, &data, &settings);
    for (name, tensor) in &last.tensors {
        let stays = initial.tensors.get(name) == Some(tensor);
        assert_eq!(stays, name.contains("encoder."), "{name}");
    }
}

/// Returns the last checkpoint.
fn interrupted_ends_with_the_same_bits(
    open: &Open,
    data: &Dataset,
    settings: &Settings,
) -> Checkpoint {
    let whole = run(&mut trainer(open, settings, data));

    // Stopped after four steps; not within the nine more that the epoch no longer has; after one and after
    // four more steps of the next epoch. Each time goes on as a new process would: with a new executor,
    // and with no state but the checkpoint.
    let mut metrics = Vec::new();
    let mut current = trainer(open, settings, data);
    for stop_after in [4, 9, 1, 4] {
        current.set_steps_per_submission(1);
        let mut left = stop_after;
        let mut go_on = || {
            left -= 1;
            left > 0
        };
        if let EpochEnd::Complete(epoch) = current.epoch(None, &mut go_on).unwrap() {
            metrics.push(losses(&epoch));
        }
        let saved = current.checkpoint().unwrap();
        current = resumed(open, settings, data, saved);
    }
    let (checkpoint, rest) = run(&mut current);
    metrics.extend(rest);
    assert!(metrics == whole.1, "metrics");
    assert!(checkpoint == whole.0, "checkpoint");
    checkpoint
}

fn a_checkpoint_holds_what_the_caller_put_into_the_model(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let mut trainer = trainer(open, &settings, &data);
    let name = trainer.model().vae().parameters()[0].name.clone();
    // Before the first step, and after an epoch.
    for value in [42.0, 43.0] {
        let executor = trainer.model().executor_mut();
        let mut snapshot = executor.snapshot().unwrap();
        snapshot.parameters[0][0] = value;
        executor.restore(&snapshot).unwrap();
        let saved = trainer.checkpoint().unwrap();
        assert_eq!(saved.tensors[&name].data[0], value);
        trainer.epoch(None, &mut || true).unwrap();
    }
}

fn the_loss_falls_and_reconstructions_beat_the_mean_image(open: &Open) {
    let data = data();
    let settings = Settings {
        hidden: vec![48],
        latent: 8,
        epochs: 40,
        ..settings()
    };
    let mut trainer = trainer(open, &settings, &data);
    let mut epochs = Vec::new();
    trainer.run(|epoch| epochs.push(epoch.clone())).unwrap();
    let (first, last) = (&epochs[0], &epochs[39]);
    assert!(
        last.train.objective < 0.7 * first.train.objective,
        "{first:?} {last:?}"
    );
    assert!(
        last.test.objective < first.test.objective,
        "{first:?} {last:?}"
    );

    let images = &data.test.images;
    let dim = images.dim();
    let pixels = images.pixels.to_values();
    let mean = |column: usize| -> f32 {
        pixels.iter().skip(column).step_by(dim).sum::<f32>() / images.count as f32
    };
    let mean: Vec<f32> = (0..dim).map(mean).collect();
    let reconstructed = trainer.model().reconstruct(&pixels, None).unwrap();
    let error = |of: &dyn Fn(usize) -> f32| -> f32 {
        pixels
            .iter()
            .enumerate()
            .map(|(i, &p)| (p - of(i)).powi(2))
            .sum()
    };
    let (ours, means) = (error(&|i| reconstructed[i]), error(&|i| mean[i % dim]));
    assert!(
        ours < 0.8 * means,
        "squared error {ours}, that of the mean image {means}"
    );
}

fn a_loss_that_is_not_finite_names_its_cause(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let settings = Settings {
        lr: 1e18,
        likelihood: Likelihood::Gaussian,
        ..settings
    };
    let mut trainer = trainer(open, &settings, &data);
    let error = trainer.run(|_| {}).unwrap_err();
    let TrainError::NonFinite {
        epoch: 1,
        step,
        operation,
    } = &error
    else {
        panic!("{error}");
    };
    assert!(
        *step > 1,
        "the first step is taken with sound weights: {error}"
    );
    assert!(!operation.is_empty(), "{error}");
}

fn the_executors_agree(open: &Open) {
    let data = data();
    let settings = Settings {
        activation: Activation::Tanh,
        epochs: 1,
        ..settings()
    };
    let mut ours = trainer(open, &settings, &data);
    let vae = settings.vae(data.train.images.dim()).unwrap();
    let executor = Box::new(ReferenceExecutor::new(vae.parameters(), settings.seed));
    let mut reference = Trainer::new(vae, executor, settings, &data).unwrap();
    let mut epochs = Vec::new();
    ours.run(|epoch| epochs.push(epoch.clone())).unwrap();
    reference.run(|epoch| epochs.push(epoch.clone())).unwrap();
    let kl = |epoch: &EpochMetrics| epoch.train.term("kl").unwrap();
    // Ten steps: the bound of the comparison with PyTorch for parameters after ten.
    for (ours, theirs) in [
        (epochs[0].train.objective, epochs[1].train.objective),
        (kl(&epochs[0]), kl(&epochs[1])),
        (epochs[0].test.objective, epochs[1].test.objective),
    ] {
        assert!((ours / theirs - 1.0).abs() < 1e-4, "{ours} and {theirs}");
    }
}

/// Loaded on the reference executor, whichever executor it was trained with.
fn a_checkpoint_alone_gives_the_model_back(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let settings = Settings {
        epochs: 1,
        ..settings
    };
    let mut trainer = trainer(open, &settings, &data);
    trainer.run(|_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    trainer.checkpoint().unwrap().save(&path).unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    let mut loaded = load(checkpoint, &AdapterChoice::Reference, 0).unwrap();
    assert_eq!(
        (&loaded.settings, loaded.image),
        (&settings, [28, 28].into())
    );

    let images = data.test.images.first(3).pixels.to_values();
    let ours = trainer.model().encode(&images, None).unwrap();
    let theirs = loaded.model.encode(&images, None).unwrap();
    // One pass of sums with 784 terms at the most: the bound of the comparison with PyTorch.
    for (a, b) in ours.mu.iter().zip(&theirs.mu) {
        assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} and {b}");
    }
    let decoded = loaded.model.decode(&theirs.mu, None).unwrap();
    assert_eq!(decoded.len(), images.len());
    assert!(decoded.iter().all(|p| (0.0..=1.0).contains(p)));
}

fn samples_depend_on_the_seed_alone(open: &Open) {
    let data = data();
    let sample = |seed| {
        let settings = Settings { seed, ..settings() };
        let mut model = trainer(open, &settings, &data).into_model();
        // More than a chunk, so that the second chunk's noise is drawn too.
        let images = model.sample(300, None).unwrap();
        let (first, last) = (&images[..784], &images[299 * 784..]);
        assert_ne!(first, last);
        assert_eq!(images.len(), 300 * 784);
        images
    };
    assert_eq!(sample(3), sample(3));
    assert_ne!(sample(3), sample(4));
}

fn profiled_steps_are_steps_like_others(open: &Open, extent: Extent) {
    let (data, settings) = workload(extent);
    let images = &data.train.images;
    let batches = images.count.div_ceil(settings.batch_size);
    let vae = settings.vae(images.dim()).unwrap();
    let specs = vae.parameters();
    let epoch = |run: &dyn Fn(&mut dyn Pass) -> Option<Profile>| {
        let mut executor = open(specs.clone(), settings.seed);
        executor.restore(&Snapshot::initial(&specs, 0)).unwrap();
        let rows = Rows::new(&images.pixels, images.dim());
        let graph = |rows| vae.training_graph(rows, settings.optimizer(images.count).unwrap());
        let mut pass = executor.pass(rows, settings.batch_size, &graph).unwrap();
        let order: Vec<u32> = (0..images.count as u32).collect();
        let start = Start {
            step: 0,
            position: 0,
            order: &order,
        };
        pass.begin(start).unwrap();
        let profile = run(&mut *pass);
        // Whatever is left of the epoch.
        while pass.advance(10).unwrap() > 0 {}
        let losses = pass.losses().unwrap();
        (profile, losses, executor.snapshot().unwrap())
    };
    let (none, losses, snapshot) = epoch(&|_| None);
    assert!(none.is_none() && losses.len() == batches * 3);
    let (profile, profiled_losses, profiled_snapshot) = epoch(&|pass| {
        assert_eq!(pass.advance(2).unwrap(), 2);
        // More than there are: the other whole batches, but not the smaller one.
        pass.profile(100).unwrap()
    });
    assert!(profiled_losses == losses && profiled_snapshot == snapshot);
    // The reference executor has none.
    let Some(profile) = profile else { return };
    assert!(profile.dispatches > 0 && profile.barriers < profile.dispatches);
    if let Some(kernels) = profile.kernels {
        let launches = kernels.iter().map(|kernel| kernel.launches);
        assert_eq!(launches.sum::<usize>(), profile.dispatches);
        let total: f64 = kernels.iter().map(|kernel| kernel.micros).sum();
        assert!(total > 0.0 && total.is_finite(), "{kernels:?}");
    }
}
