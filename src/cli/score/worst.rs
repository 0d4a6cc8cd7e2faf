//! The worst examples: images above their reconstructions and the nats of each pixel, rows with the cells that made them
//! so.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use vae_wgpu::data::table::{Codec, Column, Place, Schema};
use vae_wgpu::eval::{Contributions, ScoreBy};
use vae_wgpu::plot::Bands;

use super::examples::Scored;
use super::lines::label;
use crate::cli::look;
use crate::cli::output::Output;
use crate::cli::run::TrainedRun;
use crate::cli::text;

/// Images of a row of the picture at the most.
const COLUMNS: usize = 10;
/// Cells of a row that are named.
const CELLS: usize = 3;
/// The shade of a place without an image: that of the ground.
const GROUND: f32 = 64.0 / 255.0;

/// An example that is kept.
#[derive(Clone, Debug)]
struct Kept {
    score: f64,
    number: usize,
    values: Vec<f32>,
    label: Option<u8>,
    name: Option<String>,
}

// The least strange is the greatest, so that a heap hands it out first; of equal scores the later one.
impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = other.score.total_cmp(&self.score);
        by_score.then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Kept {}

/// The examples with the largest scores so far.
pub(super) struct Worst {
    count: usize,
    kept: BinaryHeap<Kept>,
}

