//! How synthetic rows compare with the real ones that they should be like.
//!
//! Four questions, each with figures of its own ([`Comparison`]): is each column distributed alike, do columns go
//! together alike, can a classifier tell the two apart, and are synthetic rows copies of real ones. Large tables are
//! compared by rows that are drawn from each.

use std::sync::Arc;

use serde::Serialize;

use crate::data::DataError;
use crate::data::table::{Origin, Rows, Schema, TableOptions};
use crate::rng::{Philox, Stream};

mod closest;
mod detection;
mod features;
mod marginals;
mod pairs;
mod sample;

pub use closest::Closest;
pub use detection::Detection;
pub use marginals::Marginal;
pub use pairs::{Pair, Pairs};
pub use sample::Sample;

/// Rows of each table that are compared, where nobody says how many.
pub const ROWS: usize = 20_000;

/// How synthetic rows compare with real ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Rows of the real and of the synthetic table.
    pub rows: [u64; 2],
    /// Rows of each that were drawn.
    pub drawn: [usize; 2],
    /// How each column differs.
    pub columns: Vec<Marginal>,
    /// How pairs of columns differ; of fewer than two columns nothing.
    pub pairs: Pairs,
    /// How well a classifier tells the two apart; `None` of too few rows.
    pub detection: Option<Detection>,
    /// How near synthetic rows are to real ones; `None` of too few rows.
    pub closest: Option<Closest>,
}

/// Reads two tables, of which the columns are those of the schema, and compares them by at most `rows` rows of each,
/// drawn by the seed; also what the user should be told of them.
///
/// # Errors
/// Where one cannot be read, or lacks a column.
pub fn compare_tables(
    [real, synthetic]: [&Origin; 2],
    options: &TableOptions,
    schema: &Arc<Schema>,
    rows: usize,
    seed: u64,
) -> Result<(Comparison, Vec<String>), DataError> {
    let mut notes = Vec::new();
    let mut read = |origin: &Origin, draw: u64, real: Option<&Sample>| -> Result<_, DataError> {
        let mut table = Rows::open(origin, options, Arc::clone(schema))?;
        let mut rng = Philox::new(seed, Stream::Comparison, draw);
        let sample = Sample::read(&mut table, rows, &mut rng, real)?;
        notes.extend(table.notes());
        Ok(sample)
    };
    let real = read(real, 0, None)?;
    let synthetic = read(synthetic, 1, Some(&real))?;
    Ok((Comparison::of(schema, &real, &synthetic, seed), notes))
}

impl Comparison {
    /// Of two samples of rows of this schema.
    pub fn of(schema: &Schema, real: &Sample, synthetic: &Sample, seed: u64) -> Self {
        let both = [real, synthetic];
        let features = features::of_both(schema, both);
        let mut rng = Philox::new(seed, Stream::Comparison, 2);
        Self {
            rows: both.map(Sample::rows),
            drawn: both.map(Sample::drawn),
            columns: marginals::of_both(schema, both),
            pairs: pairs::of_both(schema, both),
            detection: detection::of(&mut rng, &features),
            closest: closest::of(&features, both),
        }
    }
}

#[cfg(test)]
mod tests;
