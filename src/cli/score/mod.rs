//! `vae score`

mod examples;
mod found;
mod lines;
mod threshold;
mod worst;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::data::Labels;
use vae_wgpu::eval::ScoreBy;

use super::console;
use super::failure::Usage;
use super::options::{AdapterOption, DataOptions};
use super::output::Output;
use super::run::{RunArg, TrainedRun};

use examples::{Scored, WhichPart};
use found::Findings;
use lines::Lines;
use threshold::Threshold;
use worst::Worst;

/// Score examples by how strange they are to a run's model, in nats: the larger, the stranger
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae score runs/mnist-1 -o scores.csv             a line for each test image
  vae score runs/mnist-1 --data fashion-mnist --worst 10
  vae score runs/0-8 --outlier 9                   how well scores tell the 9s from the others (AUROC)
  vae score runs/parts --data new/ --by elbo --samples 16 -o - | sort -t, -gk3 | tail

An example has the same score wherever it stands: all are scored with the same draws of z. Of the run's own data
examples of every label are scored, also where it was trained with --only; add --only for some of them.
docs/scores.md says what each score is, and what the pictures and tables of the worst ones show.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// What a score is: -ln p(x) by importance sampling, -ELBO, or -ln p(x | z) at the mean of q(z | x)
    #[arg(long, value_name = "SCORE", default_value = ScoreBy::NAMES[0], value_parser = PossibleValuesParser::new(ScoreBy::NAMES).map(|name| name))]
    by: String,
    /// Draws of z for each example; reconstruction takes none
    #[arg(long, value_name = "K", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// Key of these draws, which are the same for every example
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Which examples of the data
    #[arg(long, value_enum, default_value_t)]
    part: WhichPart,
    /// Mark examples whose score is above this quantile of the run's own training examples; it is kept in
    /// RUN/threshold.json
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, value_parser = share, conflicts_with = "threshold")]
    quantile: f64,
    /// Training examples that the quantile is taken of, at the most: every so many of them
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true
    )]
    quantile_examples: usize,
    /// Mark examples whose score is above so many nats
    #[arg(long, value_name = "NATS", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Show so many of the worst examples: images above their reconstructions and the nats of each pixel, rows of a
    /// table with the cells that made them so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    worst: Option<u16>,
    /// Where the picture of the worst images goes: FILE.png [default: RUN/samples/worst.png]
    #[arg(long, value_name = "FILE", requires = "worst")]
    picture: Option<PathBuf>,
    /// Labels that count as outliers, such as 9 or ship,truck: print how well scores tell them from the others (AUROC)
    #[arg(long, value_name = "LABELS")]
    outlier: Option<Labels>,
    /// Where scores go, in the order of the examples: FILE.csv with names and labels, FILE.npy as f64 [n], or - for
    /// lines on standard output [default: nowhere, and what they say together is printed]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print what was found as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// A share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a quantile is a share from 0 to 1 such as 0.99".to_owned()),
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let samples = self.samples as usize;
        let by = ScoreBy::of(&self.by, samples).ok_or_else(|| Usage(format!("no score {}", self.by)))?;
        let found = self.run.find()?;
        let lines = Lines::parse(self.output.as_deref(), found.dir.path())?;
        if self.json && lines.is_on_stdout() {
            let message = "--json and -o - both write to standard output; name a file for the scores";
            return Err(Usage(message.to_owned()).into());
        }
        let picture = self.picture.as_deref();
        let picture = picture
            .map(|path| Output::picture(path, found.dir.path()))
            .transpose()?;
        let checkpoint = found.path();
        let mut run = TrainedRun::open(found, &self.adapter, self.seed)?;
        // Refused before any data are loaded.
        let mut scorer = run.model.scorer(by, self.seed)?;
        let mut data = examples::Data::of(self.data, self.part);
        let mut worst = self.worst.map(|count| Worst::new(count.into()));

        let seed = self.seed;
        let mut findings = lines.write(|lines| {
            let threshold = match self.threshold {
                Some(nats) => Threshold::given(nats),
                None => {
                    let asked = (by, seed, self.quantile, self.quantile_examples);
                    Threshold::of_run(&mut run, &checkpoint, asked, &mut scorer, &mut data)?
                }
            };
            let mut opened = data.open(&mut run)?;
            let mut findings = Findings::new(&run, &opened, (by, seed), threshold, self.outlier.as_ref())?;
            lines.begin(&opened)?;
            let classes = opened.classes.clone();
            opened.score_all(&run, &mut scorer, &mut |examples: Scored<'_>| {
                lines.add(&examples, &classes, findings.threshold.nats)?;
                findings.add(&examples);
                if let Some(worst) = &mut worst {
                    worst.add(&examples);
                }
                Ok(())
            })?;
            findings.shape = opened.shape();
            findings.table = opened.table;
            Ok(findings)
        })?;
        let text = match worst {
            Some(worst) => worst.show(&mut run, &mut findings, (by, seed), picture)?,
            None => None,
        };
        let say = if lines.is_on_stdout() {
            console::aside
        } else {
            console::result
        };
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&findings)?),
            false => {
                say(&findings.text());
                text.iter().for_each(|text| say(text));
            }
        }
        lines.report(findings.count());
        Ok(ExitCode::SUCCESS)
    }
}
