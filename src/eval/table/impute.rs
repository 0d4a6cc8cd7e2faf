//! Cells that are missing, filled by what the model says of them given the row's others: Mattei and Frellsen, *MIWAE:
//! Deep Generative Modelling and Imputation of Incomplete Data Sets* (2019), section 3.

use rand::RngExt;

use super::draw::Drawing;
use crate::data::table::Layout;
use crate::eval::Autoencoder;
use crate::eval::bound::LogSumExp;
use crate::executor::ExecutorError;
use crate::model::ImputationGraph;
use crate::rng::{self, Philox, Stream};

/// Draws of a row that one run computes at the most.
const SAMPLES: usize = 64;
/// Draws of all rows of a run at the most.
const ROWS: usize = 2048;

/// The mean of cells by weights that come in parts, each with ln of their sum.
struct WeightedMean {
    total: LogSumExp,
    /// `[values]`.
    mean: Vec<f64>,
}

impl WeightedMean {
    fn new(values: usize) -> Self {
        Self {
            total: LogSumExp::default(),
            mean: vec![0.0; values],
        }
    }

    fn add(&mut self, log_total: f64, mean: &[f32]) {
        self.total.add(log_total);
        let share = (log_total - self.total.value()).exp();
        for (all, &new) in self.mean.iter_mut().zip(mean) {
            *all += share * (f64::from(new) - *all);
        }
    }
}

/// One of many draws, taken with a probability that is its share of their weights.
struct Chosen {
    words: Philox,
    total: LogSumExp,
    z: Vec<f32>,
}

impl Chosen {
    fn add(&mut self, log_weight: f64, z: &[f32]) {
        self.total.add(log_weight);
        let share = (log_weight - self.total.value()).exp();
        if self.words.random::<f64>() < share {
            z.clone_into(&mut self.z);
        }
    }
}

impl Autoencoder {
    /// Rows of a table `[count, input_dim]` with their missing cells filled: `[count, values]` as the [`Layout`] has
    /// them without the mask. Each cell is the mean of E\[x | z\] over so many draws of z from q(z | x), by the weights
    /// p(x, z) / q(z | x) of the cells that are there; a category is the most probable word. With a `drawing`, z is
    /// instead one of these draws by their weights, and the cells are drawn at it: *multiple imputation* calls this
    /// several times, with other seeds. Cells that are there stay as they are. `None` of a model that is not of a table.
    ///
    /// The noise of all rows is the same, a function of `seed`, so that equal rows are filled alike wherever they stand;
    /// what is drawn depends on the row's number, too.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// As [`Autoencoder::encode`], and without any draws.
    pub fn impute(
        &mut self,
        rows: &[f32],
        labels: Option<&[u8]>,
        samples: usize,
        seed: u64,
        drawing: Option<Drawing>,
    ) -> Result<Option<Vec<f32>>, ExecutorError> {
        assert!(samples > 0, "no draws");
        let Some(layout) = self.vae().config().table.clone() else {
            return Ok(None);
        };
        let dim = self.vae().config().input_dim;
        let latent = self.vae().config().latent_dim;
        let dims: usize = self.vae().latent_dims().iter().sum();
        let count = rows.len() / dim;
        // As many rows at a time wherever the rows end, so that each is computed in the same way.
        let room = self.rows_of_run(ROWS);
        let repeats = samples.div_ceil(SAMPLES.min(room));
        let of_run = samples.div_ceil(repeats);
        let batch = (room / of_run).max(1);
        let Some(ImputationGraph {
            graph,
            inputs,
            eps,
            shift,
        }) = self
            .vae()
            .imputation_graph(batch, of_run, drawing.is_some())
        else {
            return Ok(None);
        };
        let hot = inputs.label.map(|id| (id, self.one_hot(labels)));
        let given = self.given((inputs.x, rows, dim), &hot);
        let mut session = self.executor_mut().session(graph)?;
        let noise: Vec<_> = (0..repeats)
            .map(|repeat| Noise::new(seed, samples, [batch, of_run, dims], repeat))
            .collect();
        let mut means = Vec::with_capacity(count);
        let mut chosen = Vec::with_capacity(count);
        for first in (0..count).step_by(batch) {
            let here = batch.min(count - first);
            let padded = given.iter().map(|(id, rows, columns)| {
                let mut padded = vec![0.0; batch * columns];
                padded[..here * columns]
                    .copy_from_slice(&rows[first * columns..][..here * columns]);
                (*id, padded)
            });
            let padded: Vec<_> = padded.collect();
            means.extend((0..here).map(|_| WeightedMean::new(layout.values())));
            chosen.extend(drawing.iter().flat_map(|drawing| {
                (first..first + here).map(|row| Chosen {
                    words: drawing.of_row(row),
                    total: LogSumExp::default(),
                    z: vec![0.0; latent],
                })
            }));
            for noise in &noise {
                let inputs = padded.iter().map(|(id, rows)| (*id, rows.as_slice()));
                let noise = [(eps, noise.eps.as_slice()), (shift, noise.shift.as_slice())];
                let inputs: Vec<_> = inputs.chain(noise).collect();
                let found = session.run(0, &inputs)?.tensors;
                let per_row = found[1].chunks(layout.values());
                for ((of, &total), mean) in means[first..].iter_mut().zip(&found[0]).zip(per_row) {
                    of.add(total.into(), mean);
                }
                let [weights, z] = match &found[2..] {
                    [weights, z] => [weights, z],
                    _ => continue,
                };
                let of_rows = weights.chunks(of_run).zip(z.chunks(of_run * latent));
                for (of, (weights, z)) in chosen[first..].iter_mut().zip(of_rows) {
                    for (&weight, z) in weights.iter().zip(z.chunks(latent)) {
                        of.add(weight.into(), z);
                    }
                }
            }
        }
        drop(session);
        let filled = match drawing {
            None => means
                .iter()
                .flat_map(|of| likeliest(&layout, &of.mean))
                .collect(),
            Some(drawing) => {
                let z: Vec<f32> = chosen.into_iter().flat_map(|of| of.z).collect();
                let drawn = self.draw_rows(&z, labels, drawing)?;
                drawn.unwrap_or_default()
            }
        };
        Ok(Some(observed_over(&layout, rows, filled)))
    }
}

