//! Trains a small VAE on the built-in digits, saves it, and draws samples.
//!
//! `cargo run --release --example train`

use std::path::Path;

use vae_wgpu::data::{self, LoadOptions, Source};
use vae_wgpu::eval;
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::plot;
use vae_wgpu::train::{Settings, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = data::load(&Source::Digits, &LoadOptions::default(), &mut |_| {})?;
    let size = data.train.images.size();

    let settings = Settings {
        hidden: vec![128],
        latent: 16,
        epochs: 3,
        ..Settings::default()
    };
    let vae = settings.vae(size.dim())?;
    let opened = eval::open(&AdapterChoice::Auto, vae.parameters(), settings.seed)?;
    let mut trainer = Trainer::new(vae, opened.executor, settings, &data)?;
    trainer.run(|epoch| {
        println!(
            "epoch {}  train {:.2}  test {:.2}",
            epoch.epoch, epoch.train.objective, epoch.test.objective
        );
    })?;
    trainer
        .checkpoint()?
        .save(Path::new("digits.safetensors"))?;

    let mut model = trainer.into_model();
    let samples = model.sample(25, None)?;
    let samples: Vec<_> = samples.chunks(size.dim()).collect();
    plot::save_png(&plot::grid(&samples, size, 5, 2)?, Path::new("samples.png"))?;
    println!("digits.safetensors holds the model, samples.png what it draws");
    Ok(())
}
