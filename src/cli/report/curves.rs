//! The curves of a training.

use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::report::{Content, Drawing, Section};
use vae_wgpu::train::{EpochMetrics, reported_terms, training_curves};

/// Width and height of a curve's panel: on a telephone it is hardly made smaller, so that its text stays legible.
const PANEL: [u32; 2] = [380, 250];

/// A curve of each term, where there are two epochs to draw a line between.
pub(super) fn section(dir: &RunDir, metrics: &[EpochMetrics]) -> anyhow::Result<Option<Section>> {
    if metrics.len() < 2 {
        return Ok(None);
    }
    let run = [(dir.path().display().to_string(), metrics.to_vec())];
    let mut drawings = Vec::new();
    for term in reported_terms(metrics) {
        let mut chart = training_curves(&run, std::slice::from_ref(&term));
        chart.panel = PANEL;
        drawings.push(Drawing {
            svg: chart.svg()?,
            caption: format!("{term} by epoch, of training and test images"),
        });
    }
    Ok(Some(Section {
        heading: "Curves".to_owned(),
        contents: vec![Content::Drawings(drawings)],
    }))
}
