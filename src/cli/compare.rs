//! `vae compare`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::eval::Measure;
use vae_wgpu::train::{EpochMetrics, Settings};

use super::config::RunConfig;
use super::eval::{self, Findings};
use super::{console, text};

/// Put runs side by side: the settings in which they differ, and what was measured of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae compare runs/mnist-1 runs/mnist-2
  vae compare runs/sweep/*
  vae compare runs/sweep/* --sort nll
  vae compare runs/sweep/* --json | jq '.[].measures'

The loss is the test loss of the last epoch, each run's own objective. All other figures are those that
`vae eval RUN` has kept in the run's folder; where it has not run, they are missing.")]
pub(crate) struct Args {
    /// The runs' folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The figure by which the runs are sorted, least first: loss, or the name that a measure has in eval.json
    /// [default: as they were named]
    #[arg(long, value_name = "FIGURE")]
    sort: Option<String>,
    /// Print everything as a JSON array
    #[arg(long)]
    json: bool,
}

/// The measures that the table has room for.
const SHOWN: [(&str, &str); 7] = [
    ("negative_elbo", "−ELBO"),
    ("kl", "KL"),
    ("nll", "−ln p(x)"),
    ("active_units", "active"),
    ("mse", "MSE"),
    ("knn_accuracy", "kNN %"),
    ("linear_accuracy", "linear %"),
];

/// What the last epoch's test loss is called.
const LOSS: &str = "loss";

/// What is known of a run.
#[derive(Serialize)]
struct Compared {
    run: PathBuf,
    /// The settings in which not all runs agree, as `config.toml` writes them.
    settings: Vec<(String, String)>,
    epochs: u32,
    /// The test loss of the last epoch.
    loss: Option<f64>,
    /// How it was measured, where it was: the number of epochs, of draws of z, and of images.
    measured: Option<[u64; 3]>,
    measures: Vec<Measure>,
}

/// How measures are told from others of their name.
const MEASURED: [&str; 3] = ["measured after", "draws", "images"];

impl Compared {
    fn figure(&self, name: &str) -> Option<f64> {
        if name == LOSS {
            return self.loss;
        }
        let measure = self.measures.iter().find(|measure| measure.name == name)?;
        Some(measure.value)
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut compared = compared(&self.runs)?;
        if let Some(figure) = &self.sort {
            sort(&mut compared, figure)?;
        }
        match self.json {
            true => console::result(&serde_json::to_string_pretty(&compared)?),
            false => console::result(&table(&compared)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The table of these runs, as `vae compare` prints it.
pub(crate) fn table_of(runs: &[PathBuf]) -> anyhow::Result<String> {
    Ok(table(&compared(runs)?))
}

/// What is known of these runs.
fn compared(runs: &[PathBuf]) -> anyhow::Result<Vec<Compared>> {
    let read = |path: &PathBuf| {
        let (dir, _) = RunDir::find(path.clone())?;
        let config: RunConfig = dir.read_config()?;
        Ok((dir, config))
    };
    let read: anyhow::Result<Vec<_>> = runs.iter().map(read).collect();
    let read = read?;
    let configs: Vec<_> = read.iter().map(|(_, config)| config).collect();
    let differing = differing(&configs);
    let of_run = |(dir, config): &(RunDir, RunConfig)| {
        let metrics = dir.read_metrics::<EpochMetrics>()?;
        let findings: Option<Findings> = dir.read_evaluation()?;
        let settings = differing.iter();
        Ok(Compared {
            run: dir.path().to_owned(),
            settings: settings
                .map(|key| (key.clone(), value_of(config, key)))
                .collect(),
            epochs: metrics.last().map_or(0, |last| last.epoch),
            loss: metrics.last().map(|last| last.test.objective),
            measured: findings
                .as_ref()
                .map(|of| [of.epochs.into(), of.samples.into(), of.images as u64]),
            measures: findings.map(|of| of.measures).unwrap_or_default(),
        })
    };
    read.iter().map(of_run).collect()
}

/// What runs were trained on, as a setting like others.
const DATA: &str = "data";

/// The settings in which not all agree.
fn differing(configs: &[&RunConfig]) -> BTreeSet<String> {
    let Some((first, others)) = configs.split_first() else {
        return BTreeSet::new();
    };
    let keys = others.iter().flat_map(|other| {
        let settings = first.training.differences(&other.training);
        let keys = settings.into_iter().map(|difference| difference.setting);
        let other_data = value_of(first, DATA) != value_of(other, DATA);
        keys.chain(other_data.then(|| DATA.to_owned()))
    });
    keys.collect()
}

/// A setting of a run, without the quotation marks of TOML.
fn value_of(config: &RunConfig, key: &str) -> String {
    if key == DATA {
        return config.data.source.clone();
    }
    let table = |settings: &Settings| toml::Table::try_from(settings).unwrap_or_default();
    match table(&config.training).get(key) {
        Some(toml::Value::String(text)) => text.clone(),
        Some(toml::Value::Array(values)) => {
            let values: Vec<_> = values.iter().map(toml::Value::to_string).collect();
            values.join(",")
        }
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    }
}

/// Sorts by a figure, least first and runs without it last.
fn sort(compared: &mut [Compared], figure: &str) -> anyhow::Result<()> {
    let known: BTreeSet<&str> = compared
        .iter()
        .flat_map(|of| of.measures.iter().map(|measure| measure.name.as_str()))
        .chain([LOSS])
        .collect();
    if !known.contains(figure) {
        let known: Vec<_> = known.into_iter().collect();
        return Err(super::failure::Usage(format!(
            "none of these runs has the figure '{figure}'; there are {}",
            known.join(", ")
        ))
        .into());
    }
    let value = |of: &Compared| of.figure(figure).unwrap_or(f64::INFINITY);
    compared.sort_by(|a, b| value(a).total_cmp(&value(b)));
    Ok(())
}

/// A row for each run: its name, the settings in which it differs, and its figures.
fn table(compared: &[Compared]) -> String {
    let Some(first) = compared.first() else {
        return String::new();
    };
    let shown: Vec<_> = SHOWN
        .into_iter()
        .filter(|(name, _)| compared.iter().any(|of| of.figure(name).is_some()))
        .collect();
    // Figures of other draws or images are not the same figures; nor are those of a run that has gone on.
    let told: Vec<_> = (0..MEASURED.len())
        .filter(|&index| {
            let values = compared.iter().filter_map(|of| Some(of.measured?[index]));
            let stale = |of: &Compared| {
                of.measured
                    .is_some_and(|of_run| of_run[0] != u64::from(of.epochs))
            };
            match index {
                0 => compared.iter().any(stale),
                _ => values.collect::<BTreeSet<_>>().len() > 1,
            }
        })
        .collect();
    let mut head = vec!["run".to_owned()];
    head.extend(first.settings.iter().map(|(key, _)| key.clone()));
    head.extend(["epochs", LOSS].map(str::to_owned));
    head.extend(told.iter().map(|&index| MEASURED[index].to_owned()));
    head.extend(shown.iter().map(|(_, label)| (*label).to_owned()));
    let row = |of: &Compared| {
        let mut row = vec![of.run.display().to_string()];
        row.extend(of.settings.iter().map(|(_, value)| value.clone()));
        row.push(of.epochs.to_string());
        row.push(of.loss.map_or("-".to_owned(), |loss| format!("{loss:.2}")));
        row.extend(told.iter().map(|&index| {
            let value = of.measured.map(|of_run| of_run[index].to_string());
            value.unwrap_or_else(|| "-".to_owned())
        }));
        row.extend(shown.iter().map(|(name, _)| {
            let mut measures = of.measures.iter();
            let measure = measures.find(|measure| measure.name == *name);
            measure.map_or("-".to_owned(), eval::figure)
        }));
        row
    };
    let rows: Vec<_> = [head].into_iter().chain(compared.iter().map(row)).collect();
    text::table(&rows)
}
