//! What a run's last epoch reported, and what `vae eval` measured.

use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::eval::Measure;
use vae_wgpu::report::{Content, Section};
use vae_wgpu::train::EpochMetrics;

use crate::cli::console;
use crate::cli::eval::{self, Findings};

/// The figures of the last epoch, and of all of them where somebody asks.
pub(super) fn section(metrics: &[EpochMetrics]) -> Section {
    let heading = "Training".to_owned();
    let Some(last) = metrics.last() else {
        return Section {
            heading,
            contents: vec![Content::Text("No epoch is complete yet.".to_owned())],
        };
    };
    let seconds: f64 = metrics.iter().map(|epoch| epoch.seconds).sum();
    let text = format!(
        "{} {} in {}, {} images a second in the last one. Means over images, in nats: over the last epoch's steps \
         as they were taken, and over the test images after it.",
        last.epoch,
        if last.epoch == 1 { "epoch" } else { "epochs" },
        duration(seconds),
        console::thousands(last.images_per_second)
    );
    let mut rows = vec![vec![
        "loss".to_owned(),
        figure(last.train.objective),
        figure(last.test.objective),
    ]];
    let terms = last.train.terms.iter().chain(&last.test.terms);
    for (term, _) in terms {
        if rows.iter().all(|row| row[0] != *term) {
            let of = |losses: &vae_wgpu::train::Losses| {
                losses.term(term).map_or_else(String::new, figure)
            };
            rows.push(vec![term.clone(), of(&last.train), of(&last.test)]);
        }
    }
    let head = ["", "training", "test"].map(str::to_owned).to_vec();
    Section {
        heading,
        contents: vec![
            Content::Text(text),
            Content::Table { head, rows },
            every(metrics),
        ],
    }
}

/// Every epoch's figures.
fn every(metrics: &[EpochMetrics]) -> Content {
    let mut names: Vec<String> = Vec::new();
    for epoch in metrics {
        for (name, _) in epoch.figures() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let row = |epoch: &EpochMetrics| {
        let figures = epoch.figures();
        let of = |name: &String| {
            let found = figures.iter().find(|(own, _)| own == name);
            found.map_or_else(String::new, |&(_, value)| figure(value))
        };
        [epoch.epoch.to_string()]
            .into_iter()
            .chain(names.iter().map(of))
            .collect()
    };
    let rows = metrics.iter().map(row).collect();
    let shown = names.iter().map(|name| name.replace('_', " "));
    let head = ["epoch".to_owned()].into_iter().chain(shown).collect();
    Content::Folded {
        summary: "Every epoch".to_owned(),
        contents: vec![Content::Table { head, rows }],
    }
}

/// What `vae eval` measured, or how it does.
pub(super) fn measures(dir: &RunDir) -> anyhow::Result<Section> {
    let heading = "Measures".to_owned();
    let Some(found) = dir.read_evaluation::<Findings>()? else {
        let before =
            "Nobody has measured this run yet. What it is worth on its test images says".to_owned();
        let command = format!("vae eval {}", console::quoted(dir.path()));
        let contents = vec![Content::Command { before, command }];
        return Ok(Section { heading, contents });
    };
    let text = format!(
        "Of the checkpoint {} after {} epochs, over {} test images, with {} draws of z for each where there is a choice. Errors are \
         standard errors over the images.",
        found.checkpoint,
        found.epochs,
        console::thousands(found.images as f64),
        console::thousands(found.samples.into())
    );
    let row = |measure: &Measure| eval::row(measure).to_vec();
    let rows = found.measures.iter().map(row).collect();
    let head = ["", "value", "error", "unit"].map(str::to_owned).to_vec();
    let contents = vec![Content::Text(text), Content::Table { head, rows }];
    Ok(Section { heading, contents })
}

/// Five digits, and none behind the point where there are as many before it.
fn figure(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let whole = (magnitude.log10().floor() as i32 + 1).max(0) as usize;
    match whole {
        6.. => console::thousands(value),
        whole => format!("{value:.*}", (5 - whole).clamp(1, 4)),
    }
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn figures_have_as_many_digits_as_one_reads() {
        for (value, text) in [
            (0.0, "0"),
            (105.934_12, "105.93"),
            (-4.567_89, "-4.5679"),
            (0.012_345_6, "0.0123"),
            (0.000_012, "1.200e-5"),
            (26_207.6, "26207.6"),
            (1_262_076.0, "1,262,076"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(super::figure(value), text);
        }
        let durations = [0.84, 75.4, 3720.0].map(super::duration);
        assert_eq!(durations, ["0.8 s", "1 min 15 s", "1 h 2 min"]);
    }
}
