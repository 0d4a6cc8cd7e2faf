//! `vae sample`

use std::path::PathBuf;
use std::process::ExitCode;

use vae_wgpu::train;

use super::failure::Usage;
use super::fit_prior;
use super::options::AdapterOption;
use super::output::Output;
use super::pictures;
use super::run::{RunArg, TrainedRun};
use super::sample_rows::{self, Asked, RowOutput};

/// Draw images, or rows of a table, from the prior: z ~ p(z) through a run's decoder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae sample runs/digits-1
  vae sample runs/digits-1 -n 100 --seed 7 -o samples.png
  vae sample runs/cvae --label 7
  vae sample runs/digits-1 --temperature 0.7
  vae sample runs/people-1 -n 1000 -o synthetic.csv     rows of a table
  vae sample runs/digits-1 --prior model       though vae fit-prior has fitted another

Samples are nearer to the data with `vae fit-prior RUN`; docs/table-models.md says what else helps rows of a table.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// How many images or rows
    #[arg(short = 'n', long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Of this label, where the run's decoder reads labels [default: of each in turn]
    #[arg(long, value_name = "N")]
    label: Option<u8>,
    /// Where z is drawn from: what `vae fit-prior` has fitted, or the model's own prior [default: what is fitted,
    /// where it is of this checkpoint]
    #[arg(long, value_enum, value_name = "WHICH")]
    prior: Option<DrawnFrom>,
    /// The prior's standard deviations times this: below 1 samples are more alike and of what is likely, above 1 they
    /// are stranger
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = temperature)]
    temperature: f32,
    /// Key of the draws: the same seed gives the same images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Of a table, write the means of numbers and counts and the most probable words, in the place of draws
    #[arg(long)]
    mean: bool,
    /// Where they go: FILE.png in one picture, FILE.npy as f32 [n, height, width] (and of colours
    /// [n, height, width, 3]) with values as the data
    /// have them (bytes in 0 to 1, or as counts), FOLDER/ a PNG each, - a PNG on standard output [default: RUN/samples/prior.png]; rows of a
    /// table FILE.csv or FILE.tsv in its own units and words, FILE.npy as the model has them, - CSV on standard output
    /// [default: RUN/samples/rows.csv]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// Where z is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DrawnFrom {
    /// What was fitted to the run
    Fitted,
    /// The model's own prior
    Model,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        let of_table = found.is_of_table();
        if self.mean && !of_table {
            return Err(Usage(
                "--mean is of the rows of a table; of images the means are drawn anyway, so leave it out".to_owned(),
            )
            .into());
        }
        let (given, dir) = (self.output.as_deref(), found.dir.path());
        let rows = given
            .filter(|_| of_table)
            .map(|path| RowOutput::parse(path, dir));
        let rows = rows.transpose()?;
        let given = given
            .filter(|_| !of_table)
            .map(|path| Output::parse(path, dir));
        let given = given.transpose()?;
        let checkpoint = found.path();
        let mut run = TrainedRun::open(found, &self.adapter, self.seed)?;
        check_label(self.label, &run)?;
        let fitted = match self.prior {
            _ if self.temperature != 1.0 => {
                check_temperature(self.temperature, self.prior, &run)?;
                None
            }
            Some(DrawnFrom::Model) => None,
            asked => fit_prior::of_run(&run, &checkpoint, &self.adapter, asked.is_some())?,
        };
        run.model = run.model.with_temperature(self.temperature);
        if let Some(schema) = run.table.clone() {
            let output = match rows {
                Some(output) => output,
                None => RowOutput::Text(run.dir.make_samples()?.join("rows.csv")),
            };
            let asked = Asked {
                count: self.count as usize,
                label: self.label,
                seed: self.seed,
                is_mean: self.mean,
            };
            sample_rows::write(&mut run, &schema, fitted, asked, &output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let output = match given {
            Some(output) => output,
            None => Output::among_samples(&run.dir, "prior.png")?,
        };
        let asked = (self.count as usize, self.label);
        let mut shown = run.shown();
        let what = match fitted {
            Some(mut fitted) => {
                let model = &mut run.model;
                let draw = || fit_prior::samples(&mut fitted, model, asked, self.seed);
                pictures::drawn(draw, &mut shown, asked.0, &output)?;
                format!("{} samples from the fitted prior", self.count)
            }
            None => {
                pictures::samples(&mut run.model, &mut shown, asked, &output)?;
                format!("{} samples", self.count)
            }
        };
        let adapter = run.model.executor().name();
        output.report(&what, &adapter);
        Ok(ExitCode::SUCCESS)
    }
}

/// A temperature is of deviations, and what was fitted has none that it could be of: a flow's maps, or components of
/// any shape.
fn check_temperature(
    temperature: f32,
    prior: Option<DrawnFrom>,
    run: &TrainedRun,
) -> Result<(), Usage> {
    let is_fitted = train::fitted_prior_of(&run.dir).is_file();
    match prior {
        Some(DrawnFrom::Model) => Ok(()),
        None if !is_fitted => Ok(()),
        _ => Err(Usage(format!(
            "--temperature {temperature} is of the model's own prior, whose deviations it is multiplied with; a fitted \
             prior has none: add --prior model, or leave --temperature out"
        ))),
    }
}

/// A number that deviations can be multiplied with.
fn temperature(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "no number".to_owned())?;
    match number.is_finite() && number >= 0.0 {
        true => Ok(number),
        false => Err("a temperature is 0 or a positive number such as 0.8".to_owned()),
    }
}

/// A label is of use to a decoder that reads labels, and one of its classes.
pub(super) fn check_label(label: Option<u8>, run: &TrainedRun) -> anyhow::Result<()> {
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
