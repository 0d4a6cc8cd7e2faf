//! `vae import`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::checkpoint::{CheckpointError, Foreign, RunDir};
use vae_wgpu::data::{Dataset, ImageSize};
use vae_wgpu::train::{ImportError, Names, Preset, Settings, Sizes, import, imported};

use super::claim::claim;
use super::config::{ConfigFile, DataConfig, Overrides, RunConfig, parse_source};
use super::console;
use super::failure::Usage;
use super::options::DataOptions;
use super::place::check_recordable;

/// Make a run of weights from elsewhere, such as a PyTorch state dict
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae import model.safetensors --hidden 400 --latent 20 -o runs/torch
  vae import model.safetensors --hidden 512,256 --latent 32 --data mnist -o runs/torch
  vae import fc.safetensors --map encoder.hidden.0=fc1 --map encoder.mu=fc21 --map encoder.logvar=fc22 \\
    --map decoder.hidden.0=fc3 --map decoder.output=fc4 -o runs/fc
  vae eval runs/torch --data mnist

In PyTorch:
  safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")

The model is what the flags say, as for vae train. Weights are [out, in] and biases [out], under the names that vae
weights writes or under those that --map says. With --data, the run can be continued (vae train --resume) from its
first step on; without, other commands ask which data.")]
pub(crate) struct Args {
    /// The weights
    #[arg(value_name = "FILE.safetensors")]
    file: PathBuf,
    /// Where the run goes
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// What the file calls a tensor, or all tensors that begin with this name: OURS=THEIRS, or a TOML file of such
    /// lines; may be given several times
    #[arg(long, value_name = "OURS=THEIRS")]
    map: Vec<String>,
    /// Leave out tensors that the model has not
    #[arg(long)]
    leave_out: bool,
    /// Height and width of the images, such as 28x28, or 32x32x3 in colour, where no --data say it [default: a square, or a row]
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "data")]
    size: Option<ImageSize>,
    /// Classes of the labels that the model reads, where no --data say it
    #[arg(long, value_name = "N", conflicts_with = "data")]
    classes: Option<usize>,
    /// Settings with a source; other flags override them
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Preset::ALL.map(Preset::name)).try_map(|s| s.parse::<Preset>()))]
    preset: Option<Preset>,
    /// A TOML file with settings, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    overrides: Overrides,
}

