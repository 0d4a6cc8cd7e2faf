//! The full training step: gather, noise, forward, loss, backward, Adam.
//!
//! `cargo bench --bench step`, on the best adapter and on the processor. Each sample records its steps into submissions of 16 and waits for
//! the last, so that what is timed is the steady state.

#![expect(
    clippy::expect_used,
    reason = "a benchmark without its device has nothing to measure"
)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vae_wgpu::bench::Workload;
use vae_wgpu::data::digits;
use vae_wgpu::eval;
use vae_wgpu::executor::{Rows, Snapshot, Start};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::rng;

const IMAGES: usize = 4096;
const STEPS_PER_SUBMISSION: usize = 16;

fn steps(c: &mut Criterion) {
    let images = digits::generate(1, 0, IMAGES).images;
    let order = rng::permutation(1, 0, IMAGES);
    let mut group = c.benchmark_group("step");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    let choices = [AdapterChoice::Auto, AdapterChoice::Cpu];
    for (workload, choice) in Workload::ALL
        .iter()
        .flat_map(|w| choices.iter().map(move |c| (w, c)))
    {
        let settings = workload.settings();
        let batch = settings.batch_size;
        let vae = settings.vae(images.dim()).expect("the sizes are valid");
        let specs = vae.parameters();
        let opened = eval::open(choice, specs.clone(), 1).expect("an executor");
        let mut executor = opened.executor;
        executor
            .restore(&Snapshot::initial(&specs, 1))
            .expect("the parameters fit");
        let rows = Rows::new(&images.pixels, images.dim());
        let graph = |rows| {
            vae.training_graph(
                rows,
                settings.optimizer(images.count).expect("the settings fit"),
            )
        };
        let mut pass = executor.pass(rows, batch, &graph).expect("the model fits");
        let start = Start {
            step: 0,
            position: 0,
            order: &order,
        };
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(
            BenchmarkId::new(workload.description(&settings), executor.name()),
            |b| {
                b.iter_custom(|steps| {
                    let mut took = Duration::ZERO;
                    let mut left = steps as usize;
                    while left > 0 {
                        // Going back to the first image is not part of a step.
                        pass.begin(start).expect("the device works");
                        let now = Instant::now();
                        let mut done = 0;
                        while done < left {
                            let wanted = STEPS_PER_SUBMISSION.min(left - done);
                            match pass.advance(wanted).expect("the device works") {
                                0 => break,
                                advanced => done += advanced,
                            }
                        }
                        pass.losses().expect("the device works");
                        took += now.elapsed();
                        left -= done;
                    }
                    took
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
