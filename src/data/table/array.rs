//! The rows of an array as those of a table of numbers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kinds::Moments;
use super::{At, Cell, Codec, Column, Form, Kind, Schema, Seen, TableError, TableOptions};
use crate::data::{Block, DataError, Dataset, Examples, Images, Pixels, Stream};

/// The table of an array's rows, `[rows, columns]`: numbers, NaN where a cell is missing. Columns are called by their
/// numbers from 1. `is_train` says which rows count for means and deviations.
pub fn schema_of_array(values: &[f32], columns: usize, is_train: impl Fn(usize) -> bool) -> Schema {
    let mut moments = vec![Moments::default(); columns];
    let mut missing = vec![0; columns];
    let mut masked = false;
    for (row, values) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            let is_missing = value.is_nan();
            masked |= is_missing;
            match (is_train(row), is_missing) {
                (true, true) => missing[column] += 1,
                (true, false) => moments[column].add(f64::from(*value), Form::Float),
                _ => {}
            }
        }
    }
    let columns = moments.iter().zip(missing).enumerate();
    let columns = columns.map(|(index, (moments, missing))| {
        let (mean, deviation) = moments.standard();
        Column {
            name: (index + 1).to_string(),
            kind: Kind::Number { mean, deviation },
            seen: Seen {
                missing,
                least: moments.least,
                greatest: moments.greatest,
                ..Seen::default()
            },
        }
    });
    Schema {
        columns: columns.collect(),
        masked,
        ..Schema::default()
    }
}

/// The rows of a model, `[rows, layout.width()]`, of an array's, `[rows, columns]`, NaN where a cell is missing.
/// `None` where the array has another number of columns than the schema, or the schema has others than numbers.
pub fn rows_of_array(values: &[f32], schema: &Arc<Schema>) -> Option<Vec<f32>> {
    let columns = schema.columns.len();
    let are_numbers = schema
        .columns
        .iter()
        .all(|column| !matches!(column.kind, Kind::Category { .. }));
    if columns == 0 || !values.len().is_multiple_of(columns) || !are_numbers {
        return None;
    }
    let codec = Codec::new(Arc::clone(schema));
    let mut rows = Vec::with_capacity(values.len() / columns * codec.layout().width());
    let mut cells = Vec::with_capacity(columns);
    for row in values.chunks_exact(columns) {
        cells.clear();
        cells.extend(row.iter().map(|&value| match value.is_nan() {
            true => Cell::Missing,
            false => Cell::Number(f64::from(value)),
        }));
        codec.encode(&cells, &mut rows);
    }
    Some(rows)
}

/// Whether the rows of arrays are those of a table.
pub(in crate::data) fn is_array_table(options: &TableOptions) -> bool {
    options.array || options.schema.is_some()
}

/// A data set of arrays, whose rows are those of a table: of the schema in the options, else of the rows to train on.
pub(in crate::data) fn of_arrays(
    mut data: Dataset,
    options: &TableOptions,
    path: &Path,
) -> Result<Dataset, DataError> {
    let [train, test] = [&data.train, &data.test].map(|split| numbers(&split.images, path));
    let (train, test) = (train?, test?);
    let schema = options.schema.clone().unwrap_or_else(|| {
        let schema = schema_of_array(&train, data.train.images.dim(), |_| true);
        let masked = schema.masked || test.iter().any(|value| value.is_nan());
        Arc::new(Schema { masked, ..schema })
    });
    for (split, values) in [(&mut data.train, train), (&mut data.test, test)] {
        split.images = encoded(&values, split.images.count, 0, &schema, path)?;
    }
    data.table = Some(schema);
    Ok(data)
}

/// The examples of arrays as rows of the table in the options; as they are where these have none.
pub(in crate::data) fn stream_of_arrays(
    stream: Stream,
    options: &TableOptions,
    path: &Path,
) -> Stream {
    let Some(schema) = &options.schema else {
        return stream;
    };
    let rows = ArrayRows {
        examples: stream.examples,
        schema: Arc::clone(schema),
        path: path.to_owned(),
        done: 0,
    };
    Stream {
        table: Some(Arc::clone(schema)),
        examples: Box::new(rows),
        ..stream
    }
}

/// The rows of arrays as a model reads them.
struct ArrayRows {
    examples: Box<dyn Examples + Send>,
    schema: Arc<Schema>,
    path: PathBuf,
    done: usize,
}

impl Examples for ArrayRows {
    fn total(&self) -> Option<usize> {
        self.examples.total()
    }

    fn next_block(&mut self, most: usize) -> Result<Option<Block>, DataError> {
        let Some(mut block) = self.examples.next_block(most)? else {
            return Ok(None);
        };
        let values = numbers(&block.images, &self.path)?;
        let count = block.images.count;
        block.images = encoded(&values, count, self.done, &self.schema, &self.path)?;
        self.done += count;
        Ok(Some(block))
    }
}

/// The numbers of rows; refused of images.
fn numbers(images: &Images, path: &Path) -> Result<Vec<f32>, DataError> {
    if images.height != 1 || images.channels != 1 {
        let path = path.to_owned();
        return Err(TableError::Images { path }.into());
    }
    Ok(match &images.pixels {
        Pixels::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte)).collect(),
        Pixels::Floats(floats) => floats.to_vec(),
    })
}

/// Rows as a model reads them, of which `before` others came.
fn encoded(
    values: &[f32],
    count: usize,
    before: usize,
    schema: &Arc<Schema>,
    path: &Path,
) -> Result<Images, DataError> {
    let columns = schema.columns.len();
    let missing = values.iter().position(|value| value.is_nan());
    if let Some(place) = missing.filter(|_| !schema.masked) {
        return Err(TableError::Missing {
            at: At {
                path: path.to_owned(),
                line: None,
                row: (before + place / columns.max(1) + 1) as u64,
            },
            column: schema.columns[place % columns.max(1)].name.clone(),
            word: None,
        }
        .into());
    }
    let rows = Some(values).filter(|values| values.len() == count * columns);
    let rows = rows.and_then(|values| rows_of_array(values, schema)).ok_or_else(|| {
        refused(
            path,
            format!("the rows have {} numbers, and the run's table has {columns} columns of numbers", values.len() / count.max(1)),
        )
    })?;
    Ok(Images {
        count,
        height: 1,
        width: schema.layout().width(),
        channels: 1,
        pixels: rows.into(),
    })
}

fn refused(path: &Path, reason: String) -> DataError {
    TableError::Format {
        path: path.to_owned(),
        reason,
    }
    .into()
}
