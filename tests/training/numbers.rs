//! Training on rows of f32.

use std::sync::Arc;

use vae_wgpu::data::{Dataset, Images, Split, digits};
use vae_wgpu::executor::{Executor, ExecutorError, Rows, Snapshot, Start, Values};
use vae_wgpu::gpu::{Gpu, GpuError, Options};
use vae_wgpu::kernels::State;
use vae_wgpu::kernels::gather::{self, Form};
use vae_wgpu::model::{Likelihood, Support};
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::reference::ReferenceExecutor;
use vae_wgpu::rng;
use vae_wgpu::train::{Binarize, Normalize, Scaling, Settings, TrainError, Trainer, load};

use crate::conditions::close;
use crate::large::{WIDE, narrow};
use crate::plans::reopened;
use crate::support::harness::{Open, Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(executors: rows_of_numbers_train_alike);
    tests.extend(tests![gpu:
        what_bytes_are_seen_as_trains_to_the_same_bits,
        numbers_in_several_buffers_change_no_bit,
        a_description_says_that_numbers_are_for_the_general_plan,
    ]);
    tests.extend(tests![plain:
        bytes_over_255_train_to_the_same_bits,
        a_normalised_run_continues_to_the_same_bits_and_measures_alike,
        drawn_once_probabilities_are_bytes,
        values_that_a_likelihood_does_not_take_are_refused_by_their_place,
        values_that_are_no_counts_or_levels_are_refused_by_their_place,
        a_run_is_not_continued_on_values_of_another_range,
    ]);
    tests
}

const BATCH: usize = 32;
/// The last of four batches has fewer images.
const IMAGES: usize = 3 * BATCH + 12;
/// No whole number of vectors.
const DIM: usize = 37;

fn settings() -> Settings {
    Settings {
        hidden: vec![19, 11],
        latent: 3,
        likelihood: Likelihood::Gaussian,
        batch_size: BATCH,
        epochs: 2,
        ..Settings::default()
    }
}

/// Numbers from −2 to 2, which are no bytes.
fn numbers() -> Vec<f32> {
    rng::initial_uniform(5, 0, IMAGES * DIM, 2.0)
}

/// The log of an epoch over these rows, and the parameters after it.
fn train(
    executor: &mut dyn Executor,
    settings: &Settings,
    values: &Values<'_>,
) -> Result<(Vec<f32>, Snapshot), ExecutorError> {
    let dim = values.len() / IMAGES;
    let vae = settings.vae(dim).unwrap();
    executor.restore(&Snapshot::initial(&vae.parameters(), 1))?;
    let graph = |rows| vae.training_graph(rows, settings.optimizer(IMAGES).unwrap());
    let mut pass = executor.pass(Rows::new(values.clone(), dim), BATCH, &graph)?;
    let order = rng::permutation(1, 0, IMAGES);
    pass.begin(Start {
        step: 0,
        position: 0,
        order: &order,
    })?;
    while pass.advance(10)? > 0 {}
    let losses = pass.losses()?;
    drop(pass);
    Ok((losses, executor.snapshot()?))
}

/// Four steps are fewer than the ten after which the bound of the comparison with PyTorch holds. The row
/// programs refuse numbers, and say so.
fn rows_of_numbers_train_alike(open: &Open) {
    let settings = settings();
    let specs = settings.vae(DIM).unwrap().parameters();
    let values = numbers().into();
    let (losses, snapshot) = match train(&mut *open(specs.clone(), 1), &settings, &values) {
        Err(ExecutorError::Gpu(GpuError::Plan { plan, reason })) => {
            assert!(reason.contains("f32"), "{plan}: {reason}");
            assert!(["fused", "two-launch"].contains(&&*plan), "{plan}");
            return;
        }
        trained => trained.unwrap(),
    };
    let mut reference = ReferenceExecutor::new(specs.clone(), 1);
    let (expected, expected_snapshot) = train(&mut reference, &settings, &values).unwrap();
    assert_eq!(losses.len(), 4 * 3);
    close("losses", &losses, &expected);
    let parameters = snapshot.parameters.iter();
    let pairs = parameters.zip(&expected_snapshot.parameters);
    for (spec, (found, expected)) in specs.iter().zip(pairs) {
        close(&spec.name, found, expected);
    }
}

