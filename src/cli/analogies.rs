//! `vae analogies`

use std::process::ExitCode;

use vae_wgpu::plot::Bands;
use vae_wgpu::rng;

use super::failure::Usage;
use super::look::LookArgs;

/// Draw every label in the style of test images: z of a row's image, decoded with each label in turn
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae train --condition both --out runs/cvae
  vae analogies runs/cvae

The first column has the images; the others have their μ, decoded with the labels from 0 on, as figure 1 of
Kingma, Rezende, Mohamed and Welling (2014). Of a hierarchy the μ is that of z₁.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rows: u16,
    /// Chooses the images
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("analogies.png", self.seed)?;
        let config = look.run.model.vae().config();
        let classes = config.classes;
        if !config.condition.decoder() {
            return Err(Usage(format!(
                "the decoder of {} reads no labels, so that z cannot be decoded with others; train a run with \
                 --condition decoder or both",
                look.run.dir.path().display()
            ))
            .into());
        }
        let order = rng::permutation(self.seed, 0, look.count());
        let rows: Vec<_> = order
            .iter()
            .take(self.rows.into())
            .map(|&i| i as usize)
            .collect();
        let latent = look.latent();
        let mu = look.encode(&rows)?.mu;
        let inputs = look.images(&rows)?;
        let dim = inputs.len() / rows.len().max(1);
        let z: Vec<_> = mu
            .chunks(latent)
            .flat_map(|row| row.repeat(classes))
            .collect();
        let labels: Vec<_> = (0..rows.len())
            .flat_map(|_| (0..classes).map(|class| class as u8))
            .collect();
        let decoded = look.decode(&z, &labels)?;
        let mut images = Vec::new();
        for (input, row) in inputs.chunks(dim).zip(decoded.chunks(classes * dim)) {
            images.extend_from_slice(input);
            images.extend_from_slice(row);
        }
        let bands = Bands {
            depth: 1,
            apart: [1, 0],
        };
        let what = format!(
            "{} test images and their like of {classes} labels",
            rows.len()
        );
        look.draw(&images, classes + 1, bands, &what)?;
        Ok(ExitCode::SUCCESS)
    }
}
