//! `vae interpolate`

use std::process::ExitCode;

use vae_wgpu::eval::{lerp, slerp};
use vae_wgpu::plot::Bands;
use vae_wgpu::rng;

use super::failure::Usage;
use super::look::LookArgs;

/// Draw what lies between pairs of test images: decoded points from one μ to the other
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae interpolate runs/digits-1
  vae interpolate runs/digits-1 --pairs 3 --steps 12 --path linear --seed 7

Every row has a test image at each end, and between them decodings of points from the μ of the one to that of
the other. Of two rows of a pair, the upper one is of the spherical path, the lower one of the straight one.
Of a hierarchy the points are those of z₁. Where the decoder reads labels, it is given the nearer end's.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
    /// How many pairs
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// Decoded points of a path, its ends among them
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(2..=100))]
    steps: u16,
    /// Which path [default: both, one above the other]
    #[arg(long, value_enum, value_name = "PATH")]
    path: Option<Path>,
    /// Chooses the pairs
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// A way from one point to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Path {
    /// Along the circle about the origin
    Spherical,
    /// Straight
    Linear,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("interpolate.png", self.seed)?;
        let pairs = usize::from(self.pairs);
        let steps = usize::from(self.steps);
        let count = look.count();
        if 2 * pairs > count {
            return Err(Usage(format!(
                "--pairs {pairs} are of {} images, and there are {count} test images: choose at most {}",
                2 * pairs,
                count / 2
            ))
            .into());
        }
        let order = rng::permutation(self.seed, 0, count);
        let ends: Vec<_> = order.iter().take(2 * pairs).map(|&i| i as usize).collect();
        let latent = look.latent();
        let mu = look.encode(&ends)?.mu;
        let shades = look.images(&ends)?;
        let dim = shades.len() / ends.len();
        let labels: Vec<_> = match look.labels() {
            Some(all) => ends.iter().map(|&index| all[index]).collect(),
            None => vec![0; ends.len()],
        };
        let paths = match self.path {
            Some(path) => vec![path],
            None => vec![Path::Spherical, Path::Linear],
        };
        let (mut z, mut of) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            let [a, b] = [2 * pair, 2 * pair + 1];
            let [from, to] = [a, b].map(|end| &mu[end * latent..][..latent]);
            for path in &paths {
                for step in 0..steps {
                    let t = step as f64 / (steps - 1) as f64;
                    z.extend(match path {
                        Path::Spherical => slerp(from, to, t),
                        Path::Linear => lerp(from, to, t),
                    });
                    of.push(labels[if t < 0.5 { a } else { b }]);
                }
            }
        }
        let decoded = look.decode(&z, &of)?;
        let mut images = Vec::new();
        for (row, between) in decoded.chunks(steps * dim).enumerate() {
            let pair = row / paths.len();
            let end = |end: usize| &shades[(2 * pair + end) * dim..][..dim];
            images.extend_from_slice(end(0));
            images.extend_from_slice(between);
            images.extend_from_slice(end(1));
        }
        let bands = Bands {
            depth: paths.len(),
            apart: [1, 1],
        };
        let what = format!("what lies between {pairs} pairs of test images");
        look.draw(&images, steps + 2, bands, &what)?;
        Ok(ExitCode::SUCCESS)
    }
}