/// On the reference executor a byte is seen as the f32 nearest to its 255th part.
fn bytes_over_255_train_to_the_same_bits() {
    let pixels = digits::generate(1, 0, IMAGES).images.pixels;
    let settings = Settings {
        likelihood: Likelihood::Bernoulli,
        ..settings()
    };
    let trained = |values: Values<'_>| {
        let specs = settings.vae(784).unwrap().parameters();
        train(&mut ReferenceExecutor::new(specs, 1), &settings, &values).unwrap()
    };
    assert!(trained(pixels.to_values().into()) == trained((&pixels).into()));
}

/// What the kernel makes of each byte, which WGSL gives three units in the last place.
fn seen_bytes(gpu: &Gpu) -> Vec<f32> {
    let bytes: Vec<u8> = (0..=255).collect();
    let state = State {
        step: 0,
        position: 0,
        ..State::default()
    };
    let x = gpu.allocate("what is seen", 256).unwrap();
    let buffers = gather::Buffers {
        images: &gpu.upload("bytes", &gather::pack(&bytes, 256)).unwrap(),
        order: &gpu.upload("the order", &[0_u32]).unwrap(),
        state: &gpu.upload("the state", &[state]).unwrap(),
        x: &x,
    };
    let launch = gather::launch(buffers, Form::Bytes, [1, 256], 0);
    let dispatches = gpu.prepare_all(&[launch]).unwrap();
    let mut encoder = gpu.encoder();
    dispatches[0].record(&mut encoder.begin_compute_pass(&Default::default()));
    gpu.submit(encoder);
    gpu.read::<f32>(&[&x]).unwrap().remove(0)
}

/// From the gathered batch on, nothing differs.
fn what_bytes_are_seen_as_trains_to_the_same_bits(gpu: &Gpu) {
    let gpu = reopened(gpu, Options::default());
    let seen = seen_bytes(&gpu);
    let pixels = digits::generate(1, 0, IMAGES).images.pixels;
    let bytes = pixels.as_bytes().unwrap().iter();
    let floats: Vec<f32> = bytes.map(|&byte| seen[usize::from(byte)]).collect();
    let settings = Settings {
        likelihood: Likelihood::Bernoulli,
        ..settings()
    };
    let trained = |values: Values<'_>| {
        let specs = settings.vae(784).unwrap().parameters();
        let executor = GpuExecutor::new(Arc::clone(&gpu), specs, 1).unwrap();
        let mut executor = executor.with_plan(PlanChoice::General);
        train(&mut executor, &settings, &values).unwrap()
    };
    assert!(trained(floats.into()) == trained((&pixels).into()));
}

/// A binding of 4,096 bytes holds 27 rows of 148, so that the images lie in four buffers and the weights
/// in one for each layer.
fn numbers_in_several_buffers_change_no_bit(gpu: &Gpu) {
    let settings = settings();
    let trained = |limit| {
        let specs = settings.vae(DIM).unwrap().parameters();
        let gpu = narrow(gpu, limit);
        let executor = GpuExecutor::new(gpu, specs, 1).unwrap();
        let mut executor = executor.with_plan(PlanChoice::General);
        // Owned ones are given back piece by piece, and borrowed ones are not.
        let numbers = numbers();
        let borrowed = train(&mut executor, &settings, &(&numbers).into()).unwrap();
        assert!(train(&mut executor, &settings, &numbers.into()).unwrap() == borrowed);
        borrowed
    };
    assert!(trained(5_000) == trained(WIDE));
}

