//! Data that are not all on the device at once: the same measures, and the same bits wherever a run is cut.

use std::sync::Arc;

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::{Dataset, digits};
use vae_wgpu::executor::Executor;
use vae_wgpu::gpu::Gpu;
use vae_wgpu::model::Condition;
use vae_wgpu::plan::{GpuExecutor, PlanChoice};
use vae_wgpu::train::{Binarize, EpochEnd, Observed, Settings, Trainer};

use crate::large::{WIDE, narrow};
use crate::support::harness::{Open, Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = tests!(executors:
        a_run_in_windows_ends_with_the_same_bits_wherever_it_is_cut,
        test_images_in_windows_are_measured_as_all_at_once,
    );
    tests.extend(tests!(gpu: windows_lie_in_several_buffers));
    tests
}

/// Windows of 32, 32 and 36 images to train on, and of 32 and 18 to measure with.
fn data() -> Dataset {
    Dataset {
        name: "few digits".to_owned(),
        train: digits::generate(1, 0, 100),
        test: digits::generate(2, 0, 50),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

/// Seven steps an epoch, two in each window but the last.
fn settings() -> Settings {
    Settings {
        hidden: vec![11],
        latent: 3,
        condition: Condition::Both,
        binarize: Binarize::Static,
        batch_size: 16,
        window: Some(32),
        epochs: 2,
        lr: 3e-3,
        ..Settings::default()
    }
}

/// A trainer of these settings, from a checkpoint if there is one.
fn trainer(open: &Open, settings: &Settings, from: Option<Checkpoint>) -> Trainer {
    let vae = settings
        .vae(Observed {
            dim: 784,
            classes: 10,
            table: None,
        })
        .unwrap();
    let executor = open(vae.parameters(), settings.seed);
    let (settings, data) = (settings.clone(), data());
    match from {
        Some(checkpoint) => Trainer::resume(vae, executor, settings, data, checkpoint).unwrap(),
        None => Trainer::new(vae, executor, settings, data).unwrap(),
    }
}

fn a_run_in_windows_ends_with_the_same_bits_wherever_it_is_cut(open: &Open) {
    let mut whole = trainer(open, &settings(), None);
    let mut metrics = Vec::new();
    whole
        .run(|epoch| metrics.push((epoch.train.clone(), epoch.test.clone())))
        .unwrap();
    // In the middle of the second window; at its end; and in the last window of the second epoch.
    let mut parted = Vec::new();
    let mut current = trainer(open, &settings(), None);
    for stop_after in [3, 1, 9, 5] {
        current.set_steps_per_submission(1);
        let mut left = stop_after;
        let mut go_on = || {
            left -= 1;
            left > 0
        };
        if let EpochEnd::Complete(epoch) = current.epoch(None, &mut go_on).unwrap() {
            parted.push((epoch.train, epoch.test));
        }
        let saved = current.checkpoint().unwrap();
        current = trainer(open, &settings(), Some(saved));
    }
    current
        .run(|epoch| parted.push((epoch.train.clone(), epoch.test.clone())))
        .unwrap();
    assert!(parted == metrics);
    assert!(current.checkpoint().unwrap() == whole.checkpoint().unwrap());
}

/// Pixels are drawn, and labels read, by the place that an image has in the data.
fn test_images_in_windows_are_measured_as_all_at_once(open: &Open) {
    let all = Settings {
        window: None,
        ..settings()
    };
    let at_once = trainer(open, &all, None).evaluate().unwrap();
    assert!(trainer(open, &settings(), None).evaluate().unwrap() == at_once);
}

/// A window of 64 images takes two bindings; the pixels of a batch and the first weight have room in one each.
fn windows_lie_in_several_buffers(gpu: &Gpu) {
    let settings = Settings {
        window: Some(64),
        batch_size: 8,
        condition: Condition::None,
        ..settings()
    };
    // The programs want all parameters in one binding, which is larger than these windows.
    let plan = PlanChoice::General;
    let [one, several] = [WIDE, 40_000].map(|largest_binding| {
        let gpu = narrow(gpu, largest_binding);
        let open = move |specs, seed| -> Box<dyn Executor> {
            let executor = GpuExecutor::new(Arc::clone(&gpu), specs, seed).unwrap();
            Box::new(executor.with_plan(plan))
        };
        let mut trainer = trainer(&open, &settings, None);
        trainer.run(|_| {}).unwrap();
        trainer.checkpoint().unwrap()
    });
    assert!(one == several, "{plan}");
}
