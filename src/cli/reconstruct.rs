//! `vae reconstruct`

use std::path::PathBuf;
use std::process::ExitCode;

use super::look;
use super::options::{AdapterOption, DataOptions};
use super::output::Output;
use super::pictures;
use super::run::{RunArg, TrainedRun};

/// Draw test images above their reconstructions by a run's model
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae reconstruct runs/digits-1
  vae reconstruct runs/mnist-1 --data fashion-mnist -n 40 -o strange.png

An image is decoded from the mean of q(z | x). That of a flow has no closed form: its image
is decoded from the point to which its maps take the mean of the Gaussian before them.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// How many images
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Where they go: FILE.png in one picture, FILE.npy as f32 [n, height, width] (and of colours
    /// [n, height, width, 3]) with values as the data
    /// have them (bytes in 0 to 1, or as counts), FOLDER/ a PNG each, - a PNG on standard output [default: RUN/samples/reconstructions.png]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
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
        let mut run = TrainedRun::open(found, &self.adapter, 0)?;
        let data = run.data(self.data)?;
        look::check_labels(run.model.vae(), &data.test)?;
        let output = match given {
            Some(output) => output,
            None => Output::among_samples(&run.dir, "reconstructions.png")?,
        };
        let mut shown = run.shown();
        pictures::reconstructions(
            &mut run.model,
            &mut shown,
            &data.test,
            self.count as usize,
            &output,
        )?;
        let adapter = run.model.executor().name();
        output.report("reconstructions", &adapter);
        Ok(ExitCode::SUCCESS)
    }
}
