//! `vae fit-prior`

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::model::{Fitted, FittedPrior, Prior};
use vae_wgpu::train::{self, FittedModel, LatentDraws, Settings};

use super::failure::Usage;
use super::options::{self, AdapterOption, DataOptions};
use super::output::Output;
use super::run::{Found, RunArg, TrainedRun};
use super::{console, pictures};

/// Fit a density to the latents of a run's images, to sample from in the place of its prior
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae fit-prior runs/digits-1                       a mixture of ten Gaussians
  vae fit-prior runs/digits-1 --prior flow
  vae sample runs/digits-1                          draws from what was fitted
  vae sample runs/digits-1 --prior model            draws from the run's own prior

The density is fitted to draws of z for the training images and kept in RUN/checkpoints/prior.safetensors;
the model stays as it is. What is printed is -ln p(z) of draws for the test images, in nats.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    #[command(flatten)]
    fit: Fit,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// What is fitted.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Fit {
    /// A mixture of Gaussians with full covariances, or a masked autoregressive flow
    #[arg(long, default_value = FittedPrior::NAMES[0], value_parser = PossibleValuesParser::new(FittedPrior::NAMES).try_map(|s| s.parse::<FittedPrior>()))]
    prior: FittedPrior,
    /// Components of the mixture [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=Fitted::MOST as i64))]
    components: Option<u16>,
    /// Steps of 256 draws of z each
    #[arg(long, value_name = "N", default_value_t = train::Fit::STEPS, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let (FittedPrior::Flow, Some(components)) = (self.fit.prior, self.fit.components) {
            return Err(Usage(format!(
                "a flow has no components, of which --components {components} would be the number; leave it \
                 out, or choose --prior mixture"
            ))
            .into());
        }
        let found = self.run.find()?;
        let _lock = found.dir.lock()?;
        fit(found, self.fit, &self.data, &self.adapter, &console::line)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Fits a density of a family's usual size to a run whose lock the caller has.
pub(crate) fn usual(
    found: Found,
    prior: FittedPrior,
    data: &DataOptions,
    adapter: &AdapterOption,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let usual = Fit {
        prior,
        components: None,
        steps: train::Fit::STEPS,
    };
    fit(found, usual, data, adapter, say)
}

fn fit(
    found: Found,
    fit: Fit,
    data: &DataOptions,
    adapter: &AdapterOption,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let path = train::fitted_prior_of(&found.dir);
    let of_step = train::step_of(&found.path())?;
    let config: super::config::RunConfig = found.dir.read_config()?;
    let seed = config.training.seed;
    let mut run = TrainedRun::open(found, adapter, seed)?;
    check(&run.config.training)?;
    let data = run.data(data.clone())?;
    let settings = run.config.training.clone();
    let steps = fit.steps;
    let how = train::Fit { steps, seed };
    let z = LatentDraws::of(&mut run.model, &settings, &run.scaling, data, how)?;
    let latent = run.model.vae().config().latent_dim;
    let mut fitted = Fitted::new(fit.prior, latent);
    if let Some(components) = fit.components {
        fitted.components = components.into();
    }
    let name = fit.prior.name();
    let executor = options::open(adapter, fitted.parameters(), seed)?;
    let mut model = FittedModel::fit(fitted, executor, &z.train, how)?;
    model.checkpoint(&of_step)?.save(&path)?;
    let normal = z
        .test
        .iter()
        .map(|&z| 0.5 * f64::from(z).powi(2))
        .sum::<f64>();
    let normal = normal / (z.test.len() / latent).max(1) as f64
        + latent as f64 * vae_wgpu::expr::HALF_LN_TAU;
    say(&format!(
        "-ln p(z) of z for the test images, in nats: {:.3} under the {name}, {normal:.3} under the standard normal",
        model.nll(&z.test)?
    ));
    say(&format!("fitted prior     {}", path.display()));
    if run.table.is_some() {
        let folder = console::quoted(run.dir.path());
        say(&format!(
            "rows             vae sample {folder} -o synthetic.csv"
        ));
        return Ok(());
    }
    let mut shown = run.shown();
    let count = pictures::fitting(100, shown.size());
    let output = Output::among_samples(&run.dir, "fitted.png")?;
    let draw = || samples(&mut model, &mut run.model, (count, None), 0);
    pictures::drawn(draw, &mut shown, count, &output)?;
    say(&format!(
        "samples          {}",
        run.dir.samples().join("fitted.png").display()
    ));
    Ok(())
}

/// A density of z alone cannot take the place of a prior of the label: a draw that knows none would not be of it.
pub(crate) fn check(settings: &Settings) -> Result<(), Usage> {
    match settings.prior {
        Prior::Conditional => Err(Usage(
            "the prior conditional is p(z | y), and what is fitted would be of z alone, so that a draw would have \
             no label; a run with another prior has one that can be fitted"
                .to_owned(),
        )),
        Prior::Standard | Prior::Mixture | Prior::Vamp => Ok(()),
    }
}

/// The density that was fitted to a run, if there is one of this checkpoint; where it was asked for, there must be.
pub(crate) fn of_run(
    run: &TrainedRun,
    checkpoint: &std::path::Path,
    adapter: &AdapterOption,
    asked: bool,
) -> anyhow::Result<Option<FittedModel>> {
    let path = train::fitted_prior_of(&run.dir);
    let folder = console::quoted(run.dir.path());
    if !path.is_file() {
        return match asked {
            true => Err(Usage(format!(
                "no prior was fitted to the run {}; vae fit-prior {folder} fits one",
                run.dir.path().display()
            ))
            .into()),
            false => Ok(None),
        };
    }
    let [of_prior, of_model] = [train::step_of(&path)?, train::step_of(checkpoint)?];
    if of_prior != of_model {
        let other = format!(
            "the fitted prior is of the weights after step {of_prior}, and these are of step {of_model}; \
             vae fit-prior {folder} fits one to the last"
        );
        if asked {
            return Err(Usage(other).into());
        }
        console::note(&format!("{other}; z is drawn from the model's own"));
        return Ok(None);
    }
    let config = run.model.vae().config();
    let seed = run.config.training.seed;
    let blame = |error: anyhow::Error| error.context(format!("{}", path.display()));
    let open = |fitted: &Fitted| options::open(adapter, fitted.parameters(), seed);
    FittedModel::load(Checkpoint::load(&path)?, config.latent_dim, open)
        .map(Some)
        .map_err(blame)
}

/// Images of draws from a fitted density, of a label or of each in turn where the decoder reads labels.
pub(crate) fn samples(
    fitted: &mut FittedModel,
    model: &mut Autoencoder,
    (count, label): (usize, Option<u8>),
    seed: u64,
) -> anyhow::Result<Vec<f32>> {
    let z = fitted.draw(count, seed)?;
    let labels = labels(model, count, label);
    Ok(model.decode(&z, labels.as_deref())?)
}

/// A label for each of so many draws, where the decoder reads labels: all the same, or each class in turn.
pub(super) fn labels(model: &Autoencoder, count: usize, label: Option<u8>) -> Option<Vec<u8>> {
    let config = model.vae().config();
    let classes = config.classes;
    config.condition.decoder().then(|| {
        let in_turn = |row: usize| (row % classes.max(1)) as u8;
        let labels = (0..count).map(|row| label.unwrap_or_else(|| in_turn(row)));
        labels.collect()
    })
}
