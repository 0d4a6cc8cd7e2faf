//! `vae manifold`

use std::process::ExitCode;

use vae_wgpu::eval::normal_quantiles;
use vae_wgpu::plot::Bands;

use super::failure::Usage;
use super::look::LookArgs;
use super::sample::check_label;

/// Draw the whole plane of a model with two latent dimensions, as figure 4 of Kingma and Welling (2013)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae train --latent 2 --out runs/plane
  vae manifold runs/plane

Decodings of points whose coordinates are the prior's quantiles at the middles of equal shares: each image
stands for as much of the prior as any other. z₁ grows to the right, z₂ upwards.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
    /// Images on a side
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    side: u16,
    /// The label that the decoder reads, where it reads labels [default: 0]
    #[arg(long, value_name = "N")]
    label: Option<u8>,
    /// Key of the draws that say a prior's mean and deviations, where it is no standard normal
    #[arg(long, default_value_t = 0, hide_short_help = true)]
    seed: u64,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("manifold.png", self.seed)?;
        check_label(self.label, &look.run)?;
        let latent = look.latent();
        if latent != 2 {
            return Err(Usage(format!(
                "a manifold is a plane, and z of {} has {latent} dimensions; train a run with --latent 2, or draw \
                 this one's dimensions one by one with vae traverse",
                look.run.dir.path().display()
            ))
            .into());
        }
        let label = self.label.unwrap_or(0);
        let prior = look.prior(label)?;
        let side = usize::from(self.side);
        let quantiles = normal_quantiles(side);
        let at = |j: usize, quantile: f64| (prior.mean[j] + prior.deviation[j] * quantile) as f32;
        let down = quantiles.iter().rev();
        let rows = down.flat_map(|&y| quantiles.iter().map(move |&x| [x, y]));
        let z: Vec<_> = rows.flat_map(|[x, y]| [at(0, x), at(1, y)]).collect();
        let images = look.decode(&z, &vec![label; side * side])?;
        look.draw(&images, side, Bands::of(1), "the plane of z")?;
        Ok(ExitCode::SUCCESS)
    }
}
