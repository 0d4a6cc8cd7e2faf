//! `vae score`

mod examples;
mod found;
mod lines;
mod threshold;
mod worst;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use vae_wgpu::data::{Examples, Labels, Stream};
use vae_wgpu::eval::{ScoreBy, Scorer};
use vae_wgpu::train;

use super::console;
use super::failure::Usage;
use super::options::{AdapterOption, DataOptions};
use super::output::Output;
use super::run::{RunArg, TrainedRun};

use examples::Opened;
pub(crate) use examples::WhichPart;
use found::Findings;
use lines::{Lines, Sink};
use threshold::{Asked, Threshold};
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
    #[arg(long, value_name = "SCORE", default_value = ScoreBy::NAMES[0], value_parser = PossibleValuesParser::new(ScoreBy::NAMES))]
    by: String,
    /// Draws of z for each example; reconstruction takes none
    #[arg(long, value_name = "K", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// Key of these draws, which are the same for every example
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Which examples of the data [default: those to measure with; of another file or folder all]
    #[arg(long, value_enum)]
    part: Option<WhichPart>,
    /// Mark examples whose score is above this quantile of the run's own training examples; it is kept in
    /// RUN/threshold.json
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, value_parser = share, conflicts_with = "threshold")]
    quantile: f64,
    /// Training examples that the quantile is taken of, at the most: every so many of them
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    quantile_examples: u32,
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
    /// Where scores go, in the order of the examples: FILE.csv with names and labels, FILE.npy as n f32, or - for
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
        let by =
            ScoreBy::of(&self.by, samples).ok_or_else(|| Usage(format!("no score {}", self.by)))?;
        let found = self.run.clone().find()?;
        let lines = Lines::parse(self.output.as_deref(), found.dir.path())?;
        let picture = self.picture.as_deref();
        let picture = picture
            .map(|path| Output::picture(path, found.dir.path()))
            .transpose()?;
        let draws_there = picture == Some(Output::Stdout);
        let on_stdout = [self.json, lines.is_on_stdout(), draws_there];
        if on_stdout.iter().filter(|&&is| is).count() > 1 {
            let message = "--json, -o - and --picture - write to standard output, which has room for one of them; name \
                           files for the others";
            return Err(Usage(message.to_owned()).into());
        }
        let checkpoint = found.path();
        let mut run = TrainedRun::open(found, &self.adapter, self.seed)?;
        // Refused before any data are loaded.
        let mut scorer = run.model.scorer(by, self.seed)?;
        let mut worst = self.worst.map(|count| Worst::new(count.into()));
        let done = lines
            .write(|lines| self.scan(&mut run, &checkpoint, (by, &mut scorer), lines, &mut worst));
        let (findings, examples) = match done {
            Ok(Some(done)) => done,
            Ok(None) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error),
        };
        let say = match on_stdout.contains(&true) {
            true => console::aside,
            false => console::result,
        };
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&findings)?),
            false => say(&findings.text()),
        }
        lines.report(findings.count());
        for remark in examples.remarks() {
            console::note(&remark);
        }
        if let Some(worst) = worst.filter(|_| findings.count() > 0) {
            let of = (examples.classes.as_slice(), examples.table.as_ref());
            say(&worst.show(&mut run, of, (by, self.seed), picture)?);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Scores all examples: adds them to the lines and to the worst, and returns what they say together.
    fn scan(
        &self,
        run: &mut TrainedRun,
        checkpoint: &Path,
        (by, scorer): (ScoreBy, &mut Scorer),
        lines: &mut Sink<'_>,
        worst: &mut Option<Worst>,
    ) -> anyhow::Result<(Findings, Stream)> {
        let mut opened = Opened::open(run, self.data.clone(), self.part)?;
        let outliers = self.outlier.as_ref();
        // Refused before anything is scored.
        let mut findings = Findings::new(run, &opened, (by, self.seed), outliers)?;
        findings.threshold = match self.threshold {
            Some(nats) => Threshold::given(nats),
            None => {
                let asked = Asked {
                    by,
                    seed: self.seed,
                    quantile: self.quantile,
                    most: self.quantile_examples as usize,
                    step: train::step_of(checkpoint)?,
                };
                Threshold::of_run(run, asked, scorer, &self.data)?
            }
        };
        let classes = opened.examples.classes.clone();
        opened.score(run, scorer, (1, "examples"), &mut |examples| {
            lines.add(examples, &classes, findings.threshold.nats)?;
            findings.add(examples)?;
            if let Some(worst) = worst {
                worst.add(examples);
            }
            Ok(true)
        })?;
        findings.end();
        Ok((findings, opened.examples))
    }
}
