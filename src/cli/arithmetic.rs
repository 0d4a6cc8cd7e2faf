//! `vae arithmetic`

use std::process::ExitCode;
use std::str::FromStr;

use vae_wgpu::plot::Bands;

use super::console;
use super::failure::Usage;
use super::look::{Look, LookArgs};
use super::sample::check_label;

/// Add and subtract latents of labels or images, and draw what comes out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae arithmetic runs/digits-1 --plus label:3 --plus image:17 --minus label:5
  vae arithmetic runs/digits-1 --plus image:4,image:9 --minus image:2

The latent of an image is the mean of q(z | x), that of a label the mean of these over all test images that have
it; of a hierarchy, of z₁. The picture has their decodings, those that are added first, and set apart that of
the sum. Where the decoder reads labels, an operand is decoded with its own, and the sum with --label.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
    /// What is added: label:N or image:N, counted from 0; several with commas, or the flag again
    #[arg(long, value_name = "WHAT", value_delimiter = ',', required = true)]
    plus: Vec<Operand>,
    /// What is subtracted, likewise
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    minus: Vec<Operand>,
    /// The label with which the sum is decoded, where the decoder reads labels [default: that of the first operand]
    #[arg(long, value_name = "N")]
    label: Option<u8>,
}

/// A latent with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// The mean of all images of a label.
    Label(u8),
    /// That of a test image.
    Image(usize),
}

impl FromStr for Operand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "choose label:N, such as label:3, or image:N, such as image:17".to_owned();
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "label" => number.parse().map(Self::Label).map_err(|_| wrong()),
            "image" => number.parse().map(Self::Image).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

impl Operand {
    /// Its test images, and the label it is decoded with.
    fn images(self, look: &Look) -> Result<(Vec<usize>, u8), Usage> {
        match self {
            Self::Image(number) => {
                look.check_image("the operand image:N with N", number)?;
                let label = look.labels().map_or(0, |labels| labels[number]);
                Ok((vec![number], label))
            }
            Self::Label(label) => {
                let why = format!("label:{label} is the mean of those with this one");
                let all = look.labels_for(&why)?;
                let own: Vec<_> = (0..all.len())
                    .filter(|&index| all[index] == label)
                    .collect();
                if !own.is_empty() {
                    return Ok((own, label));
                }
                let mut there = all.to_vec();
                there.sort_unstable();
                there.dedup();
                let there: Vec<_> = there.iter().map(u8::to_string).collect();
                Err(Usage(format!(
                    "no test image has the label of label:{label}; there are {}",
                    there.join(", ")
                )))
            }
        }
    }

    fn describe(self, images: usize) -> String {
        match self {
            Self::Image(number) => format!("test image {number}"),
            Self::Label(label) => format!("label {label}, the mean of {images} test images"),
        }
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("arithmetic.png", 0)?;
        check_label(self.label, &look.run)?;
        let latent = look.latent();
        let signed = self.plus.iter().map(|of| (1.0, *of));
        let signed = signed.chain(self.minus.iter().map(|of| (-1.0, *of)));
        let (mut z, mut labels, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = vec![0.0f64; latent];
        for (sign, operand) in signed {
            let (which, label) = operand.images(&look)?;
            let mean = mean(&look.encode(&which)?.mu, latent);
            for (sum, value) in sum.iter_mut().zip(&mean) {
                *sum += sign * value;
            }
            z.extend(mean.iter().map(|&value| value as f32));
            labels.push(label);
            let sign = if sign > 0.0 { '+' } else { '−' };
            lines.push(format!("{sign} {}", operand.describe(which.len())));
        }
        z.extend(sum.iter().map(|&value| value as f32));
        labels.push(self.label.or(labels.first().copied()).unwrap_or(0));
        let count = labels.len();
        let images = look.decode(&z, &labels)?;
        for line in &lines {
            console::aside(line);
        }
        console::aside("= the last image");
        let bands = Bands {
            depth: 1,
            apart: [0, 1],
        };
        let what = format!("{} operands and their sum", count - 1);
        look.draw(&images, count, bands, &what)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The mean of rows `[count, dims]`.
fn mean(rows: &[f32], dims: usize) -> Vec<f64> {
    let count = (rows.len() / dims).max(1) as f64;
    let column = |j: usize| {
        rows.iter()
            .skip(j)
            .step_by(dims)
            .map(|&v| f64::from(v))
            .sum::<f64>()
    };
    (0..dims).map(|j| column(j) / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_labels_or_images() {
        assert_eq!("label:3".parse(), Ok(Operand::Label(3)));
        assert_eq!("image:17".parse(), Ok(Operand::Image(17)));
        for wrong in ["3", "label:", "label:-1", "label:300", "picture:1"] {
            assert!(wrong.parse::<Operand>().is_err(), "{wrong}");
        }
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
    }
}