/// A height and a width, `28x28`.
fn size(text: &str) -> Result<ImageSize, String> {
    let sizes = text.split(['x', '×']).map(|size| size.parse().ok());
    let sizes = sizes.collect::<Option<Vec<usize>>>();
    let size = sizes.and_then(|sizes| ImageSize::try_from(sizes).ok());
    let positive = size.filter(|size| size.dim() > 0);
    positive.ok_or_else(|| {
        "a size is height and width, such as 28x28, with channels 32x32x3".to_owned()
    })
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        RunDir::check_vacant(&self.output)?;
        let names = self.names()?;
        let file = self.config.as_deref().map(ConfigFile::read).transpose()?;
        let file = file.unwrap_or_default();
        let base = self.preset.map_or_else(Settings::default, Preset::settings);
        let settings = self.overrides.resolve(&file.training, base);
        settings.check()?;
        let foreign = Foreign::load(&self.file)?;
        let (data, config) = self.data(&file, &settings, &foreign, &names)?;
        let vae = match &data {
            Some(data) => settings.vae(data),
            None => settings.vae(config.observed()),
        }?;
        let converted = foreign.converted.clone();
        let weights = import(foreign, &names, &vae.parameters(), self.leave_out);
        let weights = weights.map_err(|error| self.blame(error))?;
        let values: usize = weights.tensors.values().map(|of| of.data.len()).sum();
        let tensors = weights.tensors.len();
        let first = imported(weights, &vae, &settings, config.image, data.as_ref())?;
        let size = config.image;
        let config = RunConfig {
            adapter: "auto".to_owned(),
            plan: "auto".to_owned(),
            matrix_units: false,
            init: Some(super::place::absolute(&self.file)),
            data: config,
            features: None,
            checkpoints: file.checkpoints,
            watching: file.watching,
            training: settings,
            changes: Vec::new(),
        };
        // Until the checkpoint is there, dropping the lock removes the run.
        let (dir, _lock) = claim(&self.output)?;
        dir.write_config(&config)?;
        first.save(&dir.last_checkpoint())?;
        if let Some((tensor, dtype)) = converted.first_key_value() {
            console::note(&format!(
                "{} tensors were converted to F32, such as {tensor}, which was {dtype}",
                converted.len()
            ));
        }
        console::line(&format!(
            "{} parameters in {tensors} tensors, of a model of {size} values, in {}",
            console::thousands(values as f64),
            dir.path().display()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// What the file calls the model's tensors.
    fn names(&self) -> anyhow::Result<Names> {
        let mut names = Names::default();
        for given in &self.map {
            match given.split_once('=') {
                Some((ours, theirs)) => names.set(ours.trim(), theirs.trim()),
                None => read_names(Path::new(given), &mut names)?,
            }
        }
        Ok(names)
    }

    /// The data that were named, and what the run says of them; without any, what the weights say of images.
    fn data(
        &self,
        file: &ConfigFile,
        settings: &Settings,
        foreign: &Foreign,
        names: &Names,
    ) -> anyhow::Result<(Option<Dataset>, DataConfig)> {
        let mut options = self.data.clone();
        let of_file = file.data.source.as_deref().map(parse_source);
        let named = options
            .data
            .take()
            .or(of_file.filter(|_| self.size.is_none()));
        if let Some(source) = named {
            options.data_dir = options.data_dir.or_else(|| file.data.dir.clone());
            options.transpose |= file.data.transpose;
            check_recordable(&source, options.data_dir.as_deref())?;
            let data = options.load(&source, settings.seed)?;
            let config = DataConfig::new(&source, &options, &data, Some(data.digest()));
            return Ok((Some(data), config));
        }
        let classes = self.classes.unwrap_or(file.data.classes);
        let image = self.size.or(file.data.image);
        let image = match image {
            Some(image) => image,
            None => {
                let read = settings.condition.encoder();
                let label = if read { classes } else { 0 };
                let first = names.theirs("encoder.hidden.0.weight");
                let tensor = foreign.tensors.get(&first);
                let columns = tensor.and_then(|tensor| tensor.shape.get(1));
                let dim = columns.and_then(|columns| columns.checked_sub(label));
                square(dim.filter(|&dim| dim > 0).ok_or_else(|| {
                    Usage(format!(
                        "{} has no matrix {first} that would say how large images are; give their --size, or \
                         say what that weight is called (--map encoder.hidden.0=NAME)",
                        self.file.display()
                    ))
                })?)
            }
        };
        Ok((None, DataConfig::without(image, classes)))
    }

    /// Names the file in what is wrong with it, and flags that would put it right.
    fn blame(&self, error: ImportError) -> anyhow::Error {
        let flags = match &error {
            ImportError::Mismatch(mismatch) => match &mismatch.sizes {
                Some(sizes) => format!("\nthe file's sizes would be {}", flags(sizes)),
                None => "\n--hidden, --latent and their kind say what the model is, --map what its tensors are \
                         called, --leave-out drops what is extra"
                    .to_owned(),
            },
            _ => String::new(),
        };
        let path = self.file.display();
        Usage(format!("{path}: {error}{flags}")).into()
    }
}

/// Flags of a model of these sizes.
fn flags(Sizes { hidden, latent }: &Sizes) -> String {
    let hidden: Vec<_> = hidden.iter().map(usize::to_string).collect();
    format!("--hidden {} --latent {latent}", hidden.join(","))
}

/// An image of so many values: a square where there is one, else a row.
fn square(dim: usize) -> ImageSize {
    let side = dim.isqrt();
    match side * side == dim {
        true => [side, side].into(),
        false => [1, dim].into(),
    }
}

/// Reads lines `"encoder.mu" = "fc21"`; without the quotes, TOML's dotted keys are the same name.
fn read_names(path: &Path, names: &mut Names) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).map_err(|cause| CheckpointError::Read {
        path: path.to_owned(),
        cause,
    });
    let text = text.with_context(|| {
        format!(
            "--map {} has no = and so is the name of a file",
            path.display()
        )
    })?;
    let wrong = |reason: &str| {
        let reason = reason.trim_end();
        Usage(format!("in the names of {}: {reason}", path.display()))
    };
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| wrong(&error.to_string()))?;
    let mut tables = vec![(String::new(), table)];
    while let Some((prefix, table)) = tables.pop() {
        for (key, value) in table {
            let ours = format!("{prefix}{key}");
            match value {
                toml::Value::String(theirs) => names.set(ours, theirs),
                toml::Value::Table(table) => tables.push((format!("{ours}."), table)),
                other => {
                    let reason = format!("{ours} = {other}, which is no name in quotes");
                    return Err(wrong(&reason).into());
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_positive_numbers() {
        assert_eq!(size("28x20"), Ok([28, 20].into()));
        for other in ["28", "0x4", "x", "4x-1"] {
            assert!(size(other).is_err(), "{other}");
        }
        assert_eq!([square(784), square(30)], [[28, 28].into(), [1, 30].into()]);
    }
}
