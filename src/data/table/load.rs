//! A table as a data set: what its columns are, and all its rows.

use std::path::Path;
use std::sync::Arc;

use super::fit::{Fitted, fit, name_of, schema_of};
use super::rows::Rows;
use super::{Origin, Schema, TableError};
use crate::data::{DataError, Dataset, Images, InMemory, LoadOptions, Split, Stream, hold_out};

/// Loads a table to train on, a part of whose rows is held out by the seed. With a schema in the options it is read as
/// that says; else it is gone through for what its columns are.
///
/// # Errors
/// [`DataError`] if it cannot be read or is no table to learn from; the message names the file, the line or row and
/// the column.
pub fn load(origin: &Origin, options: &LoadOptions) -> Result<Dataset, DataError> {
    if origin.ending() == "mtx" {
        return super::load_mtx(origin, options);
    }
    check_upright(origin, options)?;
    let table = &options.table;
    let Fitted {
        schema,
        rows,
        held,
        mut notes,
    } = match &table.schema {
        None => fit(origin, table, |rows, labels| {
            hold_out::drawn(rows, labels, origin.path(), options)
        })?,
        Some(schema) => counted(origin, options, schema)?,
    };
    let schema = Arc::new(schema);
    let mut read = Rows::open(origin, table, Arc::clone(&schema))?;
    let width = schema.layout().width();
    let mut parts = [rows - held.len(), held.len()].map(|count| Part {
        count,
        ..Part::default()
    });
    for part in &mut parts {
        part.reserve(width, origin.path())?;
    }
    let mut held = held.iter().peekable();
    for row in 0..rows {
        let part = &mut parts[usize::from(held.next_if_eq(&&row).is_some())];
        match read.append(&mut part.values)? {
            Some(class) => part.labels.extend(class),
            None => return Err(changed(origin.path())),
        }
    }
    if read.append(&mut Vec::new())?.is_some() {
        return Err(changed(origin.path()));
    }
    notes.extend(read.notes());
    let [train, test] = parts.map(|part| part.split(width));
    notes.push(hold_out::note(origin.path(), [&train, &test]));
    Ok(Dataset {
        name: name_of(origin.path()),
        train,
        test,
        notes,
        held_out: true,
        classes: schema
            .label
            .as_ref()
            .map_or_else(Vec::new, |label| label.words.clone()),
        table: Some(schema),
    })
}

/// Opens all rows of a table, in its order, as the schema in the options says; without one as all its rows say.
///
/// # Errors
/// As [`load`].
pub fn examples(origin: &Origin, options: &LoadOptions) -> Result<Stream, DataError> {
    let name = name_of(origin.path());
    if origin.ending() == "mtx" {
        let split = Split {
            images: super::read_mtx(origin, options.transpose)?,
            labels: None,
            factors: None,
        };
        return Ok(Stream::new(name, Box::new(InMemory::from(split))));
    }
    check_upright(origin, options)?;
    let table = &options.table;
    let (schema, mut notes) = match &table.schema {
        Some(schema) => (Arc::clone(schema), Vec::new()),
        None => {
            let (schema, notes) = schema_of(origin, table)?;
            (Arc::new(schema), notes)
        }
    };
    let rows = Rows::open(origin, table, Arc::clone(&schema))?;
    notes.extend(rows.notes());
    let label = schema.label.as_ref();
    Ok(Stream {
        notes,
        classes: label.map_or_else(Vec::new, |label| label.words.clone()),
        table: Some(schema),
        ..Stream::new(name, Box::new(rows))
    })
}

/// That rows and columns of a table of several kinds cannot be exchanged.
fn check_upright(origin: &Origin, options: &LoadOptions) -> Result<(), DataError> {
    if !options.transpose {
        return Ok(());
    }
    Err(TableError::Transposed {
        path: origin.path().to_owned(),
    }
    .into())
}

/// The rows of a table whose columns are known.
fn counted(
    origin: &Origin,
    options: &LoadOptions,
    schema: &Arc<Schema>,
) -> Result<Fitted, DataError> {
    let mut read = Rows::open(origin, &options.table, Arc::clone(schema))?;
    let (mut rows, mut row, mut labels) = (0, Vec::new(), Vec::new());
    while let Some(class) = read.append(&mut row)? {
        rows += 1;
        labels.extend(class);
        row.clear();
    }
    if rows == 0 {
        return Err(TableError::Empty {
            path: origin.path().to_owned(),
            header: read.has_header(),
        }
        .into());
    }
    let labels = Some(&*labels).filter(|labels| !labels.is_empty());
    Ok(Fitted {
        schema: Schema::clone(schema),
        rows,
        held: hold_out::drawn(rows, labels, origin.path(), options)?,
        notes: Vec::new(),
    })
}

/// That a file is not what it was a moment ago.
fn changed(path: &Path) -> DataError {
    TableError::Format {
        path: path.to_owned(),
        reason: "the file was changed while it was read: run again when nobody writes it"
            .to_owned(),
    }
    .into()
}

/// Rows to train on, or to test with.
#[derive(Default)]
struct Part {
    count: usize,
    values: Vec<f32>,
    labels: Vec<u8>,
}

impl Part {
    fn reserve(&mut self, width: usize, path: &Path) -> Result<(), DataError> {
        let values = self.count.saturating_mul(width);
        let reserved = self.values.try_reserve_exact(values);
        reserved.map_err(|_| DataError::Memory {
            path: path.to_owned(),
            what: "rows",
            bytes: values.saturating_mul(size_of::<f32>()),
        })
    }

    fn split(self, width: usize) -> Split {
        Split {
            images: Images {
                count: self.count,
                height: 1,
                width,
                channels: 1,
                pixels: self.values.into(),
            },
            labels: Some(self.labels).filter(|labels| !labels.is_empty()),
            factors: None,
        }
    }
}