fn a_description_says_that_numbers_are_for_the_general_plan(gpu: &Gpu) {
    let gpu = reopened(gpu, Options::default());
    let settings = settings();
    let vae = settings.vae(DIM).unwrap();
    let mut executor = GpuExecutor::new(gpu, vae.parameters(), 1).unwrap();
    let graph = |rows| vae.training_graph(rows, settings.optimizer(IMAGES).unwrap());
    let rows = Rows::new(numbers(), DIM);
    let description = executor.describe(rows, BATCH, &graph).unwrap();
    assert_eq!(description.plan, PlanChoice::General);
    let left = description.left.unwrap();
    assert!(left.contains("f32") && left.contains("bytes"), "{left}");
    // What is held is the images as they are, and their order.
    assert!(description.memory.data >= 4 * (IMAGES * DIM + IMAGES) as u64);
    assert!(description.memory.data < 4 * (IMAGES * DIM + 2 * IMAGES) as u64);
}

fn split(values: Vec<f32>) -> Split {
    Split {
        images: Images {
            channels: 1,
            count: values.len() / DIM,
            height: 1,
            width: DIM,
            pixels: values.into(),
        },
        labels: None,
        factors: None,
    }
}

/// Numbers from −6 to 10, and for testing some that lie beyond.
fn data() -> Dataset {
    let shifted = |value: f32| 4.0 * value + 2.0;
    let test = rng::initial_uniform(6, 0, 20 * DIM, 2.1);
    Dataset {
        name: "numbers".to_owned(),
        train: split(numbers().into_iter().map(shifted).collect()),
        test: split(test.into_iter().map(shifted).collect()),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn trainer(settings: &Settings, data: &Dataset) -> Result<Trainer, TrainError> {
    let vae = settings.vae(DIM)?;
    let executor = Box::new(ReferenceExecutor::new(vae.parameters(), settings.seed));
    Trainer::new(vae, executor, settings.clone(), data)
}

fn a_normalised_run_continues_to_the_same_bits_and_measures_alike() {
    let data = data();
    let settings = Settings {
        normalize: Normalize::MinMax,
        likelihood: Likelihood::Bernoulli,
        ..settings()
    };
    let mut whole = trainer(&settings, &data).unwrap();
    whole.run(|_| {}).unwrap();

    let mut parts = trainer(&settings, &data).unwrap();
    parts.epoch(None, &mut || true).unwrap();
    let checkpoint = parts.checkpoint().unwrap();
    let vae = settings.vae(DIM).unwrap();
    let executor = Box::new(ReferenceExecutor::new(vae.parameters(), settings.seed));
    let mut resumed =
        Trainer::resume(vae, executor, settings.clone(), &data, checkpoint.clone()).unwrap();
    resumed.run(|_| {}).unwrap();
    let [whole_end, resumed_end] =
        [&mut whole, &mut resumed].map(|trainer| trainer.checkpoint().unwrap());
    assert!(whole_end.tensors == resumed_end.tensors);
    assert_eq!(whole.evaluate().unwrap(), resumed.evaluate().unwrap());

    // The same values, normalised by hand.
    let scaling = Scaling::of(&settings, &data.train.images).unwrap();
    let by_hand = |of: &Split| split(scaling.model_values(&of.images.pixels));
    let by_hand = Dataset {
        train: by_hand(&data.train),
        test: by_hand(&data.test),
        ..data.clone()
    };
    let plain = Settings {
        normalize: Normalize::None,
        ..settings.clone()
    };
    let mut other = trainer(&plain, &by_hand).unwrap();
    other.run(|_| {}).unwrap();
    assert!(other.checkpoint().unwrap().tensors == whole_end.tensors);
    assert_eq!(other.evaluate().unwrap(), whole.evaluate().unwrap());

    // The checkpoint alone says how values are seen.
    let choice = vae_wgpu::gpu::AdapterChoice::Reference;
    let loaded = load(checkpoint, &choice, 0).unwrap();
    assert_eq!(loaded.scaling, scaling);
    assert_eq!(scaling.range(), data.train.images.pixels.range().unwrap());
}

/// Then the row programs train on them, and the same numbers as bytes are drawn alike.
fn drawn_once_probabilities_are_bytes() {
    let digits = digits::generate(1, 0, 40);
    let of_bytes = Dataset {
        name: "digits".to_owned(),
        train: digits.first(30),
        test: digits.first(10),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    };
    let mut of_numbers = of_bytes.clone();
    for split in [&mut of_numbers.train, &mut of_numbers.test] {
        split.images.pixels = split.images.pixels.to_values().into();
    }
    let settings = Settings {
        hidden: vec![8],
        latent: 2,
        batch_size: 10,
        epochs: 1,
        binarize: Binarize::Static,
        ..Settings::default()
    };
    let trained = |data: &Dataset| {
        let vae = settings.vae(784).unwrap();
        let executor = Box::new(ReferenceExecutor::new(vae.parameters(), 0));
        let mut trainer = Trainer::new(vae, executor, settings.clone(), data).unwrap();
        trainer.run(|_| {}).unwrap();
        trainer.checkpoint().unwrap().tensors
    };
    assert!(trained(&of_bytes) == trained(&of_numbers));
}

/// What is no count and what is no level of a byte, by its place, with the likelihoods that would take it.
fn values_that_are_no_counts_or_levels_are_refused_by_their_place() {
    let place = 2 * DIM + 5;
    let with = |value: f32, of_train: bool| {
        let mut data = data();
        for (split, changed) in [(&mut data.train, of_train), (&mut data.test, !of_train)] {
            let mut values = vec![1.0; split.images.pixels.len()];
            values[0] = 0.0;
            if changed {
                values[place] = value;
            }
            split.images.pixels = values.into();
        }
        data
    };
    let of = |support| {
        let all = Likelihood::ALL.into_iter();
        all.filter(move |likelihood| likelihood.density().support == support)
    };
    let refused: [(_, &[f32], &[f32]); 2] = [
        (
            Support::Counts,
            &[-1.0, 0.5, 3e7],
            &[0.0, 7.0, 16_777_216.0],
        ),
        (
            Support::Levels,
            &[-0.1, 0.5, 2.0],
            &[0.0, 0.2, 128.0 / 255.0],
        ),
    ];
    for (support, unfit, fit) in refused {
        for likelihood in of(support) {
            let settings = Settings {
                likelihood,
                ..settings()
            };
            for &value in unfit {
                let Err(error) = trainer(&settings, &with(value, false)) else {
                    panic!("{likelihood:?} takes {value}")
                };
                let message = error.to_string();
                let place =
                    format!("row 0, column 5 of test image 2 (all counted from 0) is {value},");
                let name = likelihood.density().name;
                for part in [place.as_str(), name, "gaussian", "student-t"] {
                    assert!(message.contains(part), "{part}: {message}");
                }
                let remedies = error.remedies();
                let keys: Vec<_> = remedies.iter().map(|r| r.setting.key()).collect();
                assert_eq!(keys, ["likelihood"]);
            }
            for &value in fit {
                trainer(&settings, &with(value, true)).unwrap();
            }
        }
    }
    // Drawn pixels are levels, whatever their probabilities.
    for binarize in [Binarize::Static, Binarize::Dynamic] {
        let settings = Settings {
            likelihood: Likelihood::DiscretisedLogistic,
            binarize,
            ..settings()
        };
        trainer(&settings, &with(0.4999, true)).unwrap();
    }
}

fn values_that_a_likelihood_does_not_take_are_refused_by_their_place() {
    let refused = |settings: &Settings, data: &Dataset| {
        let Err(error) = trainer(settings, data) else {
            panic!("not refused")
        };
        error
    };
    // Image 2, column 5.
    let place = 2 * DIM + 5;
    let with = |value: f32, of_train: bool| {
        let mut data = data();
        for (split, changed) in [(&mut data.train, of_train), (&mut data.test, !of_train)] {
            let mut values = vec![0.5; split.images.pixels.len()];
            (values[0], values[1]) = (0.0, 1.0);
            if changed {
                values[place] = value;
            }
            split.images.pixels = values.into();
        }
        data
    };
    for likelihood in Likelihood::ALL {
        let unit = matches!(
            likelihood,
            Likelihood::Bernoulli | Likelihood::ContinuousBernoulli | Likelihood::Categorical
        );
        // Of counts and levels the test below.
        if matches!(
            likelihood.density().support,
            Support::Counts | Support::Levels
        ) {
            continue;
        }
        for binarize in Binarize::ALL {
            let settings = Settings {
                likelihood,
                binarize,
                ..settings()
            };
            for (value, of_train) in [(1.5, true), (-1e-6, false)] {
                let data = with(value, of_train);
                if !unit && binarize == Binarize::None {
                    trainer(&settings, &data).unwrap();
                    continue;
                }
                let error = refused(&settings, &data);
                let message = error.to_string();
                let of = if of_train { "training" } else { "test" };
                let place =
                    format!("row 0, column 5 of {of} image 2 (all counted from 0) is {value},");
                assert!(message.contains(&place), "{message}");
                let what = match binarize {
                    Binarize::None => likelihood.density().name,
                    _ => binarize.name(),
                };
                assert!(
                    message.contains(what) && message.contains("min-max"),
                    "{message}"
                );
                let offers = message.contains("gaussian") && message.contains("student-t");
                assert_eq!(offers, binarize == Binarize::None, "{message}");
                let remedies = error.remedies();
                let named: Vec<_> = remedies.iter().map(|r| r.setting.key()).collect();
                let expected: &[&str] = match (unit, binarize) {
                    (true, Binarize::None) => &["normalize", "likelihood"],
                    (true, _) => &["normalize"],
                    (false, _) => &["normalize", "binarize"],
                };
                assert_eq!(named, expected);
                // Each of them helps.
                let normalised = Settings {
                    normalize: Normalize::MinMax,
                    ..settings.clone()
                };
                trainer(&normalised, &data).unwrap();
            }
            trainer(&settings, &with(1.0, true)).unwrap();
        }
    }
    for normalize in Normalize::ALL {
        let gaussian = Settings {
            normalize,
            ..settings()
        };
        for (value, of) in [(f32::NAN, "training"), (f32::INFINITY, "test")] {
            let message = refused(&gaussian, &with(value, of == "training")).to_string();
            let place = format!("row 0, column 5 of {of} image 2 (all counted from 0) is {value},");
            assert!(message.contains(&place), "{message}");
        }
    }
}

fn a_run_is_not_continued_on_values_of_another_range() {
    let data = data();
    let settings = settings();
    let mut first = trainer(&settings, &data).unwrap();
    first.epoch(None, &mut || true).unwrap();
    let checkpoint = first.checkpoint().unwrap();
    let mut other = data.clone();
    let mut values = other.train.images.pixels.to_values();
    values[7] = 1000.0;
    other.train.images.pixels = values.into();
    let resume = |settings: &Settings, data: &Dataset| {
        let vae = settings.vae(DIM).unwrap();
        let executor = Box::new(ReferenceExecutor::new(vae.parameters(), settings.seed));
        Trainer::resume(vae, executor, settings.clone(), data, checkpoint.clone())
    };
    let Err(error) = resume(&settings, &other) else {
        panic!("not refused")
    };
    assert!(error.to_string().contains("to 1000 and the run"), "{error}");
    let normalised = Settings {
        normalize: Normalize::MinMax,
        ..settings.clone()
    };
    let Err(error) = resume(&normalised, &data) else {
        panic!("not refused")
    };
    assert!(
        error.to_string().contains("normalize = \"none\""),
        "{error}"
    );
    resume(&settings, &data).unwrap();
}
