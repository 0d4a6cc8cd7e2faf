//! How the cost of a step grows: µs per image from batch 16 to 65,536, and from 100,000 to 814,255
//! images; µs per weight from 10⁴ to 10⁸ weights. `cargo bench --bench scaling`; `-- --images`,
//! `-- --data` or `-- --weights` for one of the tables.
//!
//! `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose the adapter.
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot run says why and stops"
)]

use std::time::{Duration, Instant};

use vae_wgpu::data::digits;
use vae_wgpu::eval::Device;
use vae_wgpu::executor::{Rows, Snapshot, Start};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::rng;
use vae_wgpu::train::Settings;

/// Timed windows, of which the median counts.
const WINDOWS: usize = 5;
/// The least time of a window.
const WINDOW: Duration = Duration::from_millis(300);

/// Rounds of the table of data sets.
const ROUNDS: usize = 6;

/// About the time of a submission, as in a training.
const SUBMISSION: Duration = Duration::from_millis(60);

fn main() {
    let choice =
        std::env::var("WGPU_ADAPTER_NAME").map_or(AdapterChoice::Auto, AdapterChoice::Name);
    let device = Device::open(&choice).expect("an adapter");
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let all = !["--images", "--data", "--weights"].into_iter().any(asked);
    if all || asked("--images") {
        println!("784-32-16\n\n| batch | ms a step | µs an image |\n|---|---|---|");
        for batch in (4..=16).step_by(2).map(|power| 1 << power) {
            let count = (4 * batch).clamp(4096, 1 << 17).max(batch);
            let (seconds, _) = step(&device, vec![32], 16, batch, count);
            let per_image = 1e6 * seconds / batch as f64;
            println!("| {batch} | {:.2} | {per_image:.2} |", 1e3 * seconds);
        }
    }
    if all || asked("--data") {
        println!("\nbatch 128, µs an image\n\n| images | 784-32-16 | 784-400-20 |\n|---|---|---|");
        let counts = [100_000, 170_000, 173_000, 814_255];
        let models = [(32, 16), (400, 20)];
        // In turn, and the least of each: differences are smaller than what a busy machine adds.
        let mut least = [[f64::INFINITY; 2]; 4];
        for _ in 0..ROUNDS {
            for (count, least) in counts.into_iter().zip(&mut least) {
                for ((hidden, latent), least) in models.into_iter().zip(least) {
                    let (seconds, _) = step(&device, vec![hidden], latent, 128, count);
                    *least = least.min(1e6 * seconds / 128.0);
                }
            }
        }
        for (count, [small, medium]) in counts.into_iter().zip(least) {
            println!("| {count} | {small:.2} | {medium:.2} |");
        }
    }
    if all || asked("--weights") {
        println!(
            "\nbatch 128\n\n| layers | weights | ms a step | ns a weight |\n|---|---|---|---|"
        );
        let models = [
            (vec![6], 2),
            (vec![62], 8),
            (vec![400], 20),
            (vec![580], 20),
            (vec![1024, 1024], 64),
            (vec![2000, 1800], 64),
            (vec![16_384], 64),
            (vec![6600, 6400], 64),
        ];
        for (hidden, latent) in models {
            let layers = hidden.iter().map(usize::to_string).collect::<Vec<_>>();
            let (seconds, weights) = step(&device, hidden, latent, 128, 4096);
            println!(
                "| 784-{}-{latent} | {weights} | {:.2} | {:.2} |",
                layers.join("-"),
                1e3 * seconds,
                1e9 * seconds / weights as f64
            );
        }
    }
}

/// The median seconds of a training step over so many images, and how many weights it has.
fn step(
    device: &Device,
    hidden: Vec<usize>,
    latent: usize,
    batch: usize,
    count: usize,
) -> (f64, usize) {
    let settings = Settings {
        hidden,
        latent,
        batch_size: batch,
        ..Settings::default()
    };
    // Again and again the same ones: drawing a million would take longer than the rest.
    let images = digits::generate(1, 0, 4096).images;
    let dim = images.dim();
    let bytes = images.pixels.as_bytes().expect("digits are bytes");
    let pixels: Vec<u8> = bytes.iter().copied().cycle().take(count * dim).collect();
    let vae = settings.vae(dim).expect("the sizes are valid");
    let specs = vae.parameters();
    let weights = specs.iter().map(|spec| spec.shape.len()).sum();
    let opened = device.executor(specs.clone(), 1).expect("an executor");
    let mut executor = opened.executor;
    let initial = Snapshot::initial(&specs, 1);
    executor.restore(&initial).expect("the parameters fit");
    let rows = Rows::new(pixels, dim);
    let graph =
        |rows| vae.training_graph(rows, settings.optimizer(count).expect("the settings fit"));
    let mut pass = executor.pass(rows, batch, &graph).expect("the model fits");
    let order = rng::permutation(1, 0, count);
    let start = Start {
        step: 0,
        position: 0,
        order: &order,
    };
    // Steps of whole batches, some a submission where they are short; the first window warms up.
    let mut at_once = 1;
    let mut window = || {
        let (mut took, mut steps) = (Duration::ZERO, 0);
        while took < WINDOW {
            pass.begin(start).expect("the device works");
            let started = Instant::now();
            let mut left = count / batch;
            while left > 0 {
                let done = pass.advance(left.min(at_once)).expect("the device works");
                left -= done;
                steps += done;
                if started.elapsed() > WINDOW {
                    break;
                }
            }
            pass.losses().expect("the device works");
            took += started.elapsed();
        }
        let seconds = took.as_secs_f64() / f64::from(u32::try_from(steps).expect("few steps"));
        at_once = ((SUBMISSION.as_secs_f64() / seconds) as usize).clamp(1, 64);
        seconds
    };
    window();
    let mut windows: Vec<f64> = (0..WINDOWS).map(|_| window()).collect();
    windows.sort_by(f64::total_cmp);
    (windows[WINDOWS / 2], weights)
}
