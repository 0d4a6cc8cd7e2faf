//! `vae train`

mod again;
mod board;
mod collapse;
mod one;
mod seeds;

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::model::FittedPrior;
use vae_wgpu::train::Preset;

use super::config::Overrides;
use super::failure::Usage;
use super::keeping::Keeping;
use super::options::{AdapterOption, DataOptions, PlanOption};
use super::progress::Reporter;
use super::run::CheckpointOption;
use super::watching::Watching;
use super::{console, interrupt};
pub(crate) use again::to_the_end;
pub(crate) use board::picture_of_epoch;
use one::Ended;
pub(crate) use one::Trained;

/// Train a variational autoencoder
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  vae train                                        built-in digits, best adapter
  vae train --preset blog --data mnist --download
  vae train --beta 4 --kl-warmup 2000              a heavier divergence, raised slowly
  vae train --condition both                       labels into encoder and decoder
  vae train --preset m2-1000                       the labels of a thousand images, and a classifier
  vae train --features runs/mnist-1 --likelihood gaussian       a model of another one's latents
  vae train --objective iwae --samples 5 --binarize dynamic
  vae train --likelihood laplace --scale per-pixel
  vae train --prior vamp --fit-prior mixture       a trained prior, and one fitted in the end
  vae train --data glyphs/ --hidden 512,256 --latent 32 --epochs 50 --out runs/glyphs
  vae train --resume runs/glyphs --epochs 80       30 epochs more
  vae train --resume runs/glyphs --lr 1e-4         from here on with a lower learning rate
  vae train --init runs/glyphs --data letters/     a new run with that one's weights
  vae train --init runs/a --data letters/ --freeze encoder      only its decoder is trained
  vae train --config runs/glyphs/config.toml       the same run again
  vae train --seeds 5 --out runs/five              seeds 0 to 4 side by side, each a run in runs/five

Ctrl-C finishes the step, saves, and exits with 130; --resume continues to the same bits as if
nothing had happened. SIGUSR1 saves and goes on. Where there is no terminal, an epoch longer than a
minute prints a line a minute.")]
pub(crate) struct Args {
    /// Settings with a source; other flags override them
    #[arg(long, value_name = "NAME", long_help = preset_help())]
    pub(super) preset: Option<Preset>,
    /// A TOML file with settings, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    pub(super) config: Option<PathBuf>,
    /// Where the run goes [default: runs/DATA-N]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,
    /// Continue a run, up to --epochs; the learning rate, its schedule, Adam's numbers and clipping
    /// may change, from the step on at which it continues
    #[arg(long, value_name = "RUN", conflicts_with = "preset")]
    pub(super) resume: Option<PathBuf>,
    /// Start a new run with the weights of RUN, or of a safetensors file
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(super) init: Option<PathBuf>,
    /// Learn from the latents of another run in the place of images: the means of its q(z | x), as rows of
    /// numbers, for which the likelihood gaussian is meant
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(super) features: Option<PathBuf>,
    /// In the end, fit a density to the latents of the training images, as `vae fit-prior` does
    #[arg(long, value_name = "PRIOR", value_parser = PossibleValuesParser::new(FittedPrior::NAMES).try_map(|s| s.parse::<FittedPrior>()))]
    pub(super) fit_prior: Option<FittedPrior>,
    #[command(flatten)]
    pub(super) checkpoint: CheckpointOption,
    #[command(flatten)]
    pub(super) keeping: Keeping,
    #[command(flatten)]
    pub(super) watching: Watching,
    /// Train the same model with N seeds, from --seed on, side by side: each is a run of its own in the folder, with
    /// the bits that it has alone, and the mean and the deviation of every figure are told
    #[arg(long, value_name = "N", conflicts_with_all = ["resume", "log_every"])]
    pub(super) seeds: Option<NonZeroU16>,
    /// Print the losses of every N-th step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) log_every: Option<u32>,
    /// Steps that share a submission to the GPU; changes no result [default: by their duration]
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) steps_per_submission: Option<u32>,
    #[command(flatten)]
    pub(super) adapter: AdapterOption,
    #[command(flatten)]
    pub(super) plan: PlanOption,
    #[command(flatten)]
    pub(super) data: DataOptions,
    #[command(flatten)]
    pub(super) overrides: Overrides,
}

/// Every preset with its source.
pub(super) fn preset_help() -> String {
    let lines = Preset::ALL.map(|preset| format!("\n- {}: {}", preset.name(), preset.source()));
    format!(
        "Settings with a source; other flags override them:\n{}",
        lines.concat()
    )
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.checkpoint.checkpoint.is_some() && self.resume.is_none() && self.init.is_none() {
            let message = "--checkpoint says which of a run's checkpoints to begin with: add --resume RUN \
                           or --init RUN";
            return Err(Usage(message.to_owned()).into());
        }
        if let Some(seeds) = self.seeds {
            return seeds::begin(&self, seeds);
        }
        if let Some(folder) = &self.resume {
            let runs = seeds::runs_in(folder);
            if !runs.is_empty() {
                return seeds::go_on(&self, folder, runs);
            }
        }
        let mut reporter = Reporter::new(self.log_every)?;
        let Ended { how, dir, steps } = one::train(&self, None, &mut reporter, true)?;
        Ok(match how {
            Trained::ToTheEnd => ExitCode::SUCCESS,
            Trained::Interrupted => {
                console::line(&format!(
                    "interrupted after step {steps}; continue with: vae train --resume {}",
                    console::quoted(dir.path())
                ));
                ExitCode::from(interrupt::EXIT_CODE)
            }
        })
    }
}
