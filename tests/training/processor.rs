//! The processor's executor: the same bits for any number of threads.

use std::num::NonZeroUsize;

use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::cpu::CpuExecutor;
use vae_wgpu::data::{Dataset, digits};
use vae_wgpu::model::{Condition, Likelihood, Scale};
use vae_wgpu::rng::{Philox, Stream};
use vae_wgpu::train::{Settings, Trainer};

use crate::combinations::draw;
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests!(plain:
        threads_change_no_bit,
        threads_change_no_bit_of_a_wide_model,
        its_name_says_the_threads,
    )
}

/// Two whole batches of so many images and a smaller one, and one to test on.
fn data(batch: usize) -> Dataset {
    Dataset {
        name: "few digits".to_owned(),
        train: digits::generate(3, 0, 2 * batch + batch / 3),
        test: digits::generate(4, 0, batch + 1),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn trained(settings: &Settings, data: &Dataset, threads: usize) -> (Checkpoint, Vec<u64>) {
    let vae = settings.vae(data).unwrap();
    let threads = NonZeroUsize::new(threads).unwrap();
    let executor = Box::new(CpuExecutor::new(vae.parameters(), settings.seed, threads));
    let mut trainer = Trainer::new(vae, executor, settings.clone(), data).unwrap();
    let mut losses = Vec::new();
    trainer
        .run(|epoch| {
            losses.extend([&epoch.train, &epoch.test].map(|losses| losses.objective.to_bits()));
        })
        .unwrap();
    (trainer.checkpoint().unwrap(), losses)
}

fn agree(settings: &Settings, data: &Dataset) {
    let alone = trained(settings, data, 1);
    for threads in [2, 3, 8] {
        let together = trained(settings, data, threads);
        assert!(together == alone, "{threads} threads: {settings:?}");
    }
}

/// Models of every kind, of which each work is an item or two.
fn threads_change_no_bit() {
    let mut rng = Philox::new(11, Stream::Initialisation, 0);
    let data = data(8);
    for _ in 0..12 {
        agree(&draw(&mut rng), &data);
    }
}

/// One whose products are cut into many blocks, with clipped gradients.
fn threads_change_no_bit_of_a_wide_model() {
    let settings = Settings {
        hidden: vec![300, 200],
        latent: 24,
        batch_size: 100,
        epochs: 2,
        likelihood: Likelihood::Laplace,
        scale: Scale::PerPixel,
        condition: Condition::Both,
        clip_norm: Some(5.0),
        weight_decay: 0.01,
        ..Settings::default()
    };
    agree(&settings, &data(100));
}

fn its_name_says_the_threads() {
    use vae_wgpu::executor::Executor;
    for (threads, name) in [
        (1, "the processor (1 thread)"),
        (3, "the processor (3 threads)"),
    ] {
        let threads = NonZeroUsize::new(threads).unwrap();
        assert_eq!(CpuExecutor::new(Vec::new(), 0, threads).name(), name);
    }
}
