//! What trainings report, epoch by epoch, as a chart.

use super::EpochMetrics;
use crate::plot::chart::{Chart, Curve, Key, Mark, Panel};

/// The objective's name among the terms of a chart.
pub const OBJECTIVE: &str = "loss";

/// The names of all that these lines report: the objective, then its terms in the order in which they come.
pub fn reported_terms<'a>(metrics: impl IntoIterator<Item = &'a EpochMetrics>) -> Vec<String> {
    let mut names = vec![OBJECTIVE.to_owned()];
    for epoch in metrics {
        for (name, _) in epoch.train.terms.iter().chain(&epoch.test.terms) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// A panel for each of these terms, by epoch: of each run, with its name, a dashed line for what its steps had and a
/// whole one for the test images, in the run's colour. A term that a run does not report has no line of it.
pub fn training_curves(runs: &[(String, Vec<EpochMetrics>)], terms: &[String]) -> Chart {
    let panels: Vec<_> = terms.iter().map(|term| panel(runs, term)).collect();
    let columns = match panels.len() {
        1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    let own = |name: &str, mark| Key {
        name: name.to_owned(),
        colour: (runs.len() == 1).then_some(0),
        mark,
    };
    let mut legend = Vec::new();
    if runs.len() > 1 {
        legend.extend(runs.iter().enumerate().map(|(index, (name, _))| Key {
            name: name.clone(),
            colour: Some(index),
            mark: Mark::Line,
        }));
    }
    legend.extend([own("train", Mark::Dashes), own("test", Mark::Line)]);
    Chart {
        panel: if panels.len() == 1 {
            [640, 400]
        } else {
            [340, 240]
        },
        panels,
        legend,
        columns,
    }
}

fn panel(runs: &[(String, Vec<EpochMetrics>)], term: &str) -> Panel {
    let mut curves = Vec::new();
    for (colour, (_, metrics)) in runs.iter().enumerate() {
        for dashed in [true, false] {
            let point = |epoch: &EpochMetrics| {
                let losses = if dashed { &epoch.train } else { &epoch.test };
                let value = match term {
                    OBJECTIVE => Some(losses.objective),
                    term => losses.term(term),
                };
                Some([f64::from(epoch.epoch), value?])
            };
            let points: Vec<_> = metrics.iter().filter_map(point).collect();
            if !points.is_empty() {
                curves.push(Curve {
                    points,
                    colour,
                    dashed,
                });
            }
        }
    }
    Panel {
        title: term.to_owned(),
        x_label: "epoch".to_owned(),
        whole_x: true,
        curves,
        ..Panel::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Losses;

    fn line(epoch: u32, train: &[(&str, f64)], test: &[(&str, f64)]) -> EpochMetrics {
        let losses = |terms: &[(&str, f64)]| Losses {
            objective: terms.iter().map(|(_, value)| value).sum(),
            terms: terms.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
        };
        EpochMetrics {
            epoch,
            train: losses(train),
            test: losses(test),
            seconds: 1.0,
            images_per_second: 1.0,
        }
    }

    #[test]
    fn a_term_has_the_lines_of_the_runs_that_report_it() {
        let one = vec![
            line(
                1,
                &[("recon", 3.0), ("kl", 1.0)],
                &[("recon", 2.5), ("kl", 1.5)],
            ),
            line(
                2,
                &[("recon", 2.0), ("kl", 2.0)],
                &[("recon", 1.5), ("kl", 2.5)],
            ),
        ];
        let other = vec![line(
            1,
            &[("bound", 7.0)],
            &[("recon", 9.0), ("bound", 8.0)],
        )];
        let terms = reported_terms(one.iter().chain(&other));
        assert_eq!(terms, ["loss", "recon", "kl", "bound"]);
        let runs = [("a".to_owned(), one), ("b".to_owned(), other)];
        let chart = training_curves(&runs, &terms);
        let found = |panel: usize| {
            let curves = chart.panels[panel].curves.iter();
            let curves = curves.map(|of| (of.colour, of.dashed, of.points.clone()));
            curves.collect::<Vec<_>>()
        };
        assert_eq!(
            found(1),
            [
                (0, true, vec![[1.0, 3.0], [2.0, 2.0]]),
                (0, false, vec![[1.0, 2.5], [2.0, 1.5]]),
                (1, false, vec![[1.0, 9.0]]),
            ]
        );
        assert_eq!(found(0)[2], (1, true, vec![[1.0, 7.0]]));
        assert_eq!(found(3).len(), 2);
        let names: Vec<_> = chart.legend.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "train", "test"]);
        assert!(training_curves(&runs[..1], &terms).legend.len() == 2);
    }
}