/// What a run over some of the draws is given.
struct Noise {
    /// ε, the same for each row of the batch: `[batch, samples, dims]`.
    eps: Vec<f32>,
    /// What is added to ln of the weight of each draw: 0, or so little that it does not count where there are as many
    /// draws as were asked for.
    shift: Vec<f32>,
}

/// ln of no weight.
const NOTHING: f32 = -1e30;

impl Noise {
    fn new(seed: u64, samples: usize, [batch, of_run, dims]: [usize; 3], repeat: usize) -> Self {
        let first = repeat * of_run;
        let elements = first * dims..(first + of_run) * dims;
        let of_row: Vec<f32> = elements
            .map(|element| rng::normal(seed, Stream::Imputation, 0, element) as f32)
            .collect();
        let counts = (first..first + of_run).map(|draw| draw < samples);
        Self {
            eps: of_row.repeat(batch),
            shift: counts
                .map(|counts| if counts { 0.0 } else { NOTHING })
                .collect(),
        }
    }
}

/// A row of means with a 1 for the most probable word of each category.
fn likeliest(layout: &Layout, mean: &[f64]) -> Vec<f32> {
    let (first, mut rest) = mean.split_at(layout.numbers + layout.counts);
    let mut row: Vec<f32> = first.iter().map(|&mean| mean as f32).collect();
    for &count in &layout.categories {
        let (own, others) = rest.split_at(count);
        rest = others;
        // The first of equals.
        let best = (0..count).rev().max_by(|&a, &b| own[a].total_cmp(&own[b]));
        row.extend((0..count).map(|word| f32::from(best == Some(word))));
    }
    row
}

/// The cells of rows that are there, and else those that fill them.
fn observed_over(layout: &Layout, rows: &[f32], mut filled: Vec<f32>) -> Vec<f32> {
    let (values, width) = (layout.values(), layout.width());
    let single = layout.numbers + layout.counts;
    let of_column = std::iter::repeat_n(1, single).chain(layout.categories.iter().copied());
    let of_column: Vec<usize> = of_column.collect();
    for (row, filled) in rows.chunks(width).zip(filled.chunks_mut(values)) {
        let (own, mask) = row.split_at(values);
        let mut first = 0;
        for (column, &count) in of_column.iter().enumerate() {
            if mask.get(column).is_none_or(|&there| there != 0.0) {
                filled[first..first + count].copy_from_slice(&own[first..first + count]);
            }
            first += count;
        }
    }
    filled
}
