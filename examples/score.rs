//! Scores lines of numbers by how strange they are to a trained model: a small program with a model in it.
//!
//! `cargo run --release --example score -- RUN THRESHOLD < rows.csv` reads a row of numbers a line, separated by commas,
//! and prints those whose score is above the threshold, in nats. Without arguments it trains a model on the built-in
//! digits first, and scores test images and noise beside them.

use std::error::Error;
use std::io::BufRead;

use vae_wgpu::Model;
use vae_wgpu::data::{self, LoadOptions, Source};
use vae_wgpu::eval::{self, ScoreBy};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::train::{self, Settings, Trainer};

const BY: ScoreBy = ScoreBy::LogLikelihood { samples: 64 };

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(run) = arguments.next() else {
        return demonstrate();
    };
    let threshold: f64 = arguments.next().unwrap_or_default().parse()?;
    let mut model = Model::open(run, &AdapterChoice::Auto)?;
    for (line, text) in (1..).zip(std::io::stdin().lock().lines()) {
        let text = text?;
        let row: Result<Vec<f32>, _> = text.split(',').map(|cell| cell.trim().parse()).collect();
        // What is no row of the model's width, or has no number, is an error that says so.
        let scores = model.score(&row?, None, BY)?;
        for score in scores.into_iter().filter(|&score| score > threshold) {
            println!("line {line}: {score:.2} nats");
        }
    }
    Ok(())
}

/// Test images of the built-in digits beside noise.
fn demonstrate() -> Result<(), Box<dyn Error>> {
    let data = data::load(&Source::Digits, &LoadOptions::default(), &mut |_| {})?;
    let settings = Settings {
        hidden: vec![128],
        latent: 16,
        epochs: 3,
        ..Settings::default()
    };
    let vae = settings.vae(data.train.images.dim())?;
    let opened = eval::open(&AdapterChoice::Cpu, vae.parameters(), settings.seed)?;
    let mut trainer = Trainer::new(vae, opened.executor, settings, &data)?;
    trainer.run(|epoch| println!("epoch {}  test {:.2}", epoch.epoch, epoch.test.objective))?;

    // As a program would that finds the file later: `Model::open` reads it from a path.
    let mut model: Model = train::load(trainer.checkpoint()?, &AdapterChoice::Cpu, 0)?.into();
    let digits = data.test.images.first(200).pixels.to_values();
    let noise: Vec<f32> = (0..digits.len())
        .map(|pixel| (pixel * 2_654_435_761 % 256) as f32 / 255.0)
        .collect();
    let [digits, noise] = [&digits, &noise].map(|rows| model.score(rows, None, BY));
    let (digits, noise) = (digits?, noise?);
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    println!(
        "digits {:.1} nats, noise {:.1} nats",
        mean(&digits),
        mean(&noise)
    );
    let is_noise: Vec<_> = (0..400).map(|row| row >= 200).collect();
    if let Some(area) = eval::auroc(&[digits, noise].concat(), &is_noise) {
        println!("AUROC of noise against digits {area:.4}");
    }
    Ok(())
}
