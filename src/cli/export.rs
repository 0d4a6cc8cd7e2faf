//! `vae export`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::data::table::Schema;
use vae_wgpu::onnx::OPERATORS;
use vae_wgpu::train::{
    Exported, Network, Observed, check_architecture, parameters_alone, scaling, table,
};

use super::config::RunConfig;
use super::failure::Usage;
use super::run::RunArg;
use super::{console, output};

/// Write a network of a run for other programs, as an ONNX file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae export runs/digits-1 --onnx encoder -o encoder.onnx
  vae export runs/digits-1 --onnx reconstruct --bytes -o digits.onnx

In Python:
  session = onnxruntime.InferenceSession(\"encoder.onnx\")
  mu, logvar = session.run(None, {\"x\": images})

Inputs and outputs are rows of a batch of any size, f32 and in values as the data have them: what a training does to
them is part of the file. encoder has x and gives mu and logvar; decoder has z and gives mean; reconstruct has x and
eps, standard normals by which z is drawn, and gives mean. Where the model reads labels, label has the number of the
class of each row, i64. Of a table x is f64 with a number for each column: its own, or the place of its word, NaN where
a cell is missing; docs/onnx.md has more.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Which network
    #[arg(long, value_name = "NETWORK", value_parser = PossibleValuesParser::new(Network::NAMES).try_map(|s| s.parse::<Network>()))]
    onnx: Network,
    /// Where it goes
    #[arg(short, long, value_name = "FILE.onnx")]
    output: PathBuf,
    /// Take images as bytes from 0 to 255, u8, in the place of f32 from 0 to 1
    #[arg(long)]
    bytes: bool,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.bytes && self.onnx == Network::Decoder {
            let message =
                "--bytes says how images are given, and a decoder is given none; leave it out";
            return Err(Usage(message.to_owned()).into());
        }
        let found = self.run.find()?;
        output::check_spares_run(&self.output, found.dir.path())?;
        let config: RunConfig = found.dir.read_config()?;
        let (settings, image) = (&config.training, config.data.image);
        let checkpoint = found.load()?;
        let blame = |error| found.blame(error);
        let schema = table(&checkpoint).map_err(blame)?;
        if self.bytes && schema.is_some() {
            return Err(Usage(format!(
                "--bytes says how images are given, and the run {} is of a table; leave it out",
                found.dir.path().display()
            ))
            .into());
        }
        let vae = settings.vae(Observed {
            table: schema.as_ref().map(Schema::layout),
            ..config.data.observed()
        })?;
        check_architecture(&checkpoint, settings, image).map_err(blame)?;
        let scaling = scaling(&checkpoint, settings).map_err(blame)?;
        let weights = parameters_alone(checkpoint, &vae.parameters()).map_err(blame)?;
        let exported = Exported {
            vae: &vae.with_library(scaling.library()),
            scaling: &scaling,
            settings,
            checkpoint: &weights,
            image,
            table: schema.as_ref(),
            bytes: self.bytes,
        };
        let file = exported.onnx(self.onnx)?;
        file.save(&self.output)?;
        let graph = file.message().graph.as_ref();
        console::line(&format!(
            "{} of {} operations of ONNX's set {OPERATORS} in {}",
            self.onnx.name(),
            graph.map_or(0, |graph| graph.node.len()),
            self.output.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
