//! `vae sample`

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Usage;
use super::options::AdapterOption;
use super::output::Output;
use super::pictures;
use super::run::{RunArg, TrainedRun};

/// Draw images from the prior: z ~ p(z) through a run's decoder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae sample runs/digits-1
  vae sample runs/digits-1 -n 100 --seed 7 -o samples.png
  vae sample runs/cvae --label 7")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// How many images
    #[arg(short = 'n', long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Of this label, where the run's decoder reads labels [default: of each in turn]
    #[arg(long, value_name = "N")]
    label: Option<u8>,
    /// Key of the draws: the same seed gives the same images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where they go: FILE.png in one picture, FILE.npy as f32 [n, height, width] with values as the data
    /// have them (bytes in 0 to 1), FOLDER/ a PNG each, - a PNG on standard output [default: RUN/samples/prior.png]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let given = self.output.as_deref();
        let given = given
            .map(|path| Output::parse(path, found.dir.path()))
            .transpose()?;
        let mut run = TrainedRun::open(found, &self.adapter, self.seed)?;
        check_label(self.label, &run)?;
        let output = match given {
            Some(output) => output,
            None => Output::among_samples(&run.dir, "prior.png")?,
        };
        let image = run.config.data.image;
        let asked = (self.count as usize, self.label);
        let scaling = run.scaling;
        pictures::samples(&mut run.model, &scaling, asked, image, &output)?;
        let adapter = run.model.executor().name();
        output.report(&format!("{} samples", self.count), &adapter);
        Ok(ExitCode::SUCCESS)
    }
}

/// A label is of use to a decoder that reads labels, and one of its classes.
fn check_label(label: Option<u8>, run: &TrainedRun) -> anyhow::Result<()> {
    let Some(label) = label else {
        return Ok(());
    };
    let config = run.model.vae().config();
    if !config.condition.decoder() {
        return Err(Usage(format!(
                "the decoder of {} reads no labels, so that --label has no use; leave it out, or train a \
                 run with --condition decoder or both",
                run.dir.path().display()
            ))
            .into());
    }
    let classes = config.classes;
    if usize::from(label) >= classes {
        return Err(Usage(format!(
            "--label {label} is none of the {classes} classes of {}: choose from 0 to {}",
            run.dir.path().display(),
            classes - 1
        ))
        .into());
    }
    Ok(())
}
