//! `vae classify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use vae_wgpu::data::Split;
use vae_wgpu::eval::{Confusion, Fitted, most_probable};
use vae_wgpu::graph::Activation;
use vae_wgpu::model::{Classifier, InitialWeights};
use vae_wgpu::plot;
use vae_wgpu::train::{TrainError, labelled_rows};

use super::eval::WhichSplit;
use super::failure::Usage;
use super::options::{self, AdapterOption, DataOptions};
use super::run::{RunArg, TrainedRun};
use super::{console, output};

/// Say the class of images: by a run's own classifier, or by one that is fitted to its latent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae classify runs/m2                             by the classifier of a run with --labelled
  vae classify runs/m2 --data letters/ --probabilities -o classes.csv
  vae classify runs/mnist-1 --labelled 1000        a classifier on the latent of any run
  vae classify runs/mnist-1 --labelled 1000 --hidden 200
  vae classify runs/m2 --json | jq .error_rate

Where the images have labels, the error rate and how many images of each label were given each class are
printed. A run without a classifier has one fitted to the latent's means of training images with labels, as
many of each class, the first in the data's order: a multinomial logistic regression, or with --hidden a
network. That takes seconds, and nothing of it is kept.")]
pub(crate) struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Fit a classifier to so many training images and their labels, where the run has none of its own
    #[arg(long, value_name = "N")]
    labelled: Option<usize>,
    /// Units of that classifier's hidden layers, such as 200,100 [default: none]
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "UNITS",
        requires = "labelled"
    )]
    hidden: Vec<usize>,
    /// Key of that classifier's first weights and of the order of its images
    #[arg(long, default_value_t = 0, requires = "labelled")]
    seed: u64,
    /// Which images of the data
    #[arg(long, value_enum, default_value_t)]
    split: WhichSplit,
    /// Where each image's class goes: a line each, with its number from 0, its label and the class
    #[arg(short, long, value_name = "FILE.csv")]
    output: Option<PathBuf>,
    /// Add the probability of each class to these lines
    #[arg(long, requires = "output")]
    probabilities: bool,
    /// Print what was found as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    adapter: AdapterOption,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Findings {
    run: PathBuf,
    data: String,
    split: &'static str,
    images: usize,
    classes: usize,
    adapter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_rate: Option<f64>,
    /// Of each label, how many images were given each class.
    #[serde(skip_serializing_if = "Option::is_none")]
    confusion: Option<Vec<Vec<usize>>>,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = self.run.find()?;
        if let Some(path) = &self.output {
            output::check_spares_run(path, found.dir.path())?;
        }
        let mut run = TrainedRun::open(found, &self.adapter, 0)?;
        check_labelled(&run, self.labelled)?;
        let data = run.data(self.data)?;
        let split = self.split.of(&data);
        let values = run.scaling.model_values(&split.images.pixels);
        let (classes, log_q) = match run.model.classify(&values)? {
            Some(log_q) => (run.model.vae().config().classes, log_q),
            None => {
                let sizes = (self.labelled.unwrap_or(0), self.hidden.as_slice());
                let mut fitted = fit(&mut run, &data.train, sizes, &self.adapter, self.seed)?;
                let mu = run.model.encode(&values, None)?.mu;
                (data.train.classes(), fitted.log_q(&mu)?)
            }
        };
        let predicted = most_probable(&log_q, classes);
        let confusion = match &split.labels {
            Some(labels) => {
                check_labels(labels, classes)?;
                Some(Confusion::of(labels, &predicted, classes))
            }
            None => None,
        };
        if let Some(path) = &self.output {
            let log_q = self.probabilities.then_some(log_q.as_slice());
            write(path, split, (&predicted, classes), log_q)?;
        }
        let counts = confusion.as_ref().map(Confusion::rows);
        let findings = Findings {
            run: run.dir.path().to_owned(),
            data: data.name.clone(),
            split: self.split.name(),
            images: predicted.len(),
            classes,
            adapter: run.model.executor().name(),
            errors: confusion.as_ref().map(Confusion::errors),
            error_rate: confusion.as_ref().map(Confusion::error_rate),
            confusion: counts.map(|rows| rows.map(<[usize]>::to_vec).collect()),
        };
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&findings)?),
            false => report(&findings, confusion.as_ref(), &predicted),
        }
        if let Some(path) = &self.output {
            let count = console::thousands(predicted.len() as f64);
            let say = if self.json {
                console::aside
            } else {
                console::line
            };
            say(&format!("classes of {count} images in {}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A classifier is the run's own, or is fitted to latents that know no labels.
fn check_labelled(run: &TrainedRun, labelled: Option<usize>) -> Result<(), Usage> {
    let path = run.dir.path().display();
    let condition = run.model.vae().config().condition;
    let own = run.model.vae().classifier().is_some();
    Err(Usage(match (own, labelled) {
        (true, None) => return Ok(()),
        (true, Some(_)) => format!(
            "the run {path} has a classifier of its own, trained with its labels; leave --labelled out"
        ),
        (false, _) if condition.encoder() => format!(
            "the encoder of {path} reads the label of each image (condition {}), so that its latent cannot be \
             asked for it; use a run with the condition none or decoder, or one with labels in part",
            condition.name()
        ),
        (false, None) => format!(
            "the run {path} has no classifier of its own; --labelled N fits one to the latent of N training \
             images with labels, such as --labelled 1000"
        ),
        (false, Some(_)) => return Ok(()),
    }))
}

/// A classifier of a run's latent, with layers of these units, fitted to so many of these images.
fn fit(
    run: &mut TrainedRun,
    train: &Split,
    (count, hidden): (usize, &[usize]),
    adapter: &AdapterOption,
    seed: u64,
) -> anyhow::Result<Fitted> {
    let Some(labels) = &train.labels else {
        let message = "the training images have no labels that a classifier could be fitted to; use data with \
                       labels (--data)";
        return Err(Usage(message.to_owned()).into());
    };
    if hidden.contains(&0) {
        let message = "--hidden has a layer of 0 units; choose 1 or more";
        return Err(Usage(message.to_owned()).into());
    }
    let classes = train.classes();
    let rows = labelled_rows(labels, classes, count)?;
    let values = run.scaling.model_values(&train.images.chosen(&rows).pixels);
    let mu = run.model.encode(&values, None)?.mu;
    let classifier = Classifier::new(
        [run.model.vae().config().latent_dim, classes],
        hidden,
        Activation::Relu,
        InitialWeights::Pytorch,
    );
    let executor = options::open(adapter, classifier.parameters(), seed)?;
    let labels: Vec<_> = rows.iter().map(|&row| labels[row]).collect();
    Ok(Fitted::fit(classifier, executor, &mu, &labels, seed)?)
}

/// Labels that are classes of the classifier.
pub(super) fn check_labels(labels: &[u8], classes: usize) -> Result<(), TrainError> {
    match labels.iter().find(|&&label| usize::from(label) >= classes) {
        Some(&label) => Err(TrainError::Label { label, classes }),
        None => Ok(()),
    }
}

/// A line for each image: its number, its label if it has one, its class, and with `log_q` probabilities.
fn write(
    path: &Path,
    split: &Split,
    (predicted, classes): (&[u8], usize),
    log_q: Option<&[f32]>,
) -> anyhow::Result<()> {
    let mut names = vec!["image".to_owned()];
    names.extend(split.labels.is_some().then(|| "label".to_owned()));
    names.push("class".to_owned());
    if log_q.is_some() {
        names.extend((0..classes).map(|class| format!("p{class}")));
    }
    let row = |(index, class): (usize, &u8)| {
        let mut row = vec![index.to_string()];
        let labels = split.labels.as_ref();
        row.extend(labels.map(|labels| labels[index].to_string()));
        row.push(class.to_string());
        let log_q = log_q.map(|log_q| &log_q[index * classes..][..classes]);
        let probabilities = log_q.into_iter().flatten();
        row.extend(probabilities.map(|log_q| format!("{:.6}", log_q.exp())));
        row
    };
    let rows: Vec<_> = predicted.iter().enumerate().map(row).collect();
    Ok(plot::save_csv(
        path,
        &names,
        rows.iter().map(Vec::as_slice),
    )?)
}

/// The error rate and the table of labels and classes, or how many images there are of each class.
fn report(findings: &Findings, confusion: Option<&Confusion>, predicted: &[u8]) {
    let images = console::thousands(findings.images as f64);
    let split = findings.split;
    let Some(confusion) = confusion else {
        let mut counts = vec![0; findings.classes];
        for &class in predicted {
            counts[usize::from(class)] += 1;
        }
        console::result(&format!(
            "{images} {split} images of {} without labels, by class:",
            findings.data
        ));
        for (class, count) in counts.iter().enumerate() {
            let count = console::thousands(f64::from(*count));
            console::result(&format!("{class:>5}  {count:>9}"));
        }
        return;
    };
    console::result(&format!(
        "error rate {:.2} %: {} of {images} {split} images of {}",
        100.0 * confusion.error_rate(),
        console::thousands(confusion.errors() as f64),
        findings.data,
    ));
    console::result(&table(confusion));
}

/// A row for each label, a column for each class that images of it were given.
fn table(confusion: &Confusion) -> String {
    let counts = confusion.rows().flatten();
    let largest = counts.max().copied().unwrap_or(0).to_string().len();
    let classes = confusion.rows().count();
    let width = largest.max(classes.saturating_sub(1).to_string().len()) + 2;
    let cells = |values: &mut dyn Iterator<Item = usize>| -> String {
        values.map(|value| format!("{value:>width$}")).collect()
    };
    let mut lines = vec![
        format!("\nlabel  class"),
        format!("{:5}{}    error", "", cells(&mut (0..classes))),
    ];
    for (label, row) in confusion.rows().enumerate() {
        let all: usize = row.iter().sum();
        let rate = match all {
            0 => String::new(),
            _ => format!("{:.1} %", 100.0 * (all - row[label]) as f64 / all as f64),
        };
        let line = format!("{label:>5}{}  {rate:>7}", cells(&mut row.iter().copied()));
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_columns_below_one_another() {
        let confusion = Confusion::of(&[0, 0, 0, 1], &[0, 1, 0, 1], 3);
        let expected = "\nlabel  class\n       0  1  2    error\n    0  2  1  0   33.3 %\n    1  0  1  0    0.0 %\n    2  0  0  0";
        assert_eq!(table(&confusion), expected);
    }
}
