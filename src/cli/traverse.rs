//! `vae traverse`

use std::process::ExitCode;

use vae_wgpu::eval::{PriorMoments, descending, kl_by_dimension};
use vae_wgpu::plot::Bands;

use super::console;
use super::look::LookArgs;
use super::sample::check_label;

/// Draw what each dimension of z changes: rows in which one of them goes from -3 to 3 deviations
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae traverse runs/digits-1
  vae traverse runs/digits-1 --image 3 --dimensions 5

Rows come by the divergence KL(q(z_j | x) || p(z_j)) of their dimension in the mean over the test images, the
largest first; the table says which they are. Dimensions with almost none change nothing. Of a prior that is no
standard normal, mean and deviations are those of 4,096 draws, and the divergence is that from the normal with
these; of a hierarchy it is z₁ that is swept; of a flow the divergence is that of the Gaussian that it begins with.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
    /// Around the μ of this test image, counted from 0 [default: around the prior's mean]
    #[arg(long, value_name = "N")]
    image: Option<usize>,
    /// The label that the decoder reads, where it reads labels [default: the image's, else 0]
    #[arg(long, value_name = "N")]
    label: Option<u8>,
    /// At most so many dimensions
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    dimensions: u16,
    /// Images of a row
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u16).range(2..=100))]
    steps: u16,
    /// Key of the draws that say a prior's mean and deviations, where it is no standard normal
    #[arg(long, default_value_t = 0, hide_short_help = true)]
    seed: u64,
}

/// Deviations of the prior on both sides of its mean.
const REACH: f64 = 3.0;

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("traverse.png", self.seed)?;
        check_label(self.label, &look.run)?;
        if let Some(image) = self.image {
            look.check_image("--image", image)?;
        }
        let own = self.image.and_then(|image| Some(look.labels()?[image]));
        let label = self.label.or(own).unwrap_or(0);
        let prior = look.prior(label)?;
        let encoded = look.encode_all()?;
        let kl = kl_by_dimension(&encoded.mu, &encoded.logvar, &prior);
        let latent = look.latent();
        let centre = match self.image {
            Some(image) => encoded.mu[image * latent..][..latent].to_vec(),
            None => prior.point(),
        };
        let order = descending(&kl);
        let rows = &order[..latent.min(self.dimensions.into())];
        let steps = usize::from(self.steps);
        let z = points(&centre, &prior, rows, steps);
        let images = look.decode(&z, &vec![label; rows.len() * steps])?;
        console::aside("row  dimension  KL (nats)");
        for (row, &dimension) in rows.iter().enumerate() {
            console::aside(&format!("{row:>3}  {dimension:>9}  {:>9.3}", kl[dimension]));
        }
        let what = format!("what {} of {latent} dimensions change", rows.len());
        look.draw(&images, steps, Bands::of(1), &what)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// z in rows of `steps`: in each row one of the dimensions goes from −3 to 3 of the prior's deviations, and the others are
/// those of the centre, `[Z]`.
pub(crate) fn points(
    centre: &[f32],
    prior: &PriorMoments,
    dimensions: &[usize],
    steps: usize,
) -> Vec<f32> {
    let point = |dimension: usize, step: usize| {
        let along = (2.0 * step as f64 / (steps - 1) as f64 - 1.0) * REACH;
        let mut point = centre.to_vec();
        point[dimension] = (prior.mean[dimension] + along * prior.deviation[dimension]) as f32;
        point
    };
    let row = |&dimension: &usize| (0..steps).flat_map(move |step| point(dimension, step));
    dimensions.iter().flat_map(row).collect()
}
