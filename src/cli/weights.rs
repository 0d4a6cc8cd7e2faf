//! `vae weights`

use std::path::PathBuf;
use std::process::ExitCode;

use vae_wgpu::data::table::Schema;
use vae_wgpu::train::{Observed, check_architecture, parameters_alone, table};

use super::config::RunConfig;
use super::run::RunArg;
use super::{console, output};

/// Write a run's parameters alone, as PyTorch's load_state_dict(strict=True) takes them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae weights runs/digits-1 -o digits.safetensors
  vae weights runs/digits-1 --checkpoint best -o digits.safetensors

In PyTorch:
  model.load_state_dict(safetensors.torch.load_file(\"digits.safetensors\"))

The file has a tensor for each weight and bias, [out, in] and [out], under the names encoder.hidden.0,
encoder.mu, encoder.logvar, decoder.hidden.0 and decoder.output; no optimiser's state.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Where they go
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        output::check_spares_run(&self.output, found.dir.path())?;
        let config: RunConfig = found.dir.read_config()?;
        let checkpoint = found.load()?;
        let table = table(&checkpoint).map_err(|error| found.blame(error))?;
        let vae = config.training.vae(Observed {
            table: table.as_ref().map(Schema::layout),
            ..config.data.observed()
        })?;
        let weights = check_architecture(&checkpoint, &config.training, config.data.image)
            .and_then(|()| parameters_alone(checkpoint, &vae.parameters()))
            .map_err(|error| found.blame(error))?;
        weights.save(&self.output)?;
        let tensors = weights.tensors.values();
        let values: usize = tensors.map(|tensor| tensor.data.len()).sum();
        console::line(&format!(
            "{} parameters in {} tensors in {}",
            console::thousands(values as f64),
            weights.tensors.len(),
            self.output.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