impl Worst {
    /// So many of them.
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            kept: BinaryHeap::with_capacity(count + 1),
        }
    }

    /// Looks at further examples.
    pub(super) fn add(&mut self, examples: &Scored<'_>) {
        let dim = examples.values.len() / examples.scores.len().max(1);
        for (index, &score) in examples.scores.iter().enumerate() {
            let least = self.kept.peek().map(|kept| kept.score);
            let is_full = self.kept.len() >= self.count;
            if is_full && least.is_some_and(|least| score.total_cmp(&least).is_le()) {
                continue;
            }
            self.kept.push(Kept {
                score,
                number: examples.numbers[index],
                values: examples.values[index * dim..][..dim].to_vec(),
                label: examples.labels.map(|labels| labels[index]),
                name: examples.names.map(|names| names[index].clone()),
            });
            if self.kept.len() > self.count {
                self.kept.pop();
            }
        }
    }

    /// Shows them, the worst first: images as a picture, which goes to `picture` or among the run's samples, and rows as
    /// text, which is returned with what is to be said of a picture.
    pub(super) fn show(
        self,
        run: &mut TrainedRun,
        (classes, table): (&[String], Option<&Arc<Schema>>),
        (by, seed): (ScoreBy, u64),
        picture: Option<Output>,
    ) -> anyhow::Result<String> {
        let kept = self.kept.into_sorted_vec();
        let values: Vec<f32> = kept.iter().flat_map(|kept| &kept.values).copied().collect();
        let labels: Option<Vec<u8>> = kept.iter().map(|kept| kept.label).collect();
        let labels = labels.as_deref();
        let mut explainer = run.model.explainer(by, seed)?;
        let parts = explainer.explain(&values, labels)?;
        let mut rows = vec![
            ["example", "name", "label", "nats"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(kept.iter().map(|kept| {
            vec![
                kept.number.to_string(),
                kept.name.clone().unwrap_or_default(),
                kept.label
                    .map_or(String::new(), |of| label(of, classes).into_owned()),
                format!("{:.2}", kept.score),
            ]
        }));
        let is_image = run.config.data.image.height > 1 && table.is_none();
        let said = match is_image {
            true => Some(draw(run, (&values, labels), &parts, picture)?),
            false => {
                let means = run.model.reconstruct(&values, labels)?;
                rows[0].push("the cells that add most".to_owned());
                let cells = cells(&parts, (&values, &means), table);
                rows[1..]
                    .iter_mut()
                    .zip(cells)
                    .for_each(|(row, cells)| row.push(cells));
                None
            }
        };
        for column in [2, 1] {
            if rows[1..].iter().all(|row| row[column].is_empty()) {
                rows.iter_mut().for_each(|row| {
                    row.remove(column);
                });
            }
        }
        Ok([said.unwrap_or_default(), text::table(&rows)].join("\n"))
    }
}

/// Draws images, below them their reconstructions and the nats of each pixel, black for the least and white for the most
/// of all that are drawn; says where, and how many nats that is.
fn draw(
    run: &mut TrainedRun,
    (values, labels): (&[f32], Option<&[u8]>),
    parts: &Contributions,
    picture: Option<Output>,
) -> anyhow::Result<String> {
    let means = run.model.reconstruct(values, labels)?;
    let dim = run.model.vae().config().input_dim;
    let scaling = run.scaling;
    let [images, means] = [values, &means].map(|values| scaling.shades(values));
    // An image far beyond those of the training may have infinite nats, which are as white as the most of the others.
    let finite = || parts.cells.iter().copied().filter(|nats| nats.is_finite());
    let least = finite().fold(f64::INFINITY, f64::min);
    let most = finite().fold(f64::NEG_INFINITY, f64::max);
    let range = (most - least).max(f64::MIN_POSITIVE);
    let nats = parts
        .cells
        .iter()
        .map(|nats| ((nats - least) / range).min(1.0) as f32);
    let nats: Vec<f32> = nats.collect();
    let count = parts.scores.len();
    let columns = count.min(COLUMNS);
    let mut shades = Vec::new();
    for first in (0..count).step_by(columns) {
        for all in [&images, &means, &nats] {
            let here = columns.min(count - first);
            shades.extend_from_slice(&all[first * dim..][..here * dim]);
            shades.extend(std::iter::repeat_n(GROUND, (columns - here) * dim));
        }
    }
    let drawn = look::banded(&shades, run.config.data.image, columns, Bands::of(3))?;
    let output = match picture {
        Some(output) => output,
        None => Output::among_samples(&run.dir, "worst.png")?,
    };
    output.write_picture(&drawn)?;
    let place = match &output {
        Output::Png(path) => format!(" in {}", path.display()),
        _ => String::new(),
    };
    Ok(format!(
        "the {count} worst{place}: images, their reconstructions, and the nats of each pixel, from {least:.2} (black) to \
         {most:.2} (white)"
    ))
}

/// Of each row, the cells that add most to its score, with their values, those of the reconstruction, and the nats.
fn cells(
    parts: &Contributions,
    (values, means): (&[f32], &[f32]),
    table: Option<&Arc<Schema>>,
) -> Vec<String> {
    let count = parts.scores.len().max(1);
    let codec = table.map(|schema| Codec::new(Arc::clone(schema)));
    let of_row = |row: usize| {
        let nats = part(&parts.cells, row, count);
        let [values, means] = [values, means].map(|all| part(all, row, count));
        let mut cells = match &codec {
            Some(codec) => of_columns(codec, nats, values, means),
            None => of_values(nats, values, means),
        };
        cells.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let cells = cells.into_iter().take(CELLS);
        let said = cells.map(|(nats, said)| format!("{said}: {nats:.2}"));
        said.collect::<Vec<_>>().join("; ")
    };
    (0..parts.scores.len()).map(of_row).collect()
}

/// What belongs to a row of so many.
fn part<T>(all: &[T], row: usize, count: usize) -> &[T] {
    let each = all.len() / count;
    &all[row * each..][..each]
}

/// The nats of each value of a row, and what it is: `value 3 = 12.1 (not 3.4)`.
fn of_values(nats: &[f64], values: &[f32], means: &[f32]) -> Vec<(f64, String)> {
    let cells = nats.iter().zip(values).zip(means).enumerate();
    let said = |(place, ((&nats, value), mean))| {
        (nats, format!("value {place} = {value:.4} (not {mean:.4})"))
    };
    cells.map(said).collect()
}

/// The nats of each column of a row, which are in the order of the model's row, and its cell in the table's own units and
/// words: `income = 12.1 (not 3.4)`.
fn of_columns(codec: &Codec, nats: &[f64], values: &[f32], means: &[f32]) -> Vec<(f64, String)> {
    let [values, means] = [values, means].map(|row| codec.decode(row));
    let schema = codec.schema();
    let columns = schema.columns.iter().zip(schema.places()).enumerate();
    let said = |(number, (column, place)): (usize, (&Column, Place))| {
        let [value, mean] = [&values, &means].map(|cells| {
            let mut text = String::new();
            codec.write(number, cells[number], &mut text);
            text
        });
        (
            nats[place.number],
            format!("{} = {value} (not {mean})", column.name),
        )
    };
    columns.map(said).collect()
}
