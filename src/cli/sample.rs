//! `vae sample`

use std::path::PathBuf;
use std::process::ExitCode;

use super::options::AdapterOption;
use super::run::TrainedRun;
use super::{console, pictures};

/// Draw images from the prior: z ~ N(0, 1) through a run's decoder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae sample runs/digits-1
  vae sample runs/digits-1 -n 100 --seed 7 -o samples.png")]
pub(crate) struct Args {
    /// The run's folder
    run: PathBuf,
    /// How many images
    #[arg(short = 'n', long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Key of the draws: the same seed gives the same images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the picture goes [default: RUN/samples/prior.png]
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    #[command(flatten)]
    adapter: AdapterOption,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut run = TrainedRun::open(&self.run, &self.adapter.resolve(None), self.seed)?;
        let path = match self.output {
            Some(path) => path,
            None => run.dir.make_samples()?.join("prior.png"),
        };
        let image = run.config.data.image;
        pictures::samples(&mut run.model, self.count as usize, image, &path)?;
        let adapter = run.model.executor().name();
        console::line(&format!(
            "{} samples in {}, drawn on {adapter}",
            self.count,
            path.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
