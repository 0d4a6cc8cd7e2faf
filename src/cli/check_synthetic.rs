//! `vae check-synthetic`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use vae_wgpu::data::table::{Origin, schema_of};
use vae_wgpu::eval::synthetic::{self, Comparison, Marginal, Pairs};

use super::table::TableArgs;
use super::{console, text};

/// Put synthetic rows beside the real ones that they should be like
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae check-synthetic patients.csv synthetic.csv
  vae check-synthetic patients.csv synthetic.csv --column id=ignore --column outcome=category
  vae check-synthetic patients.csv synthetic.csv --json | jq .detection.auc

Columns: of numbers the largest distance of both distribution functions (Kolmogorov and Smirnov), of words half the
sum of the distances of their shares (total variation); 0 is alike. Pairs: correlation of numbers, correlation ratio
of a number and a category, Cramér's V of categories. The classifier is gradient boosted trees, asked about rows that
they have not learned from: an AUC of 0.5 cannot tell the tables apart. A synthetic row that is nearer to a real one
than real ones are to each other may give somebody away.")]
pub(crate) struct Args {
    /// The real table
    real: PathBuf,
    /// The synthetic one, with the same columns in any order
    synthetic: PathBuf,
    #[command(flatten)]
    table: TableArgs,
    /// Rows of each table that are compared, drawn where there are more
    #[arg(long, value_name = "N", default_value_t = synthetic::ROWS)]
    rows: usize,
    /// Draws the rows, and what tells them apart
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Findings<'a> {
    real: &'a PathBuf,
    synthetic: &'a PathBuf,
    seed: u64,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let [real, synthetic] = [&self.real, &self.synthetic].map(Origin::file);
        let options = self.table.options();
        let (schema, notes) = schema_of(&real, &options)?;
        for note in notes {
            console::note(&note);
        }
        let schema = Arc::new(schema);
        let (comparison, notes) = synthetic::compare_tables(
            [&real, &synthetic],
            &options,
            &schema,
            self.rows.max(1),
            self.seed,
        )?;
        for note in notes {
            console::note(&note);
        }
        if self.json {
            let findings = Findings {
                real: &self.real,
                synthetic: &self.synthetic,
                seed: self.seed,
                comparison: &comparison,
            };
            console::result(&serde_json::to_string_pretty(&findings)?);
        } else {
            console::result(&told(&comparison));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything, as tables and lines.
fn told(comparison: &Comparison) -> String {
    let Comparison {
        rows,
        drawn,
        columns,
        pairs,
        detection,
        closest,
    } = comparison;
    let thousands = |count: u64| console::thousands(count as f64);
    let mut parts = vec![format!(
        "{} real rows and {} synthetic ones{}",
        thousands(rows[0]),
        thousands(rows[1]),
        if rows[0] > drawn[0] as u64 || rows[1] > drawn[1] as u64 {
            format!(
                ", of which {} and {} were drawn",
                thousands(drawn[0] as u64),
                thousands(drawn[1] as u64)
            )
        } else {
            String::new()
        }
    )];
    parts.push(marginals(columns));
    if pairs.count > 0 {
        parts.push(largest(pairs));
    }
    let mut lines = Vec::new();
    let known: Vec<_> = columns
        .iter()
        .filter_map(|column| column.difference)
        .collect();
    if !known.is_empty() {
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        lines.push(format!("columns differ by {mean:.4} in the mean"));
    }
    if pairs.count > 0 {
        lines.push(format!(
            "{} pairs of columns differ by {:.4} in the mean",
            thousands(pairs.count as u64),
            pairs.mean
        ));
    }
    match detection {
        Some(detection) => lines.push(format!(
            "a classifier tells them apart with an AUC of {:.4} ({} rows of each; 0.5 is not at all)",
            detection.auc,
            thousands(detection.rows as u64)
        )),
        None => lines.push("too few rows for a classifier to tell them apart".to_owned()),
    }
    if let Some(closest) = closest {
        lines.push(format!(
            "from a synthetic row to the nearest real one: {:.4} in the median; from a real row to the nearest other: \
             {:.4}",
            closest.synthetic, closest.real
        ));
        lines.push(format!(
            "copies of real rows: {:.2} % of the synthetic ones; {:.2} % of the real ones are an earlier one",
            100.0 * closest.copies,
            100.0 * closest.real_copies
        ));
    }
    parts.push(lines.join("\n"));
    parts.join("\n\n")
}

/// A line for each column.
fn marginals(columns: &[Marginal]) -> String {
    let mut rows =
        vec![["column", "", "differs by", "missing", "mean", "deviation"].map(str::to_owned)];
    let both = |[real, synthetic]: [f64; 2]| format!("{} → {}", digits(real), digits(synthetic));
    rows.extend(columns.iter().map(|column| {
        let missing = column.missing;
        [
            column.column.clone(),
            column.measure.to_owned(),
            column
                .difference
                .map_or_else(|| "–".to_owned(), |by| format!("{by:.4}")),
            match missing {
                [0.0, 0.0] => String::new(),
                [real, synthetic] => {
                    format!("{:.1} % → {:.1} %", 100.0 * real, 100.0 * synthetic)
                }
            },
            column.mean.map(both).unwrap_or_default(),
            column.deviation.map(both).unwrap_or_default(),
        ]
    }));
    text::table(&rows)
}

/// A line for each pair that differs most.
fn largest(pairs: &Pairs) -> String {
    let mut rows = vec![
        [
            "pair that differs most",
            "",
            "differs by",
            "real",
            "synthetic",
        ]
        .map(str::to_owned),
    ];
    rows.extend(pairs.largest.iter().map(|pair| {
        [
            pair.columns.join(", "),
            pair.measure.to_owned(),
            format!("{:.4}", pair.difference),
            format!("{:.4}", pair.real),
            format!("{:.4}", pair.synthetic),
        ]
    }));
    text::table(&rows)
}

/// Four digits.
fn digits(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{number:.3e}");
    }
    let whole = size.max(1.0).log10() as usize;
    format!("{number:.*}", 3_usize.saturating_sub(whole))
}
