//! What was measured, as a table.

use vae_wgpu::eval::{Measure, descending};

use super::Findings;
use crate::cli::{console, text};

/// Dimensions whose divergence is listed at the most.
const SHOWN: usize = 20;

/// What a figure is called on the terminal.
fn label(name: &str) -> &str {
    match name {
        "negative_elbo" => "−ELBO",
        "kl" => "KL",
        "nll" => "−ln p(x)",
        "annealed_nll" => "−ln p(x) by annealing",
        "gap" => "gap of the two",
        "active_units" => "active units",
        "mutual_information" => "mutual information of x and z",
        "aggregate_kl" => "KL of the aggregate posterior",
        "mse" => "mean squared error",
        "psnr" => "PSNR",
        "ssim" => "SSIM",
        "bits_per_dimension" => "bits per dimension",
        "error_rate" => "errors of its classifier",
        "knn_accuracy" => "5 nearest neighbours on μ",
        "beta_vae_score" => "β-VAE score",
        "factor_vae_score" => "FactorVAE score",
        "mig" => "MIG",
        "sap" => "SAP",
        "sap_regression" => "SAP, by regression",
        "dci_disentanglement" => "DCI disentanglement",
        "dci_completeness" => "DCI completeness",
        "dci_informativeness" => "DCI informativeness",
        "linear_accuracy" => "linear classifier on μ",
        name => name,
    }
}

/// A figure with as many digits as there is a reason for.
pub(crate) fn figure(measure: &Measure) -> String {
    match (measure.unit.as_str(), measure.value) {
        (unit, value) if unit.starts_with("of ") => format!("{value:.0}"),
        ("nats" | "%" | "dB", value) => format!("{value:.2}"),
        (_, value) => format!("{value:.4}"),
    }
}

/// The cells of a figure: its name, its value, its error and what it counts.
pub(crate) fn row(measure: &Measure) -> [String; 4] {
    let error = measure.error.map(|error| {
        let value = Measure {
            value: error,
            ..measure.clone()
        };
        format!("± {}", figure(&value))
    });
    [
        label(&measure.name).to_owned(),
        figure(measure),
        error.unwrap_or_default(),
        measure.unit.clone(),
    ]
}

/// All figures below one another.
pub(super) fn text(findings: &Findings) -> String {
    let images = console::thousands(findings.images as f64);
    let samples = console::thousands(findings.samples.into());
    let head = format!(
        "{images} {} images of {}, {samples} draws of z for each, on {}",
        findings.split, findings.data, findings.adapter
    );
    let rows: Vec<_> = findings.measures.iter().map(row).collect();
    let table = text::table(&rows);
    format!(
        "{head}\n\n{table}{}",
        of_dimensions(&findings.kl_of_dimensions)
    )
}

/// The divergence of the dimensions that say most.
fn of_dimensions(kl: &[f64]) -> String {
    if kl.is_empty() {
        return String::new();
    }
    let order = descending(kl);
    let shown = order.iter().take(SHOWN);
    let shown: Vec<_> = shown.map(|&dim| format!("{dim}: {:.2}", kl[dim])).collect();
    let more = if kl.len() > SHOWN { ", …" } else { "" };
    let text = format!("{}{more}", shown.join(", "));
    format!(
        "\n\n{}",
        text::hanging("KL of each dimension, largest first: ", &text)
    )
}
