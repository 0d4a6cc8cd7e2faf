//! Whether a classifier can tell synthetic rows from real ones.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::features::Features;
use crate::eval::auroc;
use crate::eval::disentangle::Boosted;
use crate::rng::Philox;

/// Rows of each table that the classifier sees.
const ROWS: usize = 4_000;
/// Parts of the rows, each of which is told by a classifier that has learned from the others.
const FOLDS: usize = 3;
/// The least rows of each table that say something.
const FEW: usize = 10;

/// How well a classifier tells synthetic rows from real ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// The area under the ROC curve of gradient boosted trees, of rows that they have not learned from: 0.5 where the two
    /// cannot be told apart, 1 where they always can.
    pub auc: f64,
    /// Rows of each table.
    pub rows: usize,
}

/// Of as many rows of each table.
pub(super) fn of(rng: &mut Philox, features: &Features) -> Option<Detection> {
    let width = features.width;
    let both = [&features.real, &features.synthetic];
    let rows = both.map(|points| points.len() / width.max(1));
    let rows = rows[0].min(rows[1]).min(ROWS);
    if rows < FEW {
        return None;
    }
    // A row's table and its place there; as many of each table in each fold.
    let mut folds = vec![Vec::new(); FOLDS];
    for (table, points) in (0..).zip(both) {
        let mut order: Vec<usize> = (0..points.len() / width).collect();
        order.shuffle(rng);
        for (index, row) in order.into_iter().take(rows).enumerate() {
            folds[index % FOLDS].push((table, row));
        }
    }
    let columns = |chosen: &[(u32, usize)]| -> Vec<Vec<f32>> {
        let of = |column: usize| {
            let value = |&(table, row): &(u32, usize)| both[table as usize][row * width + column];
            chosen.iter().map(value).collect()
        };
        (0..width).map(of).collect()
    };
    let (mut scores, mut are_synthetic) = (Vec::new(), Vec::new());
    for asked in 0..FOLDS {
        let others = (0..FOLDS).filter(|fold| *fold != asked);
        let known: Vec<_> = others
            .flat_map(|fold| folds[fold].iter().copied())
            .collect();
        let tables: Vec<u32> = known.iter().map(|(table, _)| *table).collect();
        let trees = Boosted::fit(rng, &columns(&known), &tables, 2, &columns(&folds[asked]));
        scores.extend(trees.log_odds);
        are_synthetic.extend(folds[asked].iter().map(|(table, _)| *table == 1));
    }
    let auc = auroc(&scores, &are_synthetic)?;
    Some(Detection { auc, rows })
}
